"""How long it takes from an accepted event to the flow run that is parked again and shows it in Prefect.

    python tests/benchmarks/latency.py [--cases 40] [--seconds 15] [--rates 2,10]

Events come in at a fixed rate, each in another case. What counts is the time of the state in Prefect's own database.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

from measuring import Line, percentile, report
from whole import Whole, whole

WANTED_P95 = 2.0  # seconds, at two events a second: a person who looks has not gone on yet
EVENTS = ("aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt")


def main() -> None:
    """Measure at each rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rates", default="2,10")
    arguments = parser.parse_args()
    lines: list[Line] = []
    with whole() as stack, stack.worker():
        open_case = stack.office.casework.open
        references = [open_case("M3", municipality="0518").reference for _ in range(arguments.cases)]
        stack.until_shown()
        events = [(reference, event) for event in EVENTS for reference in references]
        for rate in map(float, arguments.rates.split(",")):
            number = min(int(rate * arguments.seconds), len(events))
            now, events = events[:number], events[number:]
            lines += measure(stack, now, rate)
    report(lines)


def measure(stack: Whole, events: list[tuple[str, str]], rate: float) -> list[Line]:
    """Report events at a rate, and give the times until they were shown."""
    accepted: list[tuple[str, datetime]] = []
    begin = time.perf_counter()
    for index, (reference, event) in enumerate(events):
        time.sleep(max(0.0, begin + index / rate - time.perf_counter()))
        stack.office.casework.report(reference, event)
        accepted.append((reference, datetime.now(UTC)))
    stack.until_shown()
    times = [shown_at(stack, reference, moment) for reference, moment in accepted]
    drained = time.perf_counter() - begin
    name = f"latency at {rate:g}/s"
    low = rate <= 2
    p95 = percentile(times, 0.95)
    return [
        Line(name, f"p50 of {len(times)} events", percentile(times, 0.5), "s"),
        Line(
            name,
            f"p95; all shown after {drained:.0f} s",
            p95,
            "s",
            wanted=f"under {WANTED_P95:g} s" if low else "",
            met=p95 < WANTED_P95 if low else None,
        ),
    ]


def shown_at(stack: Whole, reference: str, accepted: datetime) -> float:
    """Return the seconds from an event to the first pause after it."""
    run = stack.office.casework.case(reference).rows["M3"].flow_run_id
    states = stack.prefect("GET", f"/flow_run_states/?flow_run_id={run}")
    pauses = [datetime.fromisoformat(state["timestamp"]) for state in states if state["type"] == "PAUSED"]
    return (min(pause for pause in pauses if pause > accepted) - accepted).total_seconds()


if __name__ == "__main__":
    main()
