"""Which roles the definitions tell something, inside the municipality and outside it."""

from __future__ import annotations

from functools import cache

from milestones.definitions import DEFINITIONS
from milestones.roles import OUTSIDE
from milestones.term_table import TERMS


@cache
def _roles() -> frozenset[str]:
    found: set[str] = set()
    for definition in DEFINITIONS.values():
        found.update(definition.notifies_on_open)
        found.update(state.role for state in definition.states)
        for row in definition.rows:
            found.update(row.notifies)
            found.update(task.role for task in row.tasks)
    for term in TERMS.values():
        found.update(term.escalates_to)
    return frozenset(found)


def roles_inside() -> tuple[str, ...]:
    """Return the roles of the municipality's own people."""
    return tuple(sorted(_roles() - OUTSIDE))


def roles_outside() -> tuple[str, ...]:
    """Return the roles of others: the resident, partners, creditors."""
    return tuple(sorted(_roles() & OUTSIDE))
