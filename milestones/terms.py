"""What a term is: its length, the rule that sets it, its ladder of warnings, and where that comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from milestones.calendar import Basis, Length
from milestones.references import Reference, text_dates
from milestones.vocabulary import Role, TermId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.calendar import Calendar, Deadline


class Confidence(StrEnum):
    """How sure the source is (domain 0). Anything but V and V* is shown as "niet geverifieerd"."""

    VERIFIED = "V"
    VERIFIED_INDIRECTLY = "V*"
    UNVERIFIED = "U"
    PROPOSAL = "P"

    @property
    def is_verified(self) -> bool:
        """Whether this may be presented to a user as law or as a published agreement."""
        return self in {Confidence.VERIFIED, Confidence.VERIFIED_INDIRECTLY}


class Kind(StrEnum):
    """A duty is met by doing something in time; a window simply runs out."""

    DUTY = "plicht"
    WINDOW = "periode"


@dataclass(frozen=True, slots=True)
class Extension:
    """When a term may get a later last day; a motivation code is always needed.

    `needs` are answers that must be yes, `step` is the most that one extension adds, `total` the most that
    the term may be in all, `times` how often. With `consent_lifts`, consent of the client lifts these bounds.
    """

    needs: tuple[str, ...] = ()
    step: Length | None = None
    total: Length | None = None
    times: int | None = None
    consent_lifts: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One row of the timer table (domain 3.1)."""

    id: TermId
    name: str
    length: Length | None  # None: the source sets no length (a court decides, or there is no end)
    basis: Basis
    source: str
    confidence: Confidence
    trigger: str
    at_expiry: str
    ladder: tuple[str, ...] = ()
    escalates_to: tuple[Role, ...] = ("coordinator",)
    kind: Kind = Kind.DUTY
    configurable: bool = True
    longest: Length | None = None
    # What a later ruling may make it at the most, where the law allows more then (Fw art. 349a lid 2).
    longest_changed: Length | None = None
    variants: tuple[tuple[str, Length], ...] = ()
    extendable: str = "nee"
    # A retention term starts when a process ends and therefore outlives it.
    survives_process: bool = False
    # Kept for the archive, or for a request of the inwoner, also after his death (domain 3.2).
    kept_at_death: bool = False
    # For a term counted back from a planned day (T02c): the planned day is the last day to act.
    acts_until_anchor: bool = False
    # The law lets it start on the day after the trigger (Awb art. 6:8); the length is the same.
    starts_next_day: bool = False
    extension: Extension | None = None
    # Who hears each warning beside who holds the case.
    warns_too: tuple[Role, ...] = ()
    references: tuple[Reference, ...] = ()
    # The term beside which this one stands as the municipality's own, shorter norm.
    norm_of: str | None = None
    # No law fixes it, but an agreement does: another length needs a reason, which is shown with the source.
    needs_reason: bool = False

    def has_length(self, variant: str | None = None) -> bool:
        """Tell whether the source, or the municipality, sets a length."""
        return dict(self.variants).get(variant or "", self.length) is not None

    def length_for(self, variant: str | None = None) -> Length:
        """Return the length, for a variant (a doelgroep, a commission) where the source names one.

        A term without a length of its own is a ValueError.
        """
        length = dict(self.variants).get(variant or "", self.length)
        if length is None:
            raise ValueError(f"{self.id} ({self.name}) heeft geen vaste lengte: {self.at_expiry}.")
        return length

    @property
    def source_text(self) -> str:
        """The source as people read it: with the date of the text, or that it is not verified."""
        if not self.confidence.is_verified:
            return f"{self.source}; niet geverifieerd"
        read = text_dates(self.references)
        return f"{self.source}; {read}" if read else self.source


@dataclass(frozen=True, slots=True)
class Rung:
    """One moment of a term's ladder: a warning before the due date, or the day after it."""

    name: str
    on: date


EXPIRY = "verlopen"

