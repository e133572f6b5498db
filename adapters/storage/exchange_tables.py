"""The tables of what passes between us and other systems: clients, answers, signals, post, outgoing events.

No row holds personal data. Where a person must be recognised again there is a keyed hash, and of a message
that came in we keep its id, its kind and the event that it stands for, never its text.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from adapters.storage.database import UtcMoment


def _moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcMoment, nullable=nullable))


def _list() -> Any:
    return Field(default_factory=list, sa_column=Column(JSON, nullable=False))


def _object() -> Any:
    return Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def _open_index(name: str, column: str, condition: str) -> Index:
    """Return an index of the few rows that still ask for something."""
    return Index(name, column, sqlite_where=text(condition), postgresql_where=text(condition))


class ClientRow(SQLModel, table=True):
    """A system that may call the API, and for what.

    Its API key is kept as a hash only. The secret for signed tokens is not kept at all: it is derived from
    our own secret and `salt`, so a copy of this table lets nobody in.
    """

    __tablename__ = "clients"

    client_id: str = Field(primary_key=True, max_length=40)
    key_hash: str = Field(max_length=64, unique=True)
    salt: str = Field(max_length=32)
    municipalities: list[str] = _list()
    events: list[str] = _list()
    created_at: datetime = _moment()
    revoked_at: datetime | None = _moment(nullable=True)
    # After a rotation the key and the secret before it stay valid, until the next one or until they are ended.
    previous_key_hash: str | None = Field(default=None, max_length=64)
    previous_salt: str | None = Field(default=None, max_length=32)


class AnswerRow(SQLModel, table=True):
    """The answer to a request that carried an idempotency key, so that a repeat is answered the same way."""

    __tablename__ = "answers"

    client_id: str = Field(primary_key=True, max_length=40)
    key_hash: str = Field(primary_key=True, max_length=64)
    fingerprint: str = Field(max_length=64)
    status: int
    body: dict[str, Any] = _object()
    accepted_at: datetime = _moment()


class ExternalReferenceRow(SQLModel, table=True):
    """Another system's number or zaak URL for a case of ours."""

    __tablename__ = "external_references"
    __table_args__ = (
        UniqueConstraint("municipality", "value", "case_reference"),
        # For who names a zaak by the UUID at the end of its address.
        Index("ix_external_references_ending", text("substr(value, length(value) - 35)")),
    )

    id: int | None = Field(default=None, primary_key=True)
    municipality: str = Field(max_length=4)
    value: str = Field(index=True, max_length=300)
    case_reference: str = Field(foreign_key="cases.reference", index=True, max_length=60)
    added_at: datetime = _moment()


class SignalRow(SQLModel, table=True):
    """A vroegsignaal that was taken in, and the vroegsignaalzaak that it belongs to.

    `content` is a keyed hash of all that the signal says, `partner` of who sent it about whom, `arrears` of
    that with the amount: enough to see a repeat, too little to read anything back.
    """

    __tablename__ = "signals"
    __table_args__ = (
        UniqueConstraint("municipality", "supplier", "signal_id"),
        Index("ix_signals_process", "case_reference", "process"),
    )

    id: int | None = Field(default=None, primary_key=True)
    municipality: str = Field(max_length=4)
    supplier: str = Field(max_length=255)
    signal_id: str = Field(max_length=255)
    content: str = Field(max_length=64)
    person_key: str | None = Field(default=None, index=True, max_length=64)
    partner: str | None = Field(default=None, max_length=64)
    arrears: str | None = Field(default=None, max_length=64)
    signal_date: date
    result: str = Field(max_length=30)
    case_reference: str = Field(foreign_key="cases.reference", max_length=60)
    process: str = Field(max_length=20)
    accepted_at: datetime = _moment()


class InboxRow(SQLModel, table=True):
    """A notification that was acknowledged and still has to be worked on."""

    __tablename__ = "inbox"
    __table_args__ = (_open_index("ix_inbox_open", "id", "done_at IS NULL"),)

    id: int | None = Field(default=None, primary_key=True)
    message_hash: str = Field(max_length=64, unique=True)
    client_id: str = Field(max_length=40)
    message: dict[str, Any] = _object()
    received_at: datetime = _moment()
    attempts: int = 0
    next_at: datetime = _moment()
    done_at: datetime | None = _moment(nullable=True)
    result: str | None = Field(default=None, max_length=60)
    leased_by: str | None = Field(default=None, max_length=80)
    leased_until: datetime | None = _moment(nullable=True)


