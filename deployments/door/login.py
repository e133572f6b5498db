"""The page on which somebody with a local account logs in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import structlog

from adapters.runtime.actor import is_code
from deployments.door.accounts import Accounts, TooManyError, entered
from deployments.door.bodies import read_body
from deployments.door.sessions import Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any

    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

LOGIN = "/inloggen"
_OWN_PATH = re.compile(
    r"/(?![/\\])[!-\[\]-~]*", re.ASCII
)  # no other host, no backslash, no control character

log = structlog.get_logger("routekaart.door")


@dataclass(frozen=True, slots=True)
class LoginAnswer:
    """What came of a form: who is in and where he goes on, or a sentence for the page."""

    status: int
    session: Session | None = None
    onward: str = ""
    sentence: str = ""
    code: str = ""


async def log_in(accounts: Accounts, receive: Receive, address: str) -> LoginAnswer:
    """Look at the form that somebody sent."""
    given = _fields((await read_body(receive))[0])
    code, onward = given.get("code", "").strip(), own_path(given.get("naar", ""))
    if not is_code(code):
        return LoginAnswer(422, onward=onward, sentence="Vul uw code in, zoals mw-17.")
    try:
        right = await accounts.may_enter(code, given.get("wachtwoord", ""), address)
    except TooManyError as refusal:
        _log_refused(accounts, code, "too_many")
        return LoginAnswer(429, onward=onward, sentence=refusal.sentence, code=code)
    if not right:
        _log_refused(accounts, code, "password")
        return LoginAnswer(
            403, onward=onward, sentence="Deze code en dit wachtwoord horen niet bij elkaar.", code=code
        )
    return LoginAnswer(303, entered(accounts.file, code), onward)


def _log_refused(accounts: Accounts, code: str, reason: str) -> None:
    """Log who was refused; what is no code of an account may be a name or a number of a person."""
    known = code in accounts.file.hashes()
    log.warning("login_refused", code=code if known else "onbekend", reason=reason)


def own_path(path: str) -> str:
    """Return a path of this server; empty for anything that could lead elsewhere."""
    return path if _OWN_PATH.fullmatch(path) else ""


def _fields(body: bytes) -> dict[str, str]:
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=10).items()}
    except ValueError:
        return {}
