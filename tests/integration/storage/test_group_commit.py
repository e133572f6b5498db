"""Events that wait for the database share a transaction, and what becomes of one touches no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.exc import IntegrityError
from support.group_death import CASES, EVENTS, id_of, name_of
from support.stack import home_with_keys, wait_until

from adapters.cases.casework import ConflictError, EventReport, Receipt
from adapters.cases.store import UnknownCaseError
from adapters.office import open_office
from adapters.operations.integrity import broken_cases
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.checkpoints import Checkpoint
from adapters.runtime.settings import Settings
from adapters.storage.database import SettingRow, reading
from adapters.storage.group_commit import GroupCommit
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

    from adapters.cases.casework import Casework
    from adapters.runtime.clock import SetClock

REPORTED = "aanmelding_geregistreerd"
TESTS = Path(__file__).parents[2]


class Gate:
    """Holds every transaction before its commit until it is opened."""

    def __init__(self, casework: Casework) -> None:
        self.casework = casework
        self.opened = Event()
        self._threads = ThreadPoolExecutor(32)
        self._asked = 0

    def __call__(self, point: Checkpoint, reference: str = "") -> None:
        """Wait at the gate."""
        if point is Checkpoint.BEFORE_COMMIT:
            assert self.opened.wait(60), reference

    def report(self, reference: str, event: str = REPORTED, **given: Any) -> Future[Receipt]:
        """Let somebody report an event, and wait until he is at the gate or in the queue."""
        report = EventReport(reference=reference, event=event, **given)
        self._asked += 1
        answer = self._threads.submit(self.casework.report_one, report)
        group = self.casework._group
        wait_until(lambda: group._in_hand + len(group._queue) >= self._asked, 30, lambda: reference)
        return answer

    def close(self) -> None:
        """Let everybody go."""
        self.opened.set()
        self._threads.shutdown()


@pytest.fixture
def gate(casework: Casework, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate that is shut."""
    made = Gate(casework)
    monkeypatch.setattr("adapters.cases.case_writing.reach", made)
    yield made
    made.close()


def _open(casework: Casework, gate: Gate, number: int) -> list[str]:
    gate.opened.set()
    names = [
        casework.open("M3", municipality="0518", reference=f"A-{index}").reference for index in range(number)
    ]
    gate.opened.clear()
    return names


def _commits(engine: Engine) -> list[None]:
    """Return a list that grows by one with each transaction that is committed."""
    seen: list[None] = []
    sqlalchemy_event.listen(engine, "commit", lambda _: seen.append(None))
    return seen


def test_events_that_wait_share_a_transaction(casework: Casework, engine: Engine, gate: Gate) -> None:
    """Twelve people report at the same moment: a few transactions, and each event in the name of who reported it."""
    names = _open(casework, gate, 12)
    seen, answers = _commits(engine), []
    for number, name in enumerate(names):
        with acts(Actor(ActorKind.PERSON, f"mw-{number}", Way.API)):
            answers.append(gate.report(name, event_id=f"e-{number}"))
    gate.opened.set()
    assert all(answer.result().new for answer in answers)
    assert len(seen) <= 3
    for number, name in enumerate(names):
        last = casework.case(name).journal[-1]
        assert (last.event, last.event_id, last.actor_code) == (REPORTED, f"e-{number}", f"mw-{number}")


def test_a_refusal_touches_no_other_event_of_its_transaction(casework: Casework, gate: Gate) -> None:
    """Refused, unknown, unseen, in conflict, a repeat: each hears its own answer, the others are accepted."""
    names = _open(casework, gate, 8)
    gate.opened.set()
    casework.report(names[6], REPORTED, event_id="known")
    gate.opened.clear()
    blocking = [gate.report(name) for name in names[:2]]
    refused = gate.report(names[2], "afspraak_gemaakt")
    unknown = gate.report("NIEMAND")
    unseen = gate.report(names[3], sees=lambda _: False)
    conflict = gate.report(names[6], "ingetrokken", event_id="known")
    good = [gate.report(name) for name in names[4:6]]
    gate.opened.set()
    with pytest.raises(NotPossible):
        refused.result()
    for answer in (unknown, unseen):
        with pytest.raises(UnknownCaseError):
            answer.result()
    with pytest.raises(ConflictError):
        conflict.result()
    assert not casework.report(names[6], REPORTED, event_id="known").new
    assert all(answer.result().new for answer in (*blocking, *good))
    rows = [len(casework.case(name).journal) for name in names]
    assert rows == [2, 2, 1, 1, 2, 2, 2, 1]


def test_events_of_one_case_keep_their_order(casework: Casework, gate: Gate) -> None:
    """What was asked first of a case is done first, also when it waits together with what was asked later."""
    (name,) = _open(casework, gate, 1)
    answers = [gate.report(name, event) for event in (REPORTED, "niet_bedreigend", "afspraak_gemaakt")]
    gate.opened.set()
    assert [answer.result().case.process("M3").state for answer in answers][-1] == (
        casework.case(name).case.process("M3").state
    )
    assert [row.event for row in casework.case(name).journal] == [
        "geopend", REPORTED, "niet_bedreigend", "afspraak_gemaakt",
    ]  # fmt: skip


def test_what_callers_keep_stands_or_falls_with_the_event(
    casework: Casework, engine: Engine, gate: Gate
) -> None:
    """A row that cannot be written undoes its own event and no other of its transaction."""
    names = _open(casework, gate, 5)

    def row(key: str) -> Callable[[Receipt], tuple[type[SettingRow], dict[str, object]]]:
        return lambda _: (SettingRow, {"name": key, "value": {}})

    first = [gate.report(names[0], keep=row("een")), gate.report(names[1], keep=row("twee"))]
    double, other = gate.report(names[2], keep=row("een")), gate.report(names[3], keep=row("drie"))
    gate.opened.set()
    assert all(answer.result().new for answer in (*first, other))
    with pytest.raises(IntegrityError):
        double.result()
    assert [len(casework.case(name).journal) for name in names] == [2, 2, 1, 2, 1]
    with reading(engine) as session:
        assert all(session.get(SettingRow, key) for key in ("een", "twee", "drie"))


