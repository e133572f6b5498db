"""Every refusal as `application/problem+json` (RFC 9457): one Dutch sentence and nothing of the input."""

from __future__ import annotations

from types import MappingProxyType
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
from adapters.exchange.clients import READ
from adapters.exchange.ddas_stream import NotADelivery
from adapters.exchange.signals import HalfTakenInError
from adapters.exchange.webhooks import SubscriptionError
from adapters.operations.sentences import explain
from adapters.storage.database_file import NotWritableError
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
_NOT_ALLOWED = 405

log = structlog.get_logger("routekaart.api")


PROBLEMS_PATH = "/v1/problemen"
# Every kind of problem: its status and what it means. Its `type` is its place in the list at PROBLEMS_PATH.
PROBLEM_KINDS = MappingProxyType(
    {
        "ongeldig-verzoek": (400, "De inhoud is niet te lezen."),
        "ongeldige-velden": (400, "Een of meer velden kloppen niet; `velden` noemt ze."),
        "ongeldige-parameters": (400, "Een of meer delen van het adres kloppen niet; `velden` noemt ze."),
        "ongeldige-gegevens": (400, "Een gegeven past niet bij de gebeurtenis of de mijlpaal."),
        "levering-geweigerd": (
            400,
            "Elk signaal van een levering is geweigerd; `vroegsignalen` zegt waarom.",
        ),
        "geen-toegang": (401, "Er is geen geldige sleutel en geen geldig token."),
        "token-buiten-tijd": (401, "Het token is echt, maar verlopen of nog niet geldig."),
        "niet-toegestaan": (403, "Deze client mag dit niet."),
        "niet-gevonden": (404, "Dit adres of dit onderdeel is er niet."),
        "onbekende-zaak": (404, "Deze zaak is er niet voor deze client."),
        "verkeerde-methode": (405, "Dit adres kent deze HTTP-methode niet; `Allow` noemt welke wel."),
        "verkeerde-vorm": (406, "Deze vorm kunnen wij niet geven."),
        "niet-mogelijk": (409, "Dit kan nu niet."),
        "gebeurtenis-niet-mogelijk": (
            409,
            "Deze gebeurtenis kan nu niet; `mogelijke_gebeurtenissen` noemt welke wel.",
        ),
        "id-al-gebruikt": (409, "Dit id kwam eerder met een andere inhoud."),
        "te-groot": (413, "De inhoud is te groot."),
        "verkeerde-inhoud": (415, "Dit soort inhoud kan hier niet."),
        "te-veel-verzoeken": (429, "Te veel verzoeken; `Retry-After` zegt hoe lang wachten."),
        "te-grote-kopregels": (431, "De kopregels zijn te groot."),
        "fout-bij-ons": (500, "Er ging iets mis bij ons; er is niets vastgelegd."),
        "niet-beschikbaar": (503, "De database is even niet bereikbaar; hetzelfde id telt daarna een keer."),
        "even-wachten": (
            503,
            "Wij schrijven nu zelf in deze zaak; stuur het bericht na `Retry-After` opnieuw.",
        ),
    }
)
NO_CASE = "Deze zaak bestaat niet."
_NOT_NOW = "Dit kan nu niet in deze zaak; deze client mag niet lezen waarom."
_USUAL = {status: kind for kind, (status, _) in reversed(list(PROBLEM_KINDS.items()))}


