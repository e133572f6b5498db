"""A subscription has its own pace and its own authorization; it can be tried, paused and followed in order."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from oauthlib.oauth2 import BackendApplicationServer, RequestValidator
from support.api import caller, opened
from support.other_systems import Receiver
from support.terminal import Terminal

from adapters.exchange.clients import new_client
from adapters.exchange.subscriber_authorization import AuthorizationError, read_authorization
from adapters.exchange.webhooks import (
    SubscriptionError,
    authorize,
    deliver_due,
    fan_out,
    pause,
    subscribe,
    subscriptions,
    take_up_again,
    try_out,
    waiting_subscribers,
)
from adapters.runtime.settings import Settings
from adapters.storage.database import writing
from flows.outgoing import send_due

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.office import Office


def header(receiver: Receiver) -> str | None:
    """Return the authorization of the last message."""
    return receiver.received[-1][0].get("authorization")


def written(folder: Path, text: str) -> Path:
    """Write a file with an authorization."""
    path = folder / "autorisatie.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- a pace of its own --------------------------------------------------------------------------------------


class _Hanging(BaseHTTPRequestHandler):
    """Takes a message and does not answer until the test is over."""

    over: threading.Event
    asked: threading.Event

    def do_POST(self) -> None:
        self.asked.set()
        self.over.wait(60)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def test_a_receiver_that_hangs_delays_nobody(api: TestClient, office: Office, receiver: Receiver) -> None:
    """While one receiver keeps its first message, another gets all of its own, round after round."""
    _Hanging.over, _Hanging.asked = threading.Event(), threading.Event()
    hanging = ThreadingHTTPServer(("127.0.0.1", 0), _Hanging)
    hanging.daemon_threads = True
    threading.Thread(target=hanging.serve_forever, daemon=True).start()
    subscribe(office, "a-hangt", f"http://127.0.0.1:{hanging.server_port}/", ("mijlpaal-bereikt",))
    subscribe(office, "b-vlot", receiver.url, ("mijlpaal-bereikt",))
    arrived = []
    for _ in range(3):
        opened(api)
        fan_out(office)
        send_due(office)
        assert _Hanging.asked.wait(30)
        while len(receiver.received) == len(arrived):
            threading.Event().wait(0.02)
        arrived = list(receiver.received)
    assert len(arrived) == 3
    _Hanging.over.set()
    hanging.shutdown()
    hanging.server_close()


def test_a_rest_counts_for_all_that_waits(api: TestClient, office: Office, receiver: Receiver) -> None:
    """A receiver that asks for a rest hears nothing until it is over, also not of other events."""
    subscribe(office, "dashboard", receiver.url)
    receiver.status, receiver.headers = 429, {"Retry-After": "7200"}
    opened(api)
    fan_out(office)
    deliver_due(office)
    assert len(receiver.received) == 1
    assert waiting_subscribers(office) == []


def test_a_paused_subscription_goes_on_in_order(api: TestClient, office: Office, receiver: Receiver) -> None:
    """Nothing goes out during a pause, and afterwards all of it, the oldest first."""
    subscribe(office, "dashboard", receiver.url, ("mijlpaal-bereikt",))
    pause(office, "dashboard")
    cases = [opened(api) for _ in range(3)]
    fan_out(office)
    assert (deliver_due(office), receiver.received) == (0, [])
    take_up_again(office, "dashboard")
    assert deliver_due(office) == 3
    assert [json.loads(body)["subject"] for _, body in receiver.received] == cases


def test_the_events_of_a_case_have_an_order_and_a_subject_that_the_api_takes(
    api: TestClient, office: Office, receiver: Receiver
) -> None:
    """Whoever sorts by `sequence` has the order of the case, and `subject` is the case at the API."""
    subscribe(office, "dashboard", receiver.url)
    reference = opened(api)
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "ingetrokken"):
        data = {"motivering": "m-1"} if event == "ingetrokken" else {}
        said = {"gebeurtenis": event, "gegevens": data}
        answer = api.post(f"/v1/zaken/{reference}/gebeurtenissen", json=said)
        assert answer.status_code == 201
    fan_out(office)
    deliver_due(office)
    sent = [json.loads(body) for _, body in receiver.received]
    order = [event["sequence"] for event in sent]
    assert order == sorted(order)
    assert len(set(order)) == len(order) > 5
    assert {api.get(f"/v1/zaken/{event['subject']}").status_code for event in sent} == {200}
    kinds = [event["type"].rpartition(".")[2] for event in sent]
    assert (kinds.count("toestand-gewijzigd"), kinds.count("mijlpaal-afgesloten")) == (3, 1)


# --- authorization ------------------------------------------------------------------------------------------


def test_a_fixed_header_goes_along_and_is_kept_unreadable(
    office: Office, receiver: Receiver, tmp_path: Path
) -> None:
    """The header comes with each message, and nothing of it stands in the database."""
    shown = read_authorization(written(tmp_path, 'soort = "vast"\nwaarde = "Token geheim-123"'))
    subscribe(office, "dashboard", receiver.url, authorization=shown)
    assert try_out(office, "dashboard").succeeded
    assert header(receiver) == "Token geheim-123"
    with writing(office.engine) as session:
        rows = session.connection().exec_driver_sql("SELECT * FROM subscriptions").all()
    assert "geheim-123" not in str(rows)
    authorize(office, "dashboard", None)
    try_out(office, "dashboard")
    assert header(receiver) is None


def test_an_authorization_outlives_a_new_secret_of_ours(
    office: Office, settings: Settings, receiver: Receiver, tmp_path: Path
) -> None:
    """After a rotation of our own secret, with the old one kept along, the header is still sent."""
    shown = read_authorization(written(tmp_path, 'soort = "vast"\nwaarde = "Token geheim-123"'))
    subscribe(office, "dashboard", receiver.url, authorization=shown)
    old = office.settings.integration_secret().decode()
    changed = {"integration_key": "n" * 64, "integration_keys_old": [old]}
    office.settings = Settings.model_validate(settings.model_dump(exclude_unset=True) | changed)
    assert try_out(office, "dashboard").succeeded
    assert header(receiver) == "Token geheim-123"


def test_a_token_of_zgw_is_one_that_its_receiver_can_check(
    office: Office, receiver: Receiver, tmp_path: Path
) -> None:
    """The token is signed with the secret of the receiver and has the claims that ZGW wants."""
    text = f'soort = "zgw"\nclient_id = "routekaart"\ngeheim = "{"g" * 40}"'
    subscribe(office, "nrc", receiver.url, authorization=read_authorization(written(tmp_path, text)))
    assert try_out(office, "nrc").succeeded
    scheme, _, token = (header(receiver) or "").partition(" ")
    claims = jwt.decode(token, "g" * 40, algorithms=["HS256"])
    assert (scheme, claims["iss"], claims["client_id"]) == ("Bearer", "routekaart", "routekaart")
    assert {"iat", "user_id", "user_representation"} <= set(claims)


class _Clients(RequestValidator):
    """What the OAuth2 server knows: one client."""

    given: list[str]

    def authenticate_client(self, request: Any, *_: Any, **__: Any) -> bool:
        request.client = type("Client", (), {"client_id": "routekaart"})()
        return bool(request.headers.get("Authorization") == "Basic cm91dGVrYWFydDpoZWVsLWdlaGVpbQ==")

    def validate_grant_type(self, _: str, grant_type: str, *__: Any, **___: Any) -> bool:
        return grant_type == "client_credentials"

    def validate_scopes(self, _: str, scopes: list[str], *__: Any, **___: Any) -> bool:
        return scopes == ["events"]

    def save_bearer_token(self, token: dict[str, Any], *_: Any, **__: Any) -> None:
        self.given.append(token["access_token"])


@pytest.fixture
def oauth2() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a server of oauthlib, and the tokens that it gave."""
    known = _Clients()
    known.given = []
    provider = BackendApplicationServer(known)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            headers, answer, status = provider.create_token_response(
                "https://oauth.example/token", "POST", body, dict(self.headers.items())
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/token", known.given
    server.shutdown()
    server.server_close()


def test_client_credentials_are_those_of_a_real_server(
    office: Office, receiver: Receiver, tmp_path: Path, oauth2: tuple[str, list[str]]
) -> None:
    """A token is asked once, used until it ends or is refused, and a refusal of the server is a failed attempt."""
    address, given = oauth2
    text = 'soort = "oauth2"\ntoken_url = "{}"\nclient_id = "routekaart"\ngeheim = "{}"\nscope = "events"'
    right = read_authorization(written(tmp_path, text.format(address, "heel-geheim")))
    subscribe(office, "nrc", receiver.url, authorization=right)
    assert [try_out(office, "nrc").succeeded for _ in range(2)] == [True, True]
    assert (len(given), header(receiver)) == (1, f"Bearer {given[0]}")
    receiver.status = 401
    assert not try_out(office, "nrc").succeeded
    receiver.status = 200
    assert try_out(office, "nrc").succeeded
    assert (len(given), header(receiver)) == (2, f"Bearer {given[1]}")
    authorize(office, "nrc", read_authorization(written(tmp_path, text.format(address, "verkeerd"))))
    before = len(receiver.received)
    sent = try_out(office, "nrc")
    assert (sent.succeeded, sent.result.startswith("geen autorisatie")) == (False, True)
    assert len(receiver.received) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        'soort = "anders"',
        'soort = "vast"',
        'soort = "vast"\nwaarde = "regel\\nregel"',
        'soort = "zgw"\nclient_id = "x"',
        'soort = "oauth2"\nclient_id = "x"\ngeheim = "y"\ntoken_url = "http://elders.example/token"',
        'soort = "zgw"\nclient_id = "x"\ngeheim = "zeer-geheim"\nmeer = 1',
    ],
)
def test_a_wrong_authorization_is_one_sentence(tmp_path: Path, text: str) -> None:
    """What is missing or wrong is named, and no secret is repeated."""
    with pytest.raises(AuthorizationError) as refused:
        read_authorization(written(tmp_path, text))
    assert "autorisatie.toml" in str(refused.value)
    assert "zeer-geheim" not in str(refused.value)


