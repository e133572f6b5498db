"""Which ended terms of a process no rule looks at any more: only how many there were counts, for the next key.

Rules ask for what runs, for the latest of a kind, and for what lapsed with a decision that may fall. All before that
is history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from milestones.definitions import VERSIONS
from milestones.snapshot import TermOutcome
from milestones.term_table import NORMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from milestones.snapshot import RunningTerm, Snapshot


def _with_norms(terms: Iterable[str]) -> frozenset[str]:
    """Return terms with the own norms beside them, which go wherever they go."""
    found = set(terms)
    return frozenset(found | {NORMS[term] for term in found if term in NORMS})


_ROWS = [line for definition in VERSIONS for line in definition.rows]
# The latest of these may leave the process, and then one before it is the latest.
_LEAVE = _with_norms(term for line in _ROWS for opening in line.opens for term in opening.carries)
# What was cancelled of these may count on.
_COUNT_ON = _with_norms(term for line in _ROWS for term in line.revives)


def past_terms(process: Snapshot) -> tuple[frozenset[str], dict[str, int]]:
    """Return the keys of the past terms among those of a process, and how many each kind has by now.

    They are always the first of their kind, so that their number says which keys are taken.
    """
    counts, keys = dict(process.past), set[str]()
    last = {term.term: term.key for term in process.terms}
    done: set[str] = set()  # kinds of which no more is past
    for term in process.terms:
        kind, number = term.term, counts.get(term.term, 0) + 1
        if kind in done:
            continue
        if term.key != last[kind] and _is_past(term, number):
            counts[kind] = number
            keys.add(term.key)
        else:
            done.add(kind)
    return frozenset(keys), counts


def _is_past(term: RunningTerm, number: int) -> bool:
    """Whether the term with this place among its kind is past, if there is a later one."""
    if term.runs or term.term in _LEAVE or (term.term in _COUNT_ON and term.stopped is TermOutcome.CANCELLED):
        return False
    _, _, said = term.key.partition("#")
    return int(said or 1) <= number
