"""One ASGI application that holds Prefect's own, unchanged, behind a door.

Who comes in: a machine that shows the credential that Prefect asks for, or a person with a session. For a person the
door shows the credential to Prefect, so that no browser ever has it. Everything else is refused here: other sites
(`Origin`, `Sec-Fetch-Site`), other names for this machine (`Host`), and who shows nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

import structlog

from adapters.api.person import SCOPE_KEY
from deployments.door.accounts import BY_PASSWORD, still_counts
from deployments.door.claims import NotLetInError
from deployments.door.cookies import without_ours
from deployments.door.doorkeeper import Doorkeeper, ForbiddenError, front_page, runs_of_socket
from deployments.door.headers import header, host_name, with_security
from deployments.door.login import LOGIN, log_in, own_path
from deployments.door.named_cases import NAMES_SOMEBODY, NamesSomebodyError, looked_at
from deployments.door.notes import Notes
from deployments.door.openid_login import BEGIN, BY_LOGIN_SERVICE, RETURN_PATH
from deployments.door.own_routes import may_open
from deployments.door.pages import page
from deployments.door.plain_refusals import is_checked, said_plainly
from deployments.door.prefect_routes import SOCKETS
from deployments.door.run_looks import NotNotedError, RunLooks, shows_pages
from deployments.door.sessions import IN
from deployments.door.strangers import Strangers
from deployments.door.trusted_proxy import BY_PROXY, SECRET, without_secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence

    from adapters.runtime.credential import Credential
    from adapters.runtime.staff import StaffMember
    from deployments.door.accounts import Accounts
    from deployments.door.openid_login import OpenIdLogin
    from deployments.door.sessions import Session, Sessions
    from deployments.door.trusted_proxy import TrustedProxy

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

OUT = "/uit"
OWN_PAGES = (
    "/mijn",
    "/zaak/",
    "/zoeken",
    "/werkvoorraad",
    "/postbak",
    "/beleid",
    "/monitor",
    "/vernietiging",
    "/inzage",
)
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_WITHOUT_LOGIN = frozenset({"/api/health", "/api/ready"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED_SOCKET = 1008
_SETTINGS_OF_UI = "/ui-settings"

log = structlog.get_logger("routekaart.door")


@dataclass(frozen=True)
class Door:
    """Lets people and machines in to `app`; `hosts` are the names by which people know this server."""

    app: App
    credential: Credential
    sessions: Sessions
    staff: Callable[[Session], StaffMember | None]
    guard: Doorkeeper
    hosts: frozenset[str] = LOOPBACK_NAMES
    first_page: str = "/"
    secure: bool = False  # whether people reach it over https
    accounts: Accounts | None = None  # without local accounts people come in with a link
    service: OpenIdLogin | None = None  # where people log in with OpenID Connect
    proxy: TrustedProxy | None = None  # a proxy that logs people in
    looks: RunLooks | None = None  # who opens the page of a run has looked at its case
    strangers: Strangers = field(default_factory=Strangers)  # web sockets of who did not say yet who he is
    pages: App | None = None  # our own pages, at `OWN_PAGES`; they know the person (adapters/api/person.py)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle what a server of ASGI gives."""
        if scope["type"] == "http":
            await self._http(scope, receive, _Answer(send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    # -- requests ------------------------------------------------------------------------------------------------

    async def _http(self, scope: Scope, receive: Receive, answer: _Answer) -> None:  # noqa: PLR0911 - a table
        headers, path = scope["headers"], scope["path"]
        if scope["method"] in _READING and path in _WITHOUT_LOGIN:
            return await self.app(scope, receive, answer.send)
        if self.credential.is_shown_in(header(headers, b"authorization")):
            if header(headers, b"origin") and not _from_own_page(headers):
                return await _refuse(scope, answer, 403, "Deze opdracht kwam van een andere site.")
            try:
                receive = await looked_at(scope, receive, self.guard.municipality_of)
            except NamesSomebodyError:
                return await _refuse(scope, answer, 422, NAMES_SOMEBODY)
            return await self.app(scope, receive, answer.send)
        if host_name(header(headers, b"host").decode("latin-1")) not in self.hosts:
            return await _refuse(scope, answer, 400, "Deze server kent dit adres niet.")
        if (entrance := self._entrance(path)) is not None:
            return await entrance(scope, receive, answer)
        try:
            session = self._session(headers)
        except NotLetInError as refusal:
            log.warning("login_refused", code="onbekend", reason=refusal.word)
            return await _refuse(scope, answer, refusal.status, refusal.sentence)
        if session is None:
            return await self._ask_who(scope, answer)
        scope = {**scope, "headers": without_secret(headers)}
        if not _may_ask(scope):
            return await _refuse(scope, answer, 403, "Deze opdracht kwam van een andere site.")
        return await self._person(scope, session, receive, answer)

    def _entrance(self, path: str) -> Callable[[Scope, Receive, _Answer], Awaitable[None]] | None:
        """Return what answers at an address where people come in; None for any other address."""
        if path.startswith(f"{IN}/"):
            return self._let_in
        if path == LOGIN and (self.accounts is not None or self.service is not None):
            return self._log_in
        return self._at_service if self.service is not None and path in (BEGIN, RETURN_PATH) else None

    def _session(self, headers: Sequence[tuple[bytes, bytes]]) -> Session | None:
        """Return who is in: as the proxy says, or as the cookie says. Raises NotLetInError."""
        if self.proxy is not None:
            if self.proxy.sent(headers):
                return self.proxy.session(headers)
            if header(headers, SECRET):
                log.warning("proxy_secret_wrong")
        session = self.sessions.read(header(headers, b"cookie"))
        if session is None or session.way != BY_PASSWORD:
            return session
        return session if self.accounts is not None and still_counts(self.accounts.file, session) else None

    async def _person(  # noqa: PLR0911 - a table
        self, scope: Scope, session: Session, receive: Receive, answer: _Answer
    ) -> None:
        """Pass on what somebody who is in asks for."""
        path = scope["path"]
        if path == OUT:
            return await self._let_out(scope, session, answer)
        if session.way != BY_PROXY:
            asked, by_hand = f"{scope['method']} {path}", _is_navigation(scope)
            later = self.sessions.renewed(session, asked, by_hand=by_hand)
            answer.own = [] if later is None else [(b"set-cookie", later)]
        member = self.staff(session)
        if member is None:
            return await _refuse(scope, answer, 403, _NO_ROLE)
        if self.pages is not None and path.startswith(OWN_PAGES):
            if not may_open(member, scope["method"], path.rstrip("/")):
                log.info("right_missing", code=member.code, method=scope["method"])
                return await _refuse(scope, answer, 403, "U mag dit niet. Vraag de beheerder erom.")
            return await self.pages({**scope, SCOPE_KEY: member}, receive, answer.send)
        try:
            scope, receive = await self.guard.passed(scope, receive, member)
        except ForbiddenError as refusal:
            log.info("right_missing", code=member.code, method=scope["method"])
            return await _refuse(scope, answer, 403, refusal.sentence)
        try:
            return await self._to_prefect(path, scope, session, member, receive, answer)
        except NotNotedError:
            return await _refuse(
                scope, answer, 503, "Het inzagelog is niet bereikbaar. Probeer het zo opnieuw."
            )

    async def _to_prefect(
        self,
        path: str,
        scope: Scope,
        session: Session,
        member: StaffMember,
        receive: Receive,
        answer: _Answer,
    ) -> None:
        """Pass a request on that may go on, when it is noted who looks; `path` is what was asked for.

        Raises NotNotedError.
        """
        looks = self.looks
        change = (
            partial(self._settings_of_ui, scope)
            if path.endswith(_SETTINGS_OF_UI)
            else front_page(path, member)
        )
        if looks is not None:
            receive = await looks.noted(scope, receive, session)
        if change is not None or (looks is not None and shows_pages(scope)):
            return await self._changed(scope, receive, answer, session, change)
        return await self._handed_on(scope, session, member, receive, answer)

    async def _handed_on(
        self, scope: Scope, session: Session, member: StaffMember, receive: Receive, answer: _Answer
    ) -> None:
        """Pass on what somebody may ask: with a note of who he is, and what Prefect refuses in plain words."""
        path = scope["path"]
        send: Send = answer.send
        if is_checked(scope["method"], path):
            scope, send = (
                {**scope, "headers": _uncompressed(scope["headers"])},
                said_plainly(answer.send),
            )
        noted = self.notes.of(path, member) if scope["method"] == "POST" else None
        if noted is not None:
            return await noted(self._known(scope), session, receive, send)
        return await self.app(self._known(scope), receive, send)

    @cached_property
    def notes(self) -> Notes:
        """What tells the workers who answered."""
        return Notes(self.app, self.credential)

    def _known(self, scope: Scope) -> Scope:
        """Return the request of a person with the credential that Prefect asks for, and without the session."""
        kept = [
            (name, value) for name, value in scope["headers"] if name not in (b"authorization", b"cookie")
        ]
        cookies = without_ours(header(scope["headers"], b"cookie"))
        scheme = {"http": "https", "ws": "wss"}.get(scope["scheme"]) if self.secure else None
        return {
            **scope,
            "scheme": scheme or scope["scheme"],  # as people know it, whoever stands before us
            "headers": [*kept, *cookies, (b"authorization", self.credential.header)],
        }

    async def _let_in(self, scope: Scope, _: Receive, answer: _Answer) -> None:
        """Let somebody in with a one-time link. A link that was used still leads on whoever is in."""
        known = self.sessions.read(header(scope["headers"], b"cookie"))
        if scope["method"] != "GET":
            return await _refuse(scope, answer, 405, "Open deze link in een browser.")
        session = self.sessions.use(scope["path"].removeprefix(f"{IN}/"))
        if session is None and known is None:
            log.warning("link_refused")
            return await answer.page(403, "notice.html", title="Deze link werkt niet meer", lines=_NEW_LINK)
        location = (b"location", quote(self.first_page).encode())
        more = [] if session is None else [self._new_session(session, known)]
        await answer.empty(303, [location, (b"referrer-policy", b"no-referrer"), *more])
        return None

    def _new_session(self, session: Session, before: Session | None) -> tuple[bytes, bytes]:
        """Let somebody in; the session that this browser had ends."""
        if before is not None:
            self.sessions.end(before)
        log.info("came_in", code=session.code, way=session.way)
        return b"set-cookie", self.sessions.cookie(session)

    async def _let_out(self, scope: Scope, session: Session, answer: _Answer) -> None:
        if scope["method"] != "POST":
            return await answer.page(200, "logout.html", title="Wilt u uitloggen?")
        if session.way == BY_PROXY:
            return await answer.page(
                200, "notice.html", title="Log uit bij uw organisatie", lines=[_OUT_BY_PROXY]
            )
        self.sessions.end(session)
        log.info("went_out", code=session.code)
        gone = (b"set-cookie", self.sessions.end_cookie())
        if self.service is not None and session.way == BY_LOGIN_SERVICE:
            there = await self.service.address_to_log_out(session)
            if there is not None:
                return await answer.page(200, "away.html", [gone], title="U bent uitgelogd", there=there)
        return await answer.page(200, "notice.html", [gone], title="U bent uitgelogd", lines=self._ways_in)

    @property
    def _ways_in(self) -> tuple[str, ...]:
        """How somebody gets in who is not."""
        if self.proxy is not None:
            return (_BY_PROXY,)
        by_page = self.accounts is not None or self.service is not None
        return ("Ga naar de voorpagina om weer in te loggen.",) if by_page else _NEW_LINK

    async def _ask_who(self, scope: Scope, answer: _Answer) -> None:
        headers = scope["headers"]
        if not _is_navigation(scope):
            return await _refuse(scope, answer, 401, "Unauthorized")
        if header(headers, b"sec-fetch-site") in (b"cross-site", b"same-site"):
            # A browser leaves the cookie out when a link elsewhere leads here; from this page on it goes along.
            return await answer.page(200, "again.html", title="Even geduld", here=_address(scope))
        return await self._show_login(401, answer, onward=_address(scope))

    async def _show_login(self, status: int, answer: _Answer, **values: str) -> None:
        """Show how to log in: a form for local accounts, a link to the login service, or how to get a link."""
        if self.accounts is None and self.service is None:
            return await answer.page(
                status, "notice.html", title="U bent nog niet binnen", lines=self._ways_in
            )
        service = f"{BEGIN}?naar={quote(values.get('onward', ''), safe='')}" if self.service else ""
        shown: dict[str, Any] = {"accounts": self.accounts is not None, "service": service, **values}
        return await answer.page(status, "login.html", title=_LOGIN_TITLE, **shown)

    async def _log_in(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Show the form of who logs in, or let him in; a form of another site logs nobody in."""
        if scope["method"] in _READING or self.accounts is None:
            return await self._show_login(200, answer)
        if scope["method"] != "POST" or not _from_own_page(scope["headers"]):
            return await _refuse(scope, answer, 403, "Deze opdracht kwam van een andere site.")
        said = await log_in(self.accounts, receive, (scope.get("client") or ("",))[0])
        if said.session is None:
            shown = {"onward": said.onward, "sentence": said.sentence, "code": said.code}
            return await self._show_login(said.status, answer, **shown)
        cookie = self._new_session(said.session, self.sessions.read(header(scope["headers"], b"cookie")))
        onward = said.onward or quote(self.first_page)
        return await answer.empty(said.status, [(b"location", onward.encode()), cookie])

    async def _at_service(self, scope: Scope, _: Receive, answer: _Answer) -> None:
        """Lead somebody to the login service, or let him in when he comes back from it."""
        service = self.service
        if service is None or scope["method"] != "GET":
            return await _refuse(scope, answer, 405, "Open dit adres in een browser.")
        query = scope.get("query_string", b"")
        try:
            if scope["path"] == BEGIN:
                asked = parse_qs(query.decode("latin-1"), max_num_fields=20).get("naar", [""])[0]
                there, cookie = await service.begin(own_path(asked))
                return await answer.empty(303, [(b"location", there.encode()), (b"set-cookie", cookie)])
            cookies = header(scope["headers"], b"cookie")
            session, onward = await service.finish(query, cookies)
        except (NotLetInError, ValueError) as refusal:
            return await self._not_let_in(service, refusal, answer)
        let_in = self._new_session(session, self.sessions.read(cookies))
        there = own_path(onward) or quote(self.first_page)
        used = (b"set-cookie", service.end_cookie())
        return await answer.empty(303, [(b"location", there.encode()), let_in, used])

    async def _not_let_in(self, service: OpenIdLogin, refusal: Exception, answer: _Answer) -> None:
        if not isinstance(refusal, NotLetInError):
            refusal = NotLetInError(400, "Dit adres klopt niet. Log opnieuw in.", "query")
        log.warning("login_refused", code="onbekend", reason=refusal.word)
        used = (b"set-cookie", service.end_cookie())
        await answer.page(refusal.status, "refused.html", [used], title=refusal.sentence, again=LOGIN)

    async def _changed(
        self,
        scope: Scope,
        receive: Receive,
        answer: _Answer,
        session: Session,
        change: Callable[[Any], Any] | None,
    ) -> None:
        """Pass on what Prefect answers, changed, when it is noted who sees it; where nothing is left, there is nothing.

        Raises NotNotedError.
        """
        known = self._known(scope)
        collected = _Collected()
        await self.app({**known, "headers": _uncompressed(known["headers"])}, receive, collected.send)
        status, body = collected.status, collected.body
        if status == 200:  # noqa: PLR2004
            read = json.loads(body)
            said = read if change is None else change(read)
            if self.looks is not None and shows_pages(scope):
                await self.looks.note_pages(said, session)
            if change is not None:
                status, body = (404, b"{}") if said is None else (status, json.dumps(said).encode())
        await answer.whole(status, [(b"content-type", b"application/json")], body)

    def _settings_of_ui(self, scope: Scope, said: dict[str, Any]) -> dict[str, Any]:
        """Tell the UI that it needs no password and where its API is: at the address in the browser."""
        host = header(scope["headers"], b"host").decode("latin-1")
        own = f"{'https' if self.secure else scope['scheme']}://{host}/api"
        return said | {"auth": None, "api_url": own}

    # -- web sockets ---------------------------------------------------------------------------------------------

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        if self.credential.is_shown_in(header(headers, b"authorization")):
            return await self.app(scope, receive, send)
        if not header(headers, b"origin"):  # a machine: it shows the credential in its first message
            return await self.strangers.let_in(self.app, self.credential, scope, receive, send)
        known = host_name(header(headers, b"host").decode("latin-1")) in self.hosts
        try:
            session = self._session(headers)
        except NotLetInError:
            session = None
        member = None if session is None else self.staff(session)
        if (
            not known
            or session is None
            or member is None
            or scope["path"] not in SOCKETS
            or not _from_own_page(headers)
        ):
            log.warning("socket_refused", code=None if session is None else session.code)
            await receive()
            return await send({"type": "websocket.close", "code": _REFUSED_SOCKET})
        own = {**scope, "headers": without_secret(headers)}
        received = self._with_credential(receive, scope["path"], member, session)
        return await self.app(self._known(own), received, self._while_in(session, send))

    def _while_in(self, session: Session, send: Send) -> Send:
        """Send as long as somebody is in; a socket does not outlive its session."""

        async def sent(message: Message) -> None:
            if session.way != BY_PROXY and not self.sessions.counts(session):
                message = {"type": "websocket.close", "code": _REFUSED_SOCKET}
            await send(message)

        return sent

    def _with_credential(self, receive: Receive, path: str, member: StaffMember, session: Session) -> Receive:
        """Put the credential in the first message, in which Prefect looks for it, and guard the second, the filter."""
        heard = 0

        async def received() -> Message:
            nonlocal heard
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            heard += 1
            if heard == 1:
                shown = {"type": "auth", "token": self.credential.auth_string}
                return {"type": "websocket.receive", "text": json.dumps(shown)}
            if heard == 2:  # noqa: PLR2004
                try:
                    said = _said(message)
                    await self.guard.check_socket(path, said, member)
                    if self.looks is not None:
                        await self.looks.note_runs(runs_of_socket(path, said), session)
                except (ForbiddenError, NotNotedError):
                    log.info("right_missing", code=member.code, method="WEBSOCKET")
                    return {"type": "websocket.disconnect", "code": _REFUSED_SOCKET}
            return message

        return received


def _said(message: Message) -> dict[str, Any]:
    try:
        said = json.loads(message.get("text") or "{}")
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


_LOGIN_TITLE = "Log in bij routekaart"
_NO_ROLE = "U heeft hier nog geen rol. Vraag de beheerder om u in het bestand van medewerkers te zetten."
_BY_PROXY = "Open routekaart via het adres van uw organisatie."
_OUT_BY_PROXY = "U bent binnen via uw organisatie. Sluit de browser, of log daar uit."
_NEW_LINK = (
    "Wilt u binnen? Maak een nieuwe link met de opdracht: routekaart ui",
    "Open die link in deze browser. De link werkt een keer.",
)


class _Answer:
    """What goes back, with the headers of the door."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.own: list[tuple[bytes, bytes]] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": with_security([*message.get("headers", ()), *self.own])}
        await self._send(message)

    async def whole(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        said = dict(headers)
        length = (b"content-length", str(len(body)).encode())
        own = [*headers] if b"content-length" in said else [*headers, length]
        await self.send({"type": "http.response.start", "status": status, "headers": own})
        await self.send({"type": "http.response.body", "body": body})

    async def empty(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        await self.whole(status, [*headers, (b"cache-control", b"no-store")], b"")

    async def page(
        self, status: int, template: str, more: Iterable[tuple[bytes, bytes]] = (), **values: object
    ) -> None:
        body, headers = page(template, **values)
        await self.whole(status, [*headers, *more], body)


class _Collected:
    """An answer of Prefect that is kept here, to be changed."""

    def __init__(self) -> None:
        self.status, self.body = 0, b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


async def _refuse(scope: Scope, answer: _Answer, status: int, sentence: str) -> None:
    """Refuse as Prefect does, so that both UIs and its clients understand it."""
    log.warning("door_refused", status=status, method=scope["method"])
    if _is_navigation(scope):
        await answer.page(status, "notice.html", title=sentence, lines=())
        return
    body = json.dumps({"exception_message": sentence, "detail": sentence}, ensure_ascii=False).encode()
    kind = (b"content-type", b"application/json")
    await answer.whole(status, [kind, (b"cache-control", b"no-store")], body)


def _uncompressed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request whose answer can be read here."""
    return [(name, value) for name, value in headers if name != b"accept-encoding"]


def _is_navigation(scope: Scope) -> bool:
    """Whether somebody opens a page, and not a script that asks."""
    mode = header(scope["headers"], b"sec-fetch-mode")
    asks_page = b"text/html" in header(scope["headers"], b"accept")
    return scope["method"] in ("GET", "HEAD") and (mode == b"navigate" or (not mode and asks_page))


def _may_ask(scope: Scope) -> bool:
    """Whether a request with a session was made by a page of ours, or by the person who opens a page."""
    headers = scope["headers"]
    if _is_navigation(scope):
        return True
    if header(headers, b"sec-fetch-site") not in (b"", b"same-origin", b"none"):
        return False
    if scope["method"] in _READING:
        return not header(headers, b"origin") or _from_own_page(headers)
    return _from_own_page(headers)


def _from_own_page(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether `Origin` names the address that the browser asked; a changing request must say so."""
    own = list(headers)
    origin, host = header(own, b"origin"), header(own, b"host")
    return bool(host) and origin.partition(b"://")[2] == host


def _address(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    return quote(scope["path"]) + (f"?{query}" if query else "")
