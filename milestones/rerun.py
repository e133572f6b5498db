"""The same year under another policy: one case run twice, and what differs.

What people reported stays on its day; the terms, and what follows from them, count anew. Everything here is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from typing import TYPE_CHECKING

from milestones.case import Case, apply, closed
from milestones.policy import Policy
from milestones.process import NotPossible, RungDue
from milestones.replacing import replace
from milestones.roles import OUTSIDE
from milestones.term_table import NORMS
from milestones.terms import Kind

if TYPE_CHECKING:
    from milestones.case import Step
    from milestones.policy import Rules
    from milestones.process import RunningTerm

# What only names or plans things moves no term and no work.
_NAMES_ONLY = {
    "name",
    "names",
    "terms",
    "chosen",
    "elements",
    "targets",
    "origins",
    "questions",
    "changed_by_two",
}
# What asks somebody to do something; a notice does not.
WORK = frozenset(
    {"taak", "waarschuwing", "termijn_gemist", "termijn_verstreken", "overdracht", "nieuwe_zaak"}
)


@dataclass(frozen=True, slots=True)
class JournalInput:
    """One input of a journal: on which day it was told, and how it changes a case."""

    today: date
    event: str
    take: Callable[[Case, Rules], tuple[Case, tuple[Step, ...]]]


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change of policy can touch: terms, and other choices by the name of their field."""

    terms: frozenset[str]
    fields: frozenset[str]

    def seen_in(self, case: Case) -> bool:
        """Whether a case has a term that the change can touch."""
        return any(term.term in self.terms for process in case.processes for term in process.terms)


@dataclass(frozen=True)
class Comparison:
    """Two sets of rules, and what differs. `read` fills while the first are used and a touched choice is read."""

    before: Rules
    after: Rules
    touched: Touched
    read: list[str]


def compare(before: Rules, after: Rules) -> Comparison:
    """Return two sets of rules to run cases under."""
    touched = touched_by(before.policy, after.policy)
    read: list[str] = []
    return Comparison(
        replace(before, policy=_noting(before.policy, touched.fields, read)), after, touched, read
    )


def _noting(policy: Policy, names: Iterable[str], read: list[str]) -> Policy:
    """Return the same policy, that notes when one of these fields is read."""

    def noting(name: str) -> property:
        def value(_: Policy) -> object:
            read.append(name)
            return getattr(policy, name)

        return property(value)

    noted: Policy = object.__new__(type("NotingPolicy", (Policy,), {name: noting(name) for name in names}))
    noted.__dict__.update(vars(policy))
    return noted


def touched_by(before: Policy, after: Policy) -> Touched:
    """Return what differs between two policies, as far as it moves a term or work."""
    terms = {
        name
        for name in before.terms
        if before.terms[name] != after.terms[name] or before.chosen.get(name) != after.chosen.get(name)
    }
    # A norm starts beside its term, also where there was none before.
    terms |= {term for term, norm in NORMS.items() if norm in terms}
    others = [item.name for item in fields(before) if item.name not in _NAMES_ONLY]
    differ = frozenset(name for name in others if getattr(before, name) != getattr(after, name))
    return Touched(frozenset(terms), differ)


@dataclass
class Run:
    """A case that goes through its inputs under one policy."""

    rules: Rules
    case: Case = field(default_factory=Case)
    work: list[tuple[str, date]] = field(default_factory=list)
    stuck_on: str | None = None

    def take(self, given: JournalInput) -> None:
        """Take one input; where it is not possible, the run stands still from then on."""
        if self.stuck_on is not None:
            return
        self.until(given.today)
        try:
            self.case, steps = given.take(self.case, self.rules)
        except (NotPossible, LookupError):
            self.stuck_on = given.event
            return
        self._note(steps, given.today)

    def until(self, day: date) -> None:
        """Fire every rung up to and including a day, in the order of their days."""
        while self.stuck_on is None and (due := first_due(self.case, day)) is not None:
            on, process, key, rung = due
            self.case, steps = apply(self.case, process, RungDue(key, rung), on, self.rules)
            self._note(steps, on)

    def _note(self, steps: Sequence[Step], day: date) -> None:
        self.work.extend(
            (message.role, day)
            for step in steps
            for message in step.messages
            if message.kind in WORK and message.role not in OUTSIDE
        )


def first_due(case: Case, day: date) -> tuple[date, str, str, str] | None:
    """Return the first rung that is due on a day: its day, its process, the key of its term, its name."""
    found: tuple[date, str, str, str] | None = None
    for process in case.processes:
        for term in process.terms:
            rung = term.next_rung()
            if rung is not None and rung.on <= day and (found is None or rung.on < found[0]):
                found = (rung.on, process.name, term.key, rung.name)
    return found


