"""Messages of other systems become events of one case, or wait for a person. None is dropped or guessed."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlmodel import select
from support.api import caller, opened
from support.other_systems import ZAAK_URL, event, notification, send
from support.signal_deliveries import delivery, signal

from adapters.exchange import inbox
from adapters.exchange.clients import new_client
from adapters.exchange.event_mapping import EventsFileError, read_rules
from adapters.exchange.inbox import reconcile, work_on_inbox
from adapters.exchange.postbak import PostbakError, couple, put_aside, waiting
from adapters.office import open_office
from adapters.runtime.privacy import is_reference, may_hold_bsn
from adapters.storage.database import reading, writing
from adapters.storage.exchange_tables import InboxRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.office import Office
    from adapters.runtime.clock import SetClock
    from adapters.runtime.settings import Settings

TABLE = """
[[bericht]]
type = "nl.voorbeeld.agenda.gesprek-gevoerd"
gebeurtenis = "eerste_gesprek_gevoerd"
datum = "data.gesprek.datum"

[[bericht]]
type = "nl.voorbeeld.balie.*"
gebeurtenis = "aanmelding_geregistreerd"
datum = "time"

[[bericht]]
type = "nl.voorbeeld.crisis"
gebeurtenis = "bedreigend"
gegevens = { bedreiging = "data.soort" }

[[bericht]]
type = "zgw.zaken.status.create"
gebeurtenis = "aanmelding_geregistreerd"

[[bericht]]
type = "nl.voorbeeld.ruis"
negeer = true
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings with a table of our own."""
    table = tmp_path / "berichten.toml"
    table.write_text(TABLE)
    return settings.model_copy(update={"events_file": table})


def state(office: Office, reference: str) -> str:
    """Return the state of M3."""
    return office.casework.case(reference).case.process("M3").state


@pytest.mark.parametrize("place", ["subject", "data"])
@pytest.mark.parametrize("value", ["own", "ZAAK-17", ZAAK_URL])
def test_an_event_finds_its_case(api: TestClient, office: Office, place: str, value: str) -> None:
    """An event is led to its case by our reference, another system's number or a zaak URL."""
    reference = opened(api, verwijzingen=["ZAAK-17", ZAAK_URL])
    named = reference if value == "own" else value
    more = {"subject": named} if place == "subject" else {"data": {"zaak": named}}
    answer = send(api, event("balie.geregistreerd", **more))
    assert answer.status_code == 201
    assert answer.json()["toestanden"] == {"M3": "CRISISCHECK"}
    assert state(office, reference) == "CRISISCHECK"


def test_binary_mode_is_the_same(api: TestClient, office: Office) -> None:
    """An event with its attributes in headers and its data in the body does the same."""
    reference = opened(api)
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "urn:nld:oin:1:systeem:balie",
        "ce-type": "nl.voorbeeld.balie.geregistreerd",
        "ce-time": "2026-03-09T08:00:00Z",
        "Content-Type": "application/json",
    }
    answer = api.post("/v1/cloudevents", json={"zaak": reference}, headers=headers)
    assert answer.status_code == 201
    assert state(office, reference) == "CRISISCHECK"


def test_the_table_says_date_and_fields(api: TestClient, office: Office) -> None:
    """The date that counts and the fields of the event come from where the table says they stand."""
    reference = opened(api, op="2026-03-02")
    send(api, event("balie.geregistreerd", "1", subject=reference, time="2026-03-02T23:30:00+01:00"))
    assert send(api, event("crisis", "2", subject=reference, data={"soort": "gas"})).status_code == 201
    content = {"gesprek": {"datum": "2026-03-09"}}
    assert send(api, event("agenda.gesprek-gevoerd", "3", subject=reference, data=content)).status_code == 201
    journal = office.casework.case(reference).journal
    assert [(row.event, row.on.isoformat()) for row in journal if not row.derived] == [
        ("geopend", "2026-03-02"),
        ("aanmelding_geregistreerd", "2026-03-02"),
        ("bedreigend", "2026-03-09"),
        ("eerste_gesprek_gevoerd", "2026-03-09"),
    ]
    assert journal[2].data == {"bedreiging": "gas"}


@pytest.mark.parametrize(
    "written", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "9999-12-31", "x"]
)
def test_a_date_at_the_end_of_time_is_no_fault_of_ours(api: TestClient, office: Office, written: str) -> None:
    """A message with a date that cannot be is answered as any other; it changes no case."""
    reference = opened(api)
    kind = {"type": "nl.voorbeeld.agenda.gesprek-gevoerd", "data": {"gesprek": {"datum": written}}}
    answer = send(api, event("x", subject=reference, time=written) | kind)
    assert answer.status_code == 202
    assert state(office, reference) == "NIEUW"


