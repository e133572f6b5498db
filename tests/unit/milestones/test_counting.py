"""Numbers with what they count are right Dutch, wherever something is counted."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from milestones.counting import is_or_are, so_many

ROOT = Path(__file__).parents[3]
MANY = re.compile(
    r"^ (?:open |lopende |eerdere |oude )?(?:zaken|regels|journaalregels|mijlpalen|berichten|termijnen|processen|"
    r"artikelen|formulieren|flow runs|vroegsignalen|signalen)\b"
)
# Never one: a sum of more, or what a sentence says of one in another way.
SAID_OTHERWISE = {"Een gemiddelde van minder dan ", "de eerste ", "heeft meer dan "}


def test_one_is_no_many() -> None:
    """One zaak is vernietigd; none and two zaken zijn it."""
    assert [f"{so_many(number, 'zaak')} {is_or_are(number)}" for number in (0, 1, 2)] == [
        "0 zaken zijn", "1 zaak is", "2 zaken zijn",
    ]  # fmt: skip


def test_nothing_is_counted_past_it() -> None:
    """No sentence puts a plural behind a number of its own, since that number is one some day."""
    found = []
    for folder in ("adapters", "flows", "deployments"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                found += [f"{path.name}:{node.lineno}" for _ in _plurals(node)]
    assert found == []


def _plurals(node: ast.AST) -> list[str]:
    """Return the texts in an f-string that begin with a plural, right behind a value."""
    if not isinstance(node, ast.JoinedStr):
        return []
    parts = node.values
    return [
        part.value
        for before, value, part in zip([None, *parts], parts, parts[1:], strict=False)
        if isinstance(value, ast.FormattedValue)
        and isinstance(part, ast.Constant)
        and MANY.match(str(part.value))
        and not any(_ends(before, words) for words in SAID_OTHERWISE)
    ]


def _ends(before: ast.AST | None, words: str) -> bool:
    return isinstance(before, ast.Constant) and str(before.value).endswith(words)
