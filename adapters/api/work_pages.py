"""Mijn werk and zoeken: what waits for somebody, with one press to do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from adapters.api.event_forms import last
from adapters.api.page_parts import html_page, long_form
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute
from adapters.exchange.postbak import waiting
from adapters.exchange.postbak_news import is_ruling
from adapters.exchange.references import find_cases
from adapters.messages.message_kinds import HANDOFF
from adapters.oversight.worklists import read_own
from adapters.storage.database import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.office import Office
    from adapters.oversight.workload import WorkItem

FormFields = Annotated[dict[str, list[str]], Depends(long_form)]


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of Mijn werk."""

    title: str
    items: Sequence[WorkItem]


def work_router(office: Office) -> APIRouter:
    """Return the routes of these pages."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=VisitorRoute)

    @router.get("/mijn")
    def mine(visitor: TheVisitor) -> HTMLResponse:
        return _mine(office, visitor)

    @router.post("/mijn/opvolgen")
    def done_following(visitor: TheVisitor, form: FormFields) -> Response:
        office.follow_ups.drop(visitor.code, last(form, "zaak"))
        return RedirectResponse("/mijn", 303)

    @router.get("/zoeken")
    def search(visitor: TheVisitor, q: str = "") -> Response:
        asked = q.strip()
        found = _found(office, visitor, asked) if asked else []
        if len(found) == 1:
            return RedirectResponse(f"/zaak/{found[0]}", 303)
        return html_page("search.html", 200, title="Zoeken", here="/zoeken", asked=asked, found=found)

    return router


def _mine(office: Office, visitor: Visitor) -> HTMLResponse:
    again = office.follow_ups.due(visitor.code, office.clock.today(), visitor.municipalities)
    post = waiting(office) if visitor.divides_somewhere else ()
    post = [row for row in post if row.municipality is None or visitor.may("verdelen", row.municipality)]
    return html_page(
        "mine.html", 200, title="Mijn werk", here="/mijn", visitor=visitor, blocks=_blocks(office, visitor),
        again=again, post=len(post), rulings=sum(map(is_ruling, post)),
    )  # fmt: skip


def _blocks(office: Office, visitor: Visitor) -> list[_Block]:
    """Return what is somebody's, each piece of work once: what he must answer first, then what ends first."""
    today = office.clock.today()
    person = office.recipients.book().people.get(visitor.code)
    people = frozenset({visitor.code} | ({person.team} if person and person.team else set()))
    work = read_own(
        office, visitor.municipalities, visitor.code, people, asks=HANDOFF, divides=visitor.divides_somewhere
    )
    offered = _by_urgency(work.offered)
    returned = _by_urgency(item for item in work.returned if visitor.may("verdelen", item.municipality))
    rest = _by_urgency(item for item in work.held if item not in work.offered)
    late = [item for item in rest if item.due is not None and item.due < today]
    now = [item for item in rest if item.due == today]
    week = [item for item in rest if item.due is not None and 0 < (item.due - today).days <= _week(today)]
    later = [item for item in rest if item.due is None or (item.due - today).days > _week(today)]
    listed = [
        _Block("Teruggegeven: zoek iemand anders", returned),
        _Block("Aan jou aangeboden", offered),
        _Block("Te laat", late),
        _Block("Vandaag", now),
        _Block("Deze week", week),
        _Block("Later", later),
    ]
    return [block for block in listed if block.items]


def _week(today: date) -> int:
    return 6 - today.weekday()


def _by_urgency(items: Iterable[WorkItem]) -> list[WorkItem]:
    return sorted(items, key=lambda item: (not item.threatened, item.due or date.max, item.reference))


def _found(office: Office, visitor: Visitor, asked: str) -> list[str]:
    """Return the cases with this reference, or with this number in another system."""
    with reading(office.engine) as session:
        seen = ["*"] if visitor.municipalities is None else sorted(visitor.municipalities)
        return find_cases(session, office, dict.fromkeys((asked, asked.upper())), seen)
