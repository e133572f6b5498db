"""A simulation costs what happens in it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from support.effort import calls_in

from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.case_file import read_case_file
from milestones.simulation import simulate

CALENDAR = dutch_calendar()
CASES = Path(__file__).parents[2] / "cases"


def test_a_case_of_three_years_costs_no_more_than_its_changes() -> None:
    """Two quiet years more, with all warnings, cost less than the year before them."""
    case = json.loads((CASES / "D.json").read_text())
    short = calls_in(partial(simulate, read_case_file(case), CALENDAR))
    case["stappen"].append({"tot": "2029-02-01"})
    assert calls_in(partial(simulate, read_case_file(case), CALENDAR)) < 2 * short
