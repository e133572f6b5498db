"""Change the code in one small way at a time, and say which changes no test notices that needs no Prefect server.

    python -m tests.mutate_code FLOOR[,FLOOR...] [NUMBER [SEED]]

FLOOR is one of `FLOORS`, or one of its files; of the changes of each NUMBER are drawn (60). A change is tried in a
copy of this process that has all tests collected, on the tests that ran the changed function, the quick ones first,
for MOST_SECONDS, and for a database on SQLite. What stands outside functions is not changed: definitions have
`tests/mutate_definitions.py`. In `EQUAL` stand the changes that change nothing, with why. PYTEST_ADDOPTS can narrow the
tests.

A function of `milestones` that runs when its file is imported makes a definition or a table: a change of one is tried
in a new process, on the tests in `IMPORTED`.
"""

from __future__ import annotations

import ast
import builtins
import copy
import gc
import os
import random
import resource
import subprocess
import sys
import time
from collections import defaultdict
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import accumulate, islice
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.machinery import ModuleSpec
    from types import ModuleType

ROOT = Path(__file__).parents[1]
# The tests of exchange that run what is in it; others start clients of the API that others made.
_EXCHANGE = (
    "answers", "api_access", "api_idempotency", "approved_delivery", "case_references", "case_system",
    "cloudevent_libraries", "ddas", "ddas_pull", "exchange_rules", "export", "history", "incoming_table",
    "integration_commands", "marked_references", "messages", "open_notificaties", "other_programs",
    "signal_status", "signals", "standard_webhooks", "subscriptions", "told_by_right", "webhook_addresses",
    "webhooks",
)  # fmt: skip
# The tests of exchange whose doors open cases and report events.
_CASES = (
    "api_cases", "api_reports", "case_references", "history", "marked_references", "signals", "told_by_right",
)  # fmt: skip
# A floor, its folder or file, the tests that show what it does, and the share that has to be noticed.
FLOORS: Mapping[str, tuple[str, tuple[str, ...], int]] = {
    "milestones": ("milestones", ("tests/unit", "tests/property"), 95),
    "cases": (
        "adapters/cases",
        (
            "tests/integration/cases",
            "tests/integration/api",
            "tests/integration/oversight",
            *(f"tests/exchange/test_{name}.py" for name in _CASES),
        ),
        90,
    ),
    "messages": (
        "adapters/messages",
        (
            "tests/unit/messages",
            "tests/property/test_message_properties.py",
            "tests/integration/messages",
            "tests/integration/api/test_handoff_page.py",
            "tests/integration/api/test_resident_page.py",
            "tests/exchange/test_operator_texts.py",
        ),
        90,
    ),
    "exchange": ("adapters/exchange", tuple(f"tests/exchange/test_{name}.py" for name in _EXCHANGE), 90),
    "oversight": (
        "adapters/oversight",
        ("tests/unit/oversight", "tests/property/test_monitor_recount.py", "tests/integration/oversight"),
        90,
    ),
    "flows": ("flows", ("tests/unit/flows", "tests/integration/flows", "tests/durability"), 85),
}
IMPORTED = ("tests/property/test_rows.py", "tests/property/test_definitions.py", "tests/unit/milestones")
MOST_SECONDS = 60  # of tests, the quick ones first, for one change
SLOW = "not prefect and not browser and not long"
# A change, and why the code is the same with it.
EQUAL: Mapping[str, str] = {
    "adapters/oversight/charts.py bars: 1 -> 2": "where nothing is counted no bar has a length",
}
_SWAPPED: Mapping[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip


def changed(node: ast.AST) -> Iterator[ast.AST | None]:
    """Yield each way in which a part of the code can become another; None leaves it out."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _SWAPPED:
            yield _with(node, "ops", [_SWAPPED[type(op)]()])
        case ast.BoolOp() | ast.BinOp() if type(node.op) in _SWAPPED:
            yield _with(node, "op", _SWAPPED[type(node.op)]())
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool() | int()):
            yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value + 1)
        case ast.If() | ast.While() | ast.IfExp() if not isinstance(node.test, ast.Compare | ast.UnaryOp):
            yield _with(node, "test", ast.UnaryOp(ast.Not(), node.test))
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Raise():
            yield None
        case ast.Call() | ast.Tuple(ctx=ast.Load()) | ast.List(ctx=ast.Load()):
            field = "keywords" if isinstance(node, ast.Call) else "elts"
            parts = getattr(node, field)
            for one in parts:
                yield _with(node, field, [other for other in parts if other is not one])


def _with(node: ast.AST, field: str, value: object) -> ast.AST:
    """Return a part of the code with another value in one field."""
    other = copy.copy(node)
    setattr(other, field, value)
    return other


def mutants(path: Path) -> Iterator[tuple[str, int, ast.Module]]:
    """Yield each change of a file: what it is, the line, and the file, which is changed until the next."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for holder, field, place, name in _places(tree, ""):
        value = getattr(holder, field)
        node = value if place is None else value[place]
        for other in changed(node):
            new: Any = ast.Pass() if other is None else other
            ast.copy_location(new, node)
            now = new if place is None else [*value[:place], new, *value[place + 1 :]]
            setattr(holder, field, now)
            ast.fix_missing_locations(tree)
            said = f"{name}: {ast.unparse(node)[:90]} -> {ast.unparse(new)[:90]}".replace("\n", " ")
            yield said, node.lineno, tree
            setattr(holder, field, value)


def _places(node: ast.AST, name: str) -> Iterator[tuple[ast.AST, str, int | None, str]]:
    """Yield where a part of a function stands; names, defaults, decorators, annotations and errors' words stay."""
    inside = name and not name.endswith("/")
    for field, value in ast.iter_fields(node):
        if field in {"args", "decorator_list", "returns", "annotation", "exc"} and not isinstance(
            node, ast.Call
        ):
            continue
        for place, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                continue
            below = name
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                below = f"{name.rstrip('/')}.{child.name}".lstrip(".")
            elif isinstance(child, ast.ClassDef):
                below = f"{name.rstrip('/')}.{child.name}/".lstrip(".")
            elif inside:
                yield node, field, place, name
            yield from _places(child, below)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _codes(one)


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def put_in(module: CodeType) -> None:
    """Set in every function of a file the code that it has in the changed file."""
    new = {_key(code): code for code in _codes(module)}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and (code := new.get(_key(one.__code__))):
            if len(code.co_freevars) == len(one.__code__.co_freevars):
                one.__code__ = code
        elif type(one).__name__ == "_lru_cache_wrapper":
            one.cache_clear()


_ran: set[tuple[str, str, int]] = set()


def _modules(shares: Mapping[str, int]) -> tuple[str, ...]:
    """Return how the names of the modules of floors or files begin."""
    return tuple(where.removesuffix(".py").replace("/", ".") for where in shares)


class Noting(MetaPathFinder):
    """Lets each function of a floor note that it ran, from when its file is imported."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self.modules = modules
        setattr(builtins, "_ran", _ran)  # noqa: B010 - mypy knows the builtins

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find a file of the floor."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname.startswith(self.modules) else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _NotingLoader(fullname, spec.loader.path)
        return spec


class _NotingLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        del fullname
        tree = ast.parse(self.get_data(self.path))
        self._note(tree, "")
        return compile(tree, self.path, "exec")

    def _note(self, node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            below = name
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
                key = (self.path, f"{name}{child.name}", first)
                child.body.insert(
                    ast.get_docstring(child) is not None, ast.parse(f"_ran.add({key!r})").body[0]
                )
                below = f"{name}{child.name}.<locals>."
            elif isinstance(child, ast.ClassDef):
                below = f"{name}{child.name}."
            self._note(child, below)


class Mutating:
    """The part of pytest that tries the changes once all tests are collected."""

    def __init__(self, shares: Mapping[str, int], number: int, seed: int) -> None:
        self.shares, self.number, self.seed = shares, number, seed
        self.ran: defaultdict[tuple[str, str, int], list[pytest.Item]] = defaultdict(list)
        self.took: dict[pytest.Item, float] = {}
        self.failed, self.why = False, ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note whether a test failed, and of the first why."""
        if report.failed and not self.failed:
            self.failed, self.why = True, report.longreprtext

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all tests once to see what each runs, then each change."""
        items = [item for item in session.items if "postgresql" not in item.nodeid]
        found = [one for one in gc.get_objects() if type(one).__name__ == "_lru_cache_wrapper"]
        kept = [one for one in found if one.__module__.startswith(_modules(self.shares))]
        for item in items:  # each makes its own fixtures and knows nothing yet, so that what it runs is seen
            for one in kept:
                one.cache_clear()
            _ran.clear()
            self.failed = False
            began = time.monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=_Nothing(session))
            self.took[item] = time.monotonic() - began
            if self.failed:
                print(f"\nfails without a change, and counts for none: {item.nodeid}\n{self.why}", flush=True)
                continue
            for key in _ran:
                self.ran[key].append(item)
        session.testsfailed = sum(not self._judge(session, *item) for item in self.shares.items())
        return True

    def _judge(self, session: pytest.Session, where: str, share: int) -> bool:
        """Try changes of one floor or file; tell whether enough of them were noticed."""
        place = ROOT / where
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        every = [
            (path, number)
            for path in files
            for number, (said, *_) in enumerate(mutants(path))
            if f"{path.relative_to(ROOT)} {said}" not in EQUAL
        ]
        drawn = random.Random(self.seed)  # noqa: S311 - a sample
        chosen = drawn.sample(every, min(self.number, len(every)))
        noticed = 0
        for tried, (path, number) in enumerate(chosen, start=1):
            said, line, tree = next(islice(mutants(path), number, None))
            tests = self._tests_of(path, line, compile(tree, str(path), "exec"))
            if not tests and where.startswith("milestones"):
                seen = _notices_anew(path, number)
            else:
                seen = self._notices(session, tests, compile(tree, str(path), "exec"))
            noticed += seen
            if not seen:
                print(f"\n{path.relative_to(ROOT)}:{line} {said}", flush=True)
            if not seen or tried % 10 == 0:
                print(f"\n({noticed} of {tried} so far)", flush=True)
        print(f"\n{where}: {noticed} of {len(chosen)} changes noticed, {len(every)} can be made", flush=True)
        return 100 * noticed >= share * len(chosen)

    def _tests_of(self, path: Path, line: int, module: CodeType) -> list[pytest.Item]:
        inside = [code for code in _codes(module) if _holds(code, line) and code.co_name != "<module>"]
        found = {item for code in inside for item in self.ran[str(path), *_key(code)[1:]]}
        cheap_first = sorted(found, key=self.took.__getitem__)
        together = accumulate(self.took[item] for item in cheap_first)
        return [item for item, seconds in zip(cheap_first, together, strict=True) if seconds < MOST_SECONDS]

    def _notices(self, session: pytest.Session, tests: list[pytest.Item], module: CodeType) -> bool:
        """Try one change in a copy of this process; one that never ends is noticed."""
        child = os.fork()
        if child:
            return os.waitpid(child, 0)[1] != 0
        seconds = 60 + round(3 * sum(map(self.took.__getitem__, tests)))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        code = 1
        try:
            put_in(module)
            code = self._fails(session, tests)
        finally:
            os._exit(code)

    def _fails(self, session: pytest.Session, tests: list[pytest.Item]) -> int:
        self.failed = False
        for item in tests:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=_Nothing(session))
            if self.failed:
                return 1
        return 0


def _notices_anew(path: Path, number: int) -> bool:
    """Try one change in a process that imports the changed file."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-m", SLOW]
    program = (
        "import sys, pytest; from tests.mutate_code import Changed; from pathlib import Path; "
        f"sys.meta_path.insert(0, Changed(Path({str(path)!r}), {number})); "
        f"sys.exit(pytest.main({[*options, *IMPORTED]!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True)
    return done.returncode != 0


class Changed(MetaPathFinder, Loader):
    """Hands out one file of ours with a change, whoever imports it."""

    def __init__(self, path: Path, number: int) -> None:
        self.path, self.number = path, number
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find the changed file."""
        del path, target
        if fullname != self.name:
            return None
        return spec_from_file_location(fullname, self.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed file."""
        for number, (_, _, tree) in enumerate(mutants(self.path)):
            if number == self.number:
                exec(compile(tree, str(self.path), "exec"), module.__dict__)  # noqa: S102 - a file of ours
                return


def _holds(code: CodeType, line: int) -> bool:
    lines = [number for _, _, number in code.co_lines() if number]
    return bool(lines) and min(code.co_firstlineno, *lines) <= line <= max(lines)


class _Nothing:
    """What comes after a test when only what all tests share stays."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    def listchain(self) -> list[pytest.Session]:
        """Return what stays set up."""
        return [self.session]


def main(words: list[str]) -> int:
    """Collect the tests of a floor and try its changes."""
    names, number, seed = (*words, *("60", "1")[len(words) - 1 :])
    tests: dict[str, None] = {}
    shares: dict[str, int] = {}
    for name in names.split(","):
        folder, its_tests, share = FLOORS.get(name) or next(
            one for one in FLOORS.values() if name.startswith(one[0])
        )
        tests |= dict.fromkeys(its_tests)
        shares[folder if name in FLOORS else name] = share
    part = Mutating(shares, int(number), int(seed))
    sys.meta_path.insert(0, Noting(_modules(shares)))
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "--timeout", "0", "-m", SLOW]
    return int(pytest.main([*options, *tests], plugins=[part]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
