"""What a zaak in the zaaksysteem is to be told of its case: statuses, term, besluiten, result. It sends nothing.

It holds states, dates and fixed words; never a toelichting, and nothing of a person.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from adapters.exchange.case_system_file import CASE_ENDS
from adapters.runtime.clock import AMSTERDAM
from milestones.case import closed
from milestones.definitions import definition_of
from milestones.term_table import TERMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from adapters.exchange.case_system_file import CaseType
    from adapters.storage.database import JournalRow
    from milestones.case import Case
    from milestones.process import RunningTerm, Snapshot

_BESLUITEN = uuid.UUID("6d0a5c0e-2a0c-4f0b-8e0c-9b5a0f2f8f11")
_MOST_REASON = 200
OURS = "Routekaart: "
"""With which each reason of ours begins: one that somebody else wrote stays as it is."""


@dataclass(frozen=True, slots=True)
class Status:
    """A statustype that a zaak got at a moment."""

    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Besluit:
    """A besluit; its identification is always the same one, so that it is recognised."""

    kind: str
    on: date
    identification: str


@dataclass(frozen=True, slots=True)
class LegalTerm:
    """The term within which the zaak must be dealt with."""

    due: date | None
    suspended: str | None = None
    extended: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """All that a zaak is to be told; what it knows already is told no second time."""

    statuses: tuple[Status, ...] = ()
    end: Status | None = None
    decisions: tuple[Besluit, ...] = ()
    term: LegalTerm | None = None
    result: str | None = None


def story_of(reference: str, case: Case, lines: Sequence[JournalRow], kind: CaseType) -> Story:
    """Return what these lines of the journal mean for a zaak of this zaaktype, and what its case says now."""
    ended = all(closed(process) for process in case.processes)
    end = kind.statussen.get(CASE_ENDS) if ended else None
    return Story(
        tuple(_statuses(lines, kind)),
        None if end is None else Status(end, _moment(lines[-1])),
        tuple(_decisions(reference, lines, kind)),
        _term(case, lines, kind),
        _result(case, kind) if ended else None,
    )


def _code(line: JournalRow) -> str:
    return line.process.partition("#")[0]


def _statuses(lines: Sequence[JournalRow], kind: CaseType) -> Iterator[Status]:
    for line in lines:
        if line.before == line.after:
            continue
        code = _code(line)
        state = kind.statussen.get(f"{code}.{line.after}")
        found = state or (kind.statussen.get(code) if line.before is None else None)
        if found is not None:
            yield Status(found, _moment(line))


def _moment(line: JournalRow) -> datetime:
    """Return when a status was reached: on the day that counts, in the order of the journal, no two at once.

    A zaaksysteem takes no two statuses of one moment, and none of a moment to come.
    """
    at = line.at.astimezone(AMSTERDAM).replace(microsecond=0) - timedelta(seconds=1)
    begin = datetime.combine(line.on, time(0), AMSTERDAM)
    return (at if line.on == at.date() else begin) + timedelta(milliseconds=line.number)


def _decisions(reference: str, lines: Sequence[JournalRow], kind: CaseType) -> Iterator[Besluit]:
    for line in lines:
        found = kind.besluiten.get(f"{_code(line)}.{line.event}")
        if found is not None:
            yield Besluit(found, line.on, str(uuid.uuid5(_BESLUITEN, f"{reference}/{line.number}")))


def _term(case: Case, lines: Sequence[JournalRow], kind: CaseType) -> LegalTerm | None:
    found = _latest(case, kind.termijnen)
    if found is None:
        return None
    process, term = found
    if not term.runs:
        return LegalTerm(None)
    name = f"{TERMS[term.term].name} ({term.term})"
    if term.suspended_since is not None:
        return LegalTerm(None, suspended=_reason(f"{name} staat stil: {_why(process, term, lines)}"))
    extended = any(
        line.event == "termijn_verlengd"
        and line.process == process.name
        and line.data.get("termijn") in (term.key, term.term)
        for line in lines
    )
    words = _reason(f"{name} is verlengd; bron: {TERMS[term.term].source}") if extended else None
    return LegalTerm(term.due, extended=words)


def _latest(case: Case, terms: Sequence[str]) -> tuple[Snapshot, RunningTerm] | None:
    """Return the term that runs, or else the last that ended."""
    found = [(process, term) for process in case.processes for term in process.terms if term.term in terms]
    running = [pair for pair in found if pair[1].runs] or found
    return running[-1] if running else None


def _why(process: Snapshot, term: RunningTerm, lines: Sequence[JournalRow]) -> str:
    """Return what made a term stand still, in the words of its event."""
    definition = definition_of(process)
    stopping = {row.event for row in definition.rows if term.term in row.suspends}
    events = [line.event for line in lines if line.process == process.name and line.event in stopping]
    return definition.event(events[-1]).label.lower() if events else "opgeschort"


def _reason(text: str) -> str:
    return f"{OURS}{text}"[:_MOST_REASON]


def _result(case: Case, kind: CaseType) -> str | None:
    """Return the resultaattype of a case that ended: by its uitstroomreden or result, else by the state it ended in."""
    for process in reversed(case.processes):
        for name in ("uitstroomreden", "eindresultaat"):
            if (found := kind.resultaten.get(str(process.facts.get(name)))) is not None:
                return found
    for process in reversed(case.processes):
        if (found := kind.resultaten.get(f"{process.code}.{process.state}")) is not None:
            return found
    return None
