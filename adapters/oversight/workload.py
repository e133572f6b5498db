"""The werkvoorraad of a municipality: who holds what, what is due this week, what is late, what has no owner."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol

from sqlmodel import col, select

from adapters.cases.caseload import GUIDANCE, deputy_for
from adapters.runtime.calendar_data import dutch_calendar
from adapters.storage.database import ProcessRow, TimerRow, reading, table_of
from milestones.definition import ANY, OFFERED, RETURNED
from milestones.definitions import kept_definition
from milestones.four_eyes import WAITS
from milestones.roles import dutch_role
from milestones.running import reservation_at
from milestones.terms import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.cases.caseload import Away, AwayToday
    from adapters.runtime.clock import Clock
    from milestones.definition import EventSpec
    from milestones.policy import Policy, Rules


_SUNDAY = 6
_FORMULA = frozenset("=+-@")


class WorkloadOffice(Protocol):
    """What a workload is read with. Who is away is known where people get their messages."""

    engine: Engine
    clock: Clock

    def rules_for(self, municipality: str) -> Rules:
        """Return the calendar and the policy of a municipality."""
        ...

    def away(self, municipality: str, day: date) -> Mapping[str, Away]:
        """Return who is away on a day, and who stands in."""
        ...

    def away_today(self, session: Session) -> AwayToday:
        """Return who is away today in every municipality, and who stands in."""
        ...


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One open process, as somebody who plans work sees it."""

    reference: str
    process: str
    waits_for: str
    role: str
    holder: str | None
    deputy: str | None
    due: date | None
    term: str | None
    threatened: bool
    offered: bool
    waits_outside: bool
    flow_run_id: str | None
    opened_on: date
    state: str = ""
    version: int = 1
    municipality: str = ""
    reservation: str | None = None  # why the last day can still move

    @property
    def caution(self) -> str | None:
        """Why the last day can still move, in the words that fit in a list."""
        return dutch_calendar().caution if self.reservation else None

    @property
    def returned(self) -> bool:
        """Whether the hand-off was returned, so that somebody else must be found."""
        return self.state == RETURNED

    @property
    def steps(self) -> tuple[EventSpec, ...]:
        """What people may report in its state, as the definition lists it."""
        return _steps(self.process.partition("#")[0], self.version, self.state)


@cache
def _steps(code: str, version: int, state: str) -> tuple[EventSpec, ...]:
    """Return what people may report in a state; a version of a definition never changes."""
    definition = kept_definition(code, version)
    rows = sorted(definition.rows_from(state), key=lambda row: ANY in row.sources)
    names = dict.fromkeys(row.event for row in rows)
    return tuple(spec for name in names if not (spec := definition.event(name)).by_timer)


@dataclass(frozen=True, slots=True)
class Load:
    """What one person holds."""

    person: str
    open: int
    late: int
    this_week: int
    deputy: str | None
    away: bool


@dataclass(frozen=True)
class Workload:
    """The open work of a municipality on a day."""

    municipality: str
    on: date
    items: tuple[WorkItem, ...]
    away: frozenset[str]

    @property
    def sunday(self) -> date:
        """The last day of this week."""
        return self.on + timedelta(days=_SUNDAY - self.on.weekday())

    @cached_property
    def late(self) -> tuple[WorkItem, ...]:
        """What is late, the longest first."""
        found = [item for item in self.items if item.due is not None and item.due < self.on]
        return tuple(sorted(found, key=lambda item: (item.due, item.reference)))

    @cached_property
    def this_week(self) -> tuple[WorkItem, ...]:
        """What ends from today to Sunday, the first first."""
        found = [item for item in self.items if item.due is not None and self.on <= item.due <= self.sunday]
        return tuple(sorted(found, key=lambda item: (item.due, item.reference)))

    @cached_property
    def unowned(self) -> tuple[WorkItem, ...]:
        """What nobody has, the first to end first."""
        found = [item for item in self.items if item.holder is None]
        return tuple(sorted(found, key=lambda item: (item.due or date.max, item.reference)))

    @cached_property
    def offered(self) -> tuple[WorkItem, ...]:
        """What waits for acceptance."""
        return tuple(item for item in self.items if item.offered)

    @cached_property
    def threatened(self) -> tuple[WorkItem, ...]:
        """Where there is a bedreigende situatie."""
        return tuple(item for item in self.items if item.threatened)

    @cached_property
    def loads(self) -> tuple[Load, ...]:
        """What each person holds, who has most late first."""
        held: dict[str, list[WorkItem]] = defaultdict(list)
        for item in self.items:
            if item.holder is not None:
                held[item.holder].append(item)
        late, week = set(map(id, self.late)), set(map(id, self.this_week))
        rows = [
            Load(
                person,
                len(items),
                sum(1 for item in items if id(item) in late),
                sum(1 for item in items if id(item) in week),
                items[0].deputy,
                person in self.away,
            )
            for person, items in held.items()
        ]
        return tuple(sorted(rows, key=lambda row: (-row.late, -row.open, row.person)))

    @cached_property
    def by_milestone(self) -> Mapping[str, int]:
        """How many processes are open in each mijlpaal."""
        counts: dict[str, int] = defaultdict(int)
        for item in self.items:
            counts[item.process.partition("#")[0]] += 1
        return dict(sorted(counts.items()))


