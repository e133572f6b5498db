"""A cancelled flow run is a request, not the end of a case: a coordinator confirms or refuses it.

Somebody pressed Cancel in the Prefect UI. The process gets a new flow run at once and goes on; the request
stands here, once for each cancelled run, until it is decided.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Column
from sqlmodel import Field, SQLModel, col, select

from adapters.cases.saving import wake
from adapters.storage.database import ProcessRow, UtcMoment, reading, writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Engine


class Decision(StrEnum):
    """What a coordinator decided about a cancellation."""

    CONFIRMED = "bevestigd"
    REFUSED = "geweigerd"


class CancellationRow(SQLModel, table=True):
    """One request to cancel a process (annuleren gevraagd)."""

    __tablename__ = "cancellation_requests"

    flow_run_id: str = Field(primary_key=True, max_length=36)
    process_id: int = Field(foreign_key="processes.id", index=True)
    case_reference: str = Field(max_length=60)
    municipality: str = Field(max_length=4)
    process: str = Field(max_length=20)
    asked_at: datetime = Field(sa_column=Column(UtcMoment, nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcMoment, nullable=True))
    decision: str | None = Field(default=None, max_length=20)


def ask_cancellation(engine: Engine, process_id: int, flow_run_id: UUID) -> bool:
    """Note that somebody cancelled this flow run; False when that was noted before."""
    with writing(engine) as session:
        process = session.get_one(ProcessRow, process_id)
        if session.get(CancellationRow, str(flow_run_id)) is not None:
            return False
        session.add(
            CancellationRow(
                flow_run_id=str(flow_run_id),
                process_id=process_id,
                case_reference=process.case_reference,
                municipality=process.municipality,
                process=process.name,
                asked_at=datetime.now(UTC),
            )
        )
        return True


def open_cancellations(engine: Engine, reference: str | None = None) -> Sequence[CancellationRow]:
    """Return the requests that nobody decided yet, the oldest first, of one case or of all."""
    query = select(CancellationRow).where(col(CancellationRow.decided_at).is_(None))
    if reference is not None:
        query = query.where(CancellationRow.case_reference == reference)
    with reading(engine) as session:
        return session.exec(query.order_by(col(CancellationRow.asked_at))).all()


def cancellation_asked(engine: Engine, process_id: int) -> bool:
    """Tell whether a coordinator still has to decide about cancelling this process."""
    query = select(CancellationRow.flow_run_id).where(
        CancellationRow.process_id == process_id, col(CancellationRow.decided_at).is_(None)
    )
    with reading(engine) as session:
        return session.exec(query).first() is not None


def decide_cancellation(engine: Engine, process_id: int, decision: Decision) -> int:
    """Note what the coordinator decided on every open request of a process; give how many there were.

    Confirming ends nothing by itself: report the event that closes the process, then note it here.
    """
    with writing(engine) as session:
        rows = session.exec(
            select(CancellationRow).where(
                CancellationRow.process_id == process_id, col(CancellationRow.decided_at).is_(None)
            )
        ).all()
        for row in rows:
            row.decided_at, row.decision = datetime.now(UTC), str(decision)
            session.add(row)
        wake(session, process_id)  # its flow run shows whether a decision is still asked
        return len(rows)
