"""Definitions to read, and how this process is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import PlainTextResponse, Response

from adapters.api.answer import answer
from adapters.api.auth import check_may
from adapters.api.context import GuardedRoute, TheCaller, TheOffice
from adapters.api.models import CODES, DefinitionList, DefinitionShown, Health, ProblemList
from adapters.api.problems import PROBLEM_KINDS, PROBLEMS_PATH, Problem
from adapters.cases.definition_json import definition_as_json
from adapters.storage.database_file import check_writable
from milestones.definitions import DEFINITIONS

if TYPE_CHECKING:
    from adapters.api.metrics import Metrics

guarded = APIRouter(route_class=GuardedRoute, tags=["definities"])
health = APIRouter(tags=["gezondheid"])


@guarded.get("/v1/definities", response_model=DefinitionList)
def list_definitions(caller: TheCaller) -> Response:
    """Geef alle mijlpalen, met waar elk te lezen is."""
    check_may(caller, "lezen")
    lines = [
        {"code": item.code, "naam": item.name, "versie": item.version, "url": f"/v1/definities/{item.code}"}
        for item in DEFINITIONS.values()
    ]
    return answer(DefinitionList, {"results": lines})


@guarded.get("/v1/definities/{code}", response_model=DefinitionShown)
def read_definition(
    code: Annotated[str, Path(json_schema_extra={"enum": CODES}, examples=["M3"])], caller: TheCaller
) -> Response:
    """Lees een mijlpaal: toestanden, gebeurtenissen met hun velden, en termijnen."""
    check_may(caller, "lezen")
    if code not in DEFINITIONS:
        raise Problem(404, f"Deze mijlpaal is er niet (wel: {', '.join(DEFINITIONS)}).")
    return answer(DefinitionShown, definition_as_json(DEFINITIONS[code]))


@guarded.get("/metrics", response_class=PlainTextResponse, tags=["gezondheid"])
def read_metrics(request: Request, caller: TheCaller) -> PlainTextResponse:
    """Geef meetwaarden in de vorm van Prometheus."""
    check_may(caller, "lezen")
    metrics: Metrics = request.app.state.metrics
    return PlainTextResponse(metrics.as_text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@guarded.get(PROBLEMS_PATH, response_model=ProblemList, tags=["problemen"])
def list_problems(caller: TheCaller) -> Response:  # noqa: ARG001 - any client may read it
    """Geef alle soorten weigeringen; het veld `type` van een weigering wijst naar een ervan."""
    lines = [
        {"type": f"{PROBLEMS_PATH}#{kind}", "status": status, "betekenis": meaning}
        for kind, (status, meaning) in PROBLEM_KINDS.items()
    ]
    return answer(ProblemList, {"results": lines})


@health.get("/healthz", response_model=Health)
def is_alive() -> Response:
    """Zeg dat dit proces leeft."""
    return answer(Health, {"status": "ok"})


@health.get("/readyz", response_model=Health)
def is_ready(office: TheOffice) -> Response:
    """Zeg of de database bereikbaar is en kan worden geschreven."""
    check_writable(office.engine)
    return answer(Health, {"status": "ok"})
