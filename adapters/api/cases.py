"""Open cases, report events, and read where a case is."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BeforeValidator
from sqlalchemy import func
from sqlmodel import Session, col, select

from adapters.api.answer import answer
from adapters.api.auth import check_may, tell_asked
from adapters.api.context import GuardedRoute, IdempotencyKey, TheCaller, TheOffice, ThePurpose
from adapters.api.csv_answers import CSV, Format, csv_answer, wants_csv
from adapters.api.models import (
    CODES,
    STATES,
    Answered,
    CasePage,
    CaseState,
    GrowthReport,
    JournalPage,
    NewCase,
    NewEvent,
    NewReference,
    References,
)
from adapters.api.paging import PageNumber, PageSize, case_address, page_of
from adapters.api.problems import NO_CASE, Problem
from adapters.cases.case_writing import SecondTraject
from adapters.cases.casework import CaseView, EventReport, is_own_form
from adapters.cases.growth import growth_rows
from adapters.cases.presentation import case_as_json, journal_line
from adapters.cases.store import load_case
from adapters.exchange.answers import answer_once, hashed, key_in_header, report_once
from adapters.exchange.clients import READ
from adapters.exchange.postbak import keep_opening
from adapters.exchange.references import (
    KEPT_AS_MARK,
    add_reference,
    check_form,
    forms_of,
    kept,
    known_as,
    normal,
    references_of,
)
from adapters.oversight.workload import to_csv
from adapters.runtime.actor import Actor, ActorKind, Way, acting
from adapters.runtime.checkpoints import Checkpoint, reach
from adapters.runtime.persons import person_keys_for
from adapters.storage.database import CaseRow, JournalRow, ProcessRow, TimerRow, reading
from adapters.storage.exchange_tables import ExternalReferenceRow
from milestones.case import possible_now
from milestones.civil_dates import civil_date
from milestones.process import InvalidData, NotPossible
from milestones.steering import REPORTABLE

if TYPE_CHECKING:
    from adapters.cases.casework import Receipt
    from adapters.exchange.clients import Caller
    from adapters.office import Office

_TELLS = ("toestanden", "mijlpalen", "termijnen", "dwangsommen")
_UNREAD: dict[str, Any] = {
    "zaak": "",
    "toestanden": {},
    "mijlpalen": [],
    "termijnen": [],
    "dwangsommen": [],
    "mogelijke_gebeurtenissen": [],
}

_JOURNAL_HEADS = (
    "nummer",
    "op",
    "vastgelegd_op",
    "mijlpaal",
    "van",
    "gebeurtenis",
    "naar",
    "door_soort",
    "door_code",
    "door_weg",
)

router = APIRouter(route_class=GuardedRoute, tags=["zaken"])


class HeldBack(NotPossible):
    """An opening that cannot be because of a case that is there."""

    def __init__(self, reason: str, other: str | None = None) -> None:
        super().__init__(reason)
        self.other = other


def _as_written(value: object) -> object:
    """Refuse a moment that is not written as one, such as a number of seconds."""
    if isinstance(value, str) and civil_date(value) is None:
        raise ValueError("geen moment")
    return value


_Moment = Annotated[AwareDatetime, BeforeValidator(_as_written)]


@router.post("/v1/zaken", status_code=201, response_model=CaseState)
def open_case(
    request: Request, new: NewCase, caller: TheCaller, office: TheOffice, key: IdempotencyKey = None
) -> Response:
    """Open een zaak in een mijlpaal."""
    check_may(caller, f"open:{new.mijlpaal}")
    municipality = new.gemeentecode or caller.only_municipality or office.settings.municipality
    if not caller.sees(municipality):
        raise Problem(403, "Deze client mag geen zaken openen voor deze gemeente.")

    if new.burgerservicenummer is not None:
        tell_asked(caller, "zaak openen", municipality)

    def work(session: Session) -> tuple[int, dict[str, Any]]:
        try:
            with nullcontext() if caller.may(READ) else session.begin_nested():
                return _opened(session, office, new, caller, municipality, key)
        except (SecondTraject, HeldBack) as refusal:
            if caller.may(READ):
                raise
            # The answer is that of a case that was opened: it tells nobody who is known here.
            keep_opening(
                session,
                office,
                hashed(office, caller.client_id, key, _content(new)),
                new.mijlpaal,
                municipality=municipality,
                on=new.op,
                reason=refusal.reason,
                other=refusal.other,
            )
            return 201, _remarks(
                [kept(office.settings, value) != normal(value) for value in new.verwijzingen]
            )

    content = ["POST /v1/zaken", _content(new)]
    status, body, repeated = answer_once(office, caller.client_id, key, content, work)
    if not caller.may(READ):
        body = _UNREAD | {"gemeentecode": municipality, "opmerkingen": body.get("opmerkingen", [])}
    return _located(request, CaseState, status, body, repeated=repeated)


def _opened(
    session: Session, office: Office, new: NewCase, caller: Caller, municipality: str, key: str | None
) -> tuple[int, dict[str, Any]]:
    """Open a case. Who may not read hears only that it was accepted, also where a case of that name is there."""
    if not caller.may(READ):  # first what is wrong by itself: then the order of checks tells of no case
        office.casework.check_opening(new.mijlpaal, municipality, new.op, new.gegevens)
        for value in new.verwijzingen:
            check_form(value)
    known = _known_by_name(session, new.zaak, caller) if new.zaak is not None else None
    try:
        receipt = office.casework.open(
            new.mijlpaal,
            municipality=municipality,
            reference=new.zaak,
            on=new.op,
            data=new.gegevens,
            person_key=_pseudonym(office, new),
            key=_journal_id(office, caller, key),
            session=session,
        )
    except InvalidData:
        raise
    except NotPossible as refusal:
        if known is None or caller.may(READ):
            raise
        raise HeldBack(refusal.reason, new.zaak) from None
    row, at = session.get_one(CaseRow, receipt.reference), office.clock.now()
    marked = [add_reference(session, office, row, value, at) for value in new.verwijzingen]
    return 201, case_answer(office, receipt) | _remarks(marked)


@router.get("/v1/zaken", response_model=CasePage)
def list_cases(
    request: Request,
    caller: TheCaller,
    office: TheOffice,
    page: PageNumber = 1,
    size: PageSize = 100,
    verwijzing: Annotated[
        str | None,
        Query(max_length=300, pattern=r"^[^\x00]*$", description="Hoe een ander systeem de zaak noemt."),
    ] = None,
    mijlpaal: Annotated[
        str | None,
        Query(
            pattern=f"^({'|'.join(CODES)})$",
            json_schema_extra={"enum": CODES},
            description="Deze mijlpaal is open.",
        ),
    ] = None,
    toestand: Annotated[
        str | None,
        Query(
            max_length=40,
            pattern=r"^[A-Z_]+$",
            json_schema_extra={"enum": STATES},
            description="Een mijlpaal staat in deze toestand.",
        ),
    ] = None,
    gemeentecode: Annotated[str | None, Query(pattern=r"^[0-9]{4}$")] = None,
    te_laat: Annotated[
        bool | None, Query(alias="teLaat", description="Of een lopende termijn voorbij is.")
    ] = None,
    changed_since: Annotated[
        _Moment | None, Query(alias="gewijzigdSinds", description="Er is sindsdien iets vastgelegd.")
    ] = None,
) -> Response:
    """Geef de zaken die deze client mag zien, de oudste eerst; alles wat gevraagd is, moet gelden."""
    check_may(caller, "lezen")
    if gemeentecode is not None and not caller.sees(gemeentecode):
        raise Problem(403, "Deze client mag niet lezen van deze gemeente.")
    if verwijzing is not None:
        tell_asked(caller, "zaken zoeken", gemeentecode or caller.only_municipality or "*")
    query = select(CaseRow)
    if gemeentecode is not None:
        query = query.where(CaseRow.municipality == gemeentecode)
    elif "*" not in caller.municipalities:
        query = query.where(col(CaseRow.municipality).in_(caller.municipalities))
    if verwijzing is not None:
        named = select(ExternalReferenceRow.case_reference).where(
            known_as(forms_of(office.settings, verwijzing))
        )
        query = query.where(col(CaseRow.reference).in_(named))
    if mijlpaal is not None or toestand is not None:
        query = query.where(col(CaseRow.reference).in_(_in_state(mijlpaal, toestand)))
    if te_laat is not None:
        late = col(CaseRow.reference).in_(_late(office.clock.today()))
        query = query.where(late if te_laat else ~late)
    if changed_since is not None:
        changed = select(JournalRow.case_reference).where(col(JournalRow.at) >= changed_since)
        query = query.where(col(CaseRow.reference).in_(changed))
    with reading(office.engine) as session:
        count = session.exec(select(func.count()).select_from(query.subquery())).one()
        rows = session.exec(
            query.order_by(col(CaseRow.opened_at), col(CaseRow.reference))
            .offset((page - 1) * size)
            .limit(size)
        ).all()
    results = [
        {
            "zaak": row.reference,
            "gemeentecode": row.municipality,
            "geopend_op": row.opened_at.isoformat(timespec="seconds"),
        }
        for row in rows
    ]
    return answer(CasePage, {**page_of(request, count, page, size), "results": results})


@router.get("/v1/zaken/{reference}", response_model=CaseState)
def read_case(reference: str, caller: TheCaller, office: TheOffice, purpose: ThePurpose) -> Response:
    """Lees waar een zaak is, welke termijnen lopen en wat er nu kan."""
    check_may(caller, "lezen")
    with reading(office.engine) as session:
        row = visible_case(session, reference, caller)
        case, _ = load_case(session, reference)
    office.looks.note(reference, row.municipality, purpose)
    return answer(CaseState, _shown(office, CaseView(reference, row.municipality, case, (), {})))


@router.get("/v1/zaken/{reference}/journaal", response_model=JournalPage, responses=CSV)
def read_journal(
    request: Request,
    reference: str,
    caller: TheCaller,
    office: TheOffice,
    purpose: ThePurpose,
    formaat: Format = None,
    page: PageNumber = 1,
    size: PageSize = 500,
) -> Response:
    """Lees het journaal van een zaak, de oudste regel eerst."""
    check_may(caller, "lezen")
    whole = wants_csv(request, formaat)
    query = select(JournalRow).where(JournalRow.case_reference == reference).order_by(col(JournalRow.number))
    part = query if whole else query.where(JournalRow.number > (page - 1) * size).limit(size)
    with reading(office.engine) as session:
        row = visible_case(session, reference, caller)
        lines = session.exec(part).all()
    office.looks.note(reference, row.municipality, purpose)
    if whole:
        return csv_answer(to_csv(_JOURNAL_HEADS, map(_cells, lines)), "journaal.csv")
    numbers = page_of(request, row.steps, page, size)
    return answer(
        JournalPage, {"zaak": reference, **numbers, "journaal": [journal_line(line) for line in lines]}
    )


def _cells(row: JournalRow) -> dict[str, Any]:
    line = journal_line(row)
    return line | {f"door_{name}": value for name, value in line["door"].items()}


@router.get("/v1/zaken/{reference}/groei", response_model=GrowthReport)
def read_growth(reference: str, caller: TheCaller, office: TheOffice, purpose: ThePurpose) -> Response:
    """Lees hoe de scores van het meetinstrument groeiden, per thema."""
    check_may(caller, "lezen")
    measured = select(JournalRow).where(
        JournalRow.case_reference == reference,
        col(JournalRow.event).in_(("meting_gedaan", "evaluatie_gedaan")),
    )
    with reading(office.engine) as session:
        row = visible_case(session, reference, caller)
        lines = session.exec(measured.order_by(col(JournalRow.number))).all()
    office.looks.note(reference, row.municipality, purpose)
    return answer(GrowthReport, {"zaak": reference, "groei": list(growth_rows(lines))})


@router.post("/v1/zaken/{reference}/gebeurtenissen", status_code=201, response_model=CaseState)
def take_event(
    request: Request,
    reference: str,
    new: NewEvent,
    caller: TheCaller,
    office: TheOffice,
    key: IdempotencyKey = None,
) -> Response:
    """Meld een gebeurtenis."""
    # Asked before the case, so that the answer is the same where there is none.
    if new.gebeurtenis in REPORTABLE:
        check_may(caller, new.gebeurtenis)

    content = ["POST gebeurtenissen", reference, _content(new)]
    if not reference.isprintable() or new.gebeurtenis not in REPORTABLE:

        def work(session: Session) -> tuple[int, dict[str, Any]]:
            visible_case(session, reference, caller)
            _no_such_event(session, reference)

        return _respond(request, caller, answer_once(office, caller.client_id, key, content, work))
    given = EventReport(
        reference=reference,
        event=new.gebeurtenis,
        process=new.mijlpaal,
        on=new.op,
        data=new.gegevens,
        event_id=_journal_id(office, caller, key),
        person=new.medewerker,
        sees=caller.sees,
        whole=True,
        actor=_named(new.medewerker),
    )

    def body_of(receipt: Receipt) -> dict[str, Any]:
        return case_answer(office, receipt)

    return _respond(request, caller, report_once(office, caller.client_id, key, content, given, body_of))


@router.get("/v1/zaken/{reference}/verwijzingen", response_model=References)
def read_references(reference: str, caller: TheCaller, office: TheOffice, purpose: ThePurpose) -> Response:
    """Lees hoe andere systemen een zaak noemen."""
    check_may(caller, "lezen")
    with reading(office.engine) as session:
        row = visible_case(session, reference, caller)
        found = list(references_of(session, reference))
    office.looks.note(reference, row.municipality, purpose)
    return answer(References, {"zaak": reference, "verwijzingen": found})


@router.post("/v1/zaken/{reference}/verwijzingen", status_code=201, response_model=References)
def add_case_reference(
    request: Request,
    reference: str,
    new: NewReference,
    caller: TheCaller,
    office: TheOffice,
    key: IdempotencyKey = None,
) -> Response:
    """Onthoud hoe een ander systeem een zaak noemt: een nummer of een zaak-URL."""
    check_may(caller, "verwijzen")

    def work(session: Session) -> tuple[int, dict[str, Any]]:
        row = visible_case(session, reference, caller)
        marked = add_reference(session, office, row, new.verwijzing, office.clock.now())
        session.flush()
        found = list(references_of(session, reference))
        return 201, {"zaak": reference, "verwijzingen": found, **_remarks([marked])}

    content = ["POST verwijzingen", reference, _content(new)]
    status, body, repeated = answer_once(office, caller.client_id, key, content, work)
    if not caller.may(READ):
        body = {**body, "verwijzingen": [new.verwijzing]}
    return _located(request, References, status, body, repeated=repeated)


def _named(person: str | None) -> Actor:
    """Return the medewerker whom a client names, or the client itself."""
    return acting() if person is None else Actor(ActorKind.PERSON, person, Way.API)


def visible_case(session: Session, reference: str, caller: Caller) -> CaseRow:
    """Return a case that this client may see; any other does not exist for it."""
    row = session.get(CaseRow, reference) if reference.isprintable() else None
    if row is None or not caller.sees(row.municipality):
        raise Problem(404, NO_CASE, kind="onbekende-zaak")
    return row


def case_answer(office: Office, receipt: Receipt) -> dict[str, Any]:
    """Return where a case is after something was accepted; `readable` shows it to who may read."""
    return _shown(office, CaseView(receipt.reference, receipt.municipality, receipt.case, (), {}))


def readable(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """Return what a caller may know of an answer about a case: without the right to read, only what he can report."""
    if caller.may(READ):
        return body
    emptied = {
        name: type(value)()
        for name, value in body.items()
        if name in _TELLS and isinstance(value, dict | list)
    }
    possible = [name for name in body.get("mogelijke_gebeurtenissen", ()) if caller.may(name)]
    return {**body, **emptied, "mogelijke_gebeurtenissen": possible}


def _shown(office: Office, view: CaseView) -> dict[str, Any]:
    shown = case_as_json(view, office.clock.today(), office.rules_for(view.municipality), journal=False)
    possible = dict.fromkeys(name for process in view.case.processes for name in possible_now(process))
    return {**shown, "mogelijke_gebeurtenissen": list(possible)}


def _in_state(code: str | None, state: str | None) -> Any:
    """Return the cases with a mijlpaal that is open, or in a state; a state says more than open."""
    query = select(ProcessRow.case_reference)
    if code is not None:
        query = query.where(ProcessRow.code == code)
    return query.where(ProcessRow.state == state if state is not None else col(ProcessRow.closed).is_(False))


def _late(today: date) -> Any:
    """Return the cases with a term that runs and is over."""
    return (
        select(ProcessRow.case_reference)
        .join(TimerRow, col(TimerRow.process_id) == col(ProcessRow.id))
        .where(
            col(TimerRow.due) < today,
            col(TimerRow.stopped).is_(None),
            col(TimerRow.suspended_since).is_(None),
        )
    )


def _remarks(marked: list[bool]) -> dict[str, list[str]]:
    return {"opmerkingen": [KEPT_AS_MARK]} if any(marked) else {}


def _known_by_name(session: Session, reference: str, caller: Caller) -> CaseRow | None:
    """Return the case that an opening names; None for a new name, which is never one that we could have made."""
    row = session.get(CaseRow, reference)
    if row is not None and caller.sees(row.municipality):
        return row
    if row is None and not is_own_form(reference):
        return None
    taken = Problem(409, "Deze referentie is al in gebruik.")
    refusal = Problem(404, NO_CASE, kind="onbekende-zaak") if is_own_form(reference) else taken
    raise refusal if caller.may(READ) else HeldBack(refusal.detail)


def _no_such_event(session: Session, reference: str) -> NoReturn:
    """Refuse without repeating what was sent: it may be anything."""
    case, _ = load_case(session, reference)
    possible = dict.fromkeys(name for process in case.processes for name in possible_now(process))
    raise NotPossible("Deze gebeurtenis bestaat niet.", possible)


def _pseudonym(office: Office, new: NewCase) -> str | None:
    if new.burgerservicenummer is None:
        return None
    place = new.gemeentecode or office.settings.municipality
    return person_keys_for(office.settings, place)[0].of(new.burgerservicenummer)


def _content(new: NewCase | NewEvent | NewReference) -> Any:
    content = new.model_dump(mode="json")
    # A field of a later version leaves a repeat of an earlier request the same.
    return {name: value for name, value in content.items() if name != "medewerker" or value is not None}


def _journal_id(office: Office, caller: Caller, key: str | None) -> str | None:
    """Return the id of the event in the journal: not the key itself, which a caller may make of anything."""
    return f"api:{caller.client_id}:{hashed(office, key_in_header(key))[:32]}" if key is not None else None


def _respond(request: Request, caller: Caller, answered: tuple[int, dict[str, Any], bool]) -> Response:
    status, body, repeated = answered
    return _located(request, CaseState, status, readable(caller, body), repeated=repeated)


def _located(
    request: Request, model: type[Answered], status: int, body: dict[str, Any], *, repeated: bool
) -> Response:
    reach(Checkpoint.API_COMMITTED)
    headers = {"Location": case_address(request, body["zaak"])} if body["zaak"] else {}
    return answer(model, body, status, headers=headers, repeated=repeated)
