"""What its sender has closed is not pursued here, and what he corrects is corrected with a trace in the journal."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select
from support.signal_deliveries import DENNIS, SAMIRA, delivery, signal, take_in

from adapters.exchange.signal_record import SignalResult
from adapters.operations.integrity import broken_cases
from adapters.storage.database import OutboxRow, ProcessRow, TimerRow, reading

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from adapters.office import Office

CLOSED = {
    "Inwoner is overleden": "overleden",
    "Persoon is geen inwoner (meer) in de gemeente": "geen_inwoner",
    "Niet opgepakt: onterecht signaal": "onterecht",
    "Niet opgepakt: herhaalde melding": "herhaald",
    "Inwoner al bekend bij schuldhulpverlening": "bekend_bij_shv",
    "Niet opgepakt: andere reden": "afgesloten_met_resultaat",
}
OPEN = ("Nog niet opgepakt", "Opgepakt", None)


def events(office: Office, reference: str) -> list[str]:
    """Return what happened in a case."""
    return [line.event for line in office.casework.case(reference).journal if not line.derived]


def one(office: Office, **changes: Any) -> tuple[SignalResult, str]:
    """Deliver one signal; give what became of it and in which case."""
    (report,) = take_in(office, delivery(signal("A", **changes)))
    return report.result, report.reference or ""


def everything(office: Office, table: Any, reference: str) -> list[Any]:
    """Return the rows of a case."""
    with reading(office.engine) as session:
        if table is TimerRow:
            query = select(TimerRow).join(ProcessRow).where(ProcessRow.case_reference == reference)
        else:
            query = select(table).where(table.case_reference == reference)
        return list(session.exec(query).all())


@pytest.mark.parametrize(("status", "event"), CLOSED.items())
def test_what_is_closed_at_the_sender_is_not_pursued(office: Office, status: str, event: str) -> None:
    """A first delivery gives the event of its status, without T10, a message or work; once more changes nothing."""
    result, reference = one(office, status=status, crisissignaal=True)
    assert result is SignalResult.CLOSED
    assert events(office, reference) == ["geopend", event]
    process = office.casework.case(reference).case.process("M2")
    assert (process.state, process.facts["eindresultaat"]) == ("AFGESLOTEN", status)
    assert {timer.term for timer in everything(office, TimerRow, reference)} == {"T11"}
    assert everything(office, OutboxRow, reference) == []
    assert [(row.attention, row.finished) for row in everything(office, ProcessRow, reference)] == [
        (False, True)
    ]
    assert one(office, status=status, crisissignaal=True) == (SignalResult.KNOWN, reference)
    assert events(office, reference) == ["geopend", event]
    assert list(broken_cases(office.engine, office.rules_for)) == []


@pytest.mark.parametrize("status", OPEN)
def test_what_is_open_at_the_sender_is_pursued(office: Office, status: str | None) -> None:
    """A signal that nobody closed opens a vroegsignaalzaak with T10."""
    result, reference = one(office, status=status)
    assert result is SignalResult.OPENED
    assert office.casework.case(reference).case.process("M2").running("T10") is not None


@pytest.mark.parametrize(("status", "event"), CLOSED.items())
def test_a_status_that_comes_later_ends_the_zaak(office: Office, status: str, event: str) -> None:
    """The same signal, closed in a later delivery, gets the event of its status in the zaak that runs."""
    _, reference = one(office)
    assert one(office, status=status) == (SignalResult.CLOSED, reference)
    assert events(office, reference) == ["geopend", event]
    assert office.casework.case(reference).case.process("M2").running("T10") is None
    assert one(office, status=status) == (SignalResult.KNOWN, reference)
    assert events(office, reference) == ["geopend", event]


def test_a_status_about_one_signal_does_not_end_the_zaak_of_another(office: Office) -> None:
    """A zaak with two signals goes on when one of them was unjust; its worker hears of it, once."""
    _, reference = one(office)
    take_in(office, delivery(signal("B", partner="Huur")))
    before = len(everything(office, OutboxRow, reference))
    for result in (SignalResult.CORRECTED, SignalResult.KNOWN):
        assert one(office, status="Niet opgepakt: onterecht signaal") == (result, reference)
    line = office.casework.case(reference).journal[-1]
    assert (line.event, line.data) == ("signaal_gecorrigeerd", {"gewijzigd": ["status"]})
    assert len(everything(office, OutboxRow, reference)) == before + 1


def test_a_death_in_a_second_signal_ends_the_zaak_that_runs(office: Office) -> None:
    """A status about the person counts for all of his signals; one about the signal opens a closed zaak beside it."""
    _, reference = one(office)
    unjust, dead = take_in(
        office,
        delivery(
            signal("B", partner="Huur", status="Niet opgepakt: onterecht signaal"),
            signal("C", partner="Water", status="Inwoner is overleden"),
        ),
    )
    assert unjust.reference != reference
    assert dead.reference == reference
    assert events(office, reference) == ["geopend", "overleden"]


def test_a_move_ends_a_zaak_in_any_state(office: Office) -> None:
    """Who turns out to live elsewhere is not approached any more, however far the zaak was."""
    _, reference = one(office)
    for event in ("gematcht", "toegewezen", "contactpoging_gedaan"):
        office.casework.report(reference, event)
    assert one(office, status="Persoon is geen inwoner (meer) in de gemeente")[0] is SignalResult.CLOSED
    assert office.casework.case(reference).case.process("M2").state == "AFGESLOTEN"


def test_a_death_ends_the_traject_too(office: Office, api: TestClient) -> None:
    """Of somebody in a traject a death is told to all of it; another closed status changes nothing there."""
    traject = api.post("/v1/zaken", json={"mijlpaal": "M3", "burgerservicenummer": SAMIRA}).json()["zaak"]
    assert one(office, status="Niet opgepakt: onterecht signaal") == (SignalResult.CLOSED, traject)
    assert office.casework.case(traject).case.process("M3").state == "NIEUW"
    (report,) = take_in(office, delivery(signal("B", status="Inwoner is overleden")))
    assert (report.result, report.reference) == (SignalResult.CLOSED, traject)
    assert office.casework.case(traject).case.process("M3").facts["uitstroomreden"] == "Overleden"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"bedrag": 900}, "bedrag"),
        ({"bedrag": None}, "bedrag"),
        ({"partner": "Huur"}, "signaalpartner"),
        ({"signaaldatum": "2026-01-05"}, "signaaldatum"),
        ({"ontstaansdatum": "2025-12-01"}, "anders"),
    ],
)
def test_a_correction_is_taken_over_with_a_trace(office: Office, change: dict[str, Any], part: str) -> None:
    """The same ID with another amount, partner or date corrects the zaak, once."""
    _, reference = one(office)
    assert one(office, **change) == (SignalResult.CORRECTED, reference)
    line = office.casework.case(reference).journal[-1]
    assert line.event == "signaal_gecorrigeerd"
    assert part in line.data["gewijzigd"]
    assert one(office, **change) == (SignalResult.KNOWN, reference)
    assert events(office, reference) == ["geopend", "signaal_gecorrigeerd"]
    term = office.casework.case(reference).case.process("M2").running("T10")
    assert term is not None
    assert term.anchor == (date(2026, 1, 5) if part == "signaaldatum" else date(2026, 1, 6))


def test_another_person_under_the_same_id_is_refused(office: Office) -> None:
    """An ID that comes back with somebody else is another signal, and is told to the sender."""
    _, reference = one(office)
    (report,) = take_in(office, delivery(signal("A", DENNIS)))
    assert (report.result, report.reference) == (SignalResult.REFUSED, None)
    assert events(office, reference) == ["geopend"]


def test_what_the_sender_opens_again_is_pursued(office: Office) -> None:
    """A status that the sender takes back opens a vroegsignaalzaak after all, once."""
    _, closed = one(office, status="Inwoner is overleden")
    result, reference = one(office)
    assert result is SignalResult.OPENED
    assert reference != closed
    assert one(office) == (SignalResult.KNOWN, reference)


def test_a_correction_after_the_end_is_a_signal_of_its_own(office: Office) -> None:
    """A higher amount of a signal whose zaak ended is pursued; a lower one is a repeat."""
    _, reference = one(office)
    office.casework.report(reference, "onterecht")
    assert one(office, bedrag=200)[0] is SignalResult.REPEATED
    result, second = one(office, bedrag=900)
    assert (result, second != reference) == (SignalResult.OPENED, True)


def test_a_delivery_of_which_all_is_refused_is_no_success(api: TestClient, office: Office) -> None:
    """With every signal refused the answer is 400 and says why; with one taken in it is 201."""
    bad = signal("A", signaaldatum="2030-01-01")
    answer = api.post("/v1/vroegsignalen", json=delivery(bad, signal("B", signaaldatum="geen")))
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    lines = answer.json()["vroegsignalen"]
    assert [line["resultaat"] for line in lines] == ["geweigerd", "geweigerd"]
    assert all(line["opmerkingen"] for line in lines)
    assert api.post("/v1/vroegsignalen", json=delivery(bad, signal("C"))).status_code == 201
    assert api.post("/v1/vroegsignalen", json=delivery()).status_code == 201
