"""Counting rules R1-R16, the calendar checks and the dates of the acceptance cases."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from adapters.runtime.calendar_data import KB_DAYS, KB_DAYS_KNOWN_UNTIL, dutch_calendar, kb_alarm
from milestones.calendar import Basis, Calendar, Deadline, Length, Unit, day_in_amsterdam, suspended_days

CALENDAR = dutch_calendar()
FOUR_WEEKS = Length(4, Unit.WEEKS)


def day(text: str) -> date:
    """Read "Tue 2026-04-07" and check the weekday."""
    weekday, iso = text.split()
    found = date.fromisoformat(iso)
    assert found.strftime("%a") == weekday, text
    return found


def count(start: str, amount: int, unit: Unit, basis: Basis = Basis.WET, suspended: int = 0) -> Deadline:
    """Count a plain forward term from a day such as "Mon 2026-03-09"."""
    return CALENDAR.deadline(day(start), Length(amount, unit), basis, suspended)


# R1, running on past days off


@pytest.mark.parametrize(
    ("start", "nominal", "due", "shifted_by"),
    [
        ("Thu 2025-12-04", "Thu 2026-01-01", "Mon 2026-01-05", "Nieuwjaarsdag, KB-dag, weekend"),
        ("Fri 2026-03-06", "Fri 2026-04-03", "Tue 2026-04-07", "Goede Vrijdag, weekend, tweede Paasdag"),
        ("Mon 2026-03-30", "Mon 2026-04-27", "Tue 2026-04-28", "Koningsdag"),
        ("Tue 2026-04-07", "Tue 2026-05-05", "Wed 2026-05-06", "Bevrijdingsdag (5 mei)"),
        ("Thu 2026-04-16", "Thu 2026-05-14", "Mon 2026-05-18", "Hemelvaartsdag, KB-dag, weekend"),
        (
            "Wed 2027-04-07",
            "Wed 2027-05-05",
            "Mon 2027-05-10",
            "Bevrijdingsdag (5 mei), Hemelvaartsdag, KB-dag, weekend",
        ),
        ("Sat 2026-01-31", "Sat 2026-02-28", "Mon 2026-03-02", "weekend"),
        ("Fri 2026-11-27", "Fri 2026-12-25", "Mon 2026-12-28", "eerste Kerstdag, tweede Kerstdag, weekend"),
    ],
)
def test_r1_four_weeks_shift_to_the_next_working_day(
    start: str, nominal: str, due: str, shifted_by: str
) -> None:
    """A statutory term runs on past weekends and holidays and names what it skipped, in order."""
    found = count(start, 4, Unit.WEEKS)
    assert found == Deadline(
        started_on=day(start),
        length=FOUR_WEEKS,
        nominal=day(nominal),
        due=day(due),
        shifted_by=shifted_by,
        not_shifted_because=None,
        due_atw=day(due),
        suspended_days=0,
    )


def test_r1_no_shift_from_a_working_day() -> None:
    """A term that ends on a working day stays there and says so."""
    found = count("Thu 2026-04-02", 8, Unit.WEEKS)
    assert found.nominal == found.due == found.due_atw == day("Thu 2026-05-28")
    assert found.shifted_by is None
    assert found.not_shifted_because == "De laatste dag is geen zaterdag, zondag of feestdag."


# R2, counting back


@pytest.mark.parametrize("basis", [Basis.WET, Basis.AMVB, Basis.BELEID])
def test_r2_counting_back_does_not_shift(basis: Basis) -> None:
    """A term counted back from a moment stays on a Sunday and cites Atw art. 1 lid 2."""
    found = CALENDAR.deadline(day("Wed 2027-09-01"), Length(1, Unit.MONTHS, backward=True), basis)
    assert found.nominal == found.due == found.due_atw == day("Sun 2027-08-01")
    assert found.not_shifted_because is not None
    assert "Atw art. 1 lid 2" in found.not_shifted_because


def test_r2_counting_back_in_working_days_cites_the_same_rule() -> None:
    """Twenty working days before a cut-off are found by counting back, without a shift."""
    length = Length(20, Unit.WORKING_DAYS, backward=True)
    found = CALENDAR.deadline(day("Thu 2026-05-07"), length, Basis.AMVB)
    assert found.due == day("Tue 2026-04-07")
    assert found.not_shifted_because is not None
    assert "Atw art. 1 lid 2" in found.not_shifted_because


# R3, two working days


def test_r3_three_days_over_easter_are_lengthened_after_the_shift() -> None:
    """Three days over Easter hold one working day after the shift, so a second one is added."""
    found = count("Thu 2026-04-02", 3, Unit.DAYS)
    assert found.nominal == day("Sun 2026-04-05")
    assert found.due == day("Wed 2026-04-08")
    assert found.shifted_by == "weekend, tweede Paasdag, minstens twee werkdagen nodig (Atw art. 2)"


@pytest.mark.parametrize("basis", [Basis.WET, Basis.AMVB])
def test_r3_lengthens_a_term_that_ends_on_a_working_day(basis: Basis) -> None:
    """Three days from Friday end on Monday, the only working day, and run on to Tuesday."""
    found = count("Fri 2026-03-06", 3, Unit.DAYS, basis)
    assert found.nominal == day("Mon 2026-03-09")
    assert found.due == day("Tue 2026-03-10")
    assert found.shifted_by == "minstens twee werkdagen nodig (Atw art. 2)"


@pytest.mark.parametrize("basis", [Basis.BELEID, Basis.EU])
def test_r3_holds_for_statutory_terms_only(basis: Basis) -> None:
    """A term of three days that no wet sets is not lengthened, but `due_atw` shows the longer one."""
    found = count("Fri 2026-03-06", 3, Unit.DAYS, basis)
    assert found.due == day("Mon 2026-03-09")
    assert found.due_atw == day("Tue 2026-03-10")


def test_r3_is_silent_when_two_working_days_are_there() -> None:
    """Four days from Friday hold Monday and Tuesday, just enough."""
    found = count("Fri 2026-03-06", 4, Unit.DAYS)
    assert found.due == day("Tue 2026-03-10")
    assert found.shifted_by is None


def test_r3_leaves_two_days_alone() -> None:
    """A term of two days needs no two working days."""
    assert count("Sat 2026-03-07", 2, Unit.DAYS).due == day("Mon 2026-03-09")


def test_r3_counts_the_first_day_when_it_belongs_to_the_term() -> None:
    """With the first day included, Friday and Monday are the two working days."""
    length = Length(4, Unit.DAYS, includes_first_day=True)
    found = CALENDAR.deadline(day("Fri 2026-03-06"), length, Basis.WET)
    assert found.due == day("Mon 2026-03-09")


# R4, R5, R6: which days


@pytest.mark.parametrize(
    ("when", "name"),
    [
        ("Thu 2026-01-01", "Nieuwjaarsdag"),
        ("Fri 2026-04-03", "Goede Vrijdag"),
        ("Mon 2026-04-06", "tweede Paasdag"),
        ("Mon 2026-04-27", "Koningsdag"),
        ("Tue 2026-05-05", "Bevrijdingsdag (5 mei)"),
        ("Thu 2026-05-14", "Hemelvaartsdag"),
        ("Mon 2026-05-25", "tweede Pinksterdag"),
        ("Fri 2026-12-25", "eerste Kerstdag"),
        ("Sat 2026-12-26", "tweede Kerstdag"),
        ("Thu 2016-05-05", "Bevrijdingsdag (5 mei) en Hemelvaartsdag"),
        ("Sun 2026-04-05", "weekend"),
        ("Sun 2026-05-24", "weekend"),
        ("Sat 2026-03-07", "weekend"),
    ],
)
def test_r4_days_off_have_a_dutch_name(when: str, name: str) -> None:
    """Every holiday of Atw art. 3 is known by its Dutch name; other days off are weekend."""
    assert CALENDAR.why_not_working(day(when)) == name
    assert not CALENDAR.is_working_day(day(when))


@pytest.mark.parametrize("year", range(2021, 2032))
def test_r4_the_fifth_of_may_is_off_every_year(year: int) -> None:
    """5 May is a holiday in the sense of the Atw every year, not once in five."""
    assert CALENDAR.why_not_working(date(year, 5, 5)) == "Bevrijdingsdag (5 mei)"


def test_r4_an_ordinary_day_works() -> None:
    """A Tuesday that is no holiday is a working day; so is the day before Christmas."""
    assert CALENDAR.is_working_day(day("Tue 2026-03-10"))
    assert CALENDAR.why_not_working(day("Thu 2026-12-24")) is None


@pytest.mark.parametrize(
    "when",
    [
        "Fri 2023-04-28",
        "Fri 2023-05-19",
        "Fri 2024-05-10",
        "Fri 2024-12-27",
        "Fri 2025-05-30",
        "Fri 2026-01-02",
        "Fri 2026-05-15",
        "Fri 2027-05-07",
        "Fri 2028-04-28",
        "Fri 2028-05-26",
    ],
)
def test_r5_royal_decree_days(when: str) -> None:
    """The days set by royal decree are off."""
    assert CALENDAR.why_not_working(day(when)) == "KB-dag"


def test_r5_the_table_says_until_when_it_is_known() -> None:
    """The calendar knows the last date for which royal decrees are in the table."""
    assert len(KB_DAYS) == 10
    assert CALENDAR.known_until == KB_DAYS_KNOWN_UNTIL == date(2028, 12, 31)
    assert max(KB_DAYS) <= KB_DAYS_KNOWN_UNTIL


def test_r5_alarm_half_a_year_before_the_table_runs_out() -> None:
    """From 1 July 2028 a Dutch sentence asks to extend the table; before that there is none."""
    assert kb_alarm(date(2028, 6, 30)) is None
    alarm = kb_alarm(date(2028, 7, 1))
    assert alarm is not None
    assert "31 december 2028" in alarm
    assert kb_alarm(date(2029, 3, 1)) == alarm


@pytest.mark.parametrize("year", range(2014, 2061))
def test_r6_kings_day_is_27_april_or_26_when_that_is_a_sunday(year: int) -> None:
    """The library's King's day is the one of R6 in every year."""
    the_27th = date(year, 4, 27)
    kings_day = date(year, 4, 26) if the_27th.strftime("%a") == "Sun" else the_27th
    assert CALENDAR.why_not_working(kings_day) == "Koningsdag"


# R7, too long


@pytest.mark.parametrize(
    ("length", "start", "nominal", "due"),
    [
        (Length(90, Unit.DAYS), "Mon 2026-03-02", "Sun 2026-05-31", "Mon 2026-06-01"),
        (Length(12, Unit.WEEKS), "Sat 2026-03-07", "Sat 2026-05-30", "Mon 2026-06-01"),
        (Length(3, Unit.MONTHS), "Thu 2026-02-05", "Tue 2026-05-05", "Wed 2026-05-06"),
    ],
)
def test_r7_exactly_the_limit_is_still_inside(length: Length, start: str, nominal: str, due: str) -> None:
    """Exactly 90 days, twelve weeks or three months follow R1."""
    found = CALENDAR.deadline(day(start), length, Basis.WET)
    assert (found.nominal, found.due) == (day(nominal), day(due))


@pytest.mark.parametrize(
    ("length", "start", "end"),
    [
        (Length(91, Unit.DAYS), "Sun 2026-03-01", "Sun 2026-05-31"),
        (Length(13, Unit.WEEKS), "Sat 2026-03-07", "Sat 2026-06-06"),
        (Length(4, Unit.MONTHS), "Mon 2026-01-05", "Tue 2026-05-05"),
        (Length(1, Unit.YEARS), "Tue 2025-05-06", "Wed 2026-05-06"),
        (Length(1, Unit.YEARS), "Mon 2025-05-05", "Tue 2026-05-05"),
        (Length(72, Unit.HOURS), "Thu 2026-04-02", "Sun 2026-04-05"),
    ],
)
@pytest.mark.parametrize("basis", [Basis.WET, Basis.AMVB])
def test_r7_longer_terms_stay(length: Length, start: str, end: str, basis: Basis) -> None:
    """Terms beyond the limit, in years or in hours end on their nominal day and cite Atw art. 4."""
    found = CALENDAR.deadline(day(start), length, basis)
    assert found.nominal == found.due == found.due_atw == day(end)
    assert found.not_shifted_because is not None
    assert "Atw art. 4" in found.not_shifted_because


# R8, R9, R10: whose rule


def test_r8_a_term_in_an_amvb_shifts() -> None:
    """A term set by AMvB shifts like one set by wet."""
    assert count("Mon 2026-03-09", 4, Unit.WEEKS, Basis.AMVB).due == day("Tue 2026-04-07")


@pytest.mark.parametrize(
    ("basis", "word"),
    [
        (Basis.VERORDENING, "verordening"),
        (Basis.BELEID, "beleid"),
        (Basis.MODULE, "NVVK-module"),
        (Basis.CONVENANT, "convenant"),
        (Basis.UITSPRAAK, "uitspraak"),
        (Basis.WET_ZONDER_ATW, "sluit de Algemene termijnenwet"),
    ],
)
def test_r9_r10_other_terms_stay_and_show_what_the_atw_would_give(basis: Basis, word: str) -> None:
    """Terms that the Atw does not govern stay, say why, and keep the shifted date beside it."""
    found = count("Mon 2026-03-09", 4, Unit.WEEKS, basis)
    assert found.nominal == found.due == day("Mon 2026-04-06")
    assert found.due_atw == day("Tue 2026-04-07")
    assert found.shifted_by is None
    assert found.not_shifted_because is not None
    assert word in found.not_shifted_because


def test_r9_r7_due_atw_of_a_long_term_is_its_nominal_end() -> None:
    """What the Atw would give is subject to its limits too."""
    found = count("Tue 2026-01-06", 120, Unit.DAYS, Basis.MODULE)
    assert found.nominal == found.due == found.due_atw == day("Wed 2026-05-06")


# R11, weeks, months, years


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end"),
    [
        ("Mon 2026-03-09", 4, Unit.WEEKS, "Mon 2026-04-06"),
        ("Sat 2026-01-31", 1, Unit.MONTHS, "Sat 2026-02-28"),
        ("Wed 2024-01-31", 1, Unit.MONTHS, "Thu 2024-02-29"),
        ("Sat 2026-02-28", 1, Unit.MONTHS, "Sat 2026-03-28"),
        ("Mon 2026-08-31", 6, Unit.MONTHS, "Sun 2027-02-28"),
        ("Tue 2026-12-15", 1, Unit.MONTHS, "Fri 2027-01-15"),
        ("Thu 2024-02-29", 1, Unit.YEARS, "Fri 2025-02-28"),
        ("Thu 2024-02-29", 4, Unit.YEARS, "Tue 2028-02-29"),
        ("Thu 2026-03-05", 5, Unit.YEARS, "Wed 2031-03-05"),
    ],
)
def test_r11_same_weekday_or_same_day_number(start: str, amount: int, unit: Unit, end: str) -> None:
    """Weeks keep the weekday; months and years keep the day number or take the last day of the month."""
    assert count(start, amount, unit, Basis.BELEID).due == day(end)


def test_r11_a_month_back_takes_the_last_day_too() -> None:
    """A month before 31 March is the last day of February."""
    length = Length(1, Unit.MONTHS, backward=True)
    assert CALENDAR.deadline(day("Tue 2026-03-31"), length, Basis.WET).due == day("Sat 2026-02-28")


# R12, working days


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        ("Thu 2026-04-02", 3, "Thu 2026-04-09"),
        ("Wed 2026-04-22", 10, "Fri 2026-05-08"),
        ("Thu 2026-05-07", -20, "Tue 2026-04-07"),
        ("Sat 2026-03-07", 1, "Mon 2026-03-09"),
        ("Sun 2026-03-08", -1, "Fri 2026-03-06"),
        ("Sun 2026-03-08", 0, "Sun 2026-03-08"),
    ],
)
def test_r12_adding_working_days(start: str, n: int, end: str) -> None:
    """The day itself is not counted and days off are skipped, forward and back."""
    assert CALENDAR.add_working_days(day(start), n) == day(end)


@pytest.mark.parametrize(
    ("start", "end", "n"),
    [
        ("Thu 2026-04-02", "Thu 2026-04-09", 3),
        ("Thu 2026-04-02", "Mon 2026-04-06", 0),
        ("Thu 2026-04-09", "Thu 2026-04-02", -3),
        ("Thu 2026-04-02", "Thu 2026-04-02", 0),
    ],
)
def test_r12_working_days_between(start: str, end: str, n: int) -> None:
    """The count leaves out the first day, holds the last one, and is negative backwards."""
    assert CALENDAR.working_days_between(day(start), day(end)) == n


@pytest.mark.parametrize("basis", list(Basis))
def test_r12_terms_in_working_days_never_shift(basis: Basis) -> None:
    """On every basis three working days over Easter end on the third one, and the reason says why."""
    found = count("Thu 2026-04-02", 3, Unit.WORKING_DAYS, basis)
    assert found.nominal == found.due == found.due_atw == day("Thu 2026-04-09")
    assert found.not_shifted_because is not None
    assert "werkdag" in found.not_shifted_because


# R13, standing still


@pytest.mark.parametrize(
    ("invited", "completed", "days"),
    [
        ("Mon 2026-03-09", "Mon 2026-03-23", 13),
        ("Mon 2026-03-09", "Wed 2026-03-11", 1),
        ("Mon 2026-03-09", "Tue 2026-03-10", 0),
        ("Mon 2026-03-09", "Mon 2026-03-09", 0),
        ("Mon 2026-03-09", "Sun 2026-03-08", 0),
    ],
)
def test_r13_suspended_days(invited: str, completed: str, days: int) -> None:
    """The term stands still on the days between invitation and completion, never fewer than none."""
    assert suspended_days(day(invited), day(completed)) == days


def test_r13_suspension_is_added_before_the_shift() -> None:
    """The nominal end moves by the suspended days and only then off the weekend."""
    found = count("Thu 2026-04-02", 8, Unit.WEEKS, suspended=3)
    assert found.nominal == day("Sun 2026-05-31")
    assert found.due == day("Mon 2026-06-01")
    assert found.shifted_by == "weekend"
    assert found.suspended_days == 3


def test_r13_the_unshifted_end_counts() -> None:
    """A suspended day moves the nominal end, not the shifted one: Easter Monday plus one is Tuesday."""
    assert count("Mon 2026-03-09", 4, Unit.WEEKS, suspended=1).due == day("Tue 2026-04-07")


def test_r13_a_suspended_term_in_working_days_ends_on_one() -> None:
    """Suspended days are calendar days; a term in working days then ends on the next working day."""
    found = count("Mon 2026-03-02", 3, Unit.WORKING_DAYS, suspended=1)
    assert found.nominal == found.due == day("Fri 2026-03-06")
    found = count("Mon 2026-03-02", 4, Unit.WORKING_DAYS, suspended=1)
    assert found.nominal == found.due == day("Mon 2026-03-09")


# R14, first day included


def test_r14_the_first_day_counts() -> None:
    """Eighteen months with the first day included end a day earlier than usual."""
    length = Length(18, Unit.MONTHS, includes_first_day=True)
    assert CALENDAR.deadline(day("Mon 2026-03-02"), length, Basis.WET).due == day("Wed 2027-09-01")


# R15, civil dates


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 4, 2, 21, 59, tzinfo=UTC), date(2026, 4, 2)),
        (datetime(2026, 4, 2, 22, 0, tzinfo=UTC), date(2026, 4, 3)),
        (datetime(2026, 1, 2, 22, 59, tzinfo=UTC), date(2026, 1, 2)),
        (datetime(2026, 1, 2, 23, 0, tzinfo=UTC), date(2026, 1, 3)),
        (datetime(2026, 4, 3, 1, 30, tzinfo=timezone(timedelta(hours=5))), date(2026, 4, 2)),
    ],
)
def test_r15_a_moment_has_its_date_in_amsterdam(moment: datetime, expected: date) -> None:
    """The civil date follows summer and winter time in Amsterdam."""
    assert day_in_amsterdam(moment) == expected


def test_r15_a_naive_moment_is_refused() -> None:
    """A moment without a time zone has no certain date."""
    with pytest.raises(ValueError, match="tijdzone"):
        day_in_amsterdam(datetime(2026, 4, 2, 12, 0))  # noqa: DTZ001


# R16, EU terms


def test_r16_an_eu_month_shifts() -> None:
    """A month for a request under the AVG that ends on a Sunday ends on Monday."""
    found = count("Thu 2026-01-01", 1, Unit.MONTHS, Basis.EU)
    assert (found.nominal, found.due) == (day("Sun 2026-02-01"), day("Mon 2026-02-02"))
    assert found.shifted_by == "weekend"


def test_r16_eu_terms_shift_whatever_their_length() -> None:
    """An EU term beyond the limits of the Atw shifts all the same."""
    found = count("Mon 2025-05-05", 1, Unit.YEARS, Basis.EU)
    assert found.due == day("Wed 2026-05-06")
    assert found.due_atw == day("Tue 2026-05-05")
    assert found.shifted_by == "Bevrijdingsdag (5 mei)"


@pytest.mark.parametrize(
    ("length", "end"),
    [
        (Length(1, Unit.WEEKS, backward=True), "Mon 2026-04-06"),
        (Length(48, Unit.HOURS, backward=True), "Sat 2026-04-11"),
        (Length(120, Unit.HOURS), "Sat 2026-04-18"),
    ],
)
def test_r16_eu_terms_counted_back_or_in_hours_stay(length: Length, end: str) -> None:
    """Regulation 1182/71 does not shift what is counted back or counted in hours."""
    found = CALENDAR.deadline(day("Mon 2026-04-13"), length, Basis.EU)
    assert found.due == day(end)
    assert found.not_shifted_because is not None
    assert "1182/71 art. 3 lid 4" in found.not_shifted_because


# Dates of the acceptance cases


@pytest.mark.parametrize(
    ("case", "start", "length", "basis", "due"),
    [
        ("A T01", "Mon 2026-03-09", FOUR_WEEKS, Basis.WET, "Tue 2026-04-07"),
        ("A T03", "Thu 2026-04-02", Length(8, Unit.WEEKS), Basis.VERORDENING, "Thu 2026-05-28"),
        ("A T20", "Tue 2026-05-26", Length(6, Unit.WEEKS), Basis.WET, "Tue 2026-07-07"),
        ("A post", "Tue 2026-07-07", Length(1, Unit.WEEKS), Basis.WET, "Tue 2026-07-14"),
        ("B T02", "Thu 2026-04-02", Length(3, Unit.WORKING_DAYS), Basis.WET, "Thu 2026-04-09"),
        ("B T02b", "Thu 2026-04-02", Length(2, Unit.WEEKS), Basis.MODULE, "Thu 2026-04-16"),
        (
            "B T02c",
            "Thu 2026-05-07",
            Length(20, Unit.WORKING_DAYS, backward=True),
            Basis.AMVB,
            "Tue 2026-04-07",
        ),
        ("B T03", "Wed 2026-04-08", Length(8, Unit.WEEKS), Basis.VERORDENING, "Wed 2026-06-03"),
        ("B T33", "Mon 2026-04-13", Length(8, Unit.DAYS), Basis.UITSPRAAK, "Tue 2026-04-21"),
        ("B T31", "Mon 2026-04-20", Length(6, Unit.MONTHS), Basis.WET, "Tue 2026-10-20"),
        ("C T10", "Tue 2026-01-06", FOUR_WEEKS, Basis.BELEID, "Tue 2026-02-03"),
        ("C T11", "Tue 2026-02-03", Length(6, Unit.MONTHS), Basis.BELEID, "Mon 2026-08-03"),
        ("C T10 again", "Tue 2026-03-17", FOUR_WEEKS, Basis.BELEID, "Tue 2026-04-14"),
        ("D T12", "Mon 2026-01-12", Length(120, Unit.DAYS), Basis.MODULE, "Tue 2026-05-12"),
        ("D T13", "Mon 2026-02-02", Length(10, Unit.WORKING_DAYS), Basis.CONVENANT, "Mon 2026-02-16"),
        ("D T13 in May", "Wed 2026-04-22", Length(10, Unit.WORKING_DAYS), Basis.CONVENANT, "Fri 2026-05-08"),
        ("D T33", "Tue 2026-09-08", Length(8, Unit.DAYS), Basis.UITSPRAAK, "Wed 2026-09-16"),
        (
            "D T37",
            "Mon 2026-03-02",
            Length(18, Unit.MONTHS, includes_first_day=True),
            Basis.WET,
            "Wed 2027-09-01",
        ),
        (
            "D T37 without an earlier payment",
            "Tue 2026-09-15",
            Length(18, Unit.MONTHS, includes_first_day=True),
            Basis.WET,
            "Tue 2028-03-14",
        ),
        ("D T38", "Tue 2026-09-15", Length(2, Unit.MONTHS), Basis.WET, "Mon 2026-11-16"),
        (
            "D T39",
            "Wed 2027-09-01",
            Length(1, Unit.MONTHS, backward=True),
            Basis.WET,
            "Sun 2027-08-01",
        ),
        ("E T16", "Fri 2026-02-27", Length(6, Unit.MONTHS), Basis.CONVENANT, "Thu 2026-08-27"),
        ("E T17", "Fri 2026-02-27", Length(1, Unit.YEARS), Basis.CONVENANT, "Sat 2027-02-27"),
        ("E contact", "Fri 2026-02-27", Length(3, Unit.MONTHS), Basis.BELEID, "Wed 2026-05-27"),
        ("E T18", "Thu 2026-07-02", Length(5, Unit.WORKING_DAYS), Basis.BELEID, "Thu 2026-07-09"),
    ],
)
def test_acceptance_case_due_dates(case: str, start: str, length: Length, basis: Basis, due: str) -> None:
    """The last day of each term in the acceptance cases is the one that the domain reference gives."""
    assert CALENDAR.deadline(day(start), length, basis).due == day(due), case


@pytest.mark.parametrize(
    ("case", "due", "days_before", "warnings"),
    [
        ("A T01", "Tue 2026-04-07", (14, 7), ("Tue 2026-03-24", "Tue 2026-03-31")),
        ("A T03", "Thu 2026-05-28", (14, 7), ("Thu 2026-05-14", "Thu 2026-05-21")),
        ("B T31", "Tue 2026-10-20", (60, 30, 14), ("Fri 2026-08-21", "Sun 2026-09-20", "Tue 2026-10-06")),
    ],
)
def test_acceptance_case_warnings_in_days(
    case: str, due: str, days_before: tuple[int, ...], warnings: tuple[str, ...]
) -> None:
    """Warnings so many days before the last day fall on the days that the domain reference gives."""
    for amount, warning in zip(days_before, warnings, strict=True):
        length = Length(amount, Unit.DAYS, backward=True)
        assert CALENDAR.deadline(day(due), length, Basis.BELEID).due == day(warning), case


@pytest.mark.parametrize(
    ("due", "warning"), [("Tue 2026-04-07", "Wed 2026-04-01"), ("Thu 2026-05-28", "Tue 2026-05-26")]
)
def test_acceptance_case_warnings_in_working_days(due: str, warning: str) -> None:
    """Two working days before the last day skip Easter."""
    assert CALENDAR.add_working_days(day(due), -2) == day(warning)


def test_acceptance_case_nominal_ends() -> None:
    """T01 of case A and T38 of case D show the day off that they would have ended on."""
    t01 = count("Mon 2026-03-09", 4, Unit.WEEKS)
    assert (t01.nominal, t01.shifted_by) == (day("Mon 2026-04-06"), "tweede Paasdag")
    t38 = count("Tue 2026-09-15", 2, Unit.MONTHS)
    assert (t38.nominal, t38.shifted_by) == (day("Sun 2026-11-15"), "weekend")


def test_acceptance_case_last_contact_before_a_weekend() -> None:
    """In case E the last contact is planned on the last working day of the period."""
    assert CALENDAR.add_working_days(day("Sat 2027-02-27"), -1) == day("Fri 2027-02-26")


def test_penalty_days_run_through_the_weekend() -> None:
    """T22 counts 42 days without the Atw (Awb 4:17 lid 1), also when the last one is Christmas."""
    found = count("Fri 2026-11-13", 42, Unit.DAYS, Basis.WET_ZONDER_ATW)
    assert found.due == day("Fri 2026-12-25")
    assert found.due_atw == day("Mon 2026-12-28")


def test_twelve_weeks_for_an_objection_shift() -> None:
    """T20b with an advisory committee is exactly twelve weeks and so follows the Atw."""
    found = count("Mon 2026-01-12", 12, Unit.WEEKS)
    assert (found.nominal, found.due) == (day("Mon 2026-04-06"), day("Tue 2026-04-07"))


# Words and bad input


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (FOUR_WEEKS, "4 weken"),
        (Length(1, Unit.WEEKS), "1 week"),
        (Length(1, Unit.MONTHS), "1 maand"),
        (Length(18, Unit.MONTHS), "18 maanden"),
        (Length(1, Unit.DAYS), "1 dag"),
        (Length(120, Unit.DAYS), "120 dagen"),
        (Length(1, Unit.WORKING_DAYS), "1 werkdag"),
        (Length(20, Unit.WORKING_DAYS, backward=True), "20 werkdagen terug"),
        (Length(1, Unit.YEARS), "1 jaar"),
        (Length(5, Unit.YEARS), "5 jaar"),
        (Length(24, Unit.HOURS), "24 uur"),
    ],
)
def test_a_length_reads_as_dutch(length: Length, words: str) -> None:
    """A length prints as people say it."""
    assert str(length) == words


def test_a_length_is_never_negative() -> None:
    """A term of less than nothing is refused; counting back has its own word."""
    with pytest.raises(ValueError, match="-4 kan niet"):
        Length(-4, Unit.WEEKS)


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("basis", [Basis.WET, Basis.BELEID, Basis.EU])
def test_a_term_of_nothing_ends_on_the_day_itself(unit: Unit, basis: Basis) -> None:
    """A duty for the day itself stays on that day, also on Easter Monday."""
    found = count("Mon 2026-04-06", 0, unit, basis)
    assert found.nominal == found.due == found.due_atw == day("Mon 2026-04-06")
    assert found.not_shifted_because == "Een termijn van nul eindigt op de dag zelf en schuift niet."


@pytest.mark.parametrize(
    ("amount", "unit", "backward"),
    [(1, Unit.WORKING_DAYS, False), (1, Unit.MONTHS, True), (0, Unit.MONTHS, False)],
)
def test_including_the_first_day_is_for_forward_calendar_terms(
    amount: int, unit: Unit, backward: bool
) -> None:
    """Combinations that no law knows are refused."""
    with pytest.raises(ValueError, match="eerste dag"):
        Length(amount, unit, backward=backward, includes_first_day=True)


def test_whole_days_of_hours_are_days() -> None:
    """Hours count as civil days when they are a multiple of 24."""
    assert count("Mon 2026-03-09", 72, Unit.HOURS).due == day("Thu 2026-03-12")


def test_loose_hours_are_refused() -> None:
    """A calendar of days cannot count 36 hours and says so."""
    with pytest.raises(ValueError, match="36 uur is geen veelvoud van 24"):
        count("Mon 2026-03-09", 36, Unit.HOURS)


def test_a_negative_suspension_is_refused() -> None:
    """A term cannot stand still for fewer than no days."""
    with pytest.raises(ValueError, match="-1 dagen"):
        count("Mon 2026-03-09", 4, Unit.WEEKS, suspended=-1)


def test_a_term_counted_back_cannot_be_suspended() -> None:
    """Counting back and standing still do not go together."""
    with pytest.raises(ValueError, match="teruggeteld"):
        CALENDAR.deadline(date(2026, 3, 9), Length(1, Unit.MONTHS, backward=True), Basis.WET, 1)


@pytest.mark.parametrize(
    "length",
    [
        Length(50, Unit.YEARS),
        Length(50, Unit.YEARS, backward=True),
        Length(10_000, Unit.YEARS),
        Length(10_000, Unit.YEARS, backward=True),
        Length(10**12, Unit.DAYS),
    ],
)
def test_a_term_outside_the_calendar_is_refused(length: Length) -> None:
    """No date is better than one that misses holidays."""
    with pytest.raises(ValueError, match="kalender"):
        CALENDAR.deadline(date(2026, 3, 9), length, Basis.WET)


@pytest.mark.parametrize("outside", [date(1989, 12, 31), date(2061, 1, 1)])
def test_a_day_outside_the_calendar_is_refused(outside: date) -> None:
    """Every question about a day for which no holidays are known is refused."""
    with pytest.raises(ValueError, match="daarbuiten"):
        CALENDAR.is_working_day(outside)
    with pytest.raises(ValueError, match="daarbuiten"):
        CALENDAR.why_not_working(outside)
    with pytest.raises(ValueError, match="daarbuiten"):
        CALENDAR.deadline(outside, FOUR_WEEKS, Basis.WET)


def test_a_moment_is_no_day() -> None:
    """A datetime in the place of a date is refused: it would miss every holiday."""
    with pytest.raises(TypeError):
        CALENDAR.deadline(datetime(2026, 3, 9, tzinfo=UTC), FOUR_WEEKS, Basis.WET)


def test_a_calendar_of_ones_own() -> None:
    """A calendar made from a plain mapping holds just those days and keeps its own copy."""
    days = {date(2026, 3, 10): "verjaardag"}
    own = Calendar(days, date(2026, 12, 31))
    days.clear()
    assert own.why_not_working(date(2026, 3, 10)) == "verjaardag"
    assert own.is_working_day(date(2026, 4, 27))


def test_each_run_of_weekend_days_is_named_once() -> None:
    """A week off between two weekends reads as weekend, the week, weekend."""
    week_off = {date(2026, 3, 9) + timedelta(days=n): "sluiting" for n in range(5)}
    own = Calendar(week_off, date(2026, 12, 31))
    found = own.deadline(day("Sat 2026-02-28"), Length(1, Unit.WEEKS), Basis.WET)
    assert found.due == day("Mon 2026-03-16")
    assert found.shifted_by == "weekend, sluiting, weekend"


@pytest.mark.parametrize(
    ("start", "length", "basis", "outside"),
    [
        ("Sun 2026-03-01", Length(1, Unit.WEEKS), Basis.WET, "2026-03-09"),
        ("Sun 2026-03-01", Length(1, Unit.WEEKS), Basis.BELEID, "2026-03-09"),
        ("Mon 2026-03-02", Length(1, Unit.WEEKS), Basis.BELEID, "2026-03-09"),
        ("Wed 2025-12-31", Length(2, Unit.DAYS), Basis.BELEID, "2025-12-31"),
        ("Fri 2026-01-02", Length(1, Unit.WEEKS, backward=True), Basis.WET, "2025-12-26"),
    ],
)
def test_no_day_of_a_term_lies_outside_the_calendar(
    start: str, length: Length, basis: Basis, outside: str
) -> None:
    """Start, end, and the last day as it would be under the Atw are all known, or there is no answer."""
    own = Calendar({}, date(2026, 3, 8), covers=(date(2026, 1, 1), day("Sun 2026-03-08")))
    with pytest.raises(ValueError, match=f"{outside} valt daarbuiten"):
        own.deadline(day(start), length, basis)
