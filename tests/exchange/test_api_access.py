"""Who may call the API: keys, signed tokens, limits, and what a refusal leaves behind."""

from __future__ import annotations

import stat
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import structlog
from sqlalchemy import event
from starlette.testclient import TestClient
from support.api import whole

from adapters.api import create_api
from adapters.api.limits import LockOut, RateLimit
from adapters.api.remembered_clients import REMEMBERED_SECONDS
from adapters.exchange.clients import (
    ClientError,
    clients,
    end_previous_key,
    first_key_file,
    new_client,
    revoke_client,
    rotate_client,
)
from adapters.exchange.webhooks import SubscriptionError, subscribe
from adapters.runtime.settings import Settings, SettingsError
from adapters.runtime.settings import settings as read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.api.auth import Gate
    from adapters.office import Office


def token(client_id: str, secret: str, algorithm: str = "HS256", **claims: Any) -> str:
    """Make a token as ZGW clients do."""
    content = {"iss": client_id, "client_id": client_id, "user_id": "u", "iat": int(time.time()), **claims}
    return jwt.encode(
        {name: value for name, value in content.items() if value is not None}, secret, algorithm
    )


def status(api: TestClient, authorization: str) -> int:
    """Ask something with this header and give the status."""
    return api.get("/v1/zaken", headers={"Authorization": authorization}).status_code


@pytest.fixture
def stranger(office: Office) -> TestClient:
    """Return the API without any key."""
    return TestClient(create_api(office))


def test_nothing_but_health_answers_a_stranger(stranger: TestClient) -> None:
    """Every address of the description answers 401 without a key, whatever is sent; only health answers."""
    paths = whole(stranger.get("/v1/openapi.json").json())["paths"]
    for path, methods in paths.items():
        for method in methods:
            answer = stranger.request(
                method, path.replace("{reference}", "X").replace("{code}", "M3"), content=b"{"
            )
            expected = 200 if path in ("/healthz", "/readyz") else 401
            assert answer.status_code == expected, path
            if expected == 401:
                assert answer.headers["content-type"] == "application/problem+json"
                assert "Bearer" in answer.headers["www-authenticate"]


def test_the_first_start_makes_a_client_and_keeps_its_key_private(
    stranger: TestClient, office: Office
) -> None:
    """The first start makes one client; its key is in a file for this user alone, and not in the database."""
    path = first_key_file(office)
    key = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert status(stranger, f"Bearer {key}") == 200
    (row,) = clients(office)
    assert key not in str(row.model_dump())
    create_api(office)
    assert path.read_text() == key


def test_a_key_may_come_in_either_header(stranger: TestClient, office: Office) -> None:
    """A key is accepted as a Bearer token and as X-API-Key; anything else is not."""
    made = new_client(office, "zaaksysteem")
    assert status(stranger, f"Bearer {made.api_key}") == 200
    assert stranger.get("/v1/zaken", headers={"X-API-Key": made.api_key}).status_code == 200
    for wrong in (f"Basic {made.api_key}", "Bearer", "Bearer x", f"Bearer {made.api_key}x", "Bearer a.b.c"):
        assert status(stranger, wrong) == 401


def test_a_revoked_client_is_not_let_in(stranger: TestClient, office: Office) -> None:
    """A client that was revoked is refused within seconds, with its key and with its tokens."""
    made = new_client(office, "zaaksysteem")
    ways = [f"Bearer {made.api_key}", f"Bearer {token('zaaksysteem', made.jwt_secret)}"]
    assert [status(stranger, way) for way in ways] == [200, 200]
    revoke_client(office, "zaaksysteem")
    gate_of(stranger).clients.now = lambda: time.monotonic() + REMEMBERED_SECONDS
    assert [status(stranger, way) for way in ways] == [401, 401]


