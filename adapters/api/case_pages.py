"""The page of a case: where it is, its terms and why, its hand-offs and journal, and what can be reported now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from adapters.api.event_forms import day_in_form, field_named, filled_in, key_of, last, report_as
from adapters.api.page_parts import html_page, notice, refusal_on_page
from adapters.api.resident_pages import hand_out
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute, refused
from adapters.api.work_pages import FormFields
from adapters.cases.handoffs import handoffs
from adapters.cases.journal_words import actor_label, event_label
from adapters.cases.looks import is_purpose
from adapters.cases.presentation import process_title, second_opinion_line
from adapters.cases.store import UnknownCaseError
from adapters.messages.message_writing import why_then
from adapters.messages.page_keys import KeyKind
from adapters.runtime.actor import acts
from milestones.case import closed, possible_now
from milestones.definition import ANY, OFFERED, RETURNED, FieldKind
from milestones.definitions import DEFINITIONS, definition_of
from milestones.dutch import dutch_date
from milestones.four_eyes import GIVEN, is_judged, waits_for
from milestones.process import NotPossible
from milestones.refusal import CaseRefusal
from milestones.roles import dutch_role
from milestones.steering import spec_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.cases.casework import CaseView
    from adapters.office import Office
    from milestones.definition import EventSpec
    from milestones.policy import Policy
    from milestones.process import Snapshot

_MOST_LINES = 50
_ROUTE = tuple(code for code in DEFINITIONS if re.fullmatch(r"M\d", code))


@dataclass(frozen=True, slots=True)
class _Stop:
    """A mijlpaal on the route of a case."""

    title: str
    stage: str
    kind: str  # how it is drawn
    now: bool


@dataclass(frozen=True, slots=True)
class _Term:
    """A running term, with why it ends on that day."""

    what: str
    until: str
    late: bool
    since: str
    why: str


@dataclass(frozen=True, slots=True)
class _Place:
    """An open process: what it waits for, who has it, and what can be reported in it."""

    name: str
    title: str
    waits_for: str
    second: str
    who: str
    run: str | None
    steps: tuple[EventSpec, ...]  # what belongs to this state, before what can happen at any time
    more: tuple[EventSpec, ...]
    terms: tuple[_Term, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the journal in words."""

    on: date
    process: str
    what: str
    who: str


def case_router(office: Office) -> APIRouter:
    """Return the routes of the page of a case."""
    router = APIRouter(
        prefix="/zaak", include_in_schema=False, default_response_class=HTMLResponse, route_class=VisitorRoute
    )

    @router.get("/{reference}")
    def look(reference: str, visitor: TheVisitor, gedaan: str = "", doel: str = "") -> HTMLResponse:
        view = _seen(office, visitor, reference, doel if is_purpose(doel) else None)
        return _case_page(office, visitor, view, gedaan) if view else _unknown()

    @router.post("/{reference}/opvolgen")
    def follow(reference: str, visitor: TheVisitor, form: FormFields) -> Response:
        view = _seen(office, visitor, reference)
        return _followed(office, visitor, view, form) if view else _unknown()

    @router.post("/{reference}/volgen")
    def show_resident(reference: str, visitor: TheVisitor, form: FormFields) -> Response:
        view = _seen(office, visitor, reference)
        return _handed_out(office, visitor, view, form) if view else _unknown()

    @router.get("/{reference}/melden/{process}/{event}")
    def ask(reference: str, process: str, event: str, visitor: TheVisitor) -> HTMLResponse:
        view = _seen(office, visitor, reference)
        return _form_page(office, visitor, view, process, event, {}) if view else _unknown()

    @router.post("/{reference}/melden/{process}/{event}")
    def report(reference: str, process: str, event: str, visitor: TheVisitor, form: FormFields) -> Response:
        view = _seen(office, visitor, reference)
        if view is None:
            return _unknown()
        spec = _spec(view, process, event)
        if not visitor.may("behandelen", view.municipality) and not (
            spec is not None and _judges(visitor, view.municipality, spec)
        ):
            return refused()
        return _reported(office, visitor, view, process, event, form)

    return router


