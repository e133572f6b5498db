"""What must hold for every definition, whatever its table says; and random walks through all of them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import Case, apply, closed, possible_now, start
from milestones.defects import defects
from milestones.definition import BACK, OFFERED, RETURNED, SAME, Definition, FieldKind
from milestones.definitions import DEFINITIONS, VERSIONS, definition_of
from milestones.events import EVENT_NAMES
from milestones.past_terms import past_terms
from milestones.policy import Policy, Rules
from milestones.policy_values import PROCESS_CODES
from milestones.process import Event, NotPossible, RungDue
from milestones.replacing import replace
from milestones.roles import OUTSIDE, ROLES
from milestones.term_table import NORMS, TERMS

CALENDAR = dutch_calendar()
RULES = Rules(CALENDAR, Policy(accept_by_hand=False))
BY_HAND = Rules(CALENDAR, Policy())
EACH = pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda item: item.code)
NEWEST = tuple(DEFINITIONS.values())

# Rows of domain 3.1 that no process starts: a court or nobody sets a length, they belong to the archive or to
# a request outside a traject, or they are no more than a figure for a screen.
NOT_IN_A_PROCESS = {"T10b", "T23", "T32", "T41", "T60", "T63"}


def arms(definition: Definition) -> set[str]:
    """Return every term that a definition can start, a hand-off and the own norms beside its terms included."""
    return set(definition.terms) | {"OVD"} | {NORMS[term] for term in definition.terms if term in NORMS}


def ends(definition: Definition) -> set[str]:
    """Return every term that some row of a definition ends, carries away or lets lapse."""
    found: set[str] = set()
    for row in definition.rows:
        found |= {*row.meets, *row.meets_one, *row.cancels}
        found |= {arm.supersedes for arm in row.arms if arm.supersedes}
        found |= {term for opening in row.opens for term in opening.carries}
    return found


def after(definition: Definition, state: str) -> set[str]:
    """Return the states that can follow a state; "einde" stands for a decision that became definitive."""
    aside = definition.state(state).aside
    steps: set[str] = set()
    for row in definition.rows_from(state):
        to = state if row.to == SAME else row.to
        if to == BACK:
            steps |= {
                item.code
                for item in definition.states
                if any(
                    line.to == state or (aside and definition.state_by_code.get(line.to, item).aside)
                    for line in definition.rows_from(item.code)
                )
            }
        else:
            steps.add(to)
        if row.ends:
            steps.add("einde")
    return steps


def reachable(definition: Definition, state: str) -> set[str]:
    """Return every state that can be reached from a state."""
    seen = {state}
    todo = [state]
    while todo:
        current = todo.pop()
        if current == "einde":
            continue
        for step in after(definition, current) - seen:
            seen.add(step)
            todo.append(step)
    return seen


def test_there_are_ten_processes() -> None:
    """The eight mijlpalen, BEGELEIDING and WSNP are all there, and nothing else."""
    assert tuple(DEFINITIONS) == PROCESS_CODES or set(DEFINITIONS) == set(PROCESS_CODES)


def test_no_definition_has_a_defect() -> None:
    """Every state, event, guard, role, term, field and fact that a row of any version names is there."""
    assert list(defects(VERSIONS)) == []


@EACH
def test_every_state_has_one_role_within_the_municipality(definition: Definition) -> None:
    """No state waits with somebody outside, and each code stands for one state."""
    codes = [state.code for state in definition.states]
    assert len(set(codes)) == len(codes)
    assert all(state.role in ROLES and state.role not in OUTSIDE for state in definition.states)


@EACH
def test_an_end_is_reachable_from_every_state(definition: Definition) -> None:
    """From every state a process can come to an end."""
    finals = {state.code for state in definition.states if state.final} | {"einde"}
    for state in definition.states:
        assert reachable(definition, state.code) & finals, state.code


@EACH
def test_every_state_is_reachable_from_the_start(definition: Definition) -> None:
    """A state that nobody can come in, does not stand in the table."""
    found = (
        reachable(definition, definition.starts_in) | reachable(definition, OFFERED)
        if OFFERED in (definition.state_by_code)
        else reachable(definition, definition.starts_in)
    )
    assert {state.code for state in definition.states} - found - {RETURNED} == set()


@EACH
def test_death_is_possible_in_every_open_state(definition: Definition) -> None:
    """Every open state, that of a pending hand-off included, knows what to do at a death."""
    for state in definition.states:
        assert state.final or definition.rows_for(state.code, "overleden"), state.code


def test_every_term_of_the_table_is_started_by_a_process_and_ended_by_one() -> None:
    """A term that belongs to a process is armed by some transition, and some transition ends it."""
    started = set().union(*(arms(definition) for definition in NEWEST))
    ended = set().union(*(ends(definition) for definition in NEWEST)) | {"OVD"}
    ended |= {NORMS[term] for term in ended if term in NORMS}
    runs_out = {term.id for term in TERMS.values() if term.survives_process or term.kind == "periode"}
    assert set(TERMS) - NOT_IN_A_PROCESS - started == set()
    assert started - ended - runs_out - {"T02c"} == set()


def _duties(definition: Definition) -> set[str]:
    """Return the duties that run in a process, and that nothing else may end."""
    carried = {
        term for item in NEWEST for row in item.rows for opening in row.opens for term in opening.carries
        if opening.code == definition.code
    }  # fmt: skip
    return {
        term
        for term in definition.terms | carried
        if TERMS[term].kind == "plicht" and not TERMS[term].survives_process and term not in ("T02c", "T22")
    }


def test_a_term_is_ended_in_the_process_that_starts_it() -> None:
    """A duty that a process starts can be met, cancelled or carried on in that same process."""
    duties = {definition.code: _duties(definition) for definition in NEWEST}
    assert sum(map(len, duties.values())) > 20
    assert {
        item.code: duties[item.code] - ends(item) for item in NEWEST if duties[item.code] - ends(item)
    } == {}


@EACH
def test_a_form_of_a_state_is_unambiguous(definition: Definition) -> None:
    """In one state no two events share a label, and a field name means one kind of answer."""
    for state in definition.states:
        specs = [definition.event(name) for name in definition.events_from(state.code)]
        assert len({spec.label for spec in specs}) == len(specs), state.code
        kinds: dict[str, Any] = {}
        for spec in specs:
            for field in spec.fields:
                kind = (field.kind, field.choices)
                assert kinds.setdefault(field.name, kind) == kind, (state.code, field.name)


def test_a_decision_against_the_inwoner_is_never_made_by_the_clock() -> None:
    """No timer reports a refusal or an ending: what a timer does never gives an uitstroomreden."""
    by_timer = [(item, row) for item in NEWEST for row in item.rows if item.event(row.event).at_expiry_of]
    assert len(by_timer) > 5
    for definition, row in by_timer:
        assert "uitstroomreden" not in row.sets
        assert not (row.to in definition.state_by_code and definition.state(row.to).final)


# --- random walks -----------------------------------------------------------------------------------------


def value_for(draw: Any, kind: FieldKind, choices: tuple[str, ...], day: date) -> object:
    """Return some value for a field, most often one that fits."""
    match kind:
        case FieldKind.DATE:
            return day + timedelta(days=draw(st.integers(-30, 400)))
        case FieldKind.YES_NO:
            return draw(st.booleans())
        case FieldKind.NUMBER:
            return draw(st.integers(0, 10))
        case FieldKind.CHOICE:
            return draw(st.sampled_from(choices))
        case FieldKind.CHOICES:
            return draw(st.lists(st.sampled_from(choices), max_size=2))
        case FieldKind.CODE:
            return draw(st.sampled_from(("m-01", "T13", "T20b", "T12", "T37", "T99")))


def check(case: Case) -> None:
    """Check what must hold after every step."""
    for process in case.processes:
        definition = definition_of(process)
        assert process.state in definition.state_by_code
        assert process.role(definition) in ROLES
        keys = [term.key for term in process.terms]
        assert len(set(keys)) == len(keys)
        for term in process.terms:
            if closed(process):
                assert not term.runs or TERMS[term.term].survives_process, (process.name, term.term)
            if term.runs and term.suspended_since is not None:
                assert term.due is None
                assert not term.is_overdue(date.max)
        if closed(process):
            rows = definition.rows_from(process.state)
            assert set(possible_now(process)) <= {row.event for row in rows if row.afterwards}


def fire(case: Case, day: date, rules: Rules) -> Case:
    """Fire all that is due, as the simulator does."""
    for _ in range(500):
        due = [
            (rung.on, process.name, term.key, rung.name)
            for process in case.processes
            for term, rung in process.pending(day)
        ]
        if not due:
            return case
        on, process, key, rung = min(due)
        case, _steps = apply(case, process, RungDue(key, rung), on, rules)
    raise AssertionError("the timers never come to rest")


def thin(case: Case) -> Case:
    """Return a case without its past terms, as an event reads it."""
    found = []
    for process in case.processes:
        past, counts = past_terms(process)
        terms = tuple(term for term in process.terms if term.key not in past)
        found.append(replace(process, terms=terms, past=counts))
    return Case(tuple(found))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_random_walk_never_breaks(data: st.DataObject) -> None:
    """Whatever is reported in whatever order, the answer is a step or a refusal, and the case stays sound.

    Without its past terms it gets the same answers.
    """
    draw: Any = data.draw
    rules = draw(st.sampled_from((RULES, BY_HAND)))
    day = date(2026, 1, 5)
    case, _ = start(Case(), draw(st.sampled_from(PROCESS_CODES)), day, day, rules)
    other, taken = case, list[str]()  # what came before comes again, so that kinds of terms have a past
    for _ in range(draw(st.integers(5, 40))):
        day += timedelta(days=draw(st.sampled_from((0, 0, 0, 1, 7, 30, 200))))
        case, other = fire(case, day, rules), fire(thin(other), day, rules)
        assert thin(case) == thin(other)
        open_ones = [process for process in case.processes if not closed(process)]
        if not open_ones:
            break
        process = draw(st.sampled_from(open_ones))
        definition, repeats = definition_of(process), draw(st.booleans())
        likely = [name for name in taken if name in possible_now(process)] if repeats else []
        likely = likely or list(possible_now(process))
        name = (
            draw(st.sampled_from(likely))
            if likely and draw(st.integers(0, 9))
            else draw(st.sampled_from(sorted(EVENT_NAMES)))
        )
        values = {
            field.name: value_for(draw, field.kind, field.choices, day)
            for field in (definition.event(name).fields if definition.knows(name) else ())
            if field.required or draw(st.booleans())
        }
        before = case
        try:
            case, steps = apply(case, process.name, Event(name, day, values), day, rules)
        except NotPossible as refusal:
            assert case is before
            with pytest.raises(NotPossible, match=re.escape(str(refusal))):
                apply(thin(other), process.name, Event(name, day, values), day, rules)
            continue
        assert steps
        taken.append(name)
        other, same = apply(thin(other), process.name, Event(name, day, values), day, rules)
        assert same == steps
        assert thin(case) == thin(other)
        check(case)
        case, other = fire(case, day, rules), fire(thin(other), day, rules)
        check(case)


@EACH
def test_the_same_event_twice_is_refused_or_harmless(definition: Definition) -> None:
    """A repeated event is refused, or leaves the state where the first one brought it."""
    day, taken = date(2026, 3, 2), 0
    for first in definition.events_from(definition.starts_in):
        spec = definition.event(first)
        if spec.by_timer:
            continue
        case, _ = start(Case(), definition.code, day, day, RULES)
        values: dict[str, object] = {
            field.name: {"datum": day, "getal": 1, "code": "m-01"}.get(
                field.kind, list(field.choices[:1]) if field.kind == "keuzes" else (*field.choices, "")[0]
            )
            for field in spec.fields
            if field.required
        }
        try:
            case, _ = apply(case, definition.code, Event(first, day, values), day, RULES)
            state, taken = case.process(definition.code).state, taken + 1
            again, _ = apply(case, definition.code, Event(first, day, values), day, RULES)
        except NotPossible:
            continue
        assert again.process(definition.code).state == state, first
    assert taken, "no first event was possible"