_BY_NAME = ("start", "0", "-0wd")
_STEP_TEXT = "([+-])([0-9]+)(d|wd|w|m)"
_STEP = re.compile(f"^{_STEP_TEXT}$")
RUNG_PATTERN = f"^({'|'.join(_BY_NAME)}|{_STEP_TEXT})$"


def is_rung(step: str) -> bool:
    """Tell whether a text is a step of a ladder, such as "-14d" or "+1wd"."""
    return step in _BY_NAME or _STEP.match(step) is not None


def rung_date(step: str, start: date, due: date, calendar: Calendar) -> date:
    """Return the civil date of one step of a ladder.

    Steps: "start" (the day the term starts), "0" (the last day itself), "-0wd" (the last working day in it),
    "-7d", "-2wd", "-1m" (before the last day), "+1wd", "+4w" (after the start). Any other is a ValueError.
    """
    if step in _BY_NAME:
        last_working_day = due if calendar.is_working_day(due) else calendar.add_working_days(due, -1)
        return {"start": start, "0": due}.get(step, last_working_day)
    match = _STEP.match(step)
    if match is None:
        raise ValueError(f"'{step}' is geen waarschuwingsmoment (voorbeelden: -14d, -2wd, +1wd, start, 0).")
    sign, number, unit = match.groups()
    amount = int(number) * (1 if sign == "+" else -1)
    base = start if amount > 0 else due
    if unit == "wd":
        return calendar.add_working_days(base, amount)
    if unit == "m":
        return add_months(base, amount)
    return base + timedelta(days=amount * (7 if unit == "w" else 1))


def add_months(day: date, months: int) -> date:
    """Return the same day number some months on, or the last day of that month (R11)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)  # noqa: PLR2004 - December
    return date(year, month + 1, min(day.day, (first_of_next - timedelta(days=1)).day))


def ladder(term: Term, start: date, due: date, calendar: Calendar) -> tuple[Rung, ...]:
    """Return a term's rungs in order: the warnings that fall on or after its start, then the expiry.

    A term ends at 24:00 of its last day (R15), so its expiry falls on the day after.
    """
    warnings = (Rung(step, rung_date(step, start, due, calendar)) for step in term.ladder)
    kept = sorted((rung for rung in warnings if start <= rung.on <= due), key=lambda rung: rung.on)
    return (*kept, Rung(EXPIRY, due + timedelta(days=1)))


def last_day(term: Term, deadline: Deadline) -> date:
    """Return the last day on which the term can be met."""
    return deadline.started_on if term.acts_until_anchor else deadline.due


def describe(term: Term, deadline: Deadline, calendar: Calendar) -> Mapping[str, object]:
    """Return a computed term in the words of the contract (contract 1), ready for JSON."""
    due = last_day(term, deadline)
    # A term counted back has its whole ladder before the moment from which it is counted.
    start = date.min.replace(year=due.year - 1) if deadline.length.backward else deadline.started_on
    rungs = ladder(term, start, due, calendar)
    row: dict[str, object] = {
        "id": term.id,
        "naam": term.name,
        "gestart_op": deadline.started_on.isoformat(),
        "lengte": str(deadline.length),
        "nominaal": deadline.nominal.isoformat(),
        "uiterlijk": due.isoformat(),
        "verschoven_door": deadline.shifted_by,
        "niet_verschoven_omdat": deadline.not_shifted_because,
        "voorbehoud": deadline.reservation,
        "opgeschort_dagen": deadline.suspended_days,
        "waarschuwingen": [rung.on.isoformat() for rung in rungs[:-1]],
        "bron": term.source,
        "bron_voluit": term.source_text,
        "artikelen": [reference.as_json() for reference in term.references],
        "zekerheid": str(term.confidence),
        "geverifieerd": term.confidence.is_verified,
    }
    if deadline.due_atw != deadline.due:
        row["uiterlijk_atw"] = deadline.due_atw.isoformat()
        row["voorbehoud"] = deadline.reservation or calendar.reservation(
            deadline.length, Basis.WET, deadline.started_on, deadline.due_atw
        )
    return row
