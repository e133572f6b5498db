"""The one function that decides what an input does to a process of a case.

`advance(definition, snapshot, input, today, rules)` takes everything it needs and gives an outcome. It reads
no clock, no file and no database, so the flows, the API, the command line, the simulator and the property
tests all share it. All dates are civil dates in Europe/Amsterdam.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from milestones.definition import BACK, OFFERED, SAME, Arm, Definition, Row, todays_facts
from milestones.event_data import checked
from milestones.events import EVENT_NAMES
from milestones.extending import extend
from milestones.four_eyes import without_proposal
from milestones.guards import GUARDS, Situation
from milestones.policy import Policy
from milestones.profiles import LIFE_PHASE, PERSONA, TARGET_GROUP, tasks_of
from milestones.replacing import replace
from milestones.roles import dutch_role
from milestones.running import (
    arm_term,
    as_date,
    count_term,
    end_all,
    end_at_death,
    goes_with,
    put,
    resume,
    revive,
    stop,
    stop_one,
    suspend,
    target_groups,
)
from milestones.snapshot import (
    Event,
    Handover,
    Input,
    InvalidData,
    Message,
    NotPossible,
    Outcome,
    RungDue,
    RunningTerm,
    Snapshot,
    TermOutcome,
)
from milestones.target_groups import tasks_for
from milestones.terms import EXPIRY, Kind
from milestones.vocabulary import HANDOFF_TERM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from milestones.definition import EventSpec, Report
    from milestones.policy import Rules
    from milestones.terms import Rung

__all__ = [
    "Event",
    "Handover",
    "Input",
    "InvalidData",
    "Message",
    "NotPossible",
    "Outcome",
    "RungDue",
    "RunningTerm",
    "Snapshot",
    "TermOutcome",
    "advance",
    "checked",
    "count_term",
    "is_closed",
    "open_process",
    "possible",
]

DEFINITIVE = "definitief"  # the fact that ends a process in a state that is not final by itself
_BEFORE = "vorige_toestand"
_MOST_CLIENTS = 2  # of one traject (DDAS)
_NO_POLICY = Policy()  # a guard that hides an event looks at the process alone


def advance(
    definition: Definition,
    snapshot: Snapshot,
    given: Input,
    today: date,
    rules: Rules,
    *,
    beside: tuple[Snapshot, ...] = (),
) -> Outcome:
    """Decide what one input does to a process; `beside` are the other open processes of its case.

    Raises NotPossible when the event cannot happen in this state, and InvalidData when its data are wrong;
    then nothing has changed.
    """
    rules = rules.under(definition)
    if isinstance(given, RungDue):
        return _climb(definition, snapshot, given, today, rules=rules, beside=beside)
    if not definition.knows(given.name):
        if given.name in EVENT_NAMES:
            raise _not_here(definition, snapshot, given.name)
        raise NotPossible(f"De gebeurtenis '{given.name}' bestaat niet.", possible(definition, snapshot))
    if given.on > today:
        raise NotPossible(f"De datum {given.on.isoformat()} ligt in de toekomst.")
    if given.on < snapshot.opened_on:
        raise NotPossible(
            f"De datum {given.on.isoformat()} ligt voor de start van {snapshot.name} "
            f"({snapshot.opened_on.isoformat()})."
        )
    spec = definition.event(given.name)
    _check_role(spec, given, rules.policy)
    data = checked(spec, given.data, kept=given.kept)
    event = Event(given.name, given.on, data, given.by, given.kept)
    line = _choose(definition, snapshot, event, rules, beside)
    return _take(definition, snapshot, line, event, today=today, rules=rules)


def _check_role(spec: EventSpec, given: Event, policy: Policy) -> None:
    """Refuse a decision of somebody whose roles are known and do not allow it."""
    able = tuple(dict.fromkeys(policy.role(role) for role in spec.decided_by))
    if able and given.by is not None and not set(able) & set(given.by):
        raise NotPossible(
            f"'{spec.label}' kan alleen een {' of '.join(dutch_role(role) for role in able)} melden."
        )


def has_lapsed(definition: Definition, snapshot: Snapshot, day: date) -> bool:
    """Whether a term is over before this day that changes something by itself, and nobody fired it yet."""
    return any(
        rung.name == EXPIRY and _expiry_events(definition, snapshot, term.term)
        for term, rung in snapshot.pending(day)
    )


def possible(definition: Definition, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the events that a person or system may report now, in table order."""
    lines = definition.rows_from(snapshot.state)
    if is_closed(definition, snapshot):
        lines = tuple(line for line in lines if line.afterwards)
    situation = Situation(snapshot, {}, snapshot.opened_on, _NO_POLICY)
    events = dict.fromkeys(
        line.event
        for line in lines
        if all(GUARDS[name].holds(situation) for name in line.guards if GUARDS[name].hides)
    )
    return tuple(name for name in events if not definition.event(name).by_timer)


