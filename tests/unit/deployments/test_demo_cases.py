"""The sample cases of the demo."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import pytest

from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.case_file import read_case_file
from milestones.simulation import simulate

CASES = sorted((files("deployments") / "demo_cases").iterdir(), key=lambda item: item.name)


def _run(case: Traversable) -> Any:
    return simulate(read_case_file(json.loads(case.read_text(encoding="utf-8"))), dutch_calendar())


@pytest.mark.parametrize("case", CASES, ids=lambda item: item.name)
def test_a_sample_case_walks_without_a_refusal(case) -> None:  # noqa: ANN001
    """Every step of a sample is possible on its date."""
    result = _run(case)
    assert result["geweigerd"] == []


def test_one_sample_walks_the_whole_route() -> None:
    """One sample goes from M3 to nazorg."""
    case = next(item for item in CASES if "hele_route" in item.name)
    result = _run(case)
    assert set(result["toestanden"]) == {"M3", "M4", "M6", "M7", "M8", "BEGELEIDING"}


def test_the_samples_show_every_mijlpaal_of_the_route() -> None:
    """Somebody who looks at the demo meets M1 to M8 and the Wsnp."""
    seen = {
        process.partition("#")[0]
        for case in CASES
        for process in simulate(
            read_case_file(json.loads(case.read_text(encoding="utf-8"))), dutch_calendar()
        )["toestanden"]
    }
    assert seen >= {*(f"M{number}" for number in range(1, 9)), "WSNP"}
