"""Parts of the open work: what is somebody's, and one page of everything. The database filters, sorts and cuts.

`read_workload` reads all of a municipality; a page that somebody opens reads no more than it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlmodel import col

from adapters.cases.caseload import GUIDANCE, deputy_for
from adapters.oversight.workload import PROCESS_COLUMNS, WorkItem, work_item
from adapters.storage.database import ProcessRow, TimerRow, reading, table_of
from adapters.storage.facts import FactText
from adapters.storage.message_tables import DeliveryRow
from adapters.storage.one_of import OneOf
from adapters.storage.page_tables import FollowUpRow
from milestones.definition import OFFERED, RETURNED
from milestones.definitions import VERSIONS
from milestones.term_table import TERMS
from milestones.terms import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Table
    from sqlmodel import Session

    from adapters.cases.caseload import AwayToday
    from adapters.oversight.workload import WorkloadOffice

_DUTIES = tuple(term.id for term in TERMS.values() if term.kind is Kind.DUTY)
_ON_PARTNER = tuple(
    dict.fromkeys(
        (definition.code, state.code)
        for definition in VERSIONS
        for state in definition.states
        if state.waits_on_partner
    )
)
_process = table_of(ProcessRow)
_guidance = table_of(ProcessRow).alias("guidance")
_OPEN = col(ProcessRow.closed).is_(False)
_NAMED = FactText(col(ProcessRow.facts), "houder")
_THREATENED = func.coalesce(col(ProcessRow.facts)["bedreigende_situatie"].as_boolean(), false())


def _runs_as_duty(timer: Table) -> tuple[ColumnElement[bool], ...]:
    return timer.c.stopped.is_(None), timer.c.due.is_not(None), timer.c.term.in_(_DUTIES)


def _duty_ends() -> Any:
    """Return the first last day of a duty, of each process that has one."""
    timer = table_of(TimerRow)
    return (
        select(timer.c.process_id, func.min(timer.c.due).label("due"))
        .where(*_runs_as_duty(timer))
        .group_by(timer.c.process_id)
        .subquery("ends")
    )


def _contacts(people: Collection[str]) -> Any:
    """Return the cases of which one of these people is the contact."""
    return select(_guidance.c.case_reference).where(
        _guidance.c.code == GUIDANCE,
        _guidance.c.closed.is_(False),
        FactText(_guidance.c.facts, "contactpersoon").in_(people),
    )


def _held_by(people: Collection[str]) -> ColumnElement[bool]:
    return or_(
        _NAMED.in_(people),
        and_(_NAMED.is_(None), col(ProcessRow.case_reference).in_(_contacts(people))),
    )


def _has_contact() -> ColumnElement[bool]:
    return exists().where(
        _guidance.c.case_reference == col(ProcessRow.case_reference),
        _guidance.c.code == GUIDANCE,
        _guidance.c.closed.is_(False),
        FactText(_guidance.c.facts, "contactpersoon").is_not(None),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see of the open work.

    `only` is a key of ONLY, `order` one of ORDERS; `person` who holds it, `code` a mijlpaal. `sees` are the
    gemeentecodes whose cases exist for him, None for all.
    """

    sees: frozenset[str] | None
    viewer: str = ""
    only: str = ""
    order: str = ""
    person: str = ""
    code: str = ""
    begin: int = 0
    most: int = 100


Condition = Callable[[date, str, Any], "ColumnElement[bool]"]

ONLY: Mapping[str, tuple[str, Condition | None]] = MappingProxyType(
    {
        "": ("Alles", None),
        "te-laat": ("Te laat", lambda today, _, ends: ends.c.due < today),
        "deze-week": (
            "Deze week",
            lambda today, _, ends: ends.c.due.between(today, today + timedelta(days=6 - today.weekday())),
        ),
        "crisis": ("Crisis", lambda *_: _THREATENED),
        "zonder-eigenaar": ("Zonder eigenaar", lambda *_: and_(_NAMED.is_(None), ~_has_contact())),
        "aangeboden": ("Wacht op overdracht", lambda *_: col(ProcessRow.state) == OFFERED),
        "teruggegeven": ("Teruggegeven", lambda *_: col(ProcessRow.state) == RETURNED),
        "partner": (
            "Wacht op partner",
            lambda *_: tuple_(col(ProcessRow.code), col(ProcessRow.state)).in_(_ON_PARTNER),
        ),
        "opvolgen": (
            "Wat ik zelf opvolg",
            lambda _, viewer, __: col(ProcessRow.case_reference).in_(
                select(table_of(FollowUpRow).c.case_reference).where(table_of(FollowUpRow).c.person == viewer)
            ),
        ),
    }
)
ORDERS: Mapping[str, str] = MappingProxyType(
    {
        "": "Datum, crisis bovenaan",
        "wie": "Medewerker",
        "mijlpaal": "Mijlpaal",
        "oud": "Oudste eerst",
        "zaak": "Zaaknummer",
    }
)


