"""Lists that people work from, to the letter: who is in a sample, what a law check says, what a watch tells."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING

import pytest

from adapters.cases.caseload import Away, AwayToday, Caseload
from adapters.oversight.basic_service import read_basic_service
from adapters.oversight.law_check import OpenCase, check_laws, checked_texts, record
from adapters.oversight.law_texts import read_law_folder
from adapters.oversight.periods import period_from
from adapters.oversight.policy_watch import ChangedTerm, changed_terms, remember_terms, warnings_for
from adapters.oversight.quality import QualitySample, Week
from adapters.oversight.worklists import Asked, read_items, read_own, read_page
from adapters.oversight.workload import municipalities, read_workload
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import SettingRow, reading, writing
from milestones.process import NotPossible
from milestones.quality_questions import QUESTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DECISION = (
    ("plan_opgesteld", {"beslagvrije_voet": True}), ("inwoner_akkoord", {}), ("goedgekeurd", {}), ("bekendgemaakt", {}),
)  # fmt: skip


def _decided(office: Office, reference: str, holder: str | None = None, place: str = "0518") -> None:
    office.casework.open("M6", municipality=place, reference=reference)
    if holder:
        Caseload(office.engine, office.casework).assign(reference, "M6", holder, "toegewezen")
    for event, data in DECISION:
        office.casework.report(reference, event, process="M6", data=data)


def test_a_sample_holds_decisions_of_its_week_and_gemeente(office: Office, clock: SetClock) -> None:
    """Each drawn case with its day; who holds a case that the lot left out has one of his own in it."""
    clock.moment = datetime(2026, 3, 15, 9, tzinfo=AMSTERDAM)
    for number in range(5):
        _decided(office, f"A-{number}", "mw-1" if number == 4 else "mw-2")
    _decided(office, "B-1", place="0599")
    clock.moment += timedelta(days=1)
    _decided(office, "A-9")
    sample, week = QualitySample(office.engine, clock, office.rules_for), Week(date(2026, 3, 9))
    drawn = sample.draw("0518", week)
    assert {row.week for row in drawn} == {"2026-W11"}
    assert {(row.process, row.decided_on, row.municipality) for row in drawn} == {
        ("M6", date(2026, 3, 15), "0518")
    }
    names = {row.case_reference for row in drawn}
    assert "A-4" in names
    assert names <= {f"A-{number}" for number in range(5)}
    assert len(names) in (3, 4)
    assert [row.id for row in sample.waiting("0518")] == [row.id for row in drawn]
    assert sample.waiting("0599") == []
    first = drawn[0]
    sample.linked(first.id or 0, "run-1")
    sample.linked(first.id or 0, "run-2")
    again = sample.get(first.id or 0)
    assert (again.flow_run_id, again.runs_made) == ("run-2", 2)
    with pytest.raises(NotPossible, match="bestaat niet"):
        sample.get(99)
    sample.record(first.id or 0, {question.code: 1 for question in QUESTIONS})
    again = sample.get(first.id or 0)
    assert (again.reviewed_on, again.reviewed_by, set(again.scores.values())) == (clock.today(), None, {1})
    for wrong in (0, 6):
        with pytest.raises(NotPossible, match="van 1 tot en met 5"):
            sample.record(drawn[1].id or 0, {question.code: wrong for question in QUESTIONS})
    assert [row.id for row in QualitySample(office.engine, clock).draw("0518", week)] == [
        row.id for row in drawn
    ]


def test_a_law_check_says_what_was_and_is(office: Office, clock: SetClock, tmp_path: Path) -> None:
    """With the text, the terms and the open cases that rest on it; what was recorded is counted by law."""
    reference = office.casework.open("M3", municipality="0518", reference="A-1").reference
    file = tmp_path / "wgs.yaml"
    file.write_text(
        "bwb_id: BWBR0031331\nvalid_from: '2027-01-01'\narticles:\n"
        "  - {number: '4', text: \"1 Binnen zes weken.\\n\\n2 In een bedreigende situatie binnen drie werkdagen.\"}\n"
    )
    folder = read_law_folder(tmp_path)
    check = check_laws(office, folder)
    found = {item.article: item for item in check.differences}
    assert found["4a"].what == "het artikel is er niet meer"
    assert found["4"].what.startswith("in lid 1 staat niet meer: vier weken, ")
    assert found["4"].as_json() == {
        "wet": "Wgs", "artikel": "4", "tekst_van": "2027-01-01",
        "nagekeken_tekst_van": found["4"].law.text_date.isoformat(), "wat": found["4"].what,
        "termijnen": list(found["4"].terms), "doelgroepen": list(found["4"].groups),
        "zaken": [{"zaak": reference, "gemeente": "0518", "termijn": "T01"}],
    }  # fmt: skip
    assert found["4"].cases == (OpenCase("A-1", "0518", "T01"),)
    assert (check.same, check.others) == (0, ())
    (line,) = record(office, folder)
    cited = len(found)
    assert line == f"Wet gemeentelijke schuldhulpverlening, tekst van 2027-01-01: {cited} artikelen."
    kept = checked_texts(office.engine)["Wgs"]
    assert (kept.text_of, kept.checked_on, list(kept.hashes)) == (date(2027, 1, 1), clock.today(), ["4"])


def test_a_watch_tells_what_changed_and_whom_it_touches(office: Office) -> None:
    """A term that is new, gone or longer is told with its cases; the same warning has the same id."""
    office.casework.open("M3", municipality="0518", reference="A-1")
    assert changed_terms(office.engine) == []
    remember_terms(office.engine)
    with writing(office.engine) as session:
        row = session.get_one(SettingRow, "termen-van-release")
        kept = dict(row.value)
        new = kept.pop("T01")
        row.value = {**kept, "T999": "5 weken (x)", "T02": kept["T02"].partition(" (")[0]}
        session.add(row)
    changed = changed_terms(office.engine)
    assert changed == [ChangedTerm("T01", None, new), ChangedTerm("T999", "5 weken (x)", None)]
    warning = warnings_for(office, "0518", changed)
    assert warning is not None
    assert warning.sentences == (
        f"Een nieuwe versie van routekaart wijzigt een termijn. T01: was er niet, is nu {new}.",
        "Een nieuwe versie van routekaart wijzigt een termijn. T999: was 5 weken (x), is nu er niet meer.",
        "Open zaken met zo'n termijn: A-1.",
    )
    assert warning.id.startswith("beleidswacht/0518/2026-03/")
    assert (warning.municipality, warning.page) == ("0518", "")
    elsewhere = warnings_for(office, "0599", changed)
    assert elsewhere is not None
    assert elsewhere.sentences[-1] == "Open zaken met zo'n termijn: geen."
    assert elsewhere.id != warning.id


def test_a_score_counts_cases_that_did_both(office: Office, clock: SetClock) -> None:
    """Of the cases with the first step in the period, those that did the second on any day; with what it means."""
    for number in range(20):
        office.casework.open("M4", municipality="0518", reference=f"A-{number}")
        office.casework.report(f"A-{number}", "hulpvraag_vastgesteld", process="M4")
    service = read_basic_service(office, "0518", period_from("2026-K1"))
    lines = {line.element.code: line for line in service.lines}
    assert all(line.definition and line.of for line in lines.values() if line.element.score is not None)
    assert {line.shown for line in lines.values() if line.element.score is None} == {"geen maat"}
    assert lines["5"].definition.startswith("Het deel van de zaken waarin ook '")
    assert "Het gaat om zaken met 'Hulpvraag vastgesteld' in de periode." in lines["5"].definition
    assert (lines["5"].of, service.municipality, service.period.name) == ("20", "0518", "2026-K1")
    assert any("met de laatste dag in de periode" in line.definition for line in lines.values())


def test_own_work_is_offered_returned_and_held(office: Office, clock: SetClock) -> None:
    """What came back to who divides, and what he holds himself or for whom he stands in."""
    for reference in ("A-1", "A-2", "A-3"):
        office.casework.open("M3", municipality="0518", reference=reference)
        for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
            office.casework.report(reference, event, process="M3")
    office.casework.report("A-2", "overdracht_teruggegeven", process="M4", data={"reden": "anders"})
    office.casework.report("A-3", "overdracht_aanvaard", process="M4")
    caseload, today = Caseload(office.engine, office.casework), clock.today()
    caseload.assign("A-3", "M4", "mw-2", "toegewezen")
    caseload.declare_absence("mw-2", "0518", today, today, "mw-1")

    def names(person: str, *, divides: bool) -> list[list[str]]:
        with reading(office.engine) as session:
            away = office.away_today(session)
            own = read_own(
                session,
                away,
                frozenset({"0518"}),
                person,
                frozenset({person}),
                asks="overdracht",
                divides=divides,
            )
        return [[piece.reference for piece in part] for part in (own.offered, own.returned, own.held)]

    assert names("mw-1", divides=True) == [[], ["A-2"], ["A-3"]]
    assert names("mw-1", divides=False) == [[], [], ["A-3"]]
    assert names("mw-2", divides=False) == [[], [], ["A-3"]]
    assert names("mw-3", divides=False) == [[], [], []]
    clock.moment += timedelta(days=1)
    assert names("mw-1", divides=False) == [[], [], []]
    page, total = read_page(office, Asked(None, code="M4", begin=1, most=1))
    assert (len(page), total) == (1, 3)
    assert read_page(office, Asked(frozenset({"0599"})))[1] == 0
    (item,) = [item for item in read_workload(office, "0518").items if item.holder == "mw-2"]
    assert (item.reference, item.process, item.municipality) == ("A-3", "M4", "0518")
    assert municipalities(office) == ["0518"]


def _held(office: Office, away: AwayToday, person: str, sees: frozenset[str] | None = None) -> set[str]:
    """Return the cases of which somebody has something, with the process."""
    with reading(office.engine) as session:
        own = read_own(session, away, sees, person, frozenset({person}), asks="overdracht", divides=False)
        items = read_items(office, session, away, [piece.id for piece in own.held])
    return {f"{item.reference} {item.process}" for item in items.values()}


def test_the_contact_of_a_case_holds_what_nobody_is_named_for(office: Office) -> None:
    """As long as his begeleiding runs: a process with a holder of its own is not his, and nobody has what ended."""
    for number in range(1, 5):
        for code in ("M4", "BEGELEIDING"):
            office.casework.open(code, municipality="0518", reference=f"A-{number}")
        named = {"contactpersoon": "mw-9" if number == 4 else "mw-1"}
        office.casework.report(f"A-{number}", "contactpersoon_toegewezen", process="BEGELEIDING", data=named)
    Caseload(office.engine, office.casework).assign("A-2", "M4", "mw-2", "toegewezen")
    with office.engine.begin() as connection:  # it ends with the nazorg, after years
        connection.exec_driver_sql(
            "UPDATE processes SET closed = 1 WHERE case_reference = 'A-3' AND code = 'BEGELEIDING'"
        )

    def shown(**asked: str) -> set[str]:
        return {f"{item.reference} {item.process}" for item in read_page(office, Asked(None, **asked))[0]}

    his = {"A-1 M4", "A-1 BEGELEIDING", "A-2 BEGELEIDING"}
    assert shown(person="mw-1") == _held(office, AwayToday({}, {}), "mw-1") == his
    assert shown(only="zonder-eigenaar") == {"A-3 M4"}


def test_who_stands_in_has_the_work_of_who_is_away_there(office: Office) -> None:
    """Absence by the file counts everywhere, one that was declared in its own gemeente, which he must see."""
    for place, person in product(("0518", "0599", "0363"), ("mw-2", "mw-3", "mw-5")):
        office.casework.open("M3", municipality=place, reference=f"{place}-{person}")
        Caseload(office.engine, office.casework).assign(f"{place}-{person}", "M3", person, "toegewezen")
    stands_in = Away("mw-1")
    away = AwayToday(
        {"mw-5": stands_in},
        {"0518": {"mw-2": stands_in}, "0599": {"mw-3": stands_in, "mw-2": Away("mw-9"), "mw-5": Away(None)}},
    )
    the_hague, elsewhere = {"0518-mw-2 M3", "0518-mw-5 M3"}, {"0599-mw-3 M3"}
    assert _held(office, away, "mw-1") == the_hague | elsewhere | {"0363-mw-5 M3"}
    assert _held(office, away, "mw-1", frozenset({"0518"})) == the_hague
    assert _held(office, away, "mw-1", frozenset({"0599"})) == elsewhere
    assert _held(office, away, "mw-9") == {"0599-mw-2 M3"}
