"""No answer tells more of a case, or of who is known here, than its client may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import structlog
from sqlalchemy import event
from sqlmodel import func, select
from support.api import caller
from support.signal_deliveries import DENNIS, SAMIRA, delivery, signal

from adapters.exchange.clients import new_client
from adapters.exchange.postbak import waiting
from adapters.storage.database import CaseRow, reading

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from adapters.office import Office

HERE, ELSEWHERE = "0518", "0546"


def with_rights(office: Office, name: str, *rights: str, municipality: str = HERE) -> TestClient:
    """Return the API as a client with only these rights calls it."""
    return caller(office, new_client(office, name, (municipality,), rights).api_key)


def opened(api: TestClient, bsn: str | None = None, **more: Any) -> str:
    """Open a case as the first client, and return its reference."""
    body = {"mijlpaal": "M3", "burgerservicenummer": bsn} if bsn else {"mijlpaal": "M3"}
    return str(api.post("/v1/zaken", json=body | more).raise_for_status().json()["zaak"])


def test_a_supplier_learns_nothing_of_its_people(office: Office, api: TestClient) -> None:
    """A signal of somebody in debt help, of somebody with a zaak and of a stranger get the same answer."""
    opened(api, SAMIRA)
    supplier = with_rights(office, "leverancier", "vroegsignalen")
    first = delivery(signal("A", SAMIRA), signal("B", DENNIS), signal("C", DENNIS, partner="Water"))
    answer = supplier.post("/v1/vroegsignalen", json=first)
    lines = answer.json()["vroegsignalen"]
    told = {(line["resultaat"], line["zaak"], *line["opmerkingen"]) for line in lines}
    assert (answer.status_code, told) == (201, {("ontvangen", None)})
    again = supplier.post("/v1/vroegsignalen", json=first)
    assert again.json() == answer.json()


def test_a_supplier_hears_what_is_wrong_with_its_own_signal(office: Office) -> None:
    """A signal that cannot be read is refused with its reason, also to who may not read cases."""
    supplier = with_rights(office, "leverancier", "vroegsignalen")
    lines = supplier.post("/v1/vroegsignalen", json=delivery(signal("A"), signal("B", bedrag="veel"))).json()
    assert [line["resultaat"] for line in lines["vroegsignalen"]] == ["ontvangen", "geweigerd"]
    assert "bedrag" in lines["vroegsignalen"][1]["opmerkingen"][0]


def test_who_opens_cases_does_not_learn_who_has_one(office: Office, api: TestClient) -> None:
    """An opening for somebody with a traject answers as for a stranger, and waits for a person with the reason."""
    known = opened(api, SAMIRA)
    desk = with_rights(office, "balie", "open:*")
    answers = [
        desk.post(
            "/v1/zaken",
            json={"mijlpaal": "M3", "burgerservicenummer": bsn},
            headers={"Idempotency-Key": f"balie-{number}"},
        )
        for number, bsn in enumerate((SAMIRA, DENNIS, SAMIRA))
    ]
    assert len({(answer.status_code, answer.text, answer.headers.get("location")) for answer in answers}) == 1
    assert answers[0].status_code == 201
    assert not any(value for name, value in answers[0].json().items() if name != "gemeentecode")
    with reading(office.engine) as session:
        assert session.exec(select(func.count()).select_from(CaseRow)).one() == 2
    assert [(row.kind, row.candidates) for row in waiting(office)] == [("zaak.openen.M3", [known])] * 2
    assert SAMIRA not in str([row.model_dump() for row in waiting(office)])


@pytest.mark.parametrize("name", ["A-1", "FZ-2026-7K2M9QX"])
def test_a_reference_that_is_taken_is_no_secret_given_away(office: Office, name: str) -> None:
    """Who may only open hears the same of a reference that is his, somebody else's, and nobody's."""
    for place in (HERE, ELSEWHERE):
        office.casework.open("M3", municipality=place, reference=f"{name[:-1]}{place[2]}")
    desk = with_rights(office, "balie", "open:*")
    names = [f"{name[:-1]}{end}" for end in "140"] + [name]
    answers = [desk.post("/v1/zaken", json={"mijlpaal": "M4", "zaak": one}) for one in names]
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert answers[0].json()["zaak"] == ""


def test_who_reports_hears_nothing_of_the_case(office: Office, api: TestClient) -> None:
    """An accepted event gives no state or term, a refused one neither state nor list, to who may not read."""
    reference = opened(api)
    reporter = with_rights(office, "melder", "aanmelding_*", "niet_bedreigend")
    address = f"/v1/zaken/{reference}/gebeurtenissen"
    done = reporter.post(address, json={"gebeurtenis": "aanmelding_geregistreerd"})
    assert (done.status_code, done.json()["toestanden"], done.json()["termijnen"]) == (201, {}, [])
    refused = reporter.post(address, json={"gebeurtenis": "aanmelding_geregistreerd"})
    assert refused.status_code == 409
    assert "CRISISCHECK" not in refused.text
    assert refused.json()["mogelijke_gebeurtenissen"] == ["niet_bedreigend"]


@pytest.mark.parametrize("rights", [("*",), ("lezen",), ("aanmelding_*",), ("verwijzen",)])
def test_a_case_of_another_gemeente_is_no_case(
    office: Office, api: TestClient, rights: tuple[str, ...]
) -> None:
    """Every question about a case of another gemeente gets the answer of one about a case that is not there."""
    there = opened(api)
    curious = with_rights(office, "nieuwsgierig", *rights, municipality=ELSEWHERE)
    questions: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("GET", "/journaal", None),
        ("GET", "/verwijzingen", None),
        ("POST", "/verwijzingen", {"verwijzing": "Z-1"}),
        ("POST", "/gebeurtenissen", {"gebeurtenis": "aanmelding_geregistreerd"}),
        ("POST", "/gebeurtenissen", {"gebeurtenis": "niet_bedreigend"}),
        ("POST", "/gebeurtenissen", {"gebeurtenis": "bestaat_niet"}),
        ("POST", "/gebeurtenissen", {"gebeurtenis": "bedreigend", "gegevens": {"onbekend": 1}}),
        ("POST", "/gebeurtenissen", {"gebeurtenis": "aanmelding_geregistreerd", "op": "2031-01-01"}),
        ("POST", "/gebeurtenissen", {"gebeurtenis": "aanmelding_geregistreerd", "mijlpaal": "M8"}),
        ("POST", "/gebeurtenissen", {"gebeurtenis": "aanmelding_geregistreerd", "medewerker": "mw-1"}),
    ]
    for method, path, body in questions:
        one, none = (
            curious.request(method, f"/v1/zaken/{name}{path}", json=body)
            for name in (there, "FZ-2026-0000000")
        )
        assert one.status_code in (403, 404), (method, path, body)
        assert (one.status_code, one.text) == (none.status_code, none.text), (method, path, body)
    if "*" in rights:
        taken = [
            curious.post("/v1/zaken", json={"mijlpaal": "M4", "zaak": name})
            for name in (there, "FZ-2026-0000000")
        ]
        assert {(answer.status_code, answer.text) for answer in taken} == {(404, taken[0].text)}


def test_a_case_of_another_gemeente_costs_as_much_as_none(office: Office, api: TestClient) -> None:
    """The database is asked the same questions for a case that may not be seen as for one that is not there."""
    there = opened(api)
    curious = with_rights(office, "nieuwsgierig", "*", municipality=ELSEWHERE)
    asked: list[str] = []
    event.listen(office.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def questions(name: str) -> list[str]:
        curious.get(f"/v1/zaken/{name}/journaal")
        asked.clear()
        body = {"gebeurtenis": "aanmelding_geregistreerd"}
        assert curious.get(f"/v1/zaken/{name}").status_code == 404
        assert curious.post(f"/v1/zaken/{name}/gebeurtenissen", json=body).status_code == 404
        return list(asked)

    assert questions(there) == questions("FZ-2026-0000000")


def test_each_question_about_people_is_logged_with_its_client(office: Office) -> None:
    """A delivery and an opening with a BSN leave a line with the client and the gemeente, and no BSN."""
    client = with_rights(office, "leverancier", "vroegsignalen", "open:*")
    with structlog.testing.capture_logs() as lines:
        client.post("/v1/vroegsignalen", json=delivery(signal("A")))
        client.post("/v1/zaken", json={"mijlpaal": "M3", "burgerservicenummer": DENNIS})
    asked = [line for line in lines if line["event"] == "people_asked_about"]
    assert [(line["client"], line["way"], line["municipality"], line["reads"]) for line in asked] == [
        ("leverancier", "vroegsignalen", HERE, False),
        ("leverancier", "zaak openen", HERE, False),
    ]
    assert DENNIS not in str(lines)


def test_a_message_of_who_may_not_read_is_only_received(office: Office, api: TestClient) -> None:
    """A CloudEvent about a case, about none, and one that cannot happen now get the same answer."""
    reference = opened(api)
    sender = with_rights(office, "gerecht", "cloudevents", "*_gesprek_gevoerd", "overleden")
    answers = [
        sender.post(
            "/v1/cloudevents",
            json={
                "specversion": "1.0",
                "id": f"m-{number}",
                "source": "urn:nld:brp",
                "type": "nl.brp.personen.overleden",
                "subject": subject,
                "data": {"datumOverlijden": "2026-03-01"},
            },
            headers={"Content-Type": "application/cloudevents+json"},
        )
        for number, subject in enumerate((reference, "FZ-2026-0000000"))
    ]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert answers[0].status_code == 202
    assert reference not in answers[0].text