def open_process(
    definition: Definition,
    on: date,
    today: date,
    rules: Rules,
    *,
    instance: int = 1,
    handover: Handover | None = None,
    facts: Mapping[str, object] | None = None,
) -> tuple[Snapshot, tuple[Message, ...]]:
    """Start a process, by itself or at a hand-off; its legal terms count from `on` in both cases."""
    rules = rules.under(definition)
    by_hand = handover is not None and handover.opening.handoff and rules.policy.accept_by_hand
    known = definition.own_facts(facts or {})
    carried: tuple[RunningTerm, ...] = ()
    if handover is not None:
        known |= definition.own_facts(handover.facts)
        carried = handover.carried
        if by_hand:
            known["overdracht_van_rol"] = handover.from_role
    snapshot = Snapshot(
        code=definition.code,
        version=definition.version,
        state=OFFERED if by_hand else definition.starts_in,
        opened_on=on,
        instance=instance,
        facts=known,
        terms=carried,
        sequence=1,
    )
    event = Event("geopend", on, known)
    for arm in definition.on_open:
        snapshot = arm_term(snapshot, arm, event, today, rules)
    if by_hand:
        urgent = "bedreigend" if known.get("bedreigende_situatie") is True else None
        snapshot = arm_term(snapshot, Arm(HANDOFF_TERM, variant=urgent), Event(OFFERED, today), today, rules)
    receiver = rules.policy.role(definition.first_state.role)
    kind = "overdracht" if handover is not None and handover.opening.handoff else "nieuwe_zaak"
    told = tuple(Message(role, "kennisgeving", snapshot.name) for role in definition.notifies_on_open)
    told += tuple(
        Message(rules.policy.role(task.role), "taak", snapshot.name, subject=task.subject)
        for task in definition.tasks_on_open
    )
    short = _little_time(definition.on_open, carried, snapshot, today, receiver, rules)
    return snapshot, (Message(receiver, kind, snapshot.name), *told, *short)


def is_closed(definition: Definition, snapshot: Snapshot) -> bool:
    """Whether the process has ended: its state is final, or its decision has become definitive."""
    return definition.state(snapshot.state).final or snapshot.facts.get(DEFINITIVE) is True


def _little_time(
    arms: Iterable[Arm],
    before: tuple[RunningTerm, ...],
    after: Snapshot,
    today: date,
    receiver: str,
    rules: Rules,
) -> tuple[Message, ...]:
    """Warn at once of a term that counts from an earlier day, when one of its warnings is over already.

    One whose last day is over warns by itself.
    """
    earlier = {arm.term for arm in arms if arm.from_earlier}
    if not earlier:
        return ()
    short = [
        term
        for term in after.terms
        if term not in before and term.term in earlier and term.runs and term.fired
        if term.due is not None and term.due >= today
    ]
    roles = dict.fromkeys((receiver, rules.policy.role("coordinator")))
    return tuple(
        Message(role, "waarschuwing", after.name, term.term, term.due) for term in short for role in roles
    )


# --- choosing a row ---------------------------------------------------------------------------------------


def _choose(
    definition: Definition, snapshot: Snapshot, event: Event, rules: Rules, beside: tuple[Snapshot, ...]
) -> Row:
    """Return the first row for this event whose guards all hold."""
    lines = definition.rows_for(snapshot.state, event.name)
    if is_closed(definition, snapshot):
        lines = tuple(line for line in lines if line.afterwards)
        if not lines:
            raise _not_here(definition, snapshot, event.name)
    situation = Situation(snapshot, event.data, event.on, rules.policy, beside, event.by, rules.calendar)
    refusals: list[str] = []
    for line in lines:
        failed = [GUARDS[name].refusal for name in line.guards if not GUARDS[name].holds(situation)]
        if not failed:
            return line
        refusals.extend(failed)
    if refusals:
        raise NotPossible(" ".join(dict.fromkeys(refusals)), possible(definition, snapshot))
    raise _not_here(definition, snapshot, event.name)


def _not_here(definition: Definition, snapshot: Snapshot, event: str) -> NotPossible:
    """Return the refusal of an event that cannot happen in this process, or not in its state."""
    closed = is_closed(definition, snapshot)
    why = (
        f"{snapshot.name} is al afgerond ({snapshot.state})."
        if closed
        else (f"'{event}' kan niet in {snapshot.name} {snapshot.state}.")
    )
    return NotPossible(why, possible(definition, snapshot))


# --- taking a row -----------------------------------------------------------------------------------------


