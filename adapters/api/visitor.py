"""Who looks at a page: who the door knows, or the receiver of a message who followed its link.

The door puts who is in into the scope of the request (`routekaart.person`); a client cannot set it. A link in a
message carries a signed code; it becomes a cookie that no script reads and no other site's form carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from adapters.api.page_parts import LOGGED_IN, MANAGES, PersonRoute, notice
from adapters.api.person import SCOPE_KEY
from adapters.messages.addressing import LAST_RESORTS
from adapters.messages.page_links import PAGE_LINK_DAYS, WHO
from adapters.messages.recipients import EVERY_MUNICIPALITY
from adapters.runtime.actor import Actor, ActorKind, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from adapters.office import Office

_COOKIE = "routekaart_bezoek"
_NOT_IN = [
    "Open de link uit een bericht, of log eerst in.",
    "Lukt dat niet? Vraag het de coördinator.",
]


class VisitorRoute(PersonRoute):
    """A route that knows who looks before anything else, and takes forms of our own pages alone."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler for somebody who is known."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            office = request.app.state.office
            if request.method == "GET" and (on := coming_in(office, request)) is not None:
                return on
            visitor = await run_in_threadpool(visitor_of, office, request)
            if visitor is None:
                return notice("Je bent nog niet binnen", _NOT_IN, 401)
            if request.method == "POST" and not from_own_page(request):
                return refused()
            request.state.visitor = visitor
            LOGGED_IN.set(visitor.known is not None)
            MANAGES.set(visitor.known is not None and visitor.known.may("beheren"))
            return await handle(request)

        return handled


def refused() -> HTMLResponse:
    """Return the page for who may not do something."""
    return notice("Dit mag je niet", ["Er is niets vastgelegd. Vraag het de coördinator."], 403)


async def _visitor(request: Request) -> Visitor:
    return request.state.visitor  # type: ignore[no-any-return]


class Known(Protocol):
    """Somebody whom the door let in."""

    code: str

    @property
    def municipalities(self) -> frozenset[str] | None:
        """The gemeentecodes whose cases he may see; None for all."""
        ...

    @property
    def decides_as(self) -> Mapping[str, tuple[str, ...]] | None:
        """The roles with which he decides, per gemeentecode; None where they are not known."""
        ...

    def may(self, right: str, municipality: str | None = None) -> bool:
        """Whether he has a right in a gemeente."""
        ...


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who looks: a code of a person or of a team, and what he may see and do."""

    code: str
    municipalities: frozenset[str] | None
    team: bool = False
    known: Known | None = None
    divides: frozenset[str] = frozenset()  # where who came with a link divides the work

    def sees(self, municipality: str) -> bool:
        """Whether the cases of a gemeente exist for him."""
        return self.municipalities is None or municipality in self.municipalities

    def may(self, right: str, municipality: str) -> bool:
        """Whether he has a right; who came with a link may act on what he sees, a coordinator may divide it."""
        if self.known is not None:
            return self.known.may(right, municipality)
        if right == "verdelen":
            return bool({municipality, EVERY_MUNICIPALITY} & self.divides)
        return right in ("zien", "behandelen") and self.sees(municipality)

    @property
    def divides_somewhere(self) -> bool:
        """Whether he divides the work of any gemeente."""
        return bool(self.divides) if self.known is None else self.known.may("verdelen")

    @property
    def actor(self) -> Actor:
        """Whom the journal names; which person of a team it was is unknown."""
        kind = ActorKind.UNKNOWN if self.team else ActorKind.PERSON
        if self.known is None:
            return Actor(kind, self.code, Way.LINK)
        return Actor(kind, self.code, Way.FORM, self.known.decides_as)


TheVisitor = Annotated[Visitor, Depends(_visitor)]


def visitor_of(office: Office, request: Request) -> Visitor | None:
    """Return who looks, or None."""
    person = request.scope.get(SCOPE_KEY)
    if person is not None:
        return Visitor(person.code, person.municipalities, known=person)
    code = office.page_links.receiver(request.cookies.get(_COOKIE, ""))
    if code is None:
        return None
    book = office.recipients.book()
    if book.recipient(code) is None:
        return None
    found = {
        place: {role for role, codes in roles.items() if code in codes} for place, roles in book.roles.items()
    }
    listed = frozenset(place for place, roles in found.items() if roles)
    divides = frozenset(place for place, roles in found.items() if roles & set(LAST_RESORTS))
    everywhere = EVERY_MUNICIPALITY in listed
    return Visitor(code, None if everywhere else listed, team=code in book.teams, divides=divides)


def coming_in(office: Office, request: Request) -> RedirectResponse | None:
    """Return the way on for who follows the link in a message: the same page, without the code in its address."""
    token = request.query_params.get(WHO)
    if token is None:
        return None
    rest = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != WHO])
    answer = RedirectResponse(request.url.path + (f"?{rest}" if rest else ""), 303)
    answer.headers["Referrer-Policy"] = "no-referrer"
    if office.page_links.receiver(token) is not None:
        secure = office.settings.public_api.startswith("https:")
        answer.set_cookie(
            _COOKIE, token, max_age=PAGE_LINK_DAYS * 86400, httponly=True, samesite="lax", secure=secure
        )
    return answer


def from_own_page(request: Request) -> bool:
    """Whether a form was sent by a page of ours; a browser always says where a form comes from."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    return origin.partition("://")[2] == request.headers.get("host")
