"""For who speaks Prefect: two flows to open a case and report an event, and our events as Prefect's own."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from prefect import get_client
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import get_current_settings
from sqlmodel import select
from support.api import caller
from support.marked_persons import MARKS, drive

from adapters.cases.outgoing import case_uuid
from adapters.exchange.webhooks import fan_out
from adapters.messages.operator_messages import DEAD_LETTER
from adapters.storage.database import CaseRow, reading
from deployments.automations import ALARMS
from flows import intake
from flows.effects import plan
from flows.intake import INTAKE_FLOWS, registration, report_event
from flows.outgoing import emit_to_prefect
from flows.prefect_seam.parameter_forms import form_of

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.office import Office

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_url")]


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """Prefect plays here, not the database of the cases."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'zaken.db')}"


@pytest.fixture(autouse=True)
def our_office(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the flows work on the office of the test."""
    monkeypatch.setattr(intake, "office", lambda: office)


def test_a_case_is_opened_and_an_event_reported_by_running_flows(office: Office) -> None:
    """The two flows open a case and report an event in it, with what Prefect makes of text from a form."""
    opened = registration(mijlpaal="M3", zaak="A-1", op="2026-03-06", return_state=True)
    assert (opened.name, opened.message) == ("Verwerkt", "Zaak A-1: M3 NIEUW.")
    report_event("A-1", "aanmelding_geregistreerd", return_state=True)
    done = report_event(
        zaak="A-1", gebeurtenis="bedreigend", gegevens={"bedreiging": "gas"}, return_state=True
    )
    assert done.name == "Verwerkt"
    journal = office.casework.case("A-1").journal
    assert [(row.event, row.on.isoformat()) for row in journal] == [
        ("geopend", "2026-03-06"),
        ("aanmelding_geregistreerd", "2026-03-09"),
        ("bedreigend", "2026-03-09"),
    ]
    assert journal[2].data == {"bedreiging": "gas"}
    assert str(journal[2].event_id).startswith("prefect:")


@pytest.mark.parametrize(
    "given",
    [
        {"zaak": "A-1", "gebeurtenis": "bedreigend"},
        {"zaak": "ONBEKEND", "gebeurtenis": "bedreigend"},
        {"zaak": "A-1", "gebeurtenis": "aanmelding_geregistreerd", "gegevens": {"bedreiging": "gas"}},
    ],
)
def test_a_refusal_is_a_failed_run_with_one_sentence(office: Office, given: dict[str, Any]) -> None:
    """A refused event ends its run as failed, with a Dutch sentence, and writes nothing."""
    office.casework.open("M3", municipality="0518", reference="A-1")
    refused = report_event(**given, return_state=True)
    assert (refused.name, refused.type.value) == ("Niet verwerkt", "FAILED")
    assert len(office.casework.case("A-1").journal) == 1


def test_the_forms_have_dutch_titles_help_and_types() -> None:
    """Every parameter has a Dutch title and help; what may stay empty is one simple input."""
    for made in INTAKE_FLOWS.values():
        form = form_of(made)
        for name, shown in form["properties"].items():
            assert shown["title"] != name, name
            assert shown["description"].endswith("."), name
            assert "anyOf" not in shown
    form = form_of(report_event)
    assert "hulp_aanvaard" in form["properties"]["gebeurtenis"]["enum"]
    assert form["properties"]["op"]["format"] == "date"
    fields = form["definitions"]["Gegevens"]["properties"]
    assert fields["bedreiging"]["title"] == "Wat wordt bedreigd"
    assert "gas" in fields["bedreiging"]["enum"]
    assert form["required"] == ["zaak", "gebeurtenis"]


def test_yes_or_no_is_a_choice_in_the_form(office: Office) -> None:
    """Prefect's form sends a box that nobody ticked as no, with every event; so yes and no are chosen from a list."""
    fields = form_of(report_event)["definitions"]["Gegevens"]["properties"]
    assert fields["bereikt"]["enum"] == ["ja", "nee"]
    assert not [name for name, shown in fields.items() if shown.get("type") == "boolean"]
    reference = office.casework.open("M2", municipality="0518").reference
    for event, details in (
        ("gematcht", None),
        ("toegewezen", None),
        ("contactpoging_gedaan", {"soort": "Telefoon", "bereikt": "nee"}),
    ):
        done = report_event(zaak=reference, gebeurtenis=event, gegevens=details, return_state=True)
        assert done.name == "Verwerkt", done.message
    assert office.casework.case(reference).journal[-1].data == {"soort": "Telefoon", "bereikt": False}


def test_our_events_are_events_of_prefect(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published is emitted as a custom event with our id, about a resource that names no person."""
    AssertingEventsClient.reset()
    monkeypatch.setattr(EventsWorker, "_client_override", (AssertingEventsClient, ()))
    office.casework.open("M3", municipality="0518", reference="A-1")
    assert fan_out(office, emit_to_prefect) == 2
    assert fan_out(office, emit_to_prefect) == 0
    EventsWorker.drain_all()
    emitted = [event for client in AssertingEventsClient.all for event in client.events]
    ours = [event for event in emitted if event.event.startswith("nl.schuldhulpverlening")]
    assert [event.event.rpartition(".")[2] for event in ours] == ["mijlpaal-bereikt", "termijn-gestart"]
    assert ours[0].resource.id == f"routekaart.zaak.{case_uuid('0518', 'A-1')}"
    assert ours[1].payload["termijn"] == "T01"


def test_a_message_that_reaches_nobody_is_an_event_of_prefect(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A dead letter is a custom event, on which the automation that comes along tells the coordinator."""
    AssertingEventsClient.reset()
    monkeypatch.setattr(EventsWorker, "_client_override", (AssertingEventsClient, ()))
    (tmp_path / "ontvangers.toml").write_text("")
    office.settings = office.settings.model_copy(update={"recipients_file": tmp_path / "ontvangers.toml"})
    reference = office.casework.open("M3", municipality="0518").reference
    (process,) = office.casework.case(reference).rows.values()
    plan(office, office.attention.open_effects(process.id or 0))
    EventsWorker.drain_all()
    (alarm,) = [alarm for alarm in ALARMS if alarm.kind == DEAD_LETTER]
    emitted = [event for client in AssertingEventsClient.all for event in client.events]
    (lost,) = [event for event in emitted if event.event in alarm.events]
    assert lost.resource["routekaart.zaak"] == reference
    assert lost.resource["routekaart.rol"] == "klantmanager"
    assert lost.resource.id.startswith(alarm.resource.rstrip("*"))


@pytest.mark.parametrize("name", ["registration", "report_event"])
def test_prefect_does_not_keep_a_bsn_as_a_parameter(name: str) -> None:
    """Prefect's server refuses a run whose reference could be a BSN, so it is never stored there."""
    client = get_client(sync_client=True)
    made = INTAKE_FLOWS[name]
    deployment = client.create_deployment(
        flow_id=client.create_flow(made),
        name="proef",
        parameter_openapi_schema=form_of(made),
        enforce_parameter_schema=True,
    )
    given = {"gebeurtenis": "bedreigend"} if name == "report_event" else {}
    for bad in ("123456782", "1234.56.782", "12345678"):
        with pytest.raises(PrefectHTTPStatusError) as refused:
            client.create_flow_run_from_deployment(deployment, parameters={"zaak": bad, **given})
        assert refused.value.response.status_code in (409, 422)
    for good in ("A-1", "2026-000123", "1234567"):
        client.create_flow_run_from_deployment(deployment, parameters={"zaak": good, **given})


def test_no_mark_reaches_prefect(office: Office) -> None:
    """After marked persons came in by every way, no row of Prefect's own database holds a mark."""
    drive(caller(office, raise_server_exceptions=False))
    fan_out(office, emit_to_prefect)
    EventsWorker.drain_all()
    (reference, *_) = [row.reference for row in all_cases(office)]
    report_event(
        zaak=reference,
        gebeurtenis="ingetrokken",
        mijlpaal="M3",
        gegevens={"motivering": "m-1"},
        return_state=True,
    )
    # Prefect writes events in the background, in the order in which they came: this one is our last.
    rows = prefect_rows_when("'Niet verwerkt'", "mijlpalen.mijlpaal-bereikt", "meld-gebeurtenis")
    for mark in MARKS:
        assert not [row for row in rows if mark in row], mark


def prefect_rows_when(*expected: str, seconds: float = 60) -> list[str]:
    """Return every row of Prefect's database, as text, as soon as each expected text is in one; else fail."""
    address = get_current_settings().server.database.connection_url
    assert address is not None
    path = address.get_secret_value().split("///")[1].split("?")[0]
    until = time.monotonic() + seconds
    while True:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            rows = [str(row) for (name,) in tables for row in connection.execute(f'SELECT * FROM "{name}"')]
        missing = [text for text in expected if not any(text in row for row in rows)]
        if not missing:
            return rows
        assert time.monotonic() < until, f"Prefect wrote no {missing}"
        time.sleep(0.5)


def all_cases(office: Office) -> list[CaseRow]:
    """Return every case."""
    with reading(office.engine) as session:
        return list(session.exec(select(CaseRow)).all())
