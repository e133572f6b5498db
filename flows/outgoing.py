"""What a worker does with other systems: our events to Prefect and to subscribers, and what came in from them.

Each is a chore with a thread of its own, and so is each subscriber: one that is slow holds up nothing else.
"""

from __future__ import annotations

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import structlog
from prefect.events import emit_event

from adapters.cases.outgoing import case_uuid
from adapters.exchange.answers import forget_old_answers
from adapters.exchange.case_system import report_stopped_zaken, tell_case_systems
from adapters.exchange.inbox import reconcile, work_on_inbox
from adapters.exchange.postbak_news import tell_of_rulings
from adapters.exchange.webhooks import deliver_to, fan_out, report_dead_letters, waiting_subscribers
from flows.wake_source import Chore

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.storage.exchange_tables import OutgoingEventRow

SOON_SECONDS = 1.0
ROUND_SECONDS = 60.0  # between two rounds of what need not be at once
_AT_A_TIME = 20  # subscribers; one that answers nothing takes a thread for five seconds a round

log = structlog.get_logger("routekaart.outgoing")

_senders = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="routekaart-webhooks")
_sending: dict[str, Future[int]] = {}


def exchange_chores(office: Office) -> tuple[Chore, ...]:
    """Return what a worker does with other systems."""
    return (
        Chore("events", SOON_SECONDS, lambda: fan_out(office, emit_to_prefect)),
        Chore("webhooks", SOON_SECONDS, lambda: send_due(office)),
        Chore("inbox", SOON_SECONDS, lambda: work_on_inbox(office)),
        Chore("case_system", SOON_SECONDS, lambda: tell_case_systems(office)),
        Chore("stopped_zaken", ROUND_SECONDS, lambda: report_stopped_zaken(office)),
        Chore("dead_letters", ROUND_SECONDS, lambda: report_dead_letters(office)),
        Chore("rulings", ROUND_SECONDS, lambda: tell_of_rulings(office)),
        Chore("reconciliation", ROUND_SECONDS, lambda: reconcile(office)),
        Chore("old_answers", ROUND_SECONDS, lambda: forget_old_answers(office)),
    )


def send_due(office: Office) -> None:
    """Begin to send what is due, to each subscriber that is not being sent to already."""
    for name in waiting_subscribers(office):
        sending = _sending.get(name)
        if sending is not None and not sending.done():
            continue
        if sending is not None and (error := sending.exception()) is not None:
            log.warning("webhooks_failed", subscription=name, error=type(error).__name__)
        _sending[name] = _senders.submit(deliver_to, office, name)


def emit_to_prefect(row: OutgoingEventRow) -> None:
    """Emit an event as a custom event of Prefect, with the id that it has everywhere.

    It goes into a queue of Prefect's client, whose own thread sends it.
    """
    data = {name: str(value) for name, value in row.data.items()}
    emit_event(
        event=row.type,
        resource={
            "prefect.resource.id": f"routekaart.zaak.{case_uuid(row.municipality, row.case_reference)}",
            "prefect.resource.name": row.case_reference,
            "routekaart.gemeentecode": row.municipality,
            "routekaart.mijlpaal": data.get("naar", data.get("mijlpaal", "")),
        },
        payload=data,
        occurred=row.created_at,
        id=uuid.UUID(row.id),
    )
