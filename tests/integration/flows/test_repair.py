"""What is wrong with the runs of open processes is found and mended, on Prefect's own server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import StateType
from prefect.states import (
    Cancelled,
    Cancelling,
    Completed,
    Crashed,
    Failed,
    Paused,
    Pending,
    Running,
    Scheduled,
)
from sqlalchemy import update
from sqlmodel import col, select
from structlog.testing import capture_logs

from adapters.cases.cancellations import open_cancellations
from adapters.runtime import checkpoints
from adapters.runtime.checkpoints import Checkpoint
from adapters.storage.database import ProcessRow, reading, writing
from flows import repair
from flows.repair import Finding, Mended, Repair, counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.client.schemas.objects import FlowRun, State
    from support.prefect_here import AtWork

WAITS = "Wacht op registratie aanmelding"


@flow(name="proef-herstel")
def shown(zaak: str = "", proces: str = "") -> None:
    """Stand for the run of a process."""


def row_of(at_work: AtWork, reference: str) -> ProcessRow:
    """Return the row of M3 of a case."""
    with reading(at_work.office.engine) as session:
        return session.exec(select(ProcessRow).where(ProcessRow.case_reference == reference)).one()


def change(at_work: AtWork, reference: str, **values: Any) -> None:
    """Write something about M3 of a case."""
    with writing(at_work.office.engine) as session:
        session.execute(
            update(ProcessRow).where(col(ProcessRow.case_reference) == reference).values(**values)
        )


def run_in(at_work: AtWork, state: State[Any], reference: str = "A-1") -> FlowRun:
    """Make a run of a case in a state."""
    named = {"zaak": reference, "proces": "M3"}
    run = at_work.client.create_flow_run(shown, parameters=named, tags=["open"])
    at_work.client.set_flow_run_state(run.id, state, force=True)
    return run


@pytest.fixture
def case(at_work: AtWork) -> Callable[..., UUID]:
    """Open a case at rest whose run is in a state; give the id of the run."""

    def make(state: State[Any], reference: str = "A-1", *, attention: bool = False) -> UUID:
        at_work.office.casework.open("M3", municipality="0518", reference=reference)
        run = run_in(at_work, state, reference)
        change(at_work, reference, flow_run_id=str(run.id), attention=attention)
        return run.id

    return make


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every state be as old as one that was left behind."""
    monkeypatch.setattr(repair, "_LEFT_BEHIND_AFTER", timedelta(seconds=-60))


def paused(name: str = WAITS) -> State[Any]:
    """Return the state of a run that waits."""
    return Paused(name=name, timeout_seconds=3_600)


RIGHT = {
    "waits": paused,
    "answer_refused": lambda: paused(f"Niet overgenomen · {WAITS}"),
    "answered": lambda: Scheduled(name="Resuming"),
    "running": Running,
    "pending": Pending,
    "cancelling": Cancelling,
}


@pytest.mark.parametrize("state", RIGHT)
def test_a_run_that_is_right_is_left_alone(at_work: AtWork, case: Callable[..., UUID], state: str) -> None:
    """What waits as its process does, what was answered, and what a worker has in hand since a moment."""
    run_id = case(RIGHT[state]())
    assert Repair(at_work.office, at_work.client).look_at_everything() == (1, [])
    row = row_of(at_work, "A-1")
    assert (row.flow_run_id, row.attention) == (str(run_id), False)


