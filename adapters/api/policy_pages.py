"""The policy of a municipality beside the law, as a page and as files for the council.

Who judges reads here the policy that waits for a second person too, and takes it into use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from markupsafe import Markup

from adapters.api.event_forms import last, number_of
from adapters.api.page_parts import html_page, refusal_on_page
from adapters.api.places import choose_place, file_answer, sees_place, unknown_place
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute, refused
from adapters.api.work_pages import FormFields
from adapters.cases.policy_book import PolicyUseError
from adapters.oversight.document import as_fragment, as_html, as_markdown
from adapters.oversight.law_check import cases_with
from adapters.oversight.policy_check import checked_now, checked_waiting
from adapters.oversight.policy_report import check_json, check_report
from adapters.runtime.actor import acts
from milestones.term_table import TERMS

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.oversight.policy_check import PolicyCheck

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
        return choose_place(office, visitor, _TITLE, "/beleid", lambda place: _page(office, visitor, place))

    @router.get("/{municipality}")
    def look(municipality: str, visitor: TheVisitor) -> Response:
        return (
            _page(office, visitor, municipality)
            if sees_place(office, visitor, municipality)
            else unknown_place(_TITLE)
        )

    @router.post("/{municipality}")
    def agree(municipality: str, visitor: TheVisitor, form: FormFields) -> Response:
        if not sees_place(office, visitor, municipality):
            return unknown_place(_TITLE)
        return _agreed(office, visitor, municipality, last(form, "nummer"))

    @router.get("/{municipality}/zaken/{terms}")
    def cases(municipality: str, terms: str, visitor: TheVisitor) -> Response:
        return _cases(office, visitor, municipality, terms)

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


def _cases(office: Office, visitor: Visitor, municipality: str, terms: str) -> Response:
    """Return the page with every open case that has one of these terms."""
    asked = [term for term in terms.split(",") if term in TERMS]
    if not sees_place(office, visitor, municipality) or not asked:
        return unknown_place(_TITLE)
    return html_page(
        "policy_cases.html", 200, title=f"Open zaken met termijn {', '.join(asked)}", here="/beleid",
        municipality=municipality, cases=cases_with(office.engine, asked, municipality),
    )  # fmt: skip


def _agreed(office: Office, visitor: Visitor, municipality: str, number: str) -> Response:
    """Take the policy that somebody looked at into use, with him as the second person."""
    if not visitor.may("beoordelen", municipality):
        return refused()
    try:
        with acts(visitor.actor):
            office.policy_book.agree(municipality, number_of(number) or 0)
    except PolicyUseError as refusal:
        return _page(office, visitor, municipality, refusal_on_page(refusal))
    office.look_again()
    return RedirectResponse(f"/beleid/{municipality}", 303)


def _page(office: Office, visitor: Visitor, municipality: str, error: str = "") -> HTMLResponse:
    waits = office.policy_book.waiting(municipality)
    return html_page(
        "policy.html", 422 if error else 200, title=f"Beleid {municipality}", here="/beleid",
        municipality=municipality, error=error, waits=waits, asked=visitor.may("beoordelen", municipality),
        waiting=_report(checked_waiting(office, municipality, waits.policy)) if waits else "",
        report=_report(checked_now(office, municipality)), history=office.policy_book.history(municipality),
    )  # fmt: skip


def _report(check: PolicyCheck) -> Markup:
    return Markup(as_fragment(check_report(check)))  # noqa: S704 - every word in it is escaped