def read_page(office: WorkloadOffice, asked: Asked) -> tuple[list[WorkItem], int]:
    """Return one page of the open work in the order asked for, and how many there are in all."""
    today, ends = office.clock.today(), _duty_ends()
    conditions: list[ColumnElement[bool]] = [_OPEN]
    if asked.sees is not None:
        conditions.append(col(ProcessRow.municipality).in_(asked.sees))
    if asked.person:
        conditions.append(_held_by((asked.person,)))
    if asked.code:
        conditions.append(col(ProcessRow.code) == asked.code)
    only = ONLY[asked.only][1]
    if only is not None:
        conditions.append(only(today, asked.viewer, ends))
    needs_end = asked.only in ("te-laat", "deze-week")
    joined = _process.outerjoin(ends, ends.c.process_id == _process.c.id)
    counted: Select[Any] = select(func.count()).select_from(joined if needs_end else _process)
    rows: Select[Any] = (
        select(*PROCESS_COLUMNS)
        .select_from(joined)
        .where(*conditions)
        .order_by(*_order(asked.order, ends))
        .offset(asked.begin)
        .limit(asked.most)
    )
    with reading(office.engine) as session:
        total = session.execute(counted.where(*conditions)).scalar_one()
        return _items(office, session, office.away_today(session), session.execute(rows).all()), int(total)


def _order(order: str, ends: Any) -> tuple[Any, ...]:
    by_day = (case((ends.c.due.is_(None), 1), else_=0), ends.c.due, col(ProcessRow.case_reference))
    first: Mapping[str, tuple[Any, ...]] = {
        "wie": (func.coalesce(_NAMED, ""),),
        "mijlpaal": (col(ProcessRow.code),),
        "oud": (col(ProcessRow.opened_on),),
        "zaak": (col(ProcessRow.case_reference),),
        "": (case((_THREATENED, 0), else_=1),),
    }
    return (*first[order], *by_day, col(ProcessRow.id))


@dataclass(frozen=True, slots=True)
class Piece:
    """As much of an open process as its place in a list takes; `read_items` gives the rest of what is shown."""

    id: int
    reference: str
    municipality: str
    threatened: bool
    due: date | None


@dataclass(frozen=True, slots=True)
class OwnWork:
    """What is somebody's: what he must answer, what came back to who divides, and what he has."""

    offered: tuple[Piece, ...]
    returned: tuple[Piece, ...]
    held: tuple[Piece, ...]


def read_own(
    session: Session,
    away: AwayToday,
    sees: frozenset[str] | None,
    me: str,
    people: frozenset[str],
    *,
    asks: str,
    divides: bool,
) -> OwnWork:
    """Return the open work of somebody: of himself, of his team (`people`), and of those whom he stands in for.

    `sees` are the gemeentecodes whose cases exist for him, None for all. `asks` is the kind of message that asks to
    accept a hand-off; who `divides` gets what came back.
    """
    others = _stood_in_for(away, sees, me)
    given = {"people": [*people], "held_by": [*people | others], "asks": asks}
    rows = session.execute(
        _own_work(everywhere=sees is None, divides=divides),
        given if sees is None else {**given, "sees": [*sees]},
    )
    found: dict[str, dict[int, Piece]] = {_OFFERED: {}, _RETURNED: {}, _HELD: {}}
    for kind, id_, reference, municipality, threatened, holder, due in rows:
        # Somebody may be away in one gemeente and not in another.
        if kind == _HELD and holder not in people and deputy_for(holder, away.at(municipality)) != me:
            continue
        found[kind][id_] = Piece(id_, reference, municipality, threatened, due)
    return OwnWork(*(tuple(pieces.values()) for pieces in found.values()))


_OFFERED, _RETURNED, _HELD = "offered", "returned", "held"