def test_source_and_id_count_once(api: TestClient) -> None:
    """The same source and id answers as the first time; with another content it is 409."""
    reference = opened(api)
    content = event("balie.geregistreerd", subject=reference)
    first, again = send(api, content), send(api, content)
    assert (again.status_code, again.json()) == (201, first.json())
    assert send(api, content | {"data": {"anders": True}}).status_code == 409


def test_what_fits_no_case_or_two_waits_for_a_person(api: TestClient, office: Office) -> None:
    """No case, two cases, an unknown kind, and an event that cannot happen now: all wait in the postbak."""
    one, two = opened(api, verwijzingen=["DUBB-1"]), opened(api, verwijzingen=["DUBB-1"])
    answers = [
        send(api, event("balie.geregistreerd", "1", subject="ONBEKEND-9")),
        send(api, event("balie.geregistreerd", "2", subject="DUBB-1")),
        send(api, event("iets.anders", "3", subject=one)),
        send(api, event("agenda.gesprek-gevoerd", "4", subject=one)),
        send(api, event("balie.geregistreerd", "1", subject="ONBEKEND-9")),
    ]
    assert [answer.status_code for answer in answers] == [202] * 5
    rows = waiting(office)
    assert [answer.json()["postbak"] for answer in answers] == [*(row.id for row in rows), rows[0].id]
    assert len(rows) == 4
    assert sorted(rows[1].candidates) == sorted([one, two])
    assert (state(office, one), state(office, two)) == ("NIEUW", "NIEUW")


def test_a_person_couples_a_message_and_it_is_remembered(api: TestClient, office: Office) -> None:
    """Coupling reports the event in the chosen case, once; the next message finds its own way."""
    reference = opened(api)
    number = send(api, event("balie.geregistreerd", subject="ZAAK-88")).json()["postbak"]
    couple(office, number, reference, remember=True)
    assert state(office, reference) == "CRISISCHECK"
    assert waiting(office) == []
    with pytest.raises(PostbakError):
        couple(office, number, reference)
    answer = send(api, event("crisis", "2", subject="ZAAK-88"))
    assert answer.status_code == 201


def test_a_person_puts_a_message_aside(api: TestClient, office: Office) -> None:
    """A message that is put aside waits no more, and stays on record."""
    number = send(api, event("iets.anders")).json()["postbak"]
    put_aside(office, number)
    assert waiting(office) == []
    assert [row.outcome for row in waiting(office, everything=True)] == ["verworpen"]


def test_what_the_table_ignores_is_not_kept(api: TestClient, office: Office) -> None:
    """A kind that the table says to ignore is acknowledged and not kept for a person."""
    assert send(api, event("ruis")).status_code == 202
    assert waiting(office) == []


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"id": ""},
        {"id": 7},
        {"source": None},
        {"type": "x" * 300},
    ],
)
def test_what_is_no_cloudevent_is_refused(api: TestClient, office: Office, change: dict[str, Any]) -> None:
    """An event that lacks a required attribute answers 400 and is not kept."""
    assert send(api, event("iets") | change).status_code == 400
    assert waiting(office) == []


def test_messages_reach_only_cases_of_the_clients_municipality(api: TestClient, office: Office) -> None:
    """A client's message is not led to a case of another municipality; and it reports only what it may."""
    reference = opened(api)
    elsewhere = caller(office, new_client(office, "leiden", ("0546",)).api_key)
    assert send(elsewhere, event("balie.geregistreerd", subject=reference)).status_code == 202
    narrow = caller(office, new_client(office, "agenda", ("*",), ("cloudevents", "eerste_*")).api_key)
    assert send(narrow, event("balie.geregistreerd", "9", subject=reference)).status_code == 403
    assert state(office, reference) == "NIEUW"


