"""Saved databases of every release go on under this one, and running processes move to a new definition."""

from __future__ import annotations

import gzip
import itertools
import os
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.invariants import violations
from support.saved import REST, SAVED, WHY, copy_to_postgresql

from adapters.cases.definition_moves import move_definition
from adapters.office import Office, open_office
from adapters.oversight.policy_watch import changed_terms
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.runtime.settings import Settings
from adapters.storage.database import migrate
from deployments import cli
from milestones import definitions
from milestones.calendar import Basis, Length, Unit
from milestones.case import Case, apply, start
from milestones.definition import State
from milestones.definitions import m3, migrations
from milestones.definitions.migrations import KEEP, RECOMPUTE, Move, migration, moved
from milestones.event_fields import THEMES
from milestones.policy import Policy, Rules
from milestones.policy_values import PROCESS_CODES
from milestones.process import Event, NotPossible, RungDue
from milestones.snapshot import InvalidData

if TYPE_CHECKING:
    from adapters.cases.casework import Casework
    from milestones.snapshot import Snapshot

NOW = m3.M3.version
NEXT = NOW + 1

pytestmark = pytest.mark.short("sqlite")


def _without_messages(office: Office) -> list[str]:
    return [line for line in violations(office) if "was not carried out" not in line]


def _walk_to_the_end(office: Office, clock: SetClock) -> None:
    """The journal is whole before and after; terms fire, and every case comes to its end."""
    assert _without_messages(office) == []
    while due := office.casework.cases_with_due_terms():
        for reference in due:
            assert office.casework.fire_due(reference) > 0
    for reference, (steps, end) in REST.items():
        for process, event in steps:
            clock.moment += timedelta(days=1)
            office.casework.report(reference, event, process=process, data=WHY.get(event, {}))
        case = office.casework.case(reference).case
        states = {item.name: item.state for item in case.processes}
        assert {name: states.get(name) for name in end} == end
    assert _without_messages(office) == []


@pytest.mark.parametrize("saved", SAVED, ids=lambda path: path.name.removesuffix(".sqlite.gz"))
def test_the_cases_of_a_release_go_on_under_this_one(saved: Path, tmp_path: Path) -> None:
    """A saved database is migrated, its journal is whole, its terms fire, and its cases run to their end."""
    (tmp_path / "zaken.db").write_bytes(gzip.decompress(saved.read_bytes()))
    clock = SetClock(datetime(2026, 4, 1, 9, tzinfo=AMSTERDAM))
    office = open_office(Settings(home=tmp_path), clock)
    _walk_to_the_end(office, clock)


@pytest.mark.parametrize("saved", SAVED, ids=lambda path: path.name.removesuffix(".sqlite.gz"))
def test_the_cases_of_a_release_go_on_in_postgresql(
    saved: Path, tmp_path: Path, bare_postgresql_url: str
) -> None:
    """The same rows under the schema that PostgreSQL had in that release are migrated, and the cases go on."""
    (tmp_path / "zaken.db").write_bytes(gzip.decompress(saved.read_bytes()))
    copy_to_postgresql(f"sqlite:///{tmp_path / 'zaken.db'}", bare_postgresql_url)
    clock = SetClock(datetime(2026, 4, 1, 9, tzinfo=AMSTERDAM))
    keys = {"person_key": "p" * 32, "link_key": "l" * 32, "integration_key": "i" * 32}
    office = open_office(Settings(home=tmp_path, database_url=bare_postgresql_url, **keys), clock)
    _walk_to_the_end(office, clock)
    office.engine.dispose()


