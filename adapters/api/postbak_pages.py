"""The postbak: what could not be matched, with candidates; somebody couples it to a case or puts it aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from adapters.api.page_parts import html_page
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute, refused
from adapters.api.work_pages import FormFields
from adapters.exchange.case_system import skip_for_zaken, stopped_zaken, try_zaken_again
from adapters.exchange.postbak import PostbakError, couple, put_aside, waiting
from adapters.runtime.actor import acts
from milestones.case import possible_now
from milestones.civil_dates import civil_date
from milestones.events import SPECS
from milestones.refusal import CaseRefusal

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.storage.exchange_tables import CaseSystemLinkRow, PostbakRow

_LABELS: dict[str, str] = {spec.name: spec.label for spec in reversed(SPECS)}


def postbak_router(office: Office) -> APIRouter:
    """Return the routes of the postbak."""
    router = APIRouter(
        prefix="/postbak",
        include_in_schema=False,
        default_response_class=HTMLResponse,
        route_class=VisitorRoute,
    )

    @router.get("")
    def look(visitor: TheVisitor) -> HTMLResponse:
        return _list(office, visitor)

    @router.post("/zaaksysteem/{reference}")
    def go_on(reference: str, visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        if reference not in {row.case_reference for row in _stopped(office, visitor)}:
            return _list(office, visitor, error="Deze zaak wacht niet meer.")
        if not visitor.may("behandelen", office.casework.case(reference).municipality):
            return refused()
        if form.get("keuze", [""])[-1] == "overslaan":
            skip_for_zaken(office, reference)
            return _list(
                office,
                visitor,
                done=f"Wij slaan dit over; wat hierna komt, schrijven wij weer in {reference}.",
            )
        try_zaken_again(office, reference)
        return _list(office, visitor, done=f"Wij proberen het opnieuw voor zaak {reference}.")

    @router.post("/{number}")
    def deal(number: int, visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        if number not in {row.id for row in _waiting(office, visitor)}:
            return _list(office, visitor, error=f"Bericht {number} is al afgehandeld, of er niet.")
        try:
            return _dealt(office, visitor, number, form)
        except (PostbakError, CaseRefusal) as refusal:
            return _list(office, visitor, error=f"Niets vastgelegd. {refusal.reason}")

    return router


def _waiting(office: Office, visitor: Visitor) -> list[PostbakRow]:
    rows = waiting(office)
    everything = visitor.municipalities is None
    return [row for row in rows if everything or (row.municipality and visitor.sees(row.municipality))]


def _stopped(office: Office, visitor: Visitor) -> list[CaseSystemLinkRow]:
    return [row for row in stopped_zaken(office) if visitor.sees(row.municipality)]


def _list(office: Office, visitor: Visitor, error: str = "", done: str = "") -> HTMLResponse:
    rows = _waiting(office, visitor)
    with acts(visitor.actor):
        office.looks.note_all(
            (reference, row.municipality) for row in rows if row.municipality for reference in row.candidates
        )
    return html_page(
        "postbak.html", 422 if error else 200, title="Postbak", here="/postbak", rows=rows, labels=_LABELS,
        error=error, done=done, today=office.clock.today(), stopped=_stopped(office, visitor),
    )  # fmt: skip


def _dealt(office: Office, visitor: Visitor, number: int, form: dict[str, list[str]]) -> HTMLResponse:
    given = {name: values[-1] for name, values in form.items()}
    if given.get("keuze") == "verwerpen":
        places = {row.municipality for row in _waiting(office, visitor) if row.id == number}
        if not all(visitor.may("behandelen", place or "*") for place in places):
            return refused()
        with acts(visitor.actor):
            put_aside(office, number)
        return _list(office, visitor, done="Dit bericht is opzij gelegd.")
    reference = given.get("anders") or given.get("zaak") or ""
    view = office.casework.case(reference)
    if not visitor.may("behandelen", view.municipality):
        return refused()
    chosen = given.get("gebeurtenis") or None
    if chosen is not None and chosen not in _able(office, reference):
        label = _LABELS.get(chosen, chosen)
        return _list(office, visitor, error=f"Niets vastgelegd. '{label}' kan nu niet in zaak {reference}.")
    on = civil_date(given["op"]) if given.get("op") else None
    if on is None and given.get("op"):
        return _list(office, visitor, error="Niets vastgelegd. Dit is geen datum.")
    with acts(visitor.actor):
        couple(office, number, reference, event=chosen, on=on, remember=given.get("onthoud") == "ja")
    return _list(office, visitor, done=f"Dit bericht hoort nu bij zaak {reference}.")


def _able(office: Office, reference: str) -> set[str]:
    case = office.casework.case(reference).case
    return {name for process in case.processes for name in possible_now(process)}
