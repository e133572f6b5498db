"""Every benchmark in one command, with one table of results.

    python tests/benchmarks/all.py [name ...] [--to results]

Names: accepted, api, deliveries, messages, wakeups, postgres, latency, flood, idle, open, long, startup, national,
policy, door, pages. Each runs alone, one after the other; together they take about half an hour. The table is written
as Markdown and as JSON. What was measured in one run on one machine can be compared; figures of different machines
cannot.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import REPOSITORY, RESULTS, Line, machine, markdown
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

HERE = Path(__file__).parent
LONGEST_SECONDS = 900.0
BENCHMARKS: dict[str, tuple[str, ...]] = {
    "accepted": ("accepted.py",),
    "api": ("api_latency.py",),
    "deliveries": ("deliveries.py", "5000"),
    "messages": ("messages.py",),
    "wakeups": ("wakeups.py",),
    "postgres": ("wakeups.py", "--postgres", "--concurrency", "4"),
    "latency": ("latency.py",),
    "flood": ("flood.py",),
    "idle": ("idle.py",),
    "open": ("many_open.py",),
    "long": ("long_case.py",),
    "startup": ("startup.py",),
    "national": ("national.py",),
    "policy": ("policy_effect.py",),
    "door": ("door.py",),
    "pages": ("page_speed.py",),
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
            began = time.monotonic()
            trouble = run(name, collected)
            if trouble:
                failed.append(name)
            # A line for each as well: where nobody looks at a terminal the bar is not drawn.
            took = f"{time.strftime('%H:%M:%S')} {name} {'failed' if trouble else 'done'}"
            out.print(
                f"{took} after {time.monotonic() - began:.0f} s", trouble or "", markup=False, highlight=False
            )
            progress.advance(work)
            lines = write(collected, failed, arguments.to)
    collected.unlink()
    print(arguments.to.with_suffix(".md").read_text(encoding="utf-8"))
    print(f"Also in {arguments.to}.md and {arguments.to}.json")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return int(bool(failed) or any(line.met is False for line in lines))


def write(collected: Path, failed: list[str], to: Path) -> list[Line]:
    """Write what there is so far, so that a run that is broken off keeps it."""
    lines = [Line(**json.loads(line)) for line in collected.read_text(encoding="utf-8").splitlines()]
    table = f"Measured on {machine()}, {time.strftime('%Y-%m-%d')}.\n\n{markdown(lines)}"
    to.with_suffix(".md").write_text(table + "\n", encoding="utf-8")
    content = {"machine": machine(), "lines": [vars(line) for line in lines], "failed": failed}
    to.with_suffix(".json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return lines


def run(name: str, collected: Path) -> str:
    """Run one benchmark; give the end of what it printed when it failed, and nothing when all went well."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, HERE / BENCHMARKS[name][0], *BENCHMARKS[name][1:]],
            env=os.environ | {RESULTS: str(collected), "PYTHONPATH": str(REPOSITORY)},
            cwd=REPOSITORY,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all that it started ends with it
        )
        try:
            code: int | None = process.wait(LONGEST_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            code = None
        output.seek(0)
        if code == 0:
            return ""
        what = f"it took more than {LONGEST_SECONDS:.0f} s" if code is None else ""
        return f"{what}\n{output.read()[-3000:]}"


if __name__ == "__main__":
    sys.exit(main())
