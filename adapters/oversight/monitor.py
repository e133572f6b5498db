"""The monitor of a municipality: each figure of `monitor_figures` over a period, with small cells hidden.

Figures leave this module only as cells that may be shown: artifact, CSV, API and command line all read those.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func
from sqlmodel import col, select

from adapters.oversight.disclosure import HIDDEN, LEAST, shown_counts, shown_share, total_may_be_shown
from adapters.oversight.monitor_figures import (
    EXITS,
    FINISHED,
    GROWTH,
    IN_TIME,
    LATE_NOW,
    LEAD_TIME,
    QUALITY,
    RELAPSE,
    REQUESTS,
    SIGNAL_RESULTS,
    SIGNALS,
    STARTED,
    STUCK,
    SUCCESS,
    VOLUMES,
    WAITING,
    figures_of,
)
from adapters.oversight.workload import read_workload, to_csv
from adapters.storage.database import JournalRow, ProcessRow, TimerRow, reading
from adapters.storage.destruction_tables import KeptFiguresRow
from adapters.storage.oversight_tables import ReviewRow
from milestones.case import TRAJECT
from milestones.definitions import VERSIONS
from milestones.event_fields import THEMES
from milestones.process import TermOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Subquery
    from sqlmodel import Session

    from adapters.oversight.monitor_figures import Figure
    from adapters.oversight.workload import WorkItem, WorkloadOffice

WEEKS_COUNTED = 52
_OUTSIDE = "buiten de gemeente"
NO_REASON = "geen reden"
_GUIDANCE = "BEGELEIDING"
_SUCCESS_REASON = "Afgerond"
_NOT_SHOWN = "niet getoond"
_MEASUREMENTS = ("meting_gedaan", "evaluatie_gedaan")
_NOT_COUNTED = (str(TermOutcome.CANCELLED), str(TermOutcome.SUPERSEDED))
# A process ends in a final state, or by an event that makes its decision definitive.
_FINAL_STATES = sorted({state.code for item in VERSIONS for state in item.states if state.final})
_ENDING_EVENTS = sorted({row.event for item in VERSIONS for row in item.rows if row.ends})


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a figure: as a number where it may be shown, and as people read it."""

    figure: str
    part: str
    value: float | None
    shown: str
    of: str = ""  # over how many, where that may be shown


@dataclass(frozen=True)
class Monitor:
    """The figures of a municipality over a period, both days included."""

    municipality: str
    begin: date
    end: date
    cells: tuple[Cell, ...]
    figures: Mapping[str, Figure]  # in the words of this municipality

    def of(self, figure: Figure) -> tuple[Cell, ...]:
        """Return the cells of a figure."""
        return tuple(cell for cell in self.cells if cell.figure == figure.code)


def read_monitor(
    office: WorkloadOffice, municipality: str, end: date | None = None, weeks: int = WEEKS_COUNTED
) -> Monitor:
    """Compute the monitor over the weeks up to and including a day: yesterday, unless another is given."""
    last = end or office.clock.today() - timedelta(days=1)
    begin = last - timedelta(days=7 * weeks - 1)
    with reading(office.engine) as session:
        kept = session.get(KeptFiguresRow, (municipality, last, weeks))
    return read_period(office, municipality, begin, last) if kept is None else _as_kept(office, kept, begin)


def _as_kept(office: WorkloadOffice, kept: KeptFiguresRow, begin: date) -> Monitor:
    """Return a period as it was before a case of it was destroyed."""
    figures = figures_of(office.rules_for(kept.municipality).policy)
    mine = (cell for cell in kept_cells(kept) if cell.figure in figures)
    cells = [*mine, *_open_work(office, kept.municipality)]
    return Monitor(kept.municipality, begin, kept.end, _in_order(cells, figures), figures)


def kept_cells(kept: KeptFiguresRow | None) -> tuple[Cell, ...]:
    """Return what was kept of a period: cells of the monitor, and of the reports that look back beside it."""
    return () if kept is None else tuple(Cell(*cell) for cell in kept.cells)


def kept_of(session: Session, municipality: str, begin: date, last: date) -> tuple[Cell, ...]:
    """Return what was kept of a period of which a case was destroyed; empty where none was."""
    return kept_cells(session.get(KeptFiguresRow, (municipality, last, (last - begin).days + 1)))


