"""The tables behind messages: what is delivered to whom over which channel, and the links that were given out.

A recipient stands here by the code of the file of recipients, never by a name or an address.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, UniqueConstraint, text
from sqlmodel import Field, Session, SQLModel

from adapters.storage.database import UtcMoment


class DeliveryState(StrEnum):
    """What became of one delivery. Only WAITING is not final."""

    WAITING = "wacht"
    DELIVERED = "bezorgd"
    NEXT_CHANNEL = "volgend kanaal"
    UNDELIVERABLE = "onbestelbaar"
    DROPPED = "vervallen"  # overtaken by what happened in the case


class DeliveryRow(SQLModel, table=True):
    """One message for one recipient over one channel, until it is delivered or given up."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("outbox_id", "kind", "recipient", "channel"),
        Index(
            "ix_deliveries_due",
            "next_attempt_at",
            sqlite_where=text("state = 'wacht'"),
            postgresql_where=text("state = 'wacht'"),
        ),
        Index("ix_deliveries_recipient", "recipient", "created_at"),
        Index("ix_deliveries_process_id", "process_id"),
    )

    id: str = Field(primary_key=True, max_length=36)
    outbox_id: str = Field(foreign_key="outbox.id", max_length=36)
    process_id: int = Field(foreign_key="processes.id")
    case_reference: str = Field(max_length=60)
    municipality: str = Field(max_length=4)
    process: str = Field(max_length=20)
    kind: str = Field(max_length=40)
    role: str = Field(max_length=40)  # the role that the message is for
    recipient: str = Field(max_length=40)
    channel: str = Field(max_length=40)
    reason: str = Field(max_length=60)  # why this recipient: "persoon", "team", "vervanger van ..."
    urgent: bool = False
    bundled: bool = False  # may go out together with other messages to the same recipient
    state: str = Field(default=DeliveryState.WAITING, max_length=20)
    attempts: int = 0
    next_attempt_at: datetime = Field(default=None, sa_column=Column(UtcMoment, nullable=False))
    claimed_until: datetime | None = Field(default=None, sa_column=Column(UtcMoment, nullable=True))
    claimed_by: str | None = Field(default=None, max_length=80)
    created_at: datetime = Field(default=None, sa_column=Column(UtcMoment, nullable=False))
    delivered_at: datetime | None = Field(default=None, sa_column=Column(UtcMoment, nullable=True))
    result: str | None = Field(default=None, max_length=200)


def start_anew(session: Session, row: DeliveryRow, now: datetime) -> None:
    """Let a delivery go out again on its own, whatever became of it."""
    row.state, row.attempts = DeliveryState.WAITING, 0
    row.claimed_by, row.claimed_until = None, None
    row.next_attempt_at, row.bundled = now, False
    session.add(row)


class HandoffLinkRow(SQLModel, table=True):
    """A one-time link that was given out with a message; `used_at` is set once."""

    __tablename__ = "handoff_links"
    __table_args__ = (Index("ix_handoff_links_process", "case_reference", "process"),)

    id: str = Field(primary_key=True, max_length=36)
    delivery_id: str = Field(foreign_key="deliveries.id", max_length=36)
    case_reference: str = Field(max_length=60)
    process: str = Field(max_length=20)
    recipient: str = Field(max_length=40)
    expires_at: datetime = Field(default=None, sa_column=Column(UtcMoment, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcMoment, nullable=True))
    choice: str | None = Field(default=None, max_length=30)
