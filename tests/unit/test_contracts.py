"""The import contracts of pyproject.toml break when somebody breaks them: on a small house with the same floors."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
FLOORS = [name for layer in CONTRACTS["contracts"][1]["layers"] for name in layer.split(" | ")]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
HOUSE, STOREYS, CIRCLES = "The house", "The floors", "No circle"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return a house of empty rooms with our contracts: each has two files."""
    for package in (*CONTRACTS["root_packages"], *(f"adapters/{floor}" for floor in FLOORS)):
        (tmp_path / package).mkdir(parents=True, exist_ok=True)
        for name in ("__init__",) if package == "adapters" else ("__init__", "one", "two"):
            (tmp_path / package / f"{name}.py").touch()
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(text[text.index("[tool.importlinter]") :], encoding="utf-8")
    return tmp_path


def _broken(house: Path) -> set[str]:
    """Return the contracts that are broken, by their first words; the runner fails when there is one."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"], cwd=house, capture_output=True, text=True, check=False
    )
    lines = re.findall(r"^(.+) (KEPT|BROKEN)$", done.stdout, re.MULTILINE)
    assert len(lines) == len(CONTRACTS["contracts"]), done.stdout + done.stderr
    broken = {" ".join(re.split(r"[ :]", name)[:2]) for name, state in lines if state == "BROKEN"}
    assert done.returncode == int(bool(broken))
    return broken


def test_a_house_that_obeys_passes(house: Path) -> None:
    """Each floor may use what is below it."""
    (house / "deployments/one.py").write_text("import flows.one\nimport milestones.one\n")
    (house / "adapters/api/one.py").write_text("import adapters.cases.one\nimport adapters.runtime.one\n")
    assert _broken(house) == set()


@pytest.mark.parametrize(
    ("wrong", "broken"),
    [
        ({"milestones/one.py": "import adapters.cases.one"}, {HOUSE}),
        ({"flows/one.py": "import deployments.one"}, {HOUSE}),
        ({"adapters/cases/one.py": "import adapters.messages.one"}, {STOREYS}),
        ({"adapters/cases/one.py": "def late():\n    import adapters.office.one"}, {STOREYS}),
        ({"adapters/messages/one.py": "import adapters.oversight.one"}, {STOREYS}),
        ({"flows/one.py": "import flows.two", "flows/two.py": "import flows.one"}, {CIRCLES}),
        (
            {f"adapters/cases/{at}.py": f"import adapters.cases.{to}" for at, to in (("one", "two"), ("two", "one"))},
            {CIRCLES},
        ),
        ({"adapters/attic/__init__.py": ""}, {STOREYS}),
    ],
    ids=["up a floor", "up in the house", "above cases", "late", "beside", "circle", "circle inside", "no floor"],
)  # fmt: skip
def test_a_house_that_disobeys_is_named(house: Path, wrong: dict[str, str], broken: set[str]) -> None:
    """An import upwards, sideways or in a circle, also one that waits, and a folder that is on no floor."""
    for name, text in wrong.items():
        (house / name).parent.mkdir(exist_ok=True)
        (house / name).write_text(text)
    assert _broken(house) == broken
