"""Other systems for tests: the messages that they send, and one that receives ours."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from httpx import Response
    from starlette.testclient import TestClient

STRUCTURED = {"Content-Type": "application/cloudevents+json"}


ZAAK_URL = "https://zaken.example.nl/zaken/api/v1/zaken/2f0c8a0e-1111-4222-8333-000000000001"


def event(kind: str, id_: str = "1", **more: Any) -> dict[str, Any]:
    """Make a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "urn:nld:oin:1:systeem:balie",
        "type": f"nl.voorbeeld.{kind}",
        "time": "2026-03-09T08:00:00Z",
        **more,
    }


def send(api: TestClient, content: dict[str, Any]) -> Response:
    """Send a CloudEvent in structured mode."""
    return api.post("/v1/cloudevents", json=content, headers=STRUCTURED)


def notification(**changes: Any) -> dict[str, Any]:
    """Make a notification as a subscriber of ZGW Notificaties gets it."""
    return {
        "kanaal": "zaken",
        "hoofdObject": ZAAK_URL,
        "resource": "status",
        "resourceUrl": "https://zaken.example.nl/zaken/api/v1/statussen/2f0c8a0e-1111-4222-8333-00000000aaaa",
        "actie": "create",
        "aanmaakdatum": "2026-03-09T08:00:00Z",
        "kenmerken": {"bronorganisatie": "123456782", "vertrouwelijkheidaanduiding": "zaakvertrouwelijk"},
        **changes,
    }


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class Receiver(ThreadingHTTPServer):
    """A system that receives webhooks, and answers as a test tells it to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        self.received: list[tuple[dict[str, str], bytes]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/ontvang"

    def kinds(self) -> list[str]:
        """Return the kinds of the events received, in order."""
        return [json.loads(body)["type"].rpartition(".")[2] for _, body in self.received]
