"""The look at every run knows in which states it rests, so that a process at rest is never woken for nothing."""

from __future__ import annotations

from datetime import date

from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.plain_values import to_json
from adapters.storage.database import ProcessRow
from flows.display import not_taken_up, show
from flows.repair import names_at_rest
from milestones.case import Case, apply, start
from milestones.four_eyes import DECISION_KINDS, WAITS, asking
from milestones.policy import Policy, Rules
from milestones.process import Event

DAY = date(2026, 3, 2)
RULES = Rules(dutch_calendar(), Policy(second_opinions=tuple(DECISION_KINDS), accept_by_hand=False))


def _rests(case: Case) -> tuple[str, tuple[str, str]]:
    """Return what the run of M6 shows, and in which states it may rest by what is kept."""
    process = case.process("M6")
    row = ProcessRow(
        code="M6", version=process.version, state=process.state, opened_on=DAY, facts=to_json(process.facts)
    )
    shown = show("A", "0518", process, DAY, RULES.policy)
    assert names_at_rest(row)[1] == not_taken_up(shown, "Nee.").state
    return shown.state, names_at_rest(row)


def test_a_run_rests_in_what_it_waits_for_and_after_a_refused_answer() -> None:
    """Also while a second person is waited for, which is read from the kept facts."""
    case = start(Case(), "M6", DAY, DAY, RULES)[0]
    shown, kept = _rests(case)
    assert shown == kept[0] != WAITS
    for event in (
        Event("plan_opgesteld", DAY, {"beslagvrije_voet": True}),
        Event("inwoner_akkoord", DAY, {}),
    ):
        case = apply(case, "M6", event, DAY, RULES)[0]
    kind = next(name for name, kind in DECISION_KINDS.items() if "goedgekeurd" in kind.events)
    case = apply(case, "M6", asking(Event("goedgekeurd", DAY, {}), kind, "mw-1"), DAY, RULES)[0]
    shown, kept = _rests(case)
    assert shown == kept[0] == WAITS
