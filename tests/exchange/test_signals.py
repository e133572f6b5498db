"""Vroegsignalen find the vroegsignaalzaak of their person, who is known by a keyed hash only (domain 4.3)."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlmodel import select
from support.signal_deliveries import DENNIS, SAMIRA, delivery, signal, take_in, valid_bsn

from adapters.exchange.signal_record import SignalResult
from adapters.operations.integrity import broken_cases
from adapters.runtime.persons import person_key, renew_key_file
from adapters.runtime.settings import secret_file
from adapters.storage.database import CaseRow, reading
from adapters.storage.exchange_tables import SignalRow

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from adapters.office import Office
    from adapters.runtime.clock import SetClock


def on(clock: SetClock, day: str) -> None:
    """Set the clock to a day."""
    clock.moment = datetime.fromisoformat(f"{day}T10:00").replace(tzinfo=ZoneInfo("Europe/Amsterdam"))


def results(reports: list[object]) -> list[SignalResult]:
    """Return the results alone."""
    return [report.result for report in reports]  # type: ignore[attr-defined]


def t10(office: Office, reference: str) -> tuple[date, date | None]:
    """Return from when T10 counts and until when, in the running M2."""
    term = office.casework.case(reference).case.process("M2").running("T10")
    assert term is not None
    return term.anchor, term.due


def test_case_c_of_the_domain(office: Office, clock: SetClock) -> None:
    """Two signals of Mr Bos are one zaak with T10 from the oldest; later a higher one opens a new zaak."""
    on(clock, "2026-01-12")
    reports = take_in(
        office,
        delivery(
            signal("Z-1", signaaldatum="2026-01-06"),
            signal("W-1", signaaldatum="2026-01-09", partner="Water", bedrag=90),
        ),
    )
    assert results(reports) == [SignalResult.OPENED, SignalResult.JOINED]
    reference = reports[0].reference
    assert reference is not None
    assert reports[1].reference == reference
    assert t10(office, reference) == (date(2026, 1, 6), date(2026, 2, 3))

    report = office.casework.report
    report(reference, "gematcht", on=date(2026, 1, 12), data={"signaaldatum": "2026-01-06"})
    report(reference, "toegewezen", on=date(2026, 1, 12))
    for day in ("2026-01-14", "2026-01-20", "2026-01-28"):
        on(clock, day)
        report(reference, "contactpoging_gedaan", data={"soort": "Telefoon", "bereikt": False})
    on(clock, "2026-02-03")
    report(reference, "T10_verlopen")

    on(clock, "2026-03-17")
    same, higher = (
        take_in(office, delivery(signal(id_, signaaldatum="2026-03-17", bedrag=amount)))[0]
        for id_, amount in (("Z-2", 450), ("Z-3", 451))
    )
    assert (same.result, higher.result) == (SignalResult.REPEATED, SignalResult.OPENED)
    closed = office.casework.case(same.reference or "").case.process("M2")
    assert (closed.state, closed.facts["eindresultaat"]) == ("AFGESLOTEN", "Niet opgepakt: herhaalde melding")
    assert t10(office, higher.reference or "") == (date(2026, 3, 17), date(2026, 4, 14))
    assert list(broken_cases(office.engine, office.rules_for)) == []


def test_an_older_signal_moves_t10_back(office: Office) -> None:
    """A signal that comes in later but is older lets T10 count from its own date."""
    (first,) = take_in(office, delivery(signal("A", signaaldatum="2026-02-20")))
    take_in(office, delivery(signal("B", signaaldatum="2026-02-16", partner="Huur")))
    assert t10(office, first.reference or "")[0] == date(2026, 2, 16)
    take_in(office, delivery(signal("C", signaaldatum="2026-02-18", partner="Water")))
    assert t10(office, first.reference or "")[0] == date(2026, 2, 16)


def test_a_lower_amount_is_a_repeat_and_another_partner_is_not(office: Office, clock: SetClock) -> None:
    """After a zaak was closed: the same partner with lower arrears repeats; another partner does not."""
    (first,) = take_in(office, delivery(signal("A")))
    office.casework.report(first.reference or "", "onterecht")
    lower, other = take_in(
        office,
        delivery(
            signal("B", signaaldatum="2026-03-01", bedrag=200),
            signal("C", signaaldatum="2026-03-01", partner="Huur"),
        ),
    )
    assert results([lower, other]) == [SignalResult.REPEATED, SignalResult.OPENED]
    on(clock, "2027-03-01")
    office.casework.report(other.reference or "", "onterecht", on=date(2026, 3, 2))
    (late,) = take_in(office, delivery(signal("D", signaaldatum="2027-02-01")))
    assert late.result is SignalResult.OPENED


def test_who_is_in_debt_help_is_not_approached_again(office: Office, api: TestClient) -> None:
    """A signal of somebody in a running traject closes at once, in his own case."""
    opened = api.post("/v1/zaken", json={"mijlpaal": "M3", "burgerservicenummer": SAMIRA}).json()
    (report,) = take_in(office, delivery(signal("A", signaaldatum="2026-03-02")))
    assert (report.result, report.reference) == (SignalResult.IN_DEBT_HELP, opened["zaak"])
    case = office.casework.case(opened["zaak"]).case
    assert case.process("M2").facts["eindresultaat"] == "Inwoner al bekend bij schuldhulpverlening"
    assert case.process("M3").state == "NIEUW"


def test_after_the_decision_that_ends_the_help_a_signal_is_a_new_zaak(office: Office) -> None:
    """He gets an offer again (Wgs art. 3 lid 1 b), though bezwaar against that decision is still possible."""
    key = person_key(SAMIRA, office.settings.person_secret())
    reference = office.casework.open("M8", municipality="0518", person_key=key).reference
    office.casework.report(reference, "inwoner_wil_geen_nazorg", data={"motivering": "m-1"})
    (report,) = take_in(office, delivery(signal("A", signaaldatum="2026-03-02")))
    assert report.result is SignalResult.OPENED
    assert report.reference != reference
    assert office.casework.case(reference).case.process("M8").running("T20") is not None


def test_the_partner_in_a_traject_is_known_to_debt_help_too(office: Office) -> None:
    """One traject may have two clients; a signal about the second one closes in it as well."""
    keys = [person_key(bsn, office.settings.person_secret()) for bsn in (SAMIRA, DENNIS)]
    traject = office.casework.open(
        "M4", municipality="0518", person_key=keys[0], partner_key=keys[1]
    ).reference
    found = take_in(office, delivery(signal("A", SAMIRA), signal("B", DENNIS)))
    assert [(report.result, report.reference) for report in found] == [
        (SignalResult.IN_DEBT_HELP, traject),
        (SignalResult.IN_DEBT_HELP, traject),
    ]


def test_many_signals_of_a_few_people_in_one_delivery(office: Office) -> None:
    """Each signal is placed after the ones before it of its person, whatever stands between them."""
    people = {"A": SAMIRA, "B": DENNIS, "C": valid_bsn("9000003")}
    signals = [
        signal(f"{name}{number}", people[name], signaaldatum=f"2026-02-{20 - number:02}", partner=partner)
        for number, partner in enumerate(("Zorg", "Water", "Huur", "Energie"))
        for name in people
    ]
    found = take_in(office, delivery(*signals))
    assert results(found) == [SignalResult.OPENED] * 3 + [SignalResult.JOINED] * 9
    assert [report.reference for report in found] == [report.reference for report in found[:3]] * 4
    for report in found[:3]:
        assert t10(office, report.reference or "")[0] == date(2026, 2, 17), "the oldest of the four"
    assert list(broken_cases(office.engine, office.rules_for)) == []


def test_another_person_or_municipality_is_another_zaak(office: Office) -> None:
    """Signals join only within one person and one municipality; without a BSN each stands alone."""
    here = take_in(office, delivery(signal("A"), signal("B", DENNIS), signal("C", None), signal("D", None)))
    there = take_in(office, delivery(signal("A"), code="0363"))
    assert results(here + there) == [SignalResult.OPENED] * 5
    assert len({report.reference for report in here + there}) == 5


def test_a_crisis_signal_in_a_running_zaak_makes_it_a_crisis(office: Office) -> None:
    """A second signal that is a crisis starts the crisis term in the running zaak."""
    (first,) = take_in(office, delivery(signal("A")))
    take_in(office, delivery(signal("B", signaaldatum="2026-03-05", crisissignaal=True, partner="Energie")))
    process = office.casework.case(first.reference or "").case.process("M2")
    assert (process.state, process.facts["bedreigende_situatie"]) == ("IN_BENADERING", True)
    assert process.running("T02") is not None


def test_a_delivery_twice_changes_nothing(office: Office) -> None:
    """The same delivery again reports every signal as known; the same ID for another signal is refused."""
    content = delivery(signal("A"), signal("B", partner="Huur"), signal("C", DENNIS))
    first = take_in(office, content)
    with reading(office.engine) as session:
        before = [row.model_dump() for row in session.exec(select(CaseRow)).all()]
    again = take_in(office, content)
    assert results(again) == [SignalResult.KNOWN] * 3
    assert [report.reference for report in again] == [report.reference for report in first]
    assert [report.first for report in again] == results(first)
    (other,) = take_in(office, delivery(signal("A", DENNIS)))
    assert other.result is SignalResult.REFUSED
    with reading(office.engine) as session:
        assert [row.model_dump() for row in session.exec(select(CaseRow)).all()] == before


def test_a_person_is_recognised_after_the_key_was_renewed(office: Office) -> None:
    """With a new key a person who is known under the old one is recognised, and gets a new pseudonym."""
    (first,) = take_in(office, delivery(signal("A")))
    old = office.settings.person_secret()
    renew_key_file(office.settings.home_folder)
    new = office.settings.person_secret()
    assert new != old
    assert office.settings.old_person_secrets() == (old,)
    again, second = take_in(office, delivery(signal("A"), signal("B", partner="Huur")))
    assert results([again, second]) == [SignalResult.KNOWN, SignalResult.JOINED]
    assert second.reference == first.reference
    with reading(office.engine) as session:
        assert session.get_one(CaseRow, first.reference).person_key == person_key(SAMIRA, new)
        keys = {row.person_key for row in session.exec(select(SignalRow)).all()}
    assert keys == {person_key(SAMIRA, new)}


def test_a_pseudonym_names_its_key_and_hides_its_bsn() -> None:
    """A pseudonym starts with the name of its key, fits its column, and differs per key and person."""
    one, two = person_key(SAMIRA, b"a"), person_key(SAMIRA, b"b")
    assert len(one) == len(two) == 64
    assert one[:8] == person_key(DENNIS, b"a")[:8] != two[:8]
    assert len({one, two, person_key(DENNIS, b"a")}) == 3
    assert person_key(SAMIRA.lstrip("0"), b"a") == one


def test_the_api_reports_on_each_signal_the_same_way_twice(api: TestClient) -> None:
    """The API takes in a delivery and answers with a line for each signal; a repeat answers the same."""
    content = delivery(signal("A"), signal("B", partner="Huur"), signal("C", signaaldatum="2030-01-01"))
    first = api.post("/v1/vroegsignalen", json=content, headers={"Idempotency-Key": "a"})
    assert first.status_code == 201
    assert [line["resultaat"] for line in first.json()["vroegsignalen"]] == [
        "geopend",
        "toegevoegd",
        "geweigerd",
    ]
    again = api.post("/v1/vroegsignalen", json=content, headers={"Idempotency-Key": "a"})
    assert again.json() == first.json()
    other = api.post("/v1/vroegsignalen", json=delivery(signal("Z")), headers={"Idempotency-Key": "a"})
    assert other.status_code == 409
    assert api.get("/v1/zaken").json()["count"] == 1


def test_what_is_no_delivery_is_refused(api: TestClient) -> None:
    """A body that is no delivery, or one that breaks off, answers 400 and takes in nothing."""
    json_body = {"Content-Type": "application/json"}
    for body in (b"{}", b'{"leveringen": [{"teller": 1', b"[]", b"\xff\xfe"):
        answer = api.post("/v1/vroegsignalen", content=body, headers=json_body)
        assert answer.status_code == 400
    assert api.get("/v1/zaken").json()["count"] == 0


def test_two_deliveries_at_once_open_one_zaak_for_a_person(office: Office) -> None:
    """Deliveries at the same moment about the same people open one zaak for each of them."""

    def deliver(number: int) -> None:
        people = [SAMIRA, DENNIS] * 5
        take_in(office, delivery(*(signal(f"{number}-{place}", bsn) for place, bsn in enumerate(people))))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(deliver, range(4)))
    with reading(office.engine) as session:
        assert len(session.exec(select(CaseRow)).all()) == 2
        assert len(session.exec(select(SignalRow)).all()) == 40


def test_a_secret_that_many_make_at_once_is_one_secret(tmp_path: Path) -> None:
    """Of many that need a new secret at the same moment, all get the same one, and none an empty one."""
    with ThreadPoolExecutor(8) as threads:
        for number in range(20):
            found = set(threads.map(secret_file, [tmp_path / f"geheim-{number}"] * 8))
            assert [len(secret) for secret in found] == [64]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 20


def test_the_signals_of_a_zaak_without_help_are_forgotten_in_time(office: Office, clock: SetClock) -> None:
    """When T11 is over, the signals and the pseudonym of a zaak that ended without help are gone, the zaak is not."""
    ended, running = take_in(office, delivery(signal("A"), signal("B", DENNIS)))
    office.casework.report(ended.reference or "", "onterecht")
    on(clock, "2026-09-09")
    office.casework.fire_due(ended.reference or "")
    assert kept(office) == {"A": ended.reference, "B": running.reference}, "six months, that day included"
    on(clock, "2026-09-10")
    for report in (ended, running):
        office.casework.fire_due(report.reference or "")
    assert kept(office) == {"B": running.reference}
    with reading(office.engine) as session:
        cases = {row.reference: row.person_key for row in session.exec(select(CaseRow))}
    assert cases[ended.reference] is None
    assert cases[running.reference] is not None
    assert list(broken_cases(office.engine, office.rules_for)) == []


def test_a_signal_that_is_forgotten_leaves_the_traject_of_its_person_alone(
    office: Office, api: TestClient, clock: SetClock
) -> None:
    """A signal of somebody in debt help is forgotten too; his case keeps the pseudonym that recognises him."""
    opened = api.post("/v1/zaken", json={"mijlpaal": "M3", "burgerservicenummer": SAMIRA}).json()
    take_in(office, delivery(signal("A", signaaldatum="2026-03-02")))
    on(clock, "2026-10-01")
    office.casework.fire_due(opened["zaak"])
    assert kept(office) == {}
    with reading(office.engine) as session:
        assert session.get_one(CaseRow, opened["zaak"]).person_key is not None
    (again,) = take_in(office, delivery(signal("A", signaaldatum="2026-03-02")))
    assert (again.result, again.reference) == (SignalResult.IN_DEBT_HELP, opened["zaak"]), "as if it were new"


def kept(office: Office) -> dict[str, str]:
    """Return the signals that are still there, with their case."""
    with reading(office.engine) as session:
        return {row.signal_id: row.case_reference for row in session.exec(select(SignalRow))}
