"""`routekaart migreer definitie`: move running processes, or show what that would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.cases.definition_moves import move_definition as moves
from deployments.cli.console import complain, say
from milestones.counting import is_or_are, so_many
from milestones.definitions.migrations import migration_of
from milestones.dutch import dutch_date

if TYPE_CHECKING:
    from adapters.cases.definition_moves import TermChange, VersionChange
    from adapters.office import Office


def print_moves(office: Office, code: str, from_version: int, to_version: int, *, dry: bool) -> int:
    """Move every open process of a definition and print each; give 1 when one had to stay."""
    why = (migration_of(code, from_version, to_version).__doc__ or "").strip().splitlines()[0]
    say(f"{code} van versie {from_version} naar versie {to_version}: {why}")
    count = refused = 0
    for change in moves(office.casework, code, from_version, to_version, dry=dry):
        if change.refused:
            refused += 1
            complain(f"{change.reference} {change.process}: blijft staan. {change.refused}")
        else:
            count += 1
            say(_line(change))
    done = f"{is_or_are(count, 'zou', 'zouden')} overgaan" if dry else f"{is_or_are(count)} overgegaan"
    say(f"{so_many(count, 'proces')} {done}, {refused} {is_or_are(refused, 'blijft', 'blijven')} staan.")
    return 1 if refused else 0


def _line(change: VersionChange) -> str:
    state = (
        change.state_before
        if change.state_before == change.state_after
        else f"{change.state_before} wordt {change.state_after}"
    )
    return f"{change.reference} {change.process}: {'; '.join([state, *map(_term_line, change.terms)])}."


def _term_line(term: TermChange) -> str:
    if term.due_before is None or term.due_before == term.due_after or term.due_after is None:
        return f"{term.key} {term.choice}"
    return f"{term.key} {term.choice}: {dutch_date(term.due_before)} wordt {dutch_date(term.due_after)}"
