"""How long we keep what: messages and events for a year, a case for its legal term, and nothing open ever goes.

Whole cases go by `adapters.operations.destruction`: after a person approved it, or without when a municipality decided
so once for all cases.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, delete, exists, or_
from sqlmodel import SQLModel, col, select

from adapters.storage.database import OutboxRow, ProcessRow, writing
from adapters.storage.exchange_tables import InboxRow, OutgoingEventRow, PostbakRow, WebhookDeliveryRow
from adapters.storage.message_tables import DeliveryRow, DeliveryState, HandoffLinkRow
from adapters.storage.oversight_tables import ShownRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from adapters.office import Office

_BATCH = 500  # rows that go in one transaction, so that nobody waits long for the database


def forget(office: Office) -> int:
    """Do one round: remove what has had its time; give how many rows."""
    return sum(_forget_done(office)) + office.looks.forget(office.settings.keep_looks_days)


def _forget_done(office: Office) -> Iterator[int]:
    """Remove messages, events and post that were dealt with long ago; yields the number of rows."""
    before = office.clock.now() - timedelta(days=office.settings.keep_messages_days)
    engine = office.engine
    ended = exists().where(
        col(ProcessRow.id) == col(DeliveryRow.process_id), col(ProcessRow.finished).is_(True)
    )
    link_of = col(HandoffLinkRow.delivery_id) == col(DeliveryRow.id)
    # An undeliverable message asks for a person, for as long as its process lasts.
    done = or_(
        col(DeliveryRow.state).in_(
            [DeliveryState.DELIVERED, DeliveryState.NEXT_CHANNEL, DeliveryState.DROPPED]
        ),
        (col(DeliveryRow.state) == DeliveryState.UNDELIVERABLE) & ended,
    )
    old = (done, col(DeliveryRow.created_at) < before)
    yield _delete(
        engine,
        HandoffLinkRow,
        HandoffLinkRow.id,
        col(HandoffLinkRow.expires_at) < office.clock.now(),
        exists().where(link_of, *old),
    )
    yield _delete(engine, DeliveryRow, DeliveryRow.id, *old, ~exists().where(link_of))
    yield _delete(
        engine,
        OutboxRow,
        OutboxRow.id,
        col(OutboxRow.done_at) < before,
        ~exists().where(col(DeliveryRow.outbox_id) == col(OutboxRow.id)),
    )
    of_event = col(WebhookDeliveryRow.event_number) == col(OutgoingEventRow.number)
    on_its_way = exists().where(of_event, col(WebhookDeliveryRow.next_at).is_not(None))
    published = (
        col(OutgoingEventRow.published_at) < before,
        ~on_its_way,
    )
    yield _delete(engine, WebhookDeliveryRow, WebhookDeliveryRow.id, exists().where(of_event, *published))
    yield _delete(
        engine, OutgoingEventRow, OutgoingEventRow.number, col(OutgoingEventRow.published_at) < before,
        ~exists().where(of_event),
    )  # fmt: skip
    yield _delete(engine, InboxRow, InboxRow.id, col(InboxRow.done_at) < before)
    yield _delete(engine, PostbakRow, PostbakRow.id, col(PostbakRow.closed_at) < before)
    finished = exists().where(
        col(ProcessRow.id) == col(ShownRow.process_id), col(ProcessRow.finished).is_(True)
    )
    yield _delete(engine, ShownRow, ShownRow.process_id, finished)


def _delete(engine: Engine, table: type[SQLModel], key: Any, *conditions: ColumnElement[bool]) -> int:
    """Delete the rows that meet all conditions, some at a time; give how many."""
    total = 0
    while True:
        with writing(engine) as session:
            keys = session.exec(select(key).where(*conditions).limit(_BATCH)).all()
            if keys:
                session.execute(delete(table).where(col(key).in_(keys)))
        total += len(keys)
        if len(keys) < _BATCH:
            return total
