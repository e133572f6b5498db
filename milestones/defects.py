"""What is wrong with the definitions: every name that a row or a guard uses, against what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from milestones.definition import ANY, BACK, EVERYWHERE, SAME, FieldKind
from milestones.facts import FACTS
from milestones.guards import GUARDS
from milestones.policy import Policy
from milestones.roles import OUTSIDE, ROLES
from milestones.term_table import TERMS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from milestones.definition import Arm, Definition, Field, Report, Row
    from milestones.vocabulary import TermId

_ENGINE = frozenset(fact.name for fact in FACTS.values() if fact.by_engine)
_EARLIER = frozenset(fact.name for fact in FACTS.values() if fact.earlier)
_OPENING = frozenset(fact.name for fact in FACTS.values() if fact.at_opening)
_VALUES = {FieldKind.YES_NO: bool, FieldKind.NUMBER: int, FieldKind.CHOICE: str, FieldKind.CODE: str}


def defects(definitions: Iterable[Definition]) -> Iterator[str]:
    """Name in Dutch what is wrong with definitions; without defects this yields nothing.

    Of an earlier version only the names are compared: it cannot change any more.
    """
    every = tuple(definitions)
    newest: dict[str, Definition] = {item.code: item for item in sorted(every, key=lambda item: item.version)}
    for definition in every:
        yield from _states(definition)
        yield from _names(definition)
    for definition in newest.values():
        if not definition.old_terms:
            yield from _facts(definition, newest.values())
            yield from _what_others_get(definition, newest)
    if newest and all(not item.old_terms for item in newest.values()):
        written = {name for item in newest.values() for name in written_by(item)}
        for name in FACTS:
            if name not in written | _ENGINE | _OPENING | _EARLIER:
                yield f"feit '{name}' wordt door geen regel geschreven"


def written_by(definition: Definition) -> set[str]:
    """Return the facts that the rows of a definition write."""
    return {name for line in definition.rows for name in written_by_row(line)}


def known_in(definition: Definition, others: Iterable[Definition]) -> set[str]:
    """Return the facts that a process can have: written by itself, given to it, or kept by the engine."""
    given = {
        name
        for other in others
        for line in other.rows
        for opening in line.opens
        if opening.code == definition.code
        for name in opening.gives
    }
    return written_by(definition) | given | _ENGINE | _OPENING


def _where(definition: Definition, line: Row) -> str:
    return f"{definition.code} {'/'.join(line.sources)} {line.event}"


def _states(definition: Definition) -> Iterator[str]:
    for state in definition.states:
        if state.role not in ROLES or (state.role in OUTSIDE and not state.final):
            yield f"{definition.code} {state.code}: rol '{state.role}' kan geen zaak vasthouden"
        if not state.final and not definition.rows_from(state.code):
            yield f"{definition.code} {state.code}: uit deze toestand leidt geen gebeurtenis"


def _opened(definition: Definition) -> Iterator[str]:
    """Compare what a process opens with, and the settings that its terms wait for, with what there is."""
    every = (*definition.on_open, *(arm for line in definition.rows for arm in line.arms))
    for switch in {arm.policy for arm in every if arm.policy}:
        if not isinstance(getattr(Policy(), switch, None), bool):
            yield f"{definition.code}: beleid '{switch}' bestaat niet"
    told = (*definition.notifies_on_open, *(task.role for task in definition.tasks_on_open))
    for term in _armed(definition.on_open):
        if term not in TERMS:
            yield f"{definition.code} geopend: termijn '{term}' bestaat niet"
    for role in told:
        if role not in ROLES:
            yield f"{definition.code} geopend: rol '{role}' bestaat niet"


def _names(definition: Definition) -> Iterator[str]:
    yield from _opened(definition)
    states = {*definition.state_by_code, ANY, SAME, BACK}
    for line in definition.rows:
        terms = [*line.meets, *line.meets_one, *line.cancels, *line.suspends, *line.resumes, *line.revives]
        terms += _armed(line.arms)
        terms += [term for opening in line.opens for term in opening.carries]
        counted = [opening.counts_from for opening in line.opens if opening.counts_from]
        terms += [term for _, term in counted]
        terms += [term for name in line.guards if name in GUARDS for term in GUARDS[name].terms]
        lists: tuple[tuple[str, Collection[str], Collection[str]], ...] = (
            ("gebeurtenis", (line.event,), definition.events),
            ("toestand", (*line.sources, line.to), states),
            ("voorwaarde", line.guards, GUARDS),
            ("rol", (*line.notifies, *(task.role for task in line.tasks)), ROLES),
            ("termijn", terms, TERMS),
            ("feit", [fact for fact, _ in counted], FACTS),
        )
        for what, names, known in lists:
            for name in names:
                if name not in known:
                    yield f"{_where(definition, line)}: {what} '{name}' bestaat niet"


def _armed(arms: Iterable[Arm]) -> list[TermId]:
    """Return every term that stands in an arm."""
    named = (term for arm in arms for term in (arm.term, arm.supersedes, arm.from_term, arm.if_cancelled))
    return [term for term in named if term]


def _facts(definition: Definition, others: Iterable[Definition]) -> Iterator[str]:
    """Compare what the rows read and write with the table of facts and with the fields of the event."""
    known = known_in(definition, others)
    opened = {name for arm in definition.on_open for name in (arm.when, arm.unless, arm.from_earlier) if name}
    for name in sorted(opened - known):
        yield f"{definition.code} geopend: feit '{name}' wordt nergens geschreven"
    for line in definition.rows:
        if definition.knows(line.event) and line.event in definition.events:
            fields = {str(item.name): item for item in definition.event(line.event).fields}
            for wrong in (*_read(line, fields, known), *_written(line, fields)):
                yield f"{_where(definition, line)}: {wrong}"


def _read(line: Row, fields: Mapping[str, Field], known: set[str]) -> Iterator[str]:
    """Name the fields and facts that a row or its guards read and that are never there."""
    asked = {name for arm in line.arms for name in (arm.anchor, arm.until, arm.without) if name}
    asked |= {report.when for report in line.reports if report.when}
    asked |= {task.unless for task in line.tasks if task.unless}
    for field in sorted({*line.keeps, *line.collects, *asked} - set(fields)):
        yield f"veld '{field}' hoort niet bij deze gebeurtenis"
    either = {name for arm in line.arms for name in (arm.when, arm.unless, arm.from_earlier) if name}
    either |= {opening.when for opening in line.opens if opening.when}
    either |= {name for report in line.reports for name in report.passes}
    needed: set[str] = {name for opening in line.opens for name in opening.gives}
    needed |= {opening.for_each for opening in line.opens if opening.for_each}
    for guard in (GUARDS[name] for name in line.guards if name in GUARDS):
        needed |= {name for name in guard.facts if name not in guard.data}
        sees_more = guard.facts or guard.terms or guard.beside
        if guard.data and not sees_more and not {*guard.data} & {*fields}:
            yield f"geen veld van deze gebeurtenis telt voor '{guard.refusal}'"
    for fact in sorted((needed | (either - set(fields))) - known):
        yield f"feit '{fact}' wordt nergens geschreven"


def _written(line: Row, fields: Mapping[str, Field]) -> Iterator[str]:
    """Name the facts that a row writes with a value of another kind, or that no table knows."""
    for fact in sorted(written_by_row(line) - set(FACTS)):
        yield f"feit '{fact}' staat niet in de tabel van feiten"
    wanted: list[tuple[str, FieldKind]] = [(name, fields[name].kind) for name in line.keeps if name in fields]
    wanted += [(name, FieldKind.CHOICES) for name in line.collects]
    wanted += [(name, FieldKind.DATE) for name in line.stamps]
    wanted += [(line.counts, FieldKind.NUMBER)] if line.counts else []
    for name, kind in wanted:
        if name in FACTS and FACTS[name].kind is not kind:
            yield f"feit '{name}' is {FACTS[name].kind}, niet {kind}"
    for fact, value in line.sets.items():
        known = _VALUES.get(FACTS[fact].kind) if fact in FACTS else None
        if known is not None and value is not None and type(value) is not known:
            yield f"feit '{fact}' is {FACTS[fact].kind}, niet {value!r}"


def written_by_row(line: Row) -> set[str]:
    """Return the facts that a row writes."""
    return {*line.sets, *line.keeps, *line.collects, *line.stamps, *([line.counts] if line.counts else [])}


def _what_others_get(definition: Definition, newest: Mapping[str, Definition]) -> Iterator[str]:
    """Compare reports and hand-overs with the process that gets them: it must be able to take them."""
    for line in definition.rows:
        for opening in line.opens:
            if opening.code not in newest:
                yield f"{_where(definition, line)}: proces '{opening.code}' bestaat niet"
            elif opening.event is not None and not newest[opening.code].knows(opening.event):
                yield f"{_where(definition, line)}: {opening.code} kent '{opening.event}' niet"
        for report in line.reports:
            for wrong in _not_taken(report, newest.values()):
                yield f"{_where(definition, line)}: {wrong}"
    for name in dict.fromkeys(line.event for line in definition.rows if line.event in definition.events):
        event = definition.event(name)
        needed = [item.name for item in event.fields if item.required]
        if event.at_expiry_of and needed:
            yield f"{definition.code} {name}: een termijn vult '{needed[0]}' niet in"


def _not_taken(report: Report, every: Iterable[Definition]) -> Iterator[str]:
    targets = [item for item in every if report.code in (EVERYWHERE, item.code) and item.knows(report.event)]
    if not targets:
        yield f"{report.code} kent '{report.event}' niet"
    for target in targets:
        fields = target.event(report.event).fields
        for name in sorted(set(report.passes) - {item.name for item in fields}):
            yield f"'{report.event}' in {target.code} neemt '{name}' niet aan"
        for item in fields:
            if item.required and item.name not in report.passes:
                yield f"'{report.event}' in {target.code} heeft '{item.name}' nodig"