def test_a_sender_who_may_not_read_hears_nothing_of_cases(api: TestClient, office: Office) -> None:
    """Whether a message found no case, two, or one where it cannot be now stays between us and who may read."""
    reference = opened(api)
    rights = ("cloudevents", "aanmelding_geregistreerd", "vroegsignalen")
    narrow = caller(office, new_client(office, "agenda", ("*",), rights).api_key)
    unknown = send(narrow, event("balie.geregistreerd", "1", subject="BESTAAT-NIET"))
    first = send(narrow, event("balie.geregistreerd", "2", subject=reference))
    second = send(narrow, event("balie.geregistreerd", "3", subject=reference))
    assert len({(answer.status_code, answer.text) for answer in (unknown, first, second)}) == 1
    assert (first.status_code, first.json()["postbak"]) == (202, 0)
    content = delivery(signal("A"), signal("B"), signal("C", signaaldatum="gisteren"))
    lines = narrow.post("/v1/vroegsignalen", json=content).json()["vroegsignalen"]
    assert [(line["resultaat"], line["zaak"]) for line in lines] == [
        ("ontvangen", None),
        ("ontvangen", None),
        ("geweigerd", None),
    ]


# --- ZGW ----------------------------------------------------------------------------------------------------


def test_a_notification_is_acknowledged_and_then_worked_on(api: TestClient, office: Office) -> None:
    """A notification answers 204, is stored first, and becomes an event of the case of its zaak URL."""
    reference = opened(api, verwijzingen=[ZAAK_URL])
    answer = api.post("/v1/notificaties", json=notification())
    assert (answer.status_code, answer.content) == (204, b"")
    assert state(office, reference) == "CRISISCHECK"
    assert api.post("/v1/notificaties", json=notification()).status_code == 204
    with reading(office.engine) as session:
        (row,) = session.exec(select(InboxRow)).all()
    assert row.result == "gemeld"
    assert "123456782" not in str(row.model_dump())


def test_a_notification_of_an_unknown_zaak_waits_for_a_person(api: TestClient, office: Office) -> None:
    """A notification of a zaak that we do not know goes to the postbak; a test message is only answered."""
    assert api.post("/v1/notificaties", json=notification()).status_code == 204
    assert [row.subject for row in waiting(office)] == [ZAAK_URL]
    test_message = notification(kanaal="test", resource="test", actie="test")
    assert api.post("/v1/notificaties", json=test_message).status_code == 204
    assert len(waiting(office)) == 1


def test_the_newer_form_of_a_notification_is_read_too(api: TestClient, office: Office) -> None:
    """The form of the newer Notificaties API, a CloudEvent with a domain, is read as well."""
    reference = opened(api)
    content = event("balie.geregistreerd", subject=reference, domain="nl.voorbeeld")
    assert api.post("/v1/notificaties", json=content).status_code == 204
    assert state(office, reference) == "CRISISCHECK"


def test_what_is_no_notification_is_refused(api: TestClient, office: Office) -> None:
    """A notification without its fields answers 400; one with a BSN in its address does too."""
    for body in ({}, notification(hoofdObject=None), notification(resourceUrl="https://x.nl/?bsn=1"), []):
        assert api.post("/v1/notificaties", json=body).status_code == 400
    with reading(office.engine) as session:
        assert session.exec(select(InboxRow)).all() == []


def details(message: dict[str, Any]) -> dict[str, Any]:
    """Return the details of a notification: the plug-in of these tests."""
    assert message["type"].startswith("zgw.")
    return {"type": "nl.voorbeeld.balie.via-plugin"}


def broken(_: Any) -> None:
    """Fail, as a plug-in may."""
    raise RuntimeError("Testpersoon")


def since(moment: Any) -> list[dict[str, Any]]:
    """Return the notifications since a moment: the other plug-in of these tests."""
    assert moment.tzinfo
    return [notification(), notification(kanaal=None)]


def test_a_plugin_gives_the_details(settings: Settings, office: Office) -> None:
    """With a plug-in a notification is what the plug-in says that it is about."""
    office.settings = settings.model_copy(update={"notification_plugin": "test_messages:details"})
    api = caller(office)
    reference = opened(api, verwijzingen=[ZAAK_URL])
    api.post("/v1/notificaties", json=notification(actie="destroy"))
    assert state(office, reference) == "CRISISCHECK"


def test_a_plugin_that_fails_is_tried_again_and_then_left_to_a_person(
    settings: Settings, office: Office, clock: SetClock
) -> None:
    """Details that cannot be had are asked for again on the table, and then a person gets the message."""
    office.settings = settings.model_copy(update={"notification_plugin": "test_messages:broken"})
    caller(office).post("/v1/notificaties", json=notification())
    assert waiting(office) == []
    for hours in (0, 0, 0, 0, 1, 3, 10, 24):
        clock.moment += timedelta(hours=hours, minutes=30)
        work_on_inbox(office)
    assert [row.reason for row in waiting(office)] == [inbox.NO_DETAILS]


