"""Every row of every definition does what the tables in `tests/rows` say, and none is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.rows_table import DiffersError, Line, read_lines, walk

from milestones import process
from milestones.definitions import DEFINITIONS

if TYPE_CHECKING:
    from milestones.definition import Definition, Row

LINES = read_lines()
EACH = pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda item: item.code)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_an_event_does_what_the_table_says(line: Line) -> None:
    """State, terms, messages, facts, hand-overs and reports are those of the table; nothing more, nothing less."""
    definition = DEFINITIONS[line.process]
    for state in line.states(definition):
        try:
            walk(line, definition, state)
        except DiffersError as wrong:
            pytest.fail(f"{state}: {wrong}")


def walked(definition: Definition, monkeypatch: pytest.MonkeyPatch) -> dict[int, list[tuple[Line, str]]]:
    """Return for each row of a definition the lines and states that take it."""
    taken: dict[int, list[tuple[Line, str]]] = {}
    choose = process._choose

    def noted(*given: Any) -> Row:
        row = choose(*given)
        taken.setdefault(next(n for n, item in enumerate(definition.rows) if item is row), []).append(now)
        return row

    with monkeypatch.context() as patched:
        patched.setattr(process, "_choose", noted)
        for line in LINES:
            if line.process == definition.code:
                for state in line.states(definition):
                    now = (line, state)
                    walk(line, definition, state)
    return taken


@EACH
def test_every_row_is_walked_and_missed(definition: Definition, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is taken by a line of the tables, and without the row one of those lines fails."""
    taken = walked(definition, monkeypatch)
    names = [f"{'/'.join(row.sources)} {row.event} {row.guards} -> {row.to}" for row in definition.rows]
    assert [name for number, name in enumerate(names) if number not in taken] == []
    unmissed = []
    for number, places in taken.items():
        without = replace(definition, rows=tuple(row for n, row in enumerate(definition.rows) if n != number))
        if not any(fails(line, without, state) for line, state in places):
            unmissed.append(names[number])
    assert unmissed == []


def fails(line: Line, definition: Definition, state: str) -> bool:
    """Tell whether a line notices that a definition is another one."""
    try:
        walk(line, definition, state)
    except (DiffersError, LookupError):
        return True
    return False
