"""What CBS calls: a token (OAuth2 client credentials), and a page of schuldhulptrajecten (DDAS, SHV)."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

import jwt
from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator  # type: ignore[import-untyped]
from pydantic import AliasChoices, Field
from starlette.concurrency import run_in_threadpool

from adapters.api.auth import check_may
from adapters.api.context import GuardedRoute, TheCaller, TheOffice
from adapters.api.models import Answered, Day, Given
from adapters.api.problems import Problem
from adapters.api.strict_json import StrictRequest
from adapters.exchange.clients import jwt_secret
from adapters.exchange.ddas_pull import (
    LARGEST_PAGE,
    digest_of,
    last_period,
    page_of_trajects,
    signature_headers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.api.auth import Gate
    from adapters.storage.exchange_tables import ClientRow

router = APIRouter(route_class=GuardedRoute, tags=["ddas"])
tokens = APIRouter(tags=["ddas"])

_MOST_FORM = 4_000


class DataRequest(Given):
    """Welke schuldhulptrajecten CBS vraagt."""

    aanleverperiode_start: Annotated[
        Day | None, Field(alias="aanleverperiodeStartdatum", examples=["2026-01-01"])
    ] = None
    aanleverperiode_end: Annotated[
        Day | None, Field(alias="aanleverperiodeEinddatum", examples=["2026-12-31"])
    ] = None
    organisation: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("aanleverende_organisatie", "aanleverendeOrganisatie"),
            max_length=300,
        ),
    ] = None
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    size: Annotated[int, Field(alias="pageSize", ge=1, le=LARGEST_PAGE)] = LARGEST_PAGE


class PageNumbers(Answered):
    """Welke bladzijde dit is, en hoeveel er zijn."""

    pageSize: int  # noqa: N815 - the name of DDAS
    currentPage: int  # noqa: N815
    totalPages: int  # noqa: N815
    totalRecords: int  # noqa: N815


class DataAnswer(Answered):
    """Schuldhulptrajecten, in het uitwisselmodel van DDAS."""

    gegevens: dict[str, Any]
    paginering: PageNumbers


async def _measured(request: Request) -> str:
    return digest_of(await request.body())


@router.post("/v1/ddas/gegevens", response_model=DataAnswer)
def fetch_trajects(
    wanted: DataRequest,
    caller: TheCaller,
    office: TheOffice,
    measured: Annotated[str, Depends(_measured)],
    digest: Annotated[str | None, Header(max_length=100, description="SHA-256 van de inhoud.")] = None,
) -> Response:
    """Geef CBS een bladzijde van de schuldhulptrajecten over een periode."""
    check_may(caller, "ddas")
    if digest is not None and digest != measured:
        raise Problem(400, "De kopregel Digest past niet bij de inhoud.")
    settings = office.settings
    start, end = last_period(office.clock.today(), settings.ddas_period_months)
    start = wanted.aanleverperiode_start or start
    end = wanted.aanleverperiode_end or end
    if end < start:
        raise Problem(400, "De einddatum ligt voor de startdatum.")
    if wanted.organisation not in (None, settings.ddas_organisation):
        raise Problem(400, "Voor deze aanleverende organisatie hebben wij geen gegevens.")
    found = page_of_trajects(office, caller.sees, start, end, wanted.page, wanted.size)
    body = json.dumps(found, ensure_ascii=False).encode()
    made = digest_of(body)
    signed = signature_headers(made, settings.ddas_signing_key, settings.ddas_certificates)
    return Response(body, media_type="application/json", headers={"Digest": made, **signed})


class _Clients(RequestValidator):  # type: ignore[misc]
    """Clients as OAuth2 sees them: their secret is the API key."""

    def __init__(self, known: Callable[[str, str], ClientRow | None]) -> None:
        self._known = known

    def authenticate_client(self, request: Any, *_: Any, **__: Any) -> bool:
        scheme, _sep, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                name, _sep, secret = base64.b64decode(given, validate=True).decode().partition(":")
            except ValueError:
                return False
            name, secret = unquote(name), unquote(secret)
        else:
            name, secret = request.client_id or "", request.client_secret or ""
        request.client = self._known(name, secret)
        return request.client is not None

    def validate_grant_type(self, _: str, grant_type: str, *__: Any, **___: Any) -> bool:
        return grant_type == "client_credentials"

    def get_default_scopes(self, *_: Any, **__: Any) -> list[str]:
        return ["read"]

    def validate_scopes(self, _: str, scopes: list[str], *__: Any, **___: Any) -> bool:
        return scopes == ["read"]

    def save_bearer_token(self, *_: Any, **__: Any) -> None:
        """Keep nothing: a token is signed."""


# Not in the description: its form and its refusals are those of OAuth2 (RFC 6749, 4.4 and 5.2).
@tokens.post("/v1/oauth2/token", include_in_schema=False)
async def give_token(request: Request, office: TheOffice) -> Response:
    """Geef een token voor een uur aan een client die zijn sleutel laat zien."""
    gate: Gate = request.app.state.gate
    body = await StrictRequest(request.scope, request.receive, _MOST_FORM).body()

    def known(name: str, secret: str) -> ClientRow | None:
        return gate.client_of_key(request, name, secret)

    def token(asked: Any) -> str:
        now = int(time.time())
        claims = {"iss": asked.client.client_id, "client_id": asked.client.client_id, "iat": now}
        claims["exp"] = now + office.settings.api_token_seconds
        return jwt.encode(claims, jwt_secret(office, asked.client.client_id, asked.client.salt), "HS256")

    server = BackendApplicationServer(
        _Clients(known), token_generator=token, token_expires_in=office.settings.api_token_seconds
    )
    headers, answer, status = await run_in_threadpool(
        server.create_token_response,
        "https://routekaart/v1/oauth2/token",  # oauthlib takes no address without TLS, which is the proxy's work
        "POST",
        body.decode("utf-8", "replace"),
        dict(request.headers.items()) | {"Authorization": request.headers.get("authorization", "")},
    )
    return Response(answer, status, headers)
