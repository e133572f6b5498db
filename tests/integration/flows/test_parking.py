"""Parking with a real worker: what wakes a run, and what survives a kill; the rest is in `test_parking_here.py`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from prefect import flow, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from pydantic import BaseModel, Field

from flows.prefect_seam.parking import park, take_answer
from flows.wake_source import WakeUp, WakeUpResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun
    from support.workshop import PrefectServer

pytestmark = pytest.mark.prefect

REPOSITORY = Path(__file__).resolve().parents[3]
FOLDER = "ROUTEKAART_TEST_FOLDER"
POOL = "routekaart-proef"
DIE = "sterf"


# -- the flow under test, run by a real worker in a process of its own ---------------------------------------


class Manier(StrEnum):
    """How the resident was reached."""

    BELLEN = "bellen"
    HUISBEZOEK = "huisbezoek"


class Contact(BaseModel):
    """Wat is er gebeurd sinds de vorige keer."""

    manier: Manier = Field(title="Hoe is er contact gezocht?")
    bereikt: bool = Field(title="Is de inwoner bereikt?")


@flow(name="proef-parkeren")
def waiting() -> None:
    """Write down each wake-up, then park; die in between when told so."""
    folder = Path(os.environ[FOLDER])
    answer = take_answer()
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    get_run_logger().info("De zaak is bijgewerkt.")
    with (folder / f"{context.flow_run.id}.txt").open("a") as log:
        log.write(f"{answer.id} {answer.values}\n" if answer else "-\n")
    if (folder / DIE).exists():
        (folder / DIE).unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    park(
        "Wacht op contact",
        "Uiterlijk 1 mei 2026 (Wgs art. 4 lid 1)",
        Contact,
    )


class WakeUpsInAFolder:
    """A wake source made of files: `<flow run>.due` asks for a wake-up, `<flow run>.done` has its result."""

    def claim(self, limit: int) -> Sequence[WakeUp]:
        """Take the files away."""
        due = list(Path(os.environ[FOLDER]).glob("*.due"))[:limit]
        for file in due:
            file.unlink()
        return [WakeUp(UUID(file.stem)) for file in due]

    def done(self, wake_up: WakeUp, result: WakeUpResult) -> None:
        """Leave the result."""
        (Path(os.environ[FOLDER]) / f"{wake_up.flow_run_id}.done").write_text(result)


# -- fixtures ------------------------------------------------------------------------------------------------


@contextmanager
def running(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends."""
    process = subprocess.Popen([sys.executable, *command], env=os.environ | environment, cwd=REPOSITORY)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], Any], seconds: float = 240) -> Any:
    """Return what the condition gives, as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the flow and the wake source keep their files."""
    return tmp_path_factory.mktemp("proef")


@pytest.fixture(scope="module")
def client(server: PrefectServer) -> Iterator[SyncPrefectClient]:
    """Yield a client of the server."""
    server.wait_until_it_answers()
    known = {
        PREFECT_API_URL: server.environment["PREFECT_API_URL"],
        PREFECT_API_AUTH_STRING: server.environment["PREFECT_API_AUTH_STRING"],
    }
    with temporary_settings(known), get_client(sync_client=True) as client:
        yield client


@pytest.fixture(scope="module")
def deployment(client: SyncPrefectClient) -> UUID:
    """Deploy the flow in a pool of our own worker type."""
    client.create_work_pool(WorkPoolCreate(name=POOL, type="routekaart"))
    return client.create_deployment(
        flow_id=client.create_flow_from_name("proef-parkeren"),
        name="proef",
        work_pool_name=POOL,
        path=str(REPOSITORY),
        entrypoint="tests/integration/flows/test_parking.py:waiting",
    )


class TheWorker:
    """Our worker in a process of its own, with the wake source of this test; can be started again."""

    def __init__(self, server: PrefectServer, folder: Path) -> None:
        self._settings = server.environment | {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            FOLDER: str(folder),
            "PYTHONPATH": str(REPOSITORY / "tests"),  # this file imports from tests/support
        }
        self._life = ExitStack()
        self.start()

    def start(self) -> None:
        """Start it, or start it again."""
        self.process = self._life.enter_context(running(__file__, **self._settings))

    def stop(self) -> None:
        """Stop it for good."""
        self._life.close()


@pytest.fixture(scope="module")
def worker(server: PrefectServer, folder: Path, deployment: UUID) -> Iterator[TheWorker]:
    """Yield our worker, running."""
    assert deployment
    started = TheWorker(server, folder)
    yield started
    started.stop()


