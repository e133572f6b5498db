"""What was written down of the journal outside the database, against somebody who may write in the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import col, select
from support.stack import home_with_keys

from adapters.cases.journal import journal_hash
from adapters.office import Office
from adapters.operations.chain_heads import begin_new_file, head_problems, keep_heads
from adapters.operations.destruction import remove_case
from adapters.operations.integrity import broken_cases
from adapters.runtime.settings import Settings, SettingsError
from adapters.storage.database import CaseRow, JournalRow, writing

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock


@pytest.fixture
def office(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    """An office with its keys and two cases, of which the heads were kept."""
    chosen = Settings(home=home_with_keys(tmp_path / "home"), remove_cases_after_term=True)
    made = Office(chosen, engine, clock)
    for reference in ("KOP-1", "KOP-2"):
        made.casework.open("M3", municipality="0518", reference=reference)
        made.casework.report(reference, "aanmelding_geregistreerd", process="M3")
    assert keep_heads(made) == 2
    return made


def _attack(office: Office, *statements: str) -> None:
    with office.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _without(reference: str) -> tuple[str, ...]:
    """Return the statements that take a case out of the database."""
    mine = f"(SELECT id FROM processes WHERE case_reference = '{reference}')"
    return (
        f"DELETE FROM timers WHERE process_id IN {mine}",
        f"DELETE FROM outbox WHERE case_reference = '{reference}'",
        f"DELETE FROM outgoing_events WHERE case_reference = '{reference}'",
        f"DELETE FROM journal WHERE case_reference = '{reference}'",
        f"DELETE FROM processes WHERE case_reference = '{reference}'",
        f"DELETE FROM cases WHERE reference = '{reference}'",
    )


def test_an_honest_journal_goes_on_and_is_in_order(office: Office) -> None:
    """What came after the last line is no problem, and the next line holds that alone."""
    office.casework.report("KOP-1", "niet_bedreigend", process="M3")
    assert list(head_problems(office)) == []
    assert keep_heads(office) == 1
    assert keep_heads(office) == 0
    assert len(office.settings.heads_file.read_text().splitlines()) == 2
    assert list(head_problems(office)) == []


def test_a_case_that_was_taken_out_is_named(office: Office) -> None:
    """The database alone knows nothing of it any more."""
    _attack(office, *_without("KOP-1"))
    assert list(broken_cases(office.engine, office.rules_named)) == []
    assert list(head_problems(office)) == [
        "Zaak KOP-1 is weg uit de database, en routekaart heeft haar niet verwijderd."
    ]


def test_last_rows_that_were_taken_away_are_named(office: Office) -> None:
    """Without its last row, and with the case put back to before it, the chain is whole and too short."""
    _attack(
        office,
        "DELETE FROM journal WHERE case_reference = 'KOP-1' AND number ="
        " (SELECT steps FROM cases WHERE reference = 'KOP-1')",
        "UPDATE cases SET steps = steps - 1, chain = (SELECT hash FROM journal WHERE case_reference = 'KOP-1'"
        " ORDER BY number DESC LIMIT 1) WHERE reference = 'KOP-1'",
    )
    (problem,) = head_problems(office)
    assert problem.startswith("Zaak KOP-1: van het journaal ontbreken de laatste regels")


def test_a_chain_that_was_made_anew_is_named(office: Office) -> None:
    """Another person in every row and each hash made anew: whole for the database, another one for the file."""
    with writing(office.engine) as session:
        case = session.get_one(CaseRow, "KOP-1")
        previous = ""
        for row in session.exec(
            select(JournalRow).where(JournalRow.case_reference == "KOP-1").order_by(col(JournalRow.number))
        ):
            row.actor_code, row.previous = "iemand-anders", previous
            row.hash = previous = journal_hash(row)
            session.add(row)
        case.chain = previous
        session.add(case)
    assert list(broken_cases(office.engine, office.rules_named)) == []
    (problem,) = head_problems(office)
    assert problem.startswith("Zaak KOP-1: het journaal tot regel")


def test_a_case_that_we_removed_ourselves_is_no_problem_and_no_note_can_be_made_up(office: Office) -> None:
    """The note of a removal is signed with a key that the database does not hold."""
    _attack(office, *_without("KOP-2"))
    _attack(office, *_without("KOP-1"))
    office.casework.open("M3", municipality="0518", reference="KOP-3")
    keep_heads(office)
    _attack(  # all of it has ended
        office,
        "UPDATE processes SET closed = true, finished = true",
        "UPDATE timers SET stopped = 'elapsed'",
        "DELETE FROM outbox",
    )
    assert remove_case(office, "KOP-3")
    assert [problem.split()[1] for problem in head_problems(office)] == ["KOP-1", "KOP-2"]


def test_a_file_that_was_changed_is_named_and_not_added_to(office: Office) -> None:
    """Each line is signed together with the one before it: a changed or missing line is seen."""
    office.casework.report("KOP-1", "niet_bedreigend", process="M3")
    keep_heads(office)
    file = office.settings.heads_file
    first, second = file.read_text().splitlines(keepends=True)
    for bad, number in ((second, 1), (first.replace("KOP-1", "KOP-9") + second, 1), (first + "x\n", 2)):
        file.write_text(bad)
        (problem,) = head_problems(office)
        assert problem.startswith(f"Regel {number} van {file} is veranderd")
        with pytest.raises(SettingsError):
            keep_heads(office)
        assert file.read_text() == bad


def test_half_a_line_counts_for_nobody(office: Office) -> None:
    """What a process that died left behind is taken away by the next line."""
    file = office.settings.heads_file
    with file.open("a") as opened:
        opened.write('{"op": "2026')
    assert list(head_problems(office)) == []
    office.casework.report("KOP-1", "niet_bedreigend", process="M3")
    keep_heads(office)
    assert [len(json.loads(line)["koppen"]) for line in file.read_text().splitlines()] == [2, 1]


def test_a_new_key_still_knows_the_lines_under_the_old_one(office: Office) -> None:
    """While the old key is among the earlier ones the file is read on; without it the file is not ours."""
    old = office.settings.integration_secret().decode()
    renewed = office.settings.model_copy(update={"integration_key": SecretStr("n" * 40)})
    with_old = renewed.model_copy(update={"integration_keys_old": (SecretStr(old),)})
    later = Office(with_old, office.engine, office.clock)
    later.casework.report("KOP-1", "niet_bedreigend", process="M3")
    assert keep_heads(later) == 1
    assert list(head_problems(later)) == []
    (problem,) = head_problems(Office(renewed, office.engine, office.clock))
    assert problem.startswith("Regel 1 van")


def test_after_a_backup_a_new_file_begins(office: Office) -> None:
    """What was put back is younger than the file on purpose: the old file stays beside the new one."""
    _attack(office, *_without("KOP-1"))
    kept = begin_new_file(office.settings)
    assert kept is not None
    assert kept.exists()
    assert keep_heads(office) == 1
    assert list(head_problems(office)) == []
    assert begin_new_file(office.settings.model_copy(update={"home": kept.parent / "leeg"})) is None
