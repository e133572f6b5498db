"""milestones/ is pure: it imports nothing of ours outside it, and neither Prefect nor SQLModel."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "milestones").rglob("*.py"))
ALLOWED = set(sys.stdlib_module_names) | {"milestones"}
CLOCKS = {"now", "today", "utcnow", "open", "print", "input"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_the_standard_library_and_its_own_package(path: Path) -> None:
    """No file names a package outside milestones/ and the standard library, also not for types only."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        assert {name.split(".")[0] for name in names} <= ALLOWED


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_reads_no_clock_and_no_file(path: Path) -> None:
    """No file calls now(), today(), open() or print()."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            assert name not in CLOCKS, f"{path.name}:{node.lineno}"


def test_importing_it_all_loads_nothing_else() -> None:
    """A fresh interpreter that imports it all has not loaded Prefect, SQLModel or another part of ours."""
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES]
    modules = [name.removesuffix(".__init__") for name in modules]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "bad = {'prefect', 'sqlmodel', 'sqlalchemy', 'pydantic', 'adapters', 'flows', 'deployments'}\n"
        "print(sorted(bad & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
