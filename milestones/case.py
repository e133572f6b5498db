"""A case: its processes side by side, and how one input travels through them.

An input changes one process; that may open others (a hand-off) or report events to them. All of it is one
list of steps that belong together: they are written in one transaction, or not at all.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from milestones.calendar import OutsideCalendarError
from milestones.codes import check_codes
from milestones.definition import EVERYWHERE, OFFERED, RETURNED, Report
from milestones.definitions import VERSIONS, current, definition_of
from milestones.four_eyes import GIVEN, WAITS_ALREADY, first_answer, proposal
from milestones.process import (
    Event,
    Input,
    InvalidData,
    Message,
    NotPossible,
    RungDue,
    Snapshot,
    advance,
    is_closed,
    open_process,
    possible,
)
from milestones.replacing import replace
from milestones.running import free_key
from milestones.steering import is_steering, steer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from milestones.policy import Rules
    from milestones.process import Handover

HANDOFF_EVENTS = {"overdracht_aanvaard", "overdracht_teruggegeven", "overdracht_aangeboden"}


@dataclass(frozen=True, slots=True)
class Step:
    """One line for the journal: what happened in which process, and what must be told.

    `derived` steps follow from the step before them and are not an input of their own.
    """

    process: str
    version: int
    event: str
    on: date
    before: str | None
    after: str
    data: Mapping[str, object] = field(default_factory=dict)
    term: str | None = None
    rung: str | None = None
    derived: bool = False
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Case:
    """The processes of one case, in the order in which they opened."""

    processes: tuple[Snapshot, ...] = ()

    def process(self, name: str) -> Snapshot:
        """Return a process by its name ("M2#2"); a bare code has the latest instance, an open one first.

        "M2#1" is the first one, also when it has ended. A process that the case does not have is NotPossible.
        """
        exact = next((item for item in self.processes if item.name == name.removesuffix("#1")), None)
        if exact is not None and ("#" in name or not closed(exact)):
            return exact
        same = [item for item in self.processes if item.code == name]
        open_ones = [item for item in same if not closed(item)]
        if open_ones or same:
            return (open_ones or same)[-1]
        names = ", ".join(item.name for item in self.processes)
        raise NotPossible(f"Deze zaak heeft geen {name} (wel: {names}).")

    def named(self, name: str) -> Snapshot:
        """Return the process that is kept under this name: "M2" is the first M2, whatever runs after it.

        A process that the case does not have is NotPossible.
        """
        return self.process(exactly(name))

    def open_process(self, code: str) -> Snapshot | None:
        """Return the open process with this code, or None."""
        return next(
            (item for item in reversed(self.processes) if item.code == code and not closed(item)), None
        )

    def replaced(self, process: Snapshot) -> Case:
        """Return the case with this process in the place of the one of the same name."""
        name = process.name
        return Case(tuple(process if item.name == name else item for item in self.processes))


def exactly(name: str) -> str:
    """Return the name of a process as what it alone answers to: "M2" alone would find a newer M2 too."""
    return name if "#" in name else f"{name}#1"


def traject_is_open(case: Case) -> bool:
    """Whether the case holds a traject that has not ended: a person has at most one of these (DDAS)."""
    return any(
        process.code in TRAJECT and not closed(process) and process.facts.get("uitstroomreden") is None
        for process in case.processes
    )


TRAJECT = {"M3", "M4", "M5", "M6", "M7", "M8", "WSNP"}
# In these no help runs: only a question, a signal, or a decision beside the case.
NO_HELP = frozenset({"M1", "M2", "BESLUIT"})
# In these a decision stands, or is attacked.
_DECIDED = frozenset({"BESCHIKT_TOEGELATEN", "BESCHIKT_GEWEIGERD", "BEZWAAR", "BEROEP"})


def closed(process: Snapshot) -> bool:
    """Whether a process has ended."""
    return is_closed(definition_of(process), process)


def _goes_on(process: Snapshot) -> bool:
    """Whether there is work to do in a process: once it has decided, only bezwaar and beroep go on."""
    decided = process.state in _DECIDED or process.facts.get("uitstroomreden") is not None
    return not decided and not closed(process)


def process_for(case: Case, event: str) -> str:
    """Return the name of the one open process in which an event is possible now.

    None, or more than one, is NotPossible with a sentence that says what to do.
    """
    able = [item for item in case.processes if event in possible_now(item)]
    able = [item for item in able if not closed(item)] or able
    # One that only passes the event on to another leaves it to that other; of two that tell each other, the first.
    passing = [item for item in able if _passes_on(item, event, {other.code for other in able})]
    able = [item for item in able if item not in passing] or passing[:1]
    if len(able) == 1:
        return able[0].name
    if able:
        names = ", ".join(item.name for item in able)
        raise NotPossible(f"'{event}' kan in {names}: kies er een met --mijlpaal.")
    allowed = {name: None for item in case.processes for name in possible_now(item)}
    if any((waits := proposal(item)) and waits.event.name == event for item in case.processes):
        raise NotPossible(WAITS_ALREADY, allowed)
    raise NotPossible(f"'{event}' kan nu niet in deze zaak.", allowed)


def _passes_on(process: Snapshot, event: str, codes: set[str]) -> bool:
    rows = definition_of(process).rows_for(process.state, event)
    return any(report.event == event and report.code in codes for row in rows for report in row.reports)


def possible_now(process: Snapshot) -> tuple[str, ...]:
    """Return the events that may be reported; work on an offered case counts as accepting it."""
    definition = definition_of(process)
    events = possible(definition, process)
    if process.state == OFFERED:
        events += possible(definition, replace(process, state=definition.starts_in))
    if (waits := proposal(process)) is not None:
        events = (GIVEN, *(name for name in events if name != waits.event.name))
    return tuple(dict.fromkeys(events))


def start(
    case: Case,
    code: str,
    on: date,
    today: date,
    rules: Rules,
    facts: Mapping[str, object] | None = None,
) -> tuple[Case, tuple[Step, ...]]:
    """Open a mijlpaal in a case by itself, without a hand-off.

    Raises NotPossible for an unknown code, a date in the future, and a mijlpaal that is open already.
    """
    definition = current(code, rules.versions.get(code))
    if on > today:
        raise NotPossible(f"De datum {on.isoformat()} ligt in de toekomst.")
    if not definition.several and any(item.code == code and _goes_on(item) for item in case.processes):
        raise NotPossible(f"{code} loopt al in deze zaak.")
    with _within_the_calendar():
        snapshot, messages = open_process(
            definition, on, today, rules, instance=_next_instance(case, code), facts=facts
        )
    step = Step(
        snapshot.name,
        snapshot.version,
        "geopend",
        on,
        None,
        snapshot.state,
        dict(facts or {}),
        messages=messages,
    )
    return Case((*case.processes, snapshot)), (step,)


def apply(case: Case, name: str, given: Input, today: date, rules: Rules) -> tuple[Case, tuple[Step, ...]]:
    """Return the case after one input, with the steps in the order in which they happened.

    Raises NotPossible (or InvalidData); then nothing has changed.
    """
    if isinstance(given, Event):
        process = case.process(name)
        definition = definition_of(process)
        if definition.knows(given.name) and definition.event(given.name).by_timer:
            raise NotPossible(f"'{given.name}' meldt het systeem zelf.", possible_now(process))
        if definition.knows(given.name) and not given.kept:
            check_codes(rules.policy, given.data)
    with _within_the_calendar():
        after, steps = _apply(case, name, given, today, rules, seen=frozenset())
    return after, _told_once(steps)


def _told_once(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Of an event that goes to every process of the case, leave out what somebody was told already: a death, once."""
    if not any(step.event in _GOES_EVERYWHERE for step in steps):
        return steps
    known: set[tuple[str, str, str, str | None]] = set()
    told: list[Step] = []
    for step in steps:
        fresh = tuple(
            message
            for message in step.messages
            if step.event not in _GOES_EVERYWHERE
            or (step.event, message.role, message.kind, message.subject) not in known
        )
        known |= {(step.event, message.role, message.kind, message.subject) for message in fresh}
        told.append(replace(step, messages=fresh))
    return tuple(told)


