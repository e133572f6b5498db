"""What a coordinator does to a process from outside its table."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import Case, apply, possible_now, start
from milestones.definitions import definition_of
from milestones.policy import Policy, Rules
from milestones.process import Event, NotPossible, RungDue, TermOutcome
from milestones.steering import STEERING, earlier_states

RULES = Rules(dutch_calendar(), Policy(accept_by_hand=False))
DAY = date(2026, 3, 9)
LATER = DAY + timedelta(days=20)


def case_after(*events: tuple[str, dict[str, object]]) -> Case:
    """Return a case in M3 after these events on one day."""
    case, _ = start(Case(), "M3", DAY, DAY, RULES)
    for name, data in events:
        case, _ = apply(case, "M3", Event(name, DAY, data), DAY, RULES)
    return case


def put_back(case: Case, to: str) -> Case:
    """Put M3 back to a state."""
    event = Event("teruggezet", LATER, {"naar": to, "reden": "verkeerd gemeld"})
    return apply(case, "M3", event, LATER, RULES)[0]


PLANNED = (("aanmelding_geregistreerd", {}), ("niet_bedreigend", {}), ("afspraak_gemaakt", {}))


def test_a_case_goes_back_to_an_earlier_state() -> None:
    """Putting back is a step of its own; the term of the first conversation runs on from its own first day."""
    case = put_back(case_after(*PLANNED), "AFSPRAAK_PLANNEN")
    process = case.process("M3")
    assert process.state == "AFSPRAAK_PLANNEN"
    assert process.running("T01").anchor == DAY  # type: ignore[union-attr]


def test_what_an_undone_step_started_lapses_and_what_it_ended_runs_on() -> None:
    """Undoing a wrong "bedreigend" ends the three days and brings the four weeks back."""
    urgent = case_after(("aanmelding_geregistreerd", {}), ("bedreigend", {"bedreiging": "gas"}))
    assert urgent.process("M3").running("T01") is None
    process = put_back(urgent, "CRISISCHECK").process("M3")
    assert process.running("T02") is None
    assert process.latest("T02").stopped is TermOutcome.CANCELLED  # type: ignore[union-attr]
    assert process.running("T01").due == date(2026, 4, 7)  # type: ignore[union-attr]


@pytest.mark.parametrize("target", ["OVERGEDRAGEN", "BESTAAT_NIET", "AFSPRAAK_GEPLAND", "SPOED"])
def test_a_state_that_does_not_come_before_is_refused(target: str) -> None:
    """A final state, an unknown one, the present one, and one on another way: all are refused."""
    case = case_after(*PLANNED)
    if target == "SPOED":
        case = put_back(case, "CRISISCHECK")
    with pytest.raises(NotPossible):
        put_back(case, target)


def test_a_decision_that_was_announced_does_not_go_back() -> None:
    """After the beschikking only a new decision helps."""
    case, _ = start(Case(), "M6", DAY, DAY, RULES)
    for name, data in (
        ("plan_opgesteld", {"beslagvrije_voet": True}),
        ("inwoner_akkoord", {}),
        ("goedgekeurd", {}),
        ("bekendgemaakt", {}),
    ):
        case, _ = apply(case, "M6", Event(name, DAY, data), DAY, RULES)
    process = case.process("M6")
    assert process.state == "BESCHIKT_TOEGELATEN"
    assert earlier_states(definition_of(process), process) == ()


def test_a_process_has_one_holder_and_can_be_let_go() -> None:
    """The holder is a fact of the process; without a code nobody holds it."""
    case = case_after()
    given = Event("houder_gewijzigd", DAY, {"houder": "mw-17", "reden": "toegewezen"})
    case, _ = apply(case, "M3", given, DAY, RULES)
    assert case.process("M3").facts["houder"] == "mw-17"
    case, _ = apply(case, "M3", Event("houder_gewijzigd", DAY, {"reden": "vrijgegeven"}), DAY, RULES)
    assert "houder" not in case.process("M3").facts


def test_no_form_offers_steering_among_the_events_of_a_case() -> None:
    """These events belong to actions for coordinators."""
    assert not set(possible_now(case_after().process("M3"))) & set(STEERING)


AHEAD = DAY + timedelta(days=40)


def set_right(case: Case, on: date, today: date = DAY) -> Case:
    """Say on which day M3 really began."""
    return apply(case, "M3", Event("opening_rechtgezet", on, {"reden": "klok stond verkeerd"}), today, RULES)[
        0
    ]


def test_an_opening_of_a_clock_that_was_ahead_is_set_right() -> None:
    """The process takes events again, and its term counts from the day on which it really began."""
    case, _ = start(Case(), "M3", AHEAD, AHEAD, RULES)
    case, _ = apply(case, "M3", Event("aanmelding_geregistreerd", AHEAD, {}), AHEAD, RULES)
    with pytest.raises(NotPossible, match="voor de start"):
        apply(case, "M3", Event("niet_bedreigend", DAY, {}), DAY, RULES)
    case = set_right(case, DAY)
    meant, _ = start(Case(), "M3", DAY, DAY, RULES)
    meant, _ = apply(meant, "M3", Event("aanmelding_geregistreerd", DAY, {}), DAY, RULES)
    assert case.process("M3").opened_on == DAY
    assert case.process("M3").terms == meant.process("M3").terms
    apply(case, "M3", Event("niet_bedreigend", DAY, {}), DAY, RULES)


def test_a_rung_that_fired_under_the_wrong_clock_comes_again_on_its_own_day() -> None:
    """What was sent 40 days early was about another date: the warning of the right date is still to come."""
    case, _ = start(Case(), "M3", AHEAD, AHEAD, RULES)
    case, _ = apply(case, "M3", Event("aanmelding_geregistreerd", AHEAD, {}), AHEAD, RULES)
    term = case.process("M3").running("T01")
    assert term is not None
    case, _ = apply(case, "M3", RungDue(term.key, term.ladder[0].name), term.ladder[0].on, RULES)
    again = set_right(case, DAY).process("M3").running("T01")
    assert again is not None
    assert again.fired == frozenset()


@pytest.mark.parametrize(("on", "why"), [(DAY, "is al begonnen"), (AHEAD, "in de toekomst")])
def test_an_opening_that_is_right_or_a_day_to_come_is_refused(on: date, why: str) -> None:
    """A date on which terms rest is moved only where it cannot be true, and never to another day ahead."""
    with pytest.raises(NotPossible, match=why):
        set_right(case_after(), on)