class Case:
    """One flow run of the flow under test."""

    def __init__(self, client: SyncPrefectClient, folder: Path, deployment: UUID) -> None:
        self.client, self.folder = client, folder
        self.id = client.create_flow_run_from_deployment(deployment).id
        self.until_woken(1)

    def read(self) -> FlowRun:
        """Read the flow run from the server."""
        return self.client.read_flow_run(self.id)

    def lines(self) -> list[str]:
        """Return one line for each wake-up: the answer, or a dash."""
        file = self.folder / f"{self.id}.txt"
        return file.read_text().splitlines() if file.exists() else []

    def until_woken(self, times: int) -> None:
        """Wait until the run was woken so often and is parked again."""
        wait_until(lambda: len(self.lines()) >= times and self.read().state_type == StateType.PAUSED)
        assert len(self.lines()) == times

    def resume(self, values: dict[str, Any] | None) -> str:
        """Press Resume, and give the server's verdict; a form that comes a moment after its pause is waited for."""

        def verdict() -> str | None:
            result = self.client.resume_flow_run(self.id, run_input=values)
            there = "schema not found" not in str(result.details)
            return result.status.value if there else None

        found: str = wait_until(verdict)
        return found


@pytest.fixture
def case(client: SyncPrefectClient, folder: Path, deployment: UUID, worker: TheWorker) -> Callable[[], Case]:
    """Open a case that is parked with its form."""
    assert worker.process.poll() is None
    return lambda: Case(client, folder, deployment)


# -- tests ---------------------------------------------------------------------------------------------------


def test_an_answer_reaches_the_flow_once(case: Callable[[], Case]) -> None:
    """Resume gives the flow exactly what was entered, under an id of its own, and not a second time."""
    parked = case()
    values = {"manier": "bellen", "bereikt": True}
    assert parked.resume(values) == "ACCEPT"
    parked.until_woken(2)
    assert parked.resume(values) == "ACCEPT"
    parked.until_woken(3)
    (first, second) = (line.split(" ", 1) for line in parked.lines()[1:])
    assert first[1] == second[1] == str(values)
    assert first[0] != second[0]
    assert first[0].startswith(f"prefect:{parked.id}:")


def test_a_timer_wakes_without_an_answer(case: Callable[[], Case], folder: Path) -> None:
    """A wake-up from our own database runs the flow at once, and its source hears that it parked."""
    parked = case()
    (folder / f"{parked.id}.due").touch()
    parked.until_woken(2)
    assert parked.lines() == ["-", "-"]
    done = folder / f"{parked.id}.done"
    assert wait_until(lambda: done.exists() and done.read_text()) == WakeUpResult.PARKED


def test_a_wake_up_for_a_cancelled_run_is_skipped(case: Callable[[], Case], folder: Path) -> None:
    """A cancelled run stays cancelled, and the source hears that it is gone."""
    parked = case()
    parked.client.set_flow_run_state(parked.id, parked.read().state.model_copy(update={"type": "CANCELLED"}))
    (folder / f"{parked.id}.due").touch()
    wait_until((folder / f"{parked.id}.done").exists)
    assert (folder / f"{parked.id}.done").read_text() == WakeUpResult.GONE
    assert parked.read().state_type == StateType.CANCELLED
    assert parked.lines() == ["-"]


def test_an_answer_survives_a_kill(case: Callable[[], Case], worker: TheWorker, folder: Path) -> None:
    """A worker killed between Resume and parking: the next one finds the run and the same answer."""
    parked = case()
    (folder / DIE).touch()
    assert parked.resume({"manier": "huisbezoek", "bereikt": False}) == "ACCEPT"
    assert worker.process.wait(240) == -signal.SIGKILL
    worker.start()
    parked.until_woken(3)
    _, killed, again = parked.lines()
    assert killed == again
    assert killed.endswith("{'manier': 'huisbezoek', 'bereikt': False}")


def test_a_stopped_worker_leaves_quietly(case: Callable[[], Case], worker: TheWorker) -> None:
    """An interrupt ends the worker in order, and the next one goes on with what is parked."""
    parked = case()
    worker.process.send_signal(signal.SIGINT)
    assert worker.process.wait(240) is not None
    worker.start()
    assert parked.resume({"manier": "bellen", "bereikt": True}) == "ACCEPT"
    parked.until_woken(2)


if __name__ == "__main__":
    from flows.entry_points import also_ours
    from flows.worker import RoutekaartWorker

    also_ours("tests/integration/flows/test_parking.py:waiting", waiting)
    # A shell that runs the tests in the background lets all of them ignore an interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(RoutekaartWorker(POOL, wake_source=WakeUpsInAFolder()).start())
