"""Inzage and vernietiging: what is held of somebody, what may go, what must stay. For who has the right `beheren`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import select

from adapters.api.page_parts import html_page, refusal_on_page
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute, refused
from adapters.api.work_pages import FormFields
from adapters.cases.store import UnknownCaseError
from adapters.operations.access_requests import answered, extend_request, note_request, open_requests
from adapters.operations.destruction import approve, destroyable, hold, holds, lift, records, withdraw
from adapters.operations.held_data import WORDS, cases_of_person, held_under
from adapters.operations.held_words import in_words
from adapters.runtime.actor import acts
from adapters.runtime.privacy import eleven_test
from adapters.storage.database import CaseRow, reading
from milestones.civil_dates import civil_date
from milestones.counting import is_or_are, so_many
from milestones.process import NotPossible
from milestones.refusal import CaseRefusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from adapters.office import Office

log = structlog.get_logger("routekaart.api")
_RIGHT = "beheren"
_MOST = 200


def upkeep_router(office: Office) -> APIRouter:
    """Return the routes of these pages."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=VisitorRoute)

    @router.get("/vernietiging")
    def listed(visitor: TheVisitor) -> HTMLResponse:
        return _destruction(office, visitor) if _manages(office, visitor) else refused()

    @router.post("/vernietiging")
    def decide(visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        if not _manages(office, visitor):
            return refused()
        done, error = _done(visitor, lambda: _decided(office, visitor, form))
        return _destruction(office, visitor, done, error, form if error else None)

    @router.get("/inzage")
    def ask(visitor: TheVisitor) -> HTMLResponse:
        return _access(office, visitor) if _manages(office, visitor) else refused()

    @router.post("/inzage")
    def answer(visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        if not _manages(office, visitor):
            return refused()
        if (form.get("keuze") or ["zoek"])[-1] == "zoek":
            return _shown(office, visitor, (form.get("wat") or [""])[-1])
        done, error = _done(visitor, lambda: _requested(office, visitor, form))
        return _access(office, visitor, done, error)

    return router


def _manages(office: Office, visitor: Visitor) -> bool:
    """Whether somebody manages any gemeente here; who only came with a link manages nothing."""
    return bool(_places(office, visitor))


def _places(office: Office, visitor: Visitor) -> list[str]:
    with reading(office.engine) as session:
        found = {office.settings.municipality, *session.exec(select(CaseRow.municipality).distinct())}
    found |= visitor.municipalities or frozenset()
    return sorted(place for place in found if visitor.may(_RIGHT, place))


def _done(visitor: Visitor, work: Callable[[], str]) -> tuple[str, str]:
    """Do something in the name of who looks; give what was done, or why not."""
    try:
        with acts(visitor.actor):
            return work(), ""
    except CaseRefusal as refusal:
        return "", f"Niets vastgelegd. {refusal_on_page(refusal)}"


def _managed_case(office: Office, visitor: Visitor, reference: str) -> str:
    """Return the reference of a case that somebody manages, however he typed it; another one is not there."""
    with reading(office.engine) as session:
        row = session.get(CaseRow, reference) or session.get(CaseRow, reference.upper())
    if row is None or not visitor.may(_RIGHT, row.municipality):
        raise UnknownCaseError(reference)
    return row.reference


def _decided(office: Office, visitor: Visitor, form: dict[str, list[str]]) -> str:
    choice, cases = (form.get("keuze") or [""])[-1], form.get("zaak", [])
    reason = (form.get("reden") or [""])[-1]
    cases = [_managed_case(office, visitor, reference) for reference in cases]
    if not cases:
        raise NotPossible("Kies eerst een zaak.")
    if choice == "goedkeuren":
        return _approved(approve(office, cases))
    if choice == "intrekken":
        for reference in cases:
            withdraw(office, reference)
        return "Goedkeuring ingetrokken." if len(cases) == 1 else f"{len(cases)} goedkeuringen ingetrokken."
    if choice == "bewaren":
        hold(office, cases[0], reason)
        return f"{cases[0]} blijft, tot iemand de bewaarplicht opheft."
    if choice == "opheffen":
        lift(office, cases[0], reason)
        return f"{cases[0]} volgt weer haar bewaartermijn."
    raise NotPossible("Kies wat er moet gebeuren.")


def _approved(number: int) -> str:
    if not number:
        return "Dit was al goedgekeurd."
    gone = is_or_are(number, "wordt", "worden")
    return f"{so_many(number, 'zaak')} goedgekeurd. Zij {gone} de volgende nacht vernietigd."


def _destruction(
    office: Office,
    visitor: Visitor,
    done: str = "",
    error: str = "",
    typed: dict[str, list[str]] | None = None,
) -> HTMLResponse:
    places = _places(office, visitor)
    mine = [case for case in destroyable(office) if case.municipality in places]
    held = [row for row in holds(office) if row.municipality in places]
    gone = [row for row in records(office) if row.municipality in places]
    return html_page(
        "destruction.html", 422 if error else 200, title="Vernietiging", here="/vernietiging", done=done,
        error=error, cases=mine[:_MOST], left=len(mine) - _MOST, held=held, gone=gone[-_MOST:], typed=typed or {},
    )  # fmt: skip


def _requested(office: Office, visitor: Visitor, form: dict[str, list[str]]) -> str:
    choice, given = form["keuze"][-1], (form.get("nummer") or [""])[-1]
    places = _places(office, visitor)
    if choice == "nieuw":
        place = (form.get("gemeente") or [places[0]])[-1]
        if place not in places:
            raise NotPossible("Kies een gemeente die je beheert.")
        row = note_request(office, place, civil_date((form.get("op") or [""])[-1]))
        return f"Verzoek {row.id} staat genoteerd."
    mine = {str(row.id): row for row in open_requests(office) if row.municipality in places}
    if given not in mine:
        raise NotPossible("Dit verzoek is er niet, of het is al beantwoord.")
    number = mine[given].id or 0
    if choice == "verleng":
        extend_request(office, number)
        return f"Verzoek {number} is verlengd. Zeg dat tegen de inwoner."
    if choice == "klaar":
        answered(office, number)
        return f"Verzoek {number} is beantwoord."
    raise NotPossible("Kies wat er moet gebeuren.")


def _shown(office: Office, visitor: Visitor, asked: str) -> HTMLResponse:
    """Show all that is held under a reference or a BSN; the number is used once and stands nowhere."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    by_person = eleven_test(asked)
    for reference in cases_of_person(office, asked) if by_person else [asked]:
        try:
            reference = _managed_case(office, visitor, reference)  # noqa: PLW2901 - as it is written
            held = held_under(office, reference)
        except UnknownCaseError:
            continue
        with acts(visitor.actor):
            office.looks.note(reference, held["cases"][0]["municipality"], "inzageverzoek")
        found[reference] = held
    if by_person:  # also of whom nothing is held: somebody asked whether he is known
        log.info("person_asked_about", code=visitor.code, way="inzage", cases=len(found))
    error = "" if found else "Hieronder wordt niets bewaard dat je beheert."
    return _access(office, visitor, error=error, found=found)


def _access(
    office: Office, visitor: Visitor, done: str = "", error: str = "",
    found: dict[str, dict[str, list[dict[str, Any]]]] | None = None,
) -> HTMLResponse:  # fmt: skip
    places = _places(office, visitor)
    waiting = [row for row in open_requests(office) if row.municipality in places]
    return html_page(
        "access.html", 422 if error else 200, title="Inzage", here="/inzage", done=done, error=error,
        found=found or {}, words=WORDS, in_words=in_words, waiting=waiting, places=places, today=office.clock.today(),
    )  # fmt: skip
