"""How long we keep what: messages and events for a year, a case for its legal term, and nothing open ever goes.

The end of a case starts an archive term (T61 or T62, Selectielijst). When it is over the case stands on the list of
what may be destroyed. A municipality that has decided so lets it be removed as well, journal included; without that
decision the list only grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Table, delete, exists, func, or_
from sqlmodel import SQLModel, col, select

import adapters.cases.cancellations
import adapters.oversight.quality  # noqa: F401  # with these every table is known
from adapters.cases.store import lock_case
from adapters.operations.chain_heads import note_removed
from adapters.storage.database import CaseRow, OutboxRow, ProcessRow, TimerRow, reading, writing
from adapters.storage.exchange_tables import InboxRow, OutgoingEventRow, PostbakRow, WebhookDeliveryRow
from adapters.storage.message_tables import DeliveryRow, DeliveryState, HandoffLinkRow
from adapters.storage.oversight_tables import ShownRow
from milestones.process import TermOutcome
from milestones.vocabulary import ARCHIVE_TERMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.office import Office

_BATCH = 500  # rows that go in one transaction, so that nobody waits long for the database


@dataclass(frozen=True, slots=True)
class Destroyable:
    """A case whose archive term is over."""

    reference: str
    municipality: str
    term: str
    over_on: date


@dataclass(frozen=True, slots=True)
class Removed:
    """What a round removed, in rows or cases, and how many cases may be destroyed."""

    rows: int
    cases: int
    destroyable: int


def forget(office: Office) -> Removed:
    """Do one round: remove what has had its time; `remove_cases_after_term` decides about whole cases."""
    rows = sum(_forget_done(office)) + office.looks.forget(office.settings.keep_looks_days)
    due = destroyable(office)
    removed = 0
    if office.settings.remove_cases_after_term:
        removed = sum(remove_case(office, case.reference) for case in due)
    return Removed(rows, removed, len(due) - removed)


# --- what is done ---------------------------------------------------------------------------------------------


def _forget_done(office: Office) -> Iterator[int]:
    """Remove messages, events and post that were dealt with long ago; yields the number of rows."""
    before = office.clock.now() - timedelta(days=office.settings.keep_messages_days)
    engine = office.engine
    ended = exists().where(
        col(ProcessRow.id) == col(DeliveryRow.process_id), col(ProcessRow.finished).is_(True)
    )
    link_of = col(HandoffLinkRow.delivery_id) == col(DeliveryRow.id)
    # An undeliverable message asks for a person, for as long as its process lasts.
    done = or_(
        col(DeliveryRow.state).in_(
            [DeliveryState.DELIVERED, DeliveryState.NEXT_CHANNEL, DeliveryState.DROPPED]
        ),
        (col(DeliveryRow.state) == DeliveryState.UNDELIVERABLE) & ended,
    )
    old = (done, col(DeliveryRow.created_at) < before)
    yield _delete(
        engine,
        HandoffLinkRow,
        HandoffLinkRow.id,
        col(HandoffLinkRow.expires_at) < office.clock.now(),
        exists().where(link_of, *old),
    )
    yield _delete(engine, DeliveryRow, DeliveryRow.id, *old, ~exists().where(link_of))
    yield _delete(
        engine,
        OutboxRow,
        OutboxRow.id,
        col(OutboxRow.done_at) < before,
        ~exists().where(col(DeliveryRow.outbox_id) == col(OutboxRow.id)),
    )
    of_event = col(WebhookDeliveryRow.event_number) == col(OutgoingEventRow.number)
    on_its_way = exists().where(of_event, col(WebhookDeliveryRow.next_at).is_not(None))
    published = (
        col(OutgoingEventRow.published_at) < before,
        ~on_its_way,
    )
    yield _delete(engine, WebhookDeliveryRow, WebhookDeliveryRow.id, exists().where(of_event, *published))
    yield _delete(
        engine, OutgoingEventRow, OutgoingEventRow.number, col(OutgoingEventRow.published_at) < before,
        ~exists().where(of_event),
    )  # fmt: skip
    yield _delete(engine, InboxRow, InboxRow.id, col(InboxRow.done_at) < before)
    yield _delete(engine, PostbakRow, PostbakRow.id, col(PostbakRow.closed_at) < before)
    finished = exists().where(
        col(ProcessRow.id) == col(ShownRow.process_id), col(ProcessRow.finished).is_(True)
    )
    yield _delete(engine, ShownRow, ShownRow.process_id, finished)


def _delete(engine: Engine, table: type[SQLModel], key: Any, *conditions: ColumnElement[bool]) -> int:
    """Delete the rows that meet all conditions, some at a time; give how many."""
    total = 0
    while True:
        with writing(engine) as session:
            keys = session.exec(select(key).where(*conditions).limit(_BATCH)).all()
            if keys:
                session.execute(delete(table).where(col(key).in_(keys)))
        total += len(keys)
        if len(keys) < _BATCH:
            return total


# --- cases ----------------------------------------------------------------------------------------------------


def destroyable(office: Office) -> list[Destroyable]:
    """Return the cases that may be destroyed: all has ended, and so has the last archive term."""
    with reading(office.engine) as session:
        rows = session.exec(
            select(
                CaseRow.reference, CaseRow.municipality, func.max(TimerRow.term), func.max(TimerRow.ended_on)
            )
            .join(ProcessRow, col(ProcessRow.case_reference) == col(CaseRow.reference))
            .join(TimerRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(
                col(TimerRow.term).in_(ARCHIVE_TERMS),
                col(TimerRow.stopped) == TermOutcome.ELAPSED,
                *_nothing_open(),
            )
            .group_by(col(CaseRow.reference), col(CaseRow.municipality))
            .order_by(func.max(TimerRow.ended_on), col(CaseRow.reference))
        ).all()
    return [
        Destroyable(reference, municipality, term, over_on)
        for reference, municipality, term, over_on in rows
        if over_on is not None
    ]


def _nothing_open() -> tuple[ColumnElement[bool], ...]:
    """Say of a case that no process, term, effect or message of it is open."""
    process = ProcessRow.__table__.alias()  # type: ignore[attr-defined]
    its = process.c.case_reference == CaseRow.reference
    timer = TimerRow.__table__.alias()  # type: ignore[attr-defined]
    return (
        ~exists().where(its, or_(process.c.closed.is_(False), process.c.finished.is_(False))),
        ~exists().where(its, timer.c.process_id == process.c.id, timer.c.stopped.is_(None)),
        ~exists().where(
            col(OutboxRow.case_reference) == col(CaseRow.reference), col(OutboxRow.done_at).is_(None)
        ),
        ~exists().where(
            col(DeliveryRow.case_reference) == col(CaseRow.reference),
            col(DeliveryRow.state) == DeliveryState.WAITING,
        ),
    )


def remove_case(office: Office, reference: str) -> bool:
    """Remove a case from every table, in one transaction; False when something of it is open after all."""
    with writing(office.engine) as session:
        lock_case(session, reference)
        query = select(CaseRow.reference).where(CaseRow.reference == reference, *_nothing_open())
        if session.exec(query).first() is None:
            return False
        for table in reversed(SQLModel.metadata.sorted_tables):
            _remove_from(session, table, reference)
        note_removed(session, office.settings, reference)
        return True


def _remove_from(session: Session, table: Table, reference: str) -> None:
    """Remove what a table holds of a case: by its reference, its processes, or its events."""
    columns = table.c
    if "case_reference" in columns:
        session.execute(delete(table).where(columns.case_reference == reference))
    elif "process_id" in columns:
        mine = select(ProcessRow.id).where(ProcessRow.case_reference == reference)
        session.execute(delete(table).where(columns.process_id.in_(mine)))
    elif "event_number" in columns:
        events = select(OutgoingEventRow.number).where(OutgoingEventRow.case_reference == reference)
        session.execute(delete(table).where(columns.event_number.in_(events)))
    elif table.name == CaseRow.__tablename__:
        session.execute(delete(table).where(columns.reference == reference))
