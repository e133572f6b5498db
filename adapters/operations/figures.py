"""Figures of the case database for Prometheus, read when somebody asks. No label names a case or a person.

Every process that answers `/metrics` gives the same figures, so a query takes their maximum, not their sum.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func
from sqlmodel import col, select

from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import OutboxRow, ProcessRow, TimerRow, reading
from adapters.storage.exchange_tables import (
    CaseSystemLinkRow,
    InboxRow,
    OutgoingEventRow,
    PostbakRow,
    WebhookDeliveryRow,
)
from adapters.storage.message_tables import DeliveryRow, DeliveryState
from milestones.term_table import TERMS
from milestones.terms import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement
    from sqlmodel import Session

    from adapters.office import Office

KEEP_SECONDS = 5.0  # several who ask at the same time cost the database one reading
_DUTIES = frozenset(term.id for term in TERMS.values() if term.kind is Kind.DUTY)

# What is counted: name, text, and the rows.
_COUNTED: tuple[tuple[str, str, Any, ColumnElement[bool]], ...] = (
    (
        "routekaart_attention_waiting",
        "Processen met een verandering die hun flow run nog niet toont.",
        ProcessRow.id,
        col(ProcessRow.attention).is_(True) & col(ProcessRow.finished).is_(False),
    ),
    (
        "routekaart_processes_leased",
        "Processen die een worker nu in handen heeft.",
        ProcessRow.id,
        col(ProcessRow.leased_by).is_not(None),
    ),
    (
        "routekaart_outbox_waiting",
        "Berichten die nog niet op weg zijn.",
        OutboxRow.id,
        col(OutboxRow.done_at).is_(None),
    ),
    (
        "routekaart_deliveries_waiting",
        "Bezorgingen die nog moeten gebeuren; ook die van straks.",
        DeliveryRow.id,
        col(DeliveryRow.state) == DeliveryState.WAITING,
    ),
    (
        "routekaart_deliveries_undeliverable",
        "Berichten die over geen enkel kanaal aankwamen.",
        DeliveryRow.id,
        col(DeliveryRow.state) == DeliveryState.UNDELIVERABLE,
    ),
    (
        "routekaart_postbak_waiting",
        "Berichten die op een mens wachten.",
        PostbakRow.id,
        col(PostbakRow.closed_at).is_(None),
    ),
    (
        "routekaart_inbox_waiting",
        "Notificaties die nog verwerkt moeten worden.",
        InboxRow.id,
        col(InboxRow.done_at).is_(None),
    ),
    (
        "routekaart_events_unpublished",
        "Gebeurtenissen die nog naar buiten moeten.",
        OutgoingEventRow.number,
        col(OutgoingEventRow.published_at).is_(None),
    ),
    (
        "routekaart_webhooks_given_up",
        "Berichten die geen abonnee aannam.",
        WebhookDeliveryRow.id,
        col(WebhookDeliveryRow.gave_up_at).is_not(None),
    ),
    (
        "routekaart_zaken_stopped",
        "Zaken die het zaaksysteem niet laat bijwerken.",
        CaseSystemLinkRow.id,
        col(CaseSystemLinkRow.stopped_at).is_not(None),
    ),
)


class CaseFigures:
    """A collector for a registry of `prometheus_client`."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._kept: list[GaugeMetricFamily] = []

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Let a registry take this in without a reading."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the figures as they are now, or were a few seconds ago."""
        with self._lock:
            if not self._kept or time.monotonic() - self._read_at > KEEP_SECONDS:
                with reading(self._office.engine) as session:
                    self._kept = [*self._amounts(session), *self._ages(session)]
                self._read_at = time.monotonic()
            return list(self._kept)

    def _amounts(self, session: Session) -> Iterable[GaugeMetricFamily]:
        running = GaugeMetricFamily(
            "routekaart_open_processes", "Processen die lopen, per mijlpaal.", labels=["mijlpaal"]
        )
        query = select(ProcessRow.code, func.count()).where(col(ProcessRow.closed).is_(False))
        for code, number in session.exec(query.group_by(ProcessRow.code)):
            running.add_metric([code], number)
        yield running
        overdue = GaugeMetricFamily(
            "routekaart_overdue_terms",
            "Termijnen van lopende processen met hun laatste dag voorbij; opgeschorte tellen niet.",
            labels=["termijn"],
        )
        late = (
            select(TimerRow.term, func.count())
            .join(ProcessRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(
                col(TimerRow.due) < self._office.clock.today(),
                col(TimerRow.stopped).is_(None),
                col(ProcessRow.closed).is_(False),
            )
            .group_by(TimerRow.term)
        )
        for term, number in session.exec(late):
            if term in _DUTIES:
                overdue.add_metric([term], number)
        yield overdue
        for name, text, column, condition in _COUNTED:
            yield _gauge(name, text, session.exec(select(func.count(column)).where(condition)).one())

    def _ages(self, session: Session) -> Iterable[GaugeMetricFamily]:
        """Yield how long the oldest has waited, in seconds; 0 when nothing waits."""
        clock = self._office.clock
        today = clock.today()
        first = session.exec(select(func.min(TimerRow.next_on)).where(col(TimerRow.next_on) <= today)).one()
        began = None if first is None else datetime.combine(first, datetime.min.time(), AMSTERDAM)
        yield _age(
            "routekaart_oldest_unfired_timer_seconds",
            "Hoe lang geleden de oudste waarschuwing of termijn had moeten afgaan.",
            began,
            clock.now(),
        )
        asked = session.exec(
            select(func.min(ProcessRow.asked_at)).where(
                col(ProcessRow.attention).is_(True), col(ProcessRow.finished).is_(False)
            )
        ).one()
        yield _age(
            "routekaart_oldest_attention_seconds",
            "Hoe lang de oudste verandering wacht om getoond te worden.",
            asked,
            datetime.now(UTC),
        )
        for name, text, column, condition in (
            (
                "routekaart_oldest_outbox_seconds",
                "Hoe oud het oudste bericht is dat nog niet op weg is.",
                OutboxRow.created_at,
                col(OutboxRow.done_at).is_(None),
            ),
            (
                "routekaart_oldest_delivery_seconds",
                "Hoe lang de oudste bezorging te laat is.",
                DeliveryRow.next_attempt_at,
                col(DeliveryRow.state) == DeliveryState.WAITING,
            ),
            (
                "routekaart_oldest_unpublished_seconds",
                "Hoe oud de oudste gebeurtenis is die nog naar buiten moet.",
                OutgoingEventRow.created_at,
                col(OutgoingEventRow.published_at).is_(None),
            ),
        ):
            oldest = session.exec(select(func.min(column)).where(condition)).one()
            yield _age(name, text, oldest, clock.now())


def _age(name: str, text: str, since: datetime | None, now: datetime) -> GaugeMetricFamily:
    waited = timedelta(0) if since is None else max(now - since, timedelta(0))
    return _gauge(name, text, waited.total_seconds())


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
