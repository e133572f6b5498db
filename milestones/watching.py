"""Which terms of the table some process watches: the others are nobody's but the reader's."""

from __future__ import annotations

from milestones.definitions import DEFINITIONS
from milestones.term_table import NORMS
from milestones.vocabulary import DATA_REQUEST, HANDOFF_TERM

# The engine itself starts a hand-off; who asks what is held of him stands on a list of its own.
_ELSEWHERE = frozenset({HANDOFF_TERM, DATA_REQUEST})
_STARTED = _ELSEWHERE.union(*(definition.terms for definition in DEFINITIONS.values()))
# The own norm of a municipality starts with the term beside which it stands.
WATCHED = _STARTED | {norm for base, norm in NORMS.items() if base in _STARTED}


def not_watched(term: str) -> str | None:
    """Say so when no process starts this term and warns of it."""
    if term in WATCHED:
        return None
    return "Geen proces bewaakt deze termijn: routekaart rekent hem uit, maar waarschuwt niet."
