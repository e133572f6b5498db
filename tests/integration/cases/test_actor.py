"""Each row of the journal names who did it, within the chain."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from adapters.cases.journal import journal_hash
from adapters.cases.presentation import journal_line
from adapters.operations.integrity import broken_journals
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import JournalRow, reading, writing
from adapters.storage.exchange_tables import OutgoingEventRow

if TYPE_CHECKING:
    from adapters.office import Office
    from adapters.runtime.clock import SetClock

SOMEBODY = Actor(ActorKind.PERSON, "mw-17", Way.FORM)


@pytest.fixture
def reference(office: Office) -> str:
    """Return a case that somebody opened and that has an event of somebody."""
    with acts(SOMEBODY):
        made = office.casework.open("M3", municipality="0000", on=date(2026, 3, 9)).reference
        office.casework.report(made, "aanmelding_geregistreerd", on=date(2026, 3, 9))
    return made


def test_a_row_names_who_did_it(office: Office, reference: str) -> None:
    """Kind, code and way stand in each row of an input, also in what follows from it, and in the events to others."""
    rows = office.casework.case(reference).journal
    assert {tuple(journal_line(row)["door"].values()) for row in rows} == {
        ("medewerker", "mw-17", "formulier")
    }
    with reading(office.engine) as session:
        told = session.exec(select(OutgoingEventRow)).all()
    assert told
    assert all(event.data["door"] == journal_line(rows[0])["door"] for event in told)


def test_who_did_not_say_it_is_unknown(office: Office) -> None:
    """Without an actor a row says so; nobody is made up."""
    made = office.casework.open("M3", municipality="0000", on=date(2026, 3, 9)).reference
    assert journal_line(office.casework.case(made).journal[0])["door"] == {
        "soort": "onbekend",
        "code": None,
        "weg": None,
    }


def test_a_term_that_fell_due_is_its_own_actor(office: Office, reference: str, clock: SetClock) -> None:
    """Whoever happens to be at work when a term warns did not do it."""
    clock.moment = datetime(2026, 6, 1, 9, tzinfo=AMSTERDAM)
    with acts(SOMEBODY):
        assert office.casework.fire_due(reference)
    fired = [row for row in office.casework.case(reference).journal if row.rung is not None]
    assert fired
    assert {(row.actor_kind, row.actor_way) for row in fired} == {("termijn", None)}
    assert all(row.actor_code == (row.term or "").split("#")[0] for row in fired)


@pytest.mark.parametrize("name", ["actor_kind", "actor_code", "actor_way"])
@pytest.mark.parametrize("value", ["ander", None])
def test_changing_who_did_it_breaks_the_chain(
    office: Office, reference: str, name: str, value: str | None
) -> None:
    """Another name in a row, or one that is taken away, is found by `controleer`."""
    assert not list(broken_journals(office))
    with writing(office.engine) as session:
        session.execute(update(JournalRow).where(col(JournalRow.number) == 1).values({name: value}))
    assert [f"{reference}: journaalregel 1" in line for line in broken_journals(office)] == [True]


def test_rows_from_before_there_were_actors_stay_whole(office: Office, reference: str) -> None:
    """A row without an actor has the hash that it always had, and adding one breaks it."""
    row = office.casework.case(reference).journal[0]
    old = JournalRow(**row.model_dump() | dict.fromkeys(("actor_kind", "actor_code", "actor_way")))
    hashed = journal_hash(old)
    assert hashed != row.hash
    old.actor_kind, old.actor_code = "medewerker", "mw-99"
    assert journal_hash(old) != hashed
