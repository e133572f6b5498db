"""Who is in: a signed cookie, and the one-time links with which the user of a machine gets one.

A session names a person by a code, never by a name. Its cookie goes with no request that another site makes, and no
script can read it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from itsdangerous import BadSignature, URLSafeSerializer

from deployments.door.cookies import name_for, set_cookie, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from adapters.runtime.credential import Credential

_COOKIE = "routekaart_sessie"
"""Begins the name of the cookie."""
IN = "/binnen"
LINK_SECONDS = 12 * 3600
SESSION_SECONDS = 12 * 3600
_MOST_PATHS = 20_000
_POLL_SECONDS = 300.0
_RENEW_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is in: a code, and what the login service or the proxy said of him.

    `groups` and `places` are groups and gemeentecodes; `way` is how he came in; `number` tells sessions apart.
    `since` and `active` are seconds since 1970: when he came in, and when he last did something himself.
    """

    code: str
    kind: str = "medewerker"
    way: str = "link"
    groups: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    number: str = ""
    since: float = 0.0
    active: float = 0.0


class Once:
    """Remembers in a folder what was used or ended, also over a restart and for all servers that share it."""

    def __init__(self, folder: Path, seconds: float, clock: Callable[[], float] = time.time) -> None:
        """Forget a mark after so many seconds; by then what it stands for has expired."""
        self._folder = folder
        self._seconds = seconds
        self._clock = clock

    def first(self, name: str) -> bool:
        """Mark this and return whether it is the first time, also when two ask at the same moment."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        old = self._clock() - self._seconds
        for mark in self._folder.iterdir():
            if mark.stat().st_mtime < old:
                mark.unlink(missing_ok=True)
        try:
            os.close(os.open(self._mark(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    def was(self, name: str) -> bool:
        """Whether this was marked."""
        return self._mark(name).exists()

    def _mark(self, name: str) -> Path:
        return self._folder / hashlib.sha256(name.encode()).hexdigest()


class Sessions:
    """Makes and reads sessions and one-time links."""

    def __init__(
        self,
        credential: Credential,
        used: Path,
        seconds: float = SESSION_SECONDS,
        port: int | None = None,
        *,
        idle: float | None = None,
        secure: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`used` is a folder that remembers which links were used and which sessions ended, also over a restart.

        A session ends `seconds` after somebody came in, and `idle` seconds after he last did something himself.
        `secure` is for a server that people reach over https.
        """
        self._cookies = URLSafeSerializer(credential.key("sessie"))
        self._links = URLSafeSerializer(credential.key("link"))
        self._seconds = seconds
        self._idle = seconds if idle is None else min(idle, seconds)
        self._clock = clock
        self.once = Once(used, max(seconds, LINK_SECONDS), clock)
        self._asked: dict[tuple[str, str], float] = {}
        self.cookie_name = name_for(_COOKIE, port, secure=secure)

    def read(self, cookie_header: bytes) -> Session | None:
        """Return who is in according to the header `Cookie`; None for what is forged, expired, ended or no session."""
        value = value_of(cookie_header, self.cookie_name)
        if value is None:
            return None
        try:
            session = _session_from(self._cookies.loads(value))
        except (BadSignature, KeyError, TypeError, ValueError):
            return None
        return session if self.counts(session) else None

    def counts(self, session: Session) -> bool:
        """Whether a session has not expired and did not end."""
        now = self._clock()
        return (
            now - session.since < self._seconds
            and now - session.active < self._idle
            and not self.once.was(session.number)
        )

    def cookie(self, session: Session) -> bytes:
        """Return the header `Set-Cookie` that lets somebody in, with a new session of its own."""
        now = self._clock()
        new = replace(session, number=session.number or secrets.token_urlsafe(9), since=now, active=now)
        return self._cookie(new)

    def renewed(self, session: Session, asked: str, *, by_hand: bool) -> bytes | None:
        """Return a header `Set-Cookie` with a later end, when somebody does something; None when there is no need.

        Opening a page and changing something is doing something (`by_hand`), and so is asking what this session has
        not asked for five minutes: an open screen asks the same all day by itself.
        """
        now = self._clock()
        key = (session.number, asked)
        before, self._asked[key] = self._asked.get(key), now
        if len(self._asked) > _MOST_PATHS:
            self._asked.clear()
        polled = before is not None and now - before < _POLL_SECONDS
        if (polled and not by_hand) or now - session.active < min(_RENEW_SECONDS, self._idle / 10):
            return None
        return self._cookie(replace(session, active=now))

    def end(self, session: Session) -> None:
        """End a session: its cookie opens nothing any more, whoever kept it."""
        self.once.first(session.number)

    def link(self, session: Session) -> str:
        """Return the path with which somebody comes in once."""
        token = self._links.dumps({"code": session.code, "n": secrets.token_urlsafe(18), "t": self._clock()})
        return f"{IN}/{token}"

    def use(self, token: str) -> Session | None:
        """Use a link: who it lets in, or None when it is forged, expired or used before."""
        try:
            value: dict[str, Any] = self._links.loads(token)
            expired = self._clock() - value["t"] > LINK_SECONDS
        except (BadSignature, KeyError, TypeError):
            return None
        return None if expired or not self.once.first(value["n"]) else Session(value["code"])

    def end_cookie(self) -> bytes:
        """Return the header `Set-Cookie` that lets somebody out."""
        return set_cookie(self.cookie_name, "", 0, "Strict")

    def _cookie(self, session: Session) -> bytes:
        value = {
            "code": session.code,
            "soort": session.kind,
            "weg": session.way,
            "n": session.number,
            "in": round(session.since, 3),
            "t": round(session.active, 3),
        }
        if session.groups or session.places:
            value |= {"g": session.groups, "p": session.places}
        return set_cookie(self.cookie_name, str(self._cookies.dumps(value)), round(self._seconds), "Strict")


def _session_from(value: Mapping[str, Any]) -> Session:
    return Session(
        value["code"],
        value["soort"],
        value["weg"],
        tuple(value.get("g", ())),
        tuple(value.get("p", ())),
        value["n"],
        float(value["in"]),
        float(value["t"]),
    )
