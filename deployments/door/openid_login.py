"""Coming in with OpenID Connect: away to the login service, and back with a code that counts once.

What must come back stands in a cookie of ten minutes. It holds a random number; the state, the nonce and the verifier
are made of that number with a key of the server, so that they belong to this browser and cannot be told from it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from itsdangerous import BadSignature, URLSafeSerializer

from adapters.cases.person_code import default_form
from deployments.door.claims import NotLetInError, session_of
from deployments.door.cookies import name_for, set_cookie, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.runtime.credential import Credential
    from adapters.runtime.staff import StaffBook
    from deployments.door.provider import Provider
    from deployments.door.sessions import Once, Session

BEGIN = "/inloggen/dienst"
RETURN_PATH = "/inloggen/terug"
BY_LOGIN_SERVICE = "dienst"
_COOKIE = "routekaart_aanmelding"
SECONDS = 600
_MOST_TOKENS = 10_000
_SAME_SITE = "Lax"  # the login service leads the browser back here, and that is another site
_CODE = re.compile(r"[\x20-\x7e]{1,4000}")
_AGAIN = "Deze aanmelding is verlopen of al gebruikt. Log opnieuw in."


@dataclass(frozen=True)
class OpenIdLogin:
    """Logs people in with a login service; `base` is the address of this server as people know it."""

    provider: Provider
    credential: Credential
    base: str
    once: Once
    book: Callable[[], StaffBook]
    code_key: Callable[[], bytes]
    scope: str = "openid"
    port: int | None = None
    is_worker: Callable[[str], bool] = default_form
    clock: Callable[[], float] = time.time
    # A token names a person: it stays in memory, and after a restart somebody logs out without it.
    _tokens: OrderedDict[str, str] = field(default_factory=OrderedDict, repr=False)

    async def begin(self, onward: str) -> tuple[str, bytes]:
        """Return the address of the login service, and the cookie to come back with. Raises NotLetInError."""
        number = secrets.token_urlsafe(24)
        address = await self.provider.address_to_log_in(
            back_to=self.base + RETURN_PATH,
            scope=self.scope,
            state=self._made(number, "state"),
            nonce=self._made(number, "nonce"),
            verifier=self._made(number, "verifier"),
        )
        value = str(self._signer.dumps({"n": number, "naar": onward, "t": self.clock()}))
        return address, set_cookie(self._cookie_name, value, SECONDS, _SAME_SITE)

    async def finish(self, query: bytes, cookie_header: bytes) -> tuple[Session, str]:
        """Return who came back, and where he wanted to go. Raises NotLetInError."""
        given = _only_once(query)
        number, onward = self._number(cookie_header)
        if not hmac.compare_digest(given.get("state", "").encode(), self._made(number, "state").encode()):
            raise NotLetInError(403, _AGAIN, "state")
        if not self.once.first(f"aanmelding:{number}"):
            raise NotLetInError(403, _AGAIN, "used_before")
        await self._check_who_answers(given.get("iss"))
        if "error" in given:
            raise NotLetInError(403, "De inlogdienst liet u niet toe.", "refused_by_provider")
        if not _CODE.fullmatch(given.get("code", "")):
            raise NotLetInError(403, _AGAIN, "no_code_given")
        claims, token = await self.provider.claims(
            given["code"],
            back_to=self.base + RETURN_PATH,
            verifier=self._made(number, "verifier"),
            nonce=self._made(number, "nonce"),
        )
        subject = f"{self.provider.issuer} {claims['sub']}"
        came_in = session_of(claims, subject, self.book(), self.code_key(), BY_LOGIN_SERVICE, self.is_worker)
        session = replace(came_in, number=secrets.token_urlsafe(9))
        self._tokens[session.number] = token
        while len(self._tokens) > _MOST_TOKENS:
            self._tokens.popitem(last=False)
        return session, onward

    async def address_to_log_out(self, session: Session) -> str | None:
        """Return the address at which somebody logs out of the service too; None where it has none."""
        return await self.provider.address_to_log_out(self.base + "/", self._tokens.pop(session.number, None))

    def end_cookie(self) -> bytes:
        """Return the header `Set-Cookie` after which nobody comes back with this attempt."""
        return set_cookie(self._cookie_name, "", 0, _SAME_SITE)

    async def _check_who_answers(self, issuer: str | None) -> None:
        """Refuse an answer of another service (RFC 9207)."""
        where = await self.provider.endpoints()
        if issuer != self.provider.issuer and (issuer is not None or where.names_itself):
            raise NotLetInError(403, _AGAIN, "another_issuer")

    @property
    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.credential.key("aanmelding"))

    @property
    def _cookie_name(self) -> str:
        return name_for(_COOKIE, self.port, secure=self.base.startswith("https:"))

    def _number(self, cookie_header: bytes) -> tuple[str, str]:
        try:
            value = self._signer.loads(value_of(cookie_header, self._cookie_name) or "")
            number, onward, begun = str(value["n"]), str(value["naar"]), float(value["t"])
        except (BadSignature, KeyError, TypeError, ValueError):
            raise NotLetInError(403, _AGAIN, "no_attempt") from None
        if self.clock() - begun > SECONDS:
            raise NotLetInError(403, _AGAIN, "expired")
        return number, onward

    def _made(self, number: str, purpose: str) -> str:
        made = hmac.new(
            self.credential.key("aanmelding"), f"{purpose}:{number}".encode(), hashlib.sha256
        ).digest()
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def _only_once(query: bytes) -> dict[str, str]:
    """Return the words of a query; one that is given twice is left out (RFC 6749, 3.1)."""
    try:
        found = parse_qs(query.decode("ascii"), max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items() if len(values) == 1}
