"""A month of all municipalities at a hundredth of its size, and what the whole would cost.

    python tests/benchmarks/national.py [--share 0.01] [--cases 40]

The month runs on a virtual clock against PostgreSQL: every day the terms that fall due are fired, aanmeldingen
and events come in, and the vroegsignalen come on one day, as they do. A sample of wake-ups with a whole Prefect
gives what showing costs. The assumptions are those of `costs.py`.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import psutil
import psycopg
from costs import LOADS, Load, Measured, cost, table
from many_cases import copy_case
from measuring import Line, cpu_seconds, home_with_keys, postgres_database, report
from whole import whole

from adapters.cases.caseload import Caseload
from adapters.office import Office, open_office
from adapters.operations.integrity import broken_cases
from adapters.runtime.clock import SetClock, SystemClock
from adapters.runtime.settings import Settings
from flows.case_queue import FIRED_TOGETHER, SWEPT_TOGETHER
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterable

DAYS = 30
DELIVERY_DAY = 5  # the vroegsignalen of a month come in one delivery
TEMPLATES = 40  # trajects that were opened on different days; the rest are copies
TO_INTAKE = (
    "aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt", "eerste_gesprek_gevoerd",
    "hulpvraag_vastgesteld",
)  # fmt: skip
SETTLES = 8  # seconds until events and task runs have been written
SIGNAL_EVENTS = ("gematcht", "toegewezen", "contactpoging_gedaan", "bereikt")


@dataclass
class Month:
    """What happened in the month."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    cpu: float = 0.0

    @property
    def transitions(self) -> int:
        """All that changed a case."""
        return sum(self.done.values())


def main() -> None:
    """Let the month pass, take the sample, and print what it costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--cases", type=int, default=60)
    arguments = parser.parse_args()
    load = Load("simulated", arguments.share)
    with postgres_database() as url:
        month, rows, size = simulate(load, url)
    shown = sample(arguments.cases)
    measured = Measured(
        rows / month.transitions, size / month.transitions, month.cpu / month.transitions, **shown
    )
    print(json.dumps(asdict(measured)))
    print(table(measured))
    rate = month.transitions / month.seconds
    what = ", ".join(f"{number:,} {name}" for name, number in month.done.items())
    country = cost(LOADS[0], measured)
    of_a_wake_up = (
        f"states and log {measured.state_bytes:,.0f}, tasks {measured.task_bytes:,.0f}, "
        f"events {measured.event_bytes:,.0f}"
    )
    report(
        [
            Line("national month", f"changes at 1/{1 / load.share:.0f}: {what}", rate, "/s"),
            Line("national month", "CPU to decide and write one change", measured.cpu * 1000, "ms"),
            Line("national month", "CPU of server and worker to show one", measured.shown_cpu * 1000, "ms"),
            Line("national month", "our database, per change", measured.bytes, "bytes"),
            Line("national month", f"Prefect's database, {of_a_wake_up}", _all(measured), "bytes a wake-up"),
            Line("national month", "Prefect's database, per version of a page", measured.page_bytes, "bytes"),
            Line("national month", "342 municipalities, busiest hour", country.cores, "cores"),
            Line("national month", "342 municipalities, our database", country.gigabytes_kept, "GB"),
            Line("national month", "342 municipalities, Prefect's database", country.prefect_gigabytes, "GB"),
        ]
    )  # fmt: skip


def _all(measured: Measured) -> float:
    return measured.state_bytes + measured.task_bytes + measured.event_bytes


# -- the month in the database -------------------------------------------------------------------------------


def simulate(load: Load, url: str) -> tuple[Month, int, int]:
    """Let a month pass; give what happened, and the rows and bytes that it added."""
    clock = SetClock(SystemClock().now().replace(hour=9, minute=0) - timedelta(days=400))
    office = open_office(Settings(home=home_with_keys(), database_url=url), clock)
    open_trajects = _running(office, clock, round(load.open_cases))
    chance = random.Random(1)  # noqa: S311 - the same month every time
    month, before = Month(), _size(url)
    begin, cpu = time.perf_counter(), sum(psutil.Process().cpu_times()[:2])
    reported = load.reported / DAYS
    for day in range(DAYS):
        clock.moment += timedelta(days=1)
        month.done["terms"] += _fire(office)
        if day == DELIVERY_DAY:
            for number in range(round(load.signals)):
                _walk(office, month, "M2", SIGNAL_EVENTS[: 1 + number % len(SIGNAL_EVENTS)], "signals")
        for _ in range(_today(load.registrations / DAYS, day)):
            _walk(office, month, "M3", TO_INTAKE, "registrations")
        for _ in range(_today(reported, day)):
            _report(office, month, chance.choice(open_trajects))
    month.seconds = time.perf_counter() - begin
    month.cpu = sum(psutil.Process().cpu_times()[:2]) - cpu
    after = _size(url)
    if problems := list(broken_cases(office.engine, office.rules_named))[:3]:
        raise SystemExit(f"The journal is broken: {problems}")
    office.engine.dispose()
    return month, after[0] - before[0], after[1] - before[1]


def _today(a_day: float, day: int) -> int:
    """Spread a number over the days of a month without losing a part."""
    return round(a_day * (day + 1)) - round(a_day * day)


def _running(office: Office, clock: SetClock, number: int) -> list[str]:
    """Open trajects on different days of the past year and copy them until there are enough."""
    references: list[str] = []
    for index in range(TEMPLATES):
        reference = office.casework.open("M3", municipality="0518").reference
        for event in TO_INTAKE[: 2 + index % 4]:
            office.casework.report(reference, event)
        copies = max(0, number // TEMPLATES - 1)
        copy_case(office, reference, copies, prefix=f"T{index}")
        references += [reference, *(f"T{index}-{copy:07d}" for copy in range(copies))]
        clock.moment += timedelta(days=9)
        _fire(office)
    return references


def _fire(office: Office) -> int:
    fired = 0
    while due := office.casework.cases_with_due_terms(SWEPT_TOGETHER):
        for start in range(0, len(due), FIRED_TOGETHER):
            fired += office.casework.fire_due_together(due[start : start + FIRED_TOGETHER])
    return fired


def _walk(office: Office, month: Month, code: str, events: Iterable[str], what: str) -> None:
    """Open a case and report events in it."""
    reference = office.casework.open(code, municipality="0518").reference
    month.done[what] += 1
    for event in events:
        try:
            office.casework.report(reference, event)
        except NotPossible as refusal:
            month.refused[str(refusal)] += 1
        else:
            month.done[what] += 1


def _report(office: Office, month: Month, reference: str) -> None:
    """Change something in a traject that runs: somebody else gets one of its open processes."""
    case = office.casework.case(reference)
    running = [name for name, row in case.rows.items() if not row.closed]
    if running:
        Caseload(office.engine, office.casework).assign(
            reference, running[-1], f"mw-{month.done['reported'] % 50}", "werkverdeling"
        )
        month.done["reported"] += 1


def _size(url: str) -> tuple[int, int]:
    """Count the rows and the bytes of all tables, indexes included."""
    sizes = _tables(url).values()
    return sum(rows for rows, _ in sizes), sum(size for _, size in sizes)


def _tables(url: str) -> dict[str, tuple[int, int]]:
    """Return the rows and the bytes of each table, indexes included."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        found = connection.execute("SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables")
        sizes = dict(found.fetchall())
        return {
            name: ((connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() or (0,))[0], int(size))
            for name, size in sizes.items()
        }


