"""Tell the zaaksysteem what becomes of a case: as an effect of the journal, tried again on the published table.

The journal is the outbox: a line that was not told to a zaak is still to be told. One lease keeps two workers from one
zaak, no call is made within a transaction, and each write is preceded by a look, so that nothing is written twice.
What the zaaksysteem refuses waits for a person, and with it all that follows in the same zaak.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import exists, func
from sqlmodel import col, select

from adapters.cases.store import UnknownCaseError, load_case
from adapters.exchange.case_system_client import CaseSystemClient, CaseSystemError
from adapters.exchange.case_system_file import authorization_of, read_case_systems, system_of
from adapters.exchange.case_system_story import story_of
from adapters.exchange.references import ending_of, kept, normal
from adapters.messages.announcements import Announcement, announce
from adapters.messages.retry_table import asked_rest, wait_after
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import CaseRow, JournalRow, SettingRow, reading, writing
from adapters.storage.exchange_tables import CaseSystemLinkRow, ExternalReferenceRow
from milestones.counting import so_many

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlmodel import Session

    from adapters.exchange.case_system_file import CaseSystem
    from adapters.messages.message_office import MessageOffice
    from adapters.storage.leases import Lease
    from milestones.case import Case

_AT_A_TIME = 100
_REMEMBERED = 100  # of what we made in one zaak

log = structlog.get_logger("routekaart.case_system")


def tell_case_systems(office: MessageOffice) -> int:
    """Do one round: tell each zaak that is behind, until a system does not answer; return how many were told."""
    path = office.settings.case_system_file
    return sum(_tell_one(office, path, system) for system in read_case_systems(path)) if path else 0


def _tell_one(office: MessageOffice, path: Path, system: CaseSystem) -> int:
    """Tell every zaak of one zaaksysteem; return how many were told."""
    _link_new(office, system)
    behind = _behind(office, system)
    if not behind:
        return 0
    told = 0
    authorization = authorization_of(path, system)
    with CaseSystemClient(system, authorization, office.settings.webhook_networks) as client:
        for number in behind:
            with office.leases.case_system.holding([number]) as leases:
                results = [_tell(office, client, system, lease) for lease in leases]
            if None in results:  # the next one would only wait as well
                break
            told += results.count(True)
    return told


def _link_new(office: MessageOffice, system: CaseSystem) -> None:
    """Take up every zaak of this system that a case is known by."""
    reference = ExternalReferenceRow
    linked = exists().where(
        col(CaseSystemLinkRow.case_reference) == col(reference.case_reference),
        col(CaseSystemLinkRow.zaak) == col(reference.value),
    )
    query = select(reference).where(
        reference.municipality == system.gemeente,
        col(reference.value).startswith(system.zaken, autoescape=True),
        ~linked,
    )
    with reading(office.engine) as session:
        if session.exec(query.limit(1)).first() is None:
            return
    with writing(office.engine) as session:
        for row in session.exec(query.limit(_AT_A_TIME).with_for_update(skip_locked=True)):
            session.add(
                CaseSystemLinkRow(
                    municipality=row.municipality,
                    case_reference=row.case_reference,
                    zaak=row.value,
                    next_at=office.clock.now(),
                )
            )


def _behind(office: MessageOffice, system: CaseSystem) -> Sequence[int | None]:
    """Return the zaken that were not told everything and may be told now, who waits longest first."""
    query = (
        select(CaseSystemLinkRow.id)
        .join(CaseRow, col(CaseRow.reference) == col(CaseSystemLinkRow.case_reference))
        .where(
            CaseSystemLinkRow.municipality == system.gemeente,
            col(CaseSystemLinkRow.zaak).startswith(system.zaken, autoescape=True),
            col(CaseSystemLinkRow.stopped_at).is_(None),
            col(CaseSystemLinkRow.next_at) <= office.clock.now(),
            col(CaseRow.steps) > col(CaseSystemLinkRow.told),
            office.leases.case_system.free(),
        )
        .order_by(col(CaseSystemLinkRow.next_at), col(CaseSystemLinkRow.id))
        .limit(_AT_A_TIME)
    )
    with reading(office.engine) as session:
        return session.exec(query).all()


def _tell(office: MessageOffice, client: CaseSystemClient, system: CaseSystem, lease: Lease) -> bool | None:
    """Tell one zaak what it does not know; False when a person must look, None when the system may take it later."""
    with reading(office.engine) as session:
        link = session.get_one(CaseSystemLinkRow, lease.key)
        case, _ = load_case(session, link.case_reference)
        lines = session.exec(
            select(JournalRow)
            .where(JournalRow.case_reference == link.case_reference, JournalRow.number > link.told)
            .order_by(col(JournalRow.number))
        ).all()
        also = session.exec(
            select(func.count(col(CaseSystemLinkRow.id))).where(CaseSystemLinkRow.zaak == link.zaak)
        ).one()
    if not lines or link.stopped_at is not None:
        office.leases.case_system.release(lease)
        return True
    if also > 1:
        two = CaseSystemError("Meer dan een van onze zaken wijst naar deze zaak; wij kiezen er geen.")
        return _failed(office, lease, two)
    client.made.clear()
    try:
        _write(client, system, link, case, lines)
    except CaseSystemError as error:
        return _failed(office, lease, error, client.made)
    now = office.clock.now()
    with writing(office.engine) as session:
        row = session.get_one(CaseSystemLinkRow, lease.key)
        row.told, row.attempts, row.last_result = lines[-1].number, 0, None
        row.told_at = row.next_at = now
        row.wrote = _wrote(office, row, client.made)
        session.add(row)
        office.leases.case_system.let_go(session, lease)
    log.info("case_system_told", case=link.case_reference, upto=lines[-1].number, made=len(client.made))
    return True


def _write(
    client: CaseSystemClient,
    system: CaseSystem,
    link: CaseSystemLinkRow,
    case: Case,
    lines: Sequence[JournalRow],
) -> None:
    begin = datetime.combine(system.vanaf, time(0), AMSTERDAM)
    fresh = [line for line in lines if line.at >= begin]
    if not fresh:  # from before we wrote to this system
        return
    place = system.url_of(link.zaak)
    zaak = client.zaak(place)
    kind = system.case_type(str(zaak.get("zaaktype")))
    if kind is None:
        raise CaseSystemError("Het zaaktype van deze zaak staat niet in het bestand van het zaaksysteem.")
    kind = client.with_addresses(kind, str(zaak["zaaktype"]))
    client.tell(place, zaak, story_of(link.case_reference, case, fresh, kind))


def _wrote(office: MessageOffice, row: CaseSystemLinkRow, made: Sequence[str]) -> list[str]:
    return [*row.wrote, *(kept(office.settings, url) for url in made)][-_REMEMBERED:]


def wrote_itself(session: Session, names: Sequence[str], municipalities: Sequence[str]) -> bool | None:
    """Whether news is of what we made in a zaak of these municipalities (`*` is all); None while we are writing there.

    `names` are all references that stand in the message, as they are kept: of the zaak, and of what was made.
    """
    query = select(CaseSystemLinkRow).where(col(CaseSystemLinkRow.zaak).in_(names))
    if "*" not in municipalities:
        query = query.where(col(CaseSystemLinkRow.municipality).in_(municipalities))
    rows = session.exec(query).all()
    told = {*names, *filter(None, map(ending_of, names))}
    if any(not told.isdisjoint((made, ending_of(made))) for row in rows for made in row.wrote):
        return True
    return None if any(row.leased_by is not None for row in rows) else False


def _failed(
    office: MessageOffice, lease: Lease, error: CaseSystemError, made: Sequence[str] = ()
) -> bool | None:
    now = office.clock.now()
    with writing(office.engine) as session:
        row = session.get_one(CaseSystemLinkRow, lease.key)
        row.attempts += 1
        row.last_result = str(error)[:200]
        row.wrote = _wrote(office, row, made)
        wait = wait_after(row.attempts) if error.passes else None
        if wait is None:
            row.stopped_at = now
        else:
            row.next_at = now + max(wait, asked_rest(error.retry_after, now))
        session.add(row)
        office.leases.case_system.let_go(session, lease)
        reference = row.case_reference
    log.warning("case_system_not_told", case=reference, result=str(error), waits_for_person=wait is None)
    return None if error.passes else False


# --- what waits for a person ----------------------------------------------------------------------------------


def stopped_zaken(office: MessageOffice) -> Sequence[CaseSystemLinkRow]:
    """Return the zaken that are told nothing until a person looks, the oldest first."""
    query = (
        select(CaseSystemLinkRow)
        .where(col(CaseSystemLinkRow.stopped_at).is_not(None))
        .order_by(col(CaseSystemLinkRow.id))
    )
    with reading(office.engine) as session:
        return session.exec(query).all()


def linked_zaken(office: MessageOffice) -> Sequence[tuple[CaseSystemLinkRow, int]]:
    """Return every zaak that we write to, each with how many lines of the journal it was not told."""
    query = (
        select(CaseSystemLinkRow, CaseRow.steps)
        .join(CaseRow, col(CaseRow.reference) == col(CaseSystemLinkRow.case_reference))
        .order_by(col(CaseSystemLinkRow.id))
    )
    with reading(office.engine) as session:
        return [(link, steps - link.told) for link, steps in session.exec(query)]


def try_zaken_again(office: MessageOffice, reference: str | None = None) -> int:
    """Tell the zaken anew that waited for a person, of one case or of all; return how many."""
    return _go_on(office, reference, skip=False)


def skip_for_zaken(office: MessageOffice, reference: str) -> int:
    """Leave what the zaken of a case refused untold, for a person wrote it himself; return how many zaken."""
    return _go_on(office, reference, skip=True)


def _go_on(office: MessageOffice, reference: str | None, *, skip: bool) -> int:
    stopped = select(CaseSystemLinkRow).where(col(CaseSystemLinkRow.stopped_at).is_not(None))
    query = stopped.order_by(col(CaseSystemLinkRow.id)).with_for_update()
    if reference is not None:
        query = query.where(CaseSystemLinkRow.case_reference == reference)
    with writing(office.engine) as session:
        if reference is not None and session.get(CaseRow, reference) is None:
            raise UnknownCaseError(reference)
        rows = session.exec(query).all()
        for row in rows:
            if skip:
                row.told = session.get_one(CaseRow, row.case_reference).steps
            row.stopped_at, row.attempts, row.next_at, row.last_result = None, 0, office.clock.now(), None
            session.add(row)
        return len(rows)


def case_system_problems(office: MessageOffice) -> Iterator[str]:
    """Yield what is wrong with the file, and how many zaken wait for a person."""
    path = office.settings.case_system_file
    for system in read_case_systems(path):
        if path is not None:
            authorization_of(path, system)
    if waiting := stopped_zaken(office):
        yield (
            f"{so_many(len(waiting), 'zaak')} in het zaaksysteem kunnen wij niet bijwerken; een mens moet kijken. "
            "Bekijk ze met: routekaart zaaksysteem lijst."
        )


def report_stopped_zaken(office: MessageOffice) -> int:
    """Tell the coordinator, at most once a day in each municipality, of zaken that began to wait; return how many."""
    with reading(office.engine) as session:
        rows = session.exec(
            select(
                CaseSystemLinkRow.municipality,
                func.count(col(CaseSystemLinkRow.id)),
                func.max(CaseSystemLinkRow.stopped_at),
            )
            .where(col(CaseSystemLinkRow.stopped_at).is_not(None))
            .group_by(col(CaseSystemLinkRow.municipality))
        ).all()
    return sum(_report(office, place, count, latest) for place, count, latest in rows if latest)


def _report(office: MessageOffice, municipality: str, count: int, latest: datetime) -> bool:
    today = office.clock.today().isoformat()
    name = f"zaaksysteem gemeld {municipality}"
    with writing(office.engine) as session:
        before = session.get(SettingRow, name, with_for_update=True)
        last = "" if before is None else str(before.value.get("op"))
        if last >= today or last >= latest.astimezone(AMSTERDAM).isoformat():
            return False
    told = announce(
        office,
        Announcement(
            id=f"zaaksysteem-{municipality}-{today}",
            role="coordinator",
            municipality=municipality,
            title="Het zaaksysteem neemt iets niet aan",
            body=(
                f"{so_many(count, 'zaak')} in het zaaksysteem kunnen wij niet bijwerken; "
                "wij proberen het niet meer vanzelf.\n"
                "Bekijk waarom met: routekaart zaaksysteem lijst\n"
                "Probeer het opnieuw met: routekaart zaaksysteem opnieuw"
            ),
        ),
    )
    if told:
        with writing(office.engine) as session:
            session.merge(SettingRow(name=name, value={"op": office.clock.now().isoformat()}))
    return told


def try_out_case_system(office: MessageOffice, municipality: str, zaak: str | None = None) -> str:
    """Ask the zaaksysteem of a municipality something, and with an address look at that zaak; return what it said.

    Nothing is written. Raises CaseSystemError, CaseSystemFileError or AuthorizationError.
    """
    path = office.settings.case_system_file
    system = system_of(read_case_systems(path), municipality)
    if path is None or system is None:
        raise CaseSystemError(
            f"Voor gemeente {municipality} staat er geen zaaksysteem in ROUTEKAART_CASE_SYSTEM_FILE."
        )
    with CaseSystemClient(system, authorization_of(path, system), office.settings.webhook_networks) as client:
        if zaak is None:
            client.try_out()
            return "Het zaaksysteem antwoordt en laat ons zaken lezen."
        if not normal(zaak).startswith(system.zaken):
            raise CaseSystemError(f"Dit is geen adres van een zaak in {system.adres}.")
        found = client.zaak(system.url_of(normal(zaak)))
    known = system.case_type(str(found.get("zaaktype"))) is not None
    return f"De zaak is te lezen; haar zaaktype staat {'' if known else 'niet '}in {path.name}."