def test_a_process_that_ends_while_we_look_keeps_its_run(
    at_work: AtWork, case: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is slow answers with the run that has ended well: it goes on in no other run."""
    run_id = case(paused())
    read = at_work.client.read_flow_runs

    def slow(**given: Any) -> list[FlowRun]:
        at_work.client.set_flow_run_state(run_id, Completed(name="Afgesloten"), force=True)
        change(at_work, "A-1", finished=True)
        return read(**given)

    monkeypatch.setattr(at_work.client, "read_flow_runs", slow)
    assert Repair(at_work.office, at_work.client).look_at_everything() == (1, [])
    state = at_work.client.read_flow_run(run_id).state
    assert state is not None
    assert (state.name, row_of(at_work, "A-1").flow_run_id) == ("Afgesloten", str(run_id))


def test_a_process_that_gets_another_run_while_we_look_keeps_that(
    at_work: AtWork, case: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """We asked for the run of before, and that the new one is not in the answer says nothing of it."""
    case(paused())
    other = run_in(at_work, paused())
    read = at_work.client.read_flow_runs

    def slow(**given: Any) -> list[FlowRun]:
        change(at_work, "A-1", flow_run_id=str(other.id))
        return read(**given)

    monkeypatch.setattr(at_work.client, "read_flow_runs", slow)
    assert Repair(at_work.office, at_work.client).look_at_everything() == (1, [])
    state = at_work.client.read_flow_run(other.id).state
    assert state is not None
    assert (state.name, row_of(at_work, "A-1").flow_run_id) == (WAITS, str(other.id))


def test_a_run_that_ended_before_its_worker_said_so_is_left_to_it(
    at_work: AtWork, case: Callable[..., UUID]
) -> None:
    """A process that asks for attention is in the hands of a worker, or soon is."""
    run_id = case(Completed(name="Afgesloten"), attention=True)
    assert Repair(at_work.office, at_work.client).look_at_everything() == (1, [])
    assert row_of(at_work, "A-1").flow_run_id == str(run_id)


def test_a_run_that_we_replaced_was_cancelled_by_nobody(at_work: AtWork, case: Callable[..., UUID]) -> None:
    """A worker that died between telling the run and forgetting it leaves no request to decide."""
    case(Cancelled(name="Vervangen"))
    looks = Repair(at_work.office, at_work.client)
    assert looks.look_at_everything() == (1, [Mended("A-1", "M3", Finding.ENDED)])
    assert row_of(at_work, "A-1").flow_run_id is None
    assert open_cancellations(at_work.office.engine) == []


WRONG = {
    "failed": (Failed, Finding.FAILED),
    "crashed": (Crashed, Finding.FAILED),
    "other": (lambda: paused("Wacht op iets anders"), Finding.OTHER_STATE),
    "left_running": (Running, Finding.LEFT_BEHIND),
    "left_pending": (Pending, Finding.LEFT_BEHIND),
    "answered_unheard": (lambda: Scheduled(name="Resuming"), Finding.LEFT_BEHIND),
}


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("state", WRONG)
def test_a_run_that_can_go_on_is_woken(at_work: AtWork, case: Callable[..., UUID], state: str) -> None:
    """It keeps its process; one that asks for attention by itself is no news."""
    made, finding = WRONG[state]
    run_id = case(made())
    looks = Repair(at_work.office, at_work.client)
    assert looks.look_at_everything() == (1, [Mended("A-1", "M3", finding)])
    row = row_of(at_work, "A-1")
    assert (row.flow_run_id, row.attention, row.runs_made) == (str(run_id), True, 0)
    assert looks.look_at_everything() == (1, [])


@pytest.mark.usefixtures("old")
def test_an_answer_that_no_worker_heard_of_is_taken_up(at_work: AtWork) -> None:
    """A run whose work pool was removed is in no queue: its Resume reaches nobody, and yet its answer counts."""
    at_work.deploy("M3")
    at_work.office.casework.open("M3", municipality="0518", reference="A-1")
    at_work.work()
    run = at_work.run_of("A-1", "M3")
    assert run.work_queue_id is None
    assert at_work.resume(run.id, {"gebeurtenis": "Aanmelding geregistreerd"}) == "ACCEPT"
    assert at_work.work() == []
    found = Repair(at_work.office, at_work.client).look_around()
    assert found == [Mended("A-1", "M3", Finding.LEFT_BEHIND)]
    at_work.work()
    assert at_work.client.read_flow_run(run.id).state_name == "Wacht op crisischeck"


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize(
    ("state", "finding"),
    [
        (Cancelled(), Finding.CANCELLED),
        (Cancelling(), Finding.CANCELLED),
        (Completed(), Finding.ENDED),
        (None, Finding.DELETED),
    ],
)
def test_a_run_that_ended_is_replaced(
    at_work: AtWork, case: Callable[..., UUID], state: State[Any] | None, finding: Finding
) -> None:
    """Its process gets a new one and asks for it; only who cancelled one is answered by a coordinator."""
    run_id = case(state or Running())
    if state is None:
        at_work.client.delete_flow_run(run_id)
    assert Repair(at_work.office, at_work.client).look_at_everything() == (1, [Mended("A-1", "M3", finding)])
    row = row_of(at_work, "A-1")
    assert (row.flow_run_id, row.attention, row.runs_made) == (None, True, 1)
    asked = [one.flow_run_id for one in open_cancellations(at_work.office.engine)]
    assert asked == ([str(run_id)] if finding is Finding.CANCELLED else [])


def test_a_run_that_is_replaced_says_where_its_case_goes_on(
    at_work: AtWork, case: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its tags, so that no view has it, in its state, and as a warning in its log."""
    run_id = case(Completed())
    passed: list[tuple[Checkpoint, str]] = []
    monkeypatch.setattr(checkpoints, "_listeners", [lambda *point: passed.append(point)])
    looks = Repair(at_work.office, at_work.client)
    looks.replace(row_of(at_work, "A-1").id or 0, run_id, "A-1")
    run = at_work.client.read_flow_run(run_id)
    said = run.state.message if run.state else ""
    assert (run.tags, run.state_type, run.state_name) == (["vervangen"], StateType.CANCELLED, "Vervangen")
    assert said == (
        "Deze run telt niet meer. Zaak A-1 gaat verder in een nieuwe run: "
        + at_work.office.settings.own_page("/zaak/A-1")
    )
    lines = at_work.client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))
    assert [(line.level, line.message, line.name) for line in lines] == [(30, said, "prefect.flow_runs")]
    assert passed == [(Checkpoint.RUN_REPLACED, "A-1")]
    looks.replace(row_of(at_work, "A-1").id or 0, run_id, "A-1")
    assert len(passed) == 1
    assert row_of(at_work, "A-1").runs_made == 1