def test_there_is_a_saved_database_of_the_released_version() -> None:
    """The version in pyproject.toml has a saved database, so nobody forgets to make one."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    version = next(line.split('"')[1] for line in text.splitlines() if line.startswith("version"))
    assert f"{version}.sqlite.gz" in {path.name for path in SAVED}


def test_migrating_the_schema_down_and_up_again_keeps_the_cases(casework: Casework) -> None:
    """A second migration to the newest schema changes nothing."""
    reference = casework.open("M3", municipality="0518").reference
    before = casework.case(reference).case
    migrate(casework.engine)
    assert casework.case(reference).case == before


# --- a made-up next version of M3 -------------------------------------------------------------------------


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the next version of M3, in which the crisis check is done by telephone, and the function that moves to it."""
    old = m3.M3
    states = tuple(
        State("CRISISCHECK_TELEFOON", "Wacht op crisischeck per telefoon", state.role)
        if state.code == "CRISISCHECK"
        else state
        for state in old.states
    )
    rows = tuple(
        replace(
            row,
            source=tuple("CRISISCHECK_TELEFOON" if code == "CRISISCHECK" else code for code in row.sources),
            to="CRISISCHECK_TELEFOON" if row.to == "CRISISCHECK" else row.to,
        )
        for row in old.rows
    )
    new = replace(old, version=NEXT, states=states, rows=rows)
    monkeypatch.setattr(definitions, "_BY_VERSION", {**definitions._BY_VERSION, ("M3", NEXT): new})
    monkeypatch.setattr(definitions, "DEFINITIONS", {**definitions.DEFINITIONS, "M3": new})
    monkeypatch.setattr(migrations, "_MIGRATIONS", {})

    @migration("M3", NOW, NEXT)
    def _move(process: Snapshot) -> Move:
        """De crisischeck gaat voortaan per telefoon.

        The state got another name, because the work instruction changed. T01 counts anew, T02 stays.
        """
        if process.state == "AFSPRAAK_GEPLAND":
            return Move("AFSPRAAK_GEPLAND", {"T02": KEEP})
        state = "CRISISCHECK_TELEFOON" if process.state == "CRISISCHECK" else process.state
        return Move(state, {"T01": RECOMPUTE, "T02": KEEP})


@pytest.fixture
def running(office: Office, clock: SetClock) -> dict[str, str]:
    """Cases of this version in several states."""
    assert clock
    casework = office.casework
    walks = {
        "check": ["aanmelding_geregistreerd"],
        "spoed": ["aanmelding_geregistreerd", "bedreigend"],
        "gepland": ["aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt"],
        "dicht": ["ingetrokken"],
    }
    made: dict[str, str] = {}
    for name, events in walks.items():
        made[name] = casework.open("M3", municipality="0518", reference=f"V3-{name[:5]}").reference
        for event in events:
            data = {"motivering": "m-1"} if event == "ingetrokken" else {}
            casework.report(made[name], event, data=data)
    return made


