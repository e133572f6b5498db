"""A process of the next release, for tests: `python tests/support/next_release.py worker`.

In that release M3 has a second version, in which the crisis check is done by telephone, and the case database has
one more column. Version 1 is still there: processes keep the version that they started with.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from milestones import definitions
from milestones.definition import State

_CHECK, _BY_TELEPHONE = "CRISISCHECK", "CRISISCHECK_TELEFOON"


def become_the_next_release() -> None:
    """Add to this process a second version of M3, before anything else of ours is imported."""
    old = definitions.DEFINITIONS["M3"]
    states = tuple(
        State(_BY_TELEPHONE, "Wacht op crisischeck per telefoon", state.role)
        if state.code == _CHECK
        else state
        for state in old.states
    )
    rows = tuple(
        replace(row, source=tuple(map(_renamed, row.sources)), to=_renamed(row.to)) for row in old.rows
    )
    new = replace(old, version=old.version + 1, states=states, rows=rows)
    definitions._BY_VERSION = {**definitions._BY_VERSION, ("M3", new.version): new}  # type: ignore[misc]
    definitions.DEFINITIONS = {**definitions.DEFINITIONS, "M3": new}  # type: ignore[misc]


def _renamed(code: str) -> str:
    return _BY_TELEPHONE if code == _CHECK else code


def add_a_column(database: str) -> None:
    """Migrate the case database as the next release would: one more column, and a revision of its own."""
    from adapters.storage.database import create_engine  # noqa: PLC0415

    engine = create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE processes ADD COLUMN of_the_next_release VARCHAR(20)")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'next_release'")
    engine.dispose()


if __name__ == "__main__":
    become_the_next_release()

    from deployments.cli import run

    sys.exit(run(sys.argv[1:]))
