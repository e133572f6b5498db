"""What holds for every start, length, basis and suspension, and agreement with a second implementation."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import naive_calendar as naive

from adapters.runtime.calendar_data import FIRST_YEAR, LAST_YEAR, dutch_calendar
from milestones.calendar import Basis, Length, Unit, day_in_amsterdam, suspended_days
from milestones.policy import Policy, Rules
from milestones.running import count_term
from milestones.snapshot import RunningTerm
from milestones.term_table import TERMS
from milestones.terms import Term

CALENDAR = dutch_calendar()
DAY = timedelta(days=1)
ATW_BASES = (Basis.WET, Basis.AMVB)
UNSHIFTED_BASES = tuple(basis for basis in Basis if basis not in {*ATW_BASES, Basis.EU})
# Around the borders of Atw art. 4 and far beyond them.
LONGEST = {
    Unit.HOURS: 10,
    Unit.DAYS: 200,
    Unit.WORKING_DAYS: 60,
    Unit.WEEKS: 20,
    Unit.MONTHS: 40,
    Unit.YEARS: 6,
}

# Half of the starts lie where royal decrees add holidays, and there close before Christmas, Easter and May.
busy_days = st.builds(
    lambda year, anchor, back: date(year, *anchor) - back * DAY,
    st.integers(2022, 2029),
    st.sampled_from([(1, 3), (4, 8), (5, 8), (6, 6), (12, 28)]),
    st.integers(0, 45),
)
days = busy_days | st.dates(date(2000, 1, 1), date(2050, 12, 31))
standstills = st.just(0) | st.integers(0, 60)


@st.composite
def lengths(draw: st.DrawFn, *units: Unit) -> Length:
    """Draw a length that the calendar can count, in one of `units` or in any unit."""
    unit = draw(st.sampled_from(units or tuple(Unit)))
    amount = draw(st.integers(1, LONGEST[unit]))
    backward = draw(st.booleans()) and draw(st.booleans())
    first = not backward and unit is not Unit.WORKING_DAYS and draw(st.booleans())
    return Length(24 * amount if unit is Unit.HOURS else amount, unit, backward, first)


@settings(max_examples=700, deadline=None)
@given(days, lengths(), st.sampled_from(Basis), standstills)
def test_agrees_with_the_naive_calendar(start: date, length: Length, basis: Basis, suspended: int) -> None:
    """Nominal end, last day and last day under the Atw are those found by walking from day to day."""
    suspended = 0 if length.backward else suspended
    found = CALENDAR.deadline(start, length, basis, suspended)
    assert found.nominal == naive.nominal_end(start, length, suspended)
    assert found.due == naive.last_day(start, length, basis, suspended)
    assert found.due_atw == naive.last_day(start, length, Basis.WET, suspended)


KINDS = [
    (term, variant, length)
    for term in TERMS.values()
    for variant, length in ((None, term.length), *term.variants)
    if length is not None and length.amount  # the hand-off of a threatening situation ends on its own day
]


@pytest.mark.parametrize(
    ("term", "variant", "length"), KINDS, ids=[f"{term.id}-{variant}" for term, variant, _ in KINDS]
)
@settings(max_examples=12, deadline=None)
@given(start=busy_days, suspended=st.just(0) | st.integers(0, 30))
def test_every_term_of_the_table_agrees_with_the_naive_calendar(
    term: Term, variant: str | None, length: Length, start: date, suspended: int
) -> None:
    """Each term, in each of its variants, ends on the day that walking finds; one that starts a day later, no later.

    Of a term that is counted back the last day to act is before its planned day, unless that day itself counts.
    """
    suspended = 0 if length.backward else suspended
    running = RunningTerm(
        term.id, term.id, start, start, "x", start, None, None, None, None, (), variant=variant,
        suspended_days=suspended,
    )  # fmt: skip
    found = count_term(running, Rules(CALENDAR, Policy()))
    assert found.nominal == naive.nominal_end(start, length, suspended)
    counted = start if term.acts_until_anchor else naive.last_day(start, length, term.basis, suspended)
    assert found.due == counted


@settings(max_examples=600, deadline=None)
@given(
    days, st.integers(1, 12), st.sampled_from([Unit.DAYS, Unit.WEEKS]), st.sampled_from(Basis), st.booleans()
)
def test_short_terms_agree_with_the_naive_calendar(
    start: date, amount: int, unit: Unit, basis: Basis, first: bool
) -> None:
    """Short terms, where R1 and R3 meet, end where walking from day to day ends."""
    length = Length(amount, unit, includes_first_day=first)
    assert CALENDAR.deadline(start, length, basis).due == naive.last_day(start, length, basis, 0)


@settings(max_examples=500, deadline=None)
@given(
    st.dates(date(2027, 6, 1), date(2031, 3, 1)),
    lengths(Unit.DAYS, Unit.WORKING_DAYS, Unit.WEEKS, Unit.MONTHS),
    st.sampled_from(Basis),
    standstills,
)
def test_a_date_says_so_when_a_day_off_yet_unknown_would_move_it(
    start: date, length: Length, basis: Basis, suspended: int
) -> None:
    """The reservation stands with exactly the dates that one more day put on a par after 2028 would change."""
    suspended = 0 if length.backward else suspended
    found = CALENDAR.deadline(start, length, basis, suspended).reservation
    assert (found is not None) == naive.may_move(start, length, basis, suspended)
    assert found is None or "na 2028 niet bekend" in found


@pytest.mark.parametrize("year", range(FIRST_YEAR, LAST_YEAR + 1, 7))
def test_r4_r5_r6_every_day_agrees_with_the_naive_calendar(year: int) -> None:
    """The holidays of a year are those that follow from Easter, the fixed dates and the royal decrees."""
    day = date(year, 1, 1)
    while day <= min(date(year, 12, 31), CALENDAR.covers[1]):
        assert CALENDAR.is_working_day(day) is not naive.is_off(day), day
        day += DAY


@given(days, lengths(), st.sampled_from(Basis), standstills)
def test_exactly_one_reason_is_given(start: date, length: Length, basis: Basis, suspended: int) -> None:
    """A deadline says why it shifted or why it did not, and it shifted exactly when the days differ."""
    found = CALENDAR.deadline(start, length, basis, 0 if length.backward else suspended)
    assert (found.shifted_by is None) is not (found.not_shifted_because is None)
    assert (found.due != found.nominal) is (found.shifted_by is not None)
    assert (found.started_on, found.length) == (start, length)


@given(days, lengths(Unit.DAYS, Unit.WEEKS, Unit.MONTHS), st.sampled_from(ATW_BASES), standstills)
def test_r1_statutory_terms_end_on_a_working_day(
    start: date, length: Length, basis: Basis, suspended: int
) -> None:
    """A statutory term within Atw art. 4 ends on a working day, never before its nominal end."""
    assume(not naive.outside_atw(length))
    found = CALENDAR.deadline(start, length, basis, suspended)
    assert CALENDAR.is_working_day(found.due)
    assert found.due >= found.nominal


@given(days, st.sampled_from(Basis), st.sampled_from(Unit), st.integers(1, 6))
def test_r2_counting_back_never_shifts(moment: date, basis: Basis, unit: Unit, amount: int) -> None:
    """A term that is counted back lies before its moment and stays on the day it falls on."""
    length = Length(24 * amount if unit is Unit.HOURS else amount, unit, backward=True)
    found = CALENDAR.deadline(moment, length, basis)
    assert found.due == found.nominal == found.due_atw < moment


@given(busy_days, st.integers(3, 9), st.sampled_from(ATW_BASES))
def test_r3_three_days_hold_two_working_days(start: date, amount: int, basis: Basis) -> None:
    """A statutory term of three days or more holds two working days and is not longer than it takes."""
    found = CALENDAR.deadline(start, Length(amount, Unit.DAYS), basis)
    assert CALENDAR.working_days_between(start, found.due) >= 2
    if found.due != found.nominal:
        shifted_only = CALENDAR.add_working_days(found.nominal - DAY, 1)
        assert found.due == max(shifted_only, CALENDAR.add_working_days(start, 2))


@given(days, lengths(), standstills)
def test_r7_terms_outside_the_atw_stay(start: date, length: Length, suspended: int) -> None:
    """A statutory term in hours, in years or beyond the limits of Atw art. 4 ends on its nominal day."""
    assume(naive.outside_atw(length))
    found = CALENDAR.deadline(start, length, Basis.WET, 0 if length.backward else suspended)
    assert found.due == found.nominal


@given(days, lengths(), standstills)
def test_r8_amvb_counts_like_a_wet(start: date, length: Length, suspended: int) -> None:
    """An AMvB gives the same last day as a wet, and that is the day called `due_atw`."""
    suspended = 0 if length.backward else suspended
    wet = CALENDAR.deadline(start, length, Basis.WET, suspended)
    assert CALENDAR.deadline(start, length, Basis.AMVB, suspended) == wet
    assert wet.due == wet.due_atw


@given(days, lengths(), st.sampled_from(UNSHIFTED_BASES), standstills)
def test_r9_r10_other_bases_stay(start: date, length: Length, basis: Basis, suspended: int) -> None:
    """Policy, modules, rulings and laws without the Atw do not shift, but tell what the Atw would give."""
    suspended = 0 if length.backward else suspended
    found = CALENDAR.deadline(start, length, basis, suspended)
    assert found.due == found.nominal
    assert found.due_atw == CALENDAR.deadline(start, length, Basis.WET, suspended).due


@given(days, st.integers(1, 40))
def test_r11_weeks_keep_the_weekday_and_months_the_day_number(start: date, amount: int) -> None:
    """Weeks end on the same weekday, months on the same day number or the last day of the month."""
    weeks = CALENDAR.deadline(start, Length(amount, Unit.WEEKS), Basis.BELEID).due
    assert weeks.weekday() == start.weekday()
    months = CALENDAR.deadline(start, Length(amount, Unit.MONTHS), Basis.BELEID).due
    assert months.day == start.day or (months.day < start.day and (months + DAY).day == 1)
    assert (months.year - start.year) * 12 + months.month - start.month == amount


@given(days, st.integers(-80, 80))
def test_r12_working_days_there_and_back(day: date, n: int) -> None:
    """Adding working days and counting them are each other's opposite, and they land on a working day."""
    end = CALENDAR.add_working_days(day, n)
    assert CALENDAR.working_days_between(day, end) == n
    assert n == 0 or CALENDAR.is_working_day(end)
    if CALENDAR.is_working_day(day):
        assert CALENDAR.add_working_days(end, -n) == day