@dataclass
class TermEffect:
    """What a change does to one kind of term in the period; `moved` have another last day."""

    counted: int = 0
    moved: int = 0
    late_before: int = 0
    late_after: int = 0
    added: int = 0
    dropped: int = 0


@dataclass
class Effect:
    """What a change does to cases: counts, no case by name.

    `running` counts terms that run now, by term, last day now and last day then. Work is counted by role and Monday.
    """

    cases: int = 0
    open_cases: int = 0
    not_replayed: int = 0
    other_way: Counter[str] = field(default_factory=Counter)
    terms: dict[str, TermEffect] = field(default_factory=dict)
    running: Counter[tuple[str, date, date]] = field(default_factory=Counter)
    work_before: Counter[tuple[str, date]] = field(default_factory=Counter)
    work_after: Counter[tuple[str, date]] = field(default_factory=Counter)

    def add(self, other: Effect) -> None:
        """Add what was counted elsewhere."""
        self.cases += other.cases
        self.open_cases += other.open_cases
        self.not_replayed += other.not_replayed
        self.other_way.update(other.other_way)
        self.running.update(other.running)
        self.work_before.update(other.work_before)
        self.work_after.update(other.work_after)
        for name, found in other.terms.items():
            mine_term = self.terms.setdefault(name, TermEffect())
            for item in fields(TermEffect):
                setattr(mine_term, item.name, getattr(mine_term, item.name) + getattr(found, item.name))


def count_case(
    effect: Effect, inputs: Sequence[JournalInput], rules: Comparison, *, begin: date, today: date
) -> None:
    """Run one case under two policies up to today, and count what differs since `begin`."""
    now, then = both_ways(inputs, rules, today)
    if now.stuck_on is not None:
        effect.not_replayed += 1
        return
    effect.cases += 1
    effect.open_cases += not all(closed(process) for process in now.case.processes)
    if then.stuck_on is not None:
        effect.other_way[then.stuck_on] += 1
    _count_terms(effect, now, then, begin, today)
    for counted, run in ((effect.work_before, now), (effect.work_after, then)):
        counted.update((role, _monday(day)) for role, day in run.work if begin <= day <= today)


def both_ways(inputs: Sequence[JournalInput], rules: Comparison, today: date) -> tuple[Run, Run]:
    """Run a case under both policies. Up to the first term or choice that the change touches, the two runs are one."""
    now, then = Run(rules.before), None
    for given in (*inputs, None):
        case, worked = now.case, len(now.work)
        rules.read.clear()
        _go_on(now, given, today)
        if then is None and (rules.read or rules.touched.seen_in(now.case)):
            then = Run(rules.after, case, now.work[:worked])
        if then is not None:
            _go_on(then, given, today)
    return now, then or now


def _go_on(run: Run, given: JournalInput | None, today: date) -> None:
    """Let a run take one input, or after the last one wait for today."""
    run.until(today) if given is None else run.take(given)


def _count_terms(effect: Effect, now: Run, then: Run, begin: date, today: date) -> None:
    old, new = _duties(now, begin), _duties(then, begin)
    for key, term in old.items():
        counted = effect.terms.setdefault(term.term, TermEffect())
        counted.counted += 1
        counted.late_before += was_late(term, today)
        other = new.get(key)
        if other is None:
            counted.dropped += 1
            continue
        counted.late_after += was_late(other, today)
        if other.due != term.due:
            counted.moved += 1
            if term.runs and other.runs and term.due is not None and other.due is not None:
                effect.running[term.term, term.due, other.due] += 1
    for key in new.keys() - old.keys():
        counted = effect.terms.setdefault(new[key].term, TermEffect())
        counted.added += 1
        counted.late_after += was_late(new[key], today)


def _duties(run: Run, begin: date) -> Mapping[tuple[str, str], RunningTerm]:
    """Return the terms that somebody must meet and that ran on a day since `begin`."""
    return {
        (process.name, term.key): term
        for process in run.case.processes
        for term in process.terms
        if run.rules.policy.term(term.term).kind is Kind.DUTY
        and (term.ended_on is None or term.ended_on >= begin)
    }


def was_late(term: RunningTerm, today: date) -> bool:
    """Whether a term was still open on the day after its last day."""
    if term.due is None:
        return False
    return (today if term.ended_on is None else term.ended_on) > term.due


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
