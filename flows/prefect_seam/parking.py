"""Leans on (Prefect 3.8.8): pauses that reschedule, and the dialog of Resume.

These are a PAUSED state with a key and a keyset of inputs, the exceptions `Pause` and `Abort` that end a run without
a state of its own, and the keys `schema`, `description` and `response` that the dialog reads. Without them no case
waits, or Resume asks for nothing.

Park a flow run until an event, a term or a person wakes it, and read what that person answered.

A parked run is PAUSED in Prefect under our own name and message. It holds no process and no memory. When
the state carries a form, Prefect's Resume button shows it, checks the answer against it, and keeps the answer
as an input of the flow run.

Each pause has a key of its own that never comes back, so an answer belongs to one pause. An answer is removed
when the run parks after it was taken; until then every wake-up offers it again. A run that is killed half way
therefore sees the same answer, with the same id, once more.

A form is stored when its pause stands: from 3.9 on Prefect removes, with each new pause, what an earlier one
left under the same keys. Whoever presses Resume in the milliseconds between is refused, so nothing else of this
worker is sent to the server between the two. A run that is killed there is parked anew, because nobody has noted
yet that it was shown.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, cast

import httpx
import structlog
from prefect import get_client
from prefect.client.schemas.objects import State, StateDetails, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import Abort, MissingContextError, Pause

from adapters.runtime.checkpoints import Checkpoint, reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, FlowRunInput
    from pydantic import BaseModel

ANSWER_PREFIX = "antwoord-"
FORM_PREFIX = "formulier-"
CONFLICT = 409
SERVER_ERROR = 500
MOST_ANSWERS = 200  # far above one: more than one answer waits only after a race or a kill

log = structlog.get_logger("routekaart.parking")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person entered in the Resume form of one pause."""

    id: str
    """Unique for the pause and the same at every reading: the id of the event that it becomes."""
    values: dict[str, Any]
    given_at: datetime | None
    """When the server accepted it, which may be days before a worker read it."""


@dataclass(slots=True)
class _Attempt:
    """What this wake-up has read: the answers still to hand out, and the keys of those handed out."""

    context: FlowRunContext
    waiting: list[FlowRunInput] | None = None
    taken: list[str] = field(default_factory=list)


_attempt: ContextVar[_Attempt | None] = ContextVar("routekaart-attempt", default=None)


def take_answer() -> Answer | None:
    """Return the oldest answer that was not handled yet, or None.

    None says that the run was woken for another reason, or that Resume brought no input. Call it until it
    gives None. The answers stay with Prefect until the run parks: apply each one under its id, in a
    transaction that has committed before `park` is called.
    """
    run, attempt = this_run(), _current_attempt()
    if attempt.waiting is None:
        # A run that never ran before never parked, and one that waits still was not resumed: nobody answered it.
        attempt.waiting = [] if run.run_count <= 1 or _nobody_answered() else _read_answers(run)
    if not attempt.waiting:
        return None
    stored = attempt.waiting.pop(0)
    attempt.taken.append(stored.key)
    return Answer(
        id=f"prefect:{run.id}:{stored.key.removeprefix(ANSWER_PREFIX)}",
        values=stored.decoded_value,
        given_at=stored.created,
    )


def forget_when_parked(keys: Iterable[str]) -> None:
    """Remove these inputs of the run too when it parks: they belong to an answer that was taken."""
    _current_attempt().taken.extend(keys)


def park(
    name: str,
    message: str,
    form: type[BaseModel] | Mapping[str, Any] | None,
    reference: str = "",
    given: Mapping[str, Any] = MappingProxyType({}),
) -> NoReturn:
    """Park the current flow run under a name and a message, with the form that Resume asks for.

    A form is a model, or the JSON schema of one. `given` is what was filled in before and was refused: it stands in
    the form, where that still has room for it.

    The run ends quietly, without a state of its own, when it was cancelled meanwhile or when the server does
    not answer: the worker finds it again. `reference` names the case to the checkpoints.
    """
    run, client = this_run(), get_client(sync_client=True)
    pause_key = secrets.token_hex(6)  # short: the server keeps every key that a run ever used
    shown = _Form.of(form, given) if form else None
    try:
        _forget_taken_answers(client, run)
        proposed: State[Any] = State(
            type=StateType.PAUSED,
            name=name,
            message=message,
            state_details=StateDetails(
                pause_reschedule=True,
                pause_key=pause_key,
                run_input_keyset=shown.keyset(pause_key) if shown else None,
            ),
        )
        with _turn(client):
            result = client.set_flow_run_state(run.id, proposed)
            accepted = result.state
            # A request that was sent twice is rejected with the pause that the first one made. A pause of somebody
            # else is none of ours: what it shows may be older than what we know.
            if (
                accepted is not None
                and accepted.is_paused()
                and accepted.state_details.pause_key == pause_key
            ):
                reach(Checkpoint.BEFORE_FORM, reference)
                if shown is not None:
                    shown.store(client, run.id)
                raise Pause(name, state=accepted)
    except httpx.HTTPError as error:
        if not is_passing(error):
            raise
        raise Abort(f"De Prefect-server antwoordt niet: {error}") from error
    raise Abort(getattr(result.details, "reason", None) or "De flow run kan nu niet wachten.")


