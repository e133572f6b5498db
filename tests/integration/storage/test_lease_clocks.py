"""A lease never depends on the wall clock of one machine alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from sqlmodel import select

from adapters.cases.attention import Attention
from adapters.storage import leases as leases_module
from adapters.storage.database import ProcessRow, reading, writing

if TYPE_CHECKING:
    from adapters.office import Office


class _WrongClock(datetime):
    """The wall clock of a machine that is two hours ahead."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # noqa: ARG003
        """Return a moment two hours from now."""
        return datetime.now(UTC) + timedelta(hours=2)


def test_a_rest_of_a_clock_that_was_set_back_keeps_nobody(office: Office) -> None:
    """A process that rests until two hours from now, by a clock that was wrong, is taken at once."""
    office.casework.open("M3", municipality="0518")
    with writing(office.engine) as session:
        until = datetime.now(UTC) + timedelta(hours=2)
        session.execute(update(ProcessRow).values(leased_until=until))
    assert len(office.attention.claim(10)) == 1


def test_a_lease_that_a_neighbour_holds_stays_his(office: Office) -> None:
    """The bound takes nothing from a worker that lives."""
    office.casework.open("M3", municipality="0518")
    other = Attention(office.engine)
    assert len(office.attention.claim(10)) == 1
    assert other.claim(10) == []


def test_machines_with_other_clocks_share_that_of_the_database(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease of a machine whose clock is two hours ahead ends when one of a machine with the right time does."""
    if office.engine.dialect.name != "postgresql":
        pytest.skip("SQLite is of one machine")
    office.casework.open("M3", municipality="0518")
    monkeypatch.setattr(leases_module, "datetime", _WrongClock)
    assert len(office.attention.claim(10)) == 1
    monkeypatch.undo()
    with reading(office.engine) as session:
        until = session.exec(select(ProcessRow.leased_until)).one()
    assert until is not None
    assert until < datetime.now(UTC) + timedelta(minutes=5)
    assert Attention(office.engine).claim(10) == []
