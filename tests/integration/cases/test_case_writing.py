"""How a case is written: with few statements, and beside workers who show it at the same time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import event, text, update
from sqlmodel import col

from adapters.runtime.counters import ACCEPTED
from adapters.storage import database
from adapters.storage.database import ProcessRow, create_engine, writing
from milestones.process import NotPossible

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from adapters.cases.casework import Casework
    from adapters.runtime.clock import SetClock


def test_an_event_takes_a_handful_of_statements(casework: Casework, engine: Engine) -> None:
    """Lock, read, and one statement for each table: more terms and messages take no more."""
    asked: list[str] = []
    reference = casework.open("M3", municipality="0518").reference
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2].split()[0]))
    casework.report(reference, "aanmelding_geregistreerd", event_id="a-1")
    plain = [statement for statement in asked if not statement.startswith("BEGIN")]
    assert plain == ["SELECT", "SELECT", "UPDATE", "UPDATE", "INSERT", "INSERT", "INSERT"]
    asked.clear()
    casework.report(reference, "bedreigend", event_id="a-2")  # a term ends, another starts, two are told
    assert len([statement for statement in asked if not statement.startswith("BEGIN")]) <= 9


def test_many_cases_take_as_few_statements_as_one(
    casework: Casework, clock: SetClock, engine: Engine
) -> None:
    """The terms of five cases that are due together are fired with no more statements than that of one."""
    references = [casework.open("M3", municipality="0518").reference for _ in range(6)]
    clock.moment += timedelta(days=15)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = []
    for some in (references[:1], references[1:]):
        asked.clear()
        assert casework.fire_due_together(some) == len(some)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_process_that_opens_again_has_a_new_run(
    casework: Casework, clock: SetClock, engine: Engine
) -> None:
    """The run of a refused application has ended; a late objection that counts needs another one."""
    reference = casework.open("M6", municipality="0518").reference
    casework.report(reference, "weigering_getoetst")
    casework.report(reference, "weigering_besloten", data={"motivering": "m-07"})
    clock.moment += timedelta(days=90)
    casework.fire_due(reference)
    with writing(engine) as session:
        session.execute(
            update(ProcessRow)
            .where(col(ProcessRow.case_reference) == reference)
            .values(finished=True, attention=False, flow_run_id="een")
        )
    assert casework.case(reference).rows["M6"].closed
    casework.report(reference, "bezwaar_ontvangen", data={"verschoonbaar": True})
    row = casework.case(reference).rows["M6"]
    assert (row.closed, row.finished, row.attention) == (False, False, True)
    assert (row.flow_run_id, row.runs_made) == (None, 1)


def test_what_a_worker_noted_meanwhile_stays(casework: Casework, engine: Engine) -> None:
    """A flow run that was linked, and a process that was just shown, are not written over by an event."""
    reference = casework.open("M3", municipality="0518").reference
    with writing(engine) as session:
        session.execute(update(ProcessRow).values(flow_run_id="een", attention=False, asked_at=None))
    casework.report(reference, "aanmelding_geregistreerd")
    row = casework.case(reference).rows["M3"]
    assert (row.flow_run_id, row.attention) == ("een", True)
    assert row.asked_at is not None


def test_an_event_that_was_not_kept_is_not_told(casework: Casework, engine: Engine) -> None:
    """A transaction that the caller gave up counts no event."""

    def counted() -> float:
        return ACCEPTED.labels("aanmelding_geregistreerd")._value.get()

    reference, before = casework.open("M3", municipality="0518").reference, counted()

    def two_of_which_one_cannot() -> None:
        with writing(engine) as session:
            casework.report(reference, "aanmelding_geregistreerd", session=session)
            casework.report(reference, "eerste_gesprek_gevoerd", session=session)

    with pytest.raises(NotPossible):
        two_of_which_one_cannot()
    assert counted() == before
    casework.report(reference, "aanmelding_geregistreerd")
    assert counted() == before + 1


def test_a_connection_that_died_while_it_was_idle_is_not_used(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ended a connection that nobody used; the next transaction gets another one."""
    monkeypatch.setattr(database, "_IDLE_SECONDS", 0.0)
    engine = create_engine(postgresql_url)
    with writing(engine) as session:
        first = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (first,))
    with writing(engine) as session:
        assert session.execute(text("SELECT pg_backend_pid()")).scalar_one() != first
    engine.dispose()