# -- a sample in Prefect -------------------------------------------------------------------------------------


def sample(number: int) -> dict[str, float]:
    """Show some changes in a whole Prefect on PostgreSQL; give what of `Measured` follows from that."""
    with postgres_database() as cases, postgres_database() as engine, whole(cases, engine) as stack:
        with stack.worker(ROUTEKAART_WORKER_CONCURRENCY="4") as worker:
            time.sleep(SETTLES)
            cpu, before = _cpu_of(stack.server, worker), _tables(engine)
            references = [
                stack.office.casework.open("M3", municipality="0518").reference for _ in range(number)
            ]
            stack.until_shown()
            for event in TO_INTAKE:
                for reference in references:
                    stack.office.casework.report(reference, event)
                stack.until_shown()
            time.sleep(SETTLES)
            used = _cpu_of(stack.server, worker) - cpu
        with psycopg.connect(engine) as connection:
            count = "SELECT count(*) FROM flow_run_state WHERE type = 'RUNNING'"
            (woken,) = connection.execute(count).fetchone() or (0,)
        grown = {
            name: (rows - before.get(name, (0, 0))[0], size - before.get(name, (0, 0))[1])
            for name, (rows, size) in _tables(engine).items()
        }

    def size(*names: str) -> int:
        return sum(grown[name][1] for name in names)

    def each(name: str) -> float:
        rows, bytes_ = grown[name]
        return bytes_ / max(1, rows)

    return {
        "shown_cpu": used / woken,
        "shown_per_transition": woken / (number * (1 + len(TO_INTAKE))),
        "state_bytes": size("flow_run_state", "log") / woken,
        "task_bytes": size("task_run", "task_run_state") / woken,
        "event_bytes": size("events", "event_resources") / woken,
        "page_bytes": each("artifact"),
        "newest_page_bytes": each("artifact_collection"),
        "run_bytes": each("flow_run") + each("flow_run_input"),
    }


def _cpu_of(*processes: psutil.Process) -> float:
    return sum(cpu_seconds(one) for one in processes)


if __name__ == "__main__":
    main()
