"""The tables of destruction: who holds a case back, who approved that it goes, what is left of one that went.

Actors stand here as "soort code", as in the journal, never by a name.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, SQLModel

from adapters.storage.database import UtcMoment


def _moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcMoment, nullable=nullable))


class HoldRow(SQLModel, table=True):
    """A case that must stay, such as for a court; open until it is lifted."""

    __tablename__ = "legal_holds"
    __table_args__ = (
        Index(
            "ix_legal_holds_open",
            "case_reference",
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    case_reference: str = Field(foreign_key="cases.reference", index=True, max_length=60)
    municipality: str = Field(max_length=4)
    reason: str = Field(max_length=200)
    set_at: datetime = _moment()
    set_by: str = Field(max_length=90)
    lifted_at: datetime | None = _moment(nullable=True)
    lifted_by: str | None = Field(default=None, max_length=90)
    lifted_because: str | None = Field(default=None, max_length=200)


class ApprovalRow(SQLModel, table=True):
    """A person approved that a case on the list is destroyed; it goes together with the case."""

    __tablename__ = "destruction_approvals"

    case_reference: str = Field(foreign_key="cases.reference", primary_key=True, max_length=60)
    approved_at: datetime = _moment()
    approved_by: str = Field(max_length=90)


class DestroyedRow(SQLModel, table=True):
    """The record of a case that was destroyed: enough to account for it and to check the chain, nothing to read.

    `mark` is a keyed hash of the reference, `signature` is over all the rest under a key that is not in the database.
    """

    __tablename__ = "destroyed_cases"

    mark: str = Field(primary_key=True, max_length=40)
    municipality: str = Field(max_length=4)
    term: str = Field(max_length=20)
    over_on: date | None = None
    steps: int
    chain: str = Field(max_length=64)
    approved_at: datetime = _moment()
    approved_by: str = Field(max_length=90)
    destroyed_at: datetime = _moment()
    signature: str = Field(max_length=64)


class KeptFiguresRow(SQLModel, table=True):
    """The monitor of a period as it was before a case of it was destroyed: cells that may be shown.

    `weeks` is how long it is: in weeks for a monitor, in days for a report over quarters.
    """

    __tablename__ = "kept_figures"

    municipality: str = Field(primary_key=True, max_length=4)
    end: date = Field(primary_key=True, sa_column_kwargs={"name": "end_date"})
    weeks: int = Field(primary_key=True)
    cells: list[Any] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))


class AccessRequestRow(SQLModel, table=True):
    """Somebody asked what is held of him (AVG); T60 says until when there is time. Who it was is not kept."""

    __tablename__ = "access_requests"

    id: int | None = Field(default=None, primary_key=True)
    municipality: str = Field(max_length=4)
    asked_on: date
    due: date
    extended: bool = False
    noted_by: str = Field(max_length=90)
    answered_on: date | None = None
    answered_by: str | None = Field(default=None, max_length=90)
    warned: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
