"""Destroying a case: what a person approves, what stays of it, and that nothing brings it back."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel, select
from support.ended_cases import carry_out, ended, six_years_on
from support.stack import home_with_keys

from adapters.messages.page_keys import KeyKind
from adapters.office import Office
from adapters.operations.backup import make_backup, put_back
from adapters.operations.chain_heads import head_problems, hide_destroyed, keep_heads
from adapters.operations.destruction import (
    approve,
    approved,
    destroyable,
    hold,
    holds,
    lift,
    records,
    remove_again,
    remove_case,
    sweep_free_space,
    withdraw,
)
from adapters.operations.destruction_records import is_ours, read_outside
from adapters.operations.integrity import broken_journals
from adapters.oversight.basic_service import basic_service_json, read_basic_service
from adapters.oversight.monitor import LATE_NOW, WAITING, read_monitor, read_period
from adapters.oversight.periods import quarter_of, year_of
from adapters.oversight.quality_trend import read_trend, trend_json
from adapters.runtime.actor import Actor, ActorKind, acts
from adapters.runtime.clock import SetClock
from adapters.runtime.settings import Settings, SettingsError
from adapters.storage.database import CaseRow, create_engine, reading, writing
from adapters.storage.destruction_tables import DestroyedRow
from adapters.storage.exchange_tables import AnswerRow, ExternalReferenceRow, InboxRow, PostbakRow
from adapters.storage.oversight_tables import ReviewRow
from milestones.process import InvalidData, NotPossible
from milestones.quality_questions import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

WHO = Actor(ActorKind.PERSON, "mw-17")
REFERENCE, OTHER = "WEG-1", "WEG-12"


@pytest.fixture
def office(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    """An office with its keys, where nothing goes without an approval."""
    return Office(Settings(home=home_with_keys(tmp_path / "home")), engine, clock)


@pytest.fixture(autouse=True)
def _somebody() -> Iterator[None]:
    with acts(WHO):
        yield


@pytest.fixture
def due(office: Office, clock: SetClock) -> Office:
    """An office with two cases on the list."""
    ended(office, REFERENCE, OTHER)
    keep_heads(office)
    six_years_on(office, clock)
    assert [case.reference for case in destroyable(office)] == [REFERENCE, OTHER]
    return office


def _everything(office: Office) -> str:
    """Return all that the tables hold, as text."""
    with reading(office.engine) as session:
        return "\n".join(
            str(tuple(row))
            for table in SQLModel.metadata.sorted_tables
            for row in session.execute(table.select())
        )


# --- approval -------------------------------------------------------------------------------------------------


def test_a_case_goes_when_a_person_approved_it_and_only_then(due: Office) -> None:
    """The other one on the list stays."""
    assert not remove_case(due, REFERENCE)
    assert approve(due, [REFERENCE]) == 1
    assert approve(due, [REFERENCE]) == 0
    assert [case.reference for case in approved(due)] == [REFERENCE]
    assert remove_case(due, REFERENCE)
    assert not remove_case(due, OTHER)
    assert [case.reference for case in destroyable(due)] == [OTHER]


def test_approving_something_that_is_not_on_the_list_approves_nothing(due: Office) -> None:
    """One strange reference refuses them all."""
    with pytest.raises(NotPossible, match="WEG-9 staat niet op de vernietigingslijst"):
        approve(due, [REFERENCE, "WEG-9"])
    assert approved(due) == []


@pytest.mark.parametrize("kind", [ActorKind.SYSTEM, ActorKind.UNKNOWN, ActorKind.TERM])
def test_nobody_approves_without_being_known(due: Office, kind: ActorKind) -> None:
    """A system, a term or somebody unknown is no person who decides."""
    with acts(Actor(kind, "iets")), pytest.raises(NotPossible, match="die bekend is"):
        approve(due, [REFERENCE])


def test_an_approval_can_be_taken_back(due: Office) -> None:
    """Then the case stays."""
    approve(due, [REFERENCE])
    withdraw(due, REFERENCE)
    assert not remove_case(due, REFERENCE)
    with pytest.raises(NotPossible):
        withdraw(due, REFERENCE)


# --- holding --------------------------------------------------------------------------------------------------


def test_a_held_case_is_not_on_the_list_and_cannot_go(due: Office) -> None:
    """An approval from before the hold is void, and after lifting it somebody approves again."""
    approve(due, [REFERENCE])
    hold(due, REFERENCE, "beroep bij de rechter")
    assert REFERENCE not in {case.reference for case in destroyable(due)}
    assert not remove_case(due, REFERENCE)
    with pytest.raises(NotPossible):
        approve(due, [REFERENCE])
    lift(due, REFERENCE, "uitspraak is definitief")
    assert not remove_case(due, REFERENCE)
    approve(due, [REFERENCE])
    (past,) = holds(due, REFERENCE)
    assert (past.set_by, past.reason, past.lifted_by) == (
        "medewerker mw-17",
        "beroep bij de rechter",
        "medewerker mw-17",
    )
    assert remove_case(due, REFERENCE)


def test_the_setting_of_the_municipality_takes_no_held_case(due: Office) -> None:
    """A decision once for all cases is not about what a court asked for."""
    hold(due, REFERENCE, "beroep bij de rechter")
    decided = Office(Settings(home=due.settings.home, remove_cases_after_term=True), due.engine, due.clock)
    assert not remove_case(decided, REFERENCE)
    assert remove_case(decided, OTHER)
    assert records(decided)[0].approved_by.startswith("instelling")


@pytest.mark.parametrize("reason", ["", "x", "y" * 201, "over 111222333", "bel 0612345678", "a\x00b"])
def test_a_reason_is_short_and_tells_of_nobody(due: Office, reason: str) -> None:
    """Nothing is written with another."""
    with pytest.raises(InvalidData):
        hold(due, REFERENCE, reason)
    assert holds(due) == []


def test_a_case_is_held_once_and_lifted_once(due: Office) -> None:
    """The second time is refused."""
    hold(due, REFERENCE, "beroep")
    with pytest.raises(NotPossible):
        hold(due, REFERENCE, "beroep")
    lift(due, REFERENCE, "klaar")
    with pytest.raises(NotPossible):
        lift(due, REFERENCE, "klaar")


# --- what stays -----------------------------------------------------------------------------------------------


def test_nothing_names_the_case_afterwards(due: Office) -> None:
    """Not its rows, nor answers for repeats, post, addresses of pages, or the log of who looked."""
    now = due.clock.now()
    due.page_keys.make(KeyKind.RESIDENT, REFERENCE)
    with writing(due.engine) as session:
        for number, reference in enumerate((REFERENCE, OTHER)):
            session.add(
                AnswerRow(
                    client_id="c", key_hash=str(number), fingerprint="f", status=201,
                    body={"zaak": reference}, accepted_at=now,
                )
            )  # fmt: skip
        for number, closed in enumerate((now, None)):
            session.add(
                PostbakRow(
                    message_hash=str(number), kind="k", source="s", reason="r", candidates=[REFERENCE, OTHER],
                    received_at=now, closed_at=closed,
                )
            )  # fmt: skip
    approve(due, [REFERENCE])
    assert remove_case(due, REFERENCE)
    assert f"'{REFERENCE}'" not in _everything(due)
    with reading(due.engine) as session:
        assert [row.body for row in session.exec(select(AnswerRow))] == [{"zaak": OTHER}]
        assert [row.candidates for row in session.exec(select(PostbakRow))] == [[OTHER]]


def test_what_names_its_zaak_in_another_spelling_goes_too(due: Office) -> None:
    """Other systems write an address with a port or in capitals, or send its UUID alone."""
    now, one, another = (
        due.clock.now(),
        "0c5e7a52-6f1c-4d2b-9a44-5f0d2b7c1e01",
        "1d5e7a52-6f1c-4d2b-9a44-5f0d2b7c1e02",
    )
    said = (f"HTTPS://Zaken.example:443/zaken/{one.upper()}/", one, f"https://zaken.example/zaken/{another}")
    with writing(due.engine) as session:
        address = f"https://zaken.example/zaken/{one}"
        session.add(
            ExternalReferenceRow(municipality="0518", value=address, case_reference=REFERENCE, added_at=now)
        )
        for number, name in enumerate(said):
            row = {"message_hash": str(number), "received_at": now}
            session.add(InboxRow(client_id="c", message={"zaak": name}, next_at=now, done_at=now, **row))
            session.add(PostbakRow(kind="k", source="s", reason="r", subject=name, closed_at=now, **row))
    approve(due, [REFERENCE])
    remove_case(due, REFERENCE)
    assert one not in _everything(due).lower()
    assert _everything(due).count(another) == len(("inbox", "postbak"))


def test_who_looked_stays_without_the_name_of_the_case(due: Office) -> None:
    """The log of looks accounts for people who work here."""
    approve(due, [REFERENCE])
    remove_case(due, REFERENCE)
    found, _ = due.looks.found(person="mw-17")
    assert sorted(row.case_reference for row in found) == sorted([records(due)[0].mark, OTHER])


def test_the_record_says_who_when_and_why_and_is_signed(due: Office) -> None:
    """A change of any of it is seen."""
    approve(due, [REFERENCE])
    remove_case(due, REFERENCE)
    (record,) = records(due)
    assert (record.municipality, record.term, record.approved_by) == ("0518", "T62", "medewerker mw-17")
    assert is_ours(due.settings, record)
    for name, value in (("approved_by", "medewerker mw-18"), ("term", "T61"), ("steps", 0), ("chain", "")):
        changed = DestroyedRow(**record.model_dump() | {name: value})
        assert not is_ours(due.settings, changed), name


def test_the_chain_is_verified_with_the_record_in_the_place_of_the_case(due: Office) -> None:
    """All is in order afterwards, and the file of heads no longer names the case."""
    approve(due, [REFERENCE])
    remove_case(due, REFERENCE)
    assert list(head_problems(due)) == []  # also when the process dies here
    hide_destroyed(due)
    assert list(head_problems(due)) == []
    assert list(broken_journals(due)) == []
    names = {name for line in due.settings.heads_file.open() for name in json.loads(line)["koppen"]}
    assert OTHER in names
    assert REFERENCE not in names
    due.casework.open("M3", municipality="0518", reference="WEER-1")
    assert keep_heads(due) >= 1
    assert list(head_problems(due)) == []


@pytest.mark.parametrize("hidden", [True, False])
def test_a_record_that_was_made_up_or_taken_away_is_named(due: Office, hidden: bool) -> None:
    """Whoever may write in the database cannot let a case disappear as if it was destroyed."""
    approve(due, [REFERENCE])
    remove_case(due, REFERENCE)
    if hidden:
        hide_destroyed(due)
    with due.engine.begin() as connection:
        connection.execute(text("UPDATE destroyed_cases SET approved_by = 'medewerker mw-99'"))
    assert "klopt niet met wat er was" in next(head_problems(due))
    with due.engine.begin() as connection:
        connection.execute(text("DELETE FROM destroyed_cases"))
    assert "weg uit de database" in next(head_problems(due))


def test_the_figures_of_a_year_stay(due: Office) -> None:
    """The monitor of 2026, of a quarter and over the year say the same before and after both cases went."""
    end = date(2026, 12, 31)
    for number in range(2, 9):
        reference = f"WEG-{number}"
        due.casework.open("M3", municipality="0518", reference=reference, on=date(2026, 4, 1))
    periodic = [
        cell
        for cell in read_monitor(due, "0518", end).cells
        if cell.figure not in (LATE_NOW.code, WAITING.code)
    ]
    periods = [(date(2026, 1, 1), date(2026, 3, 31)), (date(2026, 1, 1), date(2026, 12, 31))]
    quarters = [read_period(due, "0518", begin, last) for begin, last in periods]
    before = {(cell.figure, cell.part): cell.shown for cell in periodic}
    approve(due, [REFERENCE, OTHER])
    assert remove_case(due, REFERENCE)
    assert remove_case(due, OTHER)
    after = {(cell.figure, cell.part): cell.shown for cell in read_monitor(due, "0518", end).cells}
    assert before.items() <= after.items()
    assert before
    assert [read_period(due, "0518", begin, last) for begin, last in periods] == quarters


def test_the_elements_and_the_quality_of_a_quarter_stay(due: Office) -> None:
    """Ten cases were read and had a talk in time; with one destroyed, the quarter and the year still say so."""
    references = [REFERENCE, OTHER, *(f"LEES-{number}" for number in range(8))]
    for reference in references[2:]:
        due.casework.open("M3", municipality="0518", reference=reference, on=date(2026, 2, 2))
    with writing(due.engine) as session:
        for reference in references:
            session.add(
                ReviewRow(
                    municipality="0518", week="2026-W06", case_reference=reference, process="M3",
                    decided_on=date(2026, 2, 2), reviewed_on=date(2026, 2, 9),
                    scores={question.code: 4 for question in QUESTIONS},
                )
            )  # fmt: skip
    periods = [quarter_of(date(2026, 2, 9)), quarter_of(date(2026, 12, 9)), year_of(date(2026, 2, 9))]

    def said() -> list[object]:
        return [
            (
                basic_service_json(read_basic_service(due, "0518", period)),
                trend_json(read_trend(due, "0518", period)),
            )
            for period in periods
        ]

    before = said()
    assert "4.0" in str(before[0])
    approve(due, [REFERENCE])
    assert remove_case(due, REFERENCE)
    assert said() == before


# --- nothing brings it back -----------------------------------------------------------------------------------


def test_a_backup_that_is_put_back_does_not_bring_a_case_back(due: Office, tmp_path: Path) -> None:
    """The file outside the database knows what was destroyed since."""
    backup = tmp_path / "zaken.backup"
    make_backup(due.engine.url, backup)
    approve(due, [REFERENCE])
    remove_case(due, REFERENCE)
    put_back(due.engine.url, backup)
    with reading(due.engine) as session:
        assert session.get(CaseRow, REFERENCE) is not None
        assert session.exec(select(DestroyedRow)).all() == []
    assert remove_again(due, read_outside(due.settings)) == 1
    assert f"'{REFERENCE}'" not in _everything(due)
    assert f"'{OTHER}'" in _everything(due)
    assert [row.approved_by for row in records(due)] == ["medewerker mw-17"]
    assert is_ours(due.settings, records(due)[0])
    assert remove_again(due, read_outside(due.settings)) == 0


def test_a_reference_that_is_used_again_is_another_case(due: Office, clock: SetClock) -> None:
    """The new case stays when a backup is put back, and can be destroyed in its own time."""
    approve(due, [REFERENCE])
    assert remove_case(due, REFERENCE)
    hide_destroyed(due)
    due.casework.open("M3", municipality="0518", reference=REFERENCE)
    keep_heads(due)
    assert remove_again(due, read_outside(due.settings)) == 0
    assert list(head_problems(due)) == []
    due.casework.report(REFERENCE, "aanmelding_geregistreerd")
    due.casework.report(REFERENCE, "ingetrokken", data={"motivering": "m-1"})
    carry_out(due)
    clock.moment += timedelta(days=6 * 366)
    for reference in due.casework.cases_with_due_terms():
        due.casework.fire_due(reference)
    carry_out(due)
    approve(due, [REFERENCE])
    assert remove_case(due, REFERENCE)
    hide_destroyed(due)
    assert list(head_problems(due)) == []


def test_a_line_outside_that_was_made_up_destroys_nothing(due: Office) -> None:
    """It is refused as a whole: without the key nobody adds a case to it."""
    approve(due, [REFERENCE])
    remove_case(due, REFERENCE)
    file = due.settings.destroyed_file
    line = json.loads(file.read_text()) | {"mark": "0" * 40}
    file.write_text(file.read_text() + json.dumps(line) + "\n")
    with pytest.raises(SettingsError, match="Regel 2"):
        read_outside(due.settings)


def test_free_pages_and_write_ahead_log_hold_nothing_of_it(due: Office) -> None:
    """Not one byte of the reference is in the files of SQLite."""
    if due.engine.dialect.name != "sqlite":
        pytest.skip("files of a server")
    approve(due, [REFERENCE, OTHER])
    assert remove_case(due, REFERENCE)
    assert remove_case(due, OTHER)
    sweep_free_space(due.engine)
    file = Path(str(due.engine.url.database))
    found = [part for part in file.parent.glob(f"{file.name}*") if REFERENCE.encode() in part.read_bytes()]
    assert found == []


def test_sweeping_leaves_the_database_whole(due: Office) -> None:
    """Another connection reads and writes on."""
    other = create_engine(due.engine.url)
    sweep_free_space(due.engine)
    with reading(other) as session:
        assert session.get(CaseRow, OTHER) is not None
    other.dispose()
