"""Four eyes: where the policy asks for it, a decision waits for a second person, by every way in."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from adapters.cases.casework import Casework, ConflictError
from adapters.cases.journal_words import event_label
from adapters.cases.presentation import case_as_json
from adapters.operations.integrity import broken_cases
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.calendar_data import dutch_calendar
from adapters.storage.database import OutboxRow, reading
from milestones.definitions import definition_of
from milestones.four_eyes import ASKED, DECISION_KINDS, GIVEN, WAITS
from milestones.policy import Policy, Rules
from milestones.process import NotPossible
from milestones.roles import REVIEWERS

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RULES = Rules(dutch_calendar(), Policy(second_opinions=tuple(DECISION_KINDS), accept_by_hand=False))
REVIEWER = {"*": ("quality_reviewer",)}
COORDINATOR = {"*": ("coordinator",)}


def person(code: str, roles: dict[str, tuple[str, ...]] | None = None) -> Actor:
    """Return somebody with these roles; None where they are not known."""
    return Actor(ActorKind.PERSON, code, Way.FORM, roles)


@pytest.fixture
def strict(engine: Engine, clock: SetClock) -> Casework:
    """The service in a gemeente that asks for four eyes everywhere."""
    return Casework(engine, clock, lambda _: RULES)


def reviewed(work: Casework) -> str:
    """Return a case of which the plan waits for its toets."""
    reference = work.open("M6", municipality="0518").reference
    work.report(reference, "plan_opgesteld", data={"beslagvrije_voet": True})
    work.report(reference, "inwoner_akkoord")
    return reference


def state(work: Casework, reference: str, name: str = "M6") -> str:
    """Return the state of a process."""
    return work.case(reference).case.process(name).state


def test_the_first_answer_waits_and_the_second_decides(strict: Casework, engine: Engine) -> None:
    """It stands in the journal with both people, replays, and the process shows that it waits."""
    reference = reviewed(strict)
    with acts(person("mw-1", REVIEWER)):
        strict.report(reference, "goedgekeurd", event_id="een")
    assert state(strict, reference) == "TOETS"
    shown = case_as_json(strict.case(reference), date(2026, 3, 9), RULES)["mijlpalen"][0]
    assert shown["wacht_op"] == WAITS
    assert shown["tweede_beoordeling"]["door"] == "mw-1"
    assert shown["mogelijke_gebeurtenissen"][0] == GIVEN
    with acts(person("mw-2", REVIEWER)):
        strict.report(reference, GIVEN, data={"akkoord": True})
    assert state(strict, reference) == "BESCHIKKING_GEMAAKT"
    rows = [(row.event, row.actor_code) for row in strict.case(reference).journal][-3:]
    assert rows == [(ASKED, "mw-1"), (GIVEN, "mw-2"), ("goedgekeurd", "mw-2")]
    assert list(broken_cases(engine, lambda _: RULES)) == []


@SQLITE
def test_one_person_never_gives_both(strict: Casework) -> None:
    """Nor does somebody who names another, somebody unknown, or a client; nothing is written."""
    reference = reviewed(strict)
    with acts(person("mw-1")):
        strict.report(reference, "goedgekeurd")
        before = len(strict.case(reference).journal)
        with pytest.raises(NotPossible, match="niet ook het tweede"):
            strict.report(reference, GIVEN, data={"akkoord": True})
        with pytest.raises(NotPossible, match="meldt het zelf"):
            strict.report(reference, GIVEN, data={"akkoord": True, "beoordelaar": "mw-2"})
        with pytest.raises(NotPossible, match="tweede beoordeling"):
            strict.report(reference, "goedgekeurd")
    for actor in (Actor(ActorKind.UNKNOWN), Actor(ActorKind.SYSTEM, "zaaksysteem", Way.API)):
        with acts(actor), pytest.raises(NotPossible, match="bekend"):
            strict.report(reference, GIVEN, data={"akkoord": True, "beoordelaar": "mw-2"})
    with acts(person("mw-2")), pytest.raises(NotPossible, match="systeem"):
        strict.report(reference, ASKED, process="M6")
    assert len(strict.case(reference).journal) == before


@SQLITE
def test_only_the_right_role_is_second(strict: Casework) -> None:
    """Who is known and may not judge is refused with the roles that may."""
    reference = reviewed(strict)
    with acts(person("mw-1", REVIEWER)):
        strict.report(reference, "goedgekeurd")
    with acts(person("mw-2", COORDINATOR)), pytest.raises(NotPossible, match="kwaliteitstoetser of jurist"):
        strict.report(reference, GIVEN, data={"akkoord": True})


@SQLITE
def test_who_disagrees_returns_it_with_a_reason(strict: Casework) -> None:
    """Without a reason it stays; with one the process is where it was, and can be decided anew."""
    reference = reviewed(strict)
    with acts(person("mw-1")):
        strict.report(reference, "goedgekeurd")
    with acts(person("mw-2")):
        with pytest.raises(NotPossible, match="reden"):
            strict.report(reference, GIVEN, data={"akkoord": False})
        strict.report(reference, GIVEN, data={"akkoord": False, "reden": "gegevens ontbreken"})
    process = strict.case(reference).case.process("M6")
    assert (process.state, "tweede_beoordeling" in process.facts) == ("TOETS", False)
    with acts(person("mw-2")):
        strict.report(reference, "goedgekeurd")
    with acts(person("mw-1")):
        strict.report(reference, GIVEN, data={"akkoord": True})
    assert state(strict, reference) == "BESCHIKKING_GEMAAKT"


@SQLITE
def test_who_gave_the_first_answer_takes_it_back(strict: Casework, engine: Engine) -> None:
    """Without a reason and whatever his role; the process is where it was, nobody is second to what is gone."""
    reference = reviewed(strict)
    with acts(person("mw-1", REVIEWER)):
        strict.report(reference, "goedgekeurd")
    with acts(person("mw-1", COORDINATOR)):
        strict.report(reference, GIVEN, data={"akkoord": False})
    view = strict.case(reference)
    assert (state(strict, reference), "tweede_beoordeling" in view.case.process("M6").facts) == (
        "TOETS",
        False,
    )
    label = event_label(view.journal[-1], RULES.policy)
    assert label == "Tweede beoordeling: eerste beoordeling ingetrokken"
    with acts(person("mw-2")), pytest.raises(NotPossible, match="geen antwoord"):
        strict.report(reference, GIVEN, process="M6", data={"akkoord": True})
    assert list(broken_cases(engine, lambda _: RULES)) == []


@SQLITE
def test_a_repeat_of_the_first_answer_changes_nothing(strict: Casework) -> None:
    """The same id with the same content is known; with other content it is a conflict."""
    reference = reviewed(strict)
    with acts(person("mw-1")):
        assert strict.report(reference, "goedgekeurd", event_id="een").new
        assert not strict.report(reference, "goedgekeurd", event_id="een").new
        with pytest.raises(ConflictError):
            strict.report(reference, "afgekeurd", event_id="een")


@SQLITE
def test_what_moves_on_meanwhile_takes_the_answer_with_it(strict: Casework) -> None:
    """A plan that was sent back has no approval that waits; it comes back without one."""
    reference = reviewed(strict)
    with acts(person("mw-1")):
        strict.report(reference, "goedgekeurd")
        strict.report(reference, "afgekeurd")
        strict.report(reference, "plan_opgesteld", data={"beslagvrije_voet": True})
        strict.report(reference, "inwoner_akkoord")
    with acts(person("mw-2")), pytest.raises(NotPossible, match="geen antwoord"):
        strict.report(reference, GIVEN, process="M6", data={"akkoord": True})


@SQLITE
def test_the_decision_counts_from_the_second_opinion(strict: Casework, clock: SetClock) -> None:
    """Before two people judged there was none: no bezwaartermijn ends too early."""
    reference = strict.open("M7", municipality="0518").reference
    strict.report(reference, "beeindiging_voorgenomen", data={"motivering": "m-1"})
    with acts(person("mw-1")):
        strict.report(reference, "beeindigingsbeschikking_bekendgemaakt")
    clock.moment += timedelta(days=10)
    with acts(person("mw-2")):
        strict.report(reference, GIVEN, data={"akkoord": True})
    ended = strict.case(reference).case.process("M7")
    assert ended.state == "BEEINDIGD"
    term = ended.running("T20")
    assert term is not None
    assert term.anchor == date(2026, 3, 19)


@SQLITE
def test_an_overruling_waits_for_another_coordinator(strict: Casework, engine: Engine) -> None:
    """The role of who overrules stands with it, so that the journal replays without the file of staff."""
    reference = strict.open("M7", municipality="0518").reference
    waits = {"motivering": "m-1", "wachttijd_partner": True, "overrulereden": "ov-1"}
    with acts(person("mw-1", COORDINATOR)):
        strict.report(reference, "beeindiging_voorgenomen", data=waits)
    with acts(person("mw-2", REVIEWER)), pytest.raises(NotPossible, match="coördinator of teamleider"):
        strict.report(reference, GIVEN, data={"akkoord": True})
    with acts(person("mw-3", {"0518": ("team_leader",)})):
        strict.report(reference, GIVEN, data={"akkoord": True})
    process = strict.case(reference).case.process("M7")
    assert (process.state, process.facts["beslist_door"]) == ("VOORNEMEN_BEEINDIGING", "coördinator")
    assert list(broken_cases(engine, lambda _: RULES)) == []


@SQLITE
def test_a_weigering_has_one_second_pair_of_eyes(strict: Casework, engine: Engine) -> None:
    """What M4 found and M6 decides were two people already; alone, the answer waits for the toets itself."""
    reference = strict.open("M4", municipality="0518").reference
    strict.report(reference, "hulpvraag_vastgesteld")
    with acts(person("mw-1")):
        strict.report(reference, "weigeringsgrond_gevonden", data={"motivering": "m-1"})
        strict.report(reference, "weigering_besloten", process="M6")
        assert state(strict, reference) == "CONCEPT"
        with pytest.raises(NotPossible, match="niet ook het tweede"):
            strict.report(reference, GIVEN, data={"akkoord": True})
    with acts(person("mw-2")):
        strict.report(reference, GIVEN, data={"akkoord": True})
    assert state(strict, reference) == "BESCHIKT_GEWEIGERD"
    other = strict.open("M4", municipality="0518").reference
    strict.report(other, "hulpvraag_vastgesteld")
    with acts(person("mw-1")):
        strict.report(other, "weigeringsgrond_gevonden", data={"motivering": "m-1"})
    with acts(person("mw-2")):
        strict.report(other, "weigering_besloten", process="M6")
    assert state(strict, other) == "BESCHIKT_GEWEIGERD"
    assert list(broken_cases(engine, lambda _: RULES)) == []


@SQLITE
def test_who_may_judge_gets_a_task(strict: Casework, engine: Engine) -> None:
    """Each role that may be second hears of it; when it is returned, who has the case does."""

    def told() -> Counter[tuple[str, str, str | None]]:
        with reading(engine) as session:
            return Counter((row.role, row.kind, row.subject) for row in session.exec(select(OutboxRow)))

    reference = reviewed(strict)
    before = told()
    with acts(person("mw-1")):
        strict.report(reference, "goedgekeurd")
    asked = told()
    assert asked - before == Counter((role, "taak", "tweede_beoordeling") for role in REVIEWERS)
    with acts(person("mw-2", REVIEWER)):
        strict.report(reference, GIVEN, data={"akkoord": False, "reden": "gegevens ontbreken"})
    process = strict.case(reference).case.process("M6")
    assert told() - asked == Counter([(process.role(definition_of(process)), "kennisgeving", None)])


@SQLITE
def test_without_the_policy_one_person_decides(casework: Casework) -> None:
    """It is off by default, also for somebody unknown."""
    reference = reviewed(casework)
    casework.report(reference, "goedgekeurd")
    assert state(casework, reference) == "BESCHIKKING_GEMAAKT"


@SQLITE
def test_history_of_another_system_waits_for_nobody(strict: Casework) -> None:
    """What was decided there was decided."""
    reference = reviewed(strict)
    strict.report(reference, "goedgekeurd", quiet=True)
    assert state(strict, reference) == "BESCHIKKING_GEMAAKT"
