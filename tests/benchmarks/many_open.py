"""What a worker asks of the case database at rest, and what an event and a claim cost, with more and more open cases.

    python tests/benchmarks/many_open.py [--sizes 1000,100000,1000000]

Some cases are opened by our own code; the rest are copies of their rows. CPU counts, of this process and of the
backends of PostgreSQL, so that other work on the machine changes little.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import TYPE_CHECKING

import psycopg
from accepted import backends, cpu
from idle import multiply_cases
from measuring import Line, home_with_keys, postgres_database, report
from psutil import Process

from adapters.office import Office, open_office
from adapters.operations.chain_heads import keep_heads
from adapters.runtime.settings import Settings
from flows.fresh_pages import state_of

if TYPE_CHECKING:
    from collections.abc import Callable

REAL_CASES = 200
CLAIMED = 20
TIMES = 20
MOST_GROWTH = 1.5  # times the figure of the smallest size; a millisecond more is none


def main() -> None:
    """Measure at each size, beside the smallest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,100000,1000000")
    sizes = [int(size) for size in parser.parse_args().sizes.split(",")]
    lines: list[Line] = []
    first: dict[str, float] = {}
    with postgres_database() as url:
        settings = Settings(home=home_with_keys(), database_url=url)
        office = open_office(settings)
        for _ in range(REAL_CASES):
            office.casework.open("M3", municipality="0518")
        _rest(url)
        present = REAL_CASES
        for size in sizes:
            multiply_cases(url, present, size)
            present = size
            for what, work in _work(office, settings, url).items():
                figure = _cost(url, work)
                begin = first.setdefault(what, figure)
                met = figure < max(MOST_GROWTH * begin, begin + 1)
                beside = f"that with {sizes[0]:,}"
                said = f"{what}, {size:,} open cases"
                ratio = figure / begin if begin else None
                lines.append(Line("many open", said, figure, "ms of CPU", beside, ratio, "as at first", met))
        office.engine.dispose()
    report(lines)


def _work(office: Office, settings: Settings, url: str) -> dict[str, Callable[[], object]]:
    def begin_case() -> None:
        reference = office.casework.open("M3", municipality="0518").reference
        office.casework.report(reference, "aanmelding_geregistreerd")

    def look_at_leases() -> None:
        office.leases.renew()
        office.leases.release_dead()

    def claim() -> None:
        with psycopg.connect(url) as connection:
            connection.execute(
                "UPDATE processes SET attention = true WHERE id IN (SELECT id FROM processes ORDER BY id LIMIT %s)",
                (CLAIMED,),
            )
        for held in office.attention.claim(CLAIMED):
            office.attention.release(held)
        _rest(url)

    return {
        "look for due terms": partial(office.casework.cases_with_due_terms, 200),
        "look for messages": partial(office.deliveries.ask_attention, 8),
        "look at leases": look_at_leases,
        "look whether the front page changed": partial(state_of, office),
        "heads of the journal, nothing new": partial(keep_heads, office),
        f"claim {CLAIMED} processes and give them back": claim,
        "open a case, and an event in it": begin_case,
        "open the case database": lambda: open_office(settings).engine.connect().close(),
    }


def _rest(url: str) -> None:
    """Let nothing ask for attention."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE processes SET attention = false WHERE attention")


def _cost(url: str, work: Callable[[], object]) -> float:
    work()  # what is read once is read now
    servers = partial(backends, url)
    before, own, begin = {one.pid: cpu(one) for one in servers()}, cpu(Process()), time.perf_counter()
    for done in range(TIMES):  # noqa: B007
        work()
        if time.perf_counter() - begin > 60:
            break
    served = sum(cpu(one) - before.get(one.pid, 0) for one in servers())
    return (cpu(Process()) - own + served) / (done + 1) * 1000


if __name__ == "__main__":
    main()
