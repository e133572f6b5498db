"""Leans on (Prefect 3.8.8): `run_flow` of the flow engine, and what it asks of its client.

These are the client context that it looks in, the methods of the client that it calls, and its loggers. Without
them a wake-up costs ten times as much, or no flow runs at all.

Run a flow inside this process, without the requests that a long-lived worker can do without.

Prefect's engine is written for a process that lives for one run: it builds a client with its TLS context,
writes to the run what the deployment already says, reads the run again, asks where results are stored,
starts a heart-beat, and opens a web socket that watches for a suspension. Here a thread keeps one client for
its whole life, and that client answers the engine from what the worker has just read. A wake-up then costs
the two state changes and what the flow itself asks for.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import ssl
import threading
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import certifi
import httpx
import structlog
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus, StateAcceptDetails
from prefect.context import ContextModel, SyncClientContext
from prefect.exceptions import Abort, ObjectNotFound, Pause
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, get_current_settings, temporary_settings
from prefect.states import Cancelled

from flows.prefect_seam.parking import left_at
from flows.wake_source import ENDED, WakeUpResult

if TYPE_CHECKING:
    from uuid import UUID

    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun, State

ENGINE_MODULES = frozenset({"flow_engine", "task_engine"})

log = structlog.get_logger("routekaart.worker")


class OneAtATime(httpx.HTTPTransport):
    """Sends one request at a time for all threads that share the lock.

    Prefect on SQLite breaks when it has to write for many at once. So the runs of a worker overlap in what they do
    themselves, and wait for each other at the server.
    """

    def __init__(self, lock: AbstractContextManager[Any], tls: ssl.SSLContext) -> None:
        # Connections are left before the server closes them (after 5 seconds), so that no request meets that.
        super().__init__(verify=tls, limits=httpx.Limits(keepalive_expiry=4))
        self._lock = lock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request when it is our turn."""
        with self._lock:
            return super().handle_request(request)


class WakeUpClient(SyncPrefectClient):
    """A client that lives as long as its thread and knows the flow run in hand."""

    def __init__(self, tls: ssl.SSLContext, marker: str, lock: AbstractContextManager[Any]) -> None:
        api = get_current_settings().api
        super().__init__(
            api.url or "",
            auth_string=api.auth_string.get_secret_value() if api.auth_string else None,
            api_key=api.key.get_secret_value() if api.key else None,
            httpx_settings={
                "verify": tls,
                "transport": OneAtATime(lock, tls),
                # The server would compress every answer, which takes it longer than sending a few kilobytes.
                "headers": {"Accept-Encoding": "identity"},
            },
        )
        self._marker = marker
        self._lock = lock
        self._run: FlowRun | None = None
        self._held_back: State[Any] | None = None
        self._waits_under: str | None = None
        self._waited = False
        self._pause_follows_pause = True
        self._retries: int | None = None
        self._result_storage: Any = None

    def take_in_hand(self, flow_run: FlowRun) -> None:
        """Answer the engine's questions about this run from what the worker read."""
        self._run, self._held_back = flow_run, None
        self._retries = flow_run.empirical_policy.retries

    def nobody_answered(self) -> bool:
        """Whether the run waits still, as far as the server let this client know: then nobody pressed Resume."""
        return self._held_back is not None and self._waited

    def turn(self) -> AbstractContextManager[Any]:
        """Keep the turn at the server for requests that nothing should come between."""
        return self._lock

    def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        """Return the run in hand without a request, another run from the server."""
        if self._run is not None and self._run.id == flow_run_id:
            return self._run.model_copy()
        return super().read_flow_run(flow_run_id)

    def update_flow_run(self, flow_run_id: UUID, *values: Any, **changes: Any) -> Any:
        """Skip the engine's update of the flow version and of retries that are as they were."""
        policy = changes.get("empirical_policy")
        needless = (
            self._run is not None
            and self._run.id == flow_run_id
            and policy is not None
            and not values
            and set(changes) <= {"flow_version", "empirical_policy"}
            and (policy.retries or 0) == (self._retries or 0)
        )
        return None if needless else super().update_flow_run(flow_run_id, *values, **changes)

    def set_flow_run_state(
        self, flow_run_id: UUID | str, state: State[Any], force: bool = False
    ) -> OrchestrationResult[Any]:
        """Set a state and remember it; RUNNING says which worker runs it, so that a lost run is found.

        RUNNING of a run that waits, or was resumed, is held back until it is known what follows: a next pause says
        all. Before any other state it is sent as it was.
        """
        run = self._run if self._run is not None and self._run.id == flow_run_id else None
        if run is not None and state.is_running() and not state.message:
            state.message = self._marker
        if run is None:
            return super().set_flow_run_state(flow_run_id, state, force=force)
        result: OrchestrationResult[Any]
        # A run that never paused shows when it began: it goes to RUNNING.
        waits_under = left_at(run.state) if run.run_count else None
        if state.is_running() and waits_under is not None and self._pause_follows_pause:
            self._held_back, self._waits_under = state, waits_under
            self._waited = run.state is not None and run.state.is_paused()
            result = OrchestrationResult(
                state=state, status=SetStateStatus.ACCEPT, details=StateAcceptDetails()
            )
        else:
            result = self._set_after_what_was_held_back(flow_run_id, state, force=force)
        if result.state is not None and result.status == SetStateStatus.ACCEPT:
            started = int(result.state.is_running())
            self._run = run.model_copy(
                update={
                    "state": result.state,
                    "state_id": result.state.id,
                    "state_name": result.state.name,
                    "state_type": result.state.type,
                    "run_count": run.run_count + started,
                }
            )
        return result

    def _set_after_what_was_held_back(
        self, flow_run_id: UUID | str, state: State[Any], *, force: bool
    ) -> OrchestrationResult[Any]:
        running, self._held_back = self._held_back, None
        if running is not None and state.is_paused():
            state.state_details.cache_key = self._waits_under
        elif running is not None:
            began = super().set_flow_run_state(flow_run_id, running)
            if began.status != SetStateStatus.ACCEPT:
                return began
        result = super().set_flow_run_state(flow_run_id, state, force=force)
        if running is not None and result.status == SetStateStatus.REJECT and result.state is not None:
            # A server without our rule wants RUNNING first; any other refuses because the run was left elsewhere.
            self._pause_follows_pause = left_at(result.state) != self._waits_under
        return result

    def read_server_default_result_storage(self) -> Any:
        """Ask once where results are stored; a change needs a new worker."""
        if self._result_storage is None:
            self._result_storage = super().read_server_default_result_storage()
        return self._result_storage


