"""What every page for people shares: one base page, its headers, small forms, and what happens without a database.

Server-rendered, without script, made for a phone first.
"""

from __future__ import annotations

import secrets
from contextvars import ContextVar
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from adapters.cases.refusal_words import in_labels
from adapters.cases.store import UnknownCaseError
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.storage_trouble import trouble_of
from milestones.dutch import dutch_date
from milestones.refusal import CaseRefusal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from milestones.definition import EventSpec
    from milestones.process import Snapshot
    from milestones.refusal import Refusal

_LONGEST_FORM, _LONGEST_SMALL_FORM = 20_000, 4_000  # bytes
NO_SUCH_CASE = "Deze zaak is er niet."
_NOTHING_KEPT = "Er is niets vastgelegd."
_TRY_LATER = [
    _NOTHING_KEPT,
    "Probeer het over een paar minuten nog een keer. De link blijft werken.",
]
log = structlog.get_logger("routekaart.api")
_pages = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("pages")),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)


def _day_in_words(day: date) -> str:
    """Return a day in words; of a moment, the day that it was in the Netherlands."""
    return dutch_date(day.astimezone(AMSTERDAM).date() if isinstance(day, datetime) else day)


_pages.filters["datum"] = _day_in_words
_pages.filters["zip_self"] = lambda values: [
    (value, value) for value in values
]  # a choice shows its own value


def use_theme(colours: Mapping[str, str]) -> None:
    """Let every page have these colours; none means our own."""
    _pages.globals["theme"] = dict(colours)


LOGGED_IN: ContextVar[bool] = ContextVar("logged_in", default=False)
"""Whether who looks came through the door, and can log out there."""
MANAGES: ContextVar[bool] = ContextVar("manages", default=False)
"""Whether who looks has the right `beheren` somewhere, and finds its pages in the menu."""


async def long_form(request: Request, longest: int = _LONGEST_FORM) -> dict[str, list[str]]:
    """Read a form; what is too long or no form counts as empty."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > longest:
            return {}
    found = parse_qs(body.decode("utf-8", "replace"))
    return {name: [value.strip() for value in values] for name, values in found.items()}


async def small_form(request: Request) -> dict[str, str]:
    """Read a form in which each field stands once."""
    found = await long_form(request, _LONGEST_SMALL_FORM)
    return {name: values[-1] for name, values in found.items()}


def refusal_on_page(refusal: Refusal, process: Snapshot | None = None, spec: EventSpec | None = None) -> str:
    """Return a refusal as every page says it: labels for codes, and nothing more of a case that is not there."""
    return NO_SUCH_CASE if isinstance(refusal, UnknownCaseError) else in_labels(refusal.reason, process, spec)


class PersonRoute(APIRoute):
    """Answers with a page, and not with a problem of the API, what is refused and when the database cannot answer."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with a page for what a route lets pass."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except CaseRefusal as refusal:
                if isinstance(refusal, UnknownCaseError):
                    return notice(
                        "Deze zaak is er niet", ["Klopt het nummer? Zoek de zaak nog een keer."], 404
                    )
                return notice("Dit kan nu niet", [refusal_on_page(refusal), _NOTHING_KEPT], 409)
            except RequestValidationError:
                return notice(
                    "Deze pagina is er niet", ["Klopt het adres? Begin opnieuw bij Mijn werk."], 404
                )
            except Exception as error:
                trouble = trouble_of(error)
                if trouble is None:
                    raise
                log.warning("database_trouble", route=self.path, trouble=trouble.name.lower())
                return notice("Het lukt nu niet", _TRY_LATER, 503)

        return handled


def notice(title: str, lines: list[str], status: int) -> HTMLResponse:
    """Return a page that says something."""
    return html_page("notice.html", status, title=title, lines=lines)


def part_of_page(template: str, **values: object) -> Markup:
    """Return a part of a page, to be put into one as it is."""
    return Markup(_pages.get_template(template).render(**values))  # noqa: S704 - the template escapes


def html_page(template: str, status: int, **values: object) -> HTMLResponse:
    """Return a page with the headers that keep it to itself."""
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Cache-Control": "no-store",
        # With no-referrer a browser says of a form only that it comes from "null"; no other site hears more.
        "Referrer-Policy": "same-origin" if "here" in values else "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
    }
    known = {"logs_out": LOGGED_IN.get(), "manages": MANAGES.get()}
    return HTMLResponse(_pages.get_template(template).render(nonce=nonce, **known, **values), status, headers)
