"""The postbak: what could not be matched, with candidates; somebody couples it to a case or puts it aside.

Of a message that says what it means one press couples it. Of any other one first chooses the case; what can happen
in that case is then a short list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from adapters.api.event_forms import day_in_form, last
from adapters.api.page_parts import NO_SUCH_CASE, html_page, refusal_on_page
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute, refused
from adapters.api.work_pages import FormFields
from adapters.cases.store import UnknownCaseError
from adapters.exchange.case_system import skip_for_zaken, stopped_zaken, try_zaken_again
from adapters.exchange.postbak import PostbakError, couple, put_aside, waiting
from adapters.exchange.postbak_news import is_ruling
from adapters.runtime.actor import acts
from milestones.case import closed, possible_now
from milestones.definitions import definition_of
from milestones.events import SPECS
from milestones.process import NotPossible
from milestones.refusal import CaseRefusal
from milestones.steering import spec_of

if TYPE_CHECKING:
    from adapters.api.event_forms import Form
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
    _zaaksysteem(router, office)

    @router.get("")
    def look(visitor: TheVisitor) -> HTMLResponse:
        return _list(office, visitor)

    @router.get("/{number}")
    def choose(number: int, visitor: TheVisitor, zaak: str = "", anders: str = "") -> HTMLResponse:
        row = _row(office, visitor, number)
        if row is None:
            return _gone(office, visitor, number)
        return _one(office, visitor, row, (anders or zaak).strip(), {})

    @router.post("/{number}")
    def deal(number: int, visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        row = _row(office, visitor, number)
        if row is None:
            return _gone(office, visitor, number)
        try:
            return _dealt(office, visitor, row, form)
        except (PostbakError, CaseRefusal) as refusal:
            said = refusal_on_page(refusal)
        except ValueError:
            said = "Dit is geen datum."
        if row.event is None and last(form, "gebeurtenis"):
            return _one(office, visitor, row, _case_of(form), form, said)
        return _list(office, visitor, error=said, about=number)

    return router


def _zaaksysteem(router: APIRouter, office: Office) -> None:
    """Add the route for what could not be written in the zaaksysteem."""

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


def _waiting(office: Office, visitor: Visitor) -> list[PostbakRow]:
    """Return what somebody may see, rulings first."""
    rows = waiting(office)
    everything = visitor.municipalities is None
    seen = [row for row in rows if everything or (row.municipality and visitor.sees(row.municipality))]
    return sorted(seen, key=lambda row: not is_ruling(row))


def _stopped(office: Office, visitor: Visitor) -> list[CaseSystemLinkRow]:
    return [row for row in stopped_zaken(office) if visitor.sees(row.municipality)]


def _row(office: Office, visitor: Visitor, number: int) -> PostbakRow | None:
    return next((row for row in _waiting(office, visitor) if row.id == number), None)


def _gone(office: Office, visitor: Visitor, number: int) -> HTMLResponse:
    return _list(office, visitor, error=f"Bericht {number} is al afgehandeld, of er niet.")


def _list(
    office: Office, visitor: Visitor, error: str = "", done: str = "", about: int | None = None
) -> HTMLResponse:
    """Show the postbak; a refusal stands at the message that it is about."""
    rows = _waiting(office, visitor)
    with acts(visitor.actor):
        office.looks.note_all(
            (reference, row.municipality) for row in rows if row.municipality for reference in row.candidates
        )
    return html_page(
        "postbak.html", 422 if error else 200, title="Fout: Postbak" if error else "Postbak", here="/postbak",
        rows=rows, labels=_LABELS, error=error, done=done, about=about, today=office.clock.today(),
        stopped=_stopped(office, visitor),
        rulings={row.id for row in rows if is_ruling(row)},
    )  # fmt: skip


def _one(
    office: Office, visitor: Visitor, row: PostbakRow, reference: str, form: Form, error: str = ""
) -> HTMLResponse:
    """Ask what a message means in the case that was chosen."""
    if not reference:
        return _list(office, visitor, error="Kies een zaak, of vul een nummer in.", about=row.id)
    try:
        view = office.casework.case(reference)
    except UnknownCaseError:
        view = None
    if view is None or not visitor.sees(view.municipality):
        return _list(office, visitor, error=NO_SUCH_CASE, about=row.id)
    steps = {
        spec.name: spec.label
        for process in view.case.processes
        if not closed(process)
        for spec in (spec_of(definition_of(process), name) for name in possible_now(process))
        if not spec.by_timer
    }
    return html_page(
        "postbak_one.html", 422 if error else 200, title=f"Bericht {row.id}", here="/postbak", row=row,
        reference=reference, steps=steps, labels=_LABELS, today=office.clock.today(), error=error,
        rulings={row.id} if is_ruling(row) else set(), given={name: last(form, name) for name in form},
    )  # fmt: skip


def _case_of(form: Form) -> str:
    return last(form, "anders") or last(form, "zaak")


def _dealt(office: Office, visitor: Visitor, row: PostbakRow, form: Form) -> HTMLResponse:
    number = row.id or 0
    if last(form, "keuze") == "verwerpen":
        if not visitor.may("behandelen", row.municipality or "*"):
            return refused()
        with acts(visitor.actor):
            put_aside(office, number)
        return _list(office, visitor, done=f"Bericht {number} is opzij gelegd.")
    reference = _case_of(form)
    if not reference:
        raise NotPossible("Kies een zaak, of vul een nummer in.")
    view = office.casework.case(reference)
    if not visitor.sees(view.municipality):
        raise UnknownCaseError(reference)
    if not visitor.may("behandelen", view.municipality):
        return refused()
    chosen = last(form, "gebeurtenis") or None
    able = {name for process in view.case.processes for name in possible_now(process)}
    if chosen is not None and chosen not in able:
        raise NotPossible(f"'{_LABELS.get(chosen, chosen)}' kan nu niet in zaak {reference}.")
    on = day_in_form(form)
    with acts(visitor.actor):
        couple(office, number, reference, event=chosen, on=on, remember=last(form, "onthoud") == "ja")
    return _list(office, visitor, done=f"Bericht {number} hoort nu bij zaak {reference}.")