@dataclass(frozen=True, slots=True)
class _Form:
    """A form as Prefect keeps it: a schema, and the text above it. Equal forms have equal keys."""

    key: str
    schema: str
    description: str | None

    @classmethod
    def of(cls, form: type[BaseModel] | Mapping[str, Any], given: Mapping[str, Any]) -> _Form:
        """Make it of a model or a schema, with what was filled in before."""
        schema = form_schema(form) if isinstance(form, type) else dict(form)
        fields = schema.get("properties", {})
        before = {
            name: shown | {"default": given[name]}
            for name, shown in fields.items()
            if given.get(name) not in (None, "") and _takes(shown, given[name])
        }
        schema |= {"properties": fields | before} if before else {}
        written = json.dumps(schema, sort_keys=True)
        key = FORM_PREFIX + hashlib.sha256(written.encode()).hexdigest()[:16]
        return cls(key, written, schema.get("description"))

    def keyset(self, pause_key: str) -> dict[str, str]:
        """Return the keys that a pause names: of the form, of the text, and of the answer that may come."""
        keys = {"schema": self.key, "response": ANSWER_PREFIX + pause_key}
        return keys if self.description is None else {**keys, "description": f"{self.key}-tekst"}

    def store(self, client: SyncPrefectClient, flow_run_id: UUID) -> None:
        """Store it with its run, where it is not there yet."""
        _store_once(client, flow_run_id, self.key, self.schema)
        if self.description is not None:
            _store_once(client, flow_run_id, f"{self.key}-tekst", json.dumps(self.description))


def _turn(client: SyncPrefectClient) -> AbstractContextManager[Any]:
    """Keep the turn at the server, where the threads of a worker share one; any other client has its own."""
    turn = getattr(client, "turn", nullcontext)
    return cast("AbstractContextManager[Any]", turn())


def _takes(shown: Mapping[str, Any], value: object) -> bool:
    """Whether a field of a form has room for a value: what can no longer be chosen does not come back."""
    if "const" in shown:
        return bool(shown["const"] == value)
    choices = shown.get("enum") or shown.get("items", {}).get("enum")
    return choices is None or all(one in choices for one in (value if isinstance(value, list) else [value]))


def form_schema(form: type[BaseModel]) -> dict[str, Any]:
    """Return a form as the JSON schema that Prefect's Resume dialog reads."""
    schema = form.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    if "$defs" in schema:
        schema["definitions"] = schema.pop("$defs")
    return schema


def this_run() -> FlowRun:
    """Return the flow run in which this is called."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise MissingContextError("Parking is only possible inside a flow run.")
    return context.flow_run


def _current_attempt() -> _Attempt:
    """Return the notes of this wake-up; a new run context means new notes."""
    context = FlowRunContext.get()
    attempt = _attempt.get()
    if attempt is None or attempt.context is not context:
        if context is None:
            raise MissingContextError("Parking is only possible inside a flow run.")
        attempt = _Attempt(context)
        _attempt.set(attempt)
    return attempt


def _nobody_answered() -> bool:
    """Whether the client that has the run in hand knows that nobody did; any other client has to ask."""
    known = getattr(get_client(sync_client=True), "nobody_answered", lambda: False)
    return bool(known())


def _read_answers(run: FlowRun) -> list[FlowRunInput]:
    client = get_client(sync_client=True)
    return client.filter_flow_run_input(run.id, ANSWER_PREFIX, MOST_ANSWERS, set())


def _forget_taken_answers(client: SyncPrefectClient, run: FlowRun) -> None:
    """Remove the answers that this wake-up applied; one that stays is offered again, which is harmless."""
    for key in _current_attempt().taken:
        try:
            client.delete_flow_run_input(run.id, key)
        except httpx.HTTPError as error:
            log.debug("answer_not_removed", flow_run=str(run.id), key=key, error=type(error).__name__)


def _store_once(client: SyncPrefectClient, flow_run_id: UUID, key: str, value: str) -> None:
    try:
        client.create_flow_run_input(flow_run_id, key, value)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != CONFLICT:
            raise


def left_at(state: Any) -> str | None:
    """Return what the next pause of a run names when it follows this state; None when it may not follow it.

    It may follow a pause of a run that leaves its worker while it waits, and what such a run is in after Resume.
    """
    if state is None:
        return None
    if state.is_paused():
        return state.state_details.pause_key if state.state_details.pause_reschedule else None
    return str(state.id) if state.is_scheduled() or state.is_pending() else None


def is_passing(error: Exception) -> bool:
    """Tell whether the server may accept the same request later."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= SERVER_ERROR
    return isinstance(error, httpx.TransportError)
