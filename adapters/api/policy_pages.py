"""The policy of a municipality beside the law, as a page and as files for the council."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, JSONResponse
from markupsafe import Markup

from adapters.api.page_parts import html_page, notice
from adapters.api.visitor import TheVisitor, VisitorRoute
from adapters.oversight.document import as_fragment, as_html, as_markdown
from adapters.oversight.policy_check import checked_now
from adapters.oversight.policy_report import check_json, check_report
from adapters.oversight.workload import municipalities

if TYPE_CHECKING:
    from adapters.office import Office


def policy_router(office: Office) -> APIRouter:
    """Return the routes of the policy."""
    router = APIRouter(
        prefix="/beleid",
        include_in_schema=False,
        default_response_class=HTMLResponse,
        route_class=VisitorRoute,
    )

    @router.get("")
    def choose(visitor: TheVisitor) -> Response:
        places = [place for place in municipalities(office) if visitor.sees(place)]
        if len(places) == 1:
            return _page(office, places[0])
        return html_page("places.html", 200, title="Beleid", here="/beleid", places=places)

    @router.get("/{municipality}")
    def look(municipality: str, visitor: TheVisitor) -> Response:
        known = visitor.sees(municipality) and municipality in municipalities(office)
        return _page(office, municipality) if known else _unknown()

    @router.get("/{municipality}/bestand")
    def download(municipality: str, visitor: TheVisitor, soort: str = "html") -> Response:
        if not visitor.sees(municipality) or municipality not in municipalities(office):
            return _unknown()
        check = checked_now(office, municipality)
        blocks, name = check_report(check), f"beleid-toets-{municipality}"
        if soort == "json":
            return JSONResponse(check_json(check))
        if soort == "md":
            return _file(as_markdown(blocks), "text/markdown; charset=utf-8", f"{name}.md")
        title = f"Het beleid van gemeente {municipality} naast de wet"
        return _file(as_html(title, blocks), "text/html; charset=utf-8", f"{name}.html")

    return router


def _unknown() -> HTMLResponse:
    return notice("Deze gemeente is er niet", ["Kies een gemeente bij Beleid."], 404)


def _page(office: Office, municipality: str) -> HTMLResponse:
    blocks = check_report(checked_now(office, municipality))
    return html_page(
        "policy.html", 200, title=f"Beleid {municipality}", here="/beleid", municipality=municipality,
        report=Markup(as_fragment(blocks)),  # noqa: S704 - every word in it is escaped
    )  # fmt: skip


def _file(content: str, kind: str, name: str) -> Response:
    return Response(
        content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
