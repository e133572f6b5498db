"""The acceptance cases A-E and the side roads, run by the simulator and compared date by date."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.case_file import read_case_file
from milestones.case import Case, start
from milestones.definitions import DEFINITIONS
from milestones.event_data import checked
from milestones.policy import Policy, Rules
from milestones.process import InvalidData
from milestones.simulation import simulate

CASES = sorted((Path(__file__).parents[2] / "cases").glob("*.json"))
CALENDAR = dutch_calendar()


def holds(row: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Tell whether a row has every value that is wanted; a key that begins with "_" is a note."""
    return all(row.get(key) == value for key, value in wanted.items() if not key.startswith("_"))


def find(rows: list[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that have every value that is wanted."""
    return [row for row in rows if holds(row, wanted)]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_ends_as_its_file_says(path: Path) -> None:
    """Every state, date, message and refusal that a case file expects comes true."""
    case = json.loads(path.read_text())
    wanted = case["verwacht"]
    result: Any = simulate(read_case_file(case), CALENDAR)

    assert len(result["geweigerd"]) == len(wanted["geweigerd"]), result["geweigerd"]
    for row, expected in zip(result["geweigerd"], wanted["geweigerd"], strict=True):
        assert row["gebeurtenis"] == expected["gebeurtenis"], row
        assert expected["reden_bevat"] in row["reden"], row
    for process, state in wanted.get("toestanden", {}).items():
        assert result["toestanden"].get(process) == state, process
    for term in wanted.get("termijnen", []):
        same = [(row["mijlpaal"], row["id"], row) for row in result["termijnen"] if row["id"] == term["id"]]
        assert find(result["termijnen"], term), (term, same)
    for term in wanted.get("geen_termijnen", []):
        assert not find(result["termijnen"], term), term
    for part in ("journaal", "berichten", "dwangsommen"):
        for row in wanted.get(part, []):
            assert find(result[part], row), (row, result[part])
    for row in wanted.get("geen_berichten", []):
        assert not find(result["berichten"], row), row
    for process, facts in wanted.get("feiten", {}).items():
        for name, value in facts.items():
            assert result["feiten"][process].get(name) == value, (process, name)
    json.dumps(result)


@pytest.mark.parametrize("code", ["M2", "M3", "M4"])
@pytest.mark.parametrize("day", [date.min, date(1989, 12, 31), date(2060, 12, 31)])
def test_a_date_outside_the_calendar_is_refused_like_any_other(code: str, day: date) -> None:
    """Where terms cannot be counted, an opening is refused with a sentence."""
    with pytest.raises(InvalidData, match="kalender"):
        start(Case(), code, day, day, Rules(CALENDAR, Policy()))


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", date.max])
def test_a_date_in_the_data_is_of_this_age(day: object) -> None:
    """The first and the last day that a computer knows stand for nothing, and are refused by the name of the field."""
    with pytest.raises(InvalidData, match="tot"):
        checked(
            DEFINITIONS["M3"].event("termijn_verlengd"), {"termijn": "T10", "motivering": "adv-1", "tot": day}
        )
