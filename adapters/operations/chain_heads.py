"""The heads of the chains of the journal, signed and kept in a file outside the database.

A chain of hashes shows that a row was changed. Whoever may write in the database can make a whole new chain, take the
last rows away, or a whole case; what was written down elsewhere, under a key that the database does not hold, then
says otherwise. A line of the file holds what is new since the line before it, and is signed together with that one.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlmodel import col, select

from adapters.operations.destruction_records import case_marks, is_ours
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.files import append_line, whole_file
from adapters.runtime.settings import SettingsError
from adapters.storage.database import CaseRow, JournalRow, SettingRow, reading
from adapters.storage.destruction_tables import DestroyedRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlmodel import Session

    from adapters.office import Office
    from adapters.runtime.settings import Settings

_CASES_OF_A_LINE = 1_000
_GONE = "vernietigd:"  # before the mark of a case that was destroyed
# Rows get their number before they are committed: so many may still come under the last number that was seen.
_LATE_ROWS = 10_000


@dataclass
class _Heads:
    """What the file says: how far the journal was read, and the newest head of each case."""

    until: int = 0
    signature: str = ""
    cases: dict[str, tuple[int, str]] = field(default_factory=dict)


def keep_heads(office: Office) -> int:
    """Write down the heads that changed since the last line; return of how many cases.

    Raises a SettingsError when the file is not as it was written: then nothing is added to it.
    """
    file = office.settings.heads_file
    with _alone_with(file):
        known = _read(office.settings)
        with reading(office.engine) as session:
            until = session.exec(select(func.max(JournalRow.id))).one() or 0
            changed = _changed(session, known)
        parts = [
            dict(changed[place : place + _CASES_OF_A_LINE])
            for place in range(0, len(changed), _CASES_OF_A_LINE)
        ]
        for number, part in enumerate(parts, start=1):
            content = {
                "op": office.clock.now().isoformat(timespec="seconds"),
                "tot": until if number == len(parts) else known.until,
                "vorige": known.signature,
                "koppen": part,
            }
            known.signature = _signatures(office.settings, content)[0]
            append_line(file, json.dumps(content | {"handtekening": known.signature}), secret=True)
    return len(changed)


def head_problems(office: Office) -> Iterator[str]:
    """Yield one Dutch sentence for each case whose journal is behind, beside or without what was written down."""
    try:
        known = _read(office.settings)
    except SettingsError as error:
        yield str(error)
        return
    references = sorted(known.cases)
    for place in range(0, len(references), _CASES_OF_A_LINE):
        part = references[place : place + _CASES_OF_A_LINE]
        with reading(office.engine) as session:
            steps = dict(
                session.exec(
                    select(CaseRow.reference, CaseRow.steps).where(col(CaseRow.reference).in_(part))
                ).all()
            )
            hashes = {
                (reference, number): value
                for reference, number, value in session.exec(
                    select(JournalRow.case_reference, JournalRow.number, JournalRow.hash).where(
                        col(JournalRow.case_reference).in_(part)
                    )
                )
            }
            gone = {reference for reference in part if reference not in steps}
            records = {
                reference: record
                for reference in gone
                if (record := _record(session, office.settings, reference)) is not None
            }
            removed = {reference for reference in gone if _noted(session, office.settings, reference)}
        for reference in part:
            number, value = known.cases[reference]
            if reference in removed:
                continue
            if (record := records.get(reference)) is not None:
                yield from _not_as_recorded(office.settings, record, number, value)
            elif reference in gone:
                yield f"{_named(reference)} is weg uit de database, en routekaart heeft haar niet verwijderd."
            elif steps[reference] < number or (reference, number) not in hashes:
                yield f"Zaak {reference}: van het journaal ontbreken de laatste regels; het waren er {number}."
            elif hashes[reference, number] != value:
                yield f"Zaak {reference}: het journaal tot regel {number} is herschreven."


def begin_new_file(settings: Settings) -> Path | None:
    """Put the file aside under another name, after a backup was put back; return that name, None without a file."""
    file = settings.heads_file
    if not file.exists():
        return None
    kept = file.with_name(f"{file.name}.{datetime.now(AMSTERDAM):%Y%m%d-%H%M%S}")
    file.rename(kept)
    return kept


def hide_destroyed(office: Office) -> None:
    """Let the mark of each destroyed case take the place of its reference in the file, and sign it anew.

    Raises a SettingsError when the file is not as it was written.
    """
    settings, file = office.settings, office.settings.heads_file
    if not file.exists():
        return
    with _alone_with(file):
        with reading(office.engine) as session:
            gone = _read(settings).cases.keys() - set(session.exec(select(CaseRow.reference)))
            records = {
                reference: _record(session, settings, reference)
                for reference in gone
                if not reference.startswith(_GONE)
            }
        marks = {name: f"{_GONE}{record.mark}" for name, record in records.items() if record is not None}
        if not marks:
            return
        signature = ""
        with file.open("rb") as lines, whole_file(file) as new:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                content = json.loads(line)
                del content["handtekening"]
                content["vorige"] = signature
                content["koppen"] = {marks.get(name, name): head for name, head in content["koppen"].items()}
                signature = _signatures(settings, content)[0]
                new.write(json.dumps(content | {"handtekening": signature}) + "\n")


def _record(session: Session, settings: Settings, reference: str) -> DestroyedRow | None:
    """Return the record of a case that is gone, by its reference or by the mark in its place."""
    marks = (
        [reference.removeprefix(_GONE)] if reference.startswith(_GONE) else case_marks(settings, reference)
    )
    return next((row for mark in marks if (row := session.get(DestroyedRow, mark)) is not None), None)


def _named(reference: str) -> str:
    if reference.startswith(_GONE):
        return f"De verklaring van vernietiging met kenmerk {reference.removeprefix(_GONE)[:12]}"
    return f"Zaak {reference}"


def _not_as_recorded(settings: Settings, record: DestroyedRow, number: int, value: str) -> Iterator[str]:
    """Yield a sentence when a record is not as we signed it, or of another journal than was written down."""
    shorter = record.steps < number or (record.steps == number and record.chain != value)
    if shorter or not is_ours(settings, record):
        yield f"De verklaring van vernietiging met kenmerk {record.mark[:12]} klopt niet met wat er was."


def _noted(session: Session, settings: Settings, reference: str) -> bool:
    """Whether a release before there were records left its signed note that it removed a case."""
    row = session.get(SettingRow, _note(reference))
    return row is not None and row.value.get("handtekening") in _signatures(
        settings, {"verwijderd": reference}
    )


def _note(reference: str) -> str:
    return f"verwijderd:{hashlib.sha256(reference.encode()).hexdigest()[:40]}"


def _changed(session: Session, known: _Heads) -> list[tuple[str, tuple[int, str]]]:
    """Return the heads that differ from what is known, of the cases with rows that may be new."""
    heads = select(CaseRow.reference, CaseRow.steps, CaseRow.chain).order_by(col(CaseRow.reference))
    if known.until:
        recent = select(JournalRow.case_reference).where(col(JournalRow.id) > known.until - _LATE_ROWS)
        heads = heads.where(col(CaseRow.reference).in_(recent))
    return [
        (reference, (steps, chain))
        for reference, steps, chain in session.exec(heads)
        if known.cases.get(reference, (0, ""))[0] < steps
    ]


def _read(settings: Settings) -> _Heads:
    """Return what the file says; a SettingsError names the first line that is not as we wrote it."""
    file, found = settings.heads_file, _Heads()
    if not file.exists():
        return found
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                break  # half a line: who wrote it died, and it counts for nobody
            try:
                content = json.loads(line)
                signed = content.pop("handtekening")
                whole = content["vorige"] == found.signature and signed in _signatures(settings, content)
                heads = {
                    reference: (int(steps), str(chain))
                    for reference, (steps, chain) in content["koppen"].items()
                }
                found.until, found.signature = int(content["tot"]), signed
            except (ValueError, KeyError, TypeError, AttributeError):
                whole, heads = False, {}
            if not whole:
                raise SettingsError(
                    f"Regel {number} van {file} is veranderd, of een regel ontbreekt. Zet het bestand terug uit een "
                    "kopie; begin anders een nieuw bestand en bewaar dit."
                )
            found.cases.update(heads)
    return found


def _signatures(settings: Settings, content: dict[str, Any]) -> list[str]:
    """Return the signature of a line under the key of now, and under the earlier ones."""
    written = json.dumps(content, sort_keys=True).encode()
    return [
        hmac.new(secret, b"journaalkoppen:" + written, hashlib.sha256).hexdigest()
        for secret in settings.integration_secrets()
    ]


@contextmanager
def _alone_with(file: Path) -> Iterator[None]:
    """Keep other workers of this home out while the next line is made."""
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
