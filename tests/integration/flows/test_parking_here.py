"""What a wake-up asks of Prefect's server, in this process: parking, answers, and what goes wrong."""

from __future__ import annotations

import json
import logging
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

import httpx
import pytest
from prefect import flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRunPolicy, State, StateDetails, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import Abort, MissingContextError
from prefect.logging import get_run_logger
from prefect.logging.handlers import APILogHandler
from prefect.server.orchestration.dependencies import ORCHESTRATION_DEPENDENCIES
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_TLS_INSECURE_SKIP_VERIFY,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)
from prefect.states import Cancelled, Cancelling, Completed, Pending
from pydantic import BaseModel, Field
from support.prefect_here import MARKER, ByHand

from adapters.runtime import checkpoints
from adapters.runtime.checkpoints import Checkpoint
from flows.prefect_seam.in_process import OneAtATime, _tls_context, quieten_the_engine
from flows.prefect_seam.parking import (
    Answer,
    _Form,
    forget_when_parked,
    form_schema,
    is_passing,
    park,
    take_answer,
    this_run,
)
from flows.wake_source import WakeUpResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prefect.client.schemas.objects import FlowRun


class Manier(StrEnum):
    """How the resident was reached."""

    BELLEN = "bellen"
    HUISBEZOEK = "huisbezoek"


class Contact(BaseModel):
    """Wat is er gebeurd sinds de vorige keer."""

    manier: Manier = Field(title="Hoe is er contact gezocht?")
    bereikt: bool = Field(title="Is de inwoner bereikt?")


class Bare(BaseModel):  # noqa: D101 - without a text
    manier: Literal["bellen"] | None = None


