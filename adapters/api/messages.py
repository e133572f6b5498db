"""Messages of other systems: CloudEvents (structured, binary, in a batch) and ZGW notifications."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from starlette.background import BackgroundTask

from adapters.api.answer import answer
from adapters.api.auth import check_may
from adapters.api.cases import case_answer
from adapters.api.context import GuardedRoute, TheCaller, TheOffice
from adapters.api.models import MessageAnswer, TriedOut
from adapters.api.problems import Problem
from adapters.api.strict_json import read_json
from adapters.cases.casework import ConflictError
from adapters.exchange.answers import answer_once, refuse_another
from adapters.exchange.case_system import wrote_itself
from adapters.exchange.clients import READ
from adapters.exchange.inbox import accept, work_on_inbox
from adapters.exchange.incoming import prepare, take_in
from adapters.exchange.webhooks import SubscriptionError, subscription, try_out

if TYPE_CHECKING:
    from sqlmodel import Session

    from adapters.exchange.clients import Caller
    from adapters.office import Office

router = APIRouter(route_class=GuardedRoute, tags=["berichten"])

_CAME_IN = "Ontvangen; deze client mag niet lezen wat ervan werd."
STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_OF_A_CASE_SYSTEM = "nl.overheid."  # what Open Notificaties makes of a notification begins with it
_SOON = {"Retry-After": "5"}
_MOST_IN_BATCH = 500
_ACCEPTED = 201
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PLAIN_NAME = re.compile(r"[a-z0-9]{1,20}")
_TEXT = {"type": "string", "minLength": 1, "maxLength": 255}
_EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"type": "string", "enum": ["1.0"]},
        "id": _TEXT,
        "source": _TEXT,
        "type": _TEXT,
        "subject": {"type": "string", "maxLength": 300},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string"},
        "data": {"type": "object"},
        "data_base64": {"type": "string", "contentEncoding": "base64"},
    },
}
_NOTIFICATION_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["kanaal", "hoofdObject", "resource", "resourceUrl", "actie", "aanmaakdatum"],
    "properties": {
        "kanaal": _TEXT,
        "hoofdObject": {"type": "string", "format": "uri"},
        "resource": _TEXT,
        "resourceUrl": {"type": "string", "format": "uri"},
        "actie": _TEXT,
        "aanmaakdatum": {"type": "string", "format": "date-time"},
        "kenmerken": {"type": "object"},
    },
}


def _body(description: str, **content: dict[str, Any]) -> dict[str, Any]:
    named = {name: {"schema": schema} for name, schema in content.items()}
    return {"requestBody": {"required": True, "description": description, "content": named}}


async def _cloudevents(request: Request) -> list[dict[str, Any]]:
    """Read the CloudEvents of a request: one, or those of a batch."""
    if _media_type(request) != _BATCH:
        return [await _cloudevent(request)]
    values = await request.json()
    if not isinstance(values, list) or len(values) > _MOST_IN_BATCH:
        raise Problem(400, f"Een batch is een lijst van ten hoogste {_MOST_IN_BATCH} CloudEvents.")
    return [_structured(event) for event in values]


async def _cloudevent(request: Request) -> dict[str, Any]:
    """Read a CloudEvent in either form; the attributes stand beside `data`, which is an object or absent."""
    kind = _media_type(request)
    if kind != STRUCTURED and "ce-specversion" in request.headers:
        attributes: dict[str, Any] = {
            name.removeprefix("ce-"): _attribute(value)
            for name, value in request.headers.items()
            if name.startswith("ce-")
        }
        body = await request.body()
        if not body:
            return _checked(attributes)
        _check_json(kind)
        return _checked(attributes) | {"data": _object_in(read_json(body))}
    if kind not in (STRUCTURED, "application/json"):
        raise Problem(415, f"Stuur een CloudEvent als {STRUCTURED} of {_BATCH}, of met ce-kopregels.")
    return _structured(await request.json())


def _attribute(value: str) -> str:
    """Return an attribute as its header says it: percent-encoded UTF-8, perhaps between quotes, as older senders do."""
    if (quoted := _QUOTED.fullmatch(value)) is not None:
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    try:
        return unquote_to_bytes(value.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "Een ce-kopregel is geen UTF-8.") from None


def _structured(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise Problem(400, "Een CloudEvent is een JSON-object.")
    if "specversion" not in values and "kanaal" in values:
        return (
            values  # Notificaties also sends its older form to who wants CloudEvents, to begin with as a test
        )
    # In JSON an attribute without a value is as good as absent.
    values = _checked({name: value for name, value in values.items() if value is not None})
    return values if {"data", "data_base64"}.isdisjoint(values) else _with_data(values)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_json(kind: str) -> None:
    """Refuse data that are said to be something else than JSON; without a word they are JSON."""
    if kind and kind not in ("application/json", "text/json") and not kind.endswith("+json"):
        raise Problem(415, "De inhoud (data) van een CloudEvent moet JSON zijn.")


def _with_data(values: dict[str, Any]) -> dict[str, Any]:
    """Return a structured CloudEvent with its data as an object, however they were packed."""
    _check_json(str(values.get("datacontenttype", "")).partition(";")[0].strip().lower())
    data = values.pop("data", None)
    if "data_base64" in values:
        packed = values.pop("data_base64")
        if data is not None:
            raise Problem(400, "Een CloudEvent heeft data of data_base64, niet allebei.")
        try:
            data = read_json(base64.b64decode(packed, validate=True))
        except (ValueError, TypeError):
            raise Problem(400, "Het attribuut data_base64 is geen base64.") from None
    return values | {"data": _object_in(data)}


def _object_in(data: Any) -> dict[str, Any]:
    """Return data as an object; a text counts when it holds one, as some libraries send it."""
    if isinstance(data, str):
        data = read_json(data.encode("utf-8", "surrogatepass"))
    if not isinstance(data, dict):
        raise Problem(400, "De inhoud (data) van een CloudEvent moet een JSON-object zijn.")
    return data


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    wrong = [
        name
        for name in ("id", "source", "type")
        if not isinstance(values.get(name), str) or not 0 < len(values[name]) <= 255  # noqa: PLR2004
    ]
    if values.get("specversion") != "1.0":
        wrong.append("specversion")
    wrong += [
        name
        for name, value in values.items()
        if name not in ("data", "data_base64")
        and isinstance(value, dict | list)
        and _PLAIN_NAME.fullmatch(name)
    ]
    if wrong:
        raise Problem(400, "Deze attributen van het CloudEvent ontbreken of kloppen niet.", velden=wrong)
    return values


@router.post(
    "/v1/cloudevents",
    status_code=201,
    response_model=MessageAnswer,
    responses={
        200: {"model": MessageAnswer, "description": "Elk bericht van de batch is verwerkt of bewaard."},
        202: {"model": MessageAnswer, "description": "Bewaard voor een mens, of niet over een zaak van ons."},
        204: {"description": "Een notificatie in de oudere vorm is bewaard."},
    },
    openapi_extra=_body(
        "Een CloudEvent 1.0 (NL GOV-profiel), of een batch ervan; in de binaire vorm alleen de inhoud van `data`.",
        **{STRUCTURED: _EVENT_SCHEMA},
        **{_BATCH: {"type": "array", "maxItems": _MOST_IN_BATCH, "items": _EVENT_SCHEMA}},
        **{"application/json": {}},
    ),
)
def receive_cloudevent(
    request: Request,
    events: Annotated[list[dict[str, Any]], Depends(_cloudevents)],
    caller: TheCaller,
    office: TheOffice,
) -> Response:
    """Meld iets met een CloudEvent; `source` en `id` samen tellen een keer."""
    check_may(caller, "cloudevents")
    if _media_type(request) == _BATCH:
        return _batch(events, caller, office)
    (values,) = events
    if "specversion" not in values:
        return _notified(values, caller, office)
    status, body, repeated = _Message(office, caller, values).taken()
    return answer(MessageAnswer, body, status, repeated=repeated)


def _batch(events: list[dict[str, Any]], caller: Caller, office: Office) -> Response:
    """Take in a batch: all of it is looked at before any of it counts, so that a refusal refuses the whole."""
    messages = [_Message(office, caller, _checked(values)) for values in events]
    contents: dict[str, object] = {}
    for message in messages:
        if contents.setdefault(message.key, message.content) != message.content:
            raise ConflictError("Deze batch heeft twee verschillende berichten met hetzelfde id.")
        refuse_another(office, caller.client_id, message.key, message.content)
    lines = []
    for message in messages:
        status, body, _ = message.taken()
        told = {name: body.get(name) for name in ("zaak", "postbak", "reden")}
        lines.append(
            {"id": message.values["id"], "source": message.values["source"], "status": status, **told}
        )
    return answer(MessageAnswer, {"berichten": lines})


class _Message:
    """One CloudEvent, with what it stands for here."""

    def __init__(self, office: Office, caller: Caller, values: dict[str, Any]) -> None:
        self.values = values
        self.key = f"ce:{values['source']}\x1f{values['id']}"
        # Source and id tell which event it is. A broker may stamp it anew; these say what it is about.
        self.content = ["POST cloudevents", {name: values.get(name) for name in ("type", "subject", "data")}]
        self._office, self._caller = office, caller
        self._prepared = prepared = prepare(office, values)
        for action in (prepared.event, prepared.opens and f"open:{prepared.opens}"):
            if action is not None:
                check_may(caller, action)

    def taken(self) -> tuple[int, dict[str, Any], bool]:
        """Take it in once; give what is answered: who may not read hears no more than that it came in."""
        status, body, repeated = answer_once(
            self._office, self._caller.client_id, self.key, self.content, self._work
        )
        return *told(self._caller, status, body), repeated

    def _work(self, session: Session) -> tuple[int, dict[str, Any]]:
        if self._prepared.ignored:
            return 202, {"postbak": 0, "reden": "Dit soort bericht telt hier niet."}
        if self._prepared.kind.startswith(_OF_A_CASE_SYSTEM):
            ours = wrote_itself(session, self._prepared.references, self._caller.municipalities)
            if ours is None:
                raise Problem(
                    503, "Wij schrijven nu in deze zaak; stuur dit bericht zo opnieuw.", headers=_SOON
                )
            if ours:
                return 202, {"postbak": 0, "reden": "Dit bericht gaat over wat wij zelf schreven."}
        taken = take_in(session, self._office, self._prepared, self._caller.municipalities)
        if taken.receipt is None:
            return 202, {"postbak": taken.postbak or 0, "reden": taken.reason}
        return 201, case_answer(self._office, taken.receipt)


def told(caller: Caller, status: int, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return what a caller hears of his message; who may not read hears no more than that it came in."""
    return (status, body) if caller.may(READ) else (202, {"postbak": 0, "reden": _CAME_IN})


