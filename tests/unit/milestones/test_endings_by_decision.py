"""An ending of running help is one decision, and a second person sees it where the policy asks for that."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import Case, apply, start
from milestones.definitions import DEFINITIONS
from milestones.four_eyes import DECISION_KINDS, asks_second
from milestones.policy import Policy, Rules
from milestones.process import Event

BEGIN = date(2026, 3, 2)
RULES = Rules(dutch_calendar(), Policy(accept_by_hand=False))
STRICT = Policy(second_opinions=("beeindiging",))
ENDINGS = sorted(
    {
        (code, row.event)
        for code in ("M5", "M7", "M8")
        for row in DEFINITIONS[code].rows
        # A decision about who left starts its bezwaartermijn in a process of its own.
        if "T20" in {arm.term for arm in row.arms} or "BESLUIT" in {item.code for item in row.opens}
        if row.event not in ("dwangsom_vastgesteld", "T17_verlopen")
    }
)


@pytest.mark.parametrize(("code", "event"), ENDINGS)
def test_each_decision_that_ends_help_waits_for_a_second_person(code: str, event: str) -> None:
    """Whatever starts a bezwaartermijn where help runs, passes the second pair of eyes of 'beeindiging'."""
    case, _ = start(Case(), code, BEGIN, BEGIN, RULES)
    assert asks_second(STRICT, case.process(code), Event(event, BEGIN), "mw-1") == "beeindiging"


def test_the_kinds_name_events_that_there_are() -> None:
    """An event that waits for a second person is one of the definitions."""
    known = {row.event for item in DEFINITIONS.values() for row in item.rows}
    assert {event for kind in DECISION_KINDS.values() for event in kind.events} <= known


def test_one_takeover_told_in_two_mijlpalen_is_one_decision() -> None:
    """Who of two clients leaves M5 and M7 gets one beschikking; when the other leaves, that is another."""
    case, _ = start(Case(), "M7", BEGIN, BEGIN, RULES, {"clienten": 2})
    case, _ = start(case, "M5", BEGIN, BEGIN, RULES, {"clienten": 2})
    for name in ("M5", "M7"):
        moves = Event("verhuizing", BEGIN, {"keuze": "overdragen", "wie_verhuist": "tweede cliënt"})
        case, _ = apply(case, name, moves, BEGIN, RULES)
    for name in ("M5", "M7"):
        case, _ = apply(case, name, Event("overname_aanvaard", BEGIN, {"motivering": "m-1"}), BEGIN, RULES)
    assert [item.name for item in case.processes] == ["M7", "M5", "BESLUIT"]
    assert [case.process(name).facts["clienten"] for name in ("M5", "M7")] == [1, 1]
