"""Events for the outside world, from the worker: to Prefect as custom events, and to subscribed webhooks.

The worker's sweep calls `publish_due`. It is quick when nothing is due, and slow receivers never hold it
up: they are called from a thread of their own.
"""

from __future__ import annotations

import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import structlog
from prefect.events import emit_event

from adapters.cases.outgoing import case_uuid
from adapters.exchange.answers import forget_old_answers
from adapters.exchange.inbox import reconcile, work_on_inbox
from adapters.exchange.webhooks import anything_due, deliver_due, fan_out, report_dead_letters

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.storage.exchange_tables import OutgoingEventRow

CHORES_SECONDS = 60.0  # between two rounds of what need not be at once

log = structlog.get_logger("routekaart.outgoing")

_sender = ThreadPoolExecutor(1, thread_name_prefix="routekaart-webhooks")
_sending: Future[int] | None = None
_chores_at = 0.0


def publish_due(office: Office) -> int:
    """Publish what is new, send what is due, work on what came in; give how many events were new."""
    global _sending, _chores_at  # noqa: PLW0603 - one sender for the process
    count = fan_out(office, emit_to_prefect)
    work_on_inbox(office)
    if (_sending is None or _sending.done()) and anything_due(office):
        if _sending is not None and _sending.exception() is not None:
            log.warning("webhooks_failed", error=type(_sending.exception()).__name__)
        _sending = _sender.submit(deliver_due, office)
    if time.monotonic() - _chores_at >= CHORES_SECONDS or not _chores_at:
        _chores_at = time.monotonic()
        report_dead_letters(office)
        reconcile(office)
        forget_old_answers(office)
    return count


def emit_to_prefect(row: OutgoingEventRow) -> None:
    """Emit an event as a custom event of Prefect, with the id that it has everywhere."""
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
