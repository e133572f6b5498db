"""Every refusal as `application/problem+json` (RFC 9457): one Dutch sentence and nothing of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from adapters.cases.casework import ConflictError
from adapters.cases.store import UnknownCaseError
from adapters.storage.storage_trouble import Trouble, trouble_of
from milestones.process import InvalidData, NotPossible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI, Request

PROBLEM = "application/problem+json"
_RETRY_AFTER = {"Retry-After": "5"}
_TITLES = {
    400: "Ongeldig verzoek",
    401: "Geen toegang",
    403: "Niet toegestaan",
    404: "Niet gevonden",
    405: "Deze methode kan hier niet",
    406: "Deze vorm kunnen wij niet geven",
    409: "Nu niet mogelijk",
    413: "Te groot",
    415: "Verkeerd soort inhoud",
    422: "Ongeldige gegevens",
    429: "Te veel verzoeken",
    431: "Te grote kopregels",
    500: "Fout bij ons",
    503: "Even niet beschikbaar",
}
_DETAILS = {404: "Dit adres bestaat niet.", 405: "Gebruik een andere HTTP-methode voor dit adres."}
_SERVER_ERROR = 500

log = structlog.get_logger("routekaart.api")


class Problem(HTTPException):
    """A refusal: a status, one Dutch sentence, and what more the caller may know."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.more = more


def problem_members(status: int, detail: str) -> dict[str, Any]:
    """Give what stands in every problem."""
    title = _TITLES.get(status, "Niet gelukt")
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """Give a problem as an answer."""
    body = {**problem_members(status, detail), **more}
    return JSONResponse(body, status, media_type=PROBLEM, headers=dict(headers) if headers else None)


def answer_problems(api: FastAPI) -> None:
    """Turn every refusal and every fault into a problem with the right status."""
    handlers: list[tuple[type[Exception], Callable[[Request, Any], JSONResponse]]] = [
        (HTTPException, _http),
        (RequestValidationError, _validation),
        (UnknownCaseError, lambda _, error: problem(404, str(error.args[0]))),
        (InvalidData, lambda _, error: problem(400, error.reason)),
        (NotPossible, _not_possible),
        (ConflictError, lambda _, error: problem(409, str(error))),
        (DBAPIError, _no_database),
        (PoolTimeoutError, _no_database),
        (ClientDisconnect, _gone),
        (Exception, _fault),
    ]
    for kind, handler in handlers:
        api.add_exception_handler(kind, handler)


def _http(_: Request, error: HTTPException) -> JSONResponse:
    detail = error.detail if isinstance(error, Problem) else _DETAILS.get(error.status_code, "Dat kan niet.")
    more = error.more if isinstance(error, Problem) else {}
    return problem(error.status_code, detail, error.headers, **more)


def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
    # The places only: a value, or the name of an unknown field, may be about a person.
    fields = sorted({_place(item) for item in error.errors()})
    if request.method == "GET":  # what is asked for is in the address, not in a body with fields
        return problem(400, "Een of meer delen van het adres kloppen niet.", velden=fields)
    return problem(400, "Een of meer velden kloppen niet.", velden=fields)


def _place(item: Mapping[str, Any]) -> str:
    parts = [str(part) for part in item["loc"]]
    return ".".join([*parts[:-1], "(onbekend veld)"] if item["type"] == "extra_forbidden" else parts)


def _not_possible(_: Request, error: NotPossible) -> JSONResponse:
    return problem(409, error.reason, mogelijke_gebeurtenissen=list(error.allowed))


def _no_database(request: Request, error: Exception) -> JSONResponse:
    """Say that nothing could be stored now and when to come back; the same id then counts once."""
    trouble = trouble_of(error)
    if trouble is None:
        return _fault(request, error)
    log.error("database_trouble", route=_route(request), trouble=trouble.name.lower())
    again = " Probeer het later opnieuw." if trouble is Trouble.GONE else ""
    return problem(503, f"{trouble}{again}", _RETRY_AFTER)


def _gone(request: Request, _: Exception) -> JSONResponse:
    """Note that a caller hung up before all of its body was here; nobody reads this answer."""
    log.info("request_broken_off", route=_route(request))
    return problem(400, "De inhoud brak af.")


def _fault(request: Request, error: Exception) -> JSONResponse:
    # Only the kind of the error: its text may quote what was sent.
    log.error("request_failed", route=_route(request), error=type(error).__name__)
    return problem(_SERVER_ERROR, "Er ging iets mis bij ons; er is niets vastgelegd.")


def _route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", "onbekend"))
