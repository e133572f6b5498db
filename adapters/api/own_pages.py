"""Pages of one's own: which messages somebody wants, and his terms in his agenda."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from icalendar import Calendar, Event

from adapters.api.page_parts import PersonRoute, html_page, notice, refusal_on_page
from adapters.api.visitor import TheVisitor, VisitorRoute
from adapters.api.work_pages import FormFields
from adapters.messages.message_kinds import ELAPSED, HANDOFF, NEW_CASE, NOTICE, TASK, WARNING
from adapters.messages.page_keys import KeyKind
from adapters.messages.recipients import Wish
from adapters.messages.wishes import CHOOSABLE, keep_wishes, with_wishes
from adapters.oversight.workload import municipalities, read_workload
from adapters.storage.database import reading
from milestones.process import InvalidData

if TYPE_CHECKING:
    from adapters.api.visitor import Visitor
    from adapters.office import Office

_KINDS = {
    HANDOFF: "Een collega draagt je een zaak over",
    NEW_CASE: "Er is een nieuwe zaak",
    NOTICE: "Er is iets gebeurd",
    TASK: "Er is iets te doen",
    WARNING: "De tijd loopt af",
    ELAPSED: "Een periode is voorbij",
}
_HOW = {Wish.DIRECT: "Meteen", Wish.DIGEST: "In de lijst van de dag", Wish.NONE: "Niet"}


def own_router(office: Office) -> APIRouter:
    """Return the routes for who is known."""
    router = APIRouter(
        prefix="/mijn", include_in_schema=False, default_response_class=HTMLResponse, route_class=VisitorRoute
    )

    @router.get("/berichten")
    def wishes(visitor: TheVisitor) -> HTMLResponse:
        return _wishes_page(office, visitor)

    @router.post("/berichten")
    def keep(visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        if visitor.team:
            return notice("Dit kan niet voor een team", ["De beheerder stelt dit in."], 403)
        try:
            keep_wishes(office.engine, visitor.code, {name: given[-1] for name, given in form.items()})
        except InvalidData as refusal:
            return _wishes_page(office, visitor, error=refusal_on_page(refusal))
        return _wishes_page(office, visitor, done=True)

    @router.get("/agenda")
    def agenda(visitor: TheVisitor) -> HTMLResponse:
        return _agenda_page(office, visitor, "")

    @router.post("/agenda")
    def change(visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        if form.get("keuze") == ["stop"]:
            office.page_keys.take_back(KeyKind.AGENDA, visitor.code)
            return _agenda_page(office, visitor, "")
        key = office.page_keys.make(KeyKind.AGENDA, visitor.code)
        return _agenda_page(office, visitor, f"{office.settings.public_api}/agenda/{key}.ics")

    return router


def feed_router(office: Office) -> APIRouter:
    """Return the route that an agenda program reads, with nothing but the key."""
    router = APIRouter(include_in_schema=False, route_class=PersonRoute)

    @router.get("/agenda/{key}.ics")
    def feed(key: str) -> Response:
        person = office.page_keys.subject_of(KeyKind.AGENDA, key)
        if person is None:
            return Response("Deze agenda is er niet meer.", 404, media_type="text/plain; charset=utf-8")
        return Response(_calendar(office, person), media_type="text/calendar; charset=utf-8")

    return router


def _wishes_page(office: Office, visitor: Visitor, error: str = "", *, done: bool = False) -> HTMLResponse:
    with reading(office.engine) as session:
        person = with_wishes(session, office.recipients.book()).people.get(visitor.code)
    known = person.voorkeur if person else {}
    usual = {NOTICE: Wish.DIGEST}
    kinds = [
        (kind, _KINDS[kind], known.get(kind, usual.get(kind, Wish.DIRECT)))
        for kind in CHOOSABLE
        if kind in _KINDS
    ]
    return html_page(
        "wishes.html", 422 if error else 200, title="Welke berichten wil je?", here="/mijn", kinds=kinds, how=_HOW,
        error=error, done=done,
    )  # fmt: skip


def _agenda_page(office: Office, visitor: Visitor, address: str) -> HTMLResponse:
    has = office.page_keys.has(KeyKind.AGENDA, visitor.code)
    return html_page("agenda.html", 200, title="Je agenda", here="/mijn", address=address, has=has)


def _calendar(office: Office, person: str) -> bytes:
    """Return the last days of what somebody has, as an agenda program reads it; nothing about a person."""
    calendar = Calendar()
    calendar.add("prodid", "-//routekaart//termijnen//NL")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Termijnen")
    for place in municipalities(office):
        policy = office.rules_for(place).policy
        for item in read_workload(office, place).items:
            if item.due is None or person not in (item.holder, item.deputy):
                continue
            event = Event()
            event.add("uid", f"{item.reference}-{item.process}-{item.term}@routekaart")
            event.add("dtstamp", office.clock.now())
            event.add("dtstart", item.due)
            event.add("dtend", item.due + timedelta(days=1))
            term = policy.term(item.term).name if item.term else item.waits_for
            event.add("summary", f"{item.reference} {item.process}: {term}")
            if item.reservation:
                event.add("description", item.reservation)
            event.add("url", office.settings.own_page(f"/zaak/{item.reference}"))
            event.add("transp", "TRANSPARENT")
            calendar.add_component(event)
    return bytes(calendar.to_ical())