@given(days, st.integers(1, 60), st.sampled_from(Basis), standstills)
def test_r12_terms_in_working_days_end_on_one(start: date, n: int, basis: Basis, suspended: int) -> None:
    """A term in working days ends on a working day on every basis, without a shift."""
    found = CALENDAR.deadline(start, Length(n, Unit.WORKING_DAYS), basis, suspended)
    assert found.due == found.nominal == found.due_atw
    assert CALENDAR.is_working_day(found.due)


@given(days, st.integers(1, 30), st.integers(0, 90), st.sampled_from(Basis))
def test_r13_suspension_moves_the_nominal_end(start: date, weeks: int, suspended: int, basis: Basis) -> None:
    """Each suspended day moves the nominal end by one day and never makes the last day earlier."""
    length = Length(weeks, Unit.WEEKS)
    plain = CALENDAR.deadline(start, length, basis)
    paused = CALENDAR.deadline(start, length, basis, suspended)
    assert paused.nominal == plain.nominal + suspended * DAY
    assert paused.due >= plain.due
    assert paused.suspended_days == suspended


@given(days, st.integers(-30, 90))
def test_r13_suspended_days_is_never_negative(invited: date, later: int) -> None:
    """The suspension is the number of days strictly between invitation and completion."""
    between = sum(1 for step in range(1, later))
    assert suspended_days(invited, invited + later * DAY) == between


