"""The table of which policy counted when, and who took it into use."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Index, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from adapters.storage.database import UtcMoment


def _moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcMoment, nullable=nullable))


class PolicyUseRow(SQLModel, table=True):
    """A policy that somebody put forward; it counts from the moment in `in_use_at`. Rows stay."""

    __tablename__ = "policy_uses"
    __table_args__ = (
        UniqueConstraint("municipality", "number"),
        Index("ix_policy_uses_in_use", "municipality", "in_use_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    municipality: str = Field(max_length=4)
    number: int
    policy: str = Field(max_length=80)
    put_forward_at: datetime = _moment()
    actor_kind: str = Field(max_length=20)
    actor_code: str | None = Field(default=None, max_length=60)
    actor_way: str | None = Field(default=None, max_length=20)
    reason: str | None = Field(default=None, max_length=200)
    # The second person, where the policy asks for one.
    second_code: str | None = Field(default=None, max_length=60)
    in_use_at: datetime | None = _moment(nullable=True)
    # Whether running terms follow too, and since when they all do.
    running: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    followed_at: datetime | None = _moment(nullable=True)