def _take(
    definition: Definition, before: Snapshot, line: Row, event: Event, *, today: date, rules: Rules
) -> Outcome:
    """Apply a chosen row: facts, terms, state, and what follows from them."""
    after = _with_state(definition, replace(before, facts=_facts(before, line, event)), line)
    after = _with_terms(after, line, event, today, rules)
    openings, after = _hand_over(definition, before, after, line, event)
    if is_closed(definition, after):
        after = end_all(after, event.on)
    reports = tuple(
        (report, Event(report.event, event.on, _passed(definition, report, event, after)))
        for report in line.reports
        if report.when is None or event.data.get(report.when) is True
    )
    after = replace(after, sequence=before.sequence + 1)
    holder = rules.policy.role(after.role(definition))
    short = _little_time(line.arms, before.terms, after, today, holder, rules)
    told = (*_messages(after, line, event, rules), *short)
    return Outcome(before, after, event.name, told, openings, reports)


def _facts(before: Snapshot, line: Row, event: Event) -> dict[str, object]:
    facts = dict(before.facts)
    if line.counts:
        count = facts.get(line.counts, 0)
        facts[line.counts] = (count if isinstance(count, int) else 0) + 1
    facts.update({str(name): value for name, value in line.sets.items()})
    facts |= {name: event.data[name] for name in line.keeps if name in event.data}
    for name in line.stamps:
        facts.setdefault(name, event.on)
    for name in line.collects:
        if name in event.data:
            known = facts.get(name, ())
            several = tuple(known) if isinstance(known, tuple | list) else (known,)
            facts[name] = tuple(dict.fromkeys((*several, event.data[name])))
    if line.ends:
        facts[DEFINITIVE] = True
    elif line.to != SAME:
        facts.pop(DEFINITIVE, None)
    return facts if line.to == SAME else without_proposal(facts)


def _with_state(definition: Definition, snapshot: Snapshot, line: Row) -> Snapshot:
    """Return the process in the state that a row leads to."""
    facts = dict(snapshot.facts)
    if line.to == SAME:
        return snapshot
    if line.to == BACK:
        back = facts.pop(_BEFORE, None)
        state = back if isinstance(back, str) and back in definition.state_by_code else definition.starts_in
        return replace(snapshot, state=state, facts=facts)
    if definition.state(line.to).aside and not definition.state(snapshot.state).aside:
        facts[_BEFORE] = snapshot.state
    return replace(snapshot, state=line.to, facts=facts)


def _with_terms(after: Snapshot, line: Row, event: Event, today: date, rules: Rules) -> Snapshot:
    """Resume, revive, meet, cancel, extend, start and suspend what a row says, in this order."""
    for term in line.resumes:
        after = resume(after, term, event.on, rules)
    if line.revives:
        after = revive(after, line.revives, today)
    for term in line.meets:
        after = stop(after, term, TermOutcome.MET, event.on)
    for term in line.meets_one:
        after = stop_one(after, term, event.data.get("termijn"), event.on)
    for term in line.cancels:
        after = stop(after, term, TermOutcome.CANCELLED, event.on)
    if after.facts.get("overleden") is True:
        after = end_at_death(after, event.on)
    if line.extends:
        after = extend(after, event, rules)
    for arm in line.arms:
        after = arm_term(after, arm, event, today, rules)
    until = next((as_date(event.data.get(arm.until)) for arm in line.arms if arm.until), None)
    for term in line.suspends:
        after = suspend(after, term, event.on, until, rules)
    return after


def _messages(after: Snapshot, line: Row, event: Event, rules: Rules) -> tuple[Message, ...]:
    """Return what must be told to whom: no letter to the client after a death, none to a partner without consent."""
    groups = target_groups(after.facts)
    told = [Message(role, "kennisgeving", after.name) for role in line.notifies]
    tasks = [
        task
        for task in line.tasks
        if (task.target_group is None or task.target_group in groups) and task.unless not in event.data
    ]
    if "doelgroep" in line.collects:
        group = event.data.get("doelgroep")
        tasks.extend(tasks_for(group))
        if (offer := rules.policy.offers.get(str(group))) is not None:
            tasks.extend(tasks_of(TARGET_GROUP, offer))
    for kind, profiles in ((LIFE_PHASE, rules.policy.life_phases), (PERSONA, rules.policy.personas)):
        if kind in line.keeps and (profile := profiles.get(str(event.data.get(kind)))) is not None:
            tasks.extend(tasks_of(kind, profile))
    told.extend(Message(task.role, "taak", after.name, subject=task.subject) for task in tasks)
    if after.facts.get("overleden") is True:
        told = [message for message in told if message.role != "client"]
    if event.data.get("toestemming", after.facts.get("toestemming")) is not True:
        told = [message for message in told if message.role != "chain_partner"]
    return tuple(_to(rules.policy.role(message.role), message) for message in told)


def _to(role: str, message: Message) -> Message:
    return message if role == message.role else replace(message, role=role)


