"""Checks what the seam leans on, and says in one Dutch sentence what is not as it was.

Versions are those that `pyproject.toml` promises. A part is looked at by its parameters: one that is gone or has
another order breaks us before anybody can see why.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from adapters.runtime.settings import SettingsError

CHECKED = ("prefect", "SQLAlchemy", "httpx", "anyio", "pydantic", "fastapi")


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is not promised to us: where it is, the parameters that we use, what breaks without it."""

    place: str
    """`module:name.name`."""
    parameters: tuple[str, ...]
    breaks: str
    """Dutch, after "Daardoor"."""
    names: tuple[str, ...] = ()
    """What its code names and we use as well: attributes that only its own code makes."""


_NO_RUNS = "kan de worker geen flow runs uitvoeren"
_NO_RESUME = "blijft een hervatte flow run liggen"
_NO_PARKING = "kan een zaak niet wachten op een antwoord"
_NO_FORMS = "hebben de formulieren geen Nederlandse tekst"
_BUSY = "geeft Resume een storing als er tegelijk wordt geschreven"
_LEFT = "blijven er sporen van een vernietigde zaak in Prefect staan"
_GROWS = "houdt Prefect alles wat een open zaak ooit meemaakte"
_TWO_STATES = "kost elke wijziging van een zaak een toestand meer"
_NO_SERVER = "start de server niet"
_BASE, _CLIENT = "prefect.workers.base:BaseWorker", "prefect.client.orchestration:SyncPrefectClient"
_DETAILS = "prefect.client.schemas.objects:StateDetails"
_SQLITE = "prefect.server.database.configurations:AioSqliteConfiguration"

WORKER_PARTS = (
    Part("prefect.flow_engine:run_flow", ("flow", "flow_run"), _NO_RUNS),
    Part("prefect.context:SyncClientContext", (), _NO_RUNS),
    Part("prefect.context:ContextModel", (), _NO_RUNS),
    Part(f"{_CLIENT}.read_flow_run", ("self", "flow_run_id"), _NO_RUNS),
    Part(f"{_CLIENT}.update_flow_run", ("self", "flow_run_id", "flow_version"), _NO_RUNS),
    Part(f"{_CLIENT}.set_flow_run_state", ("self", "flow_run_id", "state", "force"), _NO_RUNS),
    Part(f"{_CLIENT}.read_server_default_result_storage", ("self",), _NO_RUNS),
    Part(f"{_BASE}.start", ("self", "run_once", "with_healthcheck", "printer"), _NO_RUNS),
    Part(f"{_BASE}.run", ("self", "flow_run", "configuration", "task_status"), _NO_RUNS),
    Part(f"{_BASE}.teardown", ("self",), _NO_RUNS),
    Part(f"{_BASE}.get_and_submit_flow_runs", ("self",), _NO_RESUME),
    Part(f"{_BASE}.__init__", ("self", "work_pool_name"), _NO_RESUME, ("_work_pool_name", "_work_queues", "is_setup")),
    Part(f"{_BASE}.__init__", (), _NO_RESUME, ("_last_polled_time",)),
    Part(f"{_BASE}.client", (), _NO_RESUME),
    Part("prefect.client.schemas.responses:WorkerFlowRunResponse.model_validate_list", (), _NO_RESUME),
    Part("prefect.exceptions:Pause", (), _NO_PARKING),
    Part(_DETAILS, ("pause_reschedule", "pause_key", "run_input_keyset"), _NO_PARKING),
    Part(f"{_CLIENT}.create_flow_run_input", ("self", "flow_run_id", "key", "value"), _NO_PARKING),
    Part(f"{_CLIENT}.filter_flow_run_input", ("self", "flow_run_id", "key_prefix", "limit"), _NO_PARKING),
    Part(f"{_CLIENT}.delete_flow_run_input", ("self", "flow_run_id", "key"), _NO_PARKING),
    Part("prefect.utilities.callables:parameter_schema", ("fn",), _NO_FORMS),
)  # fmt: skip
_RULES = "prefect.server.orchestration.core_policy"
_TABLES = "prefect.server.database.orm_models"
SERVER_PARTS = (
    Part("prefect.server.api.server:create_app", ("settings", "ephemeral", "webserver_only"), _NO_SERVER),
    Part(f"{_SQLITE}.begin_transaction", ("self", "session", "with_for_update"), _BUSY),
    Part("prefect.server.orchestration.dependencies:ORCHESTRATION_DEPENDENCIES", (), _TWO_STATES),
    Part(f"{_RULES}:CoreFlowPolicy.priority", (), _TWO_STATES, ("HandlePausingFlows", "HandleResumingPausedFlows")),
    *(
        Part(f"{_RULES}:{rule}.{method}", ("self", "initial_state", state, "context"), _TWO_STATES)
        for rule in ("HandlePausingFlows", "HandleResumingPausedFlows")
        for method, state in (("before_transition", "proposed_state"), ("after_transition", "validated_state"))
    ),
    *(
        Part(f"{_TABLES}:{column}", (), _LEFT)
        for column in ("Log.flow_run_id", "Artifact.flow_run_id", "Event.resource", "Event.related", "Event.payload",
                       "EventResource.event_id", "EventResource.resource_id")
    ),
    *(
        Part(f"{_TABLES}:{column}", (), _GROWS)
        for column in ("FlowRun.state_id", "FlowRunState.flow_run_id", "FlowRunState.timestamp", "Log.timestamp")
    ),
)  # fmt: skip


def version_problems() -> Iterator[str]:
    """Yield a sentence for each library whose version is not one that we promise."""
    try:
        promised = {one.name.lower(): one for one in map(Requirement, requires("routekaart") or ())}
    except PackageNotFoundError:  # not installed: nothing was promised
        return
    for name in CHECKED:
        wanted = promised.get(name.lower())
        if wanted is None:
            continue
        try:
            found = version(name)
        except PackageNotFoundError:
            yield f"{name} is niet geïnstalleerd. Installeer {name}{wanted.specifier}."
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            yield f"{name} {found} is niet beproefd. Installeer {name}{wanted.specifier}."


def part_problems(parts: tuple[Part, ...]) -> Iterator[str]:
    """Yield a sentence for each part that is gone or has other parameters."""
    for part in parts:
        if not _is_there(part):
            library = re.split(r"[.:]", part.place)[0]
            found = f"{library} {version(library)}"
            yield f"{found} heeft {part.place} niet zoals wij het gebruiken. Daardoor {part.breaks}."


def check_seam(parts: tuple[Part, ...]) -> None:
    """Refuse to start, in one sentence (SettingsError), when a version or a part is not what we lean on."""
    for problem in (*version_problems(), *part_problems(parts)):
        raise SettingsError(problem)


def _is_there(part: Part) -> bool:
    module, _, path = part.place.partition(":")
    try:
        found: object = import_module(module)
        for name in path.split("."):
            found = inspect.getattr_static(found, name)
    except (ImportError, AttributeError):
        return False
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    code = getattr(found, "__code__", None)
    if part.names and not set(part.names) <= set(getattr(code, "co_names", ())):
        return False
    if not part.parameters:
        return True
    if not callable(found):
        return False
    names = list(inspect.signature(found).parameters)
    if isinstance(found, type):
        return set(part.parameters) <= set(names)
    return names[: len(part.parameters)] == list(part.parameters)