def _judges(visitor: Visitor, municipality: str, spec: EventSpec) -> bool:
    """Whether this is an event for who judges, and somebody may do that without working on cases."""
    return is_judged(spec) and visitor.may("beoordelen", municipality)


def _unknown() -> HTMLResponse:
    return notice("Deze zaak is er niet", ["Klopt het nummer? Zoek de zaak nog een keer."], 404)


def _seen(office: Office, visitor: Visitor, reference: str, purpose: str | None = None) -> CaseView | None:
    try:
        view = office.casework.case(reference)
    except UnknownCaseError:
        return None
    if not visitor.sees(view.municipality):
        return None
    with acts(visitor.actor):
        office.looks.note(reference, view.municipality, purpose)
    return view


def _case_page(
    office: Office, visitor: Visitor, view: CaseView, done: str, follow_error: str = ""
) -> HTMLResponse:
    policy, today = office.rules_for(view.municipality).policy, office.clock.today()
    places = [
        _place(office, view, process, policy, today, visitor)
        for process in view.case.processes
        if not closed(process)
    ]
    lines = [
        _Line(row.on, row.process, event_label(row, policy), actor_label(row))
        for row in reversed(view.journal)
    ]
    return html_page(
        "case.html", 422 if follow_error else 200, title=f"Zaak {view.reference}", here="/zaak",
        visitor=visitor, reference=view.reference,
        crisis=any(item.facts.get("bedreigende_situatie") is True for item in view.case.processes),
        route=list(_route(view, policy)), places=places, done=done == "1", lines=lines[:_MOST_LINES],
        older=lines[_MOST_LINES:], handoffs=list(handoffs(view.case, view.journal)),
        today=today, follow_error=follow_error,
        resident=visitor.may("behandelen", view.municipality)
        and view.municipality in office.settings.resident_pages,
        resident_until=office.page_keys.ends_on(KeyKind.RESIDENT, view.reference),
        follow=office.follow_ups.of(visitor.code).get(view.reference),
    )  # fmt: skip


def _followed(office: Office, visitor: Visitor, view: CaseView, form: dict[str, list[str]]) -> Response:
    """Keep the day on which somebody looks at this case again, or forget it."""
    error = ""
    try:
        day = day_in_form(form, "dag")
        if last(form, "keuze") == "klaar":
            office.follow_ups.drop(visitor.code, view.reference)
        elif day is None:
            error = "Kies een dag."
        else:
            office.follow_ups.keep(visitor.code, view.reference, day)
    except NotPossible as refusal:
        error = refusal_on_page(refusal)
    except ValueError:
        error = "Dit is geen datum."
    if error:
        return _case_page(office, visitor, view, "", error)
    return RedirectResponse(f"/zaak/{view.reference}#opvolgen", 303)


def _handed_out(office: Office, visitor: Visitor, view: CaseView, form: dict[str, list[str]]) -> Response:
    """Make the address of the page for the inwoner, or take it back."""
    if view.municipality not in office.settings.resident_pages:
        return _unknown()
    if not visitor.may("behandelen", view.municipality):
        return refused()
    give = last(form, "keuze") != "stop"
    address = hand_out(office, visitor, view, give=give)
    if not give:
        return RedirectResponse(f"/zaak/{view.reference}#inzage", 303)
    return html_page(
        "resident_given.html", 200, title="Inzage voor de inwoner", here="/zaak", reference=view.reference,
        address=address, days=office.settings.resident_page_days,
    )  # fmt: skip


