"""The record of a case that was destroyed: signed, in the database, and once more in a file outside it."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapters.runtime.files import append_line
from adapters.runtime.settings import SettingsError
from adapters.storage.destruction_tables import DestroyedRow

if TYPE_CHECKING:
    from adapters.runtime.settings import Settings

_LENGTH = 40
_SIGNED = (
    "mark", "municipality", "term", "over_on", "steps", "chain", "approved_at", "approved_by", "destroyed_at",
)  # fmt: skip


def case_mark(settings: Settings, reference: str) -> str:
    """Return what stands for the reference of a destroyed case: a keyed hash that cannot be led back."""
    return _mark(settings.integration_secret(), reference)


def case_marks(settings: Settings, reference: str) -> list[str]:
    """Return the marks of a reference under the key of now, and under the earlier ones."""
    return [_mark(secret, reference) for secret in settings.integration_secrets()]


def _mark(secret: bytes, reference: str) -> str:
    return hmac.new(secret, b"vernietigd:" + reference.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def record_of(settings: Settings, row: DestroyedRow) -> DestroyedRow:
    """Return a record with its signature."""
    row.signature = _signature(settings.integration_secret(), row)
    return row


def is_ours(settings: Settings, row: DestroyedRow) -> bool:
    """Whether a record was signed by us and says what it said then."""
    return any(
        hmac.compare_digest(row.signature, _signature(secret, row))
        for secret in settings.integration_secrets()
    )


def _signature(secret: bytes, row: DestroyedRow) -> str:
    content = json.dumps({name: _plain(getattr(row, name)) for name in _SIGNED}, sort_keys=True)
    return hmac.new(secret, b"vernietiging:" + content.encode(), hashlib.sha256).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp())
    return value.isoformat() if isinstance(value, date) else value


def write_outside(settings: Settings, row: DestroyedRow) -> None:
    """Add a record to the file outside the database; when this returns the disk has it."""
    settings.ensure_home()
    append_line(settings.destroyed_file, json.dumps(row.model_dump(mode="json"), sort_keys=True), secret=True)


def read_outside(settings: Settings) -> list[DestroyedRow]:
    """Return the records of the file; a line that is not as we wrote it is a SettingsError."""
    file, found = settings.destroyed_file, dict[str, DestroyedRow]()
    if not file.exists():
        return []
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break  # half a line: who wrote it died before anything was removed
            try:
                row = DestroyedRow.model_validate(json.loads(line))
                whole = is_ours(settings, row)
            except (ValueError, TypeError, AttributeError):
                whole = False
            if not whole:
                raise SettingsError(
                    f"Regel {number} van {file} is niet zoals wij hem schreven. Zet het bestand terug."
                )
            found[row.mark] = row
    return list(found.values())
