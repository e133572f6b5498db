"""The OpenAPI description: what FastAPI makes of the routes, with what the NL API Design Rules ask for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from adapters.api.context import SECURITY_SCHEMES
from adapters.api.examples import add_examples
from adapters.api.models import ProblemDetails
from adapters.api.problems import PROBLEM

if TYPE_CHECKING:
    from fastapi import FastAPI

VERSION = "1.0.0"
_INTRODUCTION = (
    "Open zaken in de mijlpalen van de Routekaart Financiële Zorgen, meld gebeurtenissen en lees waar een "
    "zaak is. Velden heten zoals in DDAS en ZGW. Een weigering is `application/problem+json` en "
    "verandert niets."
)
_HEADERS = {"API-Version": {"description": "De versie van deze API.", "schema": {"type": "string"}}}
_RETRY = {
    "Retry-After": {
        "description": "Na hoeveel seconden het weer kan.",
        "schema": {"type": "integer", "examples": [5]},
    }
}
_LOCATION = {
    "Location": {
        "description": "Waar de zaak is te lezen; niet voor wie niet mag lezen.",
        "schema": {"type": "string", "format": "uri-reference"},
    }
}
_UNSAID = "Successful Response"  # what the framework says where nobody says more
_PROBLEMS = {
    "400": "De inhoud is niet te lezen, of een veld of parameter klopt niet.",
    "401": "Er is geen geldige sleutel.",
    "403": "Deze client mag dit niet.",
    "404": "Dit is er niet.",
    "409": "Dit kan nu niet.",
    "413": "De inhoud is te groot.",
    "415": "Dit soort inhoud kan hier niet.",
    "429": "Te veel verzoeken.",
    "500": "Er ging iets mis bij ons; er is niets vastgelegd.",
    "503": "Even niet beschikbaar; stuur het na `Retry-After` opnieuw.",
}
_WITHOUT_BODY = ("400", "401", "403", "404", "429", "500", "503")
_OPEN = ("503",)
_ABOUT_A_CASE = ("CaseState", "References")
_LINKED = ("get_zaken_reference", "post_zaken_reference_gebeurtenissen", "get_zaken_reference_journaal")


_BASE = "/v1"
# The rules ask for an address of who runs it; a municipality names its own in the setting.
_PAGE = "https://vng.nl/artikelen/de-routekaart-financiele-zorgen"


def describe_api(api: FastAPI) -> dict[str, Any]:
    """Return the description of an API, made once."""
    if api.openapi_schema is None:
        made = get_openapi(
            title="Routekaart Financiële Zorgen",
            version=VERSION,
            openapi_version="3.1.0",
            description=_INTRODUCTION,
            routes=api.routes,
            servers=[{"url": _BASE, "description": "Deze server, hoofdversie 1."}],
            contact={"name": "routekaart", "url": _PAGE, "email": api.state.office.settings.api_contact},
            license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        )
        for path, methods in made["paths"].items():
            for method, operation in methods.items():
                _complete(operation, path, method)
        made["paths"] = {path.removeprefix(_BASE): methods for path, methods in made["paths"].items()}
        made["components"]["securitySchemes"] = SECURITY_SCHEMES
        schemas = made["components"]["schemas"]
        problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**problem.pop("$defs", {}), "ProblemDetails": problem}
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        add_examples(made)
        api.openapi_schema = made
    return api.openapi_schema


def written(api: FastAPI) -> str:
    """Return the description as it is kept in the repository."""
    return json.dumps(describe_api(api), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    operation["operationId"] = _operation_id(path, method)
    responses = operation["responses"]
    anonymous = "security" not in operation
    statuses = _OPEN if anonymous else tuple(_PROBLEMS) if "requestBody" in operation else _WITHOUT_BODY
    if not path.startswith(f"{_BASE}/"):  # health is of the server, not of a version of the API
        operation["servers"] = [{"url": "/"}]
    responses.pop("422", None)
    _links(operation)
    if "201" in responses and method == "post":
        responses["201"].setdefault("headers", {}).update(
            _LOCATION if _names_a_case(responses["201"]) else {}
        )
    for status in statuses:
        content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
        responses[status] = {"description": _PROBLEMS[status], "content": content}
    for status, response in responses.items():
        if response["description"] == _UNSAID:
            response["description"] = "Gelukt."
        more = _RETRY if status in ("429", "503") else {}
        response["headers"] = {**response.get("headers", {}), **more, **_HEADERS}


def _names_a_case(response: dict[str, Any]) -> bool:
    content = response.get("content", {}).get("application/json", {})
    return content.get("schema", {}).get("$ref", "").rpartition("/")[2] in _ABOUT_A_CASE


def _links(operation: dict[str, Any]) -> None:
    """Say what can be done with the case that an answer names."""
    for response in operation["responses"].values():
        if _names_a_case(response):
            response["links"] = {
                name: {"operationId": name, "parameters": {"reference": "$response.body#/zaak"}}
                for name in _LINKED
            }


def _operation_id(path: str, method: str) -> str:
    words = [part.strip("{}") for part in path.split("/") if part not in ("", "v1")]
    return "_".join([method, *words])