def _passed(definition: Definition, report: Report, event: Event, after: Snapshot) -> dict[str, object]:
    """Return what goes along with a report: of the fields of the event what it brought, and else what is known."""
    own = {item.name for item in definition.event(event.name).fields}
    known = {**{name: value for name, value in after.facts.items() if name not in own}, **event.data}
    return {name: known[name] for name in report.passes if name in known}


def _hand_over(
    definition: Definition, before: Snapshot, after: Snapshot, line: Row, event: Event
) -> tuple[tuple[Handover, ...], Snapshot]:
    """Make the hand-overs of a row; the terms that move along leave this process."""
    handovers: list[Handover] = []
    for opening in line.opens:
        if opening.when and not (
            event.data.get(opening.when) is True or after.facts.get(opening.when) is True
        ):
            continue
        carried = tuple(item for item in after.terms if item.runs and goes_with(item, opening.carries))
        after = replace(after, terms=tuple(item for item in after.terms if item not in carried))
        facts = todays_facts({name: after.facts[name] for name in opening.gives if name in after.facts})
        if opening.counts_from:
            name, counted = opening.counts_from
            if former := after.latest(counted):
                facts.setdefault(name, former.anchor)
        wanted = after.facts.get(opening.for_each) if opening.for_each else 1
        number = wanted if isinstance(wanted, int) and wanted > 1 else 1
        handovers.extend(
            Handover(opening, event.on, before.role(definition), carried if place == 1 else (), facts, place)
            for place in range(1, min(number, _MOST_CLIENTS) + 1)
        )
    return tuple(handovers), after


# --- the ladder of a term ---------------------------------------------------------------------------------


def _climb(
    definition: Definition,
    before: Snapshot,
    due: RungDue,
    today: date,
    *,
    rules: Rules,
    beside: tuple[Snapshot, ...],
) -> Outcome:
    """Fire one rung: warn, or at the expiry escalate and take the row that the definition has for it."""
    term = next((item for item in before.terms if item.key == due.key), None)
    rung = next((item for item in term.ladder if item.name == due.rung), None) if term else None
    if term is None or rung is None or rung.name in term.fired or rung not in term.pending(today):
        raise NotPossible(f"De stap {due.key} {due.rung} is niet (meer) aan de orde.")
    kind = rules.policy.term(term.term)
    fired = replace(term, fired=term.fired | {rung.name})
    holder = rules.policy.role(before.role(definition))
    if rung.name != EXPIRY:
        after = put(before, term, fired)
        messages = tuple(
            Message(role, "waarschuwing", before.name, term.term, term.due)
            for role in dict.fromkeys((*_warned(definition, before, term, rung, rules), *kind.warns_too))
        )
        return Outcome(
            before, replace(after, sequence=before.sequence + 1), f"{term.term}_waarschuwing", messages
        )

    # The term ended at 24:00 of the day before this rung (R15); terms that follow count from that last day.
    over_on = rung.on
    elapsed = kind.kind is Kind.WINDOW
    if elapsed:
        fired = replace(fired, stopped=TermOutcome.ELAPSED, ended_on=over_on)
    after = put(before, term, fired)
    escalated = tuple(rules.policy.role(role) for role in kind.escalates_to)
    told = (holder,) if elapsed else tuple(dict.fromkeys((holder, *escalated)))
    messages = tuple(
        Message(role, "termijn_verstreken" if elapsed else "termijn_gemist", before.name, term.term, term.due)
        for role in told
    )
    for name in _expiry_events(definition, after, term.term):
        event = Event(name, over_on - timedelta(days=1))
        try:
            line = _choose(definition, after, event, rules, beside)
        except NotPossible:
            continue
        outcome = _take(definition, after, line, event, today=today, rules=rules)
        return replace(outcome, before=before, messages=messages + outcome.messages)
    return Outcome(before, replace(after, sequence=before.sequence + 1), f"{term.term}_verlopen", messages)


def _warned(
    definition: Definition, before: Snapshot, term: RunningTerm, rung: Rung, rules: Rules
) -> tuple[str, ...]:
    """Return who hears a warning: who holds the case, and while it is offered who must go on with it.

    On the day of the hand-off itself the sender hears of no work that he has just handed over.
    """
    holder = rules.policy.role(before.role(definition))
    if before.state != OFFERED or term.term == HANDOFF_TERM:
        return (holder,)
    receiver = rules.policy.role(definition.first_state.role)
    return (receiver,) if rung.on <= before.opened_on else (receiver, holder)


def _expiry_events(definition: Definition, snapshot: Snapshot, term: str) -> tuple[str, ...]:
    """Return the events that the engine reports in this state when a term ends."""
    if is_closed(definition, snapshot):
        return ()
    return tuple(
        name for name in definition.events_from(snapshot.state) if term in definition.event(name).at_expiry_of
    )
