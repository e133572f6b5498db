"""Figures in the form of Prometheus: how the API does, and what waits. No label names a case or a person."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func
from sqlmodel import col, select

from adapters.database import ProcessRow, reading
from adapters.integration_tables import InboxRow, OutgoingEventRow, PostbakRow, WebhookDeliveryRow

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from adapters.office import Office

_WAITING = (
    (
        "routekaart_open_processes",
        "Processen die lopen.",
        ProcessRow.id,
        col(ProcessRow.closed).is_(False),
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
)


class Metrics:
    """The figures of one process of the API."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "routekaart_api_requests",
            "Verzoeken aan de API.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "routekaart_api_request_seconds",
            "Duur van verzoeken.",
            ["method", "route"],
            registry=self._registry,
        )
        self._waiting = {name: Gauge(name, text, registry=self._registry) for name, text, _, _ in _WAITING}

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def as_text(self, office: Office) -> str:
        """Give all figures; what waits is counted now."""
        with reading(office.engine) as session:
            for name, _, column, condition in _WAITING:
                count = session.exec(select(func.count(column)).where(condition)).one()  # type: ignore[arg-type]
                self._waiting[name].set(count)
        return generate_latest(self._registry).decode()


class Measured:
    """Counts every request and gives every answer its version header (NL API Design Rules)."""

    def __init__(self, app: ASGIApp, metrics: Metrics, version: str) -> None:
        self._app = app
        self._metrics = metrics
        self._headers = [
            (b"api-version", version.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", []), *self._headers]}
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "onbekend")
            method = scope["method"] if scope["method"] in _METHODS else "ANDERS"
            self._metrics.note(method, route, status, time.perf_counter() - began)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
