"""Certificates that expire and names that lose their address: what was to go out waits, and goes out once after it."""

from __future__ import annotations

import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import select

from adapters.exchange.ddas_pull import certificate_problems
from adapters.exchange.webhooks import deliver_due, fan_out, subscribe
from adapters.messages.channels import ChannelError, send_over
from adapters.messages.letters import Written
from adapters.messages.retry_table import RETRY_TABLE
from adapters.storage.database import reading
from adapters.storage.exchange_tables import WebhookDeliveryRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

LETTER = Written("3f1c", "Zaak FZ-1: een taak", "Wat vragen we je?", "https://x.example", municipality="0518")
LONG, PAST = timedelta(days=90), timedelta(days=-1)


def _certificate(folder: Path, ends: timedelta) -> tuple[Path, Path]:
    """Make a certificate of this machine that ends so long from now; give it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=365))
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    (folder / "keten.pem").write_bytes(made.public_bytes(pem))
    (folder / "sleutel.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "keten.pem", folder / "sleutel.pem"


class _Receiver:
    """A receiver over TLS whose certificate may be replaced."""

    def __init__(self, chain: Path, key: Path) -> None:
        self.ids: list[str] = []
        ids = self.ids

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                ids.append(str(self.headers["webhook-id"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.show(chain, key)
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def show(self, chain: Path, key: Path) -> None:
        """Show this certificate from now on."""
        self._context.load_cert_chain(chain, key)

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def _receiving(chain: Path, key: Path) -> Iterator[_Receiver]:
    made = _Receiver(chain, key)
    try:
        yield made
    finally:
        made.close()


def _results(office: Office) -> list[str | None]:
    with reading(office.engine) as session:
        return list(session.exec(select(WebhookDeliveryRow.last_result).order_by("id")))


def test_events_wait_for_a_receiver_whose_certificate_expired(
    office: Office, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent past an expired certificate; with a new one all goes out on the table, each once."""
    old, new = tmp_path / "oud", tmp_path / "nieuw"
    old.mkdir()
    new.mkdir()
    expired, valid = _certificate(old, PAST), _certificate(new, LONG)
    trusted = tmp_path / "vertrouwd.pem"
    trusted.write_bytes(expired[0].read_bytes() + valid[0].read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with _receiving(*expired) as receiver:
        subscribe(office, "tls", f"https://localhost:{receiver.port}/ontvang")
        office.casework.open("M3", municipality="0518", reference="A")
        fan_out(office)
        assert deliver_due(office) == 0
        assert receiver.ids == []
        assert _results(office)[0] == "ConnectError"
        receiver.show(*valid)
        for wait in RETRY_TABLE[:3]:
            clock.moment += wait
            deliver_due(office)
        assert len(receiver.ids) == len(set(receiver.ids)) == len(_results(office))


def test_events_wait_for_a_name_that_has_no_address(office: Office, clock: SetClock) -> None:
    """A subscriber whose name cannot be looked up is tried again on the table; nothing is given up at once."""
    subscribe(office, "weg", "https://weg.invalid/ontvang")
    office.casework.open("M3", municipality="0518", reference="A")
    fan_out(office)
    assert deliver_due(office) == 0
    with reading(office.engine) as session:
        row = session.exec(select(WebhookDeliveryRow).order_by("id")).first()
    assert row is not None
    assert (row.last_result, row.attempts, row.gave_up_at) == ("ConnectError", 1, None)
    assert row.next_at == clock.now() + RETRY_TABLE[1]


@pytest.mark.parametrize(
    "address", ["mailtos://x:y@weg.invalid?from=a@example.org&to=b@example.org", "jsons://weg.invalid/x"]
)
def test_a_message_to_a_name_without_an_address_is_not_delivered(address: str) -> None:
    """Mail and web alike: it is no yes, so that it is tried again, and the reason names no address."""
    with pytest.raises(ChannelError) as refused:
        send_over(address, LETTER)
    assert not refused.value.hopeless
    assert "invalid" not in str(refused.value)


@pytest.mark.parametrize(
    ("ends", "trusted", "taken"), [(LONG, True, True), (PAST, True, False), (LONG, False, False)]
)
def test_a_message_goes_past_no_bad_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: timedelta, trusted: bool, taken: bool
) -> None:
    """A web address whose certificate expired, or that nobody knows, gets nothing and is tried again."""
    chain, key = _certificate(tmp_path, ends)
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(chain))
    with _receiving(chain, key) as receiver:
        address = f"jsons://localhost:{receiver.port}/x"
        if taken:
            send_over(address, LETTER)
        else:
            with pytest.raises(ChannelError) as refused:
                send_over(address, LETTER)
            assert not refused.value.hopeless
        assert len(receiver.ids) == taken


@pytest.mark.parametrize(
    ("ends", "said"),
    [(timedelta(days=31), None), (timedelta(days=29), "verloopt op"), (PAST, "is verlopen op")],
)
def test_a_certificate_of_our_own_is_named_before_it_expires(
    tmp_path: Path, ends: timedelta, said: str | None
) -> None:
    """`controleer` names the file of the certificates with which we sign, from thirty days before one of them ends."""
    chain, _ = _certificate(tmp_path, ends)
    whole = _certificate(tmp_path, LONG)[0].read_bytes() if said is None else b""
    chain.write_bytes(whole + chain.read_bytes())
    problems = list(certificate_problems(chain, datetime.now(UTC)))
    assert [said in line for line in problems if said] == ([True] if said else [])
    assert len(problems) == (said is not None)
    assert all("keten.pem" in line and "ROUTEKAART_DDAS_CERTIFICATES" in line for line in problems)


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    """A file that is gone, empty or unreadable is one sentence; no file is no problem."""
    assert list(certificate_problems(None, datetime.now(UTC))) == []
    for content in (None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        file = tmp_path / "keten.pem"
        if content is not None:
            file.write_bytes(content)
        assert len(list(certificate_problems(file, datetime.now(UTC)))) == 1