def test_a_process_without_a_run_asks_for_one(at_work: AtWork) -> None:
    """Whoever asks already is counted as looked at, and is no finding; what is finished is not looked at."""
    at_work.office.casework.open("M3", municipality="0518", reference="A-1")
    at_work.office.casework.open("M3", municipality="0518", reference="A-2")
    at_work.office.casework.open("M3", municipality="0518", reference="A-3")
    change(at_work, "A-1", attention=False)
    change(at_work, "A-3", attention=False, finished=True)
    looks = Repair(at_work.office, at_work.client)
    assert looks.look_at_everything() == (2, [Mended("A-1", "M3", Finding.NO_RUN)])
    assert row_of(at_work, "A-1").attention
    assert not row_of(at_work, "A-3").attention
    change(at_work, "A-1", attention=False)
    assert looks.look_around() == [Mended("A-1", "M3", Finding.NO_RUN)]
    assert row_of(at_work, "A-1").attention


def test_a_look_around_finds_what_went_wrong_lately(
    at_work: AtWork, case: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was cancelled or failed, was left, is gone or shows another state; each once, and logged."""
    at_work.office.attention.ask([])
    looks = Repair(at_work.office, at_work.client)
    case(paused(), "A-0")
    case(Cancelled(), "A-1")
    case(Failed(), "A-2")
    case(Crashed(), "A-3")
    at_work.client.delete_flow_run(case(Running(), "A-4"))
    case(paused("Wacht op iets anders"), "A-5")
    case(Completed(), "A-6")
    with capture_logs() as lines:
        found = looks.look_around()
    assert sorted((one.case_reference, one.finding) for one in found) == [
        ("A-1", Finding.CANCELLED),
        ("A-2", Finding.FAILED),
        ("A-3", Finding.FAILED),
        ("A-4", Finding.DELETED),
        ("A-5", Finding.OTHER_STATE),
        ("A-6", Finding.ENDED),
    ]
    said = {
        (line["case"], line["process"], line["finding"]) for line in lines if line["event"] == "run_mended"
    }
    assert ("A-1", "M3", "cancelled") in said
    assert len(said) == len(found)
    assert counted(found)[Finding.FAILED] == 2
    assert looks.look_around() == []
    monkeypatch.setattr(repair, "_LEFT_BEHIND_AFTER", timedelta(seconds=-60))
    case(Running(), "B-1")
    case(Cancelling(), "B-2")
    assert {one.finding for one in looks.look_around()} == {Finding.LEFT_BEHIND, Finding.CANCELLED}


def test_each_look_goes_on_where_the_last_one_ended(
    at_work: AtWork, case: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is gone is looked for in some pages at a time, and after the last page from the first again."""
    monkeypatch.setattr(repair, "PAGE", 2)
    monkeypatch.setattr(repair, "PAGES_AT_A_TIME", 1)
    runs = [case(paused(), f"A-{number}") for number in range(5)]
    looks = Repair(at_work.office, at_work.client)
    for run_id in (runs[1], runs[3], runs[4]):
        at_work.client.delete_flow_run(run_id)
    found = [[one.case_reference for one in looks.look_around()] for _ in range(3)]
    assert found == [["A-1"], ["A-3"], ["A-4"]]
    at_work.client.delete_flow_run(runs[0])
    assert [one.case_reference for one in looks.look_around()] == ["A-0"]
    monkeypatch.setattr(repair, "PAGES_AT_A_TIME", 3)
    at_work.client.delete_flow_run(runs[2])
    assert [one.case_reference for one in looks.look_around()] == ["A-2"]
    assert looks.look_at_everything()[0] == 5


def test_what_ended_is_asked_for_from_a_while_before_the_last_look(
    at_work: AtWork, case: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clocks differ a little: what ended in the two minutes before the last look still counts."""
    looks = Repair(at_work.office, at_work.client)
    monkeypatch.setattr(repair, "PAGES_AT_A_TIME", 0)
    looks.look_around()
    case(Cancelled(), "A-1")
    assert [one.case_reference for one in looks.look_around()] == ["A-1"]
    monkeypatch.setattr(repair, "OVERLAP", timedelta(seconds=-60))
    looks.look_around()
    case(Cancelled(), "A-2")
    assert looks.look_around() == []


def test_runs_that_show_no_process_of_ours_are_ended(
    at_work: AtWork, case: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All live ones that say they show a process; not those of other flows, of ours, or of a moment ago."""
    monkeypatch.setattr(repair, "PAGE", 2)
    looks = Repair(at_work.office, at_work.client)
    ours = case(paused(), "A-1")
    strangers = {run_in(at_work, made(), "B-1").id for made in (paused, Running, Pending, Scheduled, paused)}
    other = at_work.client.create_flow_run(shown, parameters={"zaak": "B-2"}, state=Running())
    ended = run_in(at_work, Completed(), "B-1")
    assert strangers.isdisjoint(looks.strangers())
    monkeypatch.setattr(repair, "_LEFT_BEHIND_AFTER", timedelta(seconds=-60))
    assert set(looks.strangers()) >= strangers
    assert {ours, other.id, ended.id}.isdisjoint(looks.strangers())
    with capture_logs() as lines:
        assert looks.end_strangers() >= len(strangers)
    assert str(min(strangers)) in {line.get("flow_run") for line in lines}
    state = at_work.client.read_flow_run(min(strangers)).state
    assert state is not None
    assert (state.type, state.name) == (StateType.CANCELLED, "Vervallen")
    assert state.message == "Deze run hoort bij geen proces in het journaal."
    assert looks.end_strangers() == 0
    assert at_work.client.read_flow_run(ours).state_type is StateType.PAUSED
