"""Mijn werk, werkvoorraad and zoeken: what waits for somebody, and one press to do it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import col, select

from adapters.api.page_parts import html_page, long_form
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute
from adapters.cases.caseload import Caseload
from adapters.exchange.references import find_cases
from adapters.messages.message_kinds import HANDOFF
from adapters.oversight.workload import municipalities, read_workload
from adapters.runtime.actor import acts
from adapters.storage.database import reading
from adapters.storage.message_tables import DeliveryRow
from milestones.refusal import CaseRefusal
from milestones.steering import ASSIGN_REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from adapters.office import Office
    from adapters.oversight.workload import WorkItem

_PER_PAGE = 100
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
        blocks = _blocks(office, visitor)
        return html_page("mine.html", 200, title="Mijn werk", here="/mijn", visitor=visitor, blocks=blocks)

    @router.get("/werkvoorraad")
    def workload(request: Request, visitor: TheVisitor) -> HTMLResponse:
        return _workload_page(office, visitor, request)

    @router.post("/werkvoorraad")
    def divide(request: Request, visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        return _workload_page(office, visitor, request, _assign(office, visitor, form))

    @router.get("/zoeken")
    def search(visitor: TheVisitor, q: str = "") -> Response:
        asked = q.strip()
        found = _found(office, visitor, asked) if asked else []
        if len(found) == 1:
            return RedirectResponse(f"/zaak/{found[0]}", 303)
        return html_page("search.html", 200, title="Zoeken", here="/zoeken", asked=asked, found=found)

    return router


def _items(office: Office, visitor: Visitor) -> list[WorkItem]:
    places = municipalities(office)
    return [item for place in places if visitor.sees(place) for item in read_workload(office, place).items]


def _blocks(office: Office, visitor: Visitor) -> list[_Block]:
    """Return what is somebody's, each piece of work once: what he must answer first, then what ends first."""
    today = office.clock.today()
    book = office.recipients.book()
    person = book.people.get(visitor.code)
    team = {visitor.code, person.team if person else None} - {None}
    with reading(office.engine) as session:
        asked = set(
            session.exec(
                select(DeliveryRow.case_reference, DeliveryRow.process).where(
                    DeliveryRow.kind == HANDOFF, col(DeliveryRow.recipient).in_(team)
                )
            )
        )
    everything = _by_urgency(_items(office, visitor))
    offered = [item for item in everything if item.offered and (item.reference, item.process) in asked]
    returned = [item for item in everything if item.returned and visitor.may("verdelen", item.municipality)]
    own = [item for item in everything if item.holder in team or item.deputy == visitor.code]
    rest = [item for item in own if item not in offered]
    late = [item for item in rest if item.due is not None and item.due < today]
    now = [item for item in rest if item.due == today]
    week = [item for item in rest if item.due is not None and 0 < (item.due - today).days <= _week(today)]
    later = [item for item in rest if item not in (*late, *now, *week)]
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


_FILTERS: dict[str, tuple[str, Callable[[Any, date], bool]]] = {
    "": ("Alles", lambda _, __: True),
    "te-laat": ("Te laat", lambda item, today: item.due is not None and item.due < today),
    "crisis": ("Crisis", lambda item, _: item.threatened),
    "zonder-eigenaar": ("Zonder eigenaar", lambda item, _: item.holder is None),
    "aangeboden": ("Wacht op overdracht", lambda item, _: item.offered),
    "partner": ("Wacht op partner", lambda item, _: item.waits_outside),
}
_SORTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "": ("Datum", lambda item: (not item.threatened, item.due or date.max, item.reference)),
    "wie": ("Medewerker", lambda item: (item.holder or "", item.due or date.max)),
    "zaak": ("Zaak", lambda item: item.reference),
}


def _workload_page(
    office: Office, visitor: Visitor, request: Request, said: tuple[list[str], list[str]] | None = None
) -> HTMLResponse:
    today, asked = office.clock.today(), request.query_params
    chosen = asked.get("alleen", "") if asked.get("alleen", "") in _FILTERS else ""
    order = asked.get("volgorde", "") if asked.get("volgorde", "") in _SORTS else ""
    keep = _FILTERS[chosen][1]
    items = sorted((item for item in _items(office, visitor) if keep(item, today)), key=_SORTS[order][1])
    number = int(asked["blad"]) if asked.get("blad", "").isdecimal() else 1
    begin = (max(1, number) - 1) * _PER_PAGE
    return html_page(
        "workload.html", 200, title="Werkvoorraad", here="/werkvoorraad", visitor=visitor, today=today,
        items=items[begin : begin + _PER_PAGE], total=len(items), number=max(1, number),
        more=len(items) > begin + _PER_PAGE, filters={name: label for name, (label, _) in _FILTERS.items()},
        chosen=chosen, sorts={name: label for name, (label, _) in _SORTS.items()}, order=order,
        people=sorted(office.recipients.book().people), reasons=ASSIGN_REASONS, said=said,
        key=secrets.token_urlsafe(9),
    )  # fmt: skip


def _assign(office: Office, visitor: Visitor, form: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    """Put the ticked processes in the name of somebody; return what was done and what was refused."""
    chosen, person = form.get("zaak", []), (form.get("medewerker") or [""])[-1]
    reason, key = (form.get("reden") or ["werkverdeling"])[-1], (form.get("sleutel") or [""])[-1]
    if not chosen:
        return [], ["Kies eerst een of meer zaken."]
    book = office.recipients.book()
    if person not in book.people:
        return [], ["Deze medewerker kennen we niet. Kies er een uit de lijst."]
    caseload = Caseload(office.engine, office.casework)
    done, failed = [], []
    for ticked in dict.fromkeys(chosen):
        reference, _, process = ticked.partition(" ")
        try:
            if not visitor.may("verdelen", office.casework.case(reference).municipality):
                failed.append(f"{reference}: dit mag je niet verdelen.")
                continue
            with acts(visitor.actor):
                caseload.assign(
                    reference, process, person, reason, f"werkvoorraad:{key}:{reference}:{process}"[:200]
                )
        except CaseRefusal as refusal:
            failed.append(f"{reference}: {refusal.reason}")
        else:
            done.append(f"{reference}, {process} staat op naam van {person}.")
    return done, failed


def _found(office: Office, visitor: Visitor, asked: str) -> list[str]:
    """Return the cases with this reference, or with this number in another system."""
    with reading(office.engine) as session:
        seen = ["*"] if visitor.municipalities is None else sorted(visitor.municipalities)
        return find_cases(session, office, dict.fromkeys((asked, asked.upper())), seen)
