"""With which versions of their definitions processes opened, as the journal has it."""

from __future__ import annotations

from adapters.cases.replaying import versions_opened
from adapters.storage.database import JournalRow

ROWS = (
    ("geopend", "M3", 1, False),
    ("eerste_gesprek_gevoerd", "M3", 1, False),
    ("overgedragen", "M3", 1, True),
    ("geopend", "M4#2", 3, True),
    ("geopend", "BESLUIT", 2, True),
    ("geopend", "M5", 4, False),
)


def _journal() -> list[JournalRow]:
    return [
        JournalRow(event=event, process=process, version=version, derived=derived)
        for event, process, version, derived in ROWS
    ]


def test_what_opened_in_a_step_and_what_followed_from_it() -> None:
    """What follows from a step belongs to it, up to the next that somebody reported; a second M4 is an M4."""
    journal = _journal()
    assert versions_opened(journal, 0) == {"M3": 1}
    assert versions_opened(journal, 1) == {"M4": 3, "BESLUIT": 2}
    assert versions_opened(journal, 5) == {"M5": 4}


def test_a_step_that_followed_can_be_asked_for_by_itself() -> None:
    """From there what followed after it counts."""
    assert versions_opened(_journal(), 4) == {"BESLUIT": 2}
