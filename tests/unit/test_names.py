"""One meaning for each name: a class or function is called what no other one is called."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLOORS = ("milestones", "adapters", "flows", "deployments")
FILES = [path for floor in FLOORS for path in (ROOT / floor).rglob("*.py") if "versions" not in path.parts]
# A role that every module of a kind plays in the same way is one meaning.
ROLES = {"main", "register", "migrate"}


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Return the nodes of a file that carry a name, a docstring or an import from somewhere: no expressions."""
    found: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    for node in found:
        for part in ("body", "orelse", "handlers", "finalbody", "cases"):
            below = getattr(node, part, ())
            found += below if isinstance(below, list) else ()
    return found


@cache
def defined() -> dict[str, set[str]]:
    """Return each public class and function with the files that define it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in FILES:
        for node in nodes(path)[0].body:  # type: ignore[attr-defined]
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name].add(path.relative_to(ROOT).as_posix())
    return {name: places for name, places in found.items() if not name.startswith("_")}


def test_no_name_has_two_meanings() -> None:
    """A public class or function has a name of its own in the whole house."""
    found = defined()
    assert len(found) > 500
    double = {name: sorted(places) for name, places in found.items() if len(places) > 1 and name not in ROLES}
    assert double == {}, "one of them needs another name"


def test_no_file_name_stands_three_times() -> None:
    """Two files of one name may be a pair, such as a report and its command; three are a riddle."""
    names = Counter(path.name for path in FILES if not path.name.startswith("__"))
    assert [name for name, number in names.items() if number > 2] == []


def test_no_two_names_are_each_other_turned_around() -> None:
    """Of `version_of` and `of_version` nobody remembers which is which."""
    found = defined()
    assert [
        name for name in found if f"of_{name.removesuffix('_of')}" in found and name.endswith("_of")
    ] == []


def test_no_docstring_begins_with_give() -> None:
    """A function returns, hands or sets; what "gives" would mean, the reader has to find out."""
    described = (
        (path.name, getattr(node, "lineno", 1))
        for path in (*FILES, *(ROOT / "tests").rglob("*.py"))
        for node in nodes(path)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (ast.get_docstring(node) or "").startswith("Give")
    )
    assert list(described) == []


def test_no_two_test_files_have_one_name() -> None:
    """The runner collects neither of two files of one name in different folders."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, number in names.items() if number > 1] == []


def test_no_test_imports_from_another_test() -> None:
    """What tests share is a fixture, or lives in tests/support."""
    tests = list((ROOT / "tests").rglob("*.py"))
    imported = {
        f"{path.name} imports {node.module}"
        for path in tests
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").rpartition(".")[2].startswith(("test_", "conftest"))
    }
    assert len(tests) > 100
    assert imported == set()
