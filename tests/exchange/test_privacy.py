"""Nothing personal leaks: marked persons go in by every way, and none of the marks is found anywhere."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from conftest import caller
from deliveries import delivery, signal, valid_bsn
from sqlalchemy import inspect, text
from test_messages import notification
from test_webhooks import Receiver

from adapters.exchange.clients import first_key_file
from adapters.exchange.webhooks import deliver_due, fan_out, subscribe
from deployments import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from httpx import Client

    from adapters.office import Office

BSN = valid_bsn("9087654")
MARKS = (BSN, BSN.lstrip("0"), "Merkteken", "Dwarsliggersteeg", "9999ZZ", "87654321", "1983-04-27")
PERSON: dict[str, Any] = {
    "burgerservicenummer": BSN,
    "voorletters": "M.",
    "achternaam": "Merkteken",
    "geboortedatum": "1983-04-27",
    "straatnaam": "Dwarsliggersteeg",
    "postcode": "9999ZZ",
    "huisnummer": "12",
}
AMOUNT = 87654321
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a system that receives our events."""
    server = Receiver()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Collect every line that anything logs, down to the queries."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(lambda record: "testserver" not in record.getMessage())  # the test's own client
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("routekaart").setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


def drive(api: Client) -> list[str]:
    """Send marked persons in by every way of the API, right and wrong, and give all that was answered."""
    answers: list[str] = []

    def note(answer: Any) -> Any:
        answers.append(answer.text + str(dict(answer.headers)))
        return answer

    marked_signal = signal("S-1", None, bedrag=AMOUNT, client=PERSON)
    bad = signal("S-2", None, bedrag="Merkteken", client=PERSON, onbekend={"Merkteken": BSN})
    own_id = signal(BSN, None, client=PERSON)
    repeated = signal("S-3", None, bedrag=AMOUNT, client=PERSON, partner="Huur")
    zaak = {
        "resultaat": "Merkteken",
        "vroegsignalen": [{"ID": "S-4"}],
        "contactpogingen": [{"soort": "Merkteken", "datum": "2026-01-20", "opmerking": "Dwarsliggersteeg"}],
        "opmerking": BSN,
    }
    note(
        api.post(
            "/v1/vroegsignalen",
            json=delivery(marked_signal, bad, own_id, repeated),
            headers={"Idempotency-Key": BSN},
        )
    )
    with_history = delivery(
        signal("S-4", None, client=PERSON | {"burgerservicenummer": valid_bsn("9011111")}), cases=[zaak]
    )
    note(api.post("/v1/vroegsignalen?metHistorie=true", json=with_history))
    note(
        api.post(
            "/v1/vroegsignalen",
            content=f'{{"Merkteken": "{BSN}", '.encode(),
            headers={"Content-Type": "application/json"},
        )
    )

    body = {"mijlpaal": "M3", "burgerservicenummer": BSN}
    reference = note(
        api.post("/v1/zaken", json=body, headers={"Idempotency-Key": f"Merkteken {BSN}"})
    ).json()["zaak"]
    for wrong in (
        {"zaak": BSN},
        {"gegevens": {"naam": "Merkteken"}},
        {"gegevens": {"doelgroep": "Merkteken"}},
        {"Merkteken": BSN},
        {"verwijzingen": [BSN, "Merkteken Dwarsliggersteeg"]},
        {"op": "Merkteken"},
        {"mijlpaal": "Merkteken"},
    ):
        note(api.post("/v1/zaken", json={"mijlpaal": "M3"} | wrong))
    for event in (
        {"gebeurtenis": "Merkteken"},
        {"gebeurtenis": "aanmelding_geregistreerd", "gegevens": {"Merkteken": BSN}},
        {"gebeurtenis": "bedreigend", "gegevens": {"bedreiging": "Dwarsliggersteeg"}},
        {"gebeurtenis": "ingetrokken", "mijlpaal": "Merkteken"},
        {"gebeurtenis": "aanmelding_geregistreerd"},
    ):
        note(
            api.post(
                f"/v1/zaken/{reference}/gebeurtenissen", json=event, headers={"Idempotency-Key": str(event)}
            )
        )
    note(api.post(f"/v1/zaken/{reference}/verwijzingen", json={"verwijzing": BSN}))
    for address in (BSN, "Merkteken", reference):
        note(api.get(f"/v1/zaken/{address}"))
        note(api.get(f"/v1/zaken/{address}/journaal"))
    note(api.get("/v1/zaken", params={"verwijzing": BSN}))

    cloudevent = {
        "specversion": "1.0",
        "id": BSN,
        "source": f"urn:nld:persoon:{BSN}",
        "type": "nl.brp.personen.overleden",
        "subject": BSN,
        "merkteken": "Merkteken",
        "data": {"persoon": PERSON, "bedrag": AMOUNT, "zaak": reference, "datumOverlijden": "Merkteken"},
    }
    note(api.post("/v1/cloudevents", json=cloudevent, headers=STRUCTURED))
    note(
        api.post(
            "/v1/cloudevents",
            json=cloudevent | {"id": "2", "type": "Merkteken van dit", "data": PERSON},
            headers=STRUCTURED,
        )
    )
    note(api.post("/v1/cloudevents", json=cloudevent | {"specversion": BSN}, headers=STRUCTURED))
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "3",
        "ce-source": "s",
        "ce-type": "t",
        "ce-subject": BSN,
        "ce-naam": "Merkteken",
        "Content-Type": "application/json",
    }
    note(api.post("/v1/cloudevents", json=PERSON, headers=headers))
    right = {"ce-id": f"{BSN}-4", "ce-type": "nl.brp.personen.overleden", "ce-subject": reference}
    note(api.post("/v1/cloudevents", json=PERSON | {"bedrag": AMOUNT}, headers=headers | right))
    note(api.post("/v1/notificaties", json=notification(kenmerken={"naam": "Merkteken", "bsn": BSN})))
    note(api.post("/v1/notificaties", json=notification(hoofdObject=f"https://zaken.example.nl/{BSN}")))
    note(api.post("/v1/notificaties", json=notification(actie="Merkteken is weg")))
    for name in ("werkvoorraad", "monitor"):
        note(api.get(f"/v1/{name}", params={"gemeentecode": BSN, "formaat": "Merkteken"}))
        note(api.get(f"/v1/{name}"))
    note(api.get(f"/v1/definities/{BSN}"))
    note(api.get("/overdracht/Merkteken"))
    note(api.post("/overdracht/Merkteken", data={"keuze": "Merkteken", "reden": BSN}))
    note(api.post("/v1/beheermeldingen", json={"soort": "Merkteken", "onderwerp": BSN, "id": "Merkteken"}))
    note(api.request("MERKTEKEN", "/Merkteken", params={"naam": "Merkteken"}))
    note(api.get("/v1/zaken", headers={"X-API-Key": "", "Authorization": f"Bearer rk_{BSN}_Merkteken"}))
    note(api.get("/metrics"))
    return answers