_GOES_EVERYWHERE = frozenset(
    report.event
    for definition in VERSIONS
    for row in definition.rows
    for report in row.reports
    if report.code == EVERYWHERE
)


@contextmanager
def _within_the_calendar() -> Iterator[None]:
    """Refuse a date for which terms cannot be counted, as any other date that cannot be."""
    try:
        yield
    except OutsideCalendarError as error:
        raise InvalidData(str(error)) from None


def _apply(
    case: Case, name: str, given: Input, today: date, rules: Rules, *, seen: frozenset[tuple[str, str]]
) -> tuple[Case, tuple[Step, ...]]:
    """Apply an input; `seen` are the reports that led here, so that none goes round."""
    process = _addressed(case, name, given)
    if isinstance(given, Event) and _accepts_by_working(process, given):
        case, accepted = _apply(
            case, process.name, Event("overdracht_aanvaard", given.on), today, rules, seen=seen
        )
        case, rest = _apply(case, process.name, given, today, rules, seen=seen)
        return case, (replace(accepted[0], derived=True), *rest)
    beside = tuple(item for item in case.processes if item is not process and not closed(item))
    if isinstance(given, Event) and is_steering(given):
        outcome = steer(definition_of(process), process, given, today, rules)
    else:
        outcome = advance(definition_of(process), process, given, today, rules, beside=beside)
    after = outcome.after
    case = case.replaced(after)
    steps = [
        Step(
            after.name,
            after.version,
            outcome.event,
            given.on if isinstance(given, Event) else _rung_day(process, given),
            outcome.before.state,
            after.state,
            given.data if isinstance(given, Event) else {},
            term=given.key if isinstance(given, RungDue) else None,
            rung=given.rung if isinstance(given, RungDue) else None,
            messages=outcome.messages,
        )
    ]
    for handover in outcome.openings:
        case, more = _receive(case, after, handover, today, rules)
        steps.extend(more)
    for report, event in outcome.reports:
        known = seen | {(after.name, outcome.event)}
        case, more = _report(case, after, report, event, today=today, rules=rules, seen=known)
        steps.extend(more)
    return case, tuple(steps)


