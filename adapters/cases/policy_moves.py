"""Let running terms follow the policy that counts now; the journal names it as a step of each process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlmodel import col, select

from adapters.cases.journal import journal_of
from adapters.cases.saving import Saved, save
from adapters.cases.store import load_case, lock_case
from adapters.storage.database import JournalRow, ProcessRow, TimerRow, insert_rows, reading, writing
from milestones.case import Step
from milestones.policy_change import RECOUNTED, recounted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from adapters.cases.casework import Casework
    from adapters.cases.policy_book import PolicyBook

_PAGE = 200


@dataclass(frozen=True, slots=True)
class MovedTerm:
    """A running term that got another last day."""

    reference: str
    process: str
    term: str
    before: date | None
    after: date | None


class FollowingOffice(Protocol):
    """What is needed to let running terms follow."""

    @property
    def policy_book(self) -> PolicyBook:
        """Which policy counts where."""
        ...

    @property
    def casework(self) -> Casework:
        """The cases."""
        ...

    def look_again(self) -> None:
        """Read the policies again."""
        ...


def follow_what_was_asked(office: FollowingOffice) -> list[MovedTerm]:
    """Let running terms follow each policy in use of which that was said, once; a worker that dies is taken over."""
    moved: list[MovedTerm] = []
    for row in office.policy_book.to_follow():
        office.look_again()
        moved += follow_policy(office.casework, row.municipality)
        office.policy_book.followed(row)
    return moved


def follow_policy(casework: Casework, municipality: str) -> Iterator[MovedTerm]:
    """Count the running terms of every open process anew under the policy that counts, each process in a transaction.

    Starting again goes on where it stopped, and changes nothing where it was done.
    """
    after = 0
    while rows := _page(casework, municipality, after):
        after = rows[-1][0]
        for _, reference, name in rows:
            yield from _follow(casework, reference, name)


def _page(casework: Casework, municipality: str, after: int) -> list[tuple[int, str, str]]:
    name = casework.rules_for(municipality).policy.name
    query = (
        select(ProcessRow.id, ProcessRow.case_reference, ProcessRow.name)
        .join(TimerRow, col(TimerRow.process_id) == col(ProcessRow.id))
        .where(
            ProcessRow.municipality == municipality,
            col(ProcessRow.closed).is_(False),
            col(ProcessRow.id) > after,
            col(TimerRow.stopped).is_(None),
            TimerRow.policy != name,
        )
        .distinct()
        .order_by(col(ProcessRow.id))
        .limit(_PAGE)
    )
    with reading(casework.engine) as session:
        return [(number or 0, reference, process) for number, reference, process in session.exec(query)]


def _follow(casework: Casework, reference: str, name: str) -> list[MovedTerm]:
    with writing(casework.engine) as session:
        case_row = lock_case(session, reference)
        case, kept = load_case(session, reference)
        process = next(item for item in case.processes if item.name == name)
        at, rules = casework.clock.now(), casework.rules_for(case_row.municipality)
        after = recounted(process, at.date(), rules)
        if after is process or kept[name].closed:
            return []
        data = {"beleid": rules.policy.name}
        step = Step(name, process.version, RECOUNTED, at.date(), process.state, process.state, data)
        event_id = f"{name}:beleid:{rules.policy.name}:{after.sequence}"
        lines = journal_of(case_row, (step,), at, rules.policy.name, event_id)
        save(session, [Saved(case_row, case, case.replaced(after), kept, set())])
        insert_rows(session, JournalRow, lines)
        before = {term.key: term.due for term in process.terms}
        return [
            MovedTerm(reference, name, term.key, before[term.key], term.due)
            for term in after.terms
            if term.due != before[term.key]
        ]
