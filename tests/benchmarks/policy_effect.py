"""How long `routekaart beleid effect` takes over 20,000 cases on SQLite, with as many processes as there are cores.

    python tests/benchmarks/policy_effect.py [--cases 20000]

Some cases walk with our own code, up to the plan; the rest are copies of their rows. The change is the dearest one: a
number that every guard may read, so that each case runs twice from its first day. Beside it stands the time that one
process takes for each case.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from many_cases import copy_case  # noqa: E402
from measuring import Line, report  # noqa: E402
from support.sample_cases import fill  # noqa: E402

from adapters.office import Office  # noqa: E402
from adapters.oversight import effect as effects  # noqa: E402
from adapters.runtime.clock import AMSTERDAM, SetClock  # noqa: E402
from adapters.runtime.settings import Settings  # noqa: E402
from adapters.storage.database import create_engine, migrate  # noqa: E402
from milestones.policy import Policy, with_overrides  # noqa: E402

WALKED = 60
LIMIT_SECONDS = 60.0


def main() -> None:
    """Fill, count under both changes, and report."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--cases", type=int, default=20_000)
    number: int = arguments.parse_args().cases
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/zaken.db"
        engine = create_engine(url)
        migrate(engine)
        clock = SetClock(datetime(2026, 11, 20, 9, tzinfo=AMSTERDAM))
        office = Office(Settings(home=Path(folder), database_url=url), engine, clock)
        references = fill(office, WALKED)
        for place, reference in enumerate(references):
            copy_case(office, reference, number // WALKED - 1, prefix=f"K{place:02}")
        lines = []
        changes = {"a term": {"T03": {"weken": 4}}, "a number": {"niet_verschenen": 2}}
        for name, choices in changes.items():
            today = clock.today()
            change = effects.PolicyChange(
                "0518", today - effects.YEAR, today, Policy(), with_overrides(Policy(), choices)
            )
            began, cpu = time.monotonic(), _cpu()
            found = effects.effect_of(engine, office.settings.database, None, change)
            spent, worked = time.monotonic() - began, _cpu() - cpu
            alone = _one_process(office, change, references)
            lines.append(
                Line(
                    "policy effect", f"{found.cases} cases, {name} changes", spent, "s",
                    peer="one process", ratio=alone * found.cases / spent,
                    wanted=f"under {LIMIT_SECONDS:.0f} s", met=spent < LIMIT_SECONDS,
                )
            )  # fmt: skip
            # What it takes where nobody else works on the machine.
            lines.append(
                Line("policy effect", f"{name}: work of a case", 1000 * worked / found.cases, "ms of CPU")
            )
        report(lines)


def _cpu() -> float:
    """Return the CPU time of this process and of those that it started and that ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _one_process(office: Office, change: effects.PolicyChange, references: list[str]) -> float:
    """Return how many seconds one process takes for a case."""
    began = time.monotonic()
    effects.count_page(office.engine, change, references)
    return (time.monotonic() - began) / len(references)


if __name__ == "__main__":
    main()
