"""Figures in the form of Prometheus: how the API does, and what waits. No label names a case or a person."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from adapters.operations.figures import CaseFigures
from adapters.runtime.counters import REGISTRY as PROCESS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from adapters.office import Office


class Metrics:
    """The figures of one process of the API, and of the cases that it works on."""

    def __init__(self, office: Office) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(CaseFigures(office))
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

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def as_text(self) -> str:
        """Return all figures; what waits is counted now."""
        return (generate_latest(self._registry) + generate_latest(PROCESS)).decode()


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
                headers = list(message.get("headers", []))
                given = {name for name, _ in headers}
                page = any(
                    name == b"content-type" and value.startswith(b"text/html") for name, value in headers
                )
                ours = self._headers if page else self._headers + _FOR_DATA
                message = {**message, "headers": [*headers, *(item for item in ours if item[0] not in given)]}
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "onbekend")
            method = scope["method"] if scope["method"] in _METHODS else "ANDERS"
            self._metrics.note(method, route, status, time.perf_counter() - began)


class AnswersHead:
    """Answers HEAD as GET, without its content (RFC 9110, 9.3.2): whoever asks whether something is there may."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_content(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, without_content)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# What the design rules ask of an API that gives data: nothing of it is shown in a frame or runs in a browser.
_FOR_DATA = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000"),
]
