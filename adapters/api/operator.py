"""Messages from Prefect's automations to the coordinator; the address is for our own Prefect server alone."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import Field

from adapters.api.context import TheOffice
from adapters.api.models import Given
from adapters.api.problems import Problem
from adapters.api.strict_json import StrictRequest
from adapters.messages.operator_messages import (
    DEAD_LETTER,
    FAILED_RUN,
    LATE_WORKER,
    operator_key,
    tell_coordinator,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Response

_LARGEST = 10_000


class OperatorRoute(APIRoute):
    """A route for who has the key of the automations, checked before a body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the check before it."""
        inner = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            key = operator_key(request.app.state.office.settings)
            if not hmac.compare_digest(given.encode(), key.encode()):
                challenge = {"WWW-Authenticate": 'Bearer realm="routekaart"'}
                raise Problem(401, "Dit adres is voor de automations van Prefect.", headers=challenge)
            return await inner(StrictRequest(request.scope, request.receive, _LARGEST))

        return guarded


router = APIRouter(route_class=OperatorRoute, include_in_schema=False)


class OperatorMessage(Given):
    """What an automation has to say."""

    soort: Literal[FAILED_RUN, LATE_WORKER, DEAD_LETTER]  # type: ignore[valid-type]
    onderwerp: Annotated[str, Field(max_length=200)]
    id: Annotated[str, Field(max_length=60)]


@router.post("/v1/beheermeldingen", status_code=202)
def tell(new: OperatorMessage, office: TheOffice) -> JSONResponse:
    """Vertel de coördinator wat een automation te melden heeft."""
    return JSONResponse({"status": tell_coordinator(office, new.soort, new.onderwerp, new.id)}, 202)
