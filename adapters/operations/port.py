"""A small HTTP port of a process that is no web server: figures, and whether it lives and is ready.

It answers from a thread of its own, so that it can say that the rest stands still. It shows figures without any
name and takes no input; let it listen where only Prometheus and the orchestrator can reach it.
"""

from __future__ import annotations

import contextlib
import json
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from prometheus_client import CollectorRegistry

log = structlog.get_logger("routekaart.port")


class _Server(WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 10  # somebody who connects and says nothing

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing: who asks for figures asks often."""


class Port:
    """What the port answers: `/metrics`, `/healthz` (lives), `/readyz` (can work)."""

    def __init__(
        self,
        registries: Iterable[CollectorRegistry],
        lives: Callable[[], bool],
        is_ready: Callable[[], bool],
    ) -> None:
        self._registries = tuple(registries)
        # Prefect's own workers answer /health, and its Helm chart asks that.
        self._questions = {"/healthz": lives, "/health": lives, "/readyz": is_ready}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return self._metrics(start_response)
        question = self._questions.get(path)
        if question is None:
            return _json(start_response, HTTPStatus.NOT_FOUND, "onbekend")
        try:
            fine = question()
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is no
            log.warning("health_unknown", question=path, error=type(error).__name__)
            fine = False
        status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
        return _json(start_response, status, "ok" if fine else "niet in orde")

    def _metrics(self, start_response: StartResponse) -> Iterable[bytes]:
        text = b"".join(generate_latest(registry) for registry in self._registries)
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [text]


def _json(start_response: StartResponse, status: HTTPStatus, word: str) -> Iterable[bytes]:
    start_response(f"{status.value} {status.phrase}", [("Content-Type", "application/json")])
    return [json.dumps({"status": word}).encode()]


@contextlib.contextmanager
def listening(app: Port, host: str, port: int) -> Iterator[None]:
    """Answer on this port for as long as the block lasts; a busy port is an OSError."""
    with make_server(host, port, app, server_class=_Server, handler_class=_Handler) as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.1,), name="routekaart-port", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(5)
