"""The tables behind what coordinators see and do: what a flow run shows, absences, requests to cancel, reviews.

People stand here by a code, never by a name.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from adapters.storage.database import UtcMoment


def _moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcMoment, nullable=nullable))


class ShownRow(SQLModel, table=True):
    """What the flow run of a process shows now, so that nothing is written to Prefect twice."""

    __tablename__ = "shown"

    process_id: int = Field(foreign_key="processes.id", primary_key=True)
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    page: str = Field(default="", max_length=64)  # a hash of what the case page says
    page_id: str = Field(
        default="", max_length=36
    )  # of the newest page of the case, with the process that made it


class AbsenceRow(SQLModel, table=True):
    """Somebody is away for a while; perhaps somebody else takes over. Both days included."""

    __tablename__ = "absences"
    __table_args__ = (Index("ix_absences_person", "municipality", "person", "until_on"),)

    id: int | None = Field(default=None, primary_key=True)
    municipality: str = Field(max_length=4)
    person: str = Field(max_length=40)
    from_on: date
    until_on: date
    deputy: str | None = Field(default=None, max_length=40)
    declared_at: datetime = _moment()


class ReviewRow(SQLModel, table=True):
    """A decided case in the quality sample of a week; the answers are scores, without any text."""

    __tablename__ = "reviews"
    __table_args__ = (UniqueConstraint("municipality", "week", "case_reference", "process"),)

    id: int | None = Field(default=None, primary_key=True)
    municipality: str = Field(max_length=4)
    week: str = Field(max_length=8)
    case_reference: str = Field(foreign_key="cases.reference", max_length=60)
    process: str = Field(max_length=20)
    decided_on: date
    flow_run_id: str | None = Field(default=None, max_length=36)
    runs_made: int = 0
    scores: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    reviewed_on: date | None = None
    reviewed_by: str | None = Field(default=None, max_length=60)  # a code, where it was known


class LookRow(SQLModel, table=True):
    """Somebody looked at a case. It stays when the case is removed."""

    __tablename__ = "looks"
    __table_args__ = (
        UniqueConstraint("case_reference", "actor_kind", "actor_code", "actor_way", "slot"),
        Index("ix_looks_actor_code", "actor_code"),
        Index("ix_looks_at", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    case_reference: str = Field(max_length=60)
    municipality: str = Field(max_length=4)
    actor_kind: str = Field(max_length=20)
    actor_code: str = Field(max_length=60)
    actor_way: str = Field(max_length=20)
    slot: int
    purpose: str | None = Field(default=None, max_length=200)
    at: datetime = _moment()
