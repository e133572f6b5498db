"""One meaning for each name: what stands at the top of a file is called what nothing else is called."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FLOORS = ("milestones", "adapters", "flows", "deployments")
FILES = [path for floor in FLOORS for path in (ROOT / floor).rglob("*.py") if "versions" not in path.parts]
# A role that every module of a kind plays in the same way is one meaning.
ROLES = {"main", "register", "migrate", "log", "router"}
_BETWEEN = {"of", "in", "for", "to", "by", "as", "a", "the"}


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Return the nodes of a file that carry a name, a docstring or an import from somewhere: no expressions."""
    found: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    for node in found:
        for part in ("body", "orelse", "handlers", "finalbody", "cases"):
            below = getattr(node, part, ())
            found += below if isinstance(below, list) else ()
    return found


def _names(node: ast.AST) -> list[str]:
    """Return the names that a statement at the top of a file gives."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def defined(files: Iterable[Path]) -> dict[str, list[str]]:
    """Return each public name at the top of a file, with the files that have it."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in files:
        for name in dict.fromkeys(name for node in nodes(path)[0].body for name in _names(node)):  # type: ignore[attr-defined]
            if not name.startswith("_"):
                found[name].append(path.as_posix())
    return found


def double_names(files: Iterable[Path]) -> dict[str, list[str]]:
    """Return the names that stand in more than one file: classes, functions, constants and aliases."""
    return {name: at for name, at in defined(files).items() if len(at) > 1 and name not in ROLES}


def turned_around(names: Iterable[str]) -> set[tuple[str, ...]]:
    """Return the functions that have the same words in another order, and the pairs `x_of` and `of_x`."""
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in names:
        words = name.split("_")
        alike[tuple(sorted(words))].append(name)
        if name.islower() and len(short := sorted(set(words) - _BETWEEN)) > 1:
            alike["short", *short].append(name)
    return {tuple(sorted(same)) for same in alike.values() if len(same) > 1}


def test_no_name_has_two_meanings() -> None:
    """A public class, function, constant or alias has a name of its own in the whole house."""
    assert len(defined(FILES)) > 1_000
    assert double_names(FILES) == {}, "one of them needs another name, or is private to its file"


def test_a_name_that_stands_twice_is_found(tmp_path: Path) -> None:
    """Whatever it is: a class beside an alias, a constant beside a constant, a function beside a function."""
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("class Answer: ...\nBATCH = 1\nlog = 1\n_own = 1\ndef read_it(): ...\n")
    two.write_text("Answer = dict\nBATCH: int = 2\nlog = 2\n_own = 2\nasync def read_it(): ...\n")
    assert set(double_names([one, two])) == {"Answer", "BATCH", "read_it"}


def test_no_file_name_stands_three_times() -> None:
    """Two files of one name may be a pair, such as a report and its command; three are a riddle."""
    names = Counter(path.name for path in FILES if not path.name.startswith("__"))
    assert len(names) > 200
    assert [name for name, number in names.items() if number > 2] == []


def test_no_two_names_are_each_other_turned_around() -> None:
    """Of `version_of` and `of_version` nobody remembers which is which."""
    assert turned_around(defined(FILES)) == set()
    assert turned_around(
        ("version_of", "of_version", "case_of_person", "person_in_case", "Version", "of")
    ) == {
        ("of_version", "version_of"),
        ("case_of_person", "person_in_case"),
    }


def test_no_comment_begins_with_give() -> None:
    """A function returns, hands or sets; what "gives" would mean, the reader has to find out."""
    everywhere = [*FILES, *(ROOT / "tests").rglob("*.py"), ROOT / "noxfile.py"]
    assert len(everywhere) > 400
    assert [
        f"{path.relative_to(ROOT)}:{number}"
        for path in everywhere
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.match(r'\s*("""|#: ?|# )Gives?\b', line)
    ] == []


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
