"""Pages of which each gemeente has one: who sees one gemeente gets its page, who sees more chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response

from adapters.api.page_parts import html_page, notice
from adapters.oversight.workload import municipalities

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.api.visitor import Visitor
    from adapters.office import Office


def choose_place(
    office: Office, visitor: Visitor, title: str, here: str, page: Callable[[str], Response]
) -> Response:
    """Return the page of the only gemeente that somebody sees, or else the list to choose from."""
    places = [place for place in municipalities(office) if visitor.sees(place)]
    if len(places) == 1:
        return page(places[0])
    return html_page("places.html", 200, title=title, here=here, places=places)


def sees_place(office: Office, visitor: Visitor, municipality: str) -> bool:
    """Whether a gemeente exists for somebody."""
    return visitor.sees(municipality) and municipality in municipalities(office)


def unknown_place(title: str) -> Response:
    """Return the page for a gemeente that does not exist for somebody."""
    return notice("Deze gemeente is er niet", [f"Kies een gemeente bij {title}."], 404)


def file_answer(content: str | bytes, kind: str, name: str) -> Response:
    """Return a file that somebody keeps; no browser stores it besides."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)
