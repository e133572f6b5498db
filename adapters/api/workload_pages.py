"""The werkvoorraad: all open work in an order and with filters, and what somebody does with the cases that he ticks.

Each case is a transaction of its own. What was refused stands beside its case, and stays ticked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from adapters.api.event_forms import day_in_form, field_named, filled_in, key_of, last, number_of, report_as
from adapters.api.page_parts import NO_SUCH_CASE, html_page, refusal_on_page
from adapters.api.visitor import TheVisitor, Visitor, VisitorRoute
from adapters.api.work_pages import FormFields
from adapters.cases.caseload import Caseload
from adapters.cases.store import municipality_of
from adapters.messages.recipients import EVERY_MUNICIPALITY
from adapters.oversight.worklists import ONLY, ORDERS, Asked, read_page
from adapters.oversight.workload import municipalities
from adapters.runtime.actor import acts
from milestones.case import possible_now
from milestones.definition import FieldKind
from milestones.definitions import DEFINITIONS, definition_of
from milestones.process import NotPossible
from milestones.refusal import CaseRefusal
from milestones.steering import ASSIGN_REASONS, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adapters.api.event_forms import Form
    from adapters.office import Office
    from milestones.definition import EventSpec

_PER_PAGE = 50
_NOBODY = "-"
_MAY_NOT_DIVIDE = "Deze zaak mag je niet verdelen. Vraag het de coördinator."
_MAY_NOT_ACT = "In deze zaak mag je niets melden. Vraag het de coördinator."


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What became of one case that was ticked: `refused` says why nothing was done."""

    reference: str
    process: str
    said: str
    refused: str = ""

    @property
    def ticked(self) -> str:
        """The value of its tick."""
        return f"{self.reference} {self.process}".strip()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a form did: the outcome of each case, or what was wrong with the form as a whole, at which field."""

    outcomes: tuple[CaseOutcome, ...] = ()
    error: str = ""
    about: str = ""

    @property
    def done(self) -> tuple[CaseOutcome, ...]:
        return tuple(one for one in self.outcomes if not one.refused)

    @property
    def refused(self) -> dict[str, CaseOutcome]:
        return {one.ticked: one for one in self.outcomes if one.refused}


def workload_router(office: Office) -> APIRouter:
    """Return the routes of the werkvoorraad."""
    router = APIRouter(
        prefix="/werkvoorraad",
        include_in_schema=False,
        default_response_class=HTMLResponse,
        route_class=VisitorRoute,
    )

    @router.get("")
    def workload(request: Request, visitor: TheVisitor) -> HTMLResponse:
        return _list(office, visitor, request.query_params, {}, _Answer())

    @router.post("")
    def act(request: Request, visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        answer = _done(office, visitor, form)
        return _list(office, visitor, request.query_params, form, answer)

    @router.post("/melden")
    def report(request: Request, visitor: TheVisitor, form: FormFields) -> HTMLResponse:
        chosen = _ticks(form)
        if not chosen:
            answer = _Answer(error=_NOTHING_TICKED, about="zaak")
            return _list(office, visitor, request.query_params, form, answer)
        return _report_page(office, visitor, chosen, form, _way(request.query_params))

    return router


# --- the list -------------------------------------------------------------------------------------------------


def _filters(asked: Mapping[str, str]) -> dict[str, str]:
    """Return what the list is asked for; what is unknown counts as nothing."""
    return {
        "alleen": _known(asked.get("alleen", ""), ONLY),
        "volgorde": _known(asked.get("volgorde", ""), ORDERS),
        "bij": asked.get("bij", "").strip()[:40],
        "mijlpaal": _known(asked.get("mijlpaal", ""), DEFINITIONS),
    }


def _number(asked: Mapping[str, str]) -> int:
    return max(1, number_of(asked.get("blad", "")) or 1)


def _way(asked: Mapping[str, str]) -> str:
    """Return what leads from a page back to the list as it was: its filters and its page."""
    kept = {name: value for name, value in _filters(asked).items() if value}
    number = _number(asked)
    return f"?{urlencode(kept | ({'blad': str(number)} if number > 1 else {}))}"


def _list(
    office: Office, visitor: Visitor, asked: Mapping[str, str], form: Form, answer: _Answer
) -> HTMLResponse:
    people = _people(office, visitor)
    chosen, number = _filters(asked), _number(asked)
    wanted = Asked(
        visitor.municipalities, visitor.code, chosen["alleen"], chosen["volgorde"], chosen["bij"],
        chosen["mijlpaal"], min(number - 1, 1_000_000) * _PER_PAGE, _PER_PAGE,
    )  # fmt: skip
    items, total = read_page(office, wanted)
    status = 422 if answer.error or answer.refused else 200
    title = "Werkvoorraad"
    return html_page(
        "workload.html", status, title=f"Fout: {title}" if status != 200 else title, here="/werkvoorraad",  # noqa: PLR2004
        today=office.clock.today(), items=items, total=total, number=number, begin=wanted.begin,
        more=total > wanted.begin + _PER_PAGE, only={name: label for name, (label, _) in ONLY.items()},
        orders=ORDERS, codes=DEFINITIONS, chosen=chosen, people=people, reasons=ASSIGN_REASONS, answer=answer,
        nobody=_NOBODY, given={name: last(form, name) for name in form}, key=key_of({}),
        ticked=set(answer.refused) | (set(form.get("zaak", ())) if answer.error else set()),
        divides=visitor.divides_somewhere, following=office.follow_ups.of(visitor.code),
        query=urlencode({name: value for name, value in chosen.items() if value}), way=_way(asked),
    )  # fmt: skip


def _known(value: str, among: Mapping[str, object]) -> str:
    return value if value in among else ""


def _people(office: Office, visitor: Visitor) -> list[str]:
    """Return to whom work can be given in the gemeenten that somebody sees; who looks stands first himself."""
    book = office.recipients.book()
    if visitor.municipalities is None:
        return _own_first(book.people, visitor)
    places = {*visitor.municipalities, EVERY_MUNICIPALITY}
    listed = {
        code
        for place, roles in book.roles.items()
        if place in places
        for codes in roles.values()
        for code in codes
    }
    able = (code for code, person in book.people.items() if {code, person.team} & listed)
    return _own_first(able, visitor)


def _own_first(codes: Iterable[str], visitor: Visitor) -> list[str]:
    return sorted(codes, key=lambda code: (code != visitor.code, code))


# --- what is done with the ticks ------------------------------------------------------------------------------

_NOTHING_TICKED = "Kies eerst een of meer zaken."


def _ticks(form: Form) -> list[str]:
    """Return what was ticked, each once; with "alles" it is every row of the page as it was shown."""
    return list(dict.fromkeys(form.get("rij" if last(form, "alles") == "ja" else "zaak", ())))


def _done(office: Office, visitor: Visitor, form: Form) -> _Answer:
    what, chosen = last(form, "doe"), _ticks(form)
    if what == "caseload":
        return _caseload(office, visitor, form)
    if not chosen:
        return _Answer(error=_NOTHING_TICKED, about="zaak")
    return (
        _follow(office, visitor, form, chosen)
        if what == "opvolgen"
        else _assign(office, visitor, form, chosen)
    )


def _for_each(
    office: Office, visitor: Visitor, chosen: Sequence[str], right: str, work: Callable[[str, str], str]
) -> tuple[CaseOutcome, ...]:
    """Do something with each case that was ticked; a refusal of one leaves the others as they are."""
    outcomes = []
    for ticked in chosen:
        reference, _, process = ticked.partition(" ")
        said = refused = ""
        try:
            place = municipality_of(office.engine, reference)
            if not visitor.sees(place):
                refused = NO_SUCH_CASE
            elif not visitor.may(right, place):
                refused = _MAY_NOT_DIVIDE if right == "verdelen" else _MAY_NOT_ACT
            else:
                said = work(reference, process)
        except CaseRefusal as refusal:
            refused = refusal_on_page(refusal)
        outcomes.append(CaseOutcome(reference, process, said, refused))
    return tuple(outcomes)


def _assign(office: Office, visitor: Visitor, form: Form, chosen: Sequence[str]) -> _Answer:
    person, reason, key = last(form, "medewerker"), last(form, "reden", "werkverdeling"), key_of(form)
    if person != _NOBODY and person not in _people(office, visitor):
        return _Answer(error="Kies een medewerker uit de lijst.", about="medewerker")
    if reason not in ASSIGN_REASONS:
        return _Answer(error="Kies een reden uit de lijst.", about="reden")
    caseload, to = Caseload(office.engine, office.casework), None if person == _NOBODY else person

    def assign(reference: str, process: str) -> str:
        with acts(visitor.actor):
            caseload.assign(reference, process, to, reason, f"werkvoorraad:{key}:{reference}:{process}"[:200])
        return f"staat op naam van {to}" if to else "staat op niemands naam"

    return _Answer(_for_each(office, visitor, chosen, "verdelen", assign))


def _caseload(office: Office, visitor: Visitor, form: Form) -> _Answer:
    """Hand all that somebody has to a colleague, in every gemeente whose work the visitor divides."""
    person, to, reason = last(form, "van"), last(form, "naar"), last(form, "waarom", "uit dienst")
    if to not in _people(office, visitor) or to == person:
        return _Answer(error="Kies een andere medewerker uit de lijst.", about="naar")
    if reason not in ASSIGN_REASONS:
        return _Answer(error="Kies een reden uit de lijst.", about="waarom")
    caseload, key = Caseload(office.engine, office.casework), f"werkvoorraad:{key_of(form)}"
    outcomes = []
    for place in municipalities(office):
        if not visitor.may("verdelen", place):
            continue
        with acts(visitor.actor):
            for held, refusal in caseload.reassign(person, to, place, reason, key):
                said = f"staat op naam van {to}"
                outcomes.append(CaseOutcome(held.reference, held.process, said, refusal or ""))
    if not outcomes:
        return _Answer(error=f"{person} heeft geen zaken die jij kunt verdelen.", about="naar")
    return _Answer(tuple(outcomes))


def _follow(office: Office, visitor: Visitor, form: Form, chosen: Sequence[str]) -> _Answer:
    try:
        day = day_in_form(form, "dag")
    except ValueError:
        return _Answer(error="Dit is geen datum.", about="dag")
    if day is None:
        return _Answer(error="Kies een dag.", about="dag")
    if day < office.clock.today():
        return _Answer(error="Kies vandaag of een latere dag.", about="dag")

    def follow(reference: str, _: str) -> str:
        office.follow_ups.keep(visitor.code, reference, day)
        return "staat op die dag in Mijn werk"

    return _Answer(_for_each(office, visitor, chosen, "zien", follow))


# --- one event in many cases ----------------------------------------------------------------------------------


def _report_page(
    office: Office, visitor: Visitor, chosen: Sequence[str], form: Form, way: str
) -> HTMLResponse:
    """Ask what happened, then for the fields of that event, then report it in each case."""
    able, unable = _able(office, visitor, chosen)
    event = last(form, "gebeurtenis")
    cases = able.get(event, {})
    if not cases:
        return _choose_page(chosen, able, unable, way)
    spec = next(iter(cases.values()))
    not_now = tuple(
        CaseOutcome(*_parts(ticked), said="", refused=unable.get(ticked, f"'{spec.label}' kan hier nu niet."))
        for ticked in chosen
        if ticked not in cases
    )
    if last(form, "leg") != "vast":
        return _fields_page(office, spec, tuple(cases), form, _Answer(not_now), way)
    try:
        given = day_in_form(form), filled_in(spec, form)
    except ValueError:
        return _fields_page(
            office, spec, tuple(cases), form, _Answer(not_now, "Dit is geen datum.", "op"), way
        )
    key, about = key_of(form), ""

    def report(reference: str, process: str) -> str:
        nonlocal about
        try:
            report_as(
                office,
                visitor,
                reference,
                process,
                event,
                given,
                f"werkvoorraad:{key}:{process}:{reference}"[:200],
            )
        except CaseRefusal as refusal:
            about = field_named(refusal, spec) or about
            raise NotPossible(refusal_on_page(refusal, spec=spec)) from None
        return spec.label

    outcomes = _for_each(office, visitor, list(cases), "behandelen", report)
    answer = _Answer((*outcomes, *not_now), about=about)
    left = [one.ticked for one in outcomes if one.refused]
    if left:
        return _fields_page(office, spec, left, form, answer, way)
    return html_page("many_done.html", 200, title="Vastgelegd", here="/werkvoorraad", way=way, answer=answer)


def _parts(ticked: str) -> tuple[str, str]:
    reference, _, process = ticked.partition(" ")
    return reference, process


def _able(
    office: Office, visitor: Visitor, chosen: Sequence[str]
) -> tuple[dict[str, dict[str, EventSpec]], dict[str, str]]:
    """Return which events can be reported in which of these cases, and why nothing can be in the others."""
    able: dict[str, dict[str, EventSpec]] = {}

    def look(reference: str, process: str) -> str:
        snapshot = office.casework.case(reference).case.named(process)
        definition = definition_of(snapshot)
        for name in possible_now(snapshot):
            if not (spec := spec_of(definition, name)).by_timer:
                able.setdefault(name, {})[f"{reference} {process}"] = spec
        return "gevonden"

    outcomes = _for_each(office, visitor, chosen, "behandelen", look)
    return able, {one.ticked: one.refused for one in outcomes if one.refused}


def _choose_page(
    chosen: Sequence[str], able: Mapping[str, Mapping[str, EventSpec]], unable: Mapping[str, str], way: str
) -> HTMLResponse:
    events = [
        (name, next(iter(cases.values())).label, [ticked for ticked in chosen if ticked not in cases])
        for name, cases in able.items()
    ]
    return html_page(
        "many_choose.html", 200, title="Wat is er gebeurd?", here="/werkvoorraad", chosen=chosen,
        everywhere=[one for one in events if not one[2]], somewhere=[one for one in events if one[2]],
        unable=unable, way=way,
    )  # fmt: skip


def _fields_page(
    office: Office, spec: EventSpec, chosen: Sequence[str], form: Form, answer: _Answer, way: str
) -> HTMLResponse:
    wrong = bool(answer.error) or any(one.ticked in chosen for one in answer.refused.values())
    error = answer.error or ("Wat niet is vastgelegd, staat bij de zaak." if wrong else "")
    return html_page(
        "many_report.html", 422 if wrong else 200, title=f"Fout: {spec.label}" if wrong else spec.label,
        here="/werkvoorraad", way=way, spec=spec, chosen=chosen, given=form, answer=answer, error=error,
        about=answer.about, kinds=FieldKind, key=key_of(form), today=office.clock.today(),
    )  # fmt: skip
