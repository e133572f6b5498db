"""Check the journal: whether the chain is whole, and whether replaying it gives the case as it stands.

A page of cases is read in four questions, and the rows of the journal as plain tuples: a hundred thousand
rows take some twenty seconds.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from adapters.clock import AMSTERDAM
from adapters.database import CaseRow, JournalRow, reading
from adapters.store import from_json, journal_hash, load_cases
from milestones.case import Case, apply, start
from milestones.definitions.migrations import MOVED, moved
from milestones.process import Event, NotPossible, RungDue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

    from milestones.policy import Rules

_PAGE = 200
_COLUMNS = [getattr(JournalRow, name) for name in JournalRow.model_fields if name != "id"]
OPENED = "geopend"


def broken_cases(engine: Engine, rules_named: Callable[[str], Rules]) -> Iterator[str]:
    """Give one Dutch sentence for each case whose journal is not right, naming the first bad row."""
    rules_of = cache(rules_named)
    last = ""
    while True:
        with reading(engine) as session:
            cases = session.exec(
                select(CaseRow)
                .where(col(CaseRow.reference) > last)
                .order_by(col(CaseRow.reference))
                .limit(_PAGE)
            ).all()
            if not cases:
                return
            last = cases[-1].reference
            journals: dict[str, list[Any]] = {row.reference: [] for row in cases}
            query = (
                select(*_COLUMNS)
                .where(col(JournalRow.case_reference).in_(list(journals)))
                .order_by(col(JournalRow.case_reference), col(JournalRow.number))
            )
            for line in session.execute(query):
                journals[line.case_reference].append(line)
            stored = load_cases(session, list(journals))
        for row in cases:
            journal = journals[row.reference]
            number = first_broken_link(row, journal)
            if number is not None:
                yield f"Zaak {row.reference}: journaalregel {number} is veranderd, of een regel ontbreekt."
            elif (difference := _replay_differs(journal, stored[row.reference], rules_of)) is not None:
                yield f"Zaak {row.reference}: {difference}"


def first_broken_link(case: CaseRow, journal: Sequence[JournalRow]) -> int | None:
    """Give the number of the first row that breaks the chain; None when the chain is whole."""
    previous = ""
    for expected, row in enumerate(journal, start=1):
        if row.number != expected or row.previous != previous or journal_hash(row) != row.hash:
            return expected
        previous = row.hash
    return None if previous == case.chain and len(journal) == case.steps else len(journal) + 1


def _replay_differs(
    journal: Sequence[JournalRow], stored: Case, rules_of: Callable[[str], Rules]
) -> str | None:
    """Replay the inputs of a journal; give a sentence when that does not lead to the stored case."""
    case = Case()
    for place, row in enumerate(journal):
        if row.derived:
            continue
        try:
            rules = replace(rules_of(row.policy), versions=_versions_opened(journal, place))
            case = _replayed(case, row, rules)
        except (NotPossible, LookupError) as refusal:
            return f"journaalregel {row.number} kan niet opnieuw worden afgespeeld ({refusal})."
    for process in case.processes:
        other = next((item for item in stored.processes if item.name == process.name), None)
        if other != process:
            return f"de stand van {process.name} volgt niet uit het journaal."
    return (
        None
        if len(case.processes) == len(stored.processes)
        else "er staan andere mijlpalen dan in het journaal."
    )


def _replayed(case: Case, row: JournalRow, rules: Rules) -> Case:
    """Give a case after the input of one row."""
    today = row.at.astimezone(AMSTERDAM).date()
    if row.event == OPENED:
        return start(case, row.process.split("#")[0], row.on, today, rules, from_json(row.data))[0]
    if row.event == MOVED:
        process = next(item for item in case.processes if item.name == row.process)
        return case.replaced(moved(process, row.version, today, rules)[0])
    if row.term is not None and row.rung is not None:
        return apply(case, row.process, RungDue(row.term, row.rung), today, rules)[0]
    return apply(case, row.process, Event(row.event, row.on, from_json(row.data)), today, rules)[0]


def _versions_opened(journal: Sequence[JournalRow], place: int) -> dict[str, int]:
    """Give the versions with which processes opened in this step and those that followed from it.

    A process that opened before a definition changed is replayed with the definition of that day.
    """
    found: dict[str, int] = {}
    for row in journal[place:]:
        if row.derived is False and row is not journal[place]:
            break
        if row.event == OPENED:
            found[row.process.split("#")[0]] = row.version
    return found
