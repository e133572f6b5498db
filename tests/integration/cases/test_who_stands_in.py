"""Who stands in for whom, who is a medewerker, what was handed to whom, and what was asked about a run."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

import pytest
from support.signal_deliveries import valid_bsn

from adapters.cases.cancellations import (
    Decision,
    ask_cancellation,
    cancellation_asked,
    decide_cancellation,
)
from adapters.cases.caseload import Away, AwayToday, deputy_for
from adapters.cases.handoffs import handoffs
from adapters.cases.person_code import is_worker
from adapters.office import Office
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.clock import AMSTERDAM, SetClock
from milestones.policy import Policy
from milestones.process import InvalidData

NOW = datetime(2026, 3, 9, 10, tzinfo=AMSTERDAM)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _away(deputy: str | None) -> Away:
    return Away(deputy)


@pytest.mark.parametrize(
    ("away", "stands_in"),
    [
        ({}, None),
        ({"mw-1": "mw-2"}, "mw-2"),
        ({"mw-1": "mw-2", "mw-2": "mw-3"}, "mw-3"),
        ({"mw-1": "mw-2", "mw-2": "mw-1"}, None),
        ({"mw-1": None}, None),
        ({"mw-9": "mw-2"}, None),
    ],
)
def test_the_first_deputy_who_is_there_stands_in(away: dict[str, str | None], stands_in: str | None) -> None:
    """A deputy who is away has one himself; a circle, or nobody, is nobody."""
    assert deputy_for("mw-1", {person: _away(deputy) for person, deputy in away.items()}) == stands_in


def test_what_was_declared_goes_before_the_file_and_holds_in_its_gemeente() -> None:
    """The file holds everywhere; a declaration holds in one gemeente, and there before the file."""
    of_file, declared = _away("mw-2"), _away("mw-3")
    today = AwayToday({"mw-1": of_file}, {"0518": {"mw-1": declared}})
    assert today.at("0518") == {"mw-1": declared}
    assert today.at("0599") == {"mw-1": of_file}


def test_no_number_of_a_person_is_a_medewerker() -> None:
    """Also where a file names it."""
    bsn = f"mw-{valid_bsn('9087654')}"
    assert not is_worker(bsn, [Policy()], lambda: {bsn})
    assert is_worker("Jansen", [Policy()], lambda: {"Jansen"})
    assert not is_worker("Jansen", [Policy()], set)


@on_sqlite
def test_an_opening_is_checked_for_its_own_day(office: Office) -> None:
    """Without a day it is today; a day that cannot be counted from is refused."""
    office.casework.check_opening("M3", "0518", None, None)
    with pytest.raises(InvalidData):
        office.casework.check_opening("M3", "0518", date(1900, 1, 1), None)


@on_sqlite
def test_a_hand_off_says_how_it_was_answered(office: Office) -> None:
    """It waits, is accepted by somebody on a day, or is returned; one that went by itself was accepted at once."""
    office.casework.open("M3", municipality="0518", reference="A-1")
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        office.casework.report("A-1", event)

    def found() -> list[tuple[str, str, str | None]]:
        view = office.casework.case("A-1")
        return [(one.receiver, one.how, one.by) for one in handoffs(view.case, view.journal)]

    ((process, waits, nobody),) = found()
    assert (process, waits.startswith("wacht op aanvaarden"), nobody) == ("M4", True, None)
    with acts(Actor(ActorKind.PERSON, "mw-17", Way.FORM)):
        office.casework.report("A-1", "overdracht_aanvaard", process="M4", person="mw-17")
    ((_, accepted, by),) = found()
    assert (accepted, by) == ("aanvaard op", "mw-17")


@on_sqlite
def test_a_cancellation_is_asked_once_and_decided_once(office: Office) -> None:
    """It belongs to its process; how many requests were decided is told."""
    view = office.casework.case(office.casework.open("M3", municipality="0518", reference="A-1").reference)
    process_id, run = view.rows["M3"].id or 0, uuid.uuid4()
    assert not cancellation_asked(office.engine, process_id)
    assert ask_cancellation(office.engine, process_id, run)
    assert not ask_cancellation(office.engine, process_id, run)
    assert ask_cancellation(office.engine, process_id, uuid.uuid4())
    assert cancellation_asked(office.engine, process_id)
    assert decide_cancellation(office.engine, process_id, Decision.REFUSED) == 2
    assert not cancellation_asked(office.engine, process_id)
    assert decide_cancellation(office.engine, process_id, Decision.REFUSED) == 0


@pytest.mark.parametrize(("days", "trusted"), [(0, True), (6, True), (8, False)])
@on_sqlite
def test_the_clock_is_believed_within_the_bound_of_the_settings(
    office: Office, days: int, trusted: bool
) -> None:
    """A machine that was away for less than that may end terms; one that jumps further waits for a person."""
    settings = office.settings.model_copy(update={"clock_jump_days": 7})
    assert Office(settings, office.engine, SetClock(NOW)).clock_guard.trusts()
    assert (
        Office(settings, office.engine, SetClock(NOW + timedelta(days=days))).clock_guard.trusts() is trusted
    )
