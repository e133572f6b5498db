"""Changing cases in a real database."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from adapters.cases.casework import ConflictError, EventReport, Receipt
from adapters.cases.store import UnknownCaseError
from adapters.operations.integrity import broken_cases
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import (
    CaseRow,
    JournalRow,
    OutboxRow,
    TimerRow,
    migrate,
    reading,
    writing,
)
from milestones.process import NotPossible

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from adapters.cases.casework import Casework
    from adapters.runtime.clock import SetClock


def _rows(engine: Engine) -> dict[str, int]:
    with reading(engine) as session:
        return {
            table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("cases", "processes", "timers", "journal", "outbox", "openings")
        }


def _to_intake(casework: Casework) -> str:
    reference = casework.open("M3", municipality="0518").reference
    for event in (
        "aanmelding_geregistreerd",
        "niet_bedreigend",
        "afspraak_gemaakt",
        "eerste_gesprek_gevoerd",
        "hulpvraag_vastgesteld",
    ):
        casework.report(reference, event)
    return reference


def test_a_transition_writes_journal_timers_and_messages_together(casework: Casework, engine: Engine) -> None:
    """Opening a mijlpaal leaves a journal row, its term and its message in one commit."""
    casework.open("M3", municipality="0518")
    rows = _rows(engine)
    assert (rows["journal"], rows["timers"], rows["outbox"]) == (1, 1, 1)


def test_a_hand_off_opens_the_next_mijlpaal_in_the_same_transaction(casework: Casework) -> None:
    """After the eerste gesprek M4 is there, with T03 counting from that day."""
    reference = _to_intake(casework)
    case = casework.case(reference).case
    term = case.process("M4").running("T03")
    assert (case.process("M3").state, case.process("M4").state) == ("OVERGEDRAGEN", "INTAKE")
    assert term is not None
    assert term.due == date(2026, 5, 4)


def test_the_same_id_twice_is_one_transition(casework: Casework, engine: Engine) -> None:
    """A repeated event id changes nothing and says that it was known."""
    reference = casework.open("M3", municipality="0518").reference
    first = casework.report(reference, "aanmelding_geregistreerd", event_id="a-1")
    before = _rows(engine)
    second = casework.report(reference, "aanmelding_geregistreerd", event_id="a-1")
    assert (first.new, second.new) == (True, False)
    assert _rows(engine) == before


def test_the_same_id_with_other_content_is_a_conflict(casework: Casework) -> None:
    """An id that was used for another event is refused."""
    reference = casework.open("M3", municipality="0518").reference
    casework.report(reference, "aanmelding_geregistreerd", event_id="a-1")
    with pytest.raises(ConflictError):
        casework.report(reference, "bedreigend", event_id="a-1")


@pytest.mark.parametrize(
    ("reference", "event", "on", "error"),
    [
        ("ONBEKEND-1", "aanmelding_geregistreerd", None, UnknownCaseError),
        (None, "eerste_gesprek_gevoerd", None, NotPossible),
        (None, "bestaat_niet", None, NotPossible),
        (None, "aanmelding_geregistreerd", date(2030, 1, 1), NotPossible),
        (None, "aanmelding_geregistreerd", date(2020, 1, 1), NotPossible),
    ],
)
def test_a_refused_event_writes_nothing(
    casework: Casework,
    engine: Engine,
    reference: str | None,
    event: str,
    on: date | None,
    error: type[Exception],
) -> None:
    """An unknown case, an impossible event or a wrong date leaves every table as it was."""
    known = casework.open("M3", municipality="0518").reference
    before = _rows(engine)
    with pytest.raises(error):
        casework.report(reference or known, event, on=on)
    assert _rows(engine) == before


def test_a_reference_that_looks_like_a_bsn_is_refused(casework: Casework, engine: Engine) -> None:
    """Nobody can make a BSN the name of a case."""
    with pytest.raises(NotPossible):
        casework.open("M3", municipality="0518", reference="123456782")
    assert _rows(engine)["cases"] == 0


def test_opening_with_the_same_key_gives_the_same_case(casework: Casework) -> None:
    """A repeated opening changes nothing; with other content it is a conflict."""
    first = casework.open("M3", municipality="0518", key="k")
    again = casework.open("M3", municipality="0518", key="k")
    assert (again.reference, again.new) == (first.reference, False)
    with pytest.raises(ConflictError):
        casework.open("M2", municipality="0518", key="k")


def test_missed_warnings_come_in_order_each_once(casework: Casework, clock: SetClock, engine: Engine) -> None:
    """After weeks of downtime every rung fires once, in the order of the dates."""
    reference = casework.open("M3", municipality="0518").reference
    clock.moment = datetime(2026, 5, 1, 9, tzinfo=AMSTERDAM)
    assert casework.cases_with_due_terms() == [reference]
    assert casework.fire_due(reference) == 4
    assert casework.fire_due(reference) == 0
    assert casework.cases_with_due_terms() == []
    with reading(engine) as session:
        fired = session.exec(
            select(JournalRow.rung).where(col(JournalRow.rung).is_not(None)).order_by(col(JournalRow.number))
        ).all()
    assert fired == ["-14d", "-7d", "-2wd", "verlopen"]


def test_a_missed_term_tells_coordinator_and_team_leader(
    casework: Casework, clock: SetClock, engine: Engine
) -> None:
    """The expiry of T01 goes to the holder, the coordinator and the team leader."""
    reference = casework.open("M3", municipality="0518").reference
    clock.moment += timedelta(days=60)
    casework.fire_due(reference)
    with reading(engine) as session:
        told = session.exec(select(OutboxRow.role).where(OutboxRow.kind == "termijn_gemist")).all()
    assert set(told) == {"case_worker", "coordinator", "team_leader"}


def test_two_reports_at_once_are_one_transition(casework: Casework, engine: Engine) -> None:
    """Of eight simultaneous reports of the same event one is taken and seven are told so."""
    reference = casework.open("M3", municipality="0518").reference

    def report(_: int) -> bool:
        return casework.report(reference, "aanmelding_geregistreerd", event_id="one").new

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(report, range(8))) == [False] * 7 + [True]
    with reading(engine) as session:
        assert len(session.exec(select(JournalRow).where(JournalRow.event_id == "one")).all()) == 1


def test_replaying_the_journal_gives_the_case(casework: Casework, clock: SetClock, engine: Engine) -> None:
    """A case with a suspension, warnings and a hand-off follows from its journal, and the chain is whole."""
    reference = _to_intake(casework)
    casework.report(reference, "gegevens_ontbreken")
    clock.moment += timedelta(days=10)
    casework.fire_due(reference)
    casework.report(reference, "gegevens_ontvangen")
    assert list(broken_cases(engine, casework.rules_for)) == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE journal SET event = 'bedreigend' WHERE number = 2",
        "DELETE FROM journal WHERE number = 3",
        "UPDATE processes SET state = 'SPOED' WHERE name = 'M3'",
        "UPDATE timers SET due = '2027-01-01' WHERE term = 'T03'",
    ],
)
def test_damage_is_found_and_named(casework: Casework, engine: Engine, damage: str) -> None:
    """A changed or missing journal row, or a stand that does not follow from it, names the case."""
    reference = _to_intake(casework)
    with writing(engine) as session:
        session.execute(text(damage))
    problems = list(broken_cases(engine, casework.rules_for))
    assert len(problems) == 1
    assert reference in problems[0]


def test_the_sweep_reads_one_range_of_one_index(casework: Casework, engine: Engine) -> None:
    """The question for due terms uses the index on the date of the next rung."""
    casework.open("M3", municipality="0518")
    question = "SELECT process_id FROM timers WHERE next_on <= '2026-03-09' ORDER BY next_on LIMIT 100"
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}").all())
        else:
            connection.exec_driver_sql("SET enable_seqscan = off")
            plan = str(connection.exec_driver_sql(f"EXPLAIN {question}").all())
    assert "ix_timers_next_on" in plan


def test_a_database_that_is_up_to_date_needs_no_alembic(tmp_path: Path) -> None:
    """A command opens one without loading what migrates and what sends: that took a third of its time."""
    program = (
        "import sys; from adapters.office import open_office; open_office();"
        "print([name for name in ('alembic', 'apprise') if name in sys.modules])"
    )
    environment = os.environ | {"ROUTEKAART_HOME": str(tmp_path)}
    for loaded in ("['alembic']", "[]"):
        done = subprocess.run(
            [sys.executable, "-c", program], check=False, env=environment, capture_output=True, text=True
        )
        assert done.stdout.strip() == loaded, done.stderr


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    """A second migration leaves the database as it is."""
    migrate(engine)
    assert _rows(engine)["cases"] == 0


def test_no_row_of_a_case_without_a_signal_points_to_a_person(casework: Casework, engine: Engine) -> None:
    """A case that was opened without a signal has no pseudonym of a person."""
    casework.open("M1", municipality="0518")
    with reading(engine) as session:
        assert session.exec(select(CaseRow)).one().person_key is None
        assert session.exec(select(TimerRow)).all() == []


def test_a_person_has_at_most_one_open_traject(casework: Casework, engine: Engine) -> None:
    """A second traject for the same person is refused, also for a partner; signals beside it are not."""
    first = casework.open("M3", municipality="0518", person_key="p", partner_key="q")
    before = _rows(engine)
    for key in ("p", "q"):
        with pytest.raises(NotPossible, match=first.reference):
            casework.open("M3", municipality="0518", person_key=key)
    assert _rows(engine) == before
    casework.open("M2", municipality="0518", person_key="p")
    casework.report(first.reference, "ingetrokken", process="M3", data={"motivering": "m-1"})
    assert casework.open("M3", municipality="0518", person_key="p").new


def test_a_decision_on_bezwaar_is_kept_whatever_runs_by_then(casework: Casework) -> None:
    """Bezwaar that is founded brings back a traject that had ended, also beside one that began since (Awb 7:10)."""
    ended = casework.open("M7", municipality="0518", person_key="p").reference
    casework.report(ended, "ingetrokken", data={"motivering": "m-1"})
    casework.report(ended, "bezwaar_ontvangen")
    casework.open("M3", municipality="0518", person_key="p")
    assert casework.report(ended, "gegrond").case.process("M7").state == "START"
    with pytest.raises(NotPossible, match="één traject tegelijk"):
        casework.open("M3", municipality="0518", person_key="p")


def test_many_events_follow_the_rule_of_one(casework: Casework, engine: Engine) -> None:
    """A repeat is no news and other content under a known id is refused, in one call or over two."""
    reference = casework.open("M3", municipality="0518").reference
    once = EventReport(reference=reference, event="aanmelding_geregistreerd", event_id="a-1")
    other = EventReport(reference=reference, event="ingetrokken", event_id="a-1")
    for expected in ([True, False, None], [False, False, None]):
        with writing(engine) as session:
            answers = casework.report_all([once, once, other], session)
        assert [answer.new if isinstance(answer, Receipt) else None for answer in answers] == expected
        assert isinstance(answers[2], ConflictError)


def test_who_accepts_and_what_he_accepts_stand_or_fall_together(casework: Casework) -> None:
    """An event puts its process in the name of a person at once; what closes the process puts nothing in a name."""
    reference = casework.open("M3", municipality="0518").reference
    casework.report(reference, "aanmelding_geregistreerd", person="mw-17", event_id="a-1")
    casework.report(reference, "aanmelding_geregistreerd", person="mw-17", event_id="a-1")
    case = casework.case(reference)
    assert case.case.process("M3").facts["houder"] == "mw-17"
    assert len(case.journal) == 3
    with pytest.raises(NotPossible):
        casework.report(reference, "ingetrokken", data={"motivering": "m-1"}, person="mw-17")
    assert len(casework.case(reference).journal) == 3


@pytest.mark.parametrize("end", [None, "M2", "M2#1", "M3"])
def test_a_hand_off_answered_again_at_either_end_is_a_repeat(casework: Casework, end: str | None) -> None:
    """Who answers a hand-off with the giver's name may do so twice under one id; another process is a conflict."""
    reference = casework.open("M2", municipality="0518").reference
    casework.report(reference, "gematcht")
    casework.report(reference, "toegewezen")
    casework.report(reference, "contactpoging_gedaan", data={"soort": "Telefoon", "bereikt": True})
    casework.report(reference, "hulp_aanvaard")
    answers = [
        casework.report(reference, "overdracht_aanvaard", process=end, event_id="op-1") for _ in range(2)
    ]
    assert [(answer.process, answer.new) for answer in answers] == [("M3", True), ("M3", False)]
    with pytest.raises(ConflictError):
        casework.report(reference, "overdracht_aanvaard", process="M6", event_id="op-1")
