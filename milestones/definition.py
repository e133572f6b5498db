"""How a mijlpaal is written down: states, events and rows, as in the tables of domain 4.

A definition is data. `milestones.process.advance` reads it; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal

from milestones.terms import Term
from milestones.vocabulary import (
    EventName,
    FactName,
    FieldName,
    GuardName,
    PolicySwitch,
    ProcessCode,
    Role,
    TermId,
)

FactValue = str | int | bool | None

# Names that facts had in old versions, and still have in the openings of other systems.
RENAMED_FACTS: Mapping[str, FactName] = {
    "first_repayment_on": "eerste_aflossing",
    "reason": "reden_terugval",
}

ANY = "*"  # from every state that is not final
SAME = "="  # the state does not change
BACK = "<"  # back to the state from which a state that stands aside was entered
EVERYWHERE: Final = "*"  # a report to every other open process of the case

OFFERED = "OVERDRACHT_AANGEBODEN"
RETURNED = "TERUGGEGEVEN"


@dataclass(frozen=True, slots=True)
class State:
    """A state and who holds the case in it.

    `waits_for` is what people read in the Prefect UI, in Dutch. A final state waits for nothing.
    """

    code: str
    waits_for: str
    role: Role
    final: bool = False
    waits_on_partner: bool = False
    aside: bool = False  # entered for a while; BACK leads to the state before it


class FieldKind(StrEnum):
    """What a person or a system can fill in."""

    DATE = "datum"
    YES_NO = "ja/nee"
    NUMBER = "getal"
    CHOICE = "keuze"
    CHOICES = "keuzes"
    CODE = "code"  # a short code: letters, digits, dashes; never free text about a person


@dataclass(frozen=True, slots=True)
class Field:
    """One datum that may travel with an event, under the glossary's or DDAS's word for it."""

    name: FieldName | FactName
    kind: FieldKind
    label: str
    required: bool = False
    choices: tuple[str, ...] = ()
    most: int | None = None
    asked_since: bool = False  # a row of the journal from before it was asked may be without it


@dataclass(frozen=True, slots=True)
class EventSpec:
    """An event that can be reported: its Dutch label and the fields that it may carry.

    `by_timer`: only the engine reports it, when a term ends or when another process asks for it.
    `at_expiry_of`: the engine reports it when one of these terms ends, and a person may as well.
    `decision`: only a person may report it. `decided_by`: where the roles of that person are known, one of these.
    `process`: only there the name means this; None where it means the same in every process.
    """

    name: EventName
    label: str
    fields: tuple[Field, ...] = ()
    by_timer: bool = False
    decision: bool = False
    at_expiry_of: tuple[TermId, ...] = ()
    process: ProcessCode | None = None
    decided_by: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class Arm:
    """Start a term.

    `anchor` names the field that carries the date to count from; without it the date of the event counts.
    `supersedes` ends another running term; the new one then never ends later than the old (domain 3.2).
    `until` names a field that may carry the last day itself (a ruling, a letter). `when` names a fact
    that must be true, `unless` one that must not. `restart` counts anew when the term runs already; otherwise
    it keeps running. `several` starts one more beside those that run. `from_earlier` names a fact with a date
    that counts instead of the event's own date when it is earlier; `from_term` counts from the last day of
    another term, `same_anchor` from where the term itself counted before. `policy` names a yes/no setting of
    the municipality that must be on. `if_cancelled` names a term that must have lapsed with this same event.
    With `not_past` a term whose last day would lie before the event counts from the event itself. `without` names a
    field: what the event itself brings need not be waited for.
    """

    term: TermId
    anchor: FieldName | None = None
    supersedes: TermId | None = None
    until: FieldName | None = None
    when: FactName | FieldName | None = None
    variant: str | None = None
    restart: bool = False
    several: bool = False
    unless: FactName | FieldName | None = None
    from_earlier: FactName | None = None
    from_term: TermId | None = None
    policy: PolicySwitch | None = None
    same_anchor: bool = False
    if_cancelled: TermId | None = None
    not_past: bool = False
    without: FieldName | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """A hand-off: another process opens, and the receiver is asked to accept it.

    `carries` are running terms that move along, `gives` are facts that the receiver needs,
    `counts_from` gives, under the name of a fact that is not known yet, the day from which a term counted.
    `when` names a fact or field that must be true for this hand-off. `event` is reported to the receiver when
    it is open already. With `for_each` one opens for each of the number that the fact holds; with `own` it is always a
    new one.
    """

    code: ProcessCode
    carries: tuple[TermId, ...] = ()
    gives: tuple[FactName, ...] = ()
    when: FactName | FieldName | None = None
    handoff: bool = True
    event: EventName | None = None
    counts_from: tuple[FactName, TermId] | None = None
    for_each: FactName | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """An event for another open process of the case, or for all of them; `passes` are facts that go along.

    Of what the event itself may carry, only what it carried goes along. `earlier` is what a process of an
    earlier version is told, when it does not know the event. `when` names a field of the event that must be yes.
    """

    code: ProcessCode | Literal["*"]
    event: EventName
    passes: tuple[FactName | FieldName, ...] = ()
    earlier: EventName | None = None
    when: FieldName | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Something that a role must do; with `target_group` only for a client in that doelgroep.

    `unless` names a field: what the event itself brings need not be asked.
    """

    role: Role
    subject: str
    target_group: str | None = None
    unless: FieldName | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a state table: from, event, guards, to, and what goes with it.

    `source` may be one state or several; who reads a row asks `sources`.
    """

    source: str | tuple[str, ...]
    event: EventName
    to: str
    guards: tuple[GuardName, ...] = ()
    arms: tuple[Arm, ...] = ()
    meets: tuple[TermId, ...] = ()  # these terms are met ("gehaald")
    cancels: tuple[TermId, ...] = ()  # these terms lapse without purpose ("vervallen")
    suspends: tuple[TermId, ...] = ()
    resumes: tuple[TermId, ...] = ()
    revives: tuple[TermId, ...] = ()  # these lapsed with the decision that now falls, and count on
    opens: tuple[Opening, ...] = ()
    reports: tuple[Report, ...] = ()
    notifies: tuple[Role, ...] = ()
    counts: FactName | None = None  # a fact that goes up by one
    sets: Mapping[FactName, FactValue] = field(default_factory=dict)  # facts that become this value
    keeps: tuple[FactName, ...] = ()  # fields of the event that become facts
    collects: tuple[FactName, ...] = ()  # fields of the event that are added to a list of facts
    stamps: tuple[FactName, ...] = ()  # facts that become the date of the event, the first time
    meets_one: tuple[TermId, ...] = ()  # of several running terms, the named or else the oldest is met
    tasks: tuple[Task, ...] = ()
    extends: bool = False  # the event asks for a longer term
    ends: bool = False  # the process ends in this state: it is definitive
    # May also happen when the process has ended; leading to a state, it opens it again.
    afterwards: bool = False
    because: str = ""  # where an edge that is not in the domain table comes from

    @property
    def sources(self) -> tuple[str, ...]:
        """The states from which this row leads."""
        return (self.source,) if isinstance(self.source, str) else self.source


@dataclass(frozen=True)
class Definition:
    """One mijlpaal (or process beside it), in one version.

    `events` says what each event name means here; only those of its rows can happen. An old version keeps the terms
    as they were in `old_terms`, and in `old_facts` its own names of facts that have another name today.
    """

    code: ProcessCode
    name: str
    version: int
    starts_in: str
    states: tuple[State, ...]
    rows: tuple[Row, ...]
    on_open: tuple[Arm, ...] = ()
    name_confidence: str = "V"
    route_names: tuple[str, ...] = ()
    notifies_on_open: tuple[str, ...] = ()
    tasks_on_open: tuple[Task, ...] = ()
    several: bool = False  # a case may have more than one of these open at a time
    events: Mapping[str, EventSpec] = field(default_factory=dict)
    old_terms: Mapping[str, Term] = field(default_factory=dict)
    old_facts: Mapping[str, str] = field(default_factory=dict)

    def event(self, name: str) -> EventSpec:
        """Return what an event means in this process; one that cannot happen here is a KeyError."""
        if name not in self._own_events:
            raise KeyError(name)
        return self.events[name]

    def knows(self, event: str) -> bool:
        """Whether an event can happen in this process."""
        return event in self._own_events

    @cached_property
    def _own_events(self) -> frozenset[str]:
        return frozenset(row.event for row in self.rows)

    def own_facts(self, facts: Mapping[str, object]) -> dict[str, object]:
        """Return facts under the names that this version has for them."""
        return {self.old_facts.get(name, name): value for name, value in todays_facts(facts).items()}

    @cached_property
    def state_by_code(self) -> Mapping[str, State]:
        """The states by their code, those of a pending hand-off included."""
        return {state.code: state for state in self.states}

    def state(self, code: str) -> State:
        """Return a state; an unknown code is a KeyError."""
        return self.state_by_code[code]

    @property
    def first_state(self) -> State:
        """The state in which the process starts once its receiver has it."""
        return self.state_by_code[self.starts_in]

    @cached_property
    def _rows_by_state(self) -> Mapping[str, tuple[Row, ...]]:
        return {
            state.code: tuple(
                row
                for row in self.rows
                if (row.afterwards or not state.final)
                and (
                    state.code in row.sources
                    or (ANY in row.sources and state.code not in (OFFERED, RETURNED))
                )
            )
            for state in self.states
        }

    @cached_property
    def _rows_by_event(self) -> Mapping[str, Mapping[str, tuple[Row, ...]]]:
        return {
            state: {
                event: tuple(row for row in rows if row.event == event)
                for event in dict.fromkeys(row.event for row in rows)
            }
            for state, rows in self._rows_by_state.items()
        }

    def rows_from(self, state: str) -> tuple[Row, ...]:
        """Return the rows that leave a state, in the order in which they are tried."""
        return self._rows_by_state[state]

    def rows_for(self, state: str, event: str) -> tuple[Row, ...]:
        """Return the rows for one event in one state, in the order in which their guards are tried."""
        return self._rows_by_event[state].get(event, ())

    def events_from(self, state: str) -> tuple[str, ...]:
        """Return the names of the events that a state knows, in table order, each once."""
        return tuple(dict.fromkeys(row.event for row in self._rows_by_state[state]))

    @cached_property
    def terms(self) -> frozenset[str]:
        """The ids of every term that this process can start."""
        armed = {arm.term for arm in self.on_open}
        armed |= {arm.term for row in self.rows for arm in row.arms}
        return frozenset(armed)


def todays_facts(facts: Mapping[str, object]) -> dict[str, object]:
    """Return facts under the names of today; one that was never renamed keeps its name."""
    return {RENAMED_FACTS.get(name, name): value for name, value in facts.items()}
