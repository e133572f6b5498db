"""`routekaart demo`: sample cases that walk the route on an accelerated clock, apart from the real cases.

The samples are case files as in contract 2. A thread reports each step when the demo's clock reaches its date.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

from rich.console import Console

from adapters.office import Office, open_office, set_clock
from adapters.runtime.case_file import read_case_file
from adapters.runtime.clock import AMSTERDAM, AcceleratedClock
from adapters.runtime.settings import Settings, SettingsError, settings
from deployments.start import start_all
from milestones.process import NotPossible

if TYPE_CHECKING:
    from pathlib import Path

    from milestones.simulation import CaseFile, CaseStep

DEMO_MUNICIPALITY = "0518"
_SECONDS_IN_A_DAY = 86_400
_AHEAD = timedelta(days=1)

_out = Console(highlight=False, soft_wrap=True)


def demo(days_per_second: float) -> int:
    """Start everything in a demo folder of its own, with a fast clock and sample cases, until Ctrl-C."""
    if not 0 < days_per_second <= 100:  # noqa: PLR2004 - faster shows nothing any more
        raise SettingsError("De klok van de demo loopt tussen 0 en 100 dagen per seconde.")
    home = _fresh_home(settings().home_folder / "demo")
    os.environ["ROUTEKAART_HOME"] = str(home)
    os.environ.pop("ROUTEKAART_DATABASE_URL", None)
    chosen = Settings()
    samples = _samples()
    first = min(step.day for sample in samples for step in sample.steps)
    office = open_office(chosen)
    begin = datetime.combine(first - _AHEAD, datetime.min.time(), AMSTERDAM)
    set_clock(office.engine, AcceleratedClock(begin, datetime.now(UTC), speed=0))
    office = open_office(chosen)

    def on_ready() -> None:
        # The clock stands still until there is something to see.
        set_clock(
            office.engine, AcceleratedClock(begin, datetime.now(UTC), days_per_second * _SECONDS_IN_A_DAY)
        )
        _out.print(f"De klok van de demo loopt {days_per_second:g} dag(en) per seconde.", markup=False)
        _out.print(f"In de terminal: ROUTEKAART_HOME={home} routekaart zaak {samples[0].name}", markup=False)
        threading.Thread(target=_play, args=(office, samples), daemon=True).start()

    return start_all(chosen, on_ready)


def _fresh_home(home: Path) -> Path:
    """Begin each demo with an empty folder."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, mode=0o700)
    return home


def _samples() -> list[CaseFile]:
    folder = files("deployments") / "demo_cases"
    return [
        read_case_file(json.loads(item.read_text(encoding="utf-8")))
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".json")
    ]


def _play(office: Office, samples: list[CaseFile]) -> None:
    """Report every step of every sample on its date, in the order of the dates."""
    steps = [
        (step.day, index, number, step)
        for index, sample in enumerate(samples)
        for number, step in enumerate(sample.steps)
        if not step.only_waits
    ]
    for day, index, _, step in sorted(steps, key=lambda item: item[:3]):
        while office.clock.today() < day:
            time.sleep(0.05)
        _report(office, str(samples[index].name), step)


def _report(office: Office, reference: str, step: CaseStep) -> None:
    try:
        if step.event is None:
            office.casework.open(
                str(step.process),
                municipality=DEMO_MUNICIPALITY,
                reference=reference,
                on=step.day,
                data=step.data,
            )
        else:
            office.casework.report(reference, step.event, process=step.process, on=step.day, data=step.data)
    except NotPossible as refusal:
        _out.print(f"Demo, zaak {reference}, {step.day}: {refusal.reason}", markup=False)
