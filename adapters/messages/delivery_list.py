"""Look at deliveries, and send one again: what `routekaart berichten` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from adapters.messages.delivery_planning import NOBODY, TO_FILE
from adapters.storage.database import OutboxRow, ProcessRow, reading, writing
from adapters.storage.message_tables import DeliveryRow, DeliveryState, start_anew
from milestones.refusal import Refusal
from milestones.roles import dutch_role

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.runtime.clock import Clock

_SHORTEST_ID = 8


class UnknownDeliveryError(Refusal, LookupError):
    """No delivery, or more than one, has this id; one Dutch sentence."""


def listed(engine: Engine, *, everything: bool = False, limit: int = 200) -> list[dict[str, Any]]:
    """Return the deliveries that reached nobody, the newest first; with `everything` all of them."""
    query = select(DeliveryRow).order_by(col(DeliveryRow.created_at).desc(), col(DeliveryRow.id)).limit(limit)
    if not everything:
        query = query.where(DeliveryRow.state == DeliveryState.UNDELIVERABLE)
    with reading(engine) as session:
        return [_line(row) for row in session.exec(query)]


def send_again(engine: Engine, clock: Clock, delivery_id: str) -> str:
    """Let a delivery start anew, whatever became of it; give its whole id.

    Raises UnknownDeliveryError for an id that fits none, or more than one.
    """
    if len(delivery_id) < _SHORTEST_ID:
        raise UnknownDeliveryError(f"Geef minstens {_SHORTEST_ID} tekens van het nummer.")
    with writing(engine) as session:
        found = session.exec(
            select(DeliveryRow).where(col(DeliveryRow.id).startswith(delivery_id, autoescape=True)).limit(2)
        ).all()
        if len(found) != 1:
            raise UnknownDeliveryError(f"Er is geen bezorging met nummer '{delivery_id}' (of meer dan één).")
        row = found[0]
        if row.channel == NOBODY:
            # Nobody was there to get it; the effect is planned anew with the recipients of now.
            _plan_again(session, row)
        else:
            start_anew(session, row, clock.now())
        process = session.get_one(ProcessRow, row.process_id)
        process.attention = True
        session.add(process)
        return row.id


def _plan_again(session: Session, row: DeliveryRow) -> None:
    effect = session.get_one(OutboxRow, row.outbox_id)
    effect.done_at = None
    session.add(effect)
    session.delete(row)


def _line(row: DeliveryRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "bericht": row.outbox_id,
        "zaak": row.case_reference,
        "mijlpaal": row.process,
        "soort": row.kind,
        "rol": dutch_role(row.role),
        "ontvanger": None if row.recipient == NOBODY else row.recipient,
        "kanaal": None if row.channel == NOBODY else row.channel,
        "naar_bestand": row.channel == TO_FILE and row.recipient == NOBODY,
        "waarom": row.reason,
        "toestand": row.state,
        "pogingen": row.attempts,
        "volgende_poging": row.next_attempt_at.isoformat(timespec="seconds")
        if row.state == DeliveryState.WAITING
        else None,
        "klaargezet_op": row.created_at.isoformat(timespec="seconds"),
        "bezorgd_op": row.delivered_at.isoformat(timespec="seconds") if row.delivered_at else None,
        "resultaat": row.result,
    }
