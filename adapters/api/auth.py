"""Who calls: an API key, or a token signed as in ZGW (JWT, HS256). A refusal is logged without the key."""

from __future__ import annotations

import hmac
import math
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
import structlog
from sqlmodel import col, select

from adapters.api.limits import LockOut, RateLimit
from adapters.api.problems import Problem
from adapters.api.remembered_clients import RememberedClients
from adapters.exchange.clients import READ, Caller, jwt_secrets, key_hash
from adapters.storage.database import reading
from adapters.storage.exchange_tables import ClientRow

if TYPE_CHECKING:
    from fastapi import Request
    from sqlalchemy import ColumnElement

    from adapters.office import Office

log = structlog.get_logger("routekaart.api")

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="routekaart"'}
_CLOCK_DIFFERENCE = 60  # seconds that another machine's clock may be ahead
_TOKEN_PARTS = 3
_SHOWN = 40
_UNKNOWN = "onbekend"


@dataclass
class Gate:
    """Lets a request through with its caller, or refuses it."""

    office: Office
    rate: RateLimit
    lock_out: LockOut = field(default_factory=LockOut)
    clients: RememberedClients = field(default_factory=RememberedClients)
    _no_salt: str = field(default_factory=lambda: secrets.token_hex(16))

    def remembers(self, request: Request) -> bool:
        """Whether `caller` can tell who calls without asking the database."""
        given = _credential(request)
        return given is not None and self.clients.get(_name(given)) is not None

    def caller(self, request: Request) -> Caller:
        """Return who calls; a Problem 401 or 429 when that is nobody we know, or one who asks too much."""
        given = _credential(request)
        if given is None:
            log.warning("api_access_refused", client=_UNKNOWN, reason="geen sleutel")
            raise Problem(401, "Stuur een sleutel of een ondertekend token mee.", headers=_CHALLENGE)
        claimed = _claimed_id(given)
        who = f"{request.client.host if request.client else ''} {claimed}"
        found = self._by_token(given, claimed) if _is_token(given) else self._by_key(given)
        if found is None:  # only now: what is right gets in, however often others guessed
            if wait := self.lock_out.wait(who):
                log.warning(
                    "api_access_refused", client=self._if_known(claimed), reason="te veel mislukte pogingen"
                )
                raise _too_many(wait, "Te veel mislukte pogingen; probeer het later opnieuw.")
            self.lock_out.failed(who)
            log.warning("api_access_refused", client=self._if_known(claimed), reason="onbekende sleutel")
            raise Problem(401, "De sleutel of het token is niet geldig.", headers=_CHALLENGE)
        if wait := self.rate.wait(found.client_id):
            log.warning("api_rate_exceeded", client=found.client_id)
            raise _too_many(wait, "Te veel verzoeken; wacht even.")
        return Caller(found.client_id, tuple(found.municipalities), tuple(found.events))

    def client_of_key(self, request: Request, name: str, key: str) -> ClientRow | None:
        """Return the client of this name with this key; a Problem 429 for who guessed too often."""
        found = self._by_key(key) if key.isascii() else None
        if found is not None and found.client_id == name:
            return found
        claimed = _fit_for_log(name)
        who = f"{request.client.host if request.client else ''} {claimed}"
        if wait := self.lock_out.wait(who):
            raise _too_many(wait, "Te veel mislukte pogingen; probeer het later opnieuw.")
        self.lock_out.failed(who)
        log.warning("api_access_refused", client=self._if_known(claimed), reason="onbekende sleutel")
        return None

    def _if_known(self, claimed: str) -> str:
        """Return a name that a caller gave himself where it is that of a client; any other may be a person's."""
        row = self._looked_up(claimed, col(ClientRow.client_id) == claimed)
        return _UNKNOWN if row is None else claimed

    def _by_key(self, given: str) -> ClientRow | None:
        hashed = key_hash(given)
        row = self._looked_up(
            hashed, (col(ClientRow.key_hash) == hashed) | (col(ClientRow.previous_key_hash) == hashed)
        )
        valid = (row.key_hash, row.previous_key_hash or "") if row is not None else (key_hash(""), "")
        same = any(hmac.compare_digest(known, hashed) for known in valid)
        return row if same and row is not None and row.revoked_at is None else None

    def _by_token(self, given: str, client_id: str) -> ClientRow | None:
        row = self._looked_up(client_id, col(ClientRow.client_id) == client_id)
        # An unknown client costs as much time as a wrong signature.
        salts = (row.salt, row.previous_salt) if row is not None else (self._no_salt,)
        for secret in jwt_secrets(self.office, client_id, *salts):
            try:
                claims = jwt.decode(
                    given,
                    secret,
                    algorithms=["HS256"],
                    leeway=_CLOCK_DIFFERENCE,
                    options={
                        "require": ["iat"],
                        "verify_aud": False,
                        "verify_sub": False,
                        "verify_jti": False,
                    },
                )
                age = time.time() - float(claims["iat"])
            except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as error:
                if row is None or row.revoked_at is not None:
                    return None
                # Its signature is right: this is no guess.
                raise _out_of_time(expired=isinstance(error, jwt.ExpiredSignatureError)) from None
            except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
                continue
            if row is None or row.revoked_at is not None:
                return None
            if age > self.office.settings.api_token_seconds:
                raise _out_of_time(expired=True)
            return row
        return None

    def _looked_up(self, name: str, condition: ColumnElement[bool]) -> ClientRow | None:
        if (row := self.clients.get(name)) is not None:
            return row
        with reading(self.office.engine) as session:
            return self.clients.looked_up(name, session.exec(select(ClientRow).where(condition)).first())


