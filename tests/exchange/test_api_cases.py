"""The API on cases: opening, reporting, reading, and what it refuses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.api import caller, opened, rows

from adapters.exchange.clients import new_client
from milestones.event_fields import THEMES

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from adapters.office import Office


def test_an_accepted_event_answers_with_state_terms_and_what_is_possible(api: TestClient) -> None:
    """An accepted event answers 201 with the new state, the running terms and the events possible now."""
    reference = opened(api)
    answer = api.post(
        f"/v1/zaken/{reference}/gebeurtenissen", json={"gebeurtenis": "aanmelding_geregistreerd"}
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body["toestanden"] == {"M3": "CRISISCHECK"}
    assert body["mogelijke_gebeurtenissen"][:2] == ["bedreigend", "niet_bedreigend"]
    assert [(term["id"], term["uiterlijk"], term["uitkomst"]) for term in body["termijnen"]] == [
        ("T01", "2026-04-07", "loopt")
    ]


def test_an_event_that_is_not_possible_now_gives_409_with_the_list(api: TestClient, office: Office) -> None:
    """An event that is not possible now answers 409 with what is, and writes nothing."""
    reference = opened(api)
    before = rows(office)
    answer = api.post(
        f"/v1/zaken/{reference}/gebeurtenissen",
        json={"gebeurtenis": "bedreigend"},
        headers={"Idempotency-Key": "x"},
    )
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "aanmelding_geregistreerd" in answer.json()["mogelijke_gebeurtenissen"]
    assert rows(office) == before


@pytest.mark.parametrize(
    "body",
    [
        {"gebeurtenis": "aanmelding_geregistreerd", "naam": "x"},
        {"gebeurtenis": "aanmelding_geregistreerd", "gegevens": {"naam": "x"}},
        {"gebeurtenis": "aanmelding_geregistreerd", "op": 1_700_000_000},
        {"gebeurtenis": "aanmelding_geregistreerd", "op": "2026-13-01"},
        {"gebeurtenis": "aanmelding_geregistreerd", "mijlpaal": "M99"},
        {"gebeurtenis": 7},
        {},
        [],
    ],
)
def test_unknown_fields_and_bad_types_give_400(api: TestClient, office: Office, body: Any) -> None:
    """Unknown fields and wrong types answer 400 and write nothing."""
    reference = opened(api)
    before = rows(office)
    answer = api.post(f"/v1/zaken/{reference}/gebeurtenissen", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert rows(office) == before


@pytest.mark.parametrize(
    "body",
    [
        {"mijlpaal": "M3", "zaak": "123456782"},
        {"mijlpaal": "M3", "zaak": "1234.56.782"},
        {"mijlpaal": "M3", "gegevens": {"naam": "x"}},
        {"mijlpaal": "M3", "gegevens": {"bedreigende_situatie": "misschien"}},
        {"mijlpaal": "M3", "gemeentecode": "518"},
        {"mijlpaal": "M3", "burgerservicenummer": 123456782},
        {"mijlpaal": "M3", "verwijzingen": ["zaak 17?"]},
        {"mijlpaal": "M99"},
        {"mijlpaal": "M3", "op": "0001-01-01"},
        {"mijlpaal": "M3", "op": "1989-12-31"},
    ],
)
def test_an_opening_takes_only_what_it_knows(api: TestClient, office: Office, body: Any) -> None:
    """An opening with a BSN as its own reference, an unknown field or a wrong value answers 400 and opens nothing."""
    before = rows(office)
    assert api.post("/v1/zaken", json=body).status_code == 400
    assert rows(office) == before


def test_an_unknown_case_is_404_without_repeating_what_was_asked(api: TestClient) -> None:
    """An unknown case, however it is written, answers 404 and does not repeat the reference."""
    for reference in ("123456782", "%00", "a" * 5000, "Testpersoon"):
        answer = api.get(f"/v1/zaken/{reference}")
        assert answer.status_code == 404
        assert reference not in answer.text


def test_addresses_follow_the_design_rules(api: TestClient) -> None:
    """A trailing slash is not an address, and every answer names the version of the API."""
    for path in ("/v1/zaken/", "/v1/", "/healthz/", "/v2/zaken"):
        answer = api.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["api-version"] == "1.0.0"


def test_lists_come_in_pages(api: TestClient) -> None:
    """A list gives its size and the addresses of the pages around it."""
    references = [opened(api) for _ in range(5)]
    first = api.get("/v1/zaken?pageSize=2").json()
    assert (first["count"], first["previous"]) == (5, None)
    third = api.get(api.get(first["next"]).json()["next"]).json()
    assert [third["next"], len(third["results"])] == [None, 1]
    assert third["results"][0]["zaak"] in references
    assert api.get("/v1/zaken?pageSize=0").status_code == 400


def test_the_journal_comes_in_pages_with_zoned_moments(api: TestClient) -> None:
    """The journal is a list with pages, and its moments carry a zone."""
    reference = opened(api)
    api.post(f"/v1/zaken/{reference}/gebeurtenissen", json={"gebeurtenis": "aanmelding_geregistreerd"})
    page = api.get(f"/v1/zaken/{reference}/journaal?page=2&pageSize=1").json()
    assert (page["count"], page["next"], len(page["journaal"])) == (2, None, 1)
    assert datetime.fromisoformat(page["journaal"][0]["vastgelegd_op"]).utcoffset() == timedelta(0)


def test_a_client_works_for_its_own_municipality_only(office: Office, api: TestClient) -> None:
    """Cases of another municipality do not exist for a client, and it cannot open them there."""
    elsewhere = opened(api, gemeentecode="0363")
    made = new_client(office, "leiden", ("0546",))
    own = caller(office, made.api_key)
    assert own.get(f"/v1/zaken/{elsewhere}").status_code == 404
    event = {"gebeurtenis": "aanmelding_geregistreerd"}
    assert own.post(f"/v1/zaken/{elsewhere}/gebeurtenissen", json=event).status_code == 404
    assert own.post("/v1/zaken", json={"mijlpaal": "M3", "gemeentecode": "0363"}).status_code == 403
    answer = own.post("/v1/zaken", json={"mijlpaal": "M3"})
    assert answer.json()["gemeentecode"] == "0546"
    assert own.get("/v1/zaken").json()["count"] == 1


def test_a_client_may_only_report_its_kinds_of_events(office: Office, api: TestClient) -> None:
    """A client with rights for some events may report no other, open nothing and read nothing."""
    reference = opened(api)
    made = new_client(office, "loket", ("*",), ("aanmelding_*", "open:M1"))
    own = caller(office, made.api_key)
    address = f"/v1/zaken/{reference}/gebeurtenissen"
    assert own.post(address, json={"gebeurtenis": "ingetrokken"}).status_code == 403
    assert own.post(address, json={"gebeurtenis": "aanmelding_geregistreerd"}).status_code == 201
    assert own.get(f"/v1/zaken/{reference}").status_code == 403
    assert own.post("/v1/zaken", json={"mijlpaal": "M3"}).status_code == 403
    assert own.post("/v1/zaken", json={"mijlpaal": "M1"}).status_code == 201


def test_who_may_not_read_hears_only_what_he_may_report(office: Office, api: TestClient) -> None:
    """No answer tells a client without the right to read where a case is, what runs in it, or how others name it."""
    reference = opened(api, verwijzingen=["ANDER-1"])
    rights = ("aanmelding_*", "niet_bedreigend", "open:M1", "verwijzen")
    own = caller(office, new_client(office, "loket", ("*",), rights).api_key)
    address = f"/v1/zaken/{reference}"
    told = own.post(f"{address}/gebeurtenissen", json={"gebeurtenis": "aanmelding_geregistreerd"}).json()
    assert (told["zaak"], told["mogelijke_gebeurtenissen"]) == (reference, ["niet_bedreigend"])
    assert [told[name] for name in ("toestanden", "mijlpalen", "termijnen", "dwangsommen")] == [
        {},
        [],
        [],
        [],
    ]
    again = own.post(f"{address}/gebeurtenissen", json={"gebeurtenis": "aanmelding_geregistreerd"})
    assert (again.status_code, again.json()["mogelijke_gebeurtenissen"]) == (409, ["niet_bedreigend"])
    opening = own.post("/v1/zaken", json={"mijlpaal": "M1"}).json()
    assert (opening["toestanden"], opening["termijnen"]) == ({}, [])
    named = own.post(f"{address}/verwijzingen", json={"verwijzing": "LOKET-7"}).json()
    assert named["verwijzingen"] == ["LOKET-7"]
    assert api.get(f"{address}/verwijzingen").json()["verwijzingen"] == ["ANDER-1", "LOKET-7"]


def test_another_system_finds_a_case_by_its_own_number(api: TestClient) -> None:
    """A case is found by another system's number, given at the opening or later."""
    zaak_url = "https://zaken.example.nl/zaken/api/v1/zaken/2f0c8a0e-1111-4222-8333-000000000001"
    reference = opened(api, verwijzingen=["ZAAK-2026-17"])
    assert (
        api.post(f"/v1/zaken/{reference}/verwijzingen", json={"verwijzing": zaak_url + "/"}).status_code
        == 201
    )
    assert api.get(f"/v1/zaken/{reference}/verwijzingen").json()["verwijzingen"] == ["ZAAK-2026-17", zaak_url]
    for value in ("ZAAK-2026-17", zaak_url):
        found = api.get("/v1/zaken", params={"verwijzing": value}).json()["results"]
        assert [row["zaak"] for row in found] == [reference]