def test_running_processes_stay_on_their_version(
    office: Office, running: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """After a new version is there, old processes keep theirs, new ones get the new one, and both replay."""
    request.getfixturevalue("next_version")
    casework = office.casework
    casework.report(running["check"], "niet_bedreigend")
    fresh = casework.open("M3", municipality="0518").reference
    casework.report(fresh, "aanmelding_geregistreerd")
    assert casework.case(running["check"]).case.process("M3").version == NOW
    process = casework.case(fresh).case.process("M3")
    assert (process.version, process.state) == (NEXT, "CRISISCHECK_TELEFOON")
    assert _without_messages(office) == []


def test_a_migration_moves_states_and_terms_as_it_says(
    office: Office, running: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """Moved processes have the new state; KEEP keeps a term's dates, RECOMPUTE counts it anew from its anchor."""
    request.getfixturevalue("next_version")
    casework = office.casework
    before = {name: casework.case(ref).case.process("M3") for name, ref in running.items()}
    rules = casework.rules_for("0518")
    terms = dict(rules.policy.terms)
    for term in ("T01", "T02"):
        terms[term] = replace(terms[term], length=Length(5, Unit.DAYS), basis=Basis.WET, longest=None)
    shorter = replace(rules, policy=replace(rules.policy, name="standaard", terms=terms))
    office.casework.rules_for = lambda _: shorter

    changes = {item.reference: item for item in move_definition(casework, "M3", NOW, NEXT)}

    after = {name: casework.case(ref).case.process("M3") for name, ref in running.items()}
    assert (after["check"].state, after["check"].version) == ("CRISISCHECK_TELEFOON", NEXT)
    moved, kept = after["check"].running("T01"), after["spoed"].running("T02")
    assert moved is not None
    assert (moved.anchor, moved.due) == (date(2026, 3, 9), date(2026, 3, 16))  # the fifth day is a Saturday
    assert kept == before["spoed"].running("T02")
    assert "T01" in (changes[running["gepland"]].refused or "")  # its function forgot T01 there
    assert after["gepland"] == before["gepland"]
    assert after["dicht"] == before["dicht"]
    assert running["dicht"] not in changes
    journal = casework.case(running["check"]).journal[-1]
    assert (journal.event, journal.version, journal.data) == (
        "definitie_gemigreerd",
        NEXT,
        {"van": NOW, "naar": NEXT},
    )


def test_the_journal_of_a_moved_process_replays(
    office: Office, running: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """After a migration and more events the chain is whole and replaying gives the case."""
    request.getfixturevalue("next_version")
    list(move_definition(office.casework, "M3", NOW, NEXT))
    office.casework.report(running["check"], "niet_bedreigend")
    assert office.casework.case(running["check"]).case.process("M3").state == "AFSPRAAK_PLANNEN"
    assert _without_messages(office) == []
    assert [item.refused is None for item in move_definition(office.casework, "M3", NOW, NEXT)] == [False]


def test_a_dry_run_lists_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], next_version: None
) -> None:
    """`migreer definitie M3 ... --droog` names each process and change; without it they happen."""
    del next_version
    monkeypatch.setitem(os.environ, "ROUTEKAART_HOME", str(tmp_path))
    clock = SetClock(datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM))
    office = open_office(Settings(home=tmp_path), clock)
    monkeypatch.setattr("adapters.office.office", lambda: office)
    new = definitions.DEFINITIONS["M3"]
    monkeypatch.setitem(definitions.DEFINITIONS, "M3", m3.M3)  # type: ignore[index]
    reference = office.casework.open("M3", municipality="0518").reference
    office.casework.report(reference, "aanmelding_geregistreerd")
    monkeypatch.setitem(definitions.DEFINITIONS, "M3", new)  # type: ignore[index]
    before = office.casework.case(reference)

    assert cli.run(["migreer", "definitie", "M3", str(NOW), str(NEXT), "--droog"]) == 0
    dry = capsys.readouterr().out
    assert f"{reference} M3: CRISISCHECK wordt CRISISCHECK_TELEFOON; T01 opnieuw berekend." in dry
    assert "1 proces zou overgaan" in dry
    assert office.casework.case(reference).journal == before.journal

    assert cli.run(["migreer", "definitie", "M3", str(NOW), str(NEXT)]) == 0
    assert "is overgegaan" in capsys.readouterr().out
    assert office.casework.case(reference).case.process("M3").version == NEXT

    assert cli.run(["migreer", "definitie", "M3", str(NOW), "9"]) == 2
    assert f"Er is geen migratie van M3 versie {NOW} naar versie 9" in capsys.readouterr().err


def test_a_migration_without_a_reason_cannot_be_registered() -> None:
    """A function that does not say what changed and why is refused, and one that does not exist is named."""
    with pytest.raises(ValueError, match="what changed and why"):
        migration("M3", 7, 8)(lambda process: Move(process.state))
    with pytest.raises(NotPossible, match="geen migratie"):
        migrations.migration_of("M3", 7, 8)


# --- from version 1 to version 2 ----------------------------------------------------------------------------


MOVED_TO_2 = [code for code, item in definitions.DEFINITIONS.items() if item.version > 1]
BEFORE_VERSION_2 = [saved for saved in SAVED if saved.name in ("0.1.0.sqlite.gz", "before-0.1.0.sqlite.gz")]