def _in_order(cells: Iterable[Cell], figures: Mapping[str, Figure]) -> tuple[Cell, ...]:
    order = list(figures)
    return tuple(sorted(cells, key=lambda cell: order.index(cell.figure)))


def read_period(office: WorkloadOffice, municipality: str, begin: date, last: date) -> Monitor:
    """Compute the monitor from a day up to and including another; what is open now is of today."""
    figures = figures_of(office.rules_for(municipality).policy)
    with reading(office.engine) as session:
        kept = session.get(KeptFiguresRow, (municipality, last, (last - begin).days + 1))
        if kept is not None:
            return _as_kept(office, kept, begin)
        period = _Period(session, office, municipality, begin, last)
        cells = [
            *period.volumes(),
            *period.in_time(),
            *_open_work(office, municipality),
            *period.lead_times(),
            *period.exits(),
            *period.relapse(),
            *period.signal_results(),
            *period.bottlenecks(),
            *period.growth(),
            *period.quality(),
        ]
    return Monitor(municipality, begin, last, _in_order(cells, figures), figures)


def cells_to_keep(monitor: Monitor) -> list[list[Any]]:
    """Return the cells that say something about the period itself, and not about what is open now."""
    now = {LATE_NOW.code, WAITING.code}
    return [list(astuple(cell)) for cell in monitor.cells if cell.figure not in now]


def _open_work(office: WorkloadOffice, municipality: str) -> Iterator[Cell]:
    """Yield what is open now: how many of its cases are late, and on whom each waits first."""
    workload = read_workload(office, municipality)
    first: dict[str, WorkItem] = {}
    for item in workload.items:
        known = first.get(item.reference)
        if known is None or _urgency(item) < _urgency(known):
            first[item.reference] = item
    counts = Counter(_OUTSIDE if item.waits_outside else item.role for item in first.values())
    late = {item.reference for item in workload.late}
    if total_may_be_shown(counts):
        value, shown = shown_share(len(late), len(first))
        yield Cell(LATE_NOW.code, "alle zaken", value, shown, _of(len(first)))
    else:
        yield Cell(LATE_NOW.code, "alle zaken", None, _few(len(first)), _few(len(first)))
    yield from _counts(WAITING, counts)


def _urgency(item: WorkItem) -> tuple[bool, date, bool]:
    """Order the open parts of a case: what ends first goes first, begeleiding after the rest."""
    return item.due is None, item.due or date.max, item.process.startswith(_GUIDANCE)


def _counts(figure: Figure, counts: dict[str, int] | Counter[str]) -> Iterator[Cell]:
    shown = shown_counts(counts)
    for name, count in sorted(shown.items(), key=lambda pair: (-(pair[1] or 0), pair[0])):
        yield Cell(figure.code, name, count, str(count) if count is not None else _NOT_SHOWN)


def _of(number: int) -> str:
    return str(number) if number >= LEAST else HIDDEN


def _few(number: int) -> str:
    """Say that a number is not shown, as what it is."""
    return HIDDEN if number < LEAST else _NOT_SHOWN


def _reason(reasons: list[str]) -> str:
    """Return the reason of a case whose last parts ended on one day: rather one that says something than not."""
    return next((reason for reason in reversed(reasons) if reason != NO_REASON), NO_REASON)


def met_in_time(
    session: Session, municipality: str, terms: Sequence[str], begin: date, end: date
) -> dict[tuple[str, str], bool]:
    """Return for each term and case with its last day in a period whether each such term was met by that day."""
    rows = session.execute(
        select(  # type: ignore[call-overload]
            col(ProcessRow.case_reference),
            col(TimerRow.term),
            col(TimerRow.stopped),
            col(TimerRow.ended_on),
            col(TimerRow.due),
        )
        .join(ProcessRow, col(TimerRow.process_id) == col(ProcessRow.id))
        .where(
            col(ProcessRow.municipality) == municipality,
            col(TimerRow.term).in_(terms),
            col(TimerRow.due).between(begin, end),
        )
    ).all()
    met: dict[tuple[str, str], bool] = {}
    for reference, term, stopped, ended_on, due in rows:
        if stopped in _NOT_COUNTED and not (ended_on and ended_on > due):
            continue  # what lapsed after its last day was late all the same
        in_time = stopped == str(TermOutcome.MET) and ended_on is not None and ended_on <= due
        met[term, reference] = met.get((term, reference), True) and in_time
    return met