def test_a_definition_can_be_read(api: TestClient) -> None:
    """A definition tells the states, the events with their fields, and the terms with their sources."""
    body = api.get("/v1/definities/M3").json()
    assert body["begint_in"] == "NIEUW"
    assert {"T01", "T02"} <= {term["id"] for term in body["termijnen"]}
    assert api.get("/v1/definities/M99").status_code == 404


def test_metrics_count_requests_by_route(api: TestClient) -> None:
    """The metrics count requests by route, never by case."""
    reference = opened(api)
    api.get(f"/v1/zaken/{reference}")
    text = api.get("/metrics").text
    assert (
        'routekaart_api_requests_total{method="GET",route="/v1/zaken/{reference}",status="200"} 1.0' in text
    )
    assert 'routekaart_open_processes{mijlpaal="M3"} 1.0' in text
    assert reference not in text


def test_who_accepts_over_the_api_has_the_case(api: TestClient, office: Office) -> None:
    """An event may say in whose name the mijlpaal stands from then on; a repeat says the same."""
    reference = opened(api)
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        office.casework.report(reference, event)
    content = {"gebeurtenis": "overdracht_aanvaard", "mijlpaal": "M4", "medewerker": "mw-17"}
    for _ in range(2):
        answer = api.post(
            f"/v1/zaken/{reference}/gebeurtenissen", json=content, headers={"Idempotency-Key": "a"}
        )
        assert answer.status_code == 201, answer.text
    view = office.casework.case(reference)
    assert view.case.process("M4").facts["houder"] == "mw-17"
    assert [row.event for row in view.journal[-2:]] == ["overdracht_aanvaard", "houder_gewijzigd"]


