"""Numbers and addresses of other systems are recognised however registers write them, and no BSN is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from support.api import caller, opened
from support.signal_deliveries import SAMIRA

from adapters.exchange.inbox import work_on_inbox
from adapters.exchange.postbak import couple, waiting
from adapters.exchange.references import normal
from adapters.storage.database import reading

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.office import Office
    from adapters.runtime.settings import Settings

ZAAK = "https://zaken.gemeente.example/zaken/api/v1/zaken/4f693a3c-212f-4ed5-bdb0-192df06c085e"
SPELLINGS = [
    ZAAK,
    ZAAK.replace("https", "http"),
    ZAAK.replace("https", "HTTPS"),
    ZAAK.replace(".example", ".example:443"),
    ZAAK.replace("https", "http").replace(".example", ".example:80"),
    ZAAK.replace("4f693a3c-212f-4ed5-bdb0-192df06c085e", "4F693A3C-212F-4ED5-BDB0-192DF06C085E"),
    ZAAK.replace("zaken.gemeente.example", "Zaken.Gemeente.EXAMPLE"),
    f"{ZAAK}/",
]
OTHERS = [
    ZAAK.replace(".example", ".example:8443"),
    ZAAK.replace("https", "http").replace(".example", ".example:443"),
    ZAAK.replace("/zaken/api", "/Zaken/api"),
    ZAAK.replace("4f693a3c", "4f693a3d"),
]


def notification(**changes: Any) -> dict[str, Any]:
    """Make a notification as a Java program writes it, with nine digits of a second."""
    return {
        "kanaal": "zaken",
        "hoofdObject": ZAAK,
        "resource": "status",
        "resourceUrl": "https://zaken.gemeente.example/zaken/api/v1/statussen/9c6b2f11-3a6f-4a7e-8f0c-2f1d6a0b7e11",
        "actie": "create",
        "aanmaakdatum": "2026-03-09T08:00:00.111222333Z",
        "kenmerken": {},
        **changes,
    }


@pytest.mark.parametrize("stored", SPELLINGS)
@pytest.mark.parametrize("asked", SPELLINGS)
def test_an_address_has_one_form(stored: str, asked: str) -> None:
    """Scheme, default port, case of host and UUID, and a slash at the end make no other address."""
    assert normal(stored) == normal(asked) == ZAAK


@pytest.mark.parametrize("other", OTHERS)
def test_another_address_stays_another(other: str) -> None:
    """Another port, path or UUID is another zaak."""
    assert normal(other) != ZAAK


@pytest.mark.parametrize("asked", SPELLINGS)
def test_every_spelling_finds_the_case(api: TestClient, asked: str) -> None:
    """A case that is known by an address is found by each spelling of it."""
    reference = opened(api, verwijzingen=[SPELLINGS[-2]])
    found = api.get("/v1/zaken", params={"verwijzing": asked}).json()["results"]
    assert [line["zaak"] for line in found] == [reference]


@pytest.mark.parametrize(
    "number", ["ZAAK-2026-00000012", "20260012", "ZAAK-2026-00000013", "123456782", SAMIRA]
)
def test_an_ordinary_number_is_taken_and_found_again(api: TestClient, office: Office, number: str) -> None:
    """A number that could be a BSN is kept as a mark, which the answer says, and which is recognised."""
    answer = api.post("/v1/zaken", json={"mijlpaal": "M3", "verwijzingen": [number]})
    assert answer.status_code == 201, answer.text
    reference = answer.json()["zaak"]
    found = api.get("/v1/zaken", params={"verwijzing": number}).json()["results"]
    assert [line["zaak"] for line in found] == [reference]
    (kept,) = api.get(f"/v1/zaken/{reference}/verwijzingen").json()["verwijzingen"]
    doubtful = not number.startswith("ZAAK")
    assert (kept == number, bool(answer.json().get("opmerkingen"))) == (not doubtful, doubtful)
    again = api.post(f"/v1/zaken/{reference}/verwijzingen", json={"verwijzing": number})
    assert (again.status_code, again.json()["verwijzingen"]) == (201, [kept])
    if doubtful:
        with office.engine.connect() as connection:
            stored = str(connection.execute(text("SELECT value FROM external_references")).all())
        assert number not in stored


def test_a_doubtful_number_in_a_message_finds_its_case(api: TestClient, office: Office) -> None:
    """A message names a case by a number that could be a BSN: it is led there, or waits and is coupled for good."""
    event = {
        "specversion": "1.0",
        "id": SAMIRA,
        "source": f"urn:systeem:{SAMIRA}",
        "type": "nl.brp.personen.overleden",
        "subject": SAMIRA,
        "data": {"datumOverlijden": "2026-03-09"},
    }
    headers = {"Content-Type": "application/cloudevents+json"}
    number = api.post("/v1/cloudevents", json=event, headers=headers).json()["postbak"]
    reference = opened(api)
    couple(office, number, reference, remember=True)
    again = api.post("/v1/cloudevents", json=event | {"id": "2"}, headers=headers).json()
    assert again.get("zaak") == reference or "kan nu niet" in again["reden"]
    with reading(office.engine) as session:
        for table in ("postbak", "external_references", "answers"):
            assert SAMIRA not in str(session.execute(text(f"SELECT * FROM {table}")).all())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aanmaakdatum": "2026-03-09T08:00:00+01:00"},
        {"resourceUrl": "https://zaken.gemeente.example/rest/statussen/111222333"},
        {"hoofdObject": "https://zaken.gemeente.example/rest/zaken/111222333"},
        {"resource": "status20260012"},
    ],
)
def test_a_notification_with_ordinary_numbers_is_taken(
    api: TestClient, office: Office, changes: dict[str, Any]
) -> None:
    """Digits of a second, of a number in an address and of a resource refuse nothing; once is once."""
    for _ in range(2):
        assert api.post("/v1/notificaties", json=notification(**changes)).status_code == 204
    with reading(office.engine) as session:
        ((count,),) = session.execute(text("SELECT count(*) FROM inbox")).all()
        stored = str(session.execute(text("SELECT message FROM inbox")).all())
    assert count == 1
    assert "https://zaken.gemeente.example/rest" not in stored


@pytest.mark.parametrize(
    "changes", [{"aanmaakdatum": "gisteren"}, {"aanmaakdatum": None}, {"hoofdObject": "x y"}]
)
def test_what_is_no_notification_is_refused(api: TestClient, changes: dict[str, Any]) -> None:
    """A moment that is none and an address that is none are refused."""
    assert api.post("/v1/notificaties", json=notification(**changes)).status_code == 400


# --- Open Notificaties ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/v1/notificaties", "/v1/cloudevents"])
def test_open_notificaties_may_subscribe_us_at_both_addresses(
    api: TestClient, office: Office, address: str
) -> None:
    """The message with which it tries an address is answered 204, and without a key it is refused."""
    message = notification(
        kanaal="test",
        hoofdObject="http://some.hoofdobject.nl/",
        resource="test",
        resourceUrl="http://some.resource.nl/",
        actie="test",
    )
    assert api.post(address, json=message).status_code == 204
    stranger = caller(office, "rk_niemand")
    assert stranger.post(address, json=message).status_code == 401
    assert waiting(office) == []


OF_OPEN_ZAAK = {
    "specversion": "1.0",
    "id": "f3c8a1de-6f7e-4d2b-9c37-0b9c2a5f7a10",
    "source": "urn:nld:oin:01823288444:zakensysteem",
    "type": "nl.overheid.zaken.zaak-gemuteerd",
    "subject": "4f693a3c-212f-4ed5-bdb0-192df06c085e",
    "time": "2026-03-09T08:00:00.123456+00:00",
    "dataref": "/zaken/api/v1/zaken/4f693a3c-212f-4ed5-bdb0-192df06c085e",
    "datacontenttype": "application/json",
    "data": {},
}


@pytest.mark.parametrize("address", ["/v1/notificaties", "/v1/cloudevents"])
@pytest.mark.parametrize("message", [OF_OPEN_ZAAK, notification()])
def test_what_is_not_about_our_cases_does_not_fill_the_postbak(
    api: TestClient, office: Office, address: str, message: dict[str, Any]
) -> None:
    """A zaaksysteem tells of all its zaken: what is about none of ours leaves no trace for a person."""
    answer = api.post(address, json=message, headers={"Content-Type": "application/cloudevents+json"})
    assert answer.status_code in (202, 204)
    work_on_inbox(office)
    assert waiting(office) == []


def test_what_is_about_a_case_of_ours_waits_for_a_person(api: TestClient, office: Office) -> None:
    """The same message about one of our cases is put before a person."""
    reference = opened(api, verwijzingen=[SPELLINGS[1]])
    assert api.post("/v1/notificaties", json=notification()).status_code == 204
    assert [row.candidates for row in waiting(office)] == [[reference]]


def test_a_rule_may_open_a_case(settings: Settings, office: Office, tmp_path: Path) -> None:
    """A new zaak elsewhere opens a case here, known by its address from then on."""
    table = tmp_path / "berichten.toml"
    table.write_text(
        "[[bericht]]\ntype = 'zgw.zaken.zaak.create'\nonbekend = 'open'\nopent = 'M3'\ndatum = 'time'\n"
        "[[bericht]]\ntype = 'zgw.zaken.status.create'\ngebeurtenis = 'aanmelding_geregistreerd'\n"
    )
    office.settings = settings.model_copy(update={"events_file": table})
    api = caller(office)
    created = notification(resource="zaak", resourceUrl=ZAAK, aanmaakdatum="2026-03-06T23:30:00Z")
    for _ in range(2):
        assert api.post("/v1/notificaties", json=created).status_code == 204
    (found,) = api.get("/v1/zaken", params={"verwijzing": ZAAK}).json()["results"]
    (opening,) = office.casework.case(found["zaak"]).journal
    assert opening.on.isoformat() == "2026-03-07"
    assert api.post("/v1/notificaties", json=notification(hoofdObject=SPELLINGS[3])).status_code == 204
    assert office.casework.case(found["zaak"]).case.process("M3").state == "CRISISCHECK"


def test_a_repeat_is_recognised_after_a_new_secret(settings: Settings, office: Office) -> None:
    """While an earlier secret of ours is still valid, no idempotency key, reference or message is forgotten."""
    office.settings = settings.model_copy(update={"integration_key": SecretStr("o" * 40)})
    api = caller(office)
    body, key = {"mijlpaal": "M3", "verwijzingen": ["20260012"]}, {"Idempotency-Key": "een"}
    first = api.post("/v1/zaken", json=body, headers=key)
    event = OF_OPEN_ZAAK | {"type": "iets.anders"}
    headers = {"Content-Type": "application/cloudevents+json"}
    waited = api.post("/v1/cloudevents", json=event, headers=headers)
    renewed = {"integration_key": SecretStr("n" * 40), "integration_keys_old": (SecretStr("o" * 40),)}
    office.settings = settings.model_copy(update=renewed)
    api = caller(office)
    assert api.post("/v1/zaken", json=body, headers=key).json() == first.json()
    assert api.post("/v1/cloudevents", json=event, headers=headers).json() == waited.json()
    found = api.get("/v1/zaken", params={"verwijzing": "20260012"}).json()
    assert [line["zaak"] for line in found["results"]] == [first.json()["zaak"]]