def test_a_client_is_remembered_and_one_that_is_unknown_is_not(stranger: TestClient, office: Office) -> None:
    """One look-up serves the requests of some seconds; who was refused gets in as soon as he is a client."""
    asked: list[str] = []
    event.listen(office.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    made = new_client(office, "zaaksysteem")

    def look_ups() -> int:
        return sum("FROM clients" in statement for statement in asked)

    asked.clear()
    assert [status(stranger, f"Bearer {made.api_key}") for _ in range(3)] == [200, 200, 200]
    assert look_ups() == 1
    for _ in range(2):
        assert status(stranger, "Bearer rk_nieuw_sleutel") == 401
    assert look_ups() == 5  # each by its key, and by the name that it claims
    new_client(office, "nieuw", api_key="rk_nieuw_sleutel")
    assert status(stranger, "Bearer rk_nieuw_sleutel") == 200


def gate_of(api: TestClient) -> Gate:
    """Return what lets callers in."""
    app: Any = api.app
    return app.state.gate


def test_a_signed_token_is_accepted(stranger: TestClient, office: Office) -> None:
    """A token signed with the secret of its client lets that client in."""
    made = new_client(office, "zaaksysteem")
    assert status(stranger, f"Bearer {token('zaaksysteem', made.jwt_secret)}") == 200


def test_a_token_must_be_right_in_every_part(stranger: TestClient, office: Office) -> None:
    """A token that is old, from the future, undated, of another client or another algorithm is refused."""
    made, other = new_client(office, "zaaksysteem"), new_client(office, "ander")
    secret, now = made.jwt_secret, int(time.time())
    wrong = (
        token("zaaksysteem", secret, iat=now - 3700),
        token("zaaksysteem", secret, iat=now + 3600),
        token("zaaksysteem", secret, iat=None),
        token("zaaksysteem", secret, iat="gisteren"),
        token("zaaksysteem", secret, exp=now - 120),
        token("zaaksysteem", other.jwt_secret),
        token("niemand", secret),
        token("zaaksysteem", secret, algorithm="HS512"),
        token("zaaksysteem", "", algorithm="none"),
        token("zaaksysteem", secret)[:-2] + "AA",
    )
    for number, bad in enumerate(wrong):
        assert status(TestClient(create_api(office)), f"Bearer {bad}") == 401, number
    assert status(stranger, f"Bearer {token('zaaksysteem', secret)}") == 200


def test_who_guesses_too_often_is_shut_out_and_others_are_not(stranger: TestClient, office: Office) -> None:
    """After ten wrong guesses who guesses gets 429; the right key still gets in from that address."""
    made, other = new_client(office, "zaaksysteem"), new_client(office, "ander")
    guesses = [status(stranger, f"Bearer rk_zaaksysteem_{number}") for number in range(12)]
    assert guesses == [401] * 10 + [429] * 2
    assert status(stranger, f"Bearer {made.api_key}") == 200
    assert status(stranger, f"Bearer {other.api_key}") == 200


def test_who_asks_too_much_has_to_wait(stranger: TestClient, office: Office) -> None:
    """More requests than agreed answer 429 with the time to wait."""
    made = new_client(office, "zaaksysteem")
    gate_of(stranger).rate = RateLimit(per_second=0.01)
    answers = [stranger.get("/v1/zaken", headers={"X-API-Key": made.api_key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert int(answers[-1].headers["retry-after"]) > 1


def test_a_refusal_is_logged_without_the_key(stranger: TestClient, office: Office) -> None:
    """A refusal leaves a line in the log with the client that was claimed and why; never the key or the user."""
    made = new_client(office, "zaaksysteem")
    with structlog.testing.capture_logs() as lines:
        stranger.get("/v1/zaken")
        status(stranger, f"Bearer {token('zaaksysteem', 'fout', user_id='j.testpersoon')}")
        for _ in range(10):
            status(stranger, "Bearer rk_zaaksysteem_geraden")
    assert {line["event"] for line in lines} == {"api_access_refused"}
    assert [(line["client"], line["reason"]) for line in lines] == [
        ("onbekend", "geen sleutel"),
        *[("zaaksysteem", "onbekende sleutel")] * 10,
        ("zaaksysteem", "te veel mislukte pogingen"),
    ]
    assert not any(word in str(lines) for word in ("geraden", "testpersoon", made.api_key))


def test_a_bucket_fills_again() -> None:
    """A caller who waits may ask again."""
    moment = [0.0]
    limit = RateLimit(per_second=1, burst_seconds=2, now=lambda: moment[0])
    assert [limit.wait("a") for _ in range(3)] == [0, 0, 1]
    assert limit.wait("b") == 0
    moment[0] = 1.0
    assert limit.wait("a") == 0


def test_a_lock_out_ends() -> None:
    """Who was shut out may try again after the time is over."""
    moment = [0.0]
    lock = LockOut(failures=2, seconds=10, now=lambda: moment[0])
    lock.failed("a")
    assert lock.wait("a") == 0
    lock.failed("a")
    assert lock.wait("a") == 10
    moment[0] = 11.0
    assert lock.wait("a") == 0


def test_digits_of_another_script_are_no_gemeentecode(office: Office) -> None:
    """A client or a subscriber for "٠٥١٨" is refused: such a code would match no case, without a word."""
    with pytest.raises(ClientError, match="vier cijfers"):
        new_client(office, "arabisch", municipalities=("٠٥١٨",))
    with pytest.raises(SubscriptionError, match="vier cijfers"):
        subscribe(office, "arabisch", "https://example.org/in", municipalities=("٠٥١٨",))


def test_two_keys_and_secrets_are_valid_at_a_time(stranger: TestClient, office: Office) -> None:
    """After a rotation both get in, as the same client with the same idempotency keys; then only the newest."""
    first = new_client(office, "zaaksysteem")
    headers = {"Idempotency-Key": "eenmaal"}

    def opened(key: str) -> str:
        answer = stranger.post("/v1/zaken", json={"mijlpaal": "M3"}, headers=headers | {"X-API-Key": key})
        return str(answer.json()["zaak"])

    case = opened(first.api_key)
    second = rotate_client(office, "zaaksysteem")
    ways = [
        way
        for made in (first, second)
        for way in (f"Bearer {made.api_key}", f"Bearer {token('zaaksysteem', made.jwt_secret)}")
    ]
    gate_of(stranger).clients.now = lambda: time.monotonic() + REMEMBERED_SECONDS
    assert [status(stranger, way) for way in ways] == [200] * 4
    assert opened(second.api_key) == opened(first.api_key) == case
    end_previous_key(office, "zaaksysteem")
    gate_of(stranger).clients.now = lambda: time.monotonic() + 3 * REMEMBERED_SECONDS
    assert [status(stranger, way) for way in ways] == [401, 401, 200, 200]
    with pytest.raises(ClientError):
        rotate_client(office, "bestaat-niet")


def test_a_token_outlives_a_new_secret_of_ours(office: Office, settings: Settings) -> None:
    """Tokens under the secret before are valid as long as that one is kept along, and no longer."""
    made = new_client(office, "zaaksysteem")
    old = office.settings.integration_secret().decode()
    given = settings.model_dump(exclude_unset=True) | {"integration_key": "n" * 64}
    for kept, expected in (([old], 200), ([], 401)):
        office.settings = Settings.model_validate(given | {"integration_keys_old": kept})
        way = f"Bearer {token('zaaksysteem', made.jwt_secret)}"
        assert status(TestClient(create_api(office)), way) == expected


def test_a_token_that_ended_says_so_and_is_no_guess(stranger: TestClient, office: Office) -> None:
    """However often it comes, a real token that is too old or too new is told so, and shuts nobody out."""
    made, now = new_client(office, "zaaksysteem"), int(time.time())
    for claims, said in (
        ({"exp": now - 120}, "verlopen"),
        ({"iat": now - 7200}, "verlopen"),
        ({"iat": now + 7200}, "klok"),
    ):
        late = token("zaaksysteem", made.jwt_secret, **claims)
        for _ in range(12):
            answer = stranger.get("/v1/zaken", headers={"Authorization": f"Bearer {late}"})
            assert (answer.status_code, said in answer.json()["detail"]) == (401, True)
            assert answer.json()["type"] == "/v1/problemen#token-buiten-tijd"
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert status(stranger, "Bearer rk_zaaksysteem_geraden") == 401  # and not 429
    revoke_client(office, "zaaksysteem")
    gate_of(stranger).clients.now = lambda: time.monotonic() + REMEMBERED_SECONDS
    late = token("zaaksysteem", made.jwt_secret, exp=now - 120)
    refused = stranger.get("/v1/zaken", headers={"Authorization": f"Bearer {late}"})
    assert refused.json()["type"] == "/v1/problemen#geen-toegang"


@pytest.mark.parametrize(("trusted", "last"), [((), 429), (("203.0.113.7",), 429), (("192.0.2.0/24",), 401)])
def test_only_a_trusted_proxy_tells_who_calls(office: Office, trusted: tuple[str, ...], last: int) -> None:
    """A forwarded address counts when the proxy itself is trusted; else who calls is who connects."""
    office.settings = office.settings.model_copy(update={"trusted_proxies": trusted})
    api = TestClient(create_api(office), client=("192.0.2.10", 1234))
    guesses = [
        api.get(
            "/v1/zaken",
            headers={"X-API-Key": "rk_x_fout", "X-Forwarded-For": f"1.2.3.4, 198.51.100.{number}"},
        )
        for number in range(11)
    ]
    assert [answer.status_code for answer in guesses] == [401] * 10 + [last]


def test_a_wrong_proxy_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is neither an address nor a network is refused at the start."""
    monkeypatch.setenv("ROUTEKAART_HOME", str(tmp_path))
    monkeypatch.setenv("ROUTEKAART_TRUSTED_PROXIES", '["proxy.gemeente"]')
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        read_settings.__wrapped__()
