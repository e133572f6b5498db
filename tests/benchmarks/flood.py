"""A flood: ten thousand terms fall due at the same moment.

    python tests/benchmarks/flood.py [--cases 10000] [--sqlite] [--shown 100]

They must fire in order, each once, in under a minute in the database. Prefect shows them at the rate at which it shows
anything, which is measured on so many before the flood and in it.
"""

from __future__ import annotations

import argparse
import itertools
import time
from contextlib import nullcontext
from datetime import timedelta

from many_cases import copy_case
from measuring import Line, home_with_keys, postgres_database, report
from sqlalchemy import update
from sqlmodel import col, func, select
from whole import until, whole

from adapters.office import Office, open_office
from adapters.operations.integrity import broken_cases
from adapters.runtime.clock import SetClock, SystemClock
from adapters.runtime.settings import Settings
from adapters.storage.database import JournalRow, ProcessRow, TimerRow, reading, writing
from flows.case_queue import FIRED_TOGETHER, SWEPT_TOGETHER

WANTED_SECONDS = 60.0
WANTED_SHARE = 0.8  # of the rate of new cases without a flood, which differs from run to run


def main() -> None:
    """Measure in the database, then in Prefect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--shown", type=int, default=60)
    parser.add_argument("--sqlite", action="store_true")
    arguments = parser.parse_args()
    with nullcontext() if arguments.sqlite else postgres_database() as url:
        lines = [in_database(arguments.cases, url)]
    lines += in_prefect(arguments.cases, arguments.shown)
    report(lines)


def _case_with_terms(office: Office) -> str:
    reference = office.casework.open("M3", municipality="0518").reference
    for event in ("aanmelding_geregistreerd", "niet_bedreigend"):
        office.casework.report(reference, event)
    return reference


def in_database(number: int, url: str | None) -> Line:
    """Fire so many warnings that fall due on one day, as the worker's sweep does."""
    clock = SetClock(SystemClock().now())
    office = open_office(Settings(home=home_with_keys(), database_url=url), clock)
    copy_case(office, _case_with_terms(office), number - 1)
    clock.moment += timedelta(days=15)  # past the first warning of T01
    fired, begin = 0, time.perf_counter()
    while due := office.casework.cases_with_due_terms(SWEPT_TOGETHER):
        for start in range(0, len(due), FIRED_TOGETHER):
            fired += office.casework.fire_due_together(due[start : start + FIRED_TOGETHER])
    seconds = time.perf_counter() - begin
    if fired != number or in_disorder(office):
        raise SystemExit(f"{fired} of {number} terms fired, {in_disorder(office)} out of order")
    if problems := list(broken_cases(office.engine, office.rules_named))[:3]:
        raise SystemExit(f"The journal is broken: {problems}")
    office.engine.dispose()
    return Line(
        "flood",
        f"{number:,} terms fired in the database, {fired / seconds:.0f}/s, in order, journal whole",
        seconds,
        "s",
        wanted=f"under {WANTED_SECONDS:.0f} s",
        met=seconds < WANTED_SECONDS,
    )


def in_disorder(office: Office) -> int:
    """Count the rungs that stand in the journal behind one that was due later."""
    with reading(office.engine) as session:
        due = session.exec(
            select(JournalRow.on).where(col(JournalRow.rung).is_not(None)).order_by(col(JournalRow.id))
        ).all()
    return sum(earlier > later for earlier, later in itertools.pairwise(due))


def in_prefect(number: int, shown: int) -> list[Line]:
    """Start a worker on a flood, and time how it drains and how fast Prefect shows it, beside an ordinary hour."""
    with whole() as stack:
        office = stack.office
        for _ in range(shown + 10):
            office.casework.open("M3", municipality="0518")
        with stack.worker("ordinary"):
            ordinary = _rate(office, shown)
        copy_case(office, _case_with_terms(office), number - 1)
        yesterday = office.clock.today() - timedelta(days=1)
        with writing(office.engine) as session:
            ladder = [["-14d", yesterday.isoformat()], ["verlopen", "2099-01-01"]]
            due = update(TimerRow).where(col(TimerRow.next_on).is_not(None))
            session.execute(due.values(next_on=yesterday, ladder=ladder))
        begin = time.perf_counter()
        with stack.worker("flood"):
            until(lambda: not office.casework.cases_with_due_terms(1), 300, "the terms were not fired")
            drained = time.perf_counter() - begin
            flood = _rate(office, shown)
    return [
        Line(
            "flood",
            f"{number:,} terms fired by a worker, from its start, Prefect and cases on SQLite",
            drained,
            "s",
            wanted=f"under {WANTED_SECONDS:.0f} s",
            met=drained < WANTED_SECONDS,
        ),
        Line(
            "flood",
            f"shown in Prefect, each with a new run, {shown} of them",
            flood,
            "/s",
            "new cases without a flood",
            flood / ordinary,
            f"over {WANTED_SHARE:g} x",
            flood > WANTED_SHARE * ordinary,
        ),
    ]


def _rate(office: Office, number: int) -> float:
    """Return how many processes a second get a run that shows them, from the next one on, over so many."""
    before = _shown(office)
    until(lambda: _shown(office) > before, 300, "Prefect shows nothing")
    before, begin = _shown(office), time.perf_counter()
    until(lambda: _shown(office) >= before + number, 300, "Prefect shows nothing more")
    return (_shown(office) - before) / (time.perf_counter() - begin)


def _shown(office: Office) -> int:
    with reading(office.engine) as session:
        query = select(func.count()).select_from(ProcessRow).where(
            col(ProcessRow.flow_run_id).is_not(None), col(ProcessRow.attention).is_(False)
        )  # fmt: skip
        return session.exec(query).one()


if __name__ == "__main__":
    main()