def test_a_case_that_somebody_holds_keeps_no_other_waiting(
    casework: Casework, engine: Engine, gate: Gate, clock: SetClock
) -> None:
    """In PostgreSQL others of the transaction are accepted while one case is locked; that one comes after."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    names = _open(casework, gate, 4)
    blocking = [gate.report(name) for name in names[:2]]
    with engine.connect() as holder:
        holder.exec_driver_sql(f"SELECT 1 FROM cases WHERE reference = '{names[2]}' FOR UPDATE")
        held, free = gate.report(names[2]), gate.report(names[3])
        gate.opened.set()
        assert all(answer.result(30).new for answer in (*blocking, free))
        assert not held.done()
    assert held.result(30).new


def test_a_broken_commit_is_told_to_all_and_repeated_for_none() -> None:
    """Nobody knows whether it was kept, so that nobody may do it again unasked; those after it go on."""
    begun, go = Event(), Event()
    done: list[int] = []

    def together(works: Sequence[int]) -> Sequence[int | None]:
        begun.set()
        assert go.wait(30)
        done.extend(works)
        if len(works) > 1:
            raise OSError("the connection broke")
        return works

    group = GroupCommit(_nobody, together)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(group.do, 0)
        assert begun.wait(30)
        rest = [threads.submit(group.do, number) for number in (1, 2, 3)]
        wait_until(lambda: len(group._queue) == 3, 30, lambda: "nobody waits")
        go.set()
        assert first.result() == 0
        assert all(isinstance(answer.exception(), OSError) for answer in rest)
        assert sorted(done) == [0, 1, 2, 3]
        assert group.do(4) == 4


def _nobody(work: Any) -> Any:
    raise AssertionError(work)


def test_who_does_not_fit_goes_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """More waits than one transaction takes: each work is done once, in order, and then nothing is in hand."""
    monkeypatch.setattr("adapters.storage.group_commit._MOST", 2)
    go = Event()
    begun: list[Sequence[str]] = []

    def together(works: Sequence[str]) -> Sequence[str]:
        begun.append(works)
        assert go.wait(30)
        return works

    group = GroupCommit(_nobody, together)
    with ThreadPoolExecutor(10) as threads:
        answers: list[Future[str]] = []
        for number, work in enumerate("abcdef"):
            answers.append(threads.submit(group.do, work))
            wait_until(lambda: group._in_hand + len(group._queue) > number, 30, lambda: work)  # noqa: B023
        go.set()
        assert [answer.result(30) for answer in answers] == list("abcdef")
    assert begun == [["a"], ["b", "c"], ["d", "e"], ["f"]]
    assert not group._in_hand
    assert not group._queue


def test_who_has_to_wait_alone_keeps_no_other_waiting() -> None:
    """A work that is left to be done alone is done on the thread of who asked for it, beside the next of others."""
    go = Event()

    def alone(work: str) -> str:
        assert go.wait(30)
        return f"{work} alone"

    group = GroupCommit(alone, lambda works: [None if work == "held" else work for work in works])
    with ThreadPoolExecutor(2) as threads:
        held = threads.submit(group.do, "held")
        assert threads.submit(group.do, "free").result(30) == "free"
        assert not held.done()
        go.set()
        assert held.result(30) == "held alone"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_inside_a_shared_transaction(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    """Accepted is durable, refused is refused, of the transaction that died nothing is there; a repeat mends all."""
    url = None if database == "sqlite" else request.getfixturevalue("empty_postgresql_url")
    settings = Settings(home=home_with_keys(tmp_path / "home"), database_url=url)
    office = open_office(settings)
    for number in range(CASES):
        office.casework.open("M3", municipality="0518", reference=name_of(number))
    paths = os.pathsep.join((str(TESTS.parent), str(TESTS)))
    environment = os.environ | {"ROUTEKAART_HOME": str(settings.home), "PYTHONPATH": paths}
    if url is not None:
        environment["ROUTEKAART_DATABASE_URL"] = url
    died = subprocess.run(
        [sys.executable, "-m", "support.group_death"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    heard = [line.split() for line in died.stdout.splitlines()]
    kept = {
        (name_of(number), row.event_id)
        for number in range(CASES)
        for row in office.casework.case(name_of(number)).journal
    }
    assert {(name, id_of(name, int(place))) for word, name, place in _told(heard, "accepted")} <= kept
    assert not {(name, id_of(name, int(place))) for word, name, place in _told(heard, "refused")} & kept
    (dead,) = (line[1:] for line in heard if line[0] == "dies")
    said = {(name, place) for word, name, place in _told(heard, "accepted")}
    for name in dead:  # what is there of these is what they heard of, and nothing of the last transaction
        own = [row for row in office.casework.case(name).journal if row.event_id and ":" in row.event_id]
        assert len(own) == len([place for who, place in said if who == name])
    for number in range(CASES):
        name = name_of(number)
        for place, event in enumerate(EVENTS):
            if place != 1:
                office.casework.report(name, event, event_id=id_of(name, place))
        events = [row.event for row in office.casework.case(name).journal if not row.derived]
        assert events == ["geopend", EVENTS[0], EVENTS[2]]
    assert list(broken_cases(office.engine, office.rules_named)) == []
    office.engine.dispose()


def _told(heard: list[list[str]], word: str) -> list[list[str]]:
    return [line for line in heard if line[0] == word]
