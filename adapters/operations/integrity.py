"""Check the journal: whether the chain is whole, and whether replaying it gives the case as it stands.

A page of cases is read in four questions, and the rows of the journal as plain tuples. A long journal is
divided over the cores of the machine.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlmodel import col, select

from adapters.cases.journal import journal_hash
from adapters.cases.replaying import replayed, versions_opened
from adapters.cases.store import load_cases
from adapters.office import Office
from adapters.runtime.clock import SystemClock
from adapters.runtime.settings import Settings
from adapters.storage.database import CaseRow, JournalRow, create_engine, reading
from milestones.case import Case
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

    from milestones.policy import Rules

_PAGE = 200
_LONG_JOURNAL = 20_000  # rows; below this, starting processes takes longer than it saves
_PARTS_FOR_EACH_CORE = 4  # so that no core waits long for the last part
_COLUMNS = [getattr(JournalRow, name) for name in JournalRow.model_fields if name != "id"]
_OBJECTS_BEFORE_COLLECTING = 100_000  # Python's own number is 700


def broken_journals(office: Office, processes: int | None = None) -> Iterator[str]:
    """Yield one Dutch sentence for each broken case of an office, in order of reference, with all cores.

    `processes` is how many to use, for a long journal as many as the machine has cores.
    """
    with reading(office.engine) as session:
        rows = session.exec(select(func.count()).select_from(JournalRow)).one()
    wanted = processes or (os.cpu_count() or 1 if rows >= _LONG_JOURNAL else 1)
    if wanted == 1:
        yield from broken_cases(office.engine, office.rules_named)
        return
    ends = _ends_of_parts(office.engine, wanted * _PARTS_FOR_EACH_CORE)
    # Processes of their own from the start: a fork would take over connections and threads.
    with ProcessPoolExecutor(wanted, multiprocessing.get_context("spawn"), _collect_less) as pool:
        parts = [
            pool.submit(_broken_in_part, office.settings, after, until)
            for after, until in zip(["", *ends], [*ends, None], strict=True)
        ]
        for part in parts:
            yield from part.result()


def _collect_less() -> None:
    """Look for cycles far less often: rows come and go by the hundred thousand, and make none."""
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)


def _ends_of_parts(engine: Engine, parts: int) -> list[str]:
    """Return the references at which the cases are divided into parts of the same size."""
    with reading(engine) as session:
        cases = session.exec(select(func.count()).select_from(CaseRow)).one()
        places = sorted({cases * part // parts for part in range(1, parts)} - {0})
        in_order = select(CaseRow.reference).order_by(col(CaseRow.reference))
        return [session.exec(in_order.offset(place - 1).limit(1)).one() for place in places]


def _broken_in_part(settings: Settings, after: str, until: str | None) -> list[str]:
    """Check one part in a process of its own."""
    office = Office(
        settings, create_engine(settings.database, schema=settings.database_schema), SystemClock()
    )
    return list(broken_cases(office.engine, office.rules_named, after, until))


def broken_cases(
    engine: Engine, rules_named: Callable[[str], Rules], after: str = "", until: str | None = None
) -> Iterator[str]:
    """Yield one Dutch sentence for each case whose journal is not right, naming the first bad row.

    `after` and `until` bound the references that are looked at.
    """
    rules_of = cache(rules_named)
    last = after
    while True:
        query = select(CaseRow).where(col(CaseRow.reference) > last)
        if until is not None:
            query = query.where(col(CaseRow.reference) <= until)
        with reading(engine) as session:
            cases = session.exec(query.order_by(col(CaseRow.reference)).limit(_PAGE)).all()
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
    """Return the number of the first row that breaks the chain; None when the chain is whole."""
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
            rules, opened = rules_of(row.policy), versions_opened(journal, place)
            case, _ = replayed(case, row, replace(rules, versions=opened) if opened else rules)
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
