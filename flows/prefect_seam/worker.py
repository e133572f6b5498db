"""Leans on (Prefect 3.8.8, and 3.9 for a guard): `BaseWorker`, and the routes of a work pool.

These are the methods that are overridden here, `_work_pool_name`, `_work_queues`, `_last_polled_time` and (3.9)
`_has_successfully_synced`, that a class with ABC among its bases is no type of worker yet, and the routes for scheduled
runs and for leaving. Without them a run that somebody resumed in the UI is not taken up.

The worker: it appears in Prefect as any other, and runs flows inside its own process.

It has two sources of work. The work pool gives runs that Prefect scheduled: a Resume from the UI, a run
that somebody started by hand. The wake source gives parked runs of which our own database says that
something is due; those go from PAUSED to RUNNING without a detour. Beside these it looks for runs that a
killed worker left RUNNING.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import structlog
from httpx import HTTPStatusError
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType, WorkerStatus
from prefect.client.schemas.responses import SetStateStatus, WorkerFlowRunResponse
from prefect.exceptions import ObjectNotFound
from prefect.states import Failed, Pending
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult
from prometheus_client import CollectorRegistry

from adapters.operations.port import Port, listening
from adapters.runtime.counters import (
    IN_HAND,
    LAST_ROUND,
    REGISTRY,
    SOURCE_FAILURES,
    WAKE_UP_SECONDS,
    WAKE_UPS,
)
from adapters.runtime.logs import set_up_logs
from adapters.runtime.settings import settings
from flows.entry_points import ForeignCodeError, own_flow
from flows.prefect_seam.in_process import InProcessRunner
from flows.prefect_seam.leaned_on import WORKER_PARTS, check_seam
from flows.wake_source import (
    ENDED,
    Chore,
    Tended,
    WakeSource,
    WakeUp,
    WakeUpResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun, State

    from milestones.refusal import Refusal

RUNNING_MESSAGE = "Wordt bijgewerkt door "
_IDLE_SECONDS = 0.5  # between two questions to a wake source that had nothing
_LONGEST_WAIT_SECONDS = 30.0  # between two questions to a wake source that keeps failing
RUNS_AT_A_TIME = 2  # one works while the other waits for the server
RUNS_PER_THREAD = 8  # claimed ahead and read in one request, so that a thread never waits for the next
LOST_RUNS_SECONDS = 5.0  # between two looks for runs that a killed worker left
_LEFT_BEHIND_AFTER = timedelta(seconds=5)
_NOT_FOUND = 404
SIGN_OFF_SECONDS = 5.0
SILENT_SECONDS = 120.0  # a worker without work that asked for none for so long hangs

log = structlog.get_logger("routekaart.worker")


class RoutekaartJobConfiguration(BaseJobConfiguration):
    """Nothing to configure: a flow runs in the worker's own process and environment."""


class RoutekaartWorkerResult(BaseWorkerResult):
    """How a run ended, in the form that Prefect's base class asks for."""


