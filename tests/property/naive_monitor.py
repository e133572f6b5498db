"""A second way to count the monitor, written to disagree with the product if one of the two is wrong.

It reads each case as a whole and counts in loops, asks the database nothing, and counts working days one by one. It
hides nothing: what may not be shown is the business of the test.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from support.naive_calendar import is_off

from milestones.case import closed
from milestones.definitions import definition_of
from milestones.roles import dutch_role
from milestones.terms import Kind

if TYPE_CHECKING:
    from adapters.cases.casework import CaseView
    from adapters.office import Office
    from adapters.storage.database import JournalRow

DAY = timedelta(days=1)


@dataclass
class Diary:
    """What somebody noted who looked at every case after every step."""

    office: Office
    ended: dict[tuple[str, str], date] = field(default_factory=dict)

    def look(self, reference: str) -> None:
        """Note which processes have ended since the last look, by the last line of each in the journal."""
        view = self.office.casework.case(reference)
        for process in view.case.processes:
            key = (reference, process.name)
            if not closed(process):
                self.ended.pop(key, None)
            elif key not in self.ended:
                self.ended[key] = [row.on for row in view.journal if row.process == process.name][-1]


@dataclass
class Counts:
    """The figures of a period, as numbers."""

    in_time: dict[str, tuple[int, int]]  # term: met in time, all
    late_now: tuple[int, int]
    lead_times: dict[str, list[int]]
    waiting: dict[str, int]
    exits: dict[str, int]
    relapse: tuple[int, int]
    signals: int
    requests: int
    started: int
    stuck: dict[str, int]

    @property
    def finished(self) -> int:
        """How many cases ended."""
        return sum(self.exits.values())


def count(diary: Diary, views: list[CaseView], begin: date, end: date) -> Counts:
    """Count everything over the days from begin to end, both included."""
    late_now, waiting = _open_now(diary.office, views)
    return Counts(
        in_time=_in_time(views, begin, end),
        late_now=late_now,
        lead_times=_lead_times(diary, views, begin, end),
        waiting=waiting,
        exits=_exits(diary, views, begin, end),
        relapse=_relapse(diary, views, begin, end),
        signals=_opened(views, "M2", begin, end),
        requests=_opened(views, "M3", begin, end),
        stuck=_stuck(views, begin, end),
        started=sum(any(_admits(row, begin, end) for row in view.journal) for view in views),
    )


def _opened(views: list[CaseView], code: str, begin: date, end: date) -> int:
    return sum(
        any(process.code == code and begin <= process.opened_on <= end for process in view.case.processes)
        for view in views
    )


def _stuck(views: list[CaseView], begin: date, end: date) -> dict[str, int]:
    found = defaultdict[str, int](int)
    for view in views:
        lines = [row for row in view.journal if row.event == "knelpunt_gemeld" and begin <= row.on <= end]
        for name in {row.data["knelpunt"] for row in lines}:
            found[name] += 1
    return dict(found)


def _admits(row: JournalRow, begin: date, end: date) -> bool:
    return row.event == "bekendgemaakt" and begin <= row.on <= end


def _in_time(views: list[CaseView], begin: date, end: date) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for view in views:
        here: dict[str, bool] = {}
        for term in (term for process in view.case.processes for term in process.terms):
            if term.due is None or not begin <= term.due <= end:
                continue
            ended_in_time = term.ended_on is not None and term.ended_on <= term.due
            if str(term.stopped) in {"vervallen", "vervangen"} and (ended_in_time or term.ended_on is None):
                continue
            met = str(term.stopped) == "gehaald" and ended_in_time
            here[term.term] = met if term.term not in here else here[term.term] and met
        for name, met in here.items():
            part, whole = found.get(name, (0, 0))
            found[name] = (part + met, whole + 1)
    return found


def _open_now(office: Office, views: list[CaseView]) -> tuple[tuple[int, int], dict[str, int]]:
    late, waiting = 0, defaultdict[str, int](int)
    for view in views:
        policy = office.rules_for(view.municipality).policy
        parts = []
        for process in (process for process in view.case.processes if not closed(process)):
            dues = [
                term.due
                for term in process.terms
                if policy.term(term.term).kind is Kind.DUTY and term.runs and term.due
            ]
            definition = definition_of(process)
            outside = definition.state(process.state).waits_on_partner
            role = dutch_role(policy.role(process.role(definition)))
            where = "buiten de gemeente" if outside else role
            parts.append((min(dues, default=None), process.code == "BEGELEIDING", where))
        if not parts:
            continue
        late += any(due is not None and due < office.clock.today() for due, _, _ in parts)
        first = min(parts, key=lambda part: (part[0] or date.max, part[0] is None, part[1]))
        waiting[first[2]] += 1
    return (late, sum(waiting.values())), dict(waiting)


def _lead_times(diary: Diary, views: list[CaseView], begin: date, end: date) -> dict[str, list[int]]:
    lead = defaultdict[str, list[int]](list)
    for view in views:
        days = defaultdict[str, int](int)
        for process in view.case.processes:
            ended = diary.ended.get((view.reference, process.name))
            if ended is not None and begin <= ended <= end:
                days[process.code] += working_days(process.opened_on, ended)
        for code, number in days.items():
            lead[code].append(number)
    return dict(lead)


def _exits(diary: Diary, views: list[CaseView], begin: date, end: date) -> dict[str, int]:
    exits = defaultdict[str, int](int)
    for view in views:
        traject = [
            process for process in view.case.processes if process.code not in ("M1", "M2", "BEGELEIDING")
        ]
        if not traject or not all(closed(process) for process in traject):
            continue
        last = max(diary.ended[view.reference, process.name] for process in traject)
        if not begin <= last <= end:
            continue
        reasons = [
            process.facts.get("uitstroomreden") or process.facts.get("eindresultaat")
            for process in traject
            if diary.ended[view.reference, process.name] == last
        ]
        reasons = [reason for reason in reasons if reason]
        exits[str(reasons[-1]) if reasons else "geen reden"] += 1
    return dict(exits)


def _relapse(diary: Diary, views: list[CaseView], begin: date, end: date) -> tuple[int, int]:
    relapsed, whole = 0, 0
    for view in views:
        aftercare = [process for process in view.case.processes if process.code == "M8"]
        last_days = [diary.ended.get((view.reference, process.name), date.max) for process in aftercare]
        if not any(
            p.opened_on <= end and last >= begin for p, last in zip(aftercare, last_days, strict=True)
        ):
            continue
        whole += 1
        relapsed += any(
            row.process.startswith("M8") and row.event == "signaal_ontvangen" and begin <= row.on <= end
            for row in view.journal
        )
    return relapsed, whole


def working_days(begin: date, end: date) -> int:
    """Count the working days after the first day, up to and including the last."""
    number, day = 0, begin
    while day < end:
        day += DAY
        number += not is_off(day)
    return number


def middle(values: list[int]) -> float:
    """Return the middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def nine_of_ten(values: list[int]) -> int:
    """Return the smallest value that nine of ten values do not exceed."""
    return next(
        value for value in sorted(values) if 10 * sum(other <= value for other in values) >= 9 * len(values)
    )
