"""A message about a dwangsom names the days of that one."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from adapters.messages.message_writing import penalty_days
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.case_file import read_case_file
from adapters.storage.database import OutboxRow
from milestones.policy import Policy, Rules
from milestones.simulation import Simulation

TWO = Path(__file__).parents[2] / "cases" / "dwangsom-twee-keer.json"


@pytest.mark.parametrize(
    ("term", "due", "first"),
    [
        ("T22b", date(2026, 6, 22), "27 mei"),
        ("T22b", date(2026, 10, 5), "17 september"),
        ("T22", date(2026, 7, 7), "27 mei"),
        ("T22", date(2026, 10, 28), "17 september"),
        ("T21", date(2026, 9, 16), "17 september"),
    ],
)
def test_of_two_dwangsommen_each_has_its_own_first_day(term: str, due: date, first: str) -> None:
    """One is about the decision, the other about the bezwaar against it (Awb art. 4:17 and 7:14)."""
    run = Simulation(dutch_calendar(), Rules(dutch_calendar(), Policy(accept_by_hand=False)))
    for step in read_case_file(json.loads(TWO.read_text(encoding="utf-8"))).steps:
        run.step(step)
    told = penalty_days(OutboxRow(term=term, due=due), run.case.process("M6"))
    assert first in told["eerste_dag"]
