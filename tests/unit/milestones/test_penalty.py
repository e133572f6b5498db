"""The dwangsom of Awb art. 4:17: its days and its amount, from the first day to the last."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import Case, start
from milestones.definitions import DEFINITIONS
from milestones.penalty import TARIFF, penalties
from milestones.policy import Policy, Rules
from milestones.running import arm_term, stop
from milestones.snapshot import Event, Snapshot, TermOutcome

RULES = Rules(dutch_calendar(), Policy())
LAST_OF_T21 = date(2026, 7, 15)


def owing() -> Snapshot:
    """Return a process in which the two weeks of the ingebrekestelling ended on 15 July."""
    day = date(2026, 4, 20)
    case, _ = start(Case(), "M4", day, day, RULES)
    arm = next(
        arm
        for row in DEFINITIONS["M4"].rows
        if row.event == "T21_verlopen"
        for arm in row.arms
        if arm.term == "T22"
    )
    return arm_term(case.processes[0], arm, Event("T21_verlopen", LAST_OF_T21), LAST_OF_T21, RULES)


@pytest.mark.parametrize(
    ("days", "euros"),
    [(0, 0), (1, 23), (14, 322), (15, 357), (28, 812), (29, 857), (42, 1442), (50, 1442)],
)
def test_the_tariff_of_the_law(days: int, euros: int) -> None:
    """Fourteen days at 23 euros, fourteen at 35, and the rest at 45, up to 42 days (Awb art. 4:17 lid 1 and 2)."""
    assert TARIFF.amount(days) == euros


@pytest.mark.parametrize(
    ("today", "days", "euros"),
    [
        (date(2026, 7, 16), 0, 0),
        (date(2026, 7, 17), 1, 23),
        (date(2026, 7, 30), 14, 322),
        (date(2026, 7, 31), 15, 357),
        (date(2026, 8, 26), 41, 1397),
        (date(2026, 8, 27), 42, 1442),
        (date(2026, 12, 1), 42, 1442),
    ],
)
def test_what_is_owed_so_far(today: date, days: int, euros: int) -> None:
    """The first day is the one after the two weeks; a day counts when it is over; after 42 days it stops."""
    (owed,) = penalties(owing(), today)
    assert (owed.first_day, owed.at_most_until) == (date(2026, 7, 16), date(2026, 8, 26))
    assert (owed.days, owed.euros) == (days, euros)
    assert owed.last_day == (date(2026, 8, 26) if today > date(2026, 8, 26) else None)


def test_the_day_of_the_decision_is_not_owed() -> None:
    """A decision on 30 July leaves 29 July as the last day owed, whenever one looks."""
    decided = stop(owing(), "T22", TermOutcome.CANCELLED, date(2026, 7, 30))
    (owed,) = penalties(decided, date(2026, 9, 1))
    assert (owed.last_day, owed.days, owed.euros) == (date(2026, 7, 29), 14, 322)
    assert owed.as_json()["tarief"] == {
        "wet": "Awb", "artikel": "4:17", "lid": "2", "tekst_van": "2026-07-01"
    }  # fmt: skip


def test_a_penalty_that_ran_out_is_owed_with_its_last_day() -> None:
    """After 42 days it ends by itself: the day on which that was noted is owed, unlike the day of a decision."""
    (owed,) = penalties(stop(owing(), "T22", TermOutcome.ELAPSED, date(2026, 8, 26)), date(2026, 9, 1))
    assert (owed.last_day, owed.days, owed.euros) == (date(2026, 8, 26), 42, 1442)


@pytest.mark.parametrize("decided_on", [date(2026, 7, 14), date(2026, 7, 16)])
def test_a_decision_on_or_before_the_first_day_costs_nothing(decided_on: date) -> None:
    """Reported late, a decision of before the first day was in time: nothing is owed and nothing is to be fixed."""
    decided = stop(owing(), "T22", TermOutcome.CANCELLED, decided_on)
    assert list(penalties(decided, date(2026, 9, 1))) == []
    assert list(penalties(replace(decided, terms=()), date(2026, 9, 1))) == []
