"""Change the definitions in one small way at a time, and say which changes the tables of `tests/rows` do not notice.

    python -m tests.mutate_definitions [M2 M7 ...]

Each row loses one of its parts: a guard, a term, a message, a fact, what it opens, gives, carries or reports. In
`EQUAL` stand the changes that change nothing, with why.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from milestones.definition import Arm, Opening, Report, Task
from milestones.definitions import DEFINITIONS
from tests.support.rows_table import read_lines, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from milestones.definition import Definition

# A part of a row, and why a row without it is the same.
EQUAL: Mapping[str, str] = {
    "because": "it is a text",
    "source": "every state of a row is a line of the table by itself",
    "own": "which process of a case it opens is seen with a whole case: tests/cases/besluiten-naast-elkaar.json",
    "earlier": "only a process of version 1 hears it: tests/unit/milestones/test_process.py",
}


def smaller(part: Any, *, closing: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield each way in which a part of a row can lose something, with what it lost."""
    for item in fields(part):
        value = getattr(part, item.name)
        if item.name in EQUAL or not value or (item.name == "cancels" and closing):
            continue  # with the process every term ends that does not outlive it
        if isinstance(value, tuple) and item.name != "counts_from":
            yield from _fewer(part, item.name, value)
        elif isinstance(value, Mapping):
            for key in value:
                rest = {name: one for name, one in value.items() if name != key}
                yield f"{item.name} {key}", replace(part, **{item.name: rest})
        elif value is True:
            yield item.name, replace(part, **{item.name: False})
        elif item.default is None:
            yield f"{item.name} {value}", replace(part, **{item.name: None})


def _fewer(part: Any, name: str, value: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """Yield a part with one thing less, and with each of those things smaller."""
    for place, one in enumerate(value):
        before, after = value[:place], value[place + 1 :]
        yield f"{name} {_short(one)}", replace(part, **{name: (*before, *after)})
        if isinstance(one, Arm | Opening | Report | Task):
            for lost, less in smaller(one):
                yield f"{name} {_short(one)}: {lost}", replace(part, **{name: (*before, less, *after)})


def _short(part: Any) -> str:
    return str(
        getattr(part, "term", None) or getattr(part, "code", None) or getattr(part, "subject", None) or part
    )


def unnoticed(definition: Definition) -> Iterator[tuple[str, bool]]:
    """Yield each change of a definition, and whether a line noticed it."""
    lines = [line for line in read_lines() if line.process == definition.code]
    places = {
        number: [
            (line, state)
            for line in lines
            if line.event.partition(" ")[0] == row.event
            for state in line.states(definition)
            if state in row.sources or "*" in row.sources
        ]
        for number, row in enumerate(definition.rows)
    }
    for number, row in enumerate(definition.rows):
        closing = row.ends or (row.to in definition.state_by_code and definition.state(row.to).final)
        for lost, less in smaller(row, closing=closing):
            rows = (*definition.rows[:number], less, *definition.rows[number + 1 :])
            changed = replace(definition, rows=rows)
            name = f"{definition.code} {'/'.join(row.sources)[:40]} {row.event} -> {row.to}: {lost}"
            yield name, any(_notices(line, changed, state) for line, state in places[number])


def _notices(line: Any, definition: Definition, state: str) -> bool:
    try:
        walk(line, definition, state)
    except Exception:  # noqa: BLE001 - whatever goes wrong is noticed
        return True
    return False


def main(codes: list[str]) -> int:
    """Print what nobody noticed, and the share that was noticed."""
    made = noticed = 0
    for code in codes or list(DEFINITIONS):
        for name, seen in unnoticed(DEFINITIONS[code]):
            made, noticed = made + 1, noticed + seen
            if not seen:
                print(name)
    print(f"{noticed} of {made} changes were noticed ({100 * noticed / made:.1f}%)")
    return 0 if noticed == made else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
