"""A process as it stands, what can be put into it, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from milestones.definition import OFFERED, RETURNED
from milestones.refusal import CaseRefusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from milestones.definition import Definition, Opening, Report
    from milestones.terms import Rung


class TermOutcome(StrEnum):
    """What became of a term (contract 2). "gemist" is derived from the dates and never stored."""

    RUNNING = "loopt"
    MET = "gehaald"
    MISSED = "gemist"
    CANCELLED = "vervallen"
    SUPERSEDED = "vervangen"
    SUSPENDED = "opgeschort"
    ELAPSED = "verstreken"  # a window that simply ran out


@dataclass(frozen=True)  # copied with every step: without slots that is faster
class RunningTerm:
    """A term in a process. A suspended term has no due date and cannot be overdue."""

    key: str  # "T13", and "T13#2" for the next one of the same kind
    term: str
    anchor: date
    started_on: date
    policy: str
    nominal: date
    due: date | None
    due_atw: date | None
    shifted_by: str | None
    not_shifted_because: str | None
    ladder: tuple[Rung, ...]
    fired: frozenset[str] = frozenset()
    cap: date | None = None
    until: date | None = None
    variant: str | None = None
    suspended_since: date | None = None
    suspended_days: int = 0
    stopped: TermOutcome | None = None
    ended_on: date | None = None

    @property
    def runs(self) -> bool:
        """Whether the term still counts or is suspended."""
        return self.stopped is None

    def is_overdue(self, today: date) -> bool:
        """Whether the last day is over while the term was not met."""
        if self.stopped is TermOutcome.MET:
            return self.due is not None and self.ended_on is not None and self.ended_on > self.due
        return self.runs and self.due is not None and today > self.due

    def outcome(self, today: date) -> TermOutcome:
        """Return what became of the term, seen from a date."""
        if self.suspended_since is not None and self.runs:
            return TermOutcome.SUSPENDED
        if self.is_overdue(today):
            return TermOutcome.MISSED
        return self.stopped or TermOutcome.RUNNING

    def pending(self, today: date) -> tuple[Rung, ...]:
        """Return the rungs that are due and not yet fired, in order."""
        if not self.runs or self.suspended_since is not None:
            return ()
        return tuple(rung for rung in self.ladder if rung.on <= today and rung.name not in self.fired)

    def next_rung(self) -> Rung | None:
        """Return the first rung that did not fire yet; None when the term stopped or is suspended."""
        if not self.runs or self.suspended_since is not None:
            return None
        return next((rung for rung in self.ladder if rung.name not in self.fired), None)


@dataclass(frozen=True)
class Snapshot:
    """A process as it stands. `code` and `instance` name it within its case: M2, then M2#2."""

    code: str
    version: int
    state: str
    opened_on: date
    instance: int = 1
    facts: Mapping[str, object] = field(default_factory=dict)
    terms: tuple[RunningTerm, ...] = ()
    sequence: int = 0
    past: Mapping[str, int] = field(default_factory=dict)
    """Of each kind the number of past terms that are not among `terms` (`milestones.past_terms`)."""

    @property
    def name(self) -> str:
        """The name of the process within its case, such as "M2" or "M2#2"."""
        return self.code if self.instance == 1 else f"{self.code}#{self.instance}"

    def running(self, term: str) -> RunningTerm | None:
        """Return the latest running term of this kind, or None."""
        return next((item for item in reversed(self.terms) if item.term == term and item.runs), None)

    def latest(self, term: str) -> RunningTerm | None:
        """Return the latest term of this kind, running or not, or None."""
        return next((item for item in reversed(self.terms) if item.term == term), None)

    def pending(self, today: date) -> tuple[tuple[RunningTerm, Rung], ...]:
        """Return every rung that is due, in the order in which they fell due."""
        found = [(term, rung) for term in self.terms for rung in term.pending(today)]
        return tuple(sorted(found, key=lambda pair: pair[1].on))

    def role(self, definition: Definition) -> str:
        """Return the role that holds the case now: the sender until a hand-off is accepted."""
        state = definition.state(self.state)
        sender = self.facts.get("overdracht_van_rol")
        if state.code in (OFFERED, RETURNED) and isinstance(sender, str):
            return sender
        return state.role


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, on the civil date that counts for the law.

    `by` are the roles of the person who reports it; None where they are not known. `kept`: it comes from the journal.
    """

    name: str
    on: date
    data: Mapping[str, object] = field(default_factory=dict)
    by: tuple[str, ...] | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class RungDue:
    """A rung of a running term whose day has come."""

    key: str
    rung: str


Input = Event | RungDue


@dataclass(frozen=True, slots=True)
class Message:
    """What must be told to whom; the text is made elsewhere. Holds nothing about a person."""

    role: str
    kind: str
    process: str
    term: str | None = None
    due: date | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """What an opening passes on to the process that opens; `place` is which of several this is, from 1."""

    opening: Opening
    on: date
    from_role: str
    carried: tuple[RunningTerm, ...]
    facts: Mapping[str, object]
    place: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one input did: the process after it, and all that must follow."""

    before: Snapshot
    after: Snapshot
    event: str
    messages: tuple[Message, ...] = ()
    openings: tuple[Handover, ...] = ()
    reports: tuple[tuple[Report, Event], ...] = ()


class NotPossible(CaseRefusal):
    """An event that cannot happen now: one Dutch sentence, and the events that can."""

    def __init__(self, reason: str, allowed: Iterable[str] = ()) -> None:
        super().__init__(reason)
        self.allowed = tuple(allowed)


class InvalidData(NotPossible):
    """Data that do not fit the event: unknown field, wrong type, missing value."""