@dataclass(frozen=True)
class _Period:
    """The figures that look back over a period."""

    session: Session
    office: WorkloadOffice
    municipality: str
    begin: date
    end: date

    def in_time(self) -> Iterator[Cell]:
        """Yield for each term of the table which share was met on or before its last day."""
        terms = [item.term for item in IN_TIME]
        met = met_in_time(self.session, self.municipality, terms, self.begin, self.end)
        for item in IN_TIME:
            cases = [in_time for (term, _), in_time in met.items() if term == item.term]
            value, shown = shown_share(sum(cases), len(cases))
            yield Cell(item.figure.code, "alle zaken", value, shown, _of(len(cases)))

    def _endings(self) -> Subquery:
        """Return the day on which each process came to the end where it stands now.

        After that its archive term still warns, and a dwangsom may be fixed: those lines end nothing.
        """
        row = JournalRow
        comes_to_an_end = and_(
            col(row.before).is_distinct_from(col(row.after)), col(row.after).in_(_FINAL_STATES)
        )
        return (
            select(
                col(row.case_reference).label("reference"),
                col(row.process).label("process"),
                col(row.after).label("after"),
                func.max(col(row.on)).label("on"),
            )
            .where(
                col(row.municipality) == self.municipality,
                comes_to_an_end | col(row.event).in_(_ENDING_EVENTS),
            )
            .group_by(col(row.case_reference), col(row.process), col(row.after))
            .subquery()
        )

    @cached_property
    def _closings(self) -> list[Any]:
        """Each process that ended in the period, with the day on which it did."""
        ended = self._endings()
        return list(
            self.session.execute(
                select(
                    col(ProcessRow.case_reference),
                    col(ProcessRow.code),
                    col(ProcessRow.opened_on),
                    ended.c.on,
                )
                .join(ended, _ends_where_it_stands(ended))
                .where(
                    col(ProcessRow.municipality) == self.municipality,
                    col(ProcessRow.closed).is_(True),
                    ended.c.on.between(self.begin, self.end),
                )
            ).all()
        )

    def lead_times(self) -> Iterator[Cell]:
        """Yield median and 90th percentile of working days for each mijlpaal."""
        calendar = self.office.rules_for(self.municipality).calendar
        days: dict[str, Counter[str]] = defaultdict(Counter)
        for reference, code, opened_on, ended_on in self._closings:
            days[code][reference] += calendar.working_days_between(opened_on, ended_on)
        for code, by_case in sorted(days.items()):
            found, few = list(by_case.values()), len(by_case) < LEAST
            median = None if few else float(statistics.median(found))
            ninth = None if few else float(_percentile(found, 0.9))
            for name, value in (("mediaan", median), ("90e percentiel", ninth)):
                shown = HIDDEN if value is None else f"{value:.0f}"
                yield Cell(LEAD_TIME.code, f"{code} {name}", value, shown, _of(len(found)))

    @cached_property
    def _exits(self) -> Counter[str]:
        """The cases whose whole traject ended in the period, by the reason of what ended last."""
        ended = self._endings()
        here = (col(ProcessRow.municipality) == self.municipality, col(ProcessRow.code).in_(sorted(TRAJECT)))
        in_the_period = (
            select(ended.c.reference)
            .where(ended.c.on.between(self.begin, self.end))
            .distinct()
            .scalar_subquery()
        )
        rows = self.session.execute(
            select(col(ProcessRow.case_reference), col(ProcessRow.closed), col(ProcessRow.facts), ended.c.on)
            .join(ended, _ends_where_it_stands(ended), isouter=True)
            .where(*here, col(ProcessRow.case_reference).in_(in_the_period))
            .order_by(col(ProcessRow.id))
        ).all()
        cases: dict[str, list[tuple[bool, date | None, str]]] = defaultdict(list)
        for reference, closed, facts, on in rows:
            cases[reference].append(
                (closed, on, str(facts.get("uitstroomreden") or facts.get("eindresultaat") or NO_REASON))
            )
        reasons: Counter[str] = Counter()
        for parts in cases.values():
            if not all(closed for closed, _, _ in parts):
                continue
            last = max((on for _, on, _ in parts if on is not None), default=date.max)
            if self.begin <= last <= self.end:
                reasons[_reason([reason for _, on, reason in parts if on == last])] += 1
        return reasons

    def exits(self) -> Iterator[Cell]:
        """Yield how many cases ended for each uitstroomreden."""
        yield from _counts(EXITS, self._exits)

    def volumes(self) -> Iterator[Cell]:
        """Yield how many cases came in, started and ended, and which share of what ended was a success."""
        opened = {
            name: self._cases_with(col(ProcessRow.code) == code, col(ProcessRow.opened_on))
            for name, code in ((SIGNALS, "M2"), (REQUESTS, "M3"))
        }
        started = self.session.execute(
            select(func.count(col(JournalRow.case_reference).distinct())).where(
                col(JournalRow.municipality) == self.municipality,
                col(JournalRow.event) == "bekendgemaakt",
                col(JournalRow.on).between(self.begin, self.end),
            )
        ).scalar_one()
        for name, number in (*opened.items(), (STARTED, started)):
            yield Cell(VOLUMES.code, name, number if number >= LEAST else None, _of(number))
        total, may = sum(self._exits.values()), total_may_be_shown(self._exits)
        shown = str(total) if may else _few(total)
        yield Cell(VOLUMES.code, FINISHED, total if may else None, shown)
        # The share of what was a success may not give away a cell that the reasons hide.
        if not may or shown_counts(self._exits).get(_SUCCESS_REASON) is None:
            yield Cell(SUCCESS.code, "alle zaken die eindigden", None, _few(total), shown)
            return
        value, share = shown_share(self._exits[_SUCCESS_REASON], total)
        yield Cell(SUCCESS.code, "alle zaken die eindigden", value, share, shown)

    def _cases_with(self, which: ColumnElement[bool], day: Any) -> int:
        number: int = self.session.execute(
            select(func.count(col(ProcessRow.case_reference).distinct())).where(
                col(ProcessRow.municipality) == self.municipality, which, day.between(self.begin, self.end)
            )
        ).scalar_one()
        return number

    def relapse(self) -> Iterator[Cell]:
        """Yield the share of nazorg with a signal of terugval."""
        ended = self._endings()
        whole = set(
            self.session.execute(
                select(col(ProcessRow.case_reference))
                .join(ended, _ends_where_it_stands(ended), isouter=True)
                .where(
                    col(ProcessRow.municipality) == self.municipality,
                    col(ProcessRow.code) == "M8",
                    col(ProcessRow.opened_on) <= self.end,
                    col(ProcessRow.closed).is_(False) | (ended.c.on >= self.begin),
                )
            ).scalars()
        )
        relapsed = set(
            self.session.execute(
                select(col(JournalRow.case_reference))
                .where(
                    col(JournalRow.municipality) == self.municipality,
                    col(JournalRow.event) == "signaal_ontvangen",
                    col(JournalRow.process).like("M8%"),
                    col(JournalRow.on).between(self.begin, self.end),
                )
                .distinct()
            ).scalars()
        )
        value, shown = shown_share(len(relapsed & whole), len(whole))
        yield Cell(RELAPSE.code, "alle zaken in nazorg", value, shown, _of(len(whole)))

    def bottlenecks(self) -> Iterator[Cell]:
        """Yield in how many cases each bottleneck was reported; a case can have several, so no total follows."""
        rows = self.session.execute(
            select(col(JournalRow.case_reference), col(JournalRow.data)).where(
                col(JournalRow.municipality) == self.municipality,
                col(JournalRow.event) == "knelpunt_gemeld",
                col(JournalRow.on).between(self.begin, self.end),
            )
        ).all()
        cases: dict[str, set[str]] = defaultdict(set)
        for reference, data in rows:
            cases[str((data or {}).get("knelpunt"))].add(reference)
        for name, found in sorted(cases.items(), key=lambda item: item[0]):
            number = len(found)
            yield Cell(STUCK.code, name, number if number >= LEAST else None, _of(number))

    def signal_results(self) -> Iterator[Cell]:
        """Yield how many cases had each eindresultaat of a vroegsignaal that ended in the period."""
        ended = self._endings()
        rows = self.session.execute(
            select(col(ProcessRow.case_reference), col(ProcessRow.facts))
            .join(ended, _ends_where_it_stands(ended))
            .where(
                col(ProcessRow.municipality) == self.municipality,
                col(ProcessRow.code) == "M2",
                col(ProcessRow.closed).is_(True),
                ended.c.on.between(self.begin, self.end),
            )
            .order_by(ended.c.on, col(ProcessRow.id))
        ).all()
        last = {reference: str(facts.get("eindresultaat") or NO_REASON) for reference, facts in rows}
        yield from _counts(SIGNAL_RESULTS, Counter(last.values()))

    def growth(self) -> Iterator[Cell]:
        """Yield for each theme of the meetinstrument how much the scores rose since the first measurement."""
        rows = self.session.execute(
            select(col(JournalRow.case_reference), col(JournalRow.on), col(JournalRow.data))
            .where(
                col(JournalRow.municipality) == self.municipality,
                col(JournalRow.event).in_(_MEASUREMENTS),
                col(JournalRow.derived).is_(False),
                col(JournalRow.on) <= self.end,
            )
            .order_by(col(JournalRow.on), col(JournalRow.number))
        ).all()
        measured: dict[str, list[tuple[date, Mapping[str, int]]]] = defaultdict(list)
        for reference, on, data in rows:
            if all(theme in data for theme in THEMES):
                measured[reference].append((on, data))
        several = [scores for scores in measured.values() if len(scores) > 1 and scores[-1][0] >= self.begin]
        for theme in THEMES:
            rises = [scores[-1][1][theme] - scores[0][1][theme] for scores in several]
            value = statistics.fmean(rises) if len(rises) >= LEAST else None
            shown = HIDDEN if value is None else f"{value:+.1f}".replace(".", ",")
            yield Cell(GROWTH.code, theme.replace("_", " "), value, shown, _of(len(rises)))

    def quality(self) -> Iterator[Cell]:
        """Yield the mean score of each question of the quality sample."""
        reviews = self.session.execute(
            select(col(ReviewRow.case_reference), col(ReviewRow.scores)).where(
                col(ReviewRow.municipality) == self.municipality,
                col(ReviewRow.reviewed_on).between(self.begin, self.end),
            )
        ).all()
        scores: dict[str, list[int]] = defaultdict(list)
        cases: dict[str, set[str]] = defaultdict(set)
        for reference, review in reviews:
            for code, score in (review or {}).items():
                scores[code].append(score)
                cases[code].add(reference)
        for question in self.office.rules_for(self.municipality).policy.questions:
            number = len(cases[question.code])
            value = statistics.fmean(scores[question.code]) if number >= LEAST else None
            shown = HIDDEN if value is None else f"{value:.1f}".replace(".", ",")
            yield Cell(QUALITY.code, question.label, value, shown, _of(number))


def _ends_where_it_stands(ended: Subquery) -> ColumnElement[bool]:
    return and_(
        ended.c.reference == col(ProcessRow.case_reference),
        ended.c.process == col(ProcessRow.name),
        ended.c.after == col(ProcessRow.state),
    )


def _percentile(values: Iterable[int], part: float) -> int:
    """Return the smallest value that so large a part of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


_HEADS = ("cijfer", "onderdeel", "waarde", "eenheid", "over_aantal", "definitie")


def monitor_rows(monitor: Monitor) -> Iterator[dict[str, Any]]:
    """Yield the monitor as rows, the same for CSV and for the API."""
    for cell in monitor.cells:
        figure = monitor.figures[cell.figure]
        values = (figure.name, cell.part, cell.shown, figure.unit, cell.of, figure.definition)
        yield dict(zip(_HEADS, values, strict=True))


def monitor_csv(monitor: Monitor) -> str:
    """Return the monitor as CSV; hidden cells are hidden here as well."""
    return to_csv(_HEADS, monitor_rows(monitor))
