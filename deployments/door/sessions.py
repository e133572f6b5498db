"""Who is in: a signed cookie, and the one-time links with which the user of a machine gets one.

A session names a person by a code, never by a name. Its cookie goes with no request that another site makes, and no
script can read it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any

from itsdangerous import BadSignature, URLSafeTimedSerializer

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.runtime.credential import Credential

COOKIE = "routekaart_sessie"
"""Begins the name of the cookie; the port follows, since a browser keeps one jar for all ports of a machine."""
IN = "/binnen"
LINK_SECONDS = 12 * 3600
SESSION_SECONDS = 12 * 3600
_MOST_HEADER = 4_000


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is in."""

    code: str
    kind: str = "medewerker"


class Sessions:
    """Makes and reads sessions and one-time links."""

    def __init__(
        self, credential: Credential, used: Path, seconds: int = SESSION_SECONDS, port: int | None = None
    ) -> None:
        """`used` is a folder that remembers which links were used, also over a restart."""
        self._cookies = URLSafeTimedSerializer(credential.key("sessie"))
        self._links = URLSafeTimedSerializer(credential.key("link"))
        self._used = used
        self._seconds = seconds
        self.cookie_name = COOKIE if port is None else f"{COOKIE}_{port}"

    def read(self, cookie_header: bytes) -> Session | None:
        """Return who is in according to the header `Cookie`; None for what is forged, expired or no session."""
        if not cookie_header or len(cookie_header) > _MOST_HEADER:
            return None
        try:
            cookies = SimpleCookie(cookie_header.decode("latin-1"))
            value = self._cookies.loads(cookies[self.cookie_name].value, max_age=self._seconds)
            return Session(value["code"], value["soort"])
        except (CookieError, BadSignature, KeyError, TypeError):
            return None

    def cookie(self, session: Session, *, secure: bool) -> bytes:
        """Return the header `Set-Cookie` that lets somebody in, always with a value of its own."""
        value = self._cookies.dumps(
            {"code": session.code, "soort": session.kind, "n": secrets.token_urlsafe(9)}
        )
        return self._set_cookie(value, self._seconds, secure=secure)

    def link(self, session: Session) -> str:
        """Return the path with which somebody comes in once."""
        token = self._links.dumps({"code": session.code, "n": secrets.token_urlsafe(18)})
        return f"{IN}/{token}"

    def use(self, token: str) -> Session | None:
        """Use a link: who it lets in, or None when it is forged, expired or used before."""
        try:
            value: dict[str, Any] = self._links.loads(token, max_age=LINK_SECONDS)
        except BadSignature:
            return None
        return Session(value["code"]) if self._first_time(value["n"]) else None

    def _first_time(self, nonce: str) -> bool:
        """Claim a link; a file is made once, also when two ask at the same moment."""
        self._used.mkdir(mode=0o700, parents=True, exist_ok=True)
        old = time.time() - LINK_SECONDS
        for mark in self._used.iterdir():
            if mark.stat().st_mtime < old:
                mark.unlink(missing_ok=True)
        mark = self._used / hashlib.sha256(nonce.encode()).hexdigest()
        try:
            os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    def end_cookie(self, *, secure: bool) -> bytes:
        """Return the header `Set-Cookie` that lets somebody out."""
        return self._set_cookie("", 0, secure=secure)

    def _set_cookie(self, value: str, seconds: int, *, secure: bool) -> bytes:
        rest = "; Secure" if secure else ""
        said = f"{self.cookie_name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{rest}"
        return said.encode()