class Wakened:
    """One run of a flow that takes its answers and parks, woken by hand."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self.client, self.worker = client, ByHand()
        self.answers: list[Answer] = []
        self.before_parking: list[Callable[[], object]] = []
        self.form: type[BaseModel] | None = Contact
        self.given: dict[str, Any] = {}

        @flow(name="proef-parkeren-hier")
        def waiting() -> None:
            while (answer := take_answer()) is not None:
                self.answers.append(answer)
            get_run_logger().info("De zaak is bijgewerkt.")
            for work in self.before_parking:
                work()
            park("Wacht op contact", "Uiterlijk 1 mei 2026", self.form, "A-1", self.given)

        self.flow = waiting
        deployment = client.create_deployment(client.create_flow(waiting), name="proef")
        self.id = client.create_flow_run_from_deployment(deployment, state=Pending()).id

    def read(self) -> FlowRun:
        """Read the run from the server."""
        return self.client.read_flow_run(self.id)

    def wake(self) -> WakeUpResult:
        """Wake it."""
        return self.worker.run(self.flow, self.read())

    def resume(self, values: dict[str, Any] | None) -> str:
        """Press Resume; give the verdict of the server."""
        return self.client.resume_flow_run(self.id, run_input=values).status.value

    def kept(self) -> set[str]:
        """Return the keys of what the server keeps with the run."""
        return {one.key for one in self.client.filter_flow_run_input(self.id, "", 200, set())}


@pytest.fixture
def waiting(prefect_url: str) -> Iterator[Wakened]:
    """A run that was not woken yet."""
    assert prefect_url
    with get_client(sync_client=True) as client:
        made = Wakened(client)
        yield made
        made.worker.close()


def test_a_parked_run_shows_its_form(waiting: Wakened) -> None:
    """Name, message, form and the text above it, no timeout; its log has our own lines only."""
    assert waiting.wake() is WakeUpResult.PARKED
    run = waiting.read()
    assert run.state is not None
    assert (run.state_type, run.state_name, run.state.message) == (
        StateType.PAUSED,
        "Wacht op contact",
        "Uiterlijk 1 mei 2026",
    )
    details = run.state.state_details
    assert (details.pause_timeout, details.pause_reschedule) == (None, True)
    keys = details.run_input_keyset
    assert keys is not None
    assert keys["response"].startswith("antwoord-")
    assert waiting.kept() == {keys["schema"], keys["description"]}
    assert keys["description"] == f"{keys['schema']}-tekst"
    assert "Manier" in waiting.client.read_flow_run_input(run.id, keys["schema"])
    assert "sinds de vorige keer" in waiting.client.read_flow_run_input(run.id, keys["description"])
    APILogHandler().flush()
    lines = waiting.client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
    assert [(line.level, line.message) for line in lines] == [(20, "De zaak is bijgewerkt.")]


def test_an_answer_is_handed_out_once_and_then_forgotten(waiting: Wakened) -> None:
    """The flow gets what was filled in, under an id of its own and with its moment; nothing of it stays."""
    waiting.wake()
    before = waiting.kept()
    values = {"manier": "bellen", "bereikt": True}
    for _ in range(2):
        assert waiting.resume(values) == "ACCEPT"
        assert waiting.read().state_type is StateType.SCHEDULED
        (key,) = (key for key in waiting.kept() if key.startswith("antwoord-"))
        assert waiting.wake() is WakeUpResult.PARKED
        assert waiting.answers[-1].id == f"prefect:{waiting.id}:{key.removeprefix('antwoord-')}"
        assert waiting.answers[-1].given_at is not None
        assert waiting.kept() == before
    assert [one.values for one in waiting.answers] == [values, values]
    assert waiting.answers[0].id != waiting.answers[1].id
    waiting.wake()
    assert len(waiting.answers) == 2


def test_what_belongs_to_an_answer_is_forgotten_with_it(waiting: Wakened) -> None:
    """Who answered stands beside the answer; it goes when the run parks, and what is gone already does no harm."""
    waiting.wake()
    waiting.client.create_flow_run_input(waiting.id, "wie-1", '"mw-17"')
    waiting.before_parking.append(lambda: forget_when_parked(["wie-1", "wie-2"]))
    assert waiting.wake() is WakeUpResult.PARKED
    assert not {key for key in waiting.kept() if key.startswith("wie-")}


def test_a_wake_up_that_dies_sees_the_same_answer_again(waiting: Wakened) -> None:
    """An answer stays with Prefect until the run parks."""
    waiting.wake()
    waiting.resume({"manier": "huisbezoek", "bereikt": False})

    def die() -> None:
        raise KeyboardInterrupt

    waiting.before_parking.append(die)
    with pytest.raises(KeyboardInterrupt):
        waiting.wake()
    waiting.before_parking.clear()
    assert waiting.wake() is WakeUpResult.PARKED
    first, second = waiting.answers
    assert first == second


def test_a_bad_answer_is_refused(waiting: Wakened) -> None:
    """The server checks the form; a refused answer leaves the run parked."""
    waiting.wake()
    for wrong in ({"manier": "duif", "bereikt": True}, {"bereikt": True}, None):
        assert waiting.resume(wrong) == "REJECT"
    assert waiting.read().state_name == "Wacht op contact"
    assert waiting.wake() is WakeUpResult.PARKED
    assert waiting.answers == []


@pytest.mark.parametrize("form", [None, Bare])
def test_resume_without_input_brings_no_answer(waiting: Wakened, form: type[BaseModel] | None) -> None:
    """With nothing to fill in, or nothing filled in; a form without a text above it stores none."""
    waiting.form = form
    waiting.wake()
    assert len(waiting.kept()) == (form is not None)
    assert waiting.resume(None) == "ACCEPT"
    assert waiting.wake() is WakeUpResult.PARKED
    assert waiting.answers == []


def test_a_form_is_a_schema_with_titles_and_choices() -> None:
    """The Resume dialog finds the choices of an enumeration under `definitions`."""
    schema = form_schema(Contact)
    assert schema["definitions"]["Manier"]["enum"] == ["bellen", "huisbezoek"]
    assert schema["properties"]["manier"]["$ref"] == "#/definitions/Manier"
    assert schema["required"] == ["manier", "bereikt"]


def test_what_was_refused_stands_in_the_form_where_it_fits() -> None:
    """A choice that is no more, nothing, and a field that is no more do not come back."""

    class Question(BaseModel):
        soort: Literal["a", "b"]
        vast: Literal["x"]
        veel: list[Literal["p", "q"]]
        tekst: str

    def kept(**given: Any) -> dict[str, Any]:
        form = _Form.of(Question, given)
        shown = form_schema(Question)["properties"]
        fields: dict[str, Any] = {
            name: now["default"]
            for name, now in json.loads(form.schema)["properties"].items()
            if now != shown[name]
        }
        return fields

    assert kept(soort="b", vast="x", veel=["q"], tekst="t", weg="w") == {
        "soort": "b", "vast": "x", "veel": ["q"], "tekst": "t",
    }  # fmt: skip
    assert kept(soort="c", vast="y", veel=["p", "z"], tekst="") == {}
    assert kept(soort=None) == {}
    assert _Form.of(Question, {}).key == _Form.of(Question, {"soort": "c"}).key
    assert _Form.of(Question, {}).key != _Form.of(Question, {"soort": "a"}).key


def test_a_run_that_was_cancelled_meanwhile_is_gone(waiting: Wakened) -> None:
    """A cancellation that waits for its worker is completed; one that stands stays as it is."""
    waiting.wake()
    cancel = Cancelling()
    waiting.before_parking.append(lambda: waiting.client.set_flow_run_state(waiting.id, cancel, force=True))
    assert waiting.wake() is WakeUpResult.GONE
    assert waiting.read().state_type is StateType.CANCELLED

    other = Wakened(waiting.client)
    other.before_parking.append(
        lambda: other.client.set_flow_run_state(other.id, Cancelled(message="weg"), force=True)
    )
    assert other.wake() is WakeUpResult.GONE
    other.worker.close()
    state = other.read().state
    assert state is not None
    assert state.message == "weg"


def test_a_run_that_was_deleted_meanwhile_is_gone(waiting: Wakened) -> None:
    """There is nothing to try again."""

    def abort() -> None:
        waiting.client.delete_flow_run(waiting.id)
        raise Abort("weg")

    waiting.before_parking.append(abort)
    assert waiting.wake() is WakeUpResult.GONE


def test_a_run_that_another_parked_is_tried_again(waiting: Wakened) -> None:
    """What that one shows may be older than what we know: it is none of ours, and no form is stored with it."""
    other = Wakened(waiting.client)
    other.id = waiting.id
    waiting.before_parking.append(other.wake)
    assert waiting.wake() is WakeUpResult.FAILED
    other.worker.close()
    run = waiting.read()
    assert run.state_type is StateType.PAUSED


def test_a_run_that_another_gave_its_next_pause_is_tried_again(waiting: Wakened) -> None:
    """A pause follows only the one in which the worker found the run; it is no sign of a server without our rule."""
    waiting.wake()
    other = Wakened(waiting.client)
    other.id = waiting.id

    def once() -> None:
        waiting.before_parking.clear()
        assert other.wake() is WakeUpResult.PARKED

    waiting.before_parking.append(once)
    assert waiting.wake() is WakeUpResult.FAILED
    other.worker.close()
    before = waiting.read().run_count
    assert waiting.wake() is WakeUpResult.PARKED
    assert waiting.read().run_count == before


def test_a_flow_that_ends_is_finished(waiting: Wakened) -> None:
    """It keeps the state that it gave."""

    @flow(name="proef-klaar")
    def done() -> Any:
        return Completed(name="Afgerond")

    @flow(name="proef-klaar-later")
    async def later() -> Any:
        return Completed(name="Later")

    for work, name in ((done, "Afgerond"), (later, "Later")):
        run = waiting.client.create_flow_run(work)
        assert waiting.worker.run(work, run) is WakeUpResult.FINISHED
        assert waiting.client.read_flow_run(run.id).state_name == name


def test_a_server_that_fails_in_between_ends_the_wake_up_quietly(
    waiting: Wakened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What will pass ends the wake-up without a state of its own; what will not is a fault."""
    waiting.wake()
    send = OneAtATime.handle_request
    status = 503

    def refused(self: OneAtATime, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/set_state") and b"PAUSED" in request.content:
            return httpx.Response(status, request=request)
        return send(self, request)

    waiting.before_parking.append(lambda: monkeypatch.setattr(OneAtATime, "handle_request", refused))
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        patient, waiting.worker = waiting.worker, ByHand()
        assert waiting.wake() is WakeUpResult.FAILED
        waiting.worker.close()
    waiting.worker = patient
    monkeypatch.setattr(OneAtATime, "handle_request", send)
    assert waiting.read().state_type is StateType.PAUSED
    status = 422
    with pytest.raises(httpx.HTTPStatusError):
        waiting.wake()


def test_a_wake_up_is_two_requests_and_the_text_of_its_form(
    waiting: Wakened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PAUSED, the form and its text: nobody asks for answers to a run that waits still, or looks up a run."""
    sent: list[str] = []
    send = OneAtATime.handle_request

    def noted(self: OneAtATime, request: httpx.Request) -> httpx.Response:
        sent.append(f"{request.method} {request.url.path.rpartition(str(waiting.id))[2]}")
        assert request.headers["Accept-Encoding"] == "identity"
        return send(self, request)

    monkeypatch.setattr(OneAtATime, "handle_request", noted)
    for _ in range(2):
        sent.clear()
        assert waiting.wake() is WakeUpResult.PARKED
    assert sent == ["POST /set_state", "POST /input", "POST /input"]


def test_a_run_that_somebody_resumed_is_asked_for_answers_and_waits_again(
    waiting: Wakened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers come, and then the next pause; until that stands any worker finds it as it was resumed."""
    sent: list[str] = []
    found: list[Any] = []
    send = OneAtATime.handle_request

    def noted(self: OneAtATime, request: httpx.Request) -> httpx.Response:
        sent.append(f"{request.method} {request.url.path.rpartition(str(waiting.id))[2]}")
        return send(self, request)

    waiting.wake()
    assert waiting.resume({"manier": "bellen", "bereikt": True}) == "ACCEPT"
    monkeypatch.setattr(OneAtATime, "handle_request", noted)
    waiting.before_parking.append(lambda: found.append(waiting.read().state_name))
    assert waiting.wake() is WakeUpResult.PARKED
    assert [line.partition("antwoord-")[0] for line in sent] == [
        "POST /input/filter",
        "DELETE /input/",
        "POST /set_state",
        "POST /input",
        "POST /input",
    ]
    assert found == ["Resuming"]


def test_a_resumed_run_that_this_worker_took_waits_again(waiting: Wakened) -> None:
    """Beside other workers a run is made PENDING first; its next pause follows the state that the server gave."""
    waiting.wake()
    assert waiting.resume({"manier": "bellen", "bereikt": True}) == "ACCEPT"
    taken = waiting.client.set_flow_run_state(waiting.id, Pending(message=MARKER))
    assert taken.state is not None
    assert taken.state.id == waiting.read().state_id
    assert waiting.wake() is WakeUpResult.PARKED
    states = waiting.client.read_flow_run_states(waiting.id)
    assert [state.type for state in states][-2:] == [StateType.PENDING, StateType.PAUSED]


def test_who_answers_while_his_case_is_shown_anew_is_heard(waiting: Wakened) -> None:
    """The pause that was under way is refused; the next wake-up finds the answer."""
    waiting.wake()

    def resume() -> None:
        waiting.before_parking.clear()
        assert waiting.resume({"manier": "bellen", "bereikt": True}) == "ACCEPT"

    waiting.before_parking.append(resume)
    assert waiting.wake() is WakeUpResult.FAILED
    assert waiting.answers == []
    assert waiting.read().state_name == "Resuming"
    assert waiting.wake() is WakeUpResult.PARKED
    assert [answer.values for answer in waiting.answers] == [{"manier": "bellen", "bereikt": True}]


@pytest.mark.parametrize("key", [None, "van een ander"])
def test_a_run_that_somebody_paused_is_running_before_it_parks(waiting: Wakened, key: str | None) -> None:
    """Such a pause is none of ours: no pause follows it, and the case is shown all the same."""
    waiting.wake()
    paused: State[Any] = State(
        type=StateType.PAUSED, name="Paused", state_details=StateDetails(pause_key=key)
    )
    waiting.client.set_flow_run_state(waiting.id, paused, force=True)
    assert waiting.wake() is WakeUpResult.PARKED
    assert waiting.read().state_name == "Wacht op contact"


def test_a_server_without_our_rule_is_told_of_each_start(
    waiting: Wakened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect's own server refuses the first time; from then on a run goes to RUNNING before it parks."""
    waiting.wake()
    monkeypatch.setitem(ORCHESTRATION_DEPENDENCIES, "flow_policy_provider", None)
    assert waiting.wake() is WakeUpResult.FAILED
    assert waiting.wake() is WakeUpResult.PARKED
    assert waiting.wake() is WakeUpResult.PARKED


def test_a_run_that_waited_and_ends_was_running(waiting: Wakened) -> None:
    """What was held back is sent before any state but a pause: its history says that it ran."""
    waiting.wake()
    waiting.before_parking.append(lambda: (_ for _ in ()).throw(ValueError("stuk")))
    with pytest.raises(ValueError, match="stuk"):
        waiting.wake()
    states = waiting.client.read_flow_run_states(waiting.id)
    assert [state.type for state in states][-2:] == [StateType.RUNNING, StateType.FAILED]


def test_only_what_the_worker_does_not_know_is_asked(waiting: Wakened) -> None:
    """The run in hand is told from what was read, and follows each state; any other run comes from the server."""
    client = waiting.worker.client()
    assert client is waiting.worker.client()
    assert client.read_flow_run(waiting.id).id == waiting.id  # nothing in hand
    run = waiting.read()
    client.take_in_hand(run)
    waiting.client.update_flow_run(waiting.id, name="anders")
    assert client.read_flow_run(waiting.id).name == run.name
    assert client.read_flow_run(waiting.id) is not run
    other = Wakened(waiting.client)
    assert client.read_flow_run(other.id).id == other.id
    client.update_flow_run(waiting.id, flow_version="9", empirical_policy=FlowRunPolicy(retries=0))
    assert waiting.read().flow_version != "9"
    client.update_flow_run(waiting.id, flow_version="9", empirical_policy=FlowRunPolicy(retries=2))
    assert waiting.read().flow_version == "9"
    client.update_flow_run(waiting.id, flow_version="10", name="nieuw", empirical_policy=FlowRunPolicy())
    assert waiting.read().name == "nieuw"
    client.update_flow_run(other.id, flow_version="9", empirical_policy=FlowRunPolicy(retries=0))
    assert other.read().flow_version == "9"
    client.update_flow_run(waiting.id, flow_version="11")
    assert waiting.read().flow_version == "11"
    first = client.read_server_default_result_storage()
    assert client.read_server_default_result_storage() is first


def test_outside_a_flow_nothing_parks() -> None:
    """Whoever parks or asks for an answer elsewhere made a fault."""
    assert FlowRunContext.get() is None
    for call in (this_run, take_answer, lambda: park("a", "b", None), lambda: forget_when_parked(["x"])):
        with pytest.raises(MissingContextError):
            call()


def test_what_passes_may_be_tried_again() -> None:
    """A server that is busy or away, and not one that does not want it."""
    request = httpx.Request("GET", "http://127.0.0.1:9")

    def answered(status: int) -> Exception:
        return httpx.HTTPStatusError("", request=request, response=httpx.Response(status, request=request))

    assert [is_passing(answered(status)) for status in (404, 409, 499, 500, 503)] == [
        False, False, False, True, True,
    ]  # fmt: skip
    assert is_passing(httpx.ConnectError("weg"))
    assert not is_passing(ValueError("anders"))
    assert not is_passing(Abort())


def test_the_form_comes_after_its_pause(waiting: Wakened, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill in between is a moment that tests can name, with the case."""
    seen: list[tuple[Checkpoint, str, set[str]]] = []
    monkeypatch.setattr(
        checkpoints, "_listeners", [lambda point, case: seen.append((point, case, waiting.kept()))]
    )
    waiting.wake()
    assert seen == [(Checkpoint.BEFORE_FORM, "A-1", set())]


def test_the_engine_says_only_its_errors() -> None:
    """Ours stay, also beside a worker that is made twice; "Finished in state" is no error, though it comes as one."""
    quieten_the_engine()
    quieten_the_engine()
    log = logging.getLogger("prefect.flow_runs")
    ours = [known for known in log.filters if type(known).__name__ == "_NotTheEngine"]
    assert len(ours) == 1

    def kept(module: str, level: int, said: str) -> bool:
        record = logging.LogRecord("prefect.flow_runs", level, f"/x/{module}.py", 1, said, None, None)
        return bool(ours[0].filter(record))

    assert kept("process_run", logging.INFO, "Verwerkt")
    assert not kept("flow_engine", logging.INFO, "Beginning flow run")
    assert not kept("task_engine", logging.WARNING, "iets")
    assert kept("flow_engine", logging.ERROR, "Encountered an exception")
    assert not kept("flow_engine", logging.ERROR, "Finished in state Failed()")


def header_of_a_client() -> str:
    """Return with what a worker comes in at the server."""
    worker = ByHand()
    header: str = worker.client()._client.headers["Authorization"]
    worker.close()
    return header


def test_a_client_shows_the_secrets_that_prefect_was_given(prefect_url: str) -> None:
    """A user's password or an API key, and without a check of certificates only where that was asked."""
    somewhere = {PREFECT_API_URL: prefect_url}
    with temporary_settings(somewhere | {PREFECT_API_AUTH_STRING: "admin:geheim"}):
        assert header_of_a_client().startswith("Basic ")
    with temporary_settings(somewhere | {PREFECT_API_KEY: "sleutel"}):
        assert header_of_a_client() == "Bearer sleutel"
    assert _tls_context().check_hostname
    with temporary_settings({PREFECT_API_TLS_INSECURE_SKIP_VERIFY: True}):
        loose = _tls_context()
    assert (loose.check_hostname, loose.verify_mode.name) == (False, "CERT_NONE")
