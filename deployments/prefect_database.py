"""The database of our own Prefect server when it is of a newer Prefect than the one that is installed.

Prefect's database can go: all open cases come back in a new one, from the journal. What a person made in Prefect
alone, such as Secret blocks, does not come back; so the old one is put aside and not removed.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.settings import SettingsError
from deployments.environment import own_prefect_database

if TYPE_CHECKING:
    from adapters.runtime.settings import Settings

_REVISION = re.compile(r"""^revision\s*(?::\s*str\s*)?=\s*["'](\w+)["']""", re.MULTILINE)
_MIGRATIONS = Path("server/database/_migrations/versions/sqlite")


def refuse_newer_prefect(settings: Settings) -> None:
    """Raise a SettingsError when the installed Prefect cannot read the database, with what to do."""
    file = own_prefect_database(settings)
    if file is None or not file.exists():
        return
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as database:
            rows = database.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.OperationalError:
        return  # not made yet: Prefect does that
    except sqlite3.DatabaseError as error:
        raise SettingsError(
            f"De database van Prefect ({file}) is beschadigd ({error}). Alle zaken staan in het journaal; begin met "
            "een nieuwe: routekaart start --nieuwe-prefect."
        ) from None
    if known := _known_revisions():
        strange = {str(row[0]) for row in rows} - known
        if strange:
            raise SettingsError(
                f"De database van Prefect is van een nieuwere Prefect dan {version('prefect')}. Installeer die weer, "
                "of begin met een nieuwe: routekaart start --nieuwe-prefect. Alle zaken komen terug uit het journaal; "
                "maak Secret-blokken en eigen automations opnieuw."
            )


def move_database_aside(settings: Settings) -> Path | None:
    """Rename the database of Prefect, with what belongs to it; return that name, None when there is none."""
    file = own_prefect_database(settings)
    if file is None:
        raise SettingsError(
            "De database van Prefect is niet die in de map van routekaart. Maak een lege database en noem die in "
            "PREFECT_SERVER_DATABASE_CONNECTION_URL; alle zaken komen daar terug uit het journaal."
        )
    if not file.exists():
        return None
    kept = file.with_name(f"prefect.db.{datetime.now(AMSTERDAM):%Y%m%d-%H%M%S}")
    for left in ("-wal", "-shm", "-journal", ""):  # the database last: without its log it is another one
        part = file.with_name(file.name + left)
        if part.exists():
            part.rename(kept.with_name(kept.name + left))
    return kept


def _known_revisions() -> set[str]:
    """Return the revisions that the installed Prefect knows, without importing it; nothing when they are elsewhere."""
    found = find_spec("prefect")
    if found is None or found.origin is None:
        return set()
    folder = Path(found.origin).parent / _MIGRATIONS
    return {match for file in folder.glob("*.py") for match in _REVISION.findall(file.read_text("utf-8"))}
