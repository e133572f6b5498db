"""What is done to a process from outside its table.

It is given to somebody, put back a step, judged with four eyes, shown to the inwoner, or its opening that lies ahead
is set right. All are transitions of their own in the journal; nothing is ever taken out of it. They are no rows of a
definition, so that no form offers them among the events of the case itself, but for a second opinion that waits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from milestones.definition import OFFERED, RETURNED, EventSpec, Row
from milestones.event_data import checked
from milestones.event_fields import code, one_of
from milestones.events import EVENT_NAMES
from milestones.four_eyes import GIVEN, SECOND_OPINION, judge, without_proposal
from milestones.process import Event, Message, NotPossible, Outcome, Snapshot, is_closed
from milestones.running import count_term, passed_rungs
from milestones.snapshot import TermOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from milestones.definition import Definition
    from milestones.policy import Rules
    from milestones.process import Input
    from milestones.snapshot import RunningTerm

ASSIGNED: Final = "houder_gewijzigd"
PUT_BACK: Final = "teruggezet"
OPENING_SET_RIGHT: Final = "opening_rechtgezet"
RESIDENT_PAGE: Final = "inzage_inwoner"

ASSIGN_REASONS = (
    "toegewezen",
    "werkverdeling",
    "afwezig",
    "uit dienst",
    "andere rol",
    "op verzoek van de inwoner",
    "vrijgegeven",
)
OPENING_REASONS = ("klok stond verkeerd", "verkeerde datum gemeld")
PUT_BACK_REASONS = ("verkeerd gemeld", "te vroeg gemeld", "nieuwe informatie", "afspraak vervallen")

STEERING: Mapping[str, EventSpec] = MappingProxyType(
    {
        **SECOND_OPINION,
        **{
            spec.name: spec
            for spec in (
                EventSpec(
                    ASSIGNED,
                    "Zaak toegewezen aan een medewerker",
                    (
                        code("houder", "Code van de medewerker (leeg: niemand)"),
                        one_of("reden", "Waarom", ASSIGN_REASONS, required=True),
                    ),
                    decision=True,
                ),
                EventSpec(
                    PUT_BACK,
                    "Zaak teruggezet naar een eerdere stap",
                    (
                        code("naar", "Code van de eerdere toestand", required=True),
                        one_of("reden", "Waarom", PUT_BACK_REASONS, required=True),
                    ),
                    decision=True,
                ),
                EventSpec(
                    RESIDENT_PAGE,
                    "Inzage voor de inwoner gegeven of ingetrokken",
                    (one_of("inzage", "Gegeven of ingetrokken", ("gegeven", "ingetrokken"), required=True),),
                    decision=True,
                ),
                EventSpec(
                    OPENING_SET_RIGHT,
                    "Datum van de start rechtgezet",
                    (one_of("reden", "Waarom", OPENING_REASONS, required=True),),
                    decision=True,
                ),
            )
        },
    }
)


REPORTABLE: frozenset[str] = EVENT_NAMES | {GIVEN}
"""The names that somebody may report: those of the rows, and a second opinion."""


def spec_of(definition: Definition, event: str) -> EventSpec:
    """Return what an event means in a process, also one from outside its table; an unknown one is a KeyError."""
    return STEERING[event] if event in STEERING else definition.event(event)


def reportable(definition: Definition) -> tuple[EventSpec, ...]:
    """Return every event that a form of this process may offer: those of its rows, and the second opinion."""
    names = dict.fromkeys(row.event for row in definition.rows)
    return (*(definition.event(name) for name in names), SECOND_OPINION[GIVEN])


def is_steering(given: Input) -> bool:
    """Whether an input is decided here and not by the table of its process."""
    return isinstance(given, Event) and given.name in STEERING


def steer(definition: Definition, before: Snapshot, event: Event, today: date, rules: Rules) -> Outcome:
    """Decide what an event of a coordinator does. Raises NotPossible or InvalidData; then nothing has changed."""
    rules = rules.under(definition)
    if event.name != RESIDENT_PAGE and is_closed(definition, before):
        raise NotPossible(f"{before.name} is al afgerond ({before.state}).")
    if event.on > today:
        raise NotPossible(f"De datum {event.on.isoformat()} ligt in de toekomst.")
    if event.on < before.opened_on and event.name != OPENING_SET_RIGHT:
        raise NotPossible(f"De datum {event.on.isoformat()} ligt voor de start van {before.name}.")
    if event.name in SECOND_OPINION:
        return judge(definition, before, event, rules.policy)
    data = checked(STEERING[event.name], event.data)
    after = replace(before, sequence=before.sequence + 1)
    if event.name == OPENING_SET_RIGHT:
        return Outcome(before, _opened_on(after, event.on, today, rules), event.name)
    if event.name == ASSIGNED:
        facts = {name: value for name, value in before.facts.items() if name != "houder"}
        if "houder" in data:
            facts["houder"] = data["houder"]
        return Outcome(before, replace(after, facts=facts), event.name)
    if event.name == RESIDENT_PAGE:
        return Outcome(before, after, event.name)
    target = str(data["naar"])
    undone = _way(definition, target, before)
    kept = without_proposal(before.facts)
    after = _undo(replace(after, state=target, facts=kept), undone, event.on, rules)
    return Outcome(before, after, event.name, (Message(after.role(definition), "kennisgeving", before.name),))


def _opened_on(process: Snapshot, day: date, today: date, rules: Rules) -> Snapshot:
    """Open a process that would begin after today on an earlier day, and count its running terms from there."""
    if process.opened_on <= today:
        raise NotPossible(
            f"{process.name} is al begonnen, op {process.opened_on.isoformat()}: die datum blijft staan."
        )

    def from_day(term: RunningTerm) -> RunningTerm:
        if not term.runs or term.anchor <= today:
            return term
        moved = replace(term, anchor=day, started_on=term.started_on - (term.anchor - day), fired=frozenset())
        counted = count_term(moved, rules)
        return replace(counted, fired=passed_rungs(counted, today))

    return replace(process, opened_on=day, terms=tuple(from_day(term) for term in process.terms))


def earlier_states(definition: Definition, process: Snapshot) -> tuple[str, ...]:
    """Return the states to which a process can be put back, in the order of its table."""
    found = []
    for state in definition.states:
        try:
            _way(definition, state.code, process)
        except NotPossible:
            continue
        found.append(state.code)
    return tuple(found)


def _way(definition: Definition, target: str, process: Snapshot) -> tuple[Row, ...]:
    """Return the rows of the shortest way from an earlier state to the present one; NotPossible without one."""
    states = definition.state_by_code
    if process.state in (OFFERED, RETURNED) or target in (OFFERED, RETURNED):
        raise NotPossible("Een overdracht zet je niet terug: aanvaard haar of geef haar terug.")
    if target not in states or states[target].final or states[target].aside or target == process.state:
        raise NotPossible(f"{process.name} kan niet terug naar die stap.")
    ways: dict[str, tuple[Row, ...]] = {target: ()}
    queue = deque([target])
    while queue and process.state not in ways:
        here = queue.popleft()
        for line in definition.rows_from(here):
            if line.to in states and not states[line.to].final and line.to not in ways:
                hop = tuple(row for row in definition.rows_from(here) if row.to == line.to)
                ways[line.to] = ways[here] + hop
                queue.append(line.to)
    if process.state not in ways:
        raise NotPossible(f"Die stap komt niet voor {process.state} in {process.name}.")
    way = ways[process.state]
    if any(line.opens or line.ends for line in way):
        raise NotPossible(
            f"Na '{target}' is een besluit bekendgemaakt of een ander proces gestart: dat kan niet terug. "
            "Meld wat er nu moet gebeuren."
        )
    return way


def _undo(snapshot: Snapshot, way: tuple[Row, ...], on: date, rules: Rules) -> Snapshot:
    """Put the terms back too: what the undone steps started lapses, what they ended runs on as it was."""
    started = {arm.term for line in way for arm in line.arms}
    ended = {term for line in way for term in (*line.meets, *line.meets_one, *line.cancels)}
    ended |= {arm.supersedes for line in way for arm in line.arms if arm.supersedes}
    suspended = {term for line in way for term in line.suspends}
    latest = {term.term: term.key for term in snapshot.terms}

    def put_back(term: RunningTerm) -> RunningTerm:
        if term.runs and term.term in started and term.term not in ended:
            return replace(term, stopped=TermOutcome.CANCELLED, ended_on=on)
        if term.runs and term.term in suspended and term.suspended_since is not None:
            return count_term(replace(term, suspended_since=None), rules)
        runs_already = snapshot.running(term.term) is not None
        if not term.runs and term.term in ended and latest[term.term] == term.key and not runs_already:
            return replace(term, stopped=None, ended_on=None)
        return term

    return replace(snapshot, terms=tuple(put_back(term) for term in snapshot.terms))
