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
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
from costs import Load, Measured, table
from many_cases import copy_case
from measuring import Line, cpu_seconds, postgres_database, report
from whole import whole

from adapters.cases.integrity import broken_cases
from adapters.clock import SetClock, SystemClock
from adapters.office import Office, open_office
from adapters.oversight.caseload import Caseload
from adapters.settings import Settings
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
    parser.add_argument("--cases", type=int, default=40)
    arguments = parser.parse_args()
    load = Load("simulated", arguments.share)
    with postgres_database() as url:
        month, rows, size = simulate(load, url)
    shown_bytes, event_bytes, shown_cpu, per_transition = sample(arguments.cases)
    measured = Measured(
        rows / month.transitions,
        size / month.transitions,
        month.cpu / month.transitions,
        shown_bytes,
        event_bytes,
        shown_cpu,
        per_transition,
    )
    print(json.dumps(asdict(measured)))
    print(table(measured))
    rate = month.transitions / month.seconds
    what = ", ".join(f"{number:,} {name}" for name, number in month.done.items())
    report(
        [
            Line("national month", f"changes at 1/{1 / load.share:.0f}: {what}", rate, "/s"),
            Line("national month", "CPU to decide and write one change", measured.cpu * 1000, "ms"),
            Line("national month", "CPU of server and worker to show one", shown_cpu * 1000, "ms"),
            Line("national month", "our database, per change", measured.bytes, "bytes"),
            Line("national month", "Prefect's database, per wake-up", shown_bytes, "bytes"),
            Line("national month", "Prefect's events of a week, per wake-up", event_bytes, "bytes"),
        ]
    )  # fmt: skip


# -- the month in the database -------------------------------------------------------------------------------


def simulate(load: Load, url: str) -> tuple[Month, int, int]:
    """Let a month pass; give what happened, and the rows and bytes that it added."""
    clock = SetClock(SystemClock().now().replace(hour=9, minute=0) - timedelta(days=400))
    office = open_office(Settings(home=Path(tempfile.mkdtemp()), database_url=url), clock)
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


def _size(url: str, like: str = "%") -> tuple[int, int]:
    """Count the rows and the bytes of tables, indexes included."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        names = [
            name
            for (name,) in connection.execute(
                f"SELECT relname FROM pg_stat_user_tables WHERE relname LIKE '{like}'"
            )
        ]
        rows = sum(
            (connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() or (0,))[0] for name in names
        )
        total = connection.execute(
            f"SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE relname LIKE '{like}'"
        ).fetchone()
    return rows, int(total[0]) if total else 0


# -- a sample in Prefect -------------------------------------------------------------------------------------


def sample(number: int) -> tuple[float, float, float, float]:
    """Show some changes in a whole Prefect on PostgreSQL.

    Gives per wake-up: the bytes that stay, the bytes of events, the CPU; and the wake-ups per change.
    """
    with postgres_database() as cases, postgres_database() as engine, whole(cases, engine) as stack:
        with stack.worker(ROUTEKAART_WORKER_CONCURRENCY="4") as worker:
            changes = 0
            cpu = _cpu_of(stack.server, worker)
            before, events = _size(engine), _size(engine, "event%")
            references = [
                stack.office.casework.open("M3", municipality="0518").reference for _ in range(number)
            ]
            changes += number
            stack.until_shown()
            for event in TO_INTAKE:
                for reference in references:
                    stack.office.casework.report(reference, event)
                changes += number
                stack.until_shown()
            time.sleep(8)  # events and task runs are written some seconds later
            used = _cpu_of(stack.server, worker) - cpu
        told = _size(engine, "event%")[1] - events[1]
        stays = _size(engine)[1] - before[1] - told
        with psycopg.connect(engine) as connection:
            count = "SELECT count(*) FROM flow_run_state WHERE type = 'RUNNING'"
            (woken,) = connection.execute(count).fetchone() or (0,)
    return stays / woken, told / woken, used / woken, woken / changes


def _cpu_of(*processes: psutil.Process) -> float:
    return sum(cpu_seconds(one) for one in processes)


if __name__ == "__main__":
    main()
