"""With what we make ourselves known to a subscriber: a fixed header, a token as in ZGW, or OAuth2 client credentials.

It is kept encrypted, with a key that is derived from our own secret, so a copy of the database tells nothing.
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Annotated, Literal

import httpx
import jwt
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error  # type: ignore[import-untyped]
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, SecretStr, ValidationError

from adapters.exchange.clients import derived_secret
from adapters.exchange.refusals import IntegrationError
from adapters.exchange.webhook_addresses import HTTPS_OR_HERE, webhook_client
from adapters.runtime.toml_files import TomlError, read_toml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.messages.message_office import MessageOffice

_HEADER = r"[\x21-\x7e]+( [\x21-\x7e]+)*"
_TOKEN_SECONDS = 300
_MARGIN_SECONDS = 30
_TIMEOUT_SECONDS = 5.0

_Text = Annotated[str, Field(min_length=1, max_length=500)]
_Address = Annotated[str, Field(pattern=HTTPS_OR_HERE + r"([/?][^\s#]*)?$", max_length=500)]


class AuthorizationError(IntegrationError):
    """An authorization that cannot be used: one Dutch sentence."""


def _one_line(value: SecretStr) -> SecretStr:
    if not re.fullmatch(_HEADER, value.get_secret_value()):
        raise ValueError("geen kopregel")
    return value


class _Kind(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    def refused(self) -> None:
        """Note that the receiver did not take it."""


class FixedHeader(_Kind):
    """The same header with every message."""

    soort: Literal["vast"]
    waarde: Annotated[SecretStr, Field(max_length=2000), AfterValidator(_one_line)]

    def header(self, networks: Sequence[str]) -> str:  # noqa: ARG002
        """Return the header as it was given."""
        return self.waarde.get_secret_value()


class ZgwToken(_Kind):
    """A token of ZGW, made anew for each message: HS256 with the secret that the receiver has."""

    soort: Literal["zgw"]
    client_id: _Text
    geheim: Annotated[SecretStr, Field(min_length=1, max_length=500)]

    def header(self, networks: Sequence[str]) -> str:  # noqa: ARG002
        """Return a token that is valid now."""
        claims = {
            "iss": self.client_id,
            "client_id": self.client_id,
            "iat": int(time.time()),
            "exp": int(time.time()) + _TOKEN_SECONDS,
            "user_id": "routekaart",
            "user_representation": "routekaart",
        }
        return f"Bearer {jwt.encode(claims, self.geheim.get_secret_value(), algorithm='HS256')}"


class ClientCredentials(_Kind):
    """A token of an OAuth2 server (client credentials), kept until it ends."""

    soort: Literal["oauth2"]
    token_url: _Address
    client_id: _Text
    geheim: Annotated[SecretStr, Field(min_length=1, max_length=500)]
    scope: _Text | None = None

    def header(self, networks: Sequence[str]) -> str:
        """Return the token that is valid now; one of NO_TOKEN when the server gives none."""
        known = _tokens.get(self._name)
        if known is None or known[1] < time.time():
            client = BackendApplicationClient(self.client_id, scope=self.scope)
            with webhook_client(networks, _TIMEOUT_SECONDS) as line:
                answer = line.post(
                    self.token_url,
                    content=client.prepare_request_body(scope=self.scope),
                    headers={
                        "Content-Type": "application/x-www-form-urlencoded",
                        "Accept": "application/json",
                    },
                    auth=(self.client_id, self.geheim.get_secret_value()),
                )
            given = client.parse_request_body_response(answer.text, scope=self.scope)
            ends = time.time() + float(given.get("expires_in", 0)) - _MARGIN_SECONDS
            known = _tokens[self._name] = (given["access_token"], ends)
        return f"Bearer {known[0]}"

    def refused(self) -> None:
        """Ask for a new token the next time."""
        _tokens.pop(self._name, None)

    @property
    def _name(self) -> tuple[str, str, str, str]:
        return (self.token_url, self.client_id, self.geheim.get_secret_value(), self.scope or "")


# Where no token could be had: the server refused, or could not be reached.
NO_TOKEN = (AuthorizationError, OAuth2Error, httpx.HTTPError, ValueError, RecursionError)
_tokens: dict[tuple[str, str, str, str], tuple[str, float]] = {}


class Authorization(RootModel[FixedHeader | ZgwToken | ClientCredentials]):
    """One of the three."""

    root: Annotated[FixedHeader | ZgwToken | ClientCredentials, Field(discriminator="soort")]


def read_authorization(path: Path) -> Authorization:
    """Read a file of TOML with an authorization: secrets do not stand on a command line."""
    try:
        return Authorization.model_validate(read_toml(path)[0])
    except TomlError as error:
        raise AuthorizationError(str(error)) from None
    except ValidationError as error:
        wrong = sorted({str(item["loc"][-1]) if item["loc"] else "soort" for item in error.errors()})
        raise AuthorizationError(
            f"In {path.name} klopt niet: {', '.join(wrong)}. Schrijf soort (vast, zgw of oauth2) met waarde, of met "
            "client_id en geheim, en bij oauth2 ook token_url."
        ) from None


def sealed(office: MessageOffice, authorization: Authorization) -> str:
    """Return an authorization as it is kept."""
    given = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in authorization.root
        if value is not None
    }
    return _cipher(office).encrypt(json.dumps(given).encode()).decode()


def opened(office: MessageOffice, kept: str | None) -> Authorization | None:
    """Return an authorization that was kept; AuthorizationError when no key of ours opens it."""
    if kept is None:
        return None
    try:
        return Authorization.model_validate_json(_cipher(office).decrypt(kept.encode()))
    except InvalidToken:
        raise AuthorizationError(
            "De autorisatie van dit abonnement is niet te openen; geef haar opnieuw."
        ) from None


def _cipher(office: MessageOffice) -> MultiFernet:
    keys = [
        bytes.fromhex(derived_secret(secret, "autorisatie", "abonnement", ""))
        for secret in office.settings.integration_secrets()
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
