"""The policy of a municipality beside the law, as a page and as files for the council."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, JSONResponse
from markupsafe import Markup

from adapters.api.page_parts import html_page
from adapters.api.places import choose_place, file_answer, sees_place, unknown_place
from adapters.api.visitor import TheVisitor, VisitorRoute
from adapters.oversight.document import as_fragment, as_html, as_markdown
from adapters.oversight.policy_check import checked_now
from adapters.oversight.policy_report import check_json, check_report

if TYPE_CHECKING:
    from adapters.office import Office

_TITLE = "Beleid"


def policy_router(office: Office) -> APIRouter:
    """Return the routes of the policy."""
    router = APIRouter(
        prefix="/beleid",
        include_in_schema=False,
        default_response_class=HTMLResponse,
        route_class=VisitorRoute,
    )

    @router.get("")
    def begin(visitor: TheVisitor) -> Response:
        return choose_place(office, visitor, _TITLE, "/beleid", lambda place: _page(office, place))

    @router.get("/{municipality}")
    def look(municipality: str, visitor: TheVisitor) -> Response:
        return (
            _page(office, municipality)
            if sees_place(office, visitor, municipality)
            else unknown_place(_TITLE)
        )

    @router.get("/{municipality}/bestand")
    def download(municipality: str, visitor: TheVisitor, soort: str = "html") -> Response:
        if not sees_place(office, visitor, municipality):
            return unknown_place(_TITLE)
        check = checked_now(office, municipality)
        blocks, name = check_report(check), f"beleid-toets-{municipality}"
        if soort == "json":
            return JSONResponse(check_json(check))
        if soort == "md":
            return file_answer(as_markdown(blocks), "text/markdown; charset=utf-8", f"{name}.md")
        title = f"Het beleid van gemeente {municipality} naast de wet"
        return file_answer(as_html(title, blocks), "text/html; charset=utf-8", f"{name}.html")

    return router


def _page(office: Office, municipality: str) -> HTMLResponse:
    blocks = check_report(checked_now(office, municipality))
    return html_page(
        "policy.html", 200, title=f"Beleid {municipality}", here="/beleid", municipality=municipality,
        report=Markup(as_fragment(blocks)),  # noqa: S704 - every word in it is escaped
    )  # fmt: skip
