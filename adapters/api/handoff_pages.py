"""The small page behind the link in a message, where a receiver accepts or returns a hand-off.

Server-rendered, without script, made for a phone. Looking (GET, HEAD) changes nothing, because mail programs look at
links too; only the buttons do. The page shows the reference of the case and nothing else about it.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, select_autoescape

from adapters.messages.handoff_links import (
    ACCEPTED,
    PATH,
    RETURNED,
    LinkStatus,
    UnknownLinkError,
    return_reasons,
)
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.storage_trouble import trouble_of
from milestones.dutch import dutch_date
from milestones.process import InvalidData

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from adapters.messages.handoff_links import HandoffLink, HandoffLinks
    from adapters.office import Office

_LONGEST_FORM = 2_000
_CHOICES = {"aannemen": ACCEPTED, "teruggeven": RETURNED}
_DONE = {
    ACCEPTED: (
        "Zaak {reference} is van jou",
        "Je hebt de zaak aangenomen. Je hoeft hier niets meer te doen.",
    ),
    RETURNED: ("Zaak {reference} is teruggegeven", "De coördinator zoekt iemand anders. Dank je wel."),
}
_RENEW = "nieuwe link"
_NEW_LINK = [
    "De link gaat naar wie de oude link kreeg, op dezelfde manier.",
    "Kwam er niets aan? Vraag het de coördinator.",
]
_TRY_LATER = [
    "Er is niets vastgelegd.",
    "Probeer het over een paar minuten nog een keer. De link blijft werken.",
]
log = structlog.get_logger("routekaart.api")
_pages = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("pages")),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)


async def _form(request: Request) -> dict[str, str]:
    """Read a small form; what is too long or no form counts as empty."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            return {}
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


class _PersonRoute(APIRoute):
    """Answers with a page, and not with a problem of the API, when the database cannot answer now."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:
                trouble = trouble_of(error)
                if trouble is None:
                    raise
                log.warning("database_trouble", route=f"{PATH}/{{token}}", trouble=trouble.name.lower())
                return _notice("Het lukt nu niet", _TRY_LATER, 503)

        return handled


def handoff_router(office: Office) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter(
        prefix=PATH,
        include_in_schema=False,
        default_response_class=HTMLResponse,
        route_class=_PersonRoute,
    )
    links = office.handoff_links

    @router.api_route("/{token}", methods=["GET", "HEAD"])
    def look(token: str) -> HTMLResponse:
        try:
            return _shown(links.look(token))
        except UnknownLinkError:
            return _unknown()

    @router.post("/{token}")
    def answer(token: str, form: Annotated[dict[str, str], Depends(_form)]) -> HTMLResponse:
        try:
            before = links.look(token)
            choice = _CHOICES.get(form.get("keuze", ""))
            if before.status is not LinkStatus.OPEN:
                return _renewed(links, token) if form.get("keuze") == _RENEW else _shown(before)
            if choice is None:
                return _shown(before, "Kies eerst wat je wilt: aannemen of teruggeven.")
            after = links.use(token, choice, form.get("reden"))
        except UnknownLinkError:
            return _unknown()
        except InvalidData:
            return _shown(before, "Kies eerst een reden. Geef de zaak daarna terug.")
        if after.status is LinkStatus.USED and after.choice == choice:
            title, line = _DONE[choice]
            return _notice(title.format(reference=after.reference), [line], 200)
        return _shown(after)

    return router


def _renewed(links: HandoffLinks, token: str) -> HTMLResponse:
    link = links.renew(token)
    if link.status is not LinkStatus.EXPIRED:
        return _shown(link)
    return _notice(f"Zaak {link.reference}: een nieuwe link komt eraan", _NEW_LINK, 200)


def _shown(link: HandoffLink, error: str | None = None) -> HTMLResponse:
    if link.status is LinkStatus.OPEN:
        title = f"Overdracht van zaak {link.reference}"
        return _page(
            "offered.html",
            422 if error else 200,
            title=f"Fout: {title}" if error else title,
            reference=link.reference,
            until=dutch_date(link.expires_at.astimezone(AMSTERDAM).date()),
            reasons=return_reasons(),
            error=error,
        )
    name = f"Zaak {link.reference}"
    if link.status is LinkStatus.EXPIRED:
        return _page("expired.html", 410, title=f"{name}: de link werkt niet meer")
    lines = {
        ACCEPTED: "Met deze link is de zaak aangenomen.",
        RETURNED: "Met deze link is de zaak teruggegeven.",
    }
    said = lines.get(link.choice or "", "Iemand heeft al op deze overdracht geantwoord.")
    return _notice(f"{name}: dit is al gedaan", [said, "Je hoeft niets meer te doen."], 410)


def _unknown() -> HTMLResponse:
    lines = [
        "Klopt het adres? Open de link uit het bericht nog een keer.",
        "Lukt het niet? Vraag het de coördinator.",
    ]
    return _notice("Deze link kennen we niet", lines, 404)


def _notice(title: str, lines: list[str], status: int) -> HTMLResponse:
    return _page("notice.html", status, title=title, lines=lines)


def _page(template: str, status: int, **values: object) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
    }
    return HTMLResponse(_pages.get_template(template).render(nonce=nonce, **values), status, headers)
