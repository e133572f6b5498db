"""A login service that speaks OpenID Connect: where it is, what it signs with, and what it says of somebody.

OpenID Connect Core 1.0 (code flow), Discovery 1.0, RP-Initiated Logout 1.0; RFC 7636 (PKCE), RFC 9207 (`iss`).
"""

from __future__ import annotations

import ssl
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from hmac import compare_digest
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode, urlsplit

import anyio
import httpx
import jwt
from oauthlib.common import add_params_to_uri  # type: ignore[import-untyped]
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient  # type: ignore[import-untyped]

from adapters.runtime.bounded_answers import NOT_PACKED, bound_async
from adapters.runtime.networks import is_loopback
from adapters.runtime.settings import SettingsError
from deployments.door.claims import NotLetInError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

WELL_KNOWN = "/.well-known/openid-configuration"
SKEW_SECONDS = 60
_REMEMBER_SECONDS = 3600.0
_LOOK_AGAIN_SECONDS = 5.0
_LEAVE_SECONDS = 2.0
_TIMEOUT = httpx.Timeout(10.0)
_LONGEST_SECONDS = 20.0  # for all of an answer, also from who sends a byte now and then
# What proves who signed, for each kind of key: never `none`, and no secret that both sides have.
_ALGORITHMS = MappingProxyType(
    {
        "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        "EC": ("ES256", "ES384", "ES512"),
        "OKP": ("EdDSA",),
    }
)
_DOWN = "De inlogdienst antwoordt niet. Probeer het straks opnieuw. Wie al binnen is, kan gewoon doorwerken."
_WRONG = "Wat de inlogdienst over u zei, klopt niet. Log opnieuw in, of vraag de beheerder ernaar te kijken."


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a login service says of itself."""

    authorization: str
    token: str
    keys: str
    person: str | None
    logout: str | None
    secret_in_body: bool
    names_itself: bool


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of a login service, and the algorithms with which it may sign."""

    key: jwt.PyJWK
    algorithms: tuple[str, ...]


