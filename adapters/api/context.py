"""What every route needs: who calls, and guarded routes that know it before they read a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.concurrency import run_in_threadpool

from adapters.api.strict_json import StrictRequest
from adapters.exchange.clients import Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Response

    from adapters.office import Office

# Only for the description: GuardedRoute has checked before these are asked.
_BEARER = HTTPBearer(auto_error=False, description="Een API-sleutel, of een JWT zoals bij ZGW (HS256).")
_KEY = APIKeyHeader(name="X-API-Key", auto_error=False, description="Een API-sleutel.")
DOCUMENTED_SECURITY = [Security(_BEARER), Security(_KEY)]


class GuardedRoute(APIRoute):
    """A route that knows its caller before it reads a body, and reads that body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the handler with the gate before it."""
        inner = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            state, gate = request.app.state, request.app.state.gate
            # Another thread is for who waits for the database, and costs more than what the gate does itself.
            known = gate.remembers(request)
            request.state.caller = (
                gate.caller(request) if known else await run_in_threadpool(gate.caller, request)
            )
            largest = state.office.settings.api_largest_body
            return await inner(StrictRequest(request.scope, request.receive, largest))

        return guarded


# These are coroutines only so that FastAPI does not send each of them to another thread.
async def _caller(request: Request) -> Caller:
    caller = request.state.caller
    assert isinstance(caller, Caller)  # noqa: S101 - GuardedRoute has set it
    return caller


async def _office(request: Request) -> Office:
    return request.app.state.office  # type: ignore[no-any-return]


async def _key(
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            description="Een eigen id van dit verzoek: een herhaling krijgt hetzelfde antwoord.",
        ),
    ] = None,
) -> str | None:
    return idempotency_key


TheCaller = Annotated[Caller, Depends(_caller)]
TheOffice = Annotated[Any, Depends(_office)]
IdempotencyKey = Annotated[str | None, Depends(_key)]
