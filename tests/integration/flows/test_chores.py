"""The chores of a worker: each on a thread of its own, so that none waits for another."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, temporary_settings
from support.stack import wait_until

from adapters.exchange.webhooks import fan_out
from adapters.messages.deliveries import Parcel
from adapters.office import Office, open_office
from adapters.runtime.settings import Settings
from flows import effects
from flows.case_queue import CaseQueue
from flows.effects import Postmen
from flows.outgoing import emit_to_prefect
from flows.wake_source import Chore, NoWakeUps
from flows.worker import RoutekaartWorker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prefect.events import Event as PrefectEvent

    from adapters.storage.exchange_tables import OutgoingEventRow


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Yield an office on SQLite."""
    made = open_office(Settings(home=tmp_path))
    yield made
    made.engine.dispose()


def _worker() -> RoutekaartWorker:
    worker = RoutekaartWorker("routekaart", "proef", wake_source=NoWakeUps())
    worker.is_setup = True
    return worker


def test_a_chore_that_waits_keeps_no_other_waiting() -> None:
    """The terms go on while a mail server does not answer, and while a chore fails."""
    worker, answered, looks = _worker(), threading.Event(), threading.Semaphore(0)
    chores = (
        Chore("messages", 0.01, lambda: answered.wait(60)),
        Chore("events", 0.01, lambda: 1 / 0),
        Chore("terms", 0.01, looks.release),
    )

    async def work() -> None:
        running = [asyncio.create_task(worker._every_so_often(chore)) for chore in chores]
        for _ in range(3):
            assert await asyncio.to_thread(looks.acquire, timeout=60)
        worker._stopping = True
        answered.set()
        await asyncio.gather(*running)

    asyncio.run(work())


def test_while_a_receiver_hangs_no_wake_up_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first waits a moment; from then on a wake-up, and so a form, leaves its messages to the postmen at once."""
    answered = threading.Event()
    monkeypatch.setattr(effects, "_send", lambda *_: answered.wait(60))
    nobody: Any = None
    postmen, parcel = Postmen(number=3, patience=0.01), Parcel(("1",), "taak", "case_worker", "mail")
    postmen.send(nobody, [parcel])
    postmen.send(nobody, [parcel], patience=3_600)
    assert postmen.room() == 1
    answered.set()
    postmen.finish()
    assert postmen.room() == 3


def test_what_calls_others_is_a_chore_of_its_own(office: Office) -> None:
    """Terms, messages, subscribers and plug-ins each have one; the one of the terms calls nobody."""
    with temporary_settings(
        {PREFECT_API_URL: "http://127.0.0.1:9/api"}
    ):  # else Prefect starts a server of its own
        chores = {chore.name: chore for chore in CaseQueue(office).chores()}
    assert {
        "terms",
        "messages",
        "events",
        "webhooks",
        "inbox",
        "reconciliation",
        "leases",
        "repair",
        "heads",
    } <= set(chores)
    assert len({id(chore.work) for chore in chores.values()}) == len(chores)


def test_an_event_for_prefect_is_put_in_a_queue(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Prefect that hangs holds up nobody: what is emitted waits in the queue, and no connection waits with it."""
    answers = threading.Event()
    in_use: list[int] = []
    sent: list[str] = []

    async def hang(_: AssertingEventsClient, event: PrefectEvent) -> None:
        await asyncio.to_thread(answers.wait, 60)
        sent.append(event.event)

    def emit(row: OutgoingEventRow) -> None:
        in_use.append(office.engine.pool.checkedout())
        emit_to_prefect(row)

    monkeypatch.setattr(AssertingEventsClient, "emit", hang)
    monkeypatch.setattr(EventsWorker, "_client_override", (AssertingEventsClient, ()))
    office.casework.open("M3", municipality="0518", reference="A-1")
    try:
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
            assert fan_out(office, emit) == 2
        assert sent == []
        assert in_use == [0, 0]
    finally:
        answers.set()
    wait_until(lambda: len(sent) == 2, 60, lambda: f"{sent}")
