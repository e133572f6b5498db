"""What it costs when nobody does anything, with more and more open cases; and the look for due terms.

    python tests/benchmarks/idle.py [--sizes 1000,20000,100000] [--seconds 20] [--timers 1000000]

Some cases are opened by our own code and parked by a real worker; the rest are copies of their rows in both
databases. Needs a PostgreSQL on which it may make databases.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import psycopg
from measuring import Line, cpu_seconds, percentile, postgres_database, report
from whole import whole

if TYPE_CHECKING:
    from adapters.office import Office

REAL_CASES = 20
MOST_SHARE = 10.0  # percent of a core
MOST_SWEEP_MS = 5.0


def main() -> None:
    """Measure at each size, then the sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,20000,100000")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--timers", type=int, default=1_000_000)
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    with postgres_database() as cases, postgres_database() as engine, whole(cases, engine) as stack:
        lines: list[Line] = []
        with stack.worker() as worker:
            for _ in range(REAL_CASES):
                stack.office.casework.open("M3", municipality="0518")
            stack.until_shown()
            present = REAL_CASES
            for size in sizes:
                multiply(cases, engine, present, size)
                present = size
                time.sleep(8)  # the look for strays that has begun goes on to its end
                before = cpu_seconds(stack.server), cpu_seconds(worker)
                time.sleep(arguments.seconds)
                used = cpu_seconds(stack.server) - before[0], cpu_seconds(worker) - before[1]
                share = 100 * sum(used) / arguments.seconds
                parts = ", ".join(
                    f"{name} {100 * one / arguments.seconds:.1f}%"
                    for name, one in zip(("server", "worker"), used, strict=True)
                )
                lines.append(
                    Line(
                        "idle",
                        f"{size:,} open cases: {parts}",
                        share,
                        "% of a core",
                        wanted=f"under {MOST_SHARE:.0f}%",
                        met=share < MOST_SHARE,
                    )
                )
        lines.append(sweep(stack.office, cases, arguments.timers))
    report(lines)


def multiply(cases: str, engine: str, present: int, wanted: int) -> None:
    """Copy what is there in both databases until there are so many cases."""
    number = wanted // present - 1
    if number < 1:
        return
    mark = f"'-{wanted}-' || i"
    # The runs first: a process whose run is not there would be mended. Only those that are parked: Prefect has planned
    # runs of our nightly work as well, as many as ever.
    with psycopg.connect(engine) as connection:
        connection.execute("SET session_replication_role = replica")  # runs and states point at each other
        new = f"md5({{}}::text || {mark})::uuid"
        state = {"id": new.format("t.id"), "flow_run_id": new.format("t.flow_run_id")}
        parked = "t.flow_run_id IN (SELECT id FROM flow_run WHERE state_type = 'PAUSED')"
        _copy(connection, "flow_run_state", number, parked, **state)
        own = {"id": new.format("t.id"), "state_id": new.format("t.state_id"), "idempotency_key": "NULL"}
        _copy(connection, "flow_run", number, "t.state_type = 'PAUSED'", **own, name=f"t.name || {mark}")
    _vacuum(engine)
    multiply_cases(cases, present, wanted)


def multiply_cases(cases: str, present: int, wanted: int) -> None:
    """Copy what is there in the case database until there are so many cases; journals are left out."""
    number = wanted // present - 1
    if number < 1:
        return
    mark = f"'-{wanted}-' || i"
    with psycopg.connect(cases) as connection:
        (last,) = connection.execute("SELECT max(id) FROM processes").fetchone() or (0,)
        reference, process = f"t.case_reference || {mark}", f"({{}} + {last} * i)"
        run = f"md5(t.flow_run_id || {mark})::uuid::text"
        _copy(connection, "cases", number, reference=f"t.reference || {mark}")
        _copy(
            connection, "processes", number, id=process.format("t.id"), case_reference=reference, flow_run_id=run
        )  # fmt: skip
        _copy(connection, "timers", number, id="", process_id=process.format("t.process_id"))
        _copy(connection, "shown", number, process_id=process.format("t.process_id"))
        connection.execute("SELECT setval('processes_id_seq', (SELECT max(id) FROM processes))")
    _vacuum(cases)


def _vacuum(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _copy(
    connection: psycopg.Connection[Any], table: str, number: int, which: str = "true", **changes: str
) -> None:
    """Copy rows so many times; an empty change leaves a column to its default."""
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public' "
        "AND is_generated = 'NEVER' ORDER BY 1",
        (table,),
    )
    names = [name for (name,) in found if changes.get(name) != ""]
    values = ", ".join(changes.get(name, f't."{name}"') for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    connection.execute(
        f'INSERT INTO "{table}" ({listed}) SELECT {values} FROM "{table}" t, generate_series(1, {number}) i '
        f"WHERE {which}"
    )


def sweep(office: Office, url: str, number: int) -> Line:
    """Time the look for due terms among so many timers, none of which is due."""
    with psycopg.connect(url, autocommit=True) as connection:
        (present,) = connection.execute("SELECT count(*) FROM timers").fetchone() or (0,)
        each = max(1, (number - present) // max(1, present))
        key = "left(t.key, 8) || '#' || (i + 1)"
        _copy(connection, "timers", each, id="", key=key, next_on="t.next_on + (i % 300)")
        connection.execute("VACUUM ANALYZE timers")
        (total,) = connection.execute("SELECT count(*) FROM timers").fetchone() or (0,)
    times = []
    for _ in range(200):
        begin = time.perf_counter()
        office.casework.cases_with_due_terms(200)
        times.append((time.perf_counter() - begin) * 1000)
    middle = percentile(times, 0.5)
    return Line(
        "idle",
        f"look for due terms among {total:,} timers, p95 {percentile(times, 0.95):.1f} ms",
        middle,
        "ms",
        wanted=f"under {MOST_SWEEP_MS:.0f} ms",
        met=middle < MOST_SWEEP_MS,
    )


if __name__ == "__main__":
    main()
