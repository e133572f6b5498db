"""What an event costs in a case with a longer and longer past, on PostgreSQL.

    python tests/benchmarks/long_case.py [--ended 30,210,2000]

Each event ends a term and starts the next. CPU counts, of this process and of the backends of PostgreSQL: of the event,
of the same with an answer in which all terms stand, as the API gives it, and of reading the case whole.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from accepted import backends, cpu
from measuring import Line, home_with_keys, postgres_database, report
from psutil import Process

from adapters.cases.casework import EventReport
from adapters.office import open_office
from adapters.runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 30
MOST_GROWTH = 1.3


def main() -> None:
    """Let the case grow, and measure at each length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ended", default="30,210,2000")
    lines: list[Line] = []
    first: dict[str, float] = {}
    with postgres_database() as url:
        office = open_office(Settings(home=home_with_keys(), database_url=url))
        work, today = office.casework, office.clock.today()
        reference = work.open("M2", municipality="0518").reference
        work.report(reference, "gematcht", data={"signaaldatum": today})

        def happen(*, whole: bool) -> None:
            data = {"oudste_signaaldatum": today}
            given = EventReport(reference=reference, event="signaal_gecorrigeerd", data=data, whole=whole)
            work.report_one(given)

        for ended in map(int, parser.parse_args().ended.split(",")):
            for _ in range(ended - len(work.case(reference).case.process("M2").terms)):
                happen(whole=False)
            for what, one, flat in (
                ("an event", partial(happen, whole=False), True),
                ("an event with all terms in its answer", partial(happen, whole=True), False),
                ("the whole case, read to be shown", partial(work.case, reference), False),
            ):
                figure = _cost(url, one)
                ratio = figure / first.setdefault(what, figure)
                met = ratio < MOST_GROWTH if flat else None
                wanted = f"at most {MOST_GROWTH} times" if flat else ""
                said = f"{what}, after {ended:,} terms that ended"
                lines.append(
                    Line("long case", said, figure, "ms of CPU", "that of the first", ratio, wanted, met)
                )
        office.engine.dispose()
    report(lines)


def _cost(url: str, work: Callable[[], object]) -> float:
    servers = partial(backends, url)
    before, own = {one.pid: cpu(one) for one in servers()}, cpu(Process())
    for _ in range(TIMES):
        work()
    served = sum(cpu(one) - before.get(one.pid, 0) for one in servers())
    return (cpu(Process()) - own + served) / TIMES * 1000


if __name__ == "__main__":
    main()
