"""The seam to Prefect and SQLAlchemy: nothing outside leans on what is not promised, and the seam checks itself."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from adapters.runtime.settings import SettingsError
from flows.prefect_seam import leaned_on
from flows.prefect_seam.leaned_on import SERVER_PARTS, WORKER_PARTS, Part, check_seam, part_problems

ROOT = Path(__file__).parents[2]
FLOORS = ("milestones", "adapters", "flows", "deployments")
SEAM = ROOT / "flows" / "prefect_seam"
NOT_PROMISED = re.compile(
    r"prefect\.(server|workers|utilities|flow_engine|task_engine|context|cli)\b|(prefect|sqlalchemy)(\.\w+)*\._\w+|sqlalchemy\.dialects\b"
)
ALLOWED = {
    # The command for Prefect's server starts Prefect's own application.
    "deployments/prefect_server.py": r"prefect\.(cli|server\.api\.server)\b",
    # `insert` of a dialect is documented, and the one way to say ON CONFLICT.
    "adapters/cases/looks.py": r"sqlalchemy\.dialects\.(postgresql|sqlite)$",
}
FILES = [path for floor in FLOORS for path in (ROOT / floor).rglob("*.py") if SEAM not in path.parents]


def imported(tree: ast.AST) -> list[str]:
    """Return the full names that a module imports."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{name.name}" for name in node.names]
    return found


def _leans(name: str, text: str) -> list[str]:
    """Return what a file leans on that is not promised: an import, or a private name that the linter let pass."""
    allowed = re.compile(ALLOWED.get(name, r"(?!)"))
    found = [one for one in imported(ast.parse(text)) if NOT_PROMISED.match(one) and not allowed.match(one)]
    return [f"{name}: {one}" for one in found] + [f"{name}: a private name"] * ("SLF001" in text)


def test_only_the_seam_leans_on_what_is_not_promised() -> None:
    """No other file imports a part of Prefect or SQLAlchemy that is not public, or touches a private name."""
    assert len(FILES) > 150
    wrong = [_leans(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in FILES]
    assert [one for found in wrong for one in found] == []


@pytest.mark.parametrize(
    "line",
    [
        "from prefect.workers.base import BaseWorker",
        "def late():\n    import prefect.server.models",
        "from prefect._internal import concurrency",
        "from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_cursor",
        "run._state = 1  # noqa: SLF001",
    ],
)
def test_who_leans_outside_the_seam_is_found(line: str) -> None:
    """Whatever is not public is named, also where it is imported late."""
    assert len(_leans("flows/new.py", line)) == 1


# pydantic pins exactly one version of its core.
COMES_ALONG = {"pydantic-core": "pydantic"}
# Their versions are a date, or follow OpenSSL: newer is only fresher or safer.
NO_UPPER_BOUND = {"certifi", "cryptography"}


def test_every_library_that_is_imported_has_a_bound() -> None:
    """What a plain installation gets is within what was tried, also of a library that another one brings along."""
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = {canonicalize_name(one.name): one.specifier for one in map(Requirement, package["dependencies"])}
    for name, specifier in bounds.items():
        operators = {one.operator for one in specifier}
        assert operators == ({">="} if name in NO_UPPER_BOUND else {">=", "<"}), name
    ours = {*FLOORS, *sys.stdlib_module_names}
    modules = {
        one.partition(".")[0]
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
        for one in imported(ast.parse(path.read_text(encoding="utf-8")))
    } - ours
    assert len(modules) > 25
    made_by = packages_distributions()
    for module in modules:
        names = {canonicalize_name(name) for name in made_by[module]}
        assert names & bounds.keys() or {COMES_ALONG.get(name) for name in names} & bounds.keys(), module


def test_each_file_of_the_seam_opens_with_what_it_leans_on() -> None:
    """A reader of a file in the seam sees first what it leans on and since which version."""
    files = [path for path in SEAM.glob("*.py") if path.name not in ("__init__.py", "leaned_on.py")]
    assert len(files) >= 6
    for path in files:
        opening = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()[0]
        assert re.match(r"Leans on \(.*\d\.\d+", opening), path.name


def test_what_is_installed_is_what_the_seam_leans_on() -> None:
    """Every part is there, with the parameters that are used, in the versions that are promised."""
    check_seam(WORKER_PARTS + SERVER_PARTS)


@pytest.mark.parametrize(
    "part",
    [
        Part("prefect.flow_engine:run_flows", (), "kan er niets"),
        Part("prefect.flow_engine_of_old:run_flow", (), "kan er niets"),
        Part("prefect.flow_engine:run_flow", ("flow", "parameters"), "kan er niets"),
        Part("prefect.workers.base:BaseWorker.__init__", (), "kan er niets", ("_work_pool_of_old",)),
        Part("prefect.server.database.orm_models:Log.flow_run_of_old", (), "kan er niets"),
    ],
)
def test_a_part_that_changed_is_one_sentence(part: Part) -> None:
    """A part that is gone or has other parameters is named, with what breaks."""
    (sentence,) = part_problems((part,))
    assert sentence.startswith("prefect ")
    assert sentence.endswith("Daardoor kan er niets.")
    with pytest.raises(SettingsError, match="Daardoor kan er niets"):
        check_seam((part,))


def test_a_version_that_nobody_tried_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library outside the bounds of the package is refused, with the bounds."""
    monkeypatch.setattr(leaned_on, "version", lambda name: "3.10.0" if name == "prefect" else "0.0")
    with pytest.raises(SettingsError, match=r"prefect 3\.10\.0 is niet beproefd\. Installeer prefect<3\.10"):
        check_seam(())