@pytest.mark.parametrize("saved", BEFORE_VERSION_2, ids=lambda path: path.name.removesuffix(".sqlite.gz"))
def test_the_cases_of_a_release_move_to_the_new_definitions(saved: Path, tmp_path: Path) -> None:
    """Every open process of a saved database moves to version 2, its journal replays, and it runs to its end."""
    (tmp_path / "zaken.db").write_bytes(gzip.decompress(saved.read_bytes()))
    clock = SetClock(datetime(2026, 3, 25, 9, tzinfo=AMSTERDAM))
    office = open_office(Settings(home=tmp_path), clock)
    changes = [change for code in MOVED_TO_2 for change in move_definition(office.casework, code, 1, 2)]
    assert changes
    assert [change.refused for change in changes] == [None] * len(changes)
    for reference, (steps, end) in REST.items():
        for process, event in steps:
            clock.moment += timedelta(days=1)
            office.casework.report(reference, event, process=process, data=WHY.get(event, {}))
        case = office.casework.case(reference).case
        states = {item.name: item.state for item in case.processes}
        assert {name: states.get(name) for name in end} == end
    assert _without_messages(office) == []


def test_whoever_comes_from_the_first_release_hears_which_terms_changed(tmp_path: Path) -> None:
    """0.1.0 kept no terms; an upgrade keeps its lengths, and the watch names what is another since, and what is not."""
    saved = next(saved for saved in SAVED if saved.name == "0.1.0.sqlite.gz")
    (tmp_path / "zaken.db").write_bytes(gzip.decompress(saved.read_bytes()))
    office = open_office(Settings(home=tmp_path), SetClock(datetime(2026, 3, 25, 9, tzinfo=AMSTERDAM)))
    changed = {term.id: term for term in changed_terms(office.engine)}
    assert {name for name, term in changed.items() if term.before} == {"T06", "T50"}
    assert str(changed["T50"]).startswith("T50: was 1 week, is nu 2 weken (BW art. 1:432a lid 4")
    assert "T25" in changed


@pytest.mark.parametrize("saved", SAVED, ids=lambda path: path.name.removesuffix(".sqlite.gz"))
def test_the_cases_of_a_release_move_on_to_the_newest_definitions(saved: Path, tmp_path: Path) -> None:
    """One version after another, each open process of a saved database comes to the newest; its endings ask why."""
    (tmp_path / "zaken.db").write_bytes(gzip.decompress(saved.read_bytes()))
    clock = SetClock(datetime(2026, 3, 25, 9, tzinfo=AMSTERDAM))
    office = open_office(Settings(home=tmp_path), clock)
    before = {
        name: [term for item in office.casework.case(name).case.processes for term in item.terms]
        for name in REST
    }
    for code, (old, new) in itertools.product(MOVED_TO_2, ((1, 2), (2, 3))):
        if new <= definitions.DEFINITIONS[code].version:
            assert [
                one.refused for one in move_definition(office.casework, code, old, new) if one.refused
            ] == []
    for reference in REST:
        processes = office.casework.case(reference).case.processes
        assert [term for item in processes for term in item.terms] == before[reference]
        for item in processes:
            current = definitions.DEFINITIONS[item.code]
            assert item.version == current.version or current.state(item.state).final
    with pytest.raises(InvalidData, match="motivering"):
        office.casework.report("BEWAARD-M1", "geen_vervolg")
    office.casework.report("BEWAARD-M1", "geen_vervolg", data={"motivering": "m-1"})
    assert _without_messages(office) == []


OLD_RULES = Rules(dutch_calendar(), Policy(accept_by_hand=False), dict.fromkeys(PROCESS_CODES, 1))
NEW_RULES = Rules(dutch_calendar(), Policy(accept_by_hand=False))


def _walked(rules: Rules, code: str, *steps: tuple[str, str, date]) -> Case:
    case, _ = start(Case(), code, steps[0][2], steps[0][2], rules)
    for process, event, day in steps:
        case, _ = apply(case, process, Event(event, day), day, rules)
    return case


def _moved(case: Case, name: str, today: date) -> Case:
    return case.replaced(moved(case.process(name), 2, today, NEW_RULES)[0])


