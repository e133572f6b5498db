"""Check what travels with the opening of a mijlpaal: only facts that its definition asks for.

Without this check an opening could carry anything, and so a name or an address, into the case database.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from milestones.definition import EventSpec, Field, todays_facts
from milestones.definitions import DEFINITIONS, current
from milestones.events import SPECS
from milestones.facts import FACTS
from milestones.process import checked

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALWAYS = ("bedreigende_situatie", "doelgroep")
_CLIENTS = "clienten"  # one client, or two who are liable for each other's debts


def checked_opening(code: str, data: Mapping[str, object]) -> dict[str, object]:
    """Return the data of an opening with dates as dates; an unknown field or a wrong value is InvalidData."""
    return dict(checked(_opening_of(current(code).code), todays_facts(data)))


@cache
def _opening_of(code: str) -> EventSpec:
    """Return what an opening may carry: what starts its terms or those of the next, and what a hand-off would give."""
    definition = DEFINITIONS[code]
    yes_no = {name for arm in definition.on_open for name in (arm.when, arm.unless) if name}
    dates = {name for arm in definition.on_open for name in (arm.anchor, arm.until, arm.from_earlier) if name}
    dates |= {o.counts_from[0] for line in definition.rows for o in line.opens if o.counts_from}
    given = {
        name
        for other in DEFINITIONS.values()
        for line in other.rows
        for opening in line.opens
        if opening.code == code
        for name in opening.gives
    }
    known = {item.name: item for spec in SPECS for item in spec.fields}
    fields: list[Field] = []
    for name in sorted({*_ALWAYS, *yes_no, *dates, *given}):
        if name in known:
            fields.append(
                Field(known[name].name, known[name].kind, known[name].label, choices=known[name].choices)
            )
        elif name == _CLIENTS or name in dates or name in yes_no:
            fields.append(Field(FACTS[name].name, FACTS[name].kind, FACTS[name].label))
    return EventSpec("geopend", "Openen", tuple(fields))
