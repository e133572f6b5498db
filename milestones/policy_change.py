"""Running terms under another policy: they keep the one under which they started, unless somebody says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from milestones.definitions import version_of
from milestones.running import count_term, passed_rungs, still_fired

if TYPE_CHECKING:
    from datetime import date

    from milestones.policy import Rules
    from milestones.snapshot import RunningTerm, Snapshot

RECOUNTED = "beleid_gewijzigd"  # the event under which the journal has it


def recounted(process: Snapshot, today: date, rules: Rules) -> Snapshot:
    """Return a process with its running terms counted anew from their anchors, under the policy of these rules.

    A suspended term has no last day: it is counted when it runs on. A term whose last day stays keeps its policy too.
    Warnings that lie behind the day are not given any more.
    """
    own = rules.under(version_of(process.code, process.version))
    terms = tuple(_recounted(term, today, own) for term in process.terms)
    return process if terms == process.terms else replace(process, terms=terms, sequence=process.sequence + 1)


def _recounted(term: RunningTerm, today: date, rules: Rules) -> RunningTerm:
    if not term.runs or term.suspended_since is not None or term.due is None:
        return term
    if not rules.policy.term(term.term).has_length(term.variant):
        return term
    again = count_term(replace(term, policy=rules.policy.name), rules)
    if (again.due, again.ladder) == (term.due, term.ladder):
        return term
    return replace(again, fired=still_fired(again, term, today) | passed_rungs(again, today))