def read_workload(office: WorkloadOffice, municipality: str) -> Workload:
    """Read the open work of a municipality: two queries, whatever the number of cases."""
    today = office.clock.today()
    policy = office.rules_for(municipality).policy
    here = (col(ProcessRow.closed).is_(False), col(ProcessRow.municipality) == municipality)
    away = office.away(municipality, today)
    with reading(office.engine) as session:
        processes = session.execute(select(*PROCESS_COLUMNS).where(*here).order_by(col(ProcessRow.id))).all()
        terms = session.execute(
            select(col(TimerRow.process_id), col(TimerRow.term), col(TimerRow.due))
            .join(ProcessRow, col(TimerRow.process_id) == col(ProcessRow.id))
            .where(*here, col(TimerRow.stopped).is_(None), col(TimerRow.due).is_not(None))
        ).all()
    first: dict[int, tuple[date, str]] = {}
    for process_id, term, due in terms:
        if policy.term(term).kind is Kind.DUTY:
            first[process_id] = min(first.get(process_id, (date.max, "")), (due, term))
    contacts = {
        row.case_reference: row.facts.get("contactpersoon") for row in processes if row.code == GUIDANCE
    }
    items = tuple(
        work_item(row, policy, first.get(row.id), contacts.get(row.case_reference), away) for row in processes
    )
    return Workload(municipality, today, items, frozenset(away))


def work_item(
    row: Any, policy: Policy, first: tuple[date, str] | None, contact: str | None, away: Mapping[str, Away]
) -> WorkItem:
    """Return a row of `PROCESS_COLUMNS` as an item; `first` is the first duty that ends, with its last day."""
    due, term = first or (None, None)
    state = kept_definition(row.code, row.version).state(row.state)
    holder = row.facts.get("houder") or contact
    return WorkItem(
        reference=row.case_reference,
        process=row.name,
        waits_for=WAITS if row.facts.get("tweede_beoordeling") else state.waits_for,
        role=dutch_role(policy.role(row.role)),
        holder=holder,
        deputy=deputy_for(holder, away),
        due=due,
        term=term,
        threatened=row.facts.get("bedreigende_situatie") is True,
        offered=row.state == OFFERED,
        waits_outside=state.waits_on_partner,
        flow_run_id=row.flow_run_id,
        opened_on=row.opened_on,
        state=row.state,
        version=row.version,
        municipality=row.municipality,
        reservation=reservation_at(policy.term(term), due, dutch_calendar()) if due and term else None,
    )


_SHOWN = (
    "id", "case_reference", "name", "code", "version", "state", "role", "facts", "flow_run_id", "opened_on",
    "municipality",
)  # fmt: skip
PROCESS_COLUMNS = tuple(table_of(ProcessRow).c[name] for name in _SHOWN)

_HEADS = (
    "zaak", "mijlpaal", "wacht_op", "rol", "medewerker", "vervanger", "uiterlijk", "termijn", "dagen_te_laat",
    "deze_week", "crisis", "wacht_op_overdracht", "geopend_op", "voorbehoud",
)  # fmt: skip


def rows_of(workload: Workload) -> Iterator[dict[str, Any]]:
    """Yield the werkvoorraad as rows, the same for CSV and for the API."""
    week = set(map(id, workload.this_week))
    for item in workload.items:
        late = (workload.on - item.due).days if item.due is not None and item.due < workload.on else 0
        values = (
            item.reference, item.process, item.waits_for, item.role, item.holder, item.deputy,
            item.due.isoformat() if item.due else None, item.term, late, id(item) in week, item.threatened,
            item.offered, item.opened_on.isoformat(), item.reservation,
        )  # fmt: skip
        yield dict(zip(_HEADS, values, strict=True))


def workload_csv(workload: Workload) -> str:
    """Return the werkvoorraad as CSV, with a semicolon as Dutch spreadsheets want it."""
    return to_csv(_HEADS, rows_of(workload))


def to_csv(heads: tuple[str, ...], rows: Iterator[dict[str, Any]]) -> str:
    """Write rows as CSV: yes and no in words, nothing for what is not known."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(heads)
    for row in rows:
        writer.writerow([plain_cell(row[head]) for head in heads])
    return out.getvalue()


def plain_cell(value: object) -> object:
    """Return a value as a file for a spreadsheet holds it."""
    if isinstance(value, bool):
        return "ja" if value else "nee"
    if isinstance(value, str) and _reckons(value):
        return f"'{value}"  # a spreadsheet shows it, and does not reckon with it
    return "" if value is None else value


def _reckons(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula: its first sign that is seen, however wide it is written."""
    if text[:1].isalnum():
        return False
    seen = next((sign for sign in text if unicodedata.category(sign)[0] not in "CZ"), "")
    return unicodedata.normalize("NFKC", seen) in _FORMULA or text[:1] in ("\t", "\r", "\n")


def municipalities(office: WorkloadOffice) -> list[str]:
    """Return every municipality that has a case."""
    with reading(office.engine) as session:
        return sorted(session.exec(select(ProcessRow.municipality).distinct()))
