"""The tables behind our pages: what messages somebody wants, and addresses that can be given away and taken back."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from adapters.storage.database import UtcMoment


class WishRow(SQLModel, table=True):
    """How somebody wants a kind of message; it goes before what the file of recipients says."""

    __tablename__ = "message_wishes"

    recipient: str = Field(primary_key=True, max_length=40)
    kind: str = Field(primary_key=True, max_length=40)
    wish: str = Field(max_length=10)


class PageKeyRow(SQLModel, table=True):
    """An address that shows something without a login, until it ends or is taken back. Only its hash is kept."""

    __tablename__ = "page_keys"
    __table_args__ = (Index("ix_page_keys_subject", "kind", "subject"),)

    key_hash: str = Field(primary_key=True, max_length=64)
    kind: str = Field(max_length=20)
    subject: str = Field(max_length=60)  # the code of a person, or the reference of a case
    made_at: datetime = Field(default=None, sa_column=Column(UtcMoment, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(UtcMoment, nullable=True))


class FollowUpRow(SQLModel, table=True):
    """The day on which somebody wants to look at a case again. It is his own, and no part of the case."""

    __tablename__ = "follow_ups"

    person: str = Field(primary_key=True, max_length=40)
    case_reference: str = Field(foreign_key="cases.reference", primary_key=True, index=True, max_length=60)
    on: date = Field(sa_column_kwargs={"name": "on_date"})
    made_at: datetime = Field(default=None, sa_column=Column(UtcMoment, nullable=False))