class _ClientOfThisThread(SyncClientContext):
    """Prefect's client context around a client that we made."""

    def __init__(self, client: SyncPrefectClient) -> None:
        ContextModel.__init__(self, client=client)


class InProcessRunner:
    """Runs flows in the threads that call it, each with its own long-lived client.

    The marker is the message of the state RUNNING: it says which worker has the run. `together` lets the threads
    send requests beside each other, which only a server on PostgreSQL takes well.
    """

    def __init__(self, marker: str, *, together: bool = False) -> None:
        self._marker = marker
        self._lock: AbstractContextManager[Any] = nullcontext() if together else threading.RLock()
        self._tls = _tls_context()
        self._thread = threading.local()
        quieten_the_engine()

    def run(self, flow: Flow[..., Any], flow_run: FlowRun) -> WakeUpResult:
        """Take a flow run to RUNNING, run its flow, and tell how that ended."""
        client = self._client()
        client.take_in_hand(flow_run)
        # Without a deployment the engine starts no web socket to watch for a suspension. The flow itself sees
        # the whole run: the engine reads it again, from our client.
        bare = flow_run.model_copy(
            update={"deployment_id": None, "empirical_policy": flow_run.empirical_policy.model_copy()}
        )
        try:
            outcome = run_flow(flow, flow_run=bare)
            if inspect.iscoroutine(outcome):
                asyncio.run(outcome)
        except Pause:
            return WakeUpResult.PARKED
        except Abort as reason:
            return self._after_abort(client, flow_run, reason)
        return WakeUpResult.FINISHED

    def _after_abort(self, client: WakeUpClient, flow_run: FlowRun, reason: Abort) -> WakeUpResult:
        """Find out why the server took the run out of our hands; complete a cancellation."""
        log.info("run_aborted", flow_run=str(flow_run.id), reason=str(reason))
        try:
            now = SyncPrefectClient.read_flow_run(client, flow_run.id)
        except ObjectNotFound:
            return WakeUpResult.GONE
        if now.state is not None and now.state.is_cancelling():
            client.set_flow_run_state(flow_run.id, Cancelled(), force=True)
        return WakeUpResult.GONE if now.state_type in ENDED else WakeUpResult.FAILED

    def _client(self) -> WakeUpClient:
        """Return the client of this thread, made when the thread runs its first flow."""
        if not hasattr(self._thread, "client"):
            stack = ExitStack()
            stack.enter_context(temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}))
            client = WakeUpClient(self._tls, self._marker, self._lock)
            stack.enter_context(_ClientOfThisThread(client))
            self._thread.stack, self._thread.client = stack, client
        found: WakeUpClient = self._thread.client
        return found


class _NotTheEngine(logging.Filter):
    """Keeps the engine's own lines out of a run's log, so that coordinators read ours only."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.module not in ENGINE_MODULES:
            return True
        return record.levelno >= logging.ERROR and "Finished in state" not in record.getMessage()


def quieten_the_engine() -> None:
    """Keep "Beginning flow run", "View at" and "Finished in state" out of the logs; real errors stay."""
    for name in ("prefect.flow_runs", "prefect.task_runs", "prefect.engine"):
        log = logging.getLogger(name)
        if not any(isinstance(known, _NotTheEngine) for known in log.filters):
            log.addFilter(_NotTheEngine())


def _tls_context() -> ssl.SSLContext:
    """Build the TLS context that every client of this process shares; it takes longer than a wake-up."""
    api = get_current_settings().api
    context = ssl.create_default_context(cafile=api.ssl_cert_file or certifi.where())
    if api.tls_insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
