"""The werkvoorraad and the monitor over the API, and the messages of Prefect's automations."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from support.api import caller

from adapters.api import create_api
from adapters.exchange.clients import new_client
from adapters.messages.operator_messages import operator_key
from adapters.oversight.disclosure import HIDDEN
from adapters.oversight.workload import read_workload

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

REPORTS = ("/v1/werkvoorraad", "/v1/monitor")


def opened(office: Office, number: int, municipality: str = "0518") -> list[str]:
    """Open cases in M3 and give their references."""
    return [
        office.casework.open("M3", municipality=municipality, reference=f"A-{municipality}-{index}").reference
        for index in range(number)
    ]


def rows_of_csv(text: str) -> list[dict[str, str]]:
    """Read a CSV as a spreadsheet in Dutch does."""
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:]), delimiter=";"))


def test_the_werkvoorraad_says_the_same_as_json_and_as_csv(
    api: TestClient, office: Office, clock: SetClock
) -> None:
    """Every open process has a row in both; what is late is late in both."""
    opened(office, 5)
    clock.moment += timedelta(weeks=5)
    body = api.get("/v1/werkvoorraad").json()
    assert (body["gemeentecode"], body["count"], body["op"]) == ("0518", 5, "2026-04-13")
    assert body["aantallen"]["te_laat"] == body["aantallen"]["zonder_eigenaar"] == 5
    answer = api.get("/v1/werkvoorraad", params={"formaat": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="werkvoorraad-0518-2026-04-13.csv"' in answer.headers["content-disposition"]
    lines = rows_of_csv(answer.text)
    assert [line["zaak"] for line in lines] == [row["zaak"] for row in body["results"]]
    assert (
        {line["dagen_te_laat"] for line in lines}
        == {"6"}
        == {str(r["dagen_te_laat"]) for r in body["results"]}
    )


def test_a_date_that_can_still_move_says_so_in_every_answer(
    api: TestClient, office: Office, clock: SetClock
) -> None:
    """A last day in a year for which the days off are not known yet: in the case, the list and the CSV."""
    (sure,) = opened(office, 1)
    clock.moment = clock.moment.replace(year=2028, month=12, day=18)
    unsure = office.casework.open("M3", municipality="0518", reference="A-2029").reference
    for reference, said in ((sure, False), (unsure, True)):
        term = api.get(f"/v1/zaken/{reference}").json()["termijnen"][0]
        line = next(row for row in api.get("/v1/werkvoorraad").json()["results"] if row["zaak"] == reference)
        answer = api.get("/v1/werkvoorraad", params={"formaat": "csv"}).text
        row = next(row for row in rows_of_csv(answer) if row["zaak"] == reference)
        for shown in (term["voorbehoud"], line["voorbehoud"], row["voorbehoud"]):
            assert ("na 2028 niet bekend" in (shown or "")) is said
    cautions = {item.reference: item.caution for item in read_workload(office, "0518").items}
    assert cautions == {sure: None, unsure: "na 2028 niet bekend"}


def test_the_werkvoorraad_comes_in_pages(api: TestClient, office: Office) -> None:
    """Following `next` gives every row once, and keeps the municipality that was asked for."""
    opened(office, 5)
    seen, link = [], "/v1/werkvoorraad?pageSize=2&gemeentecode=0518"
    while link:
        body = api.get(link).json()
        assert body["aantallen"]["open"] == 5
        seen += [row["zaak"] for row in body["results"]]
        link = body["next"]
    assert seen == [item.reference for item in read_workload(office, "0518").items]


def test_the_monitor_says_the_same_as_json_and_as_csv(
    api: TestClient, office: Office, clock: SetClock
) -> None:
    """Of forty first conversations thirty were in time: 75%, with its definition, in both forms."""
    for index, reference in enumerate(opened(office, 40)):
        if index < 30:
            for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
                office.casework.report(reference, event, process="M3")
    clock.moment += timedelta(weeks=6)
    body = api.get("/v1/monitor").json()
    assert (body["gemeentecode"], body["tot_en_met"]) == ("0518", "2026-04-19")
    first = next(cell for cell in body["cijfers"] if cell["cijfer"] == "Eerste gesprek binnen 4 weken")
    assert (first["waarde"], first["over_aantal"]) == ("75%", "40")
    assert "Wgs art. 4 lid 1" in first["definitie"]
    lines = rows_of_csv(api.get("/v1/monitor", params={"formaat": "csv"}).text)
    assert lines == body["cijfers"]
    assert api.get("/v1/monitor", params={"weken": 1}).json()["cijfers"][0]["waarde"] == HIDDEN


def test_cells_under_ten_leave_in_no_form(api: TestClient, office: Office, clock: SetClock) -> None:
    """With nine cases no figure over the API is a number."""
    for reference in opened(office, 9):
        office.casework.report(reference, "ingetrokken", process="M3", data={"motivering": "m-1"})
    clock.moment += timedelta(days=3)
    cells = api.get("/v1/monitor").json()["cijfers"]
    cells += rows_of_csv(api.get("/v1/monitor", params={"formaat": "csv"}).text)
    assert any(cell["cijfer"] == "Redenen van uitstroom" for cell in cells)
    shown = [cell[name] for cell in cells for name in ("waarde", "over_aantal")]
    assert not any(character.isdigit() for text in shown for character in text.replace(HIDDEN, ""))


@pytest.mark.parametrize("report", REPORTS)
def test_a_client_reads_only_of_its_own_municipality(office: Office, report: str) -> None:
    """A client of Groningen gets Groningen by itself, and 403 for any other municipality."""
    opened(office, 2)
    opened(office, 3, "0014")
    made = new_client(office, "groningen", ("0014",), ("lezen",))
    api = caller(office, made.api_key)
    assert api.get(report).json()["gemeentecode"] == "0014"
    assert api.get(report, params={"gemeentecode": "0014"}).status_code == 200
    refused = api.get(report, params={"gemeentecode": "0518"})
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    of_two = new_client(office, "noord", ("0014", "0037"), ("lezen",))
    assert (
        caller(office, of_two.api_key).get(report).status_code == 403
    )  # ours is 0518, and it has no only one


@pytest.mark.parametrize("report", REPORTS)
def test_who_may_only_report_events_reads_no_report(office: Office, report: str) -> None:
    """Reading needs the right `lezen`, in both forms."""
    made = new_client(office, "balie", ("*",), ("hulp_aanvaard", "open:M3"))
    api = caller(office, made.api_key)
    assert api.get(report).status_code == 403
    assert api.get(report, params={"formaat": "csv"}).status_code == 403


@pytest.mark.parametrize(
    ("report", "wrong"),
    [
        ("/v1/werkvoorraad", {"gemeentecode": "518"}),
        ("/v1/werkvoorraad", {"formaat": "xml"}),
        ("/v1/werkvoorraad", {"pageSize": "1001"}),
        ("/v1/monitor", {"weken": "0"}),
        ("/v1/monitor", {"weken": "261"}),
    ],
)
def test_a_wrong_question_is_refused(api: TestClient, report: str, wrong: dict[str, str]) -> None:
    """What does not fit is 400 and names the place."""
    answer = api.get(report, params=wrong)
    assert answer.status_code == 400
    assert answer.json()["velden"] == [f"query.{next(iter(wrong))}"]


# --- messages of automations ----------------------------------------------------------------------------------

MESSAGE = {"soort": "worker-te-laat", "onderwerp": "routekaart", "id": "e-1"}


def test_a_message_of_an_automation_reaches_the_coordinator(office: Office) -> None:
    """With the key of the automations the coordinator is told what happened and what to do."""
    api = TestClient(create_api(office), headers={"Authorization": f"Bearer {operator_key(office.settings)}"})
    answer = api.post("/v1/beheermeldingen", json=MESSAGE)
    assert (answer.status_code, answer.json()) == (202, {"status": "verstuurd"})
    (line,) = (json.loads(text) for text in office.settings.messages_file.read_text().splitlines())
    assert (line["rol"], line["titel"]) == ("coordinator", "routekaart: Er is geen worker")
    assert "Vraag de beheerder om de worker te starten" in line["tekst"]
    for wrong in (MESSAGE | {"soort": "iets"}, MESSAGE | {"meer": "x"}, MESSAGE | {"onderwerp": "x" * 201}):
        assert api.post("/v1/beheermeldingen", json=wrong).status_code == 400


def test_every_machine_of_a_database_knows_the_key_of_the_automations(office: Office, tmp_path: Path) -> None:
    """Another machine with the same keys, and a home of its own, lets in what the first machine told Prefect."""
    shared = {"integration_key": SecretStr(office.settings.secret("integration").decode())}
    other = office.settings.model_copy(update={"home": tmp_path / "ander", **shared})
    assert operator_key(other) == operator_key(office.settings)


def test_only_the_key_of_the_automations_lets_a_message_in(api: TestClient, office: Office) -> None:
    """The key of a client, a wrong key or none is 401, and nobody is told anything."""
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer é".encode()}):
        answer = api.post("/v1/beheermeldingen", json=MESSAGE, headers=headers)
        assert (answer.status_code, answer.json()["title"]) == (401, "Geen toegang")
    assert not office.settings.messages_file.exists()
