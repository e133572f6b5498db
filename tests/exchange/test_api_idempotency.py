"""A repeated request is answered as the first time; what was accepted is there, whatever happens next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from support.api import caller, opened, rows
from support.stack import free_port

from adapters.exchange import answers
from adapters.exchange.answers import key_in_header
from adapters.exchange.clients import new_client
from adapters.office import open_office
from adapters.runtime.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.office import Office


def test_an_opening_repeated_opens_once(api: TestClient, office: Office) -> None:
    """The same opening with the same key answers the same, and opens one case."""
    body = {"mijlpaal": "M3", "op": "2026-03-06"}
    first = api.post("/v1/zaken", json=body, headers={"Idempotency-Key": "a"})
    before = rows(office)
    again = api.post("/v1/zaken", json=body, headers={"Idempotency-Key": "a"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert rows(office) == before


def test_an_event_repeated_later_gets_the_first_answer(api: TestClient) -> None:
    """A repeat is answered as the first time, even after the case went on."""
    reference = opened(api)
    address = f"/v1/zaken/{reference}/gebeurtenissen"
    event = {"gebeurtenis": "aanmelding_geregistreerd"}
    first = api.post(address, json=event, headers={"Idempotency-Key": "a"})
    api.post(address, json={"gebeurtenis": "niet_bedreigend"})
    again = api.post(address, json=event, headers={"Idempotency-Key": "a"})
    assert (again.status_code, again.json()) == (201, first.json())


def test_a_key_between_quotes_is_the_same_key(api: TestClient, office: Office) -> None:
    """The draft of the IETF writes a key as a structured string: a repeat with or without quotes opens one case."""
    body = {"mijlpaal": "M3"}
    first = api.post("/v1/zaken", json=body, headers={"Idempotency-Key": '"8e03978e-40d5"'})
    before = rows(office)
    again = api.post("/v1/zaken", json=body, headers={"Idempotency-Key": "8e03978e-40d5"})
    assert (first.status_code, again.json()) == (201, first.json())
    assert rows(office) == before
    other = api.post("/v1/zaken", json={"mijlpaal": "M4"}, headers={"Idempotency-Key": '"8e03978e-40d5"'})
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"a"', "a"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ("a", "a"),
        ('""', '""'),
        ('"a', '"a'),
        ('a"b"', 'a"b"'),
        (r'"a\b"', r'"a\b"'),
        ('"é"', '"é"'),
    ],
)
def test_a_header_names_a_key(header: str, key: str) -> None:
    """What is no structured string is taken as it stands."""
    assert key_in_header(header) == key


def test_a_key_that_was_kept_with_its_quotes_still_counts(
    api: TestClient, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier release kept the quotes as part of the key: its repeat still gets the first answer."""
    body, header = {"mijlpaal": "M3"}, {"Idempotency-Key": '"oud"'}
    with monkeypatch.context() as before:
        before.setattr(answers, "key_in_header", lambda key: key)
        first = api.post("/v1/zaken", json=body, headers=header)
    kept = rows(office)
    assert api.post("/v1/zaken", json=body, headers=header).json() == first.json()
    assert rows(office) == kept


def test_the_same_key_with_another_body_is_409(api: TestClient, office: Office) -> None:
    """A key that was used for another request, on any address, answers 409 and changes nothing."""
    reference = opened(api)
    address = f"/v1/zaken/{reference}/gebeurtenissen"
    api.post(address, json={"gebeurtenis": "aanmelding_geregistreerd"}, headers={"Idempotency-Key": "a"})
    before = rows(office)
    for path, body in (
        (address, {"gebeurtenis": "niet_bedreigend"}),
        (address, {"gebeurtenis": "aanmelding_geregistreerd", "op": "2026-03-09"}),
        ("/v1/zaken", {"mijlpaal": "M3"}),
    ):
        assert api.post(path, json=body, headers={"Idempotency-Key": "a"}).status_code == 409
    assert rows(office) == before


def test_keys_of_two_clients_have_nothing_to_do_with_each_other(api: TestClient, office: Office) -> None:
    """Two clients may happen to use the same key."""
    other = caller(office, new_client(office, "ander").api_key)
    first = api.post("/v1/zaken", json={"mijlpaal": "M3"}, headers={"Idempotency-Key": "a"})
    second = other.post("/v1/zaken", json={"mijlpaal": "M1"}, headers={"Idempotency-Key": "a"})
    assert second.status_code == 201
    assert first.json()["zaak"] != second.json()["zaak"]


def test_the_same_request_many_times_at_once_counts_once(api: TestClient) -> None:
    """Eight times the same opening at the same moment opens one case and gives eight equal answers."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(
                lambda _: api.post("/v1/zaken", json={"mijlpaal": "M3"}, headers={"Idempotency-Key": "a"}),
                range(8),
            )
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["zaak"] for answer in answers}) == 1
    assert api.get("/v1/zaken").json()["count"] == 1


def test_a_kill_right_after_an_answer_loses_nothing(tmp_path: Path) -> None:
    """When the API is killed with SIGKILL the moment it answered 201, the event is in the database."""
    port = free_port()
    environment = os.environ | {"ROUTEKAART_HOME": str(tmp_path), "ROUTEKAART_API_PORT": str(port)}
    kept: list[str] = []
    for number in range(2):
        process = subprocess.Popen([sys.executable, "-m", "deployments.cli", "api"], env=environment)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/healthz")
            key = (tmp_path / "api-sleutel").read_text()
            with httpx.Client(headers={"X-API-Key": key}, timeout=30) as client:
                for reference in kept:
                    assert client.get(f"{url}/v1/zaken/{reference}").status_code == 200
                answer = client.post(f"{url}/v1/zaken", json={"mijlpaal": "M3", "zaak": f"KILL-{number}"})
                process.send_signal(signal.SIGKILL)
            assert answer.status_code == 201
            kept.append(answer.json()["zaak"])
        finally:
            process.kill()
            process.wait()
    office = open_office(Settings(home=tmp_path))
    for reference in kept:
        assert office.casework.case(reference).case.process("M3").state == "NIEUW"


def wait_for(url: str) -> None:
    """Wait until an address answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")