@dataclass
class Provider:
    """A login service; what it says of itself and its keys are remembered for an hour."""

    issuer: str
    client_id: str
    client_secret: str | None = None
    clock: Callable[[], float] = time.time
    _endpoints: Endpoints | None = None
    _read_at: float = 0.0
    _failed_at: float = 0.0
    _keys: dict[str | None, SigningKey] = field(default_factory=dict)
    _keys_at: float = 0.0
    _reading: anyio.Lock = field(default_factory=anyio.Lock)

    def __post_init__(self) -> None:
        """Raise a SettingsError for an address over which anybody could answer."""
        if not _is_safe(self.issuer):
            raise SettingsError(
                "ROUTEKAART_OIDC_ISSUER klopt niet: schrijf het adres van de inlogdienst, dat begint met https://."
            )

    async def endpoints(self) -> Endpoints:
        """Return what the service says of itself. Raises NotLetInError."""
        async with self._reading:
            if self._endpoints is None or self.clock() - self._read_at > _REMEMBER_SECONDS:
                said = await self._get(self.issuer.rstrip("/") + WELL_KNOWN)
                self._endpoints, self._read_at = _endpoints(said, self.issuer), self.clock()
            return self._endpoints

    async def address_to_log_in(
        self, *, back_to: str, scope: str, state: str, nonce: str, verifier: str
    ) -> str:
        """Return the address to which a browser goes. Raises NotLetInError."""
        where = await self.endpoints()
        client = WebApplicationClient(self.client_id)
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": back_to,
            "scope": scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": client.create_code_challenge(verifier, "S256"),
            "code_challenge_method": "S256",
        }
        return str(add_params_to_uri(where.authorization, asked.items()))

    async def address_to_log_out(self, back_to: str, hint: str | None) -> str | None:
        """Return the address at which a browser logs out of the service too; None where it has none.

        `hint` is the token with which somebody came in: with it many a service asks nothing more.
        """
        try:
            where = await self.endpoints()
        except NotLetInError:
            return None
        if where.logout is None:
            return None
        asked = {"client_id": self.client_id, "post_logout_redirect_uri": back_to}
        if hint is not None:
            asked["id_token_hint"] = hint
        return f"{where.logout}{'&' if '?' in where.logout else '?'}{urlencode(asked)}"

    async def claims(
        self, code: str, *, back_to: str, verifier: str, nonce: str
    ) -> tuple[Mapping[str, object], str]:
        """Return what the service says of somebody, for the code that it gave him, and the token that says it.

        Raises NotLetInError.
        """
        tokens = await self._exchange(code, back_to, verifier)
        token = str(tokens.get("id_token") or "")
        said = await self._read_token(token, nonce)
        where = await self.endpoints()
        if where.person is None:
            return said, token
        header = {"Authorization": f"Bearer {tokens['access_token']}"}
        more = await self._get(where.person, header)
        if more.get("sub") != said["sub"]:
            raise NotLetInError(403, _WRONG, "another_person")
        return {**more, **said}, token

    async def _exchange(self, code: str, back_to: str, verifier: str) -> Mapping[str, object]:
        where = await self.endpoints()
        client = WebApplicationClient(self.client_id)
        more = {"client_secret": self.client_secret} if self.client_secret and where.secret_in_body else {}
        body = client.prepare_request_body(code=code, redirect_uri=back_to, code_verifier=verifier, **more)
        shown = None
        if self.client_secret and not where.secret_in_body:  # RFC 6749, 2.3.1
            shown = httpx.BasicAuth(quote_plus(self.client_id), quote_plus(self.client_secret))
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        try:
            async with _web() as web:
                if shown is None:
                    answer = await web.post(where.token, content=body, headers=kind)
                else:
                    answer = await web.post(where.token, content=body, headers=kind, auth=shown)
        except httpx.HTTPError:
            raise NotLetInError(503, _DOWN, "provider_down") from None
        if answer.is_server_error:
            raise NotLetInError(503, _DOWN, "provider_down")
        try:
            return dict(client.parse_request_body_response(answer.text))
        except (OAuth2Error, ValueError, TypeError, RecursionError):
            raise NotLetInError(403, _WRONG, "code_refused") from None

    async def _read_token(self, token: str, nonce: str) -> dict[str, object]:
        """Check the token that says who somebody is (OpenID Connect Core, 3.1.3.7)."""
        try:
            found = await self._key(jwt.get_unverified_header(token).get("kid"))
            said: dict[str, object] = jwt.decode(
                token,
                found.key.key,
                algorithms=found.algorithms,
                audience=self.client_id,
                issuer=self.issuer,
                leeway=SKEW_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as error:
            raise NotLetInError(403, _WRONG, type(error).__name__) from None
        if not compare_digest(str(said["nonce"]).encode(), nonce.encode()):
            raise NotLetInError(403, _WRONG, "nonce")
        several = isinstance(said["aud"], list) and len(said["aud"]) > 1
        if said.get("azp", None if several else self.client_id) != self.client_id:
            raise NotLetInError(403, _WRONG, "azp")
        return said

    async def _key(self, kid: str | None) -> SigningKey:
        """Return the key with this name; one that is not known yet may be new, so the keys are asked again."""
        async with self._reading:
            age = self.clock() - self._keys_at
            if age > _REMEMBER_SECONDS or (kid not in self._keys and age > _LOOK_AGAIN_SECONDS):
                where = self._endpoints
                said = await self._get(where.keys) if where is not None else {}
                self._keys, self._keys_at = _signing_keys(said), self.clock()
            found = self._keys.get(kid)
            if found is None and kid is None and len(self._keys) == 1:
                found = next(iter(self._keys.values()))
        if found is None:
            raise NotLetInError(403, _WRONG, "unknown_key")
        return found

    async def _get(self, address: str, headers: Mapping[str, str] | None = None) -> dict[str, object]:
        """Ask the service; one that did not answer is left alone for a moment, so that nobody waits in a row."""
        if self.clock() - self._failed_at < _LEAVE_SECONDS:
            raise NotLetInError(503, _DOWN, "provider_down")
        try:
            async with _web() as web:
                answer = await web.get(address, headers={"Accept": "application/json", **(headers or {})})
            said = answer.json() if answer.is_success else None
        except httpx.HTTPError:
            self._failed_at = self.clock()
            said = None
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise NotLetInError(503, _DOWN, "provider_down")
        return said


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


@asynccontextmanager
async def _web() -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client; what takes too long in all is an httpx.ReadTimeout."""
    try:
        with anyio.fail_after(_LONGEST_SECONDS):
            async with httpx.AsyncClient(
                timeout=_TIMEOUT,
                verify=_certificates(),
                headers=NOT_PACKED,
                event_hooks={"response": [bound_async]},
            ) as web:
                yield web
    except TimeoutError:
        raise httpx.ReadTimeout("the answer does not end") from None


def _endpoints(said: Mapping[str, object], issuer: str) -> Endpoints:
    if said.get("issuer") != issuer:
        raise NotLetInError(503, _WRONG, "another_issuer")
    found: dict[str, str | None] = {}
    for name in ("authorization", "token", "userinfo", "end_session"):
        address = said.get(f"{name}_endpoint")
        found[name] = address if isinstance(address, str) and _is_safe(address) else None
    keys = said.get("jwks_uri")
    if found["authorization"] is None or found["token"] is None or not _is_safe(keys):
        raise NotLetInError(503, _WRONG, "no_endpoints")
    methods = said.get("token_endpoint_auth_methods_supported")
    return Endpoints(
        found["authorization"],
        found["token"],
        str(keys),
        found["userinfo"],
        found["end_session"],
        isinstance(methods, list)
        and "client_secret_basic" not in methods
        and "client_secret_post" in methods,
        said.get("authorization_response_iss_parameter_supported") is True,
    )


def _signing_keys(said: Mapping[str, object]) -> dict[str | None, SigningKey]:
    """Return the keys by their name; what is not for signing, or of a kind that nobody here knows, is left out."""
    found: dict[str | None, SigningKey] = {}
    given = said.get("keys")
    for one in given if isinstance(given, list) else []:
        fits = _ALGORITHMS.get(str(one.get("kty")), ()) if isinstance(one, dict) else ()
        named = tuple(algorithm for algorithm in fits if one.get("alg", algorithm) == algorithm)
        if not named or one.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK(one, named[0])
        except jwt.PyJWTError:
            continue
        found[key.key_id] = SigningKey(key, named)
    return found


def _is_safe(address: object) -> bool:
    """Whether nobody on the way can answer in the place of who lives there."""
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    )
