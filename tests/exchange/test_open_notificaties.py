"""Open Notificaties as it is: what a real one sent and said, and where one runs, that one itself.

ROUTEKAART_TEST_OPEN_NOTIFICATIES names one that runs; `tests/fixtures/zgw/open_notificaties.md` says how.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlmodel import select
from support.api import caller, opened
from support.case_system import OPEN_ZAAK, RunningOpenZaak
from support.other_systems import Receiver, notification
from support.peers import serving

from adapters.cases.outgoing import as_cloudevent, source
from adapters.exchange.case_system import tell_case_systems
from adapters.exchange.clients import first_key_file
from adapters.exchange.inbox import work_on_inbox
from adapters.exchange.postbak import waiting
from adapters.exchange.subscriber_authorization import Authorization
from adapters.exchange.webhooks import deliver_due, fan_out, subscribe
from adapters.runtime.settings import Settings
from adapters.storage.database import reading, writing
from adapters.storage.exchange_tables import (
    CaseSystemLinkRow,
    ExternalReferenceRow,
    OutgoingEventRow,
    WebhookDeliveryRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

RECORDED = json.loads(
    (Path(__file__).parents[1] / "fixtures/zgw/open_notificaties-1.16.1.json").read_text(encoding="utf-8")
)
SENT: list[dict[str, Any]] = RECORDED["sent"]
ZAAK: str = RECORDED["zaak_van_ons"]
UUID = ZAAK.rpartition("/")[2]
REAL = os.environ.get("ROUTEKAART_TEST_OPEN_NOTIFICATIES")
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """Return the address of an empty case database; what differs between databases is tested elsewhere."""
    copy = tmp_path / "zaken.db"
    copy.write_bytes(migrated_file.read_bytes())
    return f"sqlite:///{copy}"


def kind_of(message: dict[str, Any]) -> str:
    """Return what a message is about."""
    told = message["inhoud"]
    return str(told.get("type") or f"{told['kanaal']}.{told['resource']}.{told['actie']}")


def deliver(api: TestClient, message: dict[str, Any]) -> None:
    """Send us what it sent, and work on it."""
    headers = {"Content-Type": message["content_type"]}
    answer = api.post(message["adres"], json=message["inhoud"], headers=headers)
    assert answer.status_code in (202, 204), answer.text
    work_on_inbox(api.app.state.office)  # type: ignore[attr-defined]


# What says something of a zaak of ours that a person must see; all else is a change or a look.
SEEN = ("zaken.status.create", "zaken.zaak-verwijderd")


def test_what_it_sent_reaches_a_person_only_when_it_counts(api: TestClient, office: Office) -> None:
    """Of a zaak of ours a new status and a removal wait, however it is named; all the rest leaves no trace."""
    reference = opened(api, verwijzingen=[ZAAK])
    for message in SENT:
        before = len(waiting(office))
        deliver(api, message)
        counts = message["van_ons"] and kind_of(message).endswith(SEEN)
        fresh = [row.candidates for row in waiting(office)[before:]]
        # A person is asked once, at whichever address and in whichever form the same event comes.
        assert fresh in ([[reference]], []) if counts else fresh == [], kind_of(message)
    assert sorted({row.kind.rpartition(".zaken.")[2] for row in waiting(office)}) == sorted(
        seen.removeprefix("zaken.") for seen in SEEN
    )


@pytest.mark.parametrize("address", ["/v1/notificaties", "/v1/cloudevents"])
def test_a_zaak_that_was_made_a_moment_ago_is_no_news(api: TestClient, office: Office, address: str) -> None:
    """Open Zaak 1.30.0 tells of a new zaak after the case was opened with its address: nobody has to look."""
    opened(api, verwijzingen=[ZAAK])
    made = {"type": "nl.overheid.zaken.zaak.create", "subject": UUID, "id": str(uuid.uuid4())}
    (sample,) = (
        item for item in SENT if kind_of(item) == "nl.overheid.zaken.zaak.create" and item["adres"] == address
    )
    deliver(api, sample | {"inhoud": sample["inhoud"] | made})
    told = notification(hoofdObject=ZAAK, resource="zaak", resourceUrl=ZAAK, source="openzaak.example.nl")
    deliver(api, {"adres": address, "content_type": "application/json", "inhoud": told})
    assert waiting(office) == []


def test_no_channel_of_others_fills_the_postbak(api: TestClient, office: Office) -> None:
    """What it makes of a notification in another channel than zaken is not ours either."""
    (sample,) = (
        item
        for item in SENT
        if kind_of(item) == "nl.overheid.zaken.zaak.create" and item["adres"] == "/v1/cloudevents"
    )
    for channel in ("besluiten", "documenten", "zaaktypen", "autorisaties", "objecten"):
        changes = {"type": f"nl.overheid.{channel}.{channel[:-2]}.create", "id": str(uuid.uuid4())}
        deliver(api, sample | {"inhoud": sample["inhoud"] | changes})
    assert waiting(office) == []


def test_a_uuid_alone_finds_the_zaak_and_an_address_elsewhere_does_not(api: TestClient) -> None:
    """Open Zaak names a zaak by its UUID; the same UUID at another address is a copy of the register."""
    reference = opened(api, verwijzingen=[ZAAK])
    by_uuid = opened(api, verwijzingen=["9F693A3C-212F-4ED5-BDB0-192DF06C085E"])
    hidden = opened(
        api, verwijzingen=[f"https://z.example/merkteken/zaken/{UUID[:-1]}6"]
    )  # kept as a mark: a word in it may be a name

    def found(asked: str) -> list[str]:
        lines = api.get("/v1/zaken", params={"verwijzing": asked}).json()["results"]
        return [line["zaak"] for line in lines]

    assert found(UUID) == found(UUID.upper()) == found(f"urn:uuid:{UUID}") == [reference]
    assert found(ZAAK.replace("openzaak", "acceptatie")) == []
    assert found("https://elders.example.nl/zaken/9f693a3c-212f-4ed5-bdb0-192df06c085e") == [by_uuid]
    assert found(f"{UUID[:-1]}6") == [hidden]


def test_a_mark_of_an_earlier_release_learns_its_uuid(api: TestClient, office: Office) -> None:
    """It was kept without its UUID: it has it as soon as the whole address comes again."""
    address = f"https://z.example/merkteken/zaken/{UUID[:-1]}6"
    reference = opened(api, verwijzingen=[address])
    with writing(office.engine) as session:
        (row,) = session.exec(select(ExternalReferenceRow))
        row.value = row.value.partition("-")[0]
        session.add(row)

    def found() -> list[str]:
        asked = {"verwijzing": f"{UUID[:-1]}6"}
        return [line["zaak"] for line in api.get("/v1/zaken", params=asked).json()["results"]]

    assert found() == []
    sample = next(item for item in SENT if item["inhoud"].get("hoofdObject") == ZAAK)
    deliver(api, sample | {"inhoud": sample["inhoud"] | {"hoofdObject": address}})
    assert found() == [reference]
    assert len(api.get(f"/v1/zaken/{reference}/verwijzingen").json()["verwijzingen"]) == 1
    again = api.post(f"/v1/zaken/{reference}/verwijzingen", json={"verwijzing": address})
    assert len(again.json()["verwijzingen"]) == 1


# --- what is our own ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/v1/notificaties", "/v1/cloudevents"])
def test_our_own_events_that_come_back_are_no_news(api: TestClient, office: Office, address: str) -> None:
    """A broker that gives us our own events changes nothing and fills no postbak; those of another office wait."""
    reference = opened(api)
    with reading(office.engine) as session:
        own = [as_cloudevent(row) for row in session.exec(select(OutgoingEventRow))]
    assert own
    before = len(office.casework.case(reference).journal)
    for event in (*own, *own):
        message = {"adres": address, "content_type": STRUCTURED["Content-Type"], "inhoud": event}
        deliver(api, message)
    assert (len(office.casework.case(reference).journal), waiting(office)) == (before, [])
    elsewhere = own[0] | {"source": source("0363"), "subject": "FZ-2026-AAAAAAA"}
    deliver(api, {"adres": address, "content_type": STRUCTURED["Content-Type"], "inhoud": elsewhere})
    assert len(waiting(office)) == 1


@pytest.mark.parametrize("address", ["/v1/notificaties", "/v1/cloudevents"])
def test_a_status_that_we_wrote_comes_back_as_a_cloudevent(
    api: TestClient, office: Office, address: str
) -> None:
    """It names the status by its UUID: ours is dropped, another waits, and while we write all have patience."""
    reference = opened(api, verwijzingen=[ZAAK])
    (sample,) = (
        item["inhoud"]
        for item in SENT
        if item["inhoud"].get("type") == "nl.overheid.zaken.status.create"
        and item["van_ons"]
        and item["adres"] == address
    )
    wrote = f"https://openzaak.example.nl/zaken/api/v1/statussen/{sample['subject']}"
    link = CaseSystemLinkRow(
        municipality="0518",
        case_reference=reference,
        zaak=ZAAK.replace("http:", "https:"),
        next_at=office.clock.now(),
        wrote=[wrote],
    )
    with writing(office.engine) as session:
        session.add(link)
        session.flush()
        number = link.id
    message = {"adres": address, "content_type": STRUCTURED["Content-Type"], "inhoud": sample}
    deliver(api, message)
    assert waiting(office) == []
    with writing(office.engine) as session:
        row = session.get_one(CaseSystemLinkRow, number)
        row.wrote, row.leased_by, row.leased_until = [], "iemand", office.clock.now()
        session.add(row)
    message["inhoud"] = sample | {"id": str(uuid.uuid4())}
    if address == "/v1/cloudevents":
        answer = api.post(address, json=message["inhoud"], headers=STRUCTURED)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    else:
        deliver(api, message)
    assert waiting(office) == []
    with writing(office.engine) as session:
        row = session.get_one(CaseSystemLinkRow, number)
        row.leased_by = row.leased_until = None
        session.add(row)
    message["inhoud"] = message["inhoud"] | {"subject": str(uuid.uuid4()), "id": str(uuid.uuid4())}
    deliver(api, message)
    assert len(waiting(office)) == 1


@pytest.mark.parametrize(("code", "taken"), [("unique", True), ("invalid", False), (None, False)], ids=str)
def test_an_event_that_it_has_already_is_delivered(
    api: TestClient, office: Office, receiver: Receiver, code: str | None, taken: bool
) -> None:
    """It refuses a repeat because source and id are there: nobody hears of a failure. Another refusal is one."""
    subscribe(office, "opennotificaties", receiver.url, ("mijlpaal-bereikt",))
    opened(api)
    fan_out(office)
    refusal = json.loads(json.dumps(RECORDED["refusal_of_a_repeat"]))
    refusal["inhoud"]["invalid_params"][0]["code"] = code
    receiver.status, receiver.body = refusal["status"], json.dumps(refusal["inhoud"]).encode()
    if code is None:
        receiver.body = b"<html>Bad Request</html>"
    assert deliver_due(office) == int(taken)


# --- one that runs --------------------------------------------------------------------------------------------


class Running:
    """An Open Notificaties that runs."""

    def __init__(self, path: str) -> None:
        known = json.loads(Path(path).read_text(encoding="utf-8"))
        self.adres: str = known["adres"]
        self.authorization = Authorization.model_validate(
            {"soort": "zgw", "client_id": known["client_id"], "geheim": known["geheim"]}
        )

    def call(self, method: str, place: str, body: Any = None, kind: str = "application/json") -> Any:
        """Ask it something."""
        headers = {"Authorization": self.authorization.root.header(()), "Content-Type": kind}
        content = None if body is None else json.dumps(body)
        answer = httpx.request(method, f"{self.adres}/{place}", headers=headers, content=content, timeout=30)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def subscribe(self, url: str, key: str, *, cloudevents: bool) -> None:
        """Let it tell somebody of everything."""
        wanted = {
            "callbackUrl": url,
            "auth": f"Bearer {key}",
            "kanalen": [{"naam": "zaken", "filters": {}}],
            "sendCloudevents": cloudevents,
            "cloudeventFilters": [{"typeSubstring": "nl."}],
        }
        self.call("POST", "abonnement", wanted)

    def end(self) -> None:
        """End every subscription."""
        for known in self.call("GET", "abonnement"):
            self.call("DELETE", known["url"].removeprefix(f"{self.adres}/"))


@pytest.fixture
def running() -> Iterator[Running]:
    """Yield an Open Notificaties without subscriptions, where one runs."""
    if REAL is None:
        pytest.skip("no Open Notificaties runs here")
    made = Running(REAL)
    made.end()
    yield made
    made.end()


@pytest.mark.parametrize("cloudevents", [False, True])
@pytest.mark.parametrize("place", ["notificaties", "cloudevents"])
def test_it_subscribes_us_and_takes_our_events(
    settings: Settings, office: Office, running: Running, place: str, cloudevents: bool
) -> None:
    """It subscribes us, delivers what is ours, takes our events once and again, and gives them back without a trace."""
    office.settings = settings.model_copy(update={"webhook_networks": ("127.0.0.0/8",)})
    mine = f"http://openzaak.example.nl/zaken/api/v1/zaken/{uuid.uuid4()}"
    other = f"http://openzaak.example.nl/zaken/api/v1/zaken/{uuid.uuid4()}"
    with serving(office) as base:
        api = caller(office)
        reference = opened(api, verwijzingen=[mine])
        running.subscribe(f"{base}/v1/{place}", first_key_file(office).read_text(), cloudevents=cloudevents)
        for zaak in (other, mine):
            running.call(
                "POST",
                "notificaties",
                {
                    "kanaal": "zaken", "source": "openzaak.example.nl", "hoofdObject": zaak, "resource": "status",
                    "resourceUrl": f"http://openzaak.example.nl/zaken/api/v1/statussen/{uuid.uuid4()}",
                    "actie": "create", "aanmaakdatum": "2026-03-09T08:00:00.123456Z",
                    "kenmerken": {"bronorganisatie": "", "zaaktype": "", "vertrouwelijkheidaanduiding": ""},
                },
            )  # fmt: skip
        subscribe(
            office, "opennotificaties", f"{running.adres}/cloudevents", authorization=running.authorization
        )
        opened(api)
        count = fan_out(office)
        assert deliver_due(office) == count - _before(office)
        with writing(office.engine) as session:  # as if no answer came
            for row in session.exec(select(WebhookDeliveryRow)):
                row.next_at, row.delivered_at = office.clock.now(), None
        assert deliver_due(office) == count - _before(office)
        for _ in range(60):
            work_on_inbox(office)
            if waiting(office):
                break
            time.sleep(0.5)
        time.sleep(6)  # its next round, with what comes back
        work_on_inbox(office)
    assert [row.candidates for row in waiting(office)] == [[reference]]
    assert tell_case_systems(office) == 0


# What a case goes through until a refusal that can be attacked.
REFUSED = (
    *(("M3", event) for event in ("aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt")),
    ("M3", "eerste_gesprek_gevoerd"),
    ("M4", "hulpvraag_vastgesteld"),
    ("M4", "beeld_compleet"),
    ("M6", "weigering_getoetst"),
    ("M6", "weigering_besloten"),
)


@pytest.mark.parametrize("cloudevents", [False, True])
@pytest.mark.parametrize("place", ["notificaties", "cloudevents"])
def test_the_whole_round_asks_a_person_for_one_thing(
    settings: Settings, office: Office, clock: SetClock, running: Running, place: str, cloudevents: bool
) -> None:
    """Open Zaak tells it all; of a new zaak, of what we wrote and of zaken of others nobody hears."""
    peer = RunningOpenZaak() if OPEN_ZAAK else None
    if peer is None or not peer.kinds.get("meldt"):
        pytest.skip("no Open Zaak runs here that tells this Open Notificaties")
    path = peer.file(office.settings.ensure_home())
    office.settings = settings.model_copy(
        update={"webhook_networks": ("127.0.0.0/8",), "case_system_file": path}
    )
    with serving(office) as base:
        running.subscribe(f"{base}/v1/{place}", first_key_file(office).read_text(), cloudevents=cloudevents)
        mine, other = peer.new_zaak(), peer.new_zaak()
        reference = opened(caller(office), verwijzingen=[mine])
        for process, event in REFUSED:
            clock.moment += timedelta(minutes=1)
            data = {"motivering": "m-07"} if event == "weigering_besloten" else {}
            office.casework.report(reference, event, process=process, data=data)
        assert tell_case_systems(office) == 1
        clock.moment += timedelta(days=60)
        while office.casework.fire_due(reference):
            pass
        for zaak in (other, mine):
            theirs = {"zaak": zaak, "statustype": peer.kinds["statussen"]["M4"]}
            moment = "2026-03-10T12:00:00+01:00"
            peer.call(
                "POST", f"{peer.adres}/zaken/api/v1/statussen", json={**theirs, "datumStatusGezet": moment}
            )
        assert tell_case_systems(office) == 1
        for _ in range(8):  # its rounds; with what comes of the last of them
            time.sleep(2.5)
            clock.moment += timedelta(minutes=5)  # what came while we wrote is tried again
            work_on_inbox(office)
    assert peer.call("GET", mine)["einddatum"] is not None
    (left,) = waiting(office)
    assert left.kind.endswith("zaken.status.create")
    assert left.candidates == [reference]


def _before(office: Office) -> int:
    """Count the events of before the subscription."""
    with reading(office.engine) as session:
        return len(session.exec(select(OutgoingEventRow)).all()) - len(
            session.exec(select(WebhookDeliveryRow)).all()
        )