# --- trying out ---------------------------------------------------------------------------------------------


def test_a_subscription_is_tried_with_one_call(api: TestClient, office: Office, receiver: Receiver) -> None:
    """The answer says what the receiver said; the event is signed, and about no case."""
    subscribe(office, "dashboard", receiver.url, ("mijlpaal-*",), ("0518",))
    address = "/v1/abonnementen/dashboard/test"
    assert api.post(address).json() == {"abonnement": "dashboard", "gelukt": True, "resultaat": "HTTP 200"}
    headers, body = receiver.received[-1]
    assert headers["webhook-id"] == json.loads(body)["id"]
    assert "subject" not in json.loads(body)
    receiver.status = 500
    assert api.post(address).json()["gelukt"] is False
    assert api.post("/v1/abonnementen/bestaat-niet/test").status_code == 404
    elsewhere = caller(office, new_client(office, "leiden", ("0546",)).api_key)
    assert elsewhere.post(address).status_code == 404
    reader = caller(office, new_client(office, "lezer", ("*",), ("lezen",)).api_key)
    assert reader.post(address).status_code == 403


def test_a_subscription_is_tried_paused_and_resumed_by_command(
    office: Office, receiver: Receiver, terminal: Terminal, tmp_path: Path
) -> None:
    """Each is one command; a receiver that refuses is exit 2 with what it said."""
    file = written(tmp_path, 'soort = "vast"\nwaarde = "Token geheim-123"')
    assert terminal("abonnement", "nieuw", "dashboard", receiver.url, "--autorisatie", str(file))[0] == 0
    assert terminal("abonnement", "test", "dashboard")[0] == 0
    assert header(receiver) == "Token geheim-123"
    assert terminal("abonnement", "autorisatie", "dashboard")[0] == 0
    assert terminal("abonnement", "pauzeer", "dashboard")[0] == 0
    assert "gepauzeerd" in terminal("abonnement", "lijst")[1]
    assert terminal("abonnement", "hervat", "dashboard")[0] == 0
    receiver.status = 503
    code, said = terminal("abonnement", "test", "dashboard")
    assert (code, "HTTP 503" in said) == (2, True)
    assert terminal("abonnement", "pauzeer", "bestaat-niet")[0] == 2
    missing = str(tmp_path / "weg.toml")
    assert terminal("abonnement", "nieuw", "ander", receiver.url, "--autorisatie", missing)[0] == 2
    assert [row.name for row in subscriptions(office)] == ["dashboard"]
    with pytest.raises(SubscriptionError):
        pause(office, "ander")
