"""Several questions in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event
from sqlmodel import select

from adapters.cases.attention import Attention
from adapters.storage.database import CaseRow, create_engine, one_look, reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from adapters.cases.casework import Casework

QUESTION = select(CaseRow.reference)


@pytest.fixture
def begun(engine: Engine) -> Iterator[list[bool]]:
    """Return a list that grows with each transaction."""
    found: list[bool] = []

    def note(_connection: object) -> None:
        found.append(True)

    event.listen(engine, "begin", note)
    yield found
    event.remove(engine, "begin", note)


def ask(engine: Engine) -> list[str]:
    """Ask one question as everybody does."""
    with reading(engine) as session:
        return list(session.exec(QUESTION))


def test_questions_of_one_look_are_one_transaction(
    casework: Casework, engine: Engine, begun: list[bool]
) -> None:
    """They give what they give apart, and after it each is a transaction of its own again."""
    reference = casework.open("M1", municipality="0518").reference
    begun.clear()
    with one_look(engine):
        assert ask(engine) == ask(engine) == [reference]
    assert len(begun) == 1
    assert ask(engine) == ask(engine) == [reference]
    assert len(begun) == 3


def test_a_look_that_fails_is_over(casework: Casework, engine: Engine, begun: list[bool]) -> None:
    """Who asks afterwards is in no transaction of it."""
    reference = casework.open("M1", municipality="0518").reference
    with pytest.raises(ZeroDivisionError), one_look(engine):
        _ = ask(engine)[0][1 // 0]
    begun.clear()
    assert ask(engine) == [reference]
    assert len(begun) == 1


def test_another_database_is_no_part_of_a_look(casework: Casework, engine: Engine, tmp_path: Path) -> None:
    """A question to another database goes there."""
    casework.open("M1", municipality="0518")
    other = create_engine(f"sqlite:///{tmp_path}/ander.db")
    CaseRow.metadata.tables["cases"].create(other)
    with one_look(engine):
        assert ask(other) == []
    other.dispose()


def test_a_process_that_is_shown_is_handed_back_with_it(
    casework: Casework, engine: Engine, begun: list[bool]
) -> None:
    """One transaction notes what is shown and lets go; to give it back once more asks the database nothing."""
    casework.open("M1", municipality="0518")
    attention = Attention(engine)
    (held,) = attention.claim(1)
    begun.clear()
    attention.shown(held, 1)
    assert len(begun) == 1
    assert len(attention.claim(1)) == 1  # a message is still to be sent
    begun.clear()
    attention.release(held)
    assert begun == []