@cache
def _own_work(*, everywhere: bool, divides: bool) -> Select[Any]:
    """Ask for all that is somebody's: what is offered to him, what came back, and what he holds.

    Who is named holds a process; where nobody is, the contact of the case does. Those are two questions: in one
    the database reads all that nobody holds.
    """
    delivery, timer = table_of(DeliveryRow), table_of(TimerRow)
    contact = FactText(_guidance.c.facts, "contactpersoon")
    asked = select(delivery.c.process_id).where(
        delivery.c.kind == bindparam("asks"),
        OneOf(delivery.c.recipient, "people"),
    )

    def part(kind: str, holder: Any) -> Select[Any]:
        found = select(
            literal(kind).label("kind"),
            _process.c.id,
            _process.c.case_reference,
            _process.c.municipality,
            _THREATENED.label("threatened"),
            holder.label("holder"),
        ).where(_OPEN)
        return found if everywhere else found.where(OneOf(_process.c.municipality, "sees"))

    parts = [
        part(_OFFERED, null()).where(_process.c.state == OFFERED, _process.c.id.in_(asked)),
        part(_HELD, _NAMED).where(OneOf(_NAMED, "held_by")),
        part(_HELD, contact)
        .join(_guidance, _guidance.c.case_reference == _process.c.case_reference)
        .where(
            _guidance.c.code == GUIDANCE,
            _guidance.c.closed.is_(False),
            OneOf(contact, "held_by"),
            _NAMED.is_(None),
        ),
    ]
    if divides:
        parts.append(part(_RETURNED, null()).where(_process.c.state == RETURNED))
    mine = union_all(*parts).subquery("mine")
    due = (
        select(func.min(timer.c.due))
        .where(timer.c.process_id == mine.c.id, *_runs_as_duty(timer))
        .scalar_subquery()
    )
    return select(*mine.c, due)


def _stood_in_for(away: AwayToday, sees: frozenset[str] | None, me: str) -> frozenset[str]:
    """Return the people for whom somebody stands in today, in any of these gemeenten."""
    places = {"", *away.declared}
    found: set[str] = set()
    for place in places if sees is None else places & {"", *sees}:
        here = away.at(place)
        found |= {person for person in here if deputy_for(person, here) == me}
    return frozenset(found)


def read_items(
    office: WorkloadOffice, session: Session, away: AwayToday, ids: Collection[int]
) -> dict[int, WorkItem]:
    """Return all that is shown of these processes, by their number."""
    rows = session.execute(_THESE, {"ids": [*ids]}).all() if ids else []
    return dict(zip((row.id for row in rows), _items(office, session, away, rows), strict=True))


# --- rows into items ------------------------------------------------------------------------------------------


_THESE: Select[Any] = select(*PROCESS_COLUMNS).where(OneOf(_process.c.id, "ids"))
_TIMER = table_of(TimerRow)
_DUTIES_OF = select(_TIMER.c.process_id, _TIMER.c.term, _TIMER.c.due).where(
    OneOf(_TIMER.c.process_id, "ids"), *_runs_as_duty(_TIMER)
)
_CONTACTS_OF = select(_guidance.c.case_reference, FactText(_guidance.c.facts, "contactpersoon")).where(
    OneOf(_guidance.c.case_reference, "references"),
    _guidance.c.code == GUIDANCE,
    _guidance.c.closed.is_(False),
)


def _items(
    office: WorkloadOffice, session: Session, away_today: AwayToday, rows: Sequence[Any]
) -> list[WorkItem]:
    """Return these rows as items, in their order, with their first duty, who has them and who stands in."""
    terms = session.execute(_DUTIES_OF, {"ids": [row.id for row in rows]})
    first: dict[int, tuple[date, str]] = {}
    for process_id, term, due in terms:
        first[process_id] = min(first.get(process_id, (date.max, "")), (due, term))
    unnamed = {row.case_reference for row in rows if not row.facts.get("houder")}
    contacts: dict[str, Any] = {}
    if unnamed:
        contacts = dict(session.execute(_CONTACTS_OF, {"references": [*unnamed]}).tuples().all())
    places = {row.municipality for row in rows}
    away = {place: away_today.at(place) for place in places}
    policies = {place: office.rules_for(place).policy for place in places}
    return [
        work_item(
            row,
            policies[row.municipality],
            first.get(row.id),
            contacts.get(row.case_reference),
            away[row.municipality],
        )
        for row in rows
    ]
