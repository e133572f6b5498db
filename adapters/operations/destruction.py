"""Destroy cases whose archive term is over, after a person approved it, and leave a record that can be checked.

The end of a case starts an archive term (T61 or T62, Selectielijst). When it is over the case stands on the list. A
person approves; what is approved is taken out of every table in one transaction, and a signed record takes its place:
who approved, when, and the last hash of its journal. The same record stands in a file outside the database, so that a
backup that is put back does not bring back what was destroyed. Who has to keep a case, such as for a court, holds it:
then it is not on the list.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import astuple, dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Table, Text, cast, delete, exists, func, or_, text, true, update
from sqlalchemy import select as columns
from sqlmodel import SQLModel, col, select

import adapters.cases.cancellations
import adapters.oversight.quality  # noqa: F401  # with these every table is known
from adapters.cases.store import UnknownCaseError, lock_case
from adapters.exchange.references import ending_of, references_of
from adapters.messages.page_keys import KeyKind
from adapters.operations.destruction_records import case_mark, case_marks, record_of, write_outside
from adapters.oversight.basic_service import read_basic_service, scores_to_keep
from adapters.oversight.monitor import WEEKS_COUNTED, cells_to_keep, read_monitor, read_period
from adapters.oversight.periods import Period, quarter_of, year_of
from adapters.oversight.quality_trend import read_trend, trend_to_keep
from adapters.runtime.actor import ActorKind, acting
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.privacy import may_tell_of_a_person
from adapters.storage.database import CaseRow, OutboxRow, ProcessRow, TimerRow, reading, table_of, writing
from adapters.storage.destruction_tables import ApprovalRow, DestroyedRow, HoldRow, KeptFiguresRow
from adapters.storage.exchange_tables import (
    AnswerRow,
    InboxRow,
    OutgoingEventRow,
    PostbakRow,
)
from adapters.storage.message_tables import DeliveryRow, DeliveryState
from adapters.storage.oversight_tables import LookRow
from adapters.storage.page_tables import PageKeyRow
from milestones.process import InvalidData, NotPossible, TermOutcome
from milestones.terms import add_months
from milestones.vocabulary import ARCHIVE_TERMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.office import Office
    from adapters.runtime.actor import Actor

BY_SETTING = "instelling ROUTEKAART_REMOVE_CASES_AFTER_TERM"
"""Who approved where the municipality decided once for all cases."""
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Destroyable:
    """A case whose archive term is over."""

    reference: str
    municipality: str
    term: str
    over_on: date
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """What has to be removed elsewhere of a case that is about to go: its reference and its flow runs."""

    reference: str
    flow_runs: tuple[str, ...]


# --- the list -------------------------------------------------------------------------------------------------


def destroyable(office: Office, municipality: str | None = None) -> list[Destroyable]:
    """Return the cases that may be destroyed: all has ended, so has the last archive term, and nobody holds them."""
    with reading(office.engine) as session:
        query = (
            columns(
                col(CaseRow.reference),
                col(CaseRow.municipality),
                func.max(col(TimerRow.term)),
                func.max(col(TimerRow.ended_on)),
                func.max(col(ApprovalRow.approved_by)),
            )
            .join(ProcessRow, col(ProcessRow.case_reference) == col(CaseRow.reference))
            .join(TimerRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .join(ApprovalRow, col(ApprovalRow.case_reference) == col(CaseRow.reference), isouter=True)
            .where(
                col(TimerRow.term).in_(ARCHIVE_TERMS),
                col(TimerRow.stopped) == TermOutcome.ELAPSED,
                *_nothing_open(),
            )
            .group_by(col(CaseRow.reference), col(CaseRow.municipality))
            .order_by(func.max(TimerRow.ended_on), col(CaseRow.reference))
        )
        if municipality is not None:
            query = query.where(col(CaseRow.municipality) == municipality)
        rows = session.execute(query).all()
    return [
        Destroyable(reference, place, term, over_on, approved_by)
        for reference, place, term, over_on, approved_by in rows
        if over_on is not None
    ]


def _nothing_open() -> tuple[ColumnElement[bool], ...]:
    """Say of a case that no process, term, effect or message of it is open, and that nobody holds it."""
    process = table_of(ProcessRow).alias()
    its = process.c.case_reference == CaseRow.reference
    timer = table_of(TimerRow).alias()
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
        ~exists().where(
            col(HoldRow.case_reference) == col(CaseRow.reference), col(HoldRow.lifted_at).is_(None)
        ),
    )


def approve(office: Office, references: Sequence[str]) -> int:
    """Note that who acts now approves that these cases are destroyed; give how many were not approved yet.

    All of them or none: a case that is not on the list, or somebody whom nobody knows, is NotPossible.
    """
    who = known_actor()
    listed = {case.reference: case for case in destroyable(office)}
    if strange := sorted(set(references) - listed.keys()):
        raise NotPossible(f"Zaak {strange[0]} staat niet op de vernietigingslijst; er is niets goedgekeurd.")
    new = [reference for reference in dict.fromkeys(references) if listed[reference].approved_by is None]
    with writing(office.engine) as session:
        for reference in new:
            session.merge(
                ApprovalRow(case_reference=reference, approved_at=office.clock.now(), approved_by=who)
            )
    return len(new)


def withdraw(office: Office, reference: str) -> None:
    """Take an approval back, as long as the case is there; without one it is NotPossible."""
    known_actor()
    with writing(office.engine) as session:
        row = session.get(ApprovalRow, reference)
        if row is None:
            raise NotPossible(f"Zaak {reference} is niet goedgekeurd voor vernietiging.")
        session.delete(row)


def known_actor() -> str:
    """Return who acts, as it is written down: somebody who can be asked about it later; else NotPossible."""
    actor = acting()
    if actor.kind not in (ActorKind.PERSON, ActorKind.OPERATOR) or actor.code is None:
        raise NotPossible("Alleen een medewerker die bekend is, mag dit doen.")
    return actor_text(actor)


def actor_text(actor: Actor) -> str:
    """Return an actor as these tables keep it."""
    return f"{actor.kind} {actor.code}"


# --- holding --------------------------------------------------------------------------------------------------


def hold(office: Office, reference: str, reason: str) -> None:
    """Keep a case from being destroyed, whatever its term; an approval that it had is void.

    A reason with something of a person in it is InvalidData, a case that is held already NotPossible.
    """
    who, why = known_actor(), _reason(reason)
    with writing(office.engine) as session:
        case = lock_case(session, reference)
        if _open_hold(session, reference) is not None:
            raise NotPossible(f"Zaak {reference} wordt al bewaard.")
        session.execute(delete(ApprovalRow).where(col(ApprovalRow.case_reference) == reference))
        session.add(
            HoldRow(
                case_reference=reference,
                municipality=case.municipality,
                reason=why,
                set_at=office.clock.now(),
                set_by=who,
            )
        )


def lift(office: Office, reference: str, reason: str) -> None:
    """Let a case go the ordinary way again; one that is not held is NotPossible."""
    who, why = known_actor(), _reason(reason)
    with writing(office.engine) as session:
        lock_case(session, reference)
        row = _open_hold(session, reference)
        if row is None:
            raise NotPossible(f"Zaak {reference} wordt niet bewaard.")
        row.lifted_at, row.lifted_by, row.lifted_because = office.clock.now(), who, why
        session.add(row)


def holds(office: Office, reference: str | None = None) -> Sequence[HoldRow]:
    """Return what is held now, or all that was ever said about one case, the oldest first."""
    query = select(HoldRow).order_by(col(HoldRow.id))
    query = query.where(
        col(HoldRow.lifted_at).is_(None) if reference is None else HoldRow.case_reference == reference
    )
    with reading(office.engine) as session:
        return session.exec(query).all()


def _open_hold(session: Session, reference: str) -> HoldRow | None:
    return session.exec(
        select(HoldRow).where(HoldRow.case_reference == reference, col(HoldRow.lifted_at).is_(None))
    ).first()


def _reason(given: str) -> str:
    found = " ".join(given.split())
    if not 1 < len(found) <= _LONGEST_REASON or not found.isprintable():
        raise InvalidData(f"Geef een reden van hoogstens {_LONGEST_REASON} tekens.")
    if may_tell_of_a_person(found):
        raise InvalidData(
            "De reden mag niets over een persoon zeggen: geen BSN, e-mailadres of telefoonnummer."
        )
    return found


# --- destroying -----------------------------------------------------------------------------------------------


def approved(office: Office) -> list[Gone]:
    """Return the cases that were approved and may still go, with the flow runs that show them.

    With `remove_cases_after_term` the municipality approved all of them.
    """
    everything = office.settings.remove_cases_after_term
    return [
        about(office, case.reference)
        for case in destroyable(office)
        if everything or case.approved_by is not None
    ]


def about(office: Office, reference: str) -> Gone:
    """Return what Prefect may hold of a case."""
    with reading(office.engine) as session:
        runs = {
            run
            for table in SQLModel.metadata.sorted_tables
            if {"case_reference", "flow_run_id"} <= set(table.c.keys())
            for run in session.execute(
                table.select()
                .with_only_columns(table.c.flow_run_id)
                .where(table.c.case_reference == reference)
            ).scalars()
            if run is not None
        }
    return Gone(reference, tuple(sorted(runs)))


def remove_case(office: Office, reference: str) -> bool:
    """Destroy a case in the database and leave a record; False when it may not go after all.

    Without an approval it stays, unless the municipality decided once for all cases (`remove_cases_after_term`).
    """
    by_setting = office.settings.remove_cases_after_term
    _keep_figures(office, reference)
    with writing(office.engine) as session:
        try:
            case = lock_case(session, reference)
        except UnknownCaseError:
            return False
        query = select(CaseRow.reference).where(CaseRow.reference == reference, *_nothing_open())
        approval = session.get(ApprovalRow, reference)
        if session.exec(query).first() is None or (approval is None and not by_setting):
            return False
        term, over_on = session.exec(
            select(func.max(TimerRow.term), func.max(TimerRow.ended_on))
            .join(ProcessRow, col(ProcessRow.id) == col(TimerRow.process_id))
            .where(ProcessRow.case_reference == reference, col(TimerRow.term).in_(ARCHIVE_TERMS))
        ).one()
        now = office.clock.now()
        record = record_of(
            office.settings,
            DestroyedRow(
                mark=case_mark(office.settings, reference),
                municipality=case.municipality,
                term=term or "",
                over_on=over_on,
                steps=case.steps,
                chain=case.chain,
                approved_at=now if approval is None else approval.approved_at,
                approved_by=BY_SETTING if approval is None else approval.approved_by,
                destroyed_at=now,
                signature="",
            ),
        )
        # Outside first: a line too many says of a case that it is gone, and nothing comes of it as long as it is there.
        write_outside(office.settings, record)
        _remove(session, reference, record.mark)
        session.merge(record)  # a reference that a client chose may have been used before
    return True


def _remove(session: Session, reference: str, mark: str) -> None:
    """Remove all that the tables hold of a case; who looked at it stays, under the mark."""
    _remove_mentions(session, reference)
    session.execute(
        update(LookRow).where(col(LookRow.case_reference) == reference).values(case_reference=mark)
    )
    for table in reversed(SQLModel.metadata.sorted_tables):
        if table.name != LookRow.__tablename__:
            _remove_from(session, table, reference)


def mentions(session: Session, reference: str) -> dict[str, ColumnElement[bool]]:
    """Return which rows name a case in what they say, by the name of the table: answers, post and keys."""
    others = references_of(session, reference)
    endings = {ending for other in others if (ending := ending_of(other)) is not None}
    names = [
        json.dumps(name, ensure_ascii=ascii_)[1:-1]
        for name in (reference, *others)
        for ascii_ in (True, False)
    ]

    def says(column: Any) -> ColumnElement[bool]:
        words = cast(column, Text)
        return or_(
            *(words.contains(f'"{name}"', autoescape=True) for name in names),
            *(func.lower(words).contains(ending) for ending in endings),  # however it is spelled
        )

    return {
        AnswerRow.__tablename__: says(AnswerRow.body),
        InboxRow.__tablename__: says(InboxRow.message),
        PostbakRow.__tablename__: or_(
            says(PostbakRow.candidates),
            says(PostbakRow.data),
            col(PostbakRow.subject).in_([reference, *others]),
            *(func.lower(col(PostbakRow.subject)).contains(ending) for ending in endings),
        ),
        PageKeyRow.__tablename__: (col(PageKeyRow.kind) == KeyKind.RESIDENT)
        & (col(PageKeyRow.subject) == reference),
    }


def _remove_mentions(session: Session, reference: str) -> None:
    """Remove what names a case in what it says; post that is still open only loses the name."""
    named = mentions(session, reference)
    done = {"inbox": col(InboxRow.done_at).is_not(None), "postbak": col(PostbakRow.closed_at).is_not(None)}
    for table in (AnswerRow, InboxRow, PostbakRow, PageKeyRow):
        name = str(table.__tablename__)
        session.execute(delete(table).where(named[name], done.get(name, true())))
    for row in session.exec(select(PostbakRow).where(named["postbak"])):
        row.candidates = [candidate for candidate in row.candidates if candidate != reference]
        session.add(row)
    session.flush()


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


def remove_again(office: Office, records: Sequence[DestroyedRow]) -> int:
    """Destroy again what a backup brought back, by the records outside the database; give how many cases."""
    by_mark = {record.mark: record for record in records}
    again = 0
    with reading(office.engine) as session:
        cases = session.exec(select(CaseRow.reference, CaseRow.opened_at)).all()
    for reference, opened_at in cases:
        found = [
            by_mark[mark]
            for mark in case_marks(office.settings, reference)
            # One that was opened under the same reference since is another case.
            if mark in by_mark and opened_at < by_mark[mark].destroyed_at
        ]
        if not found:
            continue
        with writing(office.engine) as session:
            lock_case(session, reference)
            _remove(session, reference, found[0].mark)
        again += 1
    with writing(office.engine) as session:
        for record in records:
            if session.get(DestroyedRow, record.mark) is None:
                session.add(DestroyedRow(**record.model_dump()))
    return again


def may_destroy(engine: Engine) -> bool:
    """Whether the role of this process in the database may remove rows of the journal (`deployments/rollen.sql`)."""
    if engine.dialect.name != "postgresql":
        return True
    with reading(engine) as session:
        return bool(session.execute(text("SELECT has_table_privilege('journal', 'DELETE')")).scalar_one())


def sweep_free_space(engine: Engine) -> None:
    """Leave nothing of removed rows in the free pages and the write-ahead log of SQLite.

    PostgreSQL overwrites what VACUUM gave back when it needs the room; its own log goes with the age of its archive.
    """
    with contextlib.closing(engine.raw_connection()) as connection:
        driver = connection.driver_connection
        assert driver is not None  # noqa: S101 - it was just opened
        if engine.dialect.name == "sqlite":
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            driver.execute("VACUUM")


def records(office: Office, since: date | None = None) -> Sequence[DestroyedRow]:
    """Return the records of destruction, the oldest first."""
    query = select(DestroyedRow).order_by(col(DestroyedRow.destroyed_at), col(DestroyedRow.mark))
    if since is not None:
        begin = datetime.combine(since, time(), AMSTERDAM)
        query = query.where(col(DestroyedRow.destroyed_at) >= begin)
    with reading(office.engine) as session:
        return session.exec(query).all()


def _keep_figures(office: Office, reference: str) -> None:
    """Keep the monitor of each whole year and quarter of a case, so that its figures stay as they were."""
    with reading(office.engine) as session:
        case = session.get(CaseRow, reference)
        if case is None:
            return
        opened, place = case.opened_at.date(), case.municipality
    for year in range(opened.year, office.clock.today().year):
        end = date(year, 12, 31)
        _keep(office, place, end, WEEKS_COUNTED, partial(_of_weeks, office, place, end))
        for first, last in _quarters(year):
            for begin in {first, date(year, 1, 1)}:
                days = (last - begin).days + 1
                _keep(office, place, last, days, partial(_of_period, office, place, begin, last))


def _of_weeks(office: Office, place: str, end: date) -> list[list[Any]]:
    return cells_to_keep(read_monitor(office, place, end))


def _of_period(office: Office, place: str, begin: date, last: date) -> list[list[Any]]:
    """Return what the reports say of a period: the monitor, and beside it the elements and the quality of a quarter."""
    found = cells_to_keep(read_period(office, place, begin, last))
    whole = next(
        (one for one in (quarter_of(last), year_of(last)) if (one.begin, one.end) == (begin, last)), None
    )
    return found if whole is None else [*found, *_beside(office, place, whole)]


def _beside(office: Office, place: str, period: Period) -> list[list[Any]]:
    cells = scores_to_keep(read_basic_service(office, place, period))
    return [list(astuple(cell)) for cell in (*cells, *trend_to_keep(read_trend(office, place, period)))]


def _quarters(year: int) -> list[tuple[date, date]]:
    begins = [date(year, month, 1) for month in (1, 4, 7, 10)]
    return [(begin, add_months(begin, 3) - timedelta(days=1)) for begin in begins]


def _keep(office: Office, place: str, end: date, length: int, made: Callable[[], list[list[Any]]]) -> None:
    """Keep the figures of a period, unless they were kept before."""
    with reading(office.engine) as session:
        if session.get(KeptFiguresRow, (place, end, length)) is not None:
            return
    found = made()
    with writing(office.engine) as session:
        session.merge(KeptFiguresRow(municipality=place, end=end, weeks=length, cells=found))