def slow(_: Any) -> dict[str, Any]:
    """Return no details until the test lets it go: a plug-in that waits for another system."""
    ASKED.set()
    assert LET_GO.wait(60)
    return {}


ASKED, LET_GO = threading.Event(), threading.Event()


@pytest.fixture
def asked(settings: Settings, office: Office) -> Iterator[Future[int]]:
    """Yield the work on a notification whose plug-in was asked and does not answer yet."""
    office.settings = settings.model_copy(update={"notification_plugin": "test_messages:slow"})
    inbox.accept(office, "zaaksysteem", notification())
    ASKED.clear()
    LET_GO.clear()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(work_on_inbox, office)
        assert ASKED.wait(60)
        try:
            yield work
        finally:
            LET_GO.set()


def test_a_slow_plugin_keeps_no_event_waiting(office: Office, asked: Future[int]) -> None:
    """While a plug-in does not answer, an event is accepted: no transaction is open meanwhile."""
    reference = office.casework.open("M1", municipality="0518").reference
    assert office.casework.report(reference, "informatie_gegeven").new
    assert not asked.done()
    LET_GO.set()
    assert asked.result(60) == 1


def test_a_notification_that_is_worked_on_is_left_to_its_worker(office: Office, asked: Future[int]) -> None:
    """Another worker takes nothing while the plug-in of the first is asked."""
    assert work_on_inbox(open_office(office.settings, office.clock)) == 0
    LET_GO.set()
    assert asked.result(60) == 1


def test_a_worker_that_lost_its_notification_writes_nothing(office: Office, asked: Future[int]) -> None:
    """It was stopped for longer than its lease, and another one has the notification now."""
    with writing(office.engine) as session:
        session.execute(update(InboxRow).values(leased_by="another"))
    LET_GO.set()
    assert asked.result(60) == 0
    with reading(office.engine) as session:
        row = session.exec(select(InboxRow)).one()
    assert (row.done_at, row.leased_by, waiting(office)) == (None, "another", [])


def test_reconciliation_finds_what_got_lost(settings: Settings, office: Office) -> None:
    """A poll brings in a notification that never came, once, and rests between two polls."""
    office.settings = settings.model_copy(update={"reconciliation_plugin": "test_messages:since"})
    reference = opened(caller(office), verwijzingen=[ZAAK_URL])
    assert (reconcile(office), reconcile(office)) == (2, 0)
    work_on_inbox(office)
    assert state(office, reference) == "CRISISCHECK"


# --- the table and references -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[bericht]]\ntype = 'x'\ngebeurtenis = 'bestaat_niet'", "bestaat niet"),
        ("[[bericht]]\ntype = 'x'\ngebeurtenis = 'T10_verlopen'", "besluit"),
        (
            "[[bericht]]\ntype = 'x'\ngebeurtenis = 'niet_verschenen'\nvast = { motivering = 'm-1' }",
            "mens die beslist",
        ),
        ("[[bericht]]\ntype = 'x'\ngebeurtenis = 'overname_aanvaard'", "besluit"),
        ("[[bericht]]\ntype = 'x'\ngebeurtenis = 'bedreigend'\ngegevens = { naam = 'data.naam' }", "naam"),
        ("[[bericht]]\ngebeurtenis = 'bedreigend'", "type"),
        ("[[bericht]]\ntype = 'x'\ngebeurtenis = 'bedreigend'\nmijlpaal = 'M8'", "komt in M8 niet voor"),
        ("[[bericht]", "TOML"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    """A table with an unknown event, a decision or an unknown field is refused in one sentence."""
    path = tmp_path / "tabel.toml"
    path.write_text(text)
    with pytest.raises(EventsFileError, match=place):
        read_rules(path)


def test_the_table_that_comes_along_is_right() -> None:
    """The table of the product can be read."""
    assert read_rules(None).rule_for("nl.brp.personen.overleden.v1", "urn:x") is not None


@given(st.text(max_size=60))
def test_a_reference_is_plain_or_refused(text: str) -> None:
    """What is accepted as a reference is plain text in which no number can be a BSN."""
    if is_reference(text):
        assert text.isascii()
        assert " " not in text
        assert not may_hold_bsn(text)


@pytest.mark.parametrize(
    "text", ["123456782", "12345678-2", "1234.56.782", "x123456782y", "https://a.nl/123456782"]
)
def test_a_bsn_is_no_reference(text: str) -> None:
    """A BSN is not accepted as a reference, however it is dressed up."""
    assert not is_reference(text)
