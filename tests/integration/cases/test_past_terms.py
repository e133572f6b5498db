"""What an event costs in a case with a long past: the terms that ended before the last of their kind are not read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from adapters.cases.casework import EventReport
from adapters.operations.integrity import broken_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from adapters.cases.casework import Casework, Receipt
    from adapters.runtime.clock import SetClock


@pytest.fixture
def reference(casework: Casework) -> str:
    """Return the reference of a vroegsignaalzaak."""
    made = casework.open("M2", municipality="0518").reference
    casework.report(made, "gematcht", data={"signaaldatum": casework.clock.today()})
    return made


def _correct(casework: Casework, reference: str, times: int, *, whole: bool = False) -> Receipt:
    """Correct the date of the signal, which ends its term and starts the next; return what came of the last."""
    for _ in range(times):
        receipt = casework.report_one(
            EventReport(
                reference=reference,
                event="signaal_gecorrigeerd",
                data={"oudste_signaaldatum": casework.clock.today()},
                whole=whole,
            )
        )
    return receipt


@pytest.fixture
def rows_read(engine: Engine) -> Iterator[list[int]]:
    """Note of each statement how many rows came back, where the driver tells it: that of PostgreSQL does."""
    noted: list[int] = []

    def note(_connection: object, cursor: object, *_: object) -> None:
        noted.append(getattr(cursor, "rowcount", -1))

    event.listen(engine, "after_cursor_execute", note)
    yield noted
    event.remove(engine, "after_cursor_execute", note)


def test_an_event_reads_no_more_of_a_long_past(
    casework: Casework, reference: str, clock: SetClock, rows_read: list[int]
) -> None:
    """After thirty terms that ended, an event reads as many rows as after three; so does a look for what is due."""
    found = []
    for times in (3, 27):
        _correct(casework, reference, times)
        rows_read.clear()
        receipt = _correct(casework, reference, 1)
        casework.fire_due(reference)
        found.append((list(rows_read), [term.term for term in receipt.case.process("M2").terms]))
    assert found[0] == found[1]
    clock.moment += timedelta(days=60)
    assert casework.fire_due(reference) > 0


def test_all_terms_are_there_for_who_shows_the_case(
    casework: Casework, reference: str, engine: Engine
) -> None:
    """The case shows each term under its own key, in the order in which they began; so does an answer with all of it.

    What is stored is what the journal gives.
    """
    terms = casework.case(reference).case.process("M2").terms
    begin = [term.key for term in terms]
    receipt = _correct(casework, reference, 12, whole=True)
    keys = [f"T10#{number}" for number in range(3, 15)]
    assert [term.key for term in casework.case(reference).case.process("M2").terms] == begin + keys
    assert receipt.case == casework.case(reference).case
    assert list(broken_cases(engine, casework.rules_for)) == []
