"""Count legal terms in Dutch civil days.

The rule numbers R1..R16 are those of the counting rules in the domain reference. Atw is the Algemene
termijnenwet, Awb the Algemene wet bestuursrecht, FW the Faillissementswet. All dates are civil dates in
Europe/Amsterdam and a term ends at 24:00 of its last day (R15). Nothing here reads a clock or a file: the
holidays (R4, R5, R6) come in as data.
"""

import calendar as _months
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from milestones.refusal import Refusal

_ONE_DAY = timedelta(days=1)
_AMSTERDAM = ZoneInfo("Europe/Amsterdam")
_EVER = (date.min, date.max)
_SATURDAY = 5
_WORKING_DAYS_IN_A_TERM = 2  # R3, Atw art. 2
_DAYS_THAT_NEED_THEM = 3  # R3, Atw art. 2


class Unit(StrEnum):
    """What a term is counted in; the value is the Dutch plural."""

    HOURS = "uur"
    DAYS = "dagen"
    WORKING_DAYS = "werkdagen"
    WEEKS = "weken"
    MONTHS = "maanden"
    YEARS = "jaren"


_HOURS_IN = {Unit.HOURS: 1, Unit.DAYS: 24, Unit.WEEKS: 7 * 24}
_SINGULAR = dict(zip(Unit, ("uur", "dag", "werkdag", "week", "maand", "jaar"), strict=True))


class Basis(StrEnum):
    """The kind of rule that sets a term; it decides whether the end shifts (R8, R9, R10, R16)."""

    WET = "wet"
    AMVB = "AMvB"
    VERORDENING = "verordening"
    BELEID = "beleid"
    MODULE = "module"
    CONVENANT = "convenant"
    UITSPRAAK = "uitspraak"
    EU = "EU"
    WET_ZONDER_ATW = "wet, Atw uitgesloten"


_ATW_BASES = frozenset({Basis.WET, Basis.AMVB})  # R8, Atw art. 5: an AMvB counts like a wet

# R9 and R10: on these bases a term stays where it is.
_NO_ATW = "schuift niet: de Algemene termijnenwet geldt alleen voor een wet of AMvB (Atw art. 1 en 5)."
_KEPT_BY_BASIS = {
    Basis.VERORDENING: f"Een termijn uit een gemeentelijke verordening {_NO_ATW}",
    Basis.BELEID: f"Een termijn uit gemeentelijk beleid {_NO_ATW}",
    Basis.MODULE: f"Een termijn uit een NVVK-module {_NO_ATW}",
    Basis.CONVENANT: f"Een termijn uit een convenant {_NO_ATW}",
    Basis.UITSPRAAK: f"Een termijn uit een uitspraak van de rechter {_NO_ATW}",
    Basis.WET_ZONDER_ATW: "Deze termijn schuift niet: de wet sluit de Algemene termijnenwet hier uit.",
}

# R7, Atw art. 4: a term longer than this stays where it is.
_LONGEST_THAT_SHIFTS = {
    Unit.HOURS: (0, "Een termijn in uren schuift niet (Atw art. 4)."),
    Unit.DAYS: (90, "Een termijn van meer dan negentig dagen schuift niet (Atw art. 4)."),
    Unit.WEEKS: (12, "Een termijn van meer dan twaalf weken schuift niet (Atw art. 4)."),
    Unit.MONTHS: (3, "Een termijn van meer dan drie maanden schuift niet (Atw art. 4)."),
    Unit.YEARS: (0, "Een termijn in jaren schuift niet (Atw art. 4)."),
}

_KEPT_SAME_DAY = "Een termijn van nul eindigt op de dag zelf en schuift niet."
_COUNTED_BACK = "De termijn is teruggeteld vanaf een moment en schuift daarom niet"
_KEPT_WORKING_DAYS = "De termijn telt alleen werkdagen en eindigt daarom altijd op een werkdag."
_KEPT_EU_HOURS = "Een termijn in uren schuift niet (Verordening 1182/71 art. 3 lid 4)."
_KEPT_ON_WORKING_DAY = "De laatste dag is geen zaterdag, zondag of feestdag."
_TWO_WORKING_DAYS_NEEDED = "minstens twee werkdagen nodig (Atw art. 2)"


@dataclass(frozen=True, slots=True)
class Length:
    """How long a term is.

    `amount` is 0 (the same day, never shifted) or more, counted in `unit`. `backward` terms are counted back
    from a moment (R2). `includes_first_day` is for laws that count the starting day as the first day (R14, FW
    art. 349a lid 1). Raises ValueError for a negative amount and for combinations that no law knows.
    """

    amount: int
    unit: Unit
    backward: bool = False
    includes_first_day: bool = False

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError(f"Een termijn kan niet korter zijn dan 0; {self.amount} kan niet.")
        if self.includes_first_day and (self.backward or self.unit is Unit.WORKING_DAYS or not self.amount):
            raise ValueError("Alleen een vooruit getelde kalendertermijn kan de eerste dag meetellen.")

    def __str__(self) -> str:
        singular = self.amount == 1 or self.unit is Unit.YEARS  # "5 jaar"
        noun = _SINGULAR[self.unit] if singular else self.unit
        return f"{self.amount} {noun} terug" if self.backward else f"{self.amount} {noun}"


@dataclass(frozen=True, slots=True)
class Deadline:
    """The outcome of counting one term.

    `nominal` is the end before shifting, with the suspended days added; `due` is the last day after shifting.
    Exactly one of `shifted_by` (the days that were skipped) and `not_shifted_because` (one sentence) is set,
    both in Dutch. `due_atw` is the last day if the rule had been a wet; for a wet it equals `due`. `reservation`
    is a Dutch sentence when a day that is still to be put on a par with a holiday can move `due`.
    """

    started_on: date
    length: Length
    nominal: date
    due: date
    shifted_by: str | None
    not_shifted_because: str | None
    due_atw: date
    suspended_days: int
    reservation: str | None = None


class OutsideCalendarError(Refusal, ValueError):
    """A day for which no holidays are known; its text is one Dutch sentence."""


class Calendar:
    """Working days and deadlines, given the holidays.

    `holidays` maps each day of Atw art. 3 to its Dutch name (R4: also Goede Vrijdag and every 5 May; R5: days
    set by royal decree; R6: King's day). `known_until` is the last date for which the decrees are known; what
    lies beyond it may still change. `covers` is the first and last day with holidays known; dates
    outside it are refused with ValueError.
    """

    def __init__(
        self, holidays: Mapping[date, str], known_until: date, covers: tuple[date, date] = _EVER
    ) -> None:
        self._holidays = dict(holidays)
        self.known_until = known_until
        self.covers = covers

    def is_working_day(self, day: date) -> bool:
        """Tell whether `day` is neither in a weekend nor a holiday (R12)."""
        self._check(day)
        return self._works(day)

    def why_not_working(self, day: date) -> str | None:
        """Return the holiday's Dutch name or "weekend", or None for a working day (R4, R12)."""
        self._check(day)
        if day in self._holidays:
            return self._holidays[day]
        return "weekend" if day.weekday() >= _SATURDAY else None

    def add_working_days(self, day: date, n: int) -> date:
        """Return the n-th working day after `day`, or before it when `n` is negative (R12).

        `day` itself is not counted; with `n` 0 it is returned as it is, working day or not.
        """
        self._check(day)
        step = _ONE_DAY if n > 0 else -_ONE_DAY
        to_go = abs(n)
        while to_go:
            day += step
            if self._works(day):
                to_go -= 1
        self._check(day)
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and including `end` (R12).

        When `end` lies before `start` the count is negative, so that
        `working_days_between(day, add_working_days(day, n)) == n`.
        """
        self._check(start)
        self._check(end)
        sign = 1 if end >= start else -1
        steps = range(1, abs((end - start).days) + 1)
        return sign * sum(self._works(start + sign * step * _ONE_DAY) for step in steps)

    def deadline(self, started_on: date, length: Length, basis: Basis, suspended_days: int = 0) -> Deadline:
        """Count a term of `length` from `started_on`, which is day 0 (R11, Awb art. 6:8 lid 1).

        `suspended_days` are the calendar days that the term stood still (R13, Awb art. 4:15); they are added
        before shifting. Raises ValueError when the term cannot be counted: hours that are no whole days, a
        suspension that is negative or of a term that counts back, or an end outside the calendar.
        """
        self._check(started_on)
        try:
            nominal = self._nominal_end(started_on, length, suspended_days)
        except OverflowError as error:
            raise OutsideCalendarError(f"Een termijn van {length} past niet in de kalender.") from error
        self._check(nominal)

        due_atw, skipped = nominal, None
        kept = _why_kept(length, Basis.WET)
        if not kept:
            due_atw, skipped = self._shift_under_atw(started_on, nominal, length)
        due = due_atw
        if basis not in _ATW_BASES:
            kept = _why_kept(length, basis)
            due, skipped = (nominal, None) if kept else self._next_working_day(nominal)
        self._check(max(due, due_atw))
        if not skipped and not kept:
            kept = _KEPT_ON_WORKING_DAY
        reservation = self.reservation(length, basis, started_on, due)
        return Deadline(started_on, length, nominal, due, skipped, kept, due_atw, suspended_days, reservation)

    def reservation(self, length: Length, basis: Basis, started_on: date, due: date) -> str | None:
        """Say so when a last day rests on years for which not all days off are known yet (R5).

        None for a term that no day off can move, and for one that lies before the end of what is known.
        """
        if length.unit is Unit.WORKING_DAYS and length.amount:
            moves = self.add_working_days(started_on, -1) if length.backward else due
        elif _why_kept(length, basis):
            return None
        else:
            moves = due
        if moves <= self.known_until:
            return None
        return (
            f"Welke dagen met een zondag worden gelijkgesteld, is na {self.known_until.year} niet bekend "
            "(Atw art. 3 lid 3): deze datum kan nog veranderen."
        )

    @property
    def caution(self) -> str:
        """The same in the few words that stand beside a date in a list."""
        return f"na {self.known_until.year} niet bekend"

    def _check(self, day: date) -> None:
        first, last = self.covers
        if not first <= day <= last:
            raise OutsideCalendarError(
                f"De kalender loopt van {first} tot en met {last}; {day} valt daarbuiten."
            )

    def _works(self, day: date) -> bool:
        return day.weekday() < _SATURDAY and day not in self._holidays

    def _nominal_end(self, started_on: date, length: Length, suspended_days: int) -> date:
        if suspended_days < 0:
            raise ValueError(f"Een termijn kan geen {suspended_days} dagen stilstaan.")
        if suspended_days and length.backward:
            raise ValueError("Een termijn die wordt teruggeteld kan niet stilstaan.")
        amount = -length.amount if length.backward else length.amount
        standstill = timedelta(days=suspended_days)  # R13
        if length.unit is Unit.WORKING_DAYS:
            end = self.add_working_days(started_on, amount)
            # A standstill that ends the term on a day off leaves the next working day as its last one.
            return self._next_working_day(end + standstill)[0] if suspended_days else end
        if length.includes_first_day:
            standstill -= _ONE_DAY  # R14
        return _add_calendar_units(started_on, amount, length.unit) + standstill

    def _shift_under_atw(self, started_on: date, nominal: date, length: Length) -> tuple[date, str | None]:
        due, skipped = self._next_working_day(nominal)  # R1
        if length.unit is Unit.DAYS and length.amount < _DAYS_THAT_NEED_THEM:
            return due, skipped
        on_first_day = length.includes_first_day and self._works(started_on)
        second = self.add_working_days(started_on, _WORKING_DAYS_IN_A_TERM - on_first_day)  # R3
        if second <= due:
            return due, skipped
        return second, f"{skipped}, {_TWO_WORKING_DAYS_NEEDED}" if skipped else _TWO_WORKING_DAYS_NEEDED

    def _next_working_day(self, day: date) -> tuple[date, str | None]:
        """Return `day` or the first working day after it, and the names of the days skipped (R1, R4)."""
        names: list[str] = []
        while not self._works(day):
            name = self.why_not_working(day)
            if name and name not in names[-1:]:
                names.append(name)
            day += _ONE_DAY
        return day, ", ".join(names) or None


def suspended_days(invited_on: date, completed_on: date) -> int:
    """Return the days that a term stands still while data are awaited (R13, Awb art. 4:15 lid 1 a).

    It stands still from the day after `invited_on` to the day before `completed_on`, the day on which the
    data arrive or the set term has lapsed unused. Never below 0.
    """
    return max(0, (completed_on - invited_on).days - 1)


def day_in_amsterdam(moment: datetime) -> date:
    """Return the date in Europe/Amsterdam of an aware `moment` (R15); a naive one raises ValueError."""
    if moment.utcoffset() is None:
        raise ValueError(f"Het tijdstip {moment} noemt geen tijdzone; de datum is dan niet zeker.")
    return moment.astimezone(_AMSTERDAM).date()


def _why_kept(length: Length, basis: Basis) -> str | None:
    """Return the sentence for a term that never shifts, or None when it shifts off a weekend or holiday."""
    if not length.amount:
        return _KEPT_SAME_DAY
    if length.backward:  # R2
        source = "Verordening 1182/71 art. 3 lid 4" if basis is Basis.EU else "Atw art. 1 lid 2"
        return f"{_COUNTED_BACK} ({source})."
    if length.unit is Unit.WORKING_DAYS:  # R12
        return _KEPT_WORKING_DAYS
    if basis is Basis.EU:  # R16, Verordening 1182/71 art. 3 lid 4: shifts at any length, except in hours
        return _KEPT_EU_HOURS if length.unit is Unit.HOURS else None
    if basis in _KEPT_BY_BASIS:  # R9, R10
        return _KEPT_BY_BASIS[basis]
    longest, sentence = _LONGEST_THAT_SHIFTS[length.unit]  # R7
    return sentence if length.amount > longest else None


def _add_calendar_units(day: date, amount: int, unit: Unit) -> date:
    """Add hours, days, weeks, months or years to a civil date (R11)."""
    if unit is Unit.HOURS and amount % _HOURS_IN[Unit.DAYS]:
        raise ValueError(f"De kalender telt hele dagen; {abs(amount)} uur is geen veelvoud van 24 uur.")
    if unit in _HOURS_IN:
        return day + timedelta(hours=amount * _HOURS_IN[unit])
    # The same day number so many months later, or the last day of that month if it does not exist.
    months = amount if unit is Unit.MONTHS else 12 * amount
    year, month_index = divmod(12 * day.year + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError(year)
    month = month_index + 1
    return date(year, month, min(day.day, _months.monthrange(year, month)[1]))