WSNP_BEGUN = (
    ("M7", "overeenkomst_getekend", date(2025, 6, 2)),
    ("M7", "eerste_aflossing_gedaan", date(2025, 6, 16)),
    ("M7", "minnelijk_mislukt", date(2025, 7, 1)),
    ("WSNP", "wsnp_toegelaten", date(2025, 9, 2)),
)


def test_a_fact_gets_the_name_of_today_when_its_process_moves() -> None:
    """`first_repayment_on` becomes `eerste_aflossing`, and the Wsnp that opens from there counts from it."""
    case = _walked(OLD_RULES, "M7", *WSNP_BEGUN[:2])
    assert case.process("M7").facts["first_repayment_on"] == date(2025, 6, 16)
    case = _moved(case, "M7", date(2025, 6, 20))
    assert case.process("M7").facts["eerste_aflossing"] == date(2025, 6, 16)
    assert "first_repayment_on" not in case.process("M7").facts
    for process, event, day in WSNP_BEGUN[2:]:
        case, _ = apply(case, process, Event(event, day), day, NEW_RULES)
    term = case.process("WSNP").running("T37")
    assert term is not None
    assert (term.started_on, term.due) == (date(2025, 6, 16), date(2026, 12, 15))


def test_an_old_process_hands_its_facts_to_a_new_one() -> None:
    """A process of version 1 gives its facts under the names of today: an M7 that did not move opens a new Wsnp."""
    case = _walked(OLD_RULES, "M7", *WSNP_BEGUN[:2])
    for process, event, day in WSNP_BEGUN[2:]:
        case, _ = apply(case, process, Event(event, day), day, NEW_RULES)
    assert [item.version for item in case.processes] == [1, definitions.DEFINITIONS["WSNP"].version]
    assert case.process("WSNP").facts["eerste_aflossing"] == date(2025, 6, 16)


def test_a_ruling_that_ended_too_much_is_put_right_by_the_migration() -> None:
    """In version 1 a ruling ended T37 at once; moved, it counts on, and the court of appeal can let the Wsnp go on."""
    ruling, appeal, judgment = date(2026, 3, 2), date(2026, 3, 9), date(2026, 4, 1)
    case = _walked(
        OLD_RULES,
        "M7",
        *WSNP_BEGUN,
        ("WSNP", "wsnp_beeindigd_zonder_schone_lei", ruling),
        ("WSNP", "hoger_beroep_ingesteld", appeal),
    )
    assert case.process("M7").state == "NA_WSNP"
    assert case.process("WSNP").running("T37") is None
    for name in ("M7", "WSNP"):
        case = _moved(case, name, date(2026, 3, 10))
    term = case.process("WSNP").running("T37")
    assert term is not None
    assert term.due == date(2026, 12, 15)
    case, _ = apply(case, "WSNP", Event("wsnp_toegelaten", judgment), judgment, NEW_RULES)
    assert [item.state for item in case.processes] == ["WSNP", "TOEGELATEN"]
    assert [item.due for item in case.process("WSNP").terms if item.term == "T37"] == [date(2026, 12, 15)]
    assert case.process("M7").running("T70") is None


def test_an_old_wsnp_tells_an_old_m7_in_its_own_words() -> None:
    """A Wsnp of version 2 tells an M7 of version 1 of the final ending under the event that it knows."""
    case = _walked(OLD_RULES, "M7", *WSNP_BEGUN)
    case = _moved(case, "WSNP", date(2025, 10, 1))
    day = date(2026, 3, 2)
    case, _ = apply(case, "WSNP", Event("wsnp_beeindigd_zonder_schone_lei", day), day, NEW_RULES)
    assert case.process("M7").state == "WSNP"
    while due := case.process("WSNP").pending(date(2026, 3, 11)):
        term, rung = due[0]
        case, _ = apply(case, "WSNP", RungDue(term.key, rung.name), rung.on, NEW_RULES)
    assert case.process("M7").state == "NA_WSNP"


# --- from version 2 to version 3 ----------------------------------------------------------------------------


