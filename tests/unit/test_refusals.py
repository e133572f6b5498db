"""Every refusal, at every door: each door turns it into its own form, in one place, and repeats no secret."""

from __future__ import annotations

import ast
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

import adapters
import deployments.cli
import deployments.door
import flows.entry_points
import milestones
from adapters.api.page_parts import PersonRoute
from adapters.api.problems import PROBLEM, answer_problems
from adapters.runtime.settings import SettingsError
from deployments.cli.answers import answer_to
from milestones.process import NotPossible
from milestones.refusal import CaseRefusal, Refusal

ROOT = Path(__file__).parents[2]
assert flows.entry_points
SENTENCE = "Dit kan niet in geheim/map."
for _package in (milestones, adapters, deployments.cli, deployments.door):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        if "migrations" not in _module.name and not _module.name.endswith("__main__"):
            import_module(_module.name)


def _kinds(base: type[Refusal]) -> list[type[Refusal]]:
    """Return every class of refusal that the house knows."""
    found = [kind for below in base.__subclasses__() for kind in (below, *_kinds(below))]
    return sorted(set(found), key=lambda kind: kind.__name__)


ALL, OF_CASES = _kinds(Refusal), _kinds(CaseRefusal)
# What an integrator hears in words; what is of the machine itself names files, and is for the operator alone.
TOLD = {"ConflictError": 409, "InvalidData": 400, "NotPossible": 409, "NotADelivery": 400, "HeldBack": 409,
        "HalfTakenInError": 503, "NotWritableError": 503}  # fmt: skip
WITHOUT_WORDS = {"UnknownCaseError": 404, "SubscriptionError": 404}


def _made(kind: type[Refusal]) -> Refusal:
    """Return a refusal of this class with our sentence, whatever it asks to be made."""
    refusal = kind.__new__(kind)
    refusal.args = (SENTENCE,)
    return refusal


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_the_command_line_says_its_sentence_and_ends_with_2(
    kind: type[Refusal], capsys: pytest.CaptureFixture[str]
) -> None:
    """By its class, wherever it was raised."""
    assert answer_to(_made(kind)) == 2
    assert capsys.readouterr().err.strip() == SENTENCE


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_the_api_answers_with_a_problem(kind: type[Refusal]) -> None:
    """What a caller can put right in words; what only the operator can as 503 without them; nothing as a fault."""
    api = FastAPI()
    answer_problems(api)

    @api.get("/")
    def refuse() -> None:
        raise _made(kind)

    answered = TestClient(api, raise_server_exceptions=False).get("/")
    assert answered.headers["content-type"] == PROBLEM
    expected = TOLD | WITHOUT_WORDS
    near = next((cls.__name__ for cls in kind.__mro__ if cls.__name__ in expected), "")
    assert answered.status_code == expected.get(near, 503)
    assert (SENTENCE in answered.text) is (near in TOLD)


@pytest.mark.parametrize("kind", OF_CASES, ids=lambda kind: kind.__name__)
def test_a_page_answers_with_a_page(kind: type[Refusal]) -> None:
    """Also where no route of its own expected it."""
    app, router = FastAPI(), APIRouter(route_class=PersonRoute)

    @router.get("/{number}")
    def refuse(number: int) -> None:
        raise _made(kind)

    app.include_router(router)
    client = TestClient(app)
    answered = client.get("/1")
    unknown = kind.__name__ == "UnknownCaseError"
    assert (answered.status_code, unknown) in ((404, True), (409, False))
    assert (SENTENCE in answered.text) is not unknown
    strange = client.get("/geen-getal")
    assert (strange.status_code, strange.headers["content-type"][:9]) == (404, "text/html")


def test_all_kinds_were_looked_at() -> None:
    """The refusals of settings, of cases and of other systems are among them."""
    assert {SettingsError, NotPossible} <= set(ALL)
    assert len(ALL) > 25
    assert len(OF_CASES) > 3


# What is no door: a check at the edge that hands the sentence to pydantic, a list of what is wrong, what is held back.
NO_DOOR = {
    "adapters/api/models.py", "adapters/api/cases.py", "deployments/cli/check.py", "deployments/prefect_check.py",
    "deployments/door/ways_in.py", "deployments/demo.py",
}  # fmt: skip
DOORS = {
    "adapters/api/problems.py", "adapters/api/page_parts.py", "flows/refusals.py", "deployments/cli/answers.py",
    "deployments/door/door.py", "deployments/door/login.py",
}  # fmt: skip
FAMILY = re.compile(rf"\b({'|'.join(kind.__name__ for kind in (Refusal, *ALL))})\b")


def _said_by_itself(text: str) -> list[int]:
    """Return the lines that put the words of a caught refusal into something, instead of asking the door to."""
    found = []
    for handler in ast.walk(ast.parse(text)):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None or handler.type is None:
            continue
        if not FAMILY.search(ast.unparse(handler.type)):
            continue
        name = re.escape(handler.name)
        words = re.compile(rf"\b{name}\.(reason|sentence|args)\b|\bstr\({name}\)|\{{{name}[}}!:]")
        found += [handler.lineno for line in map(ast.unparse, handler.body) if words.search(line)]
    return found


def test_a_door_has_one_place_that_says_why_not() -> None:
    """A page, a form and a command hand a refusal over; none makes a sentence of it for itself."""
    files = [
        path for folder in ("adapters/api", "flows", "deployments") for path in (ROOT / folder).rglob("*.py")
    ]
    assert len(files) > 100
    names = {path.relative_to(ROOT).as_posix(): path for path in files}
    assert {*NO_DOOR, *DOORS} <= set(names)
    said = {name: _said_by_itself(path.read_text(encoding="utf-8")) for name, path in names.items()}
    assert {name for name, lines in said.items() if lines} <= NO_DOOR | DOORS
    assert _said_by_itself("try: go()\nexcept NotPossible as no:\n    say(f'Nee: {no}')\n") == [2]
