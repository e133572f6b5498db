"""Every benchmark in one command, with one table of results.

    python tests/benchmarks/all.py [name ...] [--to results]

Names: accepted, wakeups, postgres, latency, flood, idle, startup, national. Each runs by itself, the one after the
other; together they take about half an hour. The table is written as Markdown and as JSON. What was measured in one
run on one machine can be compared; figures of different machines cannot.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import REPOSITORY, RESULTS, Line, machine, markdown
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

HERE = Path(__file__).parent
BENCHMARKS: dict[str, tuple[str, ...]] = {
    "accepted": ("accepted.py",),
    "wakeups": ("wakeups.py",),
    "postgres": ("wakeups.py", "--postgres", "--concurrency", "4"),
    "latency": ("latency.py",),
    "flood": ("flood.py",),
    "idle": ("idle.py",),
    "startup": ("startup.py",),
    "national": ("national.py",),
}


def main() -> int:
    """Run the benchmarks; give 1 when one of them failed or a figure is not as wanted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name")
    parser.add_argument("--to", type=Path, default=Path(tempfile.gettempdir()) / "routekaart-benchmarks")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    out = Console()
    collected = Path(tempfile.mkstemp(suffix=".jsonl")[1])
    failed: list[str] = []
    names = arguments.names or list(BENCHMARKS)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out) as progress:
        work = progress.add_task("", total=len(names))
        for name in names:
            progress.update(work, description=name)
            if not run(name, collected, out):
                failed.append(name)
            progress.advance(work)
    lines = [Line(**json.loads(line)) for line in collected.read_text(encoding="utf-8").splitlines()]
    collected.unlink()
    table = f"Measured on {machine()}, {time.strftime('%Y-%m-%d')}.\n\n{markdown(lines)}"
    print(table)
    arguments.to.with_suffix(".md").write_text(table + "\n", encoding="utf-8")
    content = {"machine": machine(), "lines": [vars(line) for line in lines], "failed": failed}
    arguments.to.with_suffix(".json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    print(f"\nAlso in {arguments.to}.md and {arguments.to}.json")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return int(bool(failed) or any(line.met is False for line in lines))


def run(name: str, collected: Path, out: Console) -> bool:
    """Run one benchmark; what it prints is shown when it fails."""
    done = subprocess.run(
        [sys.executable, HERE / BENCHMARKS[name][0], *BENCHMARKS[name][1:]],
        env=os.environ | {RESULTS: str(collected)},
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        out.print(f"{name} failed:", done.stdout[-3000:], markup=False)
    return not done.returncode


if __name__ == "__main__":
    sys.exit(main())