def _report(
    case: Case,
    sender: Snapshot,
    report: Report,
    event: Event,
    *,
    today: date,
    rules: Rules,
    seen: frozenset[tuple[str, str]],
    only: str | None = None,
) -> tuple[Case, tuple[Step, ...]]:
    """Report an event to another open process, or to all; one in which it cannot happen goes on as it was."""
    steps: list[Step] = []
    for item in case.processes:
        if item.name == sender.name or report.code not in (EVERYWHERE, item.code):
            continue
        if only is not None and item.name != only:
            continue
        target = case.named(item.name)
        if closed(target) or (target.name, event.name) in seen:
            continue
        known = definition_of(target).knows(event.name)
        name = event.name if known or report.earlier is None else report.earlier
        told = replace(event, name=name, on=max(event.on, target.opened_on))
        try:
            case, more = _apply(case, target.name, told, today, rules, seen=seen)
        except NotPossible:
            continue
        steps.extend(replace(step, derived=True) for step in more)
    return case, tuple(steps)


def _addressed(case: Case, name: str, given: Input) -> Snapshot:
    """Return the process that an input is for; a hand-off may be answered at either end."""
    if isinstance(given, RungDue):
        return next(item for item in case.processes if item.name == name)
    process = case.process(name)
    if given.name in HANDOFF_EVENTS and process.state not in (OFFERED, RETURNED):
        for other in case.processes:
            if other.facts.get("overdracht_van") == process.name and other.state in (OFFERED, RETURNED):
                return other
    return process


def _accepts_by_working(process: Snapshot, event: Event) -> bool:
    """Whether an event on an offered case is work of the receiver, and so accepts it."""
    if process.state != OFFERED:
        return False
    definition, (name, _) = definition_of(process), first_answer(event.name, event.data)
    return not definition.rows_for(OFFERED, name) and bool(definition.rows_for(definition.starts_in, name))


def _receive(
    case: Case, sender: Snapshot, handover: Handover, today: date, rules: Rules
) -> tuple[Case, tuple[Step, ...]]:
    """Open the process that a hand-over names, or hand the terms to the one that is open already."""
    code = handover.opening.code
    opened = [item for item in case.processes if item.code == code and _goes_on(item)]
    if len(opened) >= handover.place and not handover.opening.own:
        running = opened[handover.place - 1]
        merged = replace(
            running,
            facts=_with_news(running, definition_of(running).own_facts(handover.facts)),
            sequence=running.sequence + 1,
        )
        for term in handover.carried:
            merged = replace(merged, terms=(*merged.terms, replace(term, key=free_key(merged, term.term))))
        message = Message(merged.role(definition_of(merged)), "overdracht", merged.name)
        step = Step(
            merged.name, merged.version, "overgedragen", handover.on, running.state, merged.state,
            derived=True, messages=(message,),
        )  # fmt: skip
        case = case.replaced(merged)
        event = handover.opening.event
        if event is None:
            return case, (step,)
        told = Event(event, handover.on)
        report = Report(code, event)
        case, more = _report(
            case, sender, report, told, today=today, rules=rules, seen=frozenset(), only=merged.name
        )
        return case, (step, *more)
    facts = {**handover.facts, "overdracht_van": sender.name}
    snapshot, messages = open_process(
        current(code, rules.versions.get(code)),
        handover.on,
        today,
        rules,
        instance=_next_instance(case, code),
        handover=replace(handover, facts=facts),
    )
    step = Step(
        snapshot.name, snapshot.version, "geopend", handover.on, None, snapshot.state,
        derived=True, messages=messages,
    )  # fmt: skip
    return Case((*case.processes, snapshot)), (step,)


def _with_news(running: Snapshot, given: Mapping[str, object]) -> dict[str, object]:
    """Return the facts of a process with those of a hand-over; one client is never two again, whoever says so."""
    facts = {**running.facts, **given}
    if running.facts.get("clienten") == 1:
        facts["clienten"] = 1
    return facts


def _next_instance(case: Case, code: str) -> int:
    return 1 + sum(1 for item in case.processes if item.code == code)


def _rung_day(process: Snapshot, due: RungDue) -> date:
    term = next(item for item in process.terms if item.key == due.key)
    return next(rung.on for rung in term.ladder if rung.name == due.rung)
