"""All that is held under the reference of a case, or of a person whose BSN somebody just gave. Nothing is kept of that.

Each table is read by the same columns by which destruction empties it, so that nothing is held that is not shown.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Table, or_
from sqlalchemy import select as rows
from sqlmodel import SQLModel, col, select

from adapters.cases.store import UnknownCaseError
from adapters.operations.destruction import mentions
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.persons import person_keys_for
from adapters.storage.database import CaseRow, ProcessRow, reading, table_of
from adapters.storage.exchange_tables import OutgoingEventRow, SignalRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel import Session

    from adapters.office import Office

WORDS: Mapping[str, str] = {
    "cases": "de zaak",
    "processes": "mijlpalen",
    "timers": "termijnen",
    "journal": "journaal",
    "outbox": "berichten die nodig waren",
    "deliveries": "bezorgingen van berichten",
    "handoff_links": "links voor een overdracht",
    "openings": "hoe de zaak binnenkwam",
    "external_references": "nummers in andere systemen",
    "signals": "vroegsignalen",
    "outgoing_events": "meldingen aan andere systemen",
    "webhook_deliveries": "bezorgingen van meldingen",
    "cancellation_requests": "verzoeken om te annuleren",
    "reviews": "kwaliteitstoetsen",
    "shown": "wat Prefect toont",
    "looks": "wie in de zaak keek",
    "legal_holds": "bewaarplicht",
    "destruction_approvals": "goedkeuring voor vernietiging",
    "page_keys": "adressen om de zaak te volgen",
    "follow_ups": "dagen waarop iemand weer wil kijken",
    "answers": "antwoorden die voor een herhaling bewaard worden",
    "inbox": "meldingen van andere systemen",
    "postbak": "post die een mens bekijkt",
}
"""What people call the tables."""
# A place in a row where a technical key stands that says nothing to who asks, and may open something.
_LEFT_OUT = ("key_hash", "message_hash", "fingerprint")


def held_under(office: Office, reference: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row that is held of a case, by table; a reference that is not there is UnknownCaseError."""
    found: dict[str, list[dict[str, Any]]] = {}
    with reading(office.engine) as session:
        if session.get(CaseRow, reference) is None:
            raise UnknownCaseError(reference)
        for table in SQLModel.metadata.sorted_tables:
            condition = _of_case(session, table, reference)
            if condition is None:
                continue
            here = [
                {name: _plain(value) for name, value in row.items() if name not in _LEFT_OUT}
                for row in session.execute(rows(table).where(condition)).mappings()
            ]
            if here:
                found[table.name] = here
    return found


def cases_of_person(office: Office, bsn: str) -> list[str]:
    """Return the references of the cases of whoever has this BSN, under every key; the number is not kept.

    Cases to which only a vroegsignaal about the person leads are among them.
    """
    with reading(office.engine) as session:
        places = session.exec(select(CaseRow.municipality).distinct()).all()
        keys = {key.of(bsn) for place in places for key in person_keys_for(office.settings, place)}
        own = select(CaseRow.reference).where(
            or_(col(CaseRow.person_key).in_(keys), col(CaseRow.partner_key).in_(keys))
        )
        signalled = select(SignalRow.case_reference).where(col(SignalRow.person_key).in_(keys))
        return sorted({*session.exec(own), *session.exec(signalled)})


def _of_case(session: Session, table: Table, reference: str) -> ColumnElement[bool] | None:
    """Return which rows of a table are of a case; None for a table that is about something else."""
    columns = table.c
    if "case_reference" in columns:
        return columns.case_reference == reference
    if "process_id" in columns:
        return columns.process_id.in_(select(ProcessRow.id).where(ProcessRow.case_reference == reference))
    if "event_number" in columns:
        return columns.event_number.in_(
            select(OutgoingEventRow.number).where(OutgoingEventRow.case_reference == reference)
        )
    if table is table_of(CaseRow):
        return columns.reference == reference
    return mentions(session, reference).get(table.name)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(AMSTERDAM).isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value
