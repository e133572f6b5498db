"""The wheel has what runs and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_COMMANDS = """
import sys
import deployments
from deployments import cli
print(deployments.__file__)
for words in (["--help"], ["simuleer", sys.argv[1]], ["definitie", "M3"], ["termijn", "T01", "--vanaf", "2026-03-09"]):
    code = cli.run(words)
    if code:
        sys.exit(f"{words}: {code}")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the builder that pip uses."""
    folder = tmp_path_factory.mktemp("wheel")
    builder = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(builder, cwd=ROOT, check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the wheel into a folder of its own."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_has_no_pictures_pages_or_deployment_files(wheel: Path) -> None:
    """Beside Python it has texts, pages, tables and sample cases; each package says that it is typed."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name for name in names if name.endswith("py.typed")} == {
        f"{package}/py.typed" for package in ("milestones", "adapters", "flows", "deployments")
    }
    for name in names:
        assert not re.search(
            r"\.(png|md|ya?ml|service|timer|target|sql|env|sh)$|Dockerfile|compose|voorbeeld|^tests/|^docs/",
            name,
        )


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    """Its page of the subject, its licence, that it is typed, and for whom it is."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith("/METADATA"))
        about = message_from_bytes(archive.read(name))
    assert any("https://" in str(url) for url in about.get_all("Project-URL", []))
    assert about["License-Expression"] == "EUPL-1.2"
    assert {"Typing :: Typed", "Natural Language :: Dutch"} <= set(about.get_all("Classifier", []))
    assert about["Requires-Python"]


def test_the_wheel_runs_by_itself(unpacked: Path, tmp_path: Path) -> None:
    """Help, a simulation, a definition and a term come from the unpacked wheel, outside the repository."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ROUTEKAART_")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _COMMANDS, str(ROOT / "tests/cases/A.json")],
        cwd=tmp_path,
        env=clean | {"PYTHONPATH": str(unpacked), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(str(unpacked))


def test_the_groups_of_a_developer_are_the_extras() -> None:
    """Each dependency group is the extra of its name, so that a list stands in one place."""
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = package["project"]["optional-dependencies"]
    for name, items in package["dependency-groups"].items():
        for item in items:
            assert item == f"routekaart[{name}]" if isinstance(item, str) else item["include-group"] in extras