@given(days, st.integers(1, 40), st.sampled_from([Unit.DAYS, Unit.WEEKS, Unit.MONTHS]))
def test_r14_counting_the_first_day_ends_a_day_earlier(start: date, amount: int, unit: Unit) -> None:
    """A term that includes its first day has its nominal end one day earlier."""
    usual = CALENDAR.deadline(start, Length(amount, unit), Basis.WET)
    included = CALENDAR.deadline(start, Length(amount, unit, includes_first_day=True), Basis.WET)
    assert included.nominal == usual.nominal - DAY


@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_r15_dutch_time_is_one_or_two_hours_ahead(moment: datetime) -> None:
    """The civil date is the UTC date, or the next one in the last two hours of the day."""
    found = day_in_amsterdam(moment)
    assert found in {(moment + timedelta(hours=1)).date(), (moment + timedelta(hours=2)).date()}


@given(days, lengths(Unit.DAYS, Unit.WEEKS, Unit.MONTHS, Unit.YEARS), standstills)
def test_r16_eu_terms_end_on_the_first_working_day(start: date, length: Length, suspended: int) -> None:
    """An EU term of any length ends on its nominal day or the first working day after it."""
    assume(not length.backward)
    found = CALENDAR.deadline(start, length, Basis.EU, suspended)
    assert CALENDAR.is_working_day(found.due)
    assert CALENDAR.working_days_between(found.nominal - DAY, found.due) == 1


@given(days, st.integers(1, 200), st.sampled_from(Basis), st.sampled_from([Unit.DAYS, Unit.WORKING_DAYS]))
def test_a_later_start_never_ends_earlier(start: date, amount: int, basis: Basis, unit: Unit) -> None:
    """Starting a day later, or getting a day more, never brings the last day forward."""
    length, longer = Length(amount, unit), Length(amount + 1, unit)
    due = CALENDAR.deadline(start, length, basis).due
    assert CALENDAR.deadline(start + DAY, length, basis).due >= due
    if amount != 90:  # the Atw lets go after ninety days, so day 91 can end before a shifted day 90
        assert CALENDAR.deadline(start, longer, basis).due >= due