def _out_of_time(*, expired: bool) -> Problem:
    log.warning("api_access_refused", client=_UNKNOWN, reason="token buiten zijn tijd")
    said = (
        "Dit token is verlopen; maak een nieuw token."
        if expired
        else "Dit token geldt nog niet; zet de klok van uw systeem gelijk."
    )
    challenge = {"WWW-Authenticate": f'{_CHALLENGE["WWW-Authenticate"]}, error="invalid_token"'}
    return Problem(401, said, kind="token-buiten-tijd", headers=challenge)


def check_may(caller: Caller, action: str) -> None:
    """Refuse, and log, what a client has no right to."""
    if not caller.may(action):
        log.warning("api_right_missing", client=caller.client_id)
        raise Problem(403, "Deze client mag dit niet; vraag de beheerder om dit recht.")


def tell_asked(caller: Caller, way: str, municipality: str) -> None:
    """Log that a client asked about people: an answer to who delivers or opens may tell whom we know."""
    log.info(
        "people_asked_about",
        client=caller.client_id,
        way=way,
        municipality=municipality,
        reads=caller.may(READ),
    )


def _credential(request: Request) -> str | None:
    header = request.headers.get("x-api-key", "")
    if not header:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        header = rest if scheme.lower() == "bearer" else scheme if not rest else ""
    given = header.strip()
    return given if given and given.isascii() else None


def _is_token(given: str) -> bool:
    return given.count(".") == _TOKEN_PARTS - 1


def _name(given: str) -> str:
    """Return the name under which a client is looked up: a hash of its key, or the id that its token claims."""
    return _claimed_id(given) if _is_token(given) else key_hash(given)


def _unverified(token: str) -> dict[str, Any]:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return {}
    return dict(claims)


def _claimed_id(given: str) -> str:
    """Return the client that a caller says he is, fit for a log; or `onbekend`."""
    claims = _unverified(given) if _is_token(given) else {}
    said = claims.get("client_id", claims.get("iss"))
    if said is None and given.startswith("rk_"):
        said = given.removeprefix("rk_").split("_")[0]
    return _fit_for_log(said)


def _fit_for_log(said: object) -> str:
    """Return a name that a caller gives himself where it can be that of a client."""
    if not isinstance(said, str) or len(said) > _SHOWN or said.isdigit():
        return _UNKNOWN
    return said if said.isascii() and said.replace("-", "").isalnum() else _UNKNOWN


def _too_many(wait: float, detail: str) -> Problem:
    return Problem(429, detail, headers={"Retry-After": str(max(1, math.ceil(wait)))})
