"""What every route needs: who calls, and guarded routes that know it before they read a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from adapters.api.problems import Problem
from adapters.api.strict_json import StrictRequest
from adapters.cases.looks import is_purpose
from adapters.exchange.clients import Caller
from adapters.office import Office
from adapters.runtime.actor import Actor, ActorKind, Way, acts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Response


NO_PURPOSE = "Zeg in een paar woorden of met een code waarvoor je kijkt, en niets over een persoon."
SECURITY_SCHEMES = {
    "HTTPBearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "Een API-sleutel, of een JWT zoals bij ZGW (HS256).",
    },
    "APIKeyHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "Een API-sleutel.",
    },
}
"""How the description says that a caller makes itself known; GuardedRoute checks it."""


_NOT_PACKED = {"Accept-Encoding": "identity"}
_DELIVERIES = frozenset({"/v1/vroegsignalen", "/v1/notificaties", "/v1/cloudevents"})


class GuardedRoute(APIRoute):
    """A route that knows its caller before it reads a body, and reads that body strictly."""

    def __init__(self, *given: Any, openapi_extra: dict[str, Any] | None = None, **more: Any) -> None:
        security: dict[str, Any] = {"security": [{name: []} for name in SECURITY_SCHEMES]}
        super().__init__(*given, openapi_extra=security | (openapi_extra or {}), **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the gate before it."""
        inner = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            state, gate = request.app.state, request.app.state.gate
            # Another thread is for who waits for the database, and costs more than what the gate does itself.
            known = gate.remembers(request)
            request.state.caller = (
                gate.caller(request) if known else await run_in_threadpool(gate.caller, request)
            )
            self._refuse_unknown_parameters(request)
            self._refuse_another_form(request)
            largest = state.office.settings.api_largest_body
            with acts(Actor(ActorKind.SYSTEM, request.state.caller.client_id, _way(self.path))):
                return await inner(StrictRequest(request.scope, request.receive, largest))

        return guarded

    def _refuse_another_form(self, request: Request) -> None:
        """Refuse a body that we would not read as its sender means it."""
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Problem(
                415, "Stuur de inhoud niet ingepakt (zonder Content-Encoding).", headers=_NOT_PACKED
            )
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.body_field is not None and kind != "application/json" and not kind.endswith("+json"):
            raise Problem(415, "Stuur de inhoud als application/json.")

    def _refuse_unknown_parameters(self, request: Request) -> None:
        """Refuse what nobody would look at: a filter with a wrong name would give everything."""
        known = sorted({field.alias for field in self.dependant.query_params})
        if not set(request.query_params) <= set(known):
            raise Problem(
                400,
                f"Een parameter in het adres is hier niet bekend (wel: {', '.join(known) or 'geen'}).",
                kind="ongeldige-parameters",
                velden=["query.(onbekende parameter)"],
            )
        if twice := {name for name in known if len(request.query_params.getlist(name)) > 1}:
            raise Problem(
                400,
                "Een parameter staat twee keer in het adres; wij kiezen niet.",
                kind="ongeldige-parameters",
                velden=sorted(f"query.{name}" for name in twice),
            )


def _way(path: str) -> Way:
    return Way.DELIVERY if path in _DELIVERIES else Way.API


# These are coroutines only so that FastAPI does not send each of them to another thread.
async def _caller(request: Request) -> Caller:
    caller = request.state.caller
    assert isinstance(caller, Caller)  # noqa: S101 - GuardedRoute has set it
    return caller


async def _office(request: Request) -> Office:
    return request.app.state.office  # type: ignore[no-any-return]


TheCaller = Annotated[Caller, Depends(_caller)]
TheOffice = Annotated[Office, Depends(_office)]


async def _purpose(
    doel: Annotated[
        str | None,
        Header(max_length=60, description="Waarvoor je kijkt, zoals klacht-12. Het staat in het inzagelog."),
    ] = None,
) -> str | None:
    if doel is not None and not is_purpose(doel):
        raise Problem(400, NO_PURPOSE, kind="ongeldige-parameters", velden=["header.doel"])
    return doel


ThePurpose = Annotated[str | None, Depends(_purpose)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="idempotency-key",
        min_length=1,
        max_length=200,
        description="Een eigen id van dit verzoek: een herhaling krijgt hetzelfde antwoord.",
    ),
]
