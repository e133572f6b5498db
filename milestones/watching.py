"""Which terms of the table some process watches: the others are nobody's but the reader's."""

from __future__ import annotations

from milestones.definitions import DEFINITIONS
from milestones.term_table import NORMS

_HANDOFF = "OVD"  # the engine itself starts it at each hand-off
_REQUEST = "T60"  # a person asks what is held of him, with or without a case: a list of its own watches it
_STARTED = frozenset({_HANDOFF, _REQUEST}).union(*(definition.terms for definition in DEFINITIONS.values()))
# The own norm of a municipality starts with the term beside which it stands.
WATCHED = _STARTED | {norm for base, norm in NORMS.items() if base in _STARTED}


def not_watched(term: str) -> str | None:
    """Say so when no process starts this term and warns of it."""
    if term in WATCHED:
        return None
    return "Geen proces bewaakt deze termijn: routekaart rekent hem uit, maar waarschuwt niet."
