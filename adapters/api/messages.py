"""Messages of other systems: CloudEvents (structured and binary) and ZGW notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from starlette.background import BackgroundTask

from adapters.api.auth import check_may
from adapters.api.cases import case_answer
from adapters.api.context import GuardedRoute, TheCaller, TheOffice
from adapters.api.models import CaseState, Kept
from adapters.api.problems import Problem
from adapters.exchange.answers import answer_once
from adapters.exchange.inbox import accept, work_on_inbox
from adapters.exchange.incoming import prepare, take_in

if TYPE_CHECKING:
    from sqlmodel import Session

router = APIRouter(route_class=GuardedRoute, tags=["berichten"])

STRUCTURED = "application/cloudevents+json"
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
        "data": {},
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


async def _cloudevent(request: Request) -> dict[str, Any]:
    """Read a CloudEvent in either form; the attributes stand beside `data`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-specversion" in request.headers:
        attributes: dict[str, Any] = {
            name.removeprefix("ce-"): unquote(value)
            for name, value in request.headers.items()
            if name.startswith("ce-")
        }
        if await request.body():
            if kind != "application/json" and not kind.endswith("+json"):
                raise Problem(415, "De inhoud van een CloudEvent moet JSON zijn.")
            attributes["data"] = await request.json()
        return _checked(attributes)
    if kind not in (STRUCTURED, "application/json"):
        raise Problem(415, f"Stuur een CloudEvent als {STRUCTURED}, of met ce-kopregels.")
    return _checked(await request.json())


def _checked(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise Problem(422, "Een CloudEvent is een JSON-object.")
    wrong = [
        name
        for name in ("id", "source", "type")
        if not isinstance(values.get(name), str) or not 0 < len(values[name]) <= 255  # noqa: PLR2004
    ]
    if values.get("specversion") != "1.0":
        wrong.append("specversion")
    if wrong:
        raise Problem(422, "Deze attributen van het CloudEvent ontbreken of kloppen niet.", velden=wrong)
    return values


@router.post(
    "/v1/cloudevents",
    status_code=201,
    response_model=CaseState,
    responses={202: {"model": Kept, "description": "Bewaard voor een mens."}},
    openapi_extra=_body(
        "Een CloudEvent 1.0 (NL GOV-profiel); in de binaire vorm alleen de inhoud van `data`.",
        **{STRUCTURED: _EVENT_SCHEMA},
        **{"application/json": {}},
    ),
)
def receive_cloudevent(
    values: Annotated[dict[str, Any], Depends(_cloudevent)], caller: TheCaller, office: TheOffice
) -> JSONResponse:
    """Meld iets met een CloudEvent; `source` en `id` samen tellen een keer."""
    check_may(caller, "cloudevents")
    message = prepare(office, values)
    if message.event is not None:
        check_may(caller, message.event)

    def work(session: Session) -> tuple[int, dict[str, Any]]:
        if message.ignored:
            return 202, {"postbak": 0, "reden": "Dit soort bericht telt hier niet."}
        taken = take_in(session, office, message, caller.municipalities)
        if taken.receipt is None:
            return 202, {"postbak": taken.postbak or 0, "reden": taken.reason}
        return 201, case_answer(office, taken.receipt)

    content = ["POST cloudevents", {name: value for name, value in values.items() if name != "traceparent"}]
    status, body, _ = answer_once(office, caller.client_id, f"ce:{message.message_hash}", content, work)
    return JSONResponse(body, status)


async def _notification(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", STRUCTURED):
        raise Problem(415, "Stuur een notificatie als application/json.")
    values = await request.json()
    if not isinstance(values, dict):
        raise Problem(422, "Een notificatie is een JSON-object.")
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
    check_may(caller, "notificaties")
    accept(office, caller.client_id, values)
    return Response(status_code=204, background=BackgroundTask(work_on_inbox, office))