class PostbakRow(SQLModel, table=True):
    """A message that no rule could lead to one case: a person decides."""

    __tablename__ = "postbak"
    __table_args__ = (_open_index("ix_postbak_open", "id", "closed_at IS NULL"),)

    id: int | None = Field(default=None, primary_key=True)
    municipality: str | None = Field(default=None, max_length=4)
    message_hash: str = Field(max_length=64, unique=True)
    kind: str = Field(max_length=255)
    source: str = Field(max_length=255)
    subject: str | None = Field(default=None, max_length=300)
    reason: str = Field(max_length=200)
    candidates: list[str] = _list()
    event: str | None = Field(default=None, max_length=60)
    process: str | None = Field(default=None, max_length=20)
    on: date | None = Field(default=None, sa_column_kwargs={"name": "on_date"})
    data: dict[str, Any] = _object()
    received_at: datetime = _moment()
    closed_at: datetime | None = _moment(nullable=True)
    outcome: str | None = Field(default=None, max_length=100)
    told_at: datetime | None = _moment(nullable=True)  # when the coordinator last heard that it waits


class SubscriptionRow(SQLModel, table=True):
    """An address that receives our events. Its signing secret is derived from our own secret and `salt`."""

    __tablename__ = "subscriptions"

    name: str = Field(primary_key=True, max_length=40)
    url: str = Field(max_length=500)
    salt: str = Field(max_length=32)
    types: list[str] = _list()
    municipalities: list[str] = _list()
    created_at: datetime = _moment()
    ended_at: datetime | None = _moment(nullable=True)
    reported_at: datetime | None = _moment(nullable=True)  # when the coordinator last heard of dead letters
    paused_at: datetime | None = _moment(nullable=True)
    previous_salt: str | None = Field(default=None, max_length=32)  # of the secret before a rotation
    authorization: str | None = Field(default=None, sa_column=Column(Text, nullable=True))  # encrypted


class OutgoingEventRow(SQLModel, table=True):
    """An event for other systems, written in the transaction of the transition that it tells about."""

    __tablename__ = "outgoing_events"
    __table_args__ = (_open_index("ix_outgoing_new", "number", "published_at IS NULL"),)

    number: int | None = Field(default=None, primary_key=True)
    id: str = Field(max_length=36, unique=True)
    type: str = Field(max_length=100)
    municipality: str = Field(max_length=4)
    case_reference: str = Field(max_length=60)
    data: dict[str, Any] = _object()
    sequence: int | None = None  # its place among the events of its case
    created_at: datetime = _moment()
    published_at: datetime | None = _moment(nullable=True)  # given to Prefect and to every subscription


class WebhookDeliveryRow(SQLModel, table=True):
    """One event on its way to one subscription."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("event_number", "subscription"),
        _open_index("ix_webhook_due", "next_at", "next_at IS NOT NULL"),
    )

    id: int | None = Field(default=None, primary_key=True)
    event_number: int = Field(foreign_key="outgoing_events.number")
    subscription: str = Field(foreign_key="subscriptions.name", index=True, max_length=40)
    attempts: int = 0
    first_at: datetime = _moment()
    next_at: datetime | None = _moment(nullable=True)  # empty: delivered, or given up
    delivered_at: datetime | None = _moment(nullable=True)
    gave_up_at: datetime | None = _moment(nullable=True)
    last_result: str | None = Field(default=None, max_length=60)
    leased_by: str | None = Field(default=None, max_length=80)
    leased_until: datetime | None = _moment(nullable=True)


class CaseSystemLinkRow(SQLModel, table=True):
    """A zaak of the zaaksysteem, and up to which line of the journal of its case it was told.

    The journal is the outbox: a line that is there and was not told is still to be written.
    """

    __tablename__ = "case_system_links"
    __table_args__ = (UniqueConstraint("case_reference", "zaak"),)

    id: int | None = Field(default=None, primary_key=True)
    municipality: str = Field(max_length=4)
    case_reference: str = Field(foreign_key="cases.reference", index=True, max_length=60)
    zaak: str = Field(max_length=300)  # the reference as it is kept
    told: int = 0  # the number of the last line
    attempts: int = 0
    next_at: datetime = _moment()
    stopped_at: datetime | None = _moment(nullable=True)  # since when it waits for a person
    told_at: datetime | None = _moment(nullable=True)
    wrote: list[str] = _list()  # what we made there last, as references are kept: news of it is no news
    last_result: str | None = Field(default=None, max_length=200)
    leased_by: str | None = Field(default=None, max_length=80)
    leased_until: datetime | None = _moment(nullable=True)