def _notified(values: dict[str, Any], caller: Caller, office: Office) -> Response:
    """Take in a notification in the older form, at whichever address its sender knows us."""
    check_may(caller, "notificaties")
    accept(office, caller.client_id, values)
    return Response(status_code=204, background=BackgroundTask(work_on_inbox, office))


async def _notification(request: Request) -> dict[str, Any]:
    if _media_type(request) not in ("application/json", STRUCTURED):
        raise Problem(415, "Stuur een notificatie als application/json.")
    values = await request.json()
    if not isinstance(values, dict):
        raise Problem(400, "Een notificatie is een JSON-object.")
    return values


@router.post(
    "/v1/notificaties",
    status_code=204,
    openapi_extra=_body(
        "Een notificatie zoals een abonnee van ZGW Notificaties die krijgt.",
        **{"application/json": _NOTIFICATION_SCHEMA},
    ),
)
def receive_notification(
    values: Annotated[dict[str, Any], Depends(_notification)], caller: TheCaller, office: TheOffice
) -> Response:
    """Ontvang een ZGW-notificatie: meteen bewaard, daarna verwerkt."""
    return _notified(values, caller, office)


@router.post("/v1/abonnementen/{naam}/test", response_model=TriedOut)
def try_subscription(
    naam: Annotated[str, Path(max_length=40, examples=["dashboard"])], caller: TheCaller, office: TheOffice
) -> Response:
    """Stuur een abonnee nu een testbericht, en zeg wat hij antwoordt."""
    check_may(caller, "abonnementen")
    if not all(caller.sees(code) for code in subscription(office, naam).municipalities):
        raise SubscriptionError  # what it may not see is not there
    sent = try_out(office, naam)
    return answer(TriedOut, {"abonnement": naam, "gelukt": sent.succeeded, "resultaat": sent.result})
