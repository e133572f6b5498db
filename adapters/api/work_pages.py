"""Mijn werk and zoeken: what waits for somebody, with one press to do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup

from adapters.api.event_forms import last
from adapters.api.page_parts import html_page, long_form, part_of_page
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute
from adapters.exchange.postbak_news import count_waiting
from adapters.exchange.references import find_cases
from adapters.messages.message_kinds import HANDOFF
from adapters.oversight.worklists import read_items, read_own
from adapters.storage.database import reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlmodel import Session

    from adapters.office import Office
    from adapters.oversight.worklists import Piece
    from adapters.oversight.workload import WorkItem

_SHOWN = 50  # of each part
_REMEMBERED = 10_000  # lines, of less than a kilobyte
FormFields = Annotated[dict[str, list[str]], Depends(long_form)]


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of Mijn werk: how many there are, what is shown of them, and how many more there are."""

    title: str
    number: int
    rows: Markup
    more: int


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
    def divides(municipality: str | None) -> bool:
        return municipality is None or visitor.may("verdelen", municipality)

    with reading(office.engine) as session:
        again = office.follow_ups.due(session, visitor.code, office.clock.today(), visitor.municipalities)
        post, rulings = count_waiting(session, divides) if visitor.divides_somewhere else (0, 0)
        blocks = _blocks(office, session, visitor)
    return html_page(
        "mine.html", 200, title="Mijn werk", here="/mijn", visitor=visitor, blocks=blocks, again=again, post=post,
        rulings=rulings,
    )  # fmt: skip


@lru_cache(_REMEMBERED)
def _row(item: WorkItem) -> Markup:
    """Return a piece of work as a line: nothing but the piece itself decides how it looks."""
    return part_of_page("mine_row.html", item=item)


def _blocks(office: Office, session: Session, visitor: Visitor) -> list[_Block]:
    """Return what is somebody's, each piece of work once: what he must answer first, then what ends first."""
    today = office.clock.today()
    sunday = 6 - today.weekday()  # so many days from now
    person = office.recipients.book().people.get(visitor.code)
    people = frozenset({visitor.code} | ({person.team} if person and person.team else set()))
    away = office.away_today(session)
    work = read_own(
        session, away, visitor.municipalities, visitor.code, people, asks=HANDOFF,
        divides=visitor.divides_somewhere,
    )  # fmt: skip
    offered = _by_urgency(work.offered)
    returned = _by_urgency(piece for piece in work.returned if visitor.may("verdelen", piece.municipality))
    answers = {piece.id for piece in offered}
    rest = _by_urgency(piece for piece in work.held if piece.id not in answers)
    late = [piece for piece in rest if piece.due is not None and piece.due < today]
    now = [piece for piece in rest if piece.due == today]
    week = [piece for piece in rest if piece.due is not None and 0 < (piece.due - today).days <= sunday]
    later = [piece for piece in rest if piece.due is None or (piece.due - today).days > sunday]
    listed = [
        ("Teruggegeven: zoek iemand anders", returned),
        ("Aan jou aangeboden", offered),
        ("Te laat", late),
        ("Vandaag", now),
        ("Deze week", week),
        ("Later", later),
    ]
    items = read_items(office, session, away, {piece.id for _, pieces in listed for piece in pieces[:_SHOWN]})
    return [
        _Block(
            title,
            len(pieces),
            Markup().join(_row(items[piece.id]) for piece in pieces[:_SHOWN]),
            max(0, len(pieces) - _SHOWN),
        )
        for title, pieces in listed
        if pieces
    ]


def _by_urgency(pieces: Iterable[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: (not piece.threatened, piece.due or date.max, piece.reference))


def _found(office: Office, visitor: Visitor, asked: str) -> list[str]:
    """Return the cases with this reference, or with this number in another system."""
    with reading(office.engine) as session:
        seen = ["*"] if visitor.municipalities is None else sorted(visitor.municipalities)
        return find_cases(session, office, dict.fromkeys((asked, asked.upper())), seen)