def all_rows(office: Office) -> Iterator[str]:
    """Yield every row of every table as text."""
    with office.engine.connect() as connection:
        for table in inspect(office.engine).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                yield f"{table}: {tuple(row)}"


def all_files(folder: Path) -> Iterator[str]:
    """Yield the contents of every file of the home folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield f"{path}: {path.read_bytes().decode('latin-1')}"


def test_no_mark_is_found_anywhere(
    office: Office,
    receiver: Receiver,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not in a table, a file, a log line, an answer, a message, an event, or the output of a command."""
    subscribe(office, "dashboard", receiver.url)
    answers = drive(caller(office, raise_server_exceptions=False))
    fan_out(office)
    deliver_due(office)
    assert len(receiver.received) > 5
    monkeypatch.setattr("adapters.office.office", lambda: office)
    capsys.readouterr()
    source = tmp_path / "bron" / "levering.json"
    source.parent.mkdir()
    source.write_text(json.dumps(delivery(signal("S-9", None, bedrag=AMOUNT, client=PERSON))))
    commands = (
        ["importeer", "vroegsignalen", str(source)],
        ["postbak", "lijst", "--alles"],
        ["abonnement", "mislukt"],
        ["client", "lijst"],
        ["exporteer", "ddas", "--van", "2026-01-01", "--tot", "2026-12-31", "--uit", str(tmp_path / "uit1")],
        [
            "exporteer",
            "ddas",
            "--van",
            "2026-01-01",
            "--tot",
            "2026-12-31",
            "--soort",
            "vroegsignaalzaken",
            "--uit",
            str(tmp_path / "uit2"),
        ],
    )
    for command in commands:
        assert cli.run(list(command)) == 0, command
    source.unlink()
    office.engine.dispose()  # what SQLite still holds back goes to its file
    places = {
        "answers": answers,
        "rows": list(all_rows(office)),
        "files": list(all_files(office.settings.home_folder)),
        "logs": [logged.getvalue()],
        "webhooks": [str(item) for item in receiver.received],
        "commands": list(capsys.readouterr()),
    }
    assert len(places["rows"]) > 30
    assert "event_accepted" in logged.getvalue()
    assert first_key_file(office).exists()
    for place, texts in places.items():
        for mark in MARKS:
            found = [item for item in texts if mark in item]
            assert not found, f"{mark} stands in {place}: {found[0][:300]}"


def test_the_marks_would_be_found(office: Office) -> None:
    """The search of the test above finds a mark where there is one."""
    office.casework.open("M3", municipality="0518", reference="Merkteken-1")
    assert any("Merkteken" in row for row in all_rows(office))