def _place(
    office: Office, view: CaseView, process: Snapshot, policy: Policy, today: date, visitor: Visitor
) -> _Place:
    definition = definition_of(process)
    role = dutch_role(policy.role(process.role(definition)))
    named = process.facts.get("houder")
    acts_here = visitor.may("behandelen", view.municipality)
    able = [spec_of(definition, name) for name in possible_now(process)]
    able = [spec for spec in able if acts_here or _judges(visitor, view.municipality, spec)]
    able = [spec for spec in able if not spec.by_timer]
    own = {row.event for row in definition.rows_from(process.state) if ANY not in row.sources} | {GIVEN}
    run = view.rows[process.name].flow_run_id
    return _Place(
        process.name,
        process_title(process.name, policy.name_of(definition)),
        waits_for(definition, process),
        second_opinion_line(process, policy),
        f"{role} {named}" if isinstance(named, str) else role,
        office.settings.prefect_page(f"runs/flow-run/{run}") if run else None,
        tuple(spec for spec in able if spec.name in own),
        tuple(spec for spec in able if spec.name not in own),
        tuple(
            _Term(
                f"{policy.term(term.term).name} ({term.term})",
                dutch_date(term.due) if term.due else "staat stil",
                term.is_overdue(today),
                dutch_date(term.anchor),
                why_then(term, policy),
            )
            for term in sorted(process.terms, key=lambda term: term.due or date.max)
            if term.runs
        ),
    )


_STAGES = {
    "done": "klaar",
    "now": "hier is de zaak nu",
    "offered": "aangeboden",
    "later": "nog niet",
    "skipped": "overgeslagen",
}


def _route(view: CaseView, policy: Policy) -> Iterator[_Stop]:
    """Yield the mijlpalen, and what runs beside them, each with how far it is."""
    beside = [code for code in DEFINITIONS if code not in _ROUTE and _stage(view, code) != "later"]
    stages = {code: _stage(view, code) for code in (*_ROUTE, *beside)}
    furthest = max((number for number, code in enumerate(_ROUTE) if stages[code] != "later"), default=0)
    for number, (code, stage) in enumerate(stages.items()):
        kind = "skipped" if stage == "later" and number < furthest else stage
        title = process_title(code, policy.name_of(DEFINITIONS[code]))
        yield _Stop(title, _STAGES[kind], kind, kind in ("now", "offered"))


def _stage(view: CaseView, code: str) -> str:
    mine = [item for item in view.case.processes if item.code == code]
    states = {item.state for item in mine if not closed(item)}
    if states:
        return "offered" if states <= {OFFERED, RETURNED} else "now"
    return "done" if mine else "later"


# --- reporting an event ---------------------------------------------------------------------------------------


def _spec(view: CaseView, process: str, event: str) -> EventSpec | None:
    try:
        snapshot = view.case.named(process)
    except NotPossible:
        return None
    return spec_of(definition_of(snapshot), event) if event in possible_now(snapshot) else None


def _form_page(
    office: Office,
    visitor: Visitor,
    view: CaseView,
    process: str,
    event: str,
    given: Mapping[str, list[str]],
    error: str = "",
    about: str = "",
) -> HTMLResponse:
    spec = _spec(view, process, event)
    if spec is None:
        return notice(
            "Dit kan nu niet", ["De zaak is intussen verder, of dit hoort niet bij deze stap.", _BACK], 409
        )
    title = spec.label
    return html_page(
        "report.html", 422 if error else 200, title=f"Fout: {title}" if error else title, here="/zaak",
        visitor=visitor, reference=view.reference, process=process, spec=spec, given=given, error=error,
        about=about, kinds=FieldKind, key=key_of(given),
        today=office.clock.today(),
    )  # fmt: skip


_BACK = "Ga terug naar de zaak en kijk wat er nu kan."


def _reported(
    office: Office, visitor: Visitor, view: CaseView, process: str, event: str, form: dict[str, list[str]]
) -> Response:
    spec = _spec(view, process, event)
    if spec is None:
        return _form_page(office, visitor, view, process, event, form)
    try:
        on = day_in_form(form)
    except ValueError:
        return _form_page(office, visitor, view, process, event, form, "Dit is geen datum.", "op")
    try:
        report_as(
            office,
            visitor,
            view.reference,
            process,
            event,
            (on, filled_in(spec, form)),
            f"pagina:{key_of(form)}",
        )
    except CaseRefusal as refusal:
        said = refusal_on_page(refusal, view.case.named(process), spec)
        return _form_page(office, visitor, view, process, event, form, said, field_named(refusal, spec))
    return RedirectResponse(f"/zaak/{view.reference}?gedaan=1", 303)
