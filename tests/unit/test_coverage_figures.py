"""The step of CI that measures which branches the tests run says so when the README tells something else."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def _step() -> Any:
    spec = spec_from_loader(
        "coverage_step", SourceFileLoader("coverage_step", str(ROOT / ".ci" / "coverage"))
    )
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


STEP = _step()
MEASURED = dict.fromkeys(STEP.LEAST, 96.0)


def _readme(figures: dict[str, float]) -> str:
    return f"x\n<!-- coverage -->\n{STEP.sentence(figures)}\n<!-- end -->\n"


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({}, []),
        ({"flows": 97.9}, []),
        ({"flows": 98.2}, ["flows: 98.2% of the branches is run, and the README says 96.0%"]),
        ({"flows": 1.0}, ["flows: 1.0% of the branches is run, and at least", "flows: 1.0%"]),
    ],
)
def test_a_figure_that_is_off_is_named(now: dict[str, float], told: list[str]) -> None:
    """Two points are let pass, more is not; a floor below its least is named as well."""
    found = list(STEP.problems(MEASURED | now, _readme(MEASURED)))
    assert [said[: len(begin)] for said, begin in zip(found, told, strict=True)] == told


def test_the_readme_has_a_place_for_the_figures() -> None:
    """Without it nothing would be compared."""
    assert STEP.SHOWN.search((ROOT / "README.md").read_text(encoding="utf-8"))


def test_a_branch_that_no_test_runs_is_named() -> None:
    """The page names the function, and how many of its branches were not taken; what is whole is not there."""
    half = {"summary": {"covered_branches": 1, "num_branches": 2, "missing_branches": 1}}
    whole = {"summary": {"covered_branches": 2, "num_branches": 2, "missing_branches": 0}}
    answer = {
        "files": {
            f"{floor}/a.py": {
                "summary": {"covered_branches": 3, "num_branches": 4},
                "functions": {"f": half, "g": whole},
            }
            for floor in STEP.LEAST
        }
    }
    measured = STEP.figures(answer)
    assert measured == dict.fromkeys(STEP.LEAST, 75.0)
    assert STEP.page(answer, measured).count("- `a.py`: f 1\n") == len(STEP.LEAST)
