"""What a change of policy would do: the cases of a year run again under the policy of now and under the new one.

Nothing is written. A journal is read in pages, and divided over the cores of the machine.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlmodel import col, select

from adapters.cases.journal import day_written
from adapters.cases.replaying import replayed, versions_opened
from adapters.runtime.calendar_data import dutch_calendar
from adapters.storage.database import JournalRow, ProcessRow, create_engine, reading
from milestones.case import Case
from milestones.policy import Policy, Rules
from milestones.replacing import replace
from milestones.rerun import Effect, JournalInput, compare, count_case

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

    from milestones.case import Step

YEAR = timedelta(days=365)
_PAGE = 100  # cases
WORTH_A_PROCESS = 400  # cases; below this, starting processes takes longer than it saves
_OBJECTS_BEFORE_COLLECTING = 100_000  # Python's own number is 700
_COLUMNS = [
    getattr(JournalRow, name)
    for name in (
        "case_reference", "process", "version", "event", "on", "at", "day", "data", "term", "rung", "derived",
    )
]  # fmt: skip

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PolicyChange:
    """Whose cases, over which days, and from which policy to which."""

    municipality: str
    begin: date
    today: date
    before: Policy
    after: Policy


def effect_of(
    engine: Engine, url: URL, schema: str | None, change: PolicyChange, progress: Progress | None = None
) -> Effect:
    """Count what a change does to every case that is open or did something since the first day.

    `url` and `schema` let other processes open the same database. `progress` hears how many cases of how many
    are done.
    """
    references = _references(engine, change)
    pages = [references[place : place + _PAGE] for place in range(0, len(references), _PAGE)]
    told = progress or _nothing
    total, done = Effect(), 0
    told(0, len(references))
    if len(references) < WORTH_A_PROCESS:
        for page in pages:
            total.add(count_page(engine, change, page))
            done += len(page)
            told(done, len(references))
        return total
    plain = replace(change, before=_plain(change.before), after=_plain(change.after))
    # Processes of their own from the start: a fork would take over connections and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 1, context, _open, (url, schema, plain)) as pool:
        parts = {pool.submit(_count_here, page): len(page) for page in pages}
        for part in as_completed(parts):
            total.add(part.result())
            done += parts[part]
            told(done, len(references))
    return total


def _nothing(_done: int, _total: int) -> None:
    """Hear nothing."""


def _references(engine: Engine, change: PolicyChange) -> list[str]:
    here = col(ProcessRow.municipality) == change.municipality
    with reading(engine) as session:
        open_now = session.exec(
            select(ProcessRow.case_reference).where(here, col(ProcessRow.closed).is_(False)).distinct()
        ).all()
        in_the_period = session.exec(
            select(JournalRow.case_reference)
            .where(col(JournalRow.municipality) == change.municipality, col(JournalRow.on) >= change.begin)
            .distinct()
        ).all()
    return sorted({*open_now, *in_the_period})


# --- in a process of its own ------------------------------------------------------------------------------


@dataclass
class _Here:
    """What a process of the pool works with."""

    engine: Engine
    change: PolicyChange


_here: list[_Here] = []


def _open(url: URL, schema: str | None, change: PolicyChange) -> None:
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    _here[:] = [_Here(create_engine(url, schema=schema), change)]


def _count_here(page: Sequence[str]) -> Effect:
    return count_page(_here[0].engine, _here[0].change, page)


def _plain(policy: Policy) -> Policy:
    """Return a policy that another process can be given: its tables as plain ones."""
    tables = {
        item.name: dict(value)
        for item in fields(policy)
        if isinstance(value := getattr(policy, item.name), Mapping)
    }
    return replace(policy, **tables)  # type: ignore[arg-type]


def count_page(engine: Engine, change: PolicyChange, page: Sequence[str]) -> Effect:
    """Count one page of cases in this process."""
    effect = Effect()
    journals: dict[str, list[JournalRow]] = {reference: [] for reference in page}
    with reading(engine) as session:
        query = (
            select(*_COLUMNS)
            .where(col(JournalRow.case_reference).in_(page))
            .order_by(col(JournalRow.case_reference), col(JournalRow.number))
        )
        for row in session.execute(query):
            journals[row.case_reference].append(row)  # type: ignore[arg-type]
    calendar = dutch_calendar()
    rules = compare(Rules(calendar, change.before), Rules(calendar, change.after))
    for journal in journals.values():
        count_case(effect, inputs_of(journal), rules, begin=change.begin, today=change.today)
    return effect


def inputs_of(journal: Sequence[JournalRow]) -> list[JournalInput]:
    """Return what people and systems put in; terms fire by themselves in a run."""
    return [
        JournalInput(
            day_written(row),
            row.event,
            partial(_take, row, versions_opened(journal, place)),
        )
        for place, row in enumerate(journal)
        if not row.derived and row.rung is None
    ]


def _take(
    row: JournalRow, versions: Mapping[str, int], case: Case, rules: Rules
) -> tuple[Case, tuple[Step, ...]]:
    return replayed(case, row, replace(rules, versions=versions) if versions else rules)