def test_a_decision_for_who_left_keeps_its_process_on_version_2_until_it_is_definitive() -> None:
    """In version 2 his bezwaar stands among the terms of who stayed: it ends there, and then the process can move."""
    rules = Rules(dutch_calendar(), Policy(accept_by_hand=False), dict.fromkeys(PROCESS_CODES, 2))
    begin, left, later = date(2026, 2, 2), date(2026, 3, 9), date(2026, 5, 4)
    case, _ = start(Case(), "M7", begin, begin, rules, {"clienten": 2})
    offered = Event("verhuizing", begin, {"keuze": "overdragen", "wie_verhuist": "tweede cliënt"})
    for event, day in ((offered, begin), (Event("overname_aanvaard", left), left)):
        case, _ = apply(case, "M7", event, day, rules)
    assert case.process("M7").running("T20") is not None
    with pytest.raises(NotPossible, match="besluit voor wie vertrok"):
        moved(case.process("M7"), 3, left, NEW_RULES)
    while due := case.process("M7").pending(later):
        term, rung = due[0]
        case, _ = apply(case, "M7", RungDue(term.key, rung.name), rung.on, rules)
    after, _ = moved(case.process("M7"), 3, later, NEW_RULES)
    assert (after.version, after.state) == (3, "START")
    assert after.running("T15") is not None


def test_a_plan_of_version_2_moves_with_all_that_runs() -> None:
    """M6 keeps its state and its terms; from then on who says that another municipality takes over says why."""
    rules = Rules(dutch_calendar(), Policy(accept_by_hand=False), dict.fromkeys(PROCESS_CODES, 2))
    begin = date(2026, 2, 2)
    case, _ = start(Case(), "M4", begin, begin, rules)
    for event in ("hulpvraag_vastgesteld", "beeld_compleet"):
        case, _ = apply(case, "M4", Event(event, begin), begin, rules)
    before = case.process("M6")
    after, _ = moved(before, 3, begin, NEW_RULES)
    assert (before.version, after.version, after.state, after.terms) == (2, 3, before.state, before.terms)
    case = case.replaced(after)
    case, _ = apply(case, "M6", Event("verhuizing", begin, {"keuze": "overdragen"}), begin, NEW_RULES)
    with pytest.raises(InvalidData, match="motivering"):
        apply(case, "M6", Event("overname_aanvaard", begin), begin, NEW_RULES)
    case, _ = apply(case, "M6", Event("overname_aanvaard", begin, {"motivering": "m-1"}), begin, NEW_RULES)
    assert case.process("M6").state == "AFGESLOTEN"


def test_guidance_of_version_2_takes_scores_as_it_did_until_it_moves() -> None:
    """Moved, with its state and all that runs, BEGELEIDING asks with which meetinstrument was measured."""
    rules = Rules(dutch_calendar(), Policy(accept_by_hand=False), dict.fromkeys(PROCESS_CODES, 2))
    begin = date(2026, 2, 2)
    case, _ = start(Case(), "BEGELEIDING", begin, begin, rules)
    scores = dict.fromkeys(THEMES, 4)
    for event, data in (("meting_gedaan", scores), ("evaluatie_gedaan", {})):
        case, _ = apply(case, "BEGELEIDING", Event(event, begin, data), begin, rules)
    before = case.process("BEGELEIDING")
    after, _ = moved(before, 3, begin, NEW_RULES)
    assert (before.version, after.version, after.state, after.facts) == (2, 3, before.state, before.facts)
    assert after.terms == before.terms
    assert {term.term for term in after.terms if term.runs} == {"T73", "T75"}
    case = case.replaced(after)
    with pytest.raises(InvalidData, match="meetinstrument"):
        apply(case, "BEGELEIDING", Event("meting_gedaan", begin, scores), begin, NEW_RULES)
    with pytest.raises(NotPossible, match="met welk meetinstrument"):
        apply(case, "BEGELEIDING", Event("evaluatie_gedaan", begin, scores), begin, NEW_RULES)
    named = {**scores, "meetinstrument": "zrm"}
    case, _ = apply(case, "BEGELEIDING", Event("meting_gedaan", begin, named), begin, NEW_RULES)
    assert case.process("BEGELEIDING").running("T75") is None
