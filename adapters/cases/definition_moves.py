"""Move running processes to another version of their definition; the journal names each move as a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from adapters.cases.journal import journal_of
from adapters.cases.saving import Saved, save
from adapters.cases.store import load_case, lock_case
from adapters.storage.database import JournalRow, ProcessRow, insert_rows, reading, writing
from milestones.case import Step
from milestones.definitions.migrations import MOVED, migration_of, moved
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from adapters.cases.casework import Casework
    from milestones.definitions.migrations import Move
    from milestones.snapshot import Snapshot

_PAGE = 200


@dataclass(frozen=True)
class TermChange:
    """What a migration does to one running term."""

    key: str
    choice: str
    due_before: date | None
    due_after: date | None


@dataclass(frozen=True)
class VersionChange:
    """What a migration does, or did, to one process; `refused` says why it stays where it is."""

    reference: str
    process: str
    state_before: str
    state_after: str
    terms: tuple[TermChange, ...] = ()
    refused: str | None = None


def move_definition(
    casework: Casework, code: str, from_version: int, to_version: int, *, dry: bool = False
) -> Iterator[VersionChange]:
    """Move every open process of a definition, each in a transaction of its own; give what changed.

    With `dry` nothing is written. Starting again goes on where it stopped: what has moved is not on the old
    version any more. Raises NotPossible when there is no such migration.
    """
    migration_of(code, from_version, to_version)
    after = 0
    while rows := _page(casework, code, from_version, after):
        after = rows[-1][0]
        for _, reference, name in rows:
            change = _move_one(casework, reference, name, from_version, to_version, dry=dry)
            if change is not None:
                yield change


def _page(casework: Casework, code: str, version: int, after: int) -> list[tuple[int, str, str]]:
    query = (
        select(ProcessRow.id, ProcessRow.case_reference, ProcessRow.name)
        .where(
            ProcessRow.code == code,
            ProcessRow.version == version,
            col(ProcessRow.closed).is_(False),
            col(ProcessRow.id) > after,
        )
        .order_by(col(ProcessRow.id))
        .limit(_PAGE)
    )
    with reading(casework.engine) as session:
        return [(number or 0, reference, name) for number, reference, name in session.exec(query)]


def _move_one(
    casework: Casework, reference: str, name: str, from_version: int, to_version: int, *, dry: bool
) -> VersionChange | None:
    """Move one process; None when it ended or moved since it was found."""
    with writing(casework.engine) as session:
        case_row = lock_case(session, reference)
        case, kept = load_case(session, reference)
        process = next(item for item in case.processes if item.name == name)
        if process.version != from_version or kept[name].closed:
            return None
        at = casework.clock.now()
        rules = casework.rules_for(case_row.municipality)
        try:
            after, move = moved(process, to_version, at.date(), rules)
        except NotPossible as refusal:
            return VersionChange(reference, name, process.state, process.state, refused=refusal.reason)
        change = VersionChange(
            reference, name, process.state, after.state, _term_changes(process, after, move)
        )
        if not dry:
            step = Step(
                name, to_version, MOVED, at.date(), process.state, after.state,
                {"van": from_version, "naar": to_version},
            )  # fmt: skip
            event_id = f"{name}:definitie:{from_version}:{to_version}"
            lines = journal_of(case_row, (step,), at, rules.policy.name, event_id)
            save(session, [Saved(case_row, case, case.replaced(after), kept, set())])
            insert_rows(session, JournalRow, lines)
        return change


def _term_changes(before: Snapshot, after: Snapshot, move: Move) -> tuple[TermChange, ...]:
    old = {term.key: term for term in before.terms}
    return tuple(
        TermChange(term.key, str(move.terms[term.term]), old[term.key].due, term.due)
        for term in after.terms
        if term.runs
    )