class Problem(HTTPException):
    """A refusal: a status, one Dutch sentence, its kind if the status leaves that open, and what more may be known."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.kind = kind
        self.more = more


def problem_members(status: int, detail: str, kind: str | None = None) -> dict[str, Any]:
    """Return what stands in every problem."""
    title = _TITLES.get(status, "Niet gelukt")
    name = kind or _USUAL.get(status)
    type_ = f"{PROBLEMS_PATH}#{name}" if name else "about:blank"
    return {"type": type_, "title": title, "status": status, "detail": detail}


def problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    kind: str | None = None,
    **more: Any,
) -> JSONResponse:
    """Return a problem as an answer."""
    body = {**problem_members(status, detail, kind), **more}
    return JSONResponse(body, status, media_type=PROBLEM, headers=dict(headers) if headers else None)


def answer_problems(api: FastAPI) -> None:
    """Turn every refusal and every fault into a problem with the right status."""
    handlers: list[tuple[type[Exception], Callable[[Request, Any], JSONResponse]]] = [
        (HTTPException, _http),
        (RequestValidationError, _validation),
        (UnknownCaseError, lambda _, __: problem(404, NO_CASE, kind="onbekende-zaak")),
        (InvalidData, lambda _, error: problem(400, error.reason, kind="ongeldige-gegevens")),
        (NotPossible, _not_possible),
        (ConflictError, lambda _, error: problem(409, error.sentence, kind="id-al-gebruikt")),
        (NotADelivery, lambda _, error: problem(400, error.sentence)),
        (SubscriptionError, lambda _, __: problem(404, "Dit abonnement is er niet.")),
        (HalfTakenInError, lambda _, error: problem(503, error.sentence, _RETRY_AFTER)),
        (NotWritableError, lambda _, error: problem(503, error.sentence)),
        (DBAPIError, _no_database),
        (PoolTimeoutError, _no_database),
        (ClientDisconnect, _gone),
        (Exception, _fault),
    ]
    for kind, handler in handlers:
        api.add_exception_handler(kind, handler)


def _http(request: Request, error: HTTPException) -> JSONResponse:
    if isinstance(error, Problem):
        return problem(error.status_code, error.detail, error.headers, error.kind, **error.more)
    headers = dict(error.headers or {})
    if error.status_code == _NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return problem(error.status_code, _DETAILS.get(error.status_code, "Dat kan niet."), headers)


def _allowed(request: Request) -> list[str]:
    """Return every method that an address has: the framework names those of the first route only."""
    found = {
        method
        for route in request.app.state.routes
        if route.path_regex.match(request.url.path)
        for method in route.methods
    }
    return sorted(found | {"HEAD"} if "GET" in found else found)


def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
    # The places only: a value, or the name of an unknown field, may be about a person.
    errors = error.errors()
    fields = sorted({_place(item) for item in errors})
    if request.method == "GET" or all(item["loc"][0] in ("path", "query") for item in errors):
        kind, sentence = "ongeldige-parameters", "Een of meer delen van het adres kloppen niet."
    else:
        kind, sentence = "ongeldige-velden", "Een of meer velden kloppen niet."
    return problem(400, sentence, kind=kind, velden=fields)


def _place(item: Mapping[str, Any]) -> str:
    parts = [str(part) for part in item["loc"]]
    return ".".join([*parts[:-1], "(onbekend veld)"] if item["type"] == "extra_forbidden" else parts)


def _not_possible(request: Request, error: NotPossible) -> JSONResponse:
    kind = "gebeurtenis-niet-mogelijk"
    caller = getattr(request.state, "caller", None)
    if caller is not None and "reference" in request.path_params and not caller.may(READ):
        may = [name for name in error.allowed if caller.may(name)]
        return problem(409, _NOT_NOW, kind=kind, mogelijke_gebeurtenissen=may)
    return problem(409, error.reason, kind=kind, mogelijke_gebeurtenissen=list(error.allowed))


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
    """Say what the machine refuses with 503, and a fault of ours with 500 and the number under which it is logged."""
    explained = explain(error)
    log.error("request_failed", route=_route(request), error=type(error).__name__, number=explained.number)
    if explained.number is None:
        return problem(
            503, "De server kan dit nu niet; er is niets vastgelegd. Probeer het zo opnieuw.", _RETRY_AFTER
        )
    said = f"Er ging iets mis bij ons; er is niets vastgelegd. Meld dit nummer aan de beheerder: {explained.number}."
    return problem(_SERVER_ERROR, said, nummer=explained.number)


def _route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", "onbekend"))
