"""Walk a journal again: what each row put in, and the case that follows from it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from adapters.cases.journal import day_written
from adapters.runtime.plain_values import from_json
from milestones.case import Case, apply, start
from milestones.definitions.migrations import MOVED, moved
from milestones.policy_change import RECOUNTED, recounted
from milestones.process import Event, RungDue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.storage.database import JournalRow
    from milestones.case import Step
    from milestones.policy import Rules

_OPENED = "geopend"


def replayed(case: Case, row: JournalRow, rules: Rules) -> tuple[Case, tuple[Step, ...]]:
    """Return a case after the input of one row, with its steps; what cannot be is NotPossible or a LookupError."""
    today = day_written(row)
    if row.event == _OPENED:
        return start(case, row.process.split("#")[0], row.on, today, rules, from_json(row.data))
    if row.event in (MOVED, RECOUNTED):
        process = next((item for item in case.processes if item.name == row.process), None)
        if process is None:
            raise LookupError(row.process)
        if row.event == RECOUNTED:
            return case.replaced(recounted(process, today, rules)), ()
        return case.replaced(moved(process, row.version, today, rules)[0]), ()
    if row.term is not None and row.rung is not None:
        return apply(case, row.process, RungDue(row.term, row.rung), today, rules)
    return apply(case, row.process, Event(row.event, row.on, from_json(row.data), kept=True), today, rules)


def versions_opened(journal: Sequence[JournalRow], place: int) -> dict[str, int]:
    """Return the versions with which processes opened in the step at a place and those that followed from it.

    A process that opened before a definition changed is replayed with the definition of that day.
    """
    found: dict[str, int] = {}
    for row in islice(journal, place, None):
        if row.derived is False and row is not journal[place]:
            break
        if row.event == _OPENED:
            found[row.process.split("#")[0]] = row.version
    return found