class InProcessWorker(BaseWorker[RoutekaartJobConfiguration, BaseVariables, RoutekaartWorkerResult], ABC):
    """Runs flows inside one long-lived Python process; its type says where it learns of work."""

    type = "routekaart"
    job_configuration = RoutekaartJobConfiguration
    _display_name = "Routekaart"
    _description = "Runs the processes of the routekaart financiële zorgen inside the worker itself."
    _documentation_url = "https://vng.nl/projecten/routekaart-financiele-zorgen"
    _logo_url = (
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath d='M5 27"
        "c0-9 22-4 22-13S14 9 14 4' fill='none' stroke='%23154273' stroke-width='4'/%3E%3Ccircle cx='5' "
        "cy='27' r='4' fill='%23e17000'/%3E%3C/svg%3E"
    )

    @abstractmethod
    def own_wake_source(self) -> WakeSource:
        """Return the wake source of a worker that was given none."""

    @abstractmethod
    def own_figures(self) -> CollectorRegistry:
        """Return the figures that the port of this worker shows beside its own."""

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """Return one without variables: none would do anything, and Prefect checks all of them for each new run."""
        return {"job_configuration": {"env": {}}, "variables": {"type": "object", "properties": {}}}

    def __init__(
        self,
        work_pool_name: str,
        name: str | None = None,
        *,
        wake_source: WakeSource | None = None,
        **options: Any,
    ) -> None:
        """Make a worker, named after its machine so that it finds its lost runs after a restart.

        A second worker on one machine wants a name of its own: `ROUTEKAART_WORKER_NAME`.
        """
        own = name or settings().worker_name or f"routekaart-{socket.gethostname()}"
        super().__init__(work_pool_name, name=own, **options)
        wanted = options.get("limit") or int(os.environ.get("ROUTEKAART_WORKER_CONCURRENCY", "0"))
        self._concurrency = wanted or RUNS_AT_A_TIME
        self._threads = ThreadPoolExecutor(self._concurrency, thread_name_prefix="routekaart")
        self._marker = RUNNING_MESSAGE + self.name
        # Whoever asks for a number of runs at a time has a server that takes their requests together.
        self._runner = InProcessRunner(self._marker, together=bool(wanted))
        self._wake_source = wake_source or self.own_wake_source()
        self._flows: dict[UUID, Flow[..., Any]] = {}
        self._in_hand: dict[UUID, asyncio.Task[WakeUpResult]] = {}
        self._other_workers: set[str] | None = None
        self._room = asyncio.Event()
        self._stopping = False
        self._chore_threads: list[ThreadPoolExecutor] = []
        self._asked_at = time.monotonic()
        self._source_answers = False
        self._claiming: asyncio.Task[Sequence[WakeUp]] | None = None

    # -- life ------------------------------------------------------------------------------------------------

    async def start(
        self,
        run_once: bool = False,
        with_healthcheck: bool = False,
        printer: Callable[..., None] = print,
    ) -> None:
        """Start as any worker does, and beside that listen to the wake source and look for lost runs.

        A worker that `prefect worker start` makes by its type looks here whether Prefect is what we lean on.
        """
        check_seam(WORKER_PARTS)
        chosen = settings()
        set_up_logs(chosen)
        with ExitStack() as stack:
            if chosen.worker_port is not None:
                app = Port([REGISTRY, self.own_figures()], self._lives, self._is_ready)
                stack.enter_context(listening(app, chosen.listen, chosen.worker_port))
            await self._work(run_once, with_healthcheck, printer)

    async def _work(self, run_once: bool, with_healthcheck: bool, printer: Callable[..., None]) -> None:
        async with anyio.create_task_group() as tasks:
            if not run_once:
                tasks.start_soon(self._listen_to_wake_source)
                tasks.start_soon(self._look_for_lost_runs)
                if isinstance(self._wake_source, Tended):
                    for chore in self._wake_source.chores():
                        tasks.start_soon(self._every_so_often, chore)
            await super().start(run_once, with_healthcheck, printer)
            tasks.cancel_scope.cancel()

    def _lives(self) -> bool:
        """Whether this worker has work or asks for it; that nobody answers is no fault of its own."""
        return bool(self._in_hand) or time.monotonic() - self._asked_at < SILENT_SECONDS

    def _is_ready(self) -> bool:
        """Whether Prefect knows this worker, the case database answers it, and it takes new work."""
        return self.is_setup and not self._stopping and self._source_answers

    async def teardown(self, *exc_info: Any) -> None:
        """Finish the runs that are running, hand back those that are not, then leave."""
        self._stopping = True
        with anyio.CancelScope(shield=True):
            self._threads.shutdown(wait=False, cancel_futures=True)
            if self._claiming is not None:  # what it claims after this is given back below
                await asyncio.gather(self._claiming, return_exceptions=True)
            await asyncio.gather(*self._in_hand.values(), return_exceptions=True)
            for thread in self._chore_threads:  # what is being sent is finished
                thread.shutdown(wait=False, cancel_futures=True)
            for thread in self._chore_threads:
                await asyncio.to_thread(thread.shutdown)
            if isinstance(self._wake_source, Tended):
                await asyncio.gather(asyncio.to_thread(self._wake_source.hand_back), return_exceptions=True)
            await self._sign_off()
            log.info("worker_stopped", worker=self.name)
        await super().teardown(*exc_info)

    async def _sign_off(self) -> None:
        """Tell Prefect that this worker is gone, so that others take over its runs without waiting for a sign."""
        try:
            async with asyncio.timeout(SIGN_OFF_SECONDS):
                await self.client.request(
                    "DELETE",
                    "/work_pools/{work_pool_name}/workers/{name}",
                    path_params={"work_pool_name": self._work_pool_name, "name": self.name},
                )
        except Exception as error:  # noqa: BLE001 - they wait for its heartbeat to stop, then
            log.warning("worker_not_signed_off", error=type(error).__name__)

    async def _every_so_often(self, chore: Chore) -> None:
        """Do a chore now and every so often on a thread of its own, whatever happens to it."""
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"routekaart-{chore.name}")
        self._chore_threads.append(thread)
        loop = asyncio.get_running_loop()
        while not self._stopping:
            if self.is_setup:
                try:
                    await loop.run_in_executor(thread, chore.work)
                except Exception as error:  # noqa: BLE001  # next time better
                    SOURCE_FAILURES.labels(chore.name).inc()
                    log.warning("chore_failed", chore=chore.name, error=type(error).__name__)
            await asyncio.sleep(chore.seconds if self.is_setup else _IDLE_SECONDS)

    # -- source of work: Prefect -----------------------------------------------------------------------------

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Take the runs that Prefect scheduled in our pool, until there are none left."""
        if not getattr(self, "_has_successfully_synced", True):  # 3.9: the pool is not known yet
            self._last_polled_time = datetime.now(UTC)
            return []
        started: list[FlowRun] = []
        more = True
        while more and self.is_setup and not self._stopping:
            await self._wait_for_room()
            self._last_polled_time = datetime.now(UTC)
            busy = set(self._in_hand)  # these may still be SCHEDULED in the answer
            limit = self._free() + len(busy)
            found = await self._scheduled(limit)
            for flow_run in found:
                if flow_run.id not in busy and await self._is_mine(flow_run):
                    self._hand_out(flow_run)
                    started.append(flow_run)
            more = len(found) == limit
        return started

    async def _scheduled(self, limit: int) -> list[FlowRun]:
        """Ask for so many runs at most: Prefect's own method always reads 200, at 10 ms each."""
        body: dict[str, Any] = {"scheduled_before": datetime.now(UTC).isoformat(), "limit": limit}
        if self._work_queues:
            body["work_queue_names"] = sorted(self._work_queues)
        try:
            response = await self.client.request(
                "POST",
                "/work_pools/{name}/get_scheduled_flow_runs",
                path_params={"name": self._work_pool_name},
                json=body,
            )
        except HTTPStatusError as error:
            if error.response.status_code == _NOT_FOUND:  # the pool is made at the next heartbeat
                return []
            raise
        return [one.flow_run for one in WorkerFlowRunResponse.model_validate_list(response.json())]

    async def _is_mine(self, flow_run: FlowRun) -> bool:
        """Keep other workers off: the server makes a run PENDING for one of us only.

        A worker that is alone goes without, since SCHEDULED to RUNNING is accepted and saves a state change.
        """
        if self._other_workers is not None and not self._other_workers:
            return True
        proposed: State[Any] = Pending(message=self._marker)
        result = await self.client.set_flow_run_state(flow_run.id, proposed)
        if result.status != SetStateStatus.ACCEPT:
            return False
        flow_run.state = result.state  # what its next pause follows
        return True

    # -- source of work: our own database --------------------------------------------------------------------

    async def _listen_to_wake_source(self) -> None:
        wait = _IDLE_SECONDS
        while not self._stopping:
            self._asked_at = time.monotonic()
            if not self.is_setup:
                await asyncio.sleep(_IDLE_SECONDS)
                continue
            await self._wait_for_room()
            try:
                self._claiming = asyncio.create_task(asyncio.to_thread(self._wake_source.claim, self._free()))
                wake_ups = await asyncio.shield(self._claiming)
                self._source_answers = True
                LAST_ROUND.set_to_current_time()
                await self._wake(wake_ups)
            except Exception:  # the worker outlives every fault of its sources
                self._source_answers = False
                SOURCE_FAILURES.labels("claim").inc()
                log.exception("wake_source_failed", retry_in_seconds=wait)
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
                continue
            wait = _IDLE_SECONDS
            if not wake_ups:
                await asyncio.sleep(_IDLE_SECONDS)

    async def _wake(self, wake_ups: Iterable[WakeUp]) -> None:
        """Read the claimed runs in one request and hand out those that can run."""
        claimed = {wake_up.flow_run_id: wake_up for wake_up in wake_ups}
        if not claimed:
            return
        try:
            found = await self.client.read_flow_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=list(claimed)))
            )
        except BaseException:
            for wake_up in claimed.values():
                await self._give_back(wake_up, WakeUpResult.NOT_STARTED)
            raise
        runs = {flow_run.id: flow_run for flow_run in found}
        for flow_run_id, wake_up in claimed.items():
            flow_run = runs.get(flow_run_id)
            if flow_run is None or flow_run.state_type in ENDED:
                log.info(
                    "wake_up_skipped",
                    flow_run=str(flow_run_id),
                    state=flow_run.state_name if flow_run else "deleted",
                )
                await self._give_back(wake_up, WakeUpResult.GONE)
            elif flow_run_id in self._in_hand:
                await self._give_back(wake_up, WakeUpResult.NOT_STARTED)
            else:
                self._hand_out(flow_run, wake_up)

    async def _give_back(self, wake_up: WakeUp, result: WakeUpResult) -> None:
        try:
            await asyncio.to_thread(self._wake_source.done, wake_up, result)
        except Exception:  # its lease ends by itself
            SOURCE_FAILURES.labels("done").inc()
            log.exception("wake_source_failed", flow_run=str(wake_up.flow_run_id))

    # -- source of work: what a killed worker left -----------------------------------------------------------

    async def _look_for_lost_runs(self) -> None:
        while not self._stopping:
            if self.is_setup:
                try:
                    await self._wait_for_room()
                    for flow_run in (await self._lost_runs())[: self._free()]:
                        log.warning("lost_run_taken_up", flow_run=str(flow_run.id))
                        self._hand_out(flow_run)
                except Exception as error:  # noqa: BLE001  # next time better
                    SOURCE_FAILURES.labels("lost_runs").inc()
                    log.warning("lost_runs_not_read", error=type(error).__name__)
            await asyncio.sleep(LOST_RUNS_SECONDS if self.is_setup else _IDLE_SECONDS)

    async def _lost_runs(self) -> list[FlowRun]:
        """Find runs that a worker took and that is gone, be it this one in an earlier life."""
        workers = await self.client.read_workers_for_work_pool(self._work_pool_name)
        self._other_workers = {one.name for one in workers if one.status == WorkerStatus.ONLINE} - {self.name}
        busy = set(self._in_hand)
        taken = await self.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(
                    type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
                )
            ),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self._work_pool_name])),
        )
        before = datetime.now(UTC) - _LEFT_BEHIND_AFTER
        present = {RUNNING_MESSAGE + name for name in self._other_workers}
        return [
            flow_run
            for flow_run in taken
            if flow_run.id not in busy
            and flow_run.state is not None
            and flow_run.state.timestamp < before
            and (flow_run.state.message or "").startswith(RUNNING_MESSAGE)
            and flow_run.state.message not in present
        ]

    # -- running ---------------------------------------------------------------------------------------------

    async def run(
        self,
        flow_run: FlowRun,
        configuration: RoutekaartJobConfiguration,  # noqa: ARG002
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> RoutekaartWorkerResult:
        """Run one flow run to its next parking place."""
        if task_status is not None:
            task_status.started(os.getpid())
        result = await self._hand_out(flow_run)
        failed = result == WakeUpResult.FAILED
        return RoutekaartWorkerResult(identifier=str(os.getpid()), status_code=int(failed))

    def _free(self) -> int:
        return max(0, self._concurrency * RUNS_PER_THREAD - len(self._in_hand))

    async def _wait_for_room(self) -> None:
        """Wait until all that is in hand is running, so that the next runs are read many at a time."""
        while len(self._in_hand) > self._concurrency:
            self._room.clear()
            await self._room.wait()

    def _hand_out(self, flow_run: FlowRun, wake_up: WakeUp | None = None) -> asyncio.Task[WakeUpResult]:
        """Queue a run for the threads."""
        if (running := self._in_hand.get(flow_run.id)) is not None:
            return running  # two sources found it at the same time: it runs once
        task = asyncio.create_task(self._run_and_report(flow_run, wake_up), name=f"run {flow_run.id}")
        self._in_hand[flow_run.id] = task
        IN_HAND.set(len(self._in_hand))
        task.add_done_callback(lambda _: self._let_go(flow_run.id))
        return task

    def _let_go(self, flow_run_id: UUID) -> None:
        self._in_hand.pop(flow_run_id, None)
        IN_HAND.set(len(self._in_hand))
        self._room.set()

    async def _run_and_report(self, flow_run: FlowRun, wake_up: WakeUp | None) -> WakeUpResult:
        loop = asyncio.get_running_loop()
        result = WakeUpResult.NOT_STARTED
        try:
            flow = await self._flow_of(flow_run)
            result = await loop.run_in_executor(self._threads, self._timed_run, flow, flow_run)
        except asyncio.CancelledError:
            log.info("run_handed_back", flow_run=str(flow_run.id))
        except ForeignCodeError as refused:
            log.warning("foreign_code_refused", flow_run=str(flow_run.id))
            await self._fail(flow_run, refused)
            result = WakeUpResult.FAILED
        except Exception:  # one run never stops the worker
            log.exception("run_failed", flow_run=str(flow_run.id))
            result = WakeUpResult.FAILED
        WAKE_UPS.labels(result.name.lower()).inc()
        if wake_up is not None:
            await self._give_back(wake_up, result)
        return result

    async def _fail(self, flow_run: FlowRun, refusal: Refusal) -> None:
        """End a run that we do not start, with a sentence that the UI shows."""
        try:
            state: State[Any] = Failed(message=refusal.sentence)
            await self.client.set_flow_run_state(flow_run.id, state, force=True)
        except Exception as error:  # noqa: BLE001 - it is still there at the next round
            log.warning("run_not_failed", flow_run=str(flow_run.id), error=type(error).__name__)

    def _timed_run(self, flow: Flow[..., Any], flow_run: FlowRun) -> WakeUpResult:
        with WAKE_UP_SECONDS.time():
            return self._runner.run(flow, flow_run)

    async def _flow_of(self, flow_run: FlowRun) -> Flow[..., Any]:
        """Load the flow of a deployment once; a changed entry point needs a new worker."""
        if flow_run.deployment_id is None:
            raise ForeignCodeError
        if flow_run.deployment_id not in self._flows:
            try:
                deployment = await self.client.read_deployment(flow_run.deployment_id)
            except ObjectNotFound:
                raise ForeignCodeError from None
            self._flows[flow_run.deployment_id] = await asyncio.to_thread(own_flow, deployment.entrypoint)
        return self._flows[flow_run.deployment_id]
