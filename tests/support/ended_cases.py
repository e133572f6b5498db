"""Cases that ended long ago, for tests of what may be destroyed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import update
from sqlmodel import col, select

from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import OutboxRow, ProcessRow, reading, writing
from adapters.storage.message_tables import DeliveryRow

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.runtime.clock import SetClock

BEGIN = datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM)


def ended(office: Office, *references: str) -> None:
    """Let these cases be open and withdrawn on the first day."""
    for reference in references:
        office.casework.open("M3", municipality="0518", reference=reference)
        office.casework.report(reference, "aanmelding_geregistreerd")
        office.casework.report(reference, "ingetrokken", data={"motivering": "m-1"})
        office.looks.note(reference, "0518")
    carry_out(office)


def carry_out(office: Office) -> None:
    """Do what the worker does: send the messages, and show that closed processes ended."""
    with reading(office.engine) as session:
        effects = session.exec(select(OutboxRow.id).where(col(OutboxRow.done_at).is_(None))).all()
    for effect in effects:
        office.deliveries.plan(effect)
    with writing(office.engine) as session:
        session.execute(update(DeliveryRow).values(state="bezorgd"))
        session.execute(update(ProcessRow).where(col(ProcessRow.closed).is_(True)).values(finished=True))


def six_years_on(office: Office, clock: SetClock) -> None:
    """Let six years pass and fire what falls due."""
    clock.moment = BEGIN + timedelta(days=6 * 366)
    for reference in office.casework.cases_with_due_terms():
        office.casework.fire_due(reference)
    carry_out(office)