@pytest.mark.parametrize(("person", "status"), [("J. de Vries", 400), ("123456782", 400), ("mw-17", 409)])
def test_a_case_stands_in_the_name_of_a_code_while_it_runs(
    api: TestClient, office: Office, person: str, status: int
) -> None:
    """A name or number of a person is refused, and so is a holder for what the event closes; nothing is written."""
    reference = opened(api)
    before = rows(office)
    answer = api.post(
        f"/v1/zaken/{reference}/gebeurtenissen",
        json={"gebeurtenis": "ingetrokken", "gegevens": {"motivering": "m-1"}, "medewerker": person},
    )
    assert answer.status_code == status
    assert person not in answer.text
    assert rows(office) == before


def test_growth_is_read_for_each_theme(api: TestClient, office: Office) -> None:
    """Every measurement of a case stands there once, and a case in which nobody measured has none."""
    reference = opened(api, mijlpaal="M4")
    address = f"/v1/zaken/{reference}/groei"
    assert api.get(address).json() == {"zaak": reference, "groei": []}
    office.casework.report(reference, "hulpvraag_vastgesteld")
    office.casework.report(
        reference, "meting_gedaan", process="M4", data={**dict.fromkeys(THEMES, 3), "meetinstrument": "zrm"}
    )
    office.casework.open("M7", municipality="0518", reference=reference)
    office.casework.report(
        reference,
        "evaluatie_gedaan",
        process="BEGELEIDING",
        data={**dict.fromkeys(THEMES, 5), "meetinstrument": "zrm"},
    )
    lines = {line["thema"]: line for line in api.get(address).json()["groei"]}
    assert [score["score"] for score in lines["wonen"]["scores"]] == [3, 5]
    assert lines["wonen"]["groei"] == 2
