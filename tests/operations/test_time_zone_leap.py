"""Data of time zones that change afterwards: what was written before reads as it did."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import TZPATH

import pytest

from adapters.cases.casework import Casework
from adapters.office import open_office
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.runtime.settings import Settings
from milestones.process import NotPossible

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases"
# What `controleer` reads of the journals, without Prefect.
BROKEN = """
import json
from adapters.office import office
from adapters.operations.integrity import broken_journals
print(json.dumps([*broken_journals(office())]))
"""
ZONES = {"no summer time": "Africa/Tunis", "always summer time": "Africa/Tripoli"}


def _walk(casework: Casework, clock: SetClock, name: str, at: time) -> None:
    """Walk a case file, each step at this hour of its day."""
    reference = f"{name}-{at.hour}"
    for step in json.loads((CASES / f"{name}.json").read_text())["stappen"]:
        day = date.fromisoformat(step.get("op", step.get("tot"))[:10])
        clock.moment = datetime.combine(day, at, AMSTERDAM)
        if step.get("open"):
            casework.open(step["mijlpaal"], municipality="0518", reference=reference, on=day)
            continue
        while casework.fire_due(reference):
            pass
        if "tot" not in step:
            casework.report(
                reference,
                step["gebeurtenis"],
                process=step.get("mijlpaal"),
                on=day,
                data=step.get("gegevens", {}),
            )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with cases of which every step was written within an hour of midnight."""
    made, clock = tmp_path_factory.mktemp("zone") / "home", SetClock(datetime(2026, 1, 5, tzinfo=AMSTERDAM))
    office = open_office(Settings(home=made), clock)
    for name in ("overlijden", "terugval-twee-keer", "D-zonder-aflossing"):
        for at in (time(0, 20), time(23, 40)):
            try:
                _walk(office.casework, clock, name, at)
            except NotPossible:
                continue  # what comes before it was written
    office.engine.dispose()
    return made


@pytest.mark.parametrize("zone", ZONES)
def test_a_leap_of_the_time_zones_breaks_no_journal(home: Path, tmp_path: Path, zone: str) -> None:
    """Read with data that have another summer time, every journal still leads to its case: its rows keep their day."""
    source = next(
        (Path(place) / ZONES[zone] for place in TZPATH if (Path(place) / ZONES[zone]).exists()), None
    )
    if source is None:
        pytest.skip("no data of time zones on this machine")
    (tmp_path / "Europe").mkdir()
    shutil.copy(source, tmp_path / "Europe" / "Amsterdam")
    leaped = os.environ | {"ROUTEKAART_HOME": str(home), "PYTHONTZPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", BROKEN], env=leaped, cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == []
