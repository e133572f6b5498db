"""A second way to count legal terms, written to disagree with the product if one of the two is wrong.

It shares only the vocabulary (Length, Unit, Basis) with the product, works out Easter itself and goes
from day to day.
"""

from datetime import date, timedelta

from milestones.calendar import Basis, Length, Unit

DAY = timedelta(days=1)
EXTRA_DAYS = {
    "2023-04-28", "2023-05-19", "2024-05-10", "2024-12-27", "2025-05-30",
    "2026-01-02", "2026-05-15", "2027-05-07", "2028-04-28", "2028-05-26",
}  # fmt: skip
FIXED_DAYS = {"01-01", "05-05", "12-25", "12-26"}
DAYS_FROM_EASTER = {-2, 1, 39, 50}
WEEKEND = {"Sat", "Sun"}


def easter(year: int) -> date:
    """Return Easter Sunday by the anonymous Gregorian computus."""
    golden = year % 19
    century, rest = divmod(year, 100)
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    to_sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def royal_birthday(year: int) -> date:
    """Return the day on which the Queen's (until 2013) or the King's birthday is celebrated."""
    day = date(year, 4, 30) if year < 2014 else date(year, 4, 27)
    return day - DAY if day.strftime("%a") == "Sun" else day


def is_off(day: date) -> bool:
    """Tell whether nobody has to work: weekend, holiday or a day set by royal decree."""
    return (
        day.strftime("%a") in WEEKEND
        or day.isoformat() in EXTRA_DAYS
        or day.strftime("%m-%d") in FIXED_DAYS
        or (day - easter(day.year)).days in DAYS_FROM_EASTER
        or day == royal_birthday(day.year)
    )


def month_step(day: date, wanted: int, direction: int) -> date:
    """Walk from `day` into the next or previous month, to day number `wanted` or the last that exists."""
    month = day.month
    while day.month == month:
        day += direction * DAY
    month = day.month
    while day.day > 1:
        day -= DAY
    while day.day < wanted and (day + DAY).month == month:
        day += DAY
    return day


def one_unit_on(day: date, start: date, unit: Unit, direction: int) -> date:
    """Walk one unit on from `day` in a term that began on `start`; a unit of hours is a day."""
    if unit is Unit.MONTHS:
        return month_step(day, start.day, direction)
    if unit is Unit.YEARS:
        for _ in range(12):
            day = month_step(day, start.day, direction)
        return day
    for _ in range(7 if unit is Unit.WEEKS else 1):
        day += direction * DAY
    while unit is Unit.WORKING_DAYS and is_off(day):
        day += direction * DAY
    return day


def nominal_end(start: date, length: Length, suspended: int) -> date:
    """Walk to the end of the term before any shift."""
    day = start
    for _ in range(length.amount // 24 if length.unit is Unit.HOURS else length.amount):
        day = one_unit_on(day, start, length.unit, -1 if length.backward else 1)
    if length.includes_first_day:
        day -= DAY
    for _ in range(suspended):
        day += DAY
    while length.unit is Unit.WORKING_DAYS and is_off(day):
        day += DAY
    return day


def outside_atw(length: Length) -> bool:
    """Tell whether the Algemene termijnenwet leaves a term of this length alone."""
    return (
        length.backward
        or length.unit in {Unit.HOURS, Unit.YEARS, Unit.WORKING_DAYS}
        or (length.unit is Unit.DAYS and length.amount >= 91)
        or (length.unit is Unit.WEEKS and length.amount >= 13)
        or (length.unit is Unit.MONTHS and length.amount >= 4)
    )


def last_day(start: date, length: Length, basis: Basis, suspended: int) -> date:
    """Return the last day of the term."""
    end = nominal_end(start, length, suspended)
    if basis is Basis.EU:
        while not length.backward and length.unit is not Unit.HOURS and is_off(end):
            end += DAY
    elif basis in {Basis.WET, Basis.AMVB} and not outside_atw(length):
        needed = 2 if length.unit is not Unit.DAYS or length.amount >= 3 else 0
        while is_off(end) or working_days_in(start, end, length) < needed:
            end += DAY
    return end


def working_days_in(start: date, end: date, length: Length) -> int:
    """Count the working days among the days of the term."""
    day = start if length.includes_first_day else start + DAY
    found = 0
    while day <= end:
        found += not is_off(day)
        day += DAY
    return found


def may_move(start: date, length: Length, basis: Basis, suspended: int) -> bool:
    """Tell whether one more day off in a year that is not known yet (after 2028) would change the last day."""
    end = last_day(start, length, basis, suspended)
    near = {end + n * DAY for n in range(-12, 1)} | {start + n * DAY for n in range(-12, 13)}
    for day in near:
        extra = day.isoformat()
        if day.year <= 2028 or extra in EXTRA_DAYS:
            continue
        EXTRA_DAYS.add(extra)
        try:
            if last_day(start, length, basis, suspended) != end:
                return True
        finally:
            EXTRA_DAYS.remove(extra)
    return False
