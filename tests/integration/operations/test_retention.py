"""What is removed when, and what is never removed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel, col, select, update

from adapters.messages.page_keys import KeyKind
from adapters.office import Office
from adapters.operations.destruction import approved, destroyable, remove_case
from adapters.operations.retention import forget
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.runtime.settings import Settings
from adapters.storage.database import OutboxRow, ProcessRow, reading, writing
from adapters.storage.message_tables import DeliveryRow
from deployments.environment import prefect_environment

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

BEGIN = datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM)  # where the clock of these tests stands at first


@pytest.fixture
def office(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    """An office that removes cases after their term."""
    return Office(Settings(home=tmp_path, remove_cases_after_term=True), engine, clock)


def _ended(office: Office) -> str:
    """Return a case that was withdrawn on the first day: its archive term (T62) ends a year or more later."""
    reference = office.casework.open("M3", municipality="0518").reference
    office.casework.report(reference, "aanmelding_geregistreerd")
    office.casework.report(reference, "ingetrokken", data={"motivering": "m-1"})
    _carry_out(office)
    return reference


def _carry_out(office: Office) -> None:
    """Do what the worker does: send the messages, and show that closed processes ended."""
    with reading(office.engine) as session:
        effects = session.exec(select(OutboxRow.id).where(col(OutboxRow.done_at).is_(None))).all()
    for effect in effects:
        office.deliveries.plan(effect)
    with writing(office.engine) as session:
        session.execute(update(DeliveryRow).values(state="bezorgd"))
        session.execute(update(ProcessRow).where(col(ProcessRow.closed).is_(True)).values(finished=True))


def _later(office: Office, clock: SetClock, moment: datetime) -> None:
    """Let time pass and fire what falls due."""
    clock.moment = moment
    for reference in office.casework.cases_with_due_terms():
        office.casework.fire_due(reference)
    _carry_out(office)


def _rows_of(engine: Engine, reference: str) -> dict[str, int]:
    """Count what every table holds of a case."""
    with reading(engine) as session:
        return {
            table.name: count
            for table in SQLModel.metadata.sorted_tables
            if "case_reference" in table.c
            and (
                count := session.execute(
                    text(f"SELECT count(*) FROM {table.name} WHERE case_reference = :r"), {"r": reference}
                ).scalar_one()
            )
        }


def test_an_ended_case_stays_for_its_archive_term_and_goes_after_it(
    office: Office, clock: SetClock, engine: Engine
) -> None:
    """On the last day of T62 all of a case is there; a day later nothing is, and other cases stay."""
    gone = _ended(office)
    running = office.casework.open("M3", municipality="0518").reference
    for reference in (gone, running):
        office.page_keys.make(KeyKind.RESIDENT, reference)
    _carry_out(office)
    terms = office.casework.case(gone).case.process("M3").terms
    (last,) = [term.due for term in terms if term.term == "T62" and term.due is not None]
    _later(office, clock, datetime.combine(last, BEGIN.timetz()))
    assert approved(office) == []
    assert not remove_case(office, gone)
    assert _rows_of(engine, gone)["journal"] > 0
    _later(office, clock, datetime.combine(last + timedelta(days=1), BEGIN.timetz()))
    assert [case.reference for case in destroyable(office)] == [gone]
    assert [case.reference for case in approved(office)] == [gone]
    assert remove_case(office, gone)
    assert _rows_of(engine, gone) == {}
    assert _rows_of(engine, running)["journal"] > 0
    assert office.casework.case(running).case.process("M3").state == "NIEUW"
    assert [office.page_keys.has(KeyKind.RESIDENT, item) for item in (gone, running)] == [False, True]


def test_without_a_decision_of_the_municipality_a_case_only_stands_on_the_list(
    office: Office, clock: SetClock, engine: Engine
) -> None:
    """The default removes no case, however old."""
    reference = _ended(office)
    _later(office, clock, BEGIN + timedelta(days=6 * 366))
    undecided = Office(Settings(home=office.settings.home), engine, clock)
    assert [case.reference for case in destroyable(undecided)] == [reference]
    assert approved(undecided) == []
    assert not remove_case(undecided, reference)
    assert "journal" in _rows_of(engine, reference)


def test_messages_and_events_of_open_cases_go_after_a_year_and_what_is_open_stays(
    office: Office, clock: SetClock, engine: Engine
) -> None:
    """Delivered messages go; a message that waits, or that reached nobody, stays with its effect."""
    reference = office.casework.open("M1", municipality="0518").reference
    office.casework.report(reference, "informatie_gegeven")
    waiting = office.casework.open("M3", municipality="0518").reference
    _carry_out(office)
    with writing(engine) as session:
        session.execute(
            update(DeliveryRow).where(col(DeliveryRow.case_reference) == waiting).values(state="onbestelbaar")
        )
    journal = _rows_of(engine, reference)["journal"]
    clock.moment = BEGIN + timedelta(days=367)
    forget(office)
    assert _rows_of(engine, waiting).keys() >= {"outbox", "deliveries", "journal"}
    assert _rows_of(engine, reference)["journal"] == journal
    assert office.casework.case(reference).case.process("M1").state == "INFORMATIE"


def test_prefect_removes_runs_that_ended_after_the_chosen_days(tmp_path: Path) -> None:
    """Its own service does that, which looks at ended runs alone; events go as it always did."""
    found = prefect_environment(Settings(home=tmp_path, keep_ended_runs_days=30))
    assert found["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"] == "events,flow_runs"
    assert found["PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"] == str(30 * 24 * 3600)


def test_nothing_goes_within_its_time(office: Office, clock: SetClock, engine: Engine) -> None:
    """A round on a young database removes nothing."""
    reference = _ended(office)
    before = _rows_of(engine, reference)
    clock.moment = BEGIN + timedelta(days=300)
    forget(office)
    assert approved(office) == []
    after = _rows_of(engine, reference)
    assert after == before
    assert date(2027, 1, 3) == clock.today()
