"""A municipality that moves in takes its vroegsignaalzaken along, as events with their own dates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select
from support.signal_deliveries import DENNIS, attempt, case, delivery, signal, take_in

from adapters.exchange.ddas import check_structure
from adapters.exchange.ddas_history import read_history
from adapters.exchange.postbak import waiting
from adapters.exchange.signal_record import SignalResult
from adapters.operations.integrity import broken_cases
from adapters.storage.database import OutboxRow, ProcessRow, reading
from adapters.storage.exchange_tables import OutgoingEventRow

if TYPE_CHECKING:
    from adapters.office import Office


def history(office: Office, reference: str | None) -> list[tuple[str, str, str]]:
    """Return what a case went through: event, date and state."""
    view = office.casework.case(reference or "")
    return [(row.event, row.on.isoformat(), row.after) for row in view.journal]


def test_a_closed_zaak_is_taken_over_with_its_dates(office: Office) -> None:
    """Matching, attempts and result of a closed zaak become events of their own dates, and nobody is told."""
    zaak = case(
        "Inwoner hoeft geen hulp vanuit vroegsignalering",
        "A",
        "B",
        attempts=[attempt("2026-01-20", reached=True, kind="Huisbezoek"), attempt("2026-01-14")],
    )
    content = delivery(signal("A"), signal("B", signaaldatum="2026-01-09", partner="Water"), cases=[zaak])
    reports = take_in(office, content, with_history=True)
    assert [report.result for report in reports] == [SignalResult.OPENED, SignalResult.JOINED]
    assert reports[0].remarks == ()
    assert history(office, reports[0].reference) == [
        ("geopend", "2026-01-06", "ONTVANGEN"),
        ("signaal_toegevoegd", "2026-01-09", "ONTVANGEN"),
        ("gematcht", "2026-01-12", "GEMATCHT"),
        ("toegewezen", "2026-01-13", "TOEGEWEZEN"),
        ("contactpoging_gedaan", "2026-01-14", "IN_BENADERING"),
        ("contactpoging_gedaan", "2026-01-20", "CONTACT"),
        ("hulp_geweigerd", "2026-01-20", "AFGESLOTEN"),
    ]
    with reading(office.engine) as session:
        assert session.exec(select(OutboxRow)).all() == []
        assert session.exec(select(OutgoingEventRow)).all() == []
        (process,) = session.exec(select(ProcessRow)).all()
    assert (process.finished, process.attention) == (True, False)
    assert list(broken_cases(office.engine, office.rules_for)) == []


@pytest.mark.parametrize(
    ("result", "attempts", "last"),
    [
        ("Inwoner is overleden", [], "overleden"),
        ("Niet opgepakt: onterecht signaal", [], "onterecht"),
        (
            "Definitief geen contact kunnen krijgen",
            ["2026-01-14", "2026-01-20", "2026-01-28"],
            "T10_verlopen",
        ),
        ("Geen reactie na eerder contact", ["2026-01-14"], "afgesloten_met_resultaat"),
        ("(Budget)advies en/of quick fix", ["2026-01-14"], "quick_fix"),
    ],
)
def test_every_kind_of_result_closes_the_zaak(
    office: Office, result: str, attempts: list[str], last: str
) -> None:
    """Each result of DDAS closes the zaak with that result."""
    zaak = case(result, "A", attempts=[attempt(day) for day in attempts])
    (report,) = take_in(office, delivery(signal("A"), cases=[zaak]), with_history=True)
    process = office.casework.case(report.reference or "").case.process("M2")
    assert (process.state, process.facts["eindresultaat"]) == ("AFGESLOTEN", result)
    assert history(office, report.reference)[-1][0] == last


def test_a_running_zaak_goes_on_and_asks_for_attention(office: Office) -> None:
    """A zaak without a result goes on where it was, and the vroegsignaleerder hears of it."""
    zaak = case(None, "A", attempts=[attempt("2026-01-14")])
    (report,) = take_in(office, delivery(signal("A"), cases=[zaak]), with_history=True)
    process = office.casework.case(report.reference or "").case.process("M2")
    assert (process.state, process.facts["contactpogingen"]) == ("IN_BENADERING", 1)
    with reading(office.engine) as session:
        assert {row.role for row in session.exec(select(OutboxRow)).all()} == {"early_signal_worker"}


def test_accepted_help_opens_m3_and_says_so(office: Office) -> None:
    """A zaak that led to help hands over to M3, and the receiver is told."""
    zaak = case(
        "Vervolghulp en/of verwijzing financieel", "A", attempts=[attempt("2026-03-02", reached=True)]
    )
    (report,) = take_in(office, delivery(signal("A"), cases=[zaak]), with_history=True)
    assert (
        office.casework.case(report.reference or "").case.process("M3").opened_on.isoformat() == "2026-03-02"
    )
    with reading(office.engine) as session:
        assert [(row.process, row.kind) for row in session.exec(select(OutboxRow)).all()] == [
            ("M3", "overdracht")
        ]


def test_what_does_not_fit_is_a_remark_and_the_rest_is_taken_over(office: Office) -> None:
    """A result that the steps do not lead to leaves the zaak open, with a remark that says why."""
    zaak = case("Definitief geen contact kunnen krijgen", "A", attempts=[attempt("2026-01-14")])
    (report,) = take_in(office, delivery(signal("A"), cases=[zaak]), with_history=True)
    assert office.casework.case(report.reference or "").case.process("M2").state == "IN_BENADERING"
    assert "niet genoeg contactpogingen" in report.remarks[0]


def test_history_twice_changes_nothing_and_other_signals_come_in_too(office: Office) -> None:
    """Taking over twice changes nothing; signals without a zaak are taken in as ever."""
    zaak = case("Inwoner is overleden", "A")
    content = delivery(signal("A"), signal("B", DENNIS), cases=[zaak])
    first = take_in(office, content, with_history=True)
    again = take_in(office, content, with_history=True)
    assert [report.result for report in first] == [SignalResult.OPENED, SignalResult.OPENED]
    assert [report.result for report in again] == [SignalResult.KNOWN, SignalResult.KNOWN]
    assert [report.reference for report in again] == [report.reference for report in first]


def test_without_the_option_zaken_of_others_are_left_alone(office: Office) -> None:
    """An ordinary import reads the signals only."""
    content = delivery(signal("A"), cases=[case("Inwoner is overleden", "A")])
    (report,) = take_in(office, content)
    assert office.casework.case(report.reference or "").case.process("M2").state == "ONTVANGEN"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contactpogingen": [attempt("14-01-2026", reached=True)]}, "contactpogingen.datum"),
        ({"contactpogingen": [{"soort": "Telefoon", "bereikt": True}]}, "contactpogingen.datum"),
        ({"contactpogingen": [attempt("2026-01-14", kind="Rooksignaal")]}, "contactpogingen.soort"),
        ({"contactpogingen": [attempt("2026-01-14") | {"bereikt": "ja"}]}, "contactpogingen.bereikt"),
        ({"contactpogingen": "twee"}, "contactpogingen"),
        ({"contactpogingen": ["2026-01-14"]}, "contactpogingen"),
        ({"matchingsdatum": "12 januari"}, "matchingsdatum"),
        ({"datum_opgepakt": "13-01-2026"}, "datum_opgepakt"),
        ({"resultaat": 4}, "resultaat"),
    ],
)
def test_what_cannot_be_read_waits_for_a_person(office: Office, changes: dict[str, Any], field: str) -> None:
    """A zaak with an unreadable date or choice stays open, with the field in the report and in the postbak."""
    zaak = case("Inwoner hoeft geen hulp vanuit vroegsignalering", "A") | changes
    for _ in range(2):
        (report,) = take_in(office, delivery(signal("A"), cases=[zaak]), with_history=True)
    process = office.casework.case(report.reference or "").case.process("M2")
    assert process.state != "AFGESLOTEN"
    (row,) = waiting(office)
    assert (row.candidates, field in row.reason) == ([report.reference], True)


def test_a_moment_counts_as_its_day_in_amsterdam(office: Office) -> None:
    """A contactpoging with a moment is one of that day."""
    zaak = case(None, "A", attempts=[attempt("2026-01-14T23:30:00Z")])
    (report,) = take_in(office, delivery(signal("A"), cases=[zaak]), with_history=True)
    assert history(office, report.reference)[-1] == ("contactpoging_gedaan", "2026-01-15", "IN_BENADERING")
    assert waiting(office) == []


def test_a_zaak_without_its_signals_waits_for_a_person(office: Office) -> None:
    """Zaken that name no signals are counted in the postbak, once."""
    content = delivery(signal("A"), cases=[case("Inwoner is overleden"), {"resultaat": "x"}])
    for _ in range(2):
        take_in(office, content, with_history=True)
    (row,) = waiting(office)
    assert row.reason.startswith("2 vroegsignaalzaken")


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just("2026-01-14")
NAMES = st.sampled_from(("ID", "resultaat", "vroegsignalen", "contactpogingen", "datum", "bereikt", "soort"))
ANY_JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(ANY_JSON, max_size=4))
def test_any_zaken_are_read_or_passed_over(
    tmp_path_factory: pytest.TempPathFactory, zaken: list[Any]
) -> None:
    """Whatever stands in the list of zaken, reading it gives as many zaken, and never fails."""
    path = tmp_path_factory.mktemp("historie") / "levering.json"
    path.write_text(json.dumps(delivery(signal("A"), cases=zaken)))
    for found in read_history(path, check_structure(path)):
        assert all(isinstance(name, str) for name in (*found.signal_ids, *found.unread))
        assert all(item.on.year == 2026 for item in found.attempts)
