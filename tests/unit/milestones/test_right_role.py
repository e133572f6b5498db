"""Who may decide: the roles that a decision asks for, and the second pair of eyes at a weigering."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import Case, apply, start
from milestones.definitions import DEFINITIONS
from milestones.policy import Policy, Rules
from milestones.process import Event, InvalidData, NotPossible
from milestones.roles import OUTSIDE

CALENDAR = dutch_calendar()
RULES = Rules(CALENDAR, Policy(accept_by_hand=False))
DAY = date(2026, 3, 9)
WAITS = {"motivering": "m-1", "wachttijd_partner": True, "overrulereden": "ov-1"}
# Everything with which a traject or its help ends, or with which it is not given.
DECISIONS = {
    "ingetrokken",
    "uitgestroomd",
    "beeindiging_voorgenomen",
    "beeindigingsbeschikking_bekendgemaakt",
    "inwoner_wil_geen_nazorg",
    "overname_aanvaard",
    "buiten_behandeling_gesteld",
    "weigering_getoetst",
    "weigering_besloten",
    "gegrond",
    "ongegrond",
    "niet_ontvankelijk",
}


def opened(code: str, **facts: object) -> Case:
    """Open one process."""
    return start(Case(), code, DAY, DAY, RULES, facts)[0]


def say(
    case: Case, name: str, event: str, *, by: tuple[str, ...] | None = None, rules: Rules = RULES, **data: Any
) -> Case:
    """Report an event, by somebody with these roles."""
    return apply(case, name, Event(event, DAY, data, by), DAY, rules)[0]


def test_an_ending_asks_for_a_role_of_the_municipality() -> None:
    """Each event with which help ends or is refused says which roles may report it."""
    asked = {
        (item.code, name): set(item.event(name).decided_by)
        for item in DEFINITIONS.values()
        for name in {row.event for row in item.rows} & DECISIONS
    }
    assert {name for _, name in asked} == DECISIONS
    assert [ending for ending, roles in asked.items() if not roles or roles & OUTSIDE] == []


def test_a_known_role_that_may_not_decide_is_refused() -> None:
    """Who is known and has another role hears who may; who may, is taken."""
    case = opened("M7")
    with pytest.raises(NotPossible, match="schuldhulpverlener of kwaliteitstoetser of coördinator"):
        say(case, "M7", "beeindiging_voorgenomen", by=("case_worker",), motivering="m-1")
    taken = say(case, "M7", "beeindiging_voorgenomen", by=("case_worker", "coordinator"), motivering="m-1")
    assert taken.process("M7").state == "VOORNEMEN_BEEINDIGING"


def test_the_role_that_the_municipality_has_instead_counts() -> None:
    """Where another role does the work of a role, that one may decide and the first may not."""
    rules = Rules(CALENDAR, Policy(replaced_roles={"legal_officer": "team_leader"}, accept_by_hand=False))
    case = say(opened("M6"), "M6", "weigering_getoetst", by=("team_leader",), rules=rules)
    assert case.process("M6").facts["weigering_akkoord"] is True
    with pytest.raises(NotPossible, match="teamleider"):
        say(opened("M6"), "M6", "weigering_getoetst", by=("legal_officer",), rules=rules)


@pytest.mark.parametrize(
    ("by", "stated"),
    [
        (None, {}),
        (("case_worker",), {"beslist_door": "coördinator"}),
        (("coordinator",), {"overrulereden": None}),
    ],
    ids=["no role at all", "a role that he has not", "no reason"],
)
def test_the_zorgplicht_is_not_passed_without_role_and_reason(
    by: tuple[str, ...] | None, stated: dict[str, Any]
) -> None:
    """While a partner waits, a stated role counts only where the roles of the reporter are not known."""
    with pytest.raises(NotPossible, match="zorgplicht"):
        say(opened("M7"), "M7", "ingetrokken", by=by, **{**WAITS, **stated})


@pytest.mark.parametrize(
    ("by", "stated"),
    [(None, {"beslist_door": "teamleider"}), (("coordinator",), {})],
    ids=["stated", "known"],
)
def test_who_may_overrule_does_so_with_a_reason(by: tuple[str, ...] | None, stated: dict[str, Any]) -> None:
    """A coordinator or team leader, known or stated, lets the help end with T20."""
    case = say(opened("M7"), "M7", "ingetrokken", by=by, **WAITS, **stated)
    assert case.process("M7").state == "BEEINDIGD"
    assert case.process("M7").running("T20") is not None


@pytest.mark.parametrize("code", ["M1", "M3", "M4", "M5", "M6", "M7", "M8"])
def test_withdrawing_always_has_a_motivation(code: str) -> None:
    """Nobody is written off without a code of why, before the eerste gesprek either."""
    with pytest.raises(InvalidData, match="motivering"):
        say(opened(code), code, "ingetrokken")


def test_a_partner_that_begins_to_wait_stops_an_ending_under_way() -> None:
    """Between the voornemen and the beschikking the protection still holds, also in another mijlpaal."""
    case = say(opened("M7"), "M7", "beeindiging_voorgenomen", motivering="m-1")
    case, _ = start(case, "M5", DAY, DAY, RULES, {})
    case = say(case, "M5", "stabilisatie_gestart")
    case = say(case, "M5", "bewind_aangevraagd")
    with pytest.raises(NotPossible, match="zorgplicht"):
        say(case, "M7", "beeindigingsbeschikking_bekendgemaakt")


def test_an_overruling_of_a_voornemen_that_was_taken_back_is_gone() -> None:
    """A next voornemen needs its own reason and role."""
    stated = {**WAITS, "beslist_door": "coördinator"}
    case = say(opened("M7"), "M7", "beeindiging_voorgenomen", **stated)
    case = say(case, "M7", "voornemen_ingetrokken")
    with pytest.raises(NotPossible, match="zorgplicht"):
        say(case, "M7", "beeindiging_voorgenomen", motivering="m-1", wachttijd_partner=True)


# --- the weigering ------------------------------------------------------------------------------------------


def test_a_weigering_that_nobody_read_again_is_refused() -> None:
    """Without an advice of M4 a second pair of eyes comes first."""
    with pytest.raises(NotPossible, match="tweede paar ogen"):
        say(opened("M6"), "M6", "weigering_besloten", motivering="m-1")


def _advised(**found: Any) -> Case:
    case = say(opened("M4"), "M4", "hulpvraag_vastgesteld")
    return say(case, "M4", "weigeringsgrond_gevonden", motivering="m-1", **found)


def test_who_found_the_ground_does_not_decide_alone() -> None:
    """What one person found in M4 another decides in M6, or a third looks at it first."""
    case = _advised(beoordelaar="mw-1")
    with pytest.raises(NotPossible, match="tweede paar ogen"):
        say(case, "M6", "weigering_besloten", beoordelaar="mw-1")
    with pytest.raises(NotPossible, match="niet ook het tweede paar ogen"):
        say(case, "M6", "weigering_getoetst", beoordelaar="mw-1")
    assert (
        say(case, "M6", "weigering_besloten", beoordelaar="mw-2").process("M6").facts["beschikking"]
        == "geweigerd"
    )
    checked = say(case, "M6", "weigering_getoetst", beoordelaar="mw-2")
    assert (
        say(checked, "M6", "weigering_besloten", beoordelaar="mw-1").process("M6").state
        == "BESCHIKT_GEWEIGERD"
    )


def test_a_second_weigering_is_read_again() -> None:
    """After a founded bezwaar neither the old advice nor the old check counts."""
    case = say(_advised(), "M6", "weigering_besloten")
    case = say(case, "M6", "bezwaar_ontvangen")
    case = say(case, "M6", "gegrond")
    with pytest.raises(NotPossible, match="tweede paar ogen"):
        say(case, "M6", "weigering_besloten")
