"""What holds for every moment, ladder, file of recipients and text of a message."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.messages.addressing import LAST_RESORTS, addressees, next_moment, next_morning, present, willing
from adapters.messages.delivery_planning import _next_round
from adapters.messages.message_kinds import CANNOT_BE_SWITCHED_OFF, CRISIS, MESSAGE_KINDS
from adapters.messages.recipients import (
    DAYS,
    Absence,
    Book,
    House,
    Municipality,
    Person,
    Team,
    Wish,
    WorkingHours,
)
from adapters.messages.recipients_reading import book_of
from adapters.messages.retry_table import RETRY_TABLE
from adapters.messages.text_rules import (
    FORBIDDEN_TO_RESIDENTS,
    forbidden_to_residents,
    looks_like_amount,
    looks_like_bsn,
)
from adapters.messages.texts import NAMES, OWN_TEXTS, check_text
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import AMSTERDAM, later
from milestones.roles import OUTSIDE, ROLES
from milestones.term_table import TERMS
from milestones.terms import EXPIRY, ladder

CALENDAR = dutch_calendar()
TODAY = date(2026, 3, 9)
QUARTER = timedelta(minutes=15)

# Half of the moments lie in the nights in which the clock changes.
changes = st.builds(
    lambda evening, minutes: later(datetime(*evening, 22, tzinfo=AMSTERDAM), timedelta(minutes=minutes)),
    st.sampled_from([(2026, 3, 28), (2026, 10, 24), (2027, 3, 27)]),
    st.integers(0, 720),
)
moments = changes | st.builds(
    lambda minutes: later(datetime(2024, 1, 1, tzinfo=UTC), timedelta(minutes=minutes)),
    st.integers(0, 5 * 365 * 24 * 60),
)
# Nobody begins in the hour that the clock leaves out or gives twice.
quarters = st.builds(
    time, st.integers(0, 23).filter(lambda hour: hour != 2), st.sampled_from([0, 15, 30, 45])
)
hours = st.builds(
    lambda days, edges, holidays: WorkingHours(
        dagen=days, van=min(edges), tot=max(edges), ook_feestdagen=holidays
    ),
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True).map(tuple),
    st.tuples(quarters, quarters).filter(lambda edges: edges[0] != edges[1]),
    st.booleans(),
)


def _works(given_hours: WorkingHours, moment: datetime) -> bool:
    """Say whether somebody works at a moment, in the plainest way."""
    if DAYS[moment.weekday()] not in given_hours.dagen:
        return False
    holiday = CALENDAR.why_not_working(moment.date()) not in (None, "weekend")
    return (given_hours.ook_feestdagen or not holiday) and given_hours.van <= moment.time() < given_hours.tot


# --- working hours --------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(hours, moments)
def test_a_message_waits_until_somebody_works_and_no_longer(own: WorkingHours, moment: datetime) -> None:
    """It never goes before its moment, and no quarter of an hour in which somebody works is let pass."""
    chosen = next_moment(own, moment, CALENDAR)
    assert chosen.timestamp() >= moment.timestamp()
    assert _works(own, chosen)
    quarter = moment
    while quarter.timestamp() < min(chosen.timestamp(), moment.timestamp() + 6 * 86_400):
        assert not _works(own, quarter), quarter
        quarter = later(quarter, QUARTER)
    assert next_moment(own, chosen, CALENDAR) == chosen


@given(hours, moments, quarters)
def test_a_digest_goes_on_a_working_day_that_is_still_to_come(
    own: WorkingHours, moment: datetime, at: time
) -> None:
    """The daily digest has its time of day, on a day on which its receiver works, always later than now."""
    chosen = next_morning(own, moment, at, CALENDAR)
    assert chosen.timestamp() > moment.timestamp()
    assert chosen.time() == at
    assert DAYS[chosen.weekday()] in own.dagen


@given(moments, st.integers(1, 240))
def test_a_burst_waits_for_one_round_moment(moment: datetime, minutes: int) -> None:
    """The moment of a burst lies ahead, at most so many minutes, and is the same for all of its messages."""
    chosen = _next_round(moment, minutes)
    assert 0 < chosen.timestamp() - moment.timestamp() <= minutes * 60
    assert chosen.second == chosen.microsecond == 0
    halfway = later(moment, (chosen.astimezone(UTC) - moment.astimezone(UTC)) / 2)
    if (halfway.date(), halfway.utcoffset()) == (moment.date(), moment.utcoffset()):
        assert _next_round(halfway, minutes) == chosen


@given(moments, st.sampled_from(RETRY_TABLE))
def test_a_wait_is_as_long_as_the_table_says_in_every_night(moment: datetime, wait: timedelta) -> None:
    """Also when the clock changes, a retry comes after exactly the published wait."""
    assert later(moment, wait).timestamp() - moment.timestamp() == wait.total_seconds()


# --- ladders --------------------------------------------------------------------------------------------------


@given(
    st.sampled_from([term for term in TERMS.values() if term.ladder]),
    st.dates(date(2024, 1, 1), date(2028, 1, 1)),
    st.integers(0, 400),
    st.integers(0, 90),
)
def test_each_rung_of_a_ladder_comes_once_and_in_order(
    term: Any, start: date, length: int, moved: int
) -> None:
    """Rungs lie between start and end, each once, then the expiry; with a later end none is earlier."""
    due = start + timedelta(days=length)
    rungs = ladder(term, start, due, CALENDAR)
    assert [rung.name for rung in rungs].count(EXPIRY) == 1
    assert rungs[-1].on == due + timedelta(days=1)
    assert len({rung.name for rung in rungs}) == len(rungs)
    assert {rung.name for rung in rungs[:-1]} <= set(term.ladder)
    assert all(start <= rung.on <= due for rung in rungs[:-1])
    assert all(before.on <= after.on for before, after in pairwise(rungs))
    then = {rung.name: rung.on for rung in ladder(term, start, due + timedelta(days=moved), CALENDAR)}
    assert all(then[rung.name] >= rung.on for rung in rungs if rung.name in then)


# --- who gets it ----------------------------------------------------------------------------------------------

people = st.sampled_from(["p1", "p2", "p3", "p4"])
wishes = st.dictionaries(st.sampled_from([*MESSAGE_KINDS, CRISIS]), st.sampled_from(list(Wish)), max_size=3)
address = st.sampled_from([{}, {"web": "json://127.0.0.1:9/"}, {"web": "json://127.0.0.1:9/"}])
away = st.sampled_from([(), (Absence(van=TODAY, tot=TODAY),)])


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Draw recipients with absences, deputies in loops, gaps and wishes."""
    teams = {code: Team(code=code, kanalen=draw(address), voorkeur=draw(wishes)) for code in ("t1", "t2")}
    persons = {
        code: Person(
            code=code,
            kanalen=draw(address),
            voorkeur=draw(wishes),
            team=draw(st.sampled_from([None, *teams])),
            afwezig=draw(away),
            vervanger=draw(st.none() | people),
        )
        for code in ("p1", "p2", "p3", "p4")
    }
    holders = st.lists(st.sampled_from([*persons, *teams]), max_size=3, unique=True).map(tuple)
    roles = draw(st.dictionaries(st.sampled_from(list(ROLES)), holders, max_size=6))
    return Book(persons, teams, {"0518": roles})


@settings(max_examples=100)
@given(books(), st.sampled_from(list(ROLES)), st.none() | people)
def test_nobody_is_passed_over_and_nobody_who_is_away_is_told(
    book: Book, role: str, responsible: str | None
) -> None:
    """Each level of the ladder adds people and takes none away; somebody is found whenever somebody can be told."""
    known = [*book.people.values(), *book.teams.values()]
    before: set[str] = set()
    for rung in (1, 2, 3, 4):
        found = addressees(book, role, "0518", TODAY, book.levels(rung), responsible)
        codes = {item.recipient.code for item in found}
        assert len(codes) == len(found)
        assert all(item.recipient in known for item in found)
        assert not any(isinstance(item.recipient, Person) and item.recipient.is_away(TODAY) for item in found)
        if not any(item.reason.startswith("vangnet") for item in found):
            assert before <= codes
            before = codes
        assert found or role in OUTSIDE or not any(_can_be_told(book, last) for last in LAST_RESORTS)


@given(books(), st.sampled_from(list(ROLES)), st.sampled_from(CANNOT_BE_SWITCHED_OFF), st.booleans())
def test_what_cannot_be_switched_off_reaches_somebody(book: Book, role: str, kind: str, urgent: bool) -> None:
    """Whatever everyone wishes, of those who are there somebody gets crisis and overdue messages."""
    found = addressees(book, role, "0518", TODAY)
    chosen = willing(found, kind, urgent=urgent or kind == CRISIS)
    assert bool(chosen) == bool(found)
    if urgent:
        assert all(wish is Wish.DIRECT for _, wish in chosen)


def _can_be_told(book: Book, role: str) -> bool:
    holders = book.holders(role, "0518")
    there = [present(book, item, TODAY) for item in holders if isinstance(item, Person)]
    told = [item for item in there if item is not None] or [
        item for item in holders if isinstance(item, Team)
    ]
    return any(item.kanalen for item in told)


# --- files of recipients --------------------------------------------------------------------------------------

names = st.sampled_from(
    ["code", "kanalen", "rollen", "team", "vervanger", "afwezig", "voorkeur", "werktijden", "van", "tot", "dagen",
     "bundel_om", "link_dagen", "geen_berichten_aan", "coordinator", "case_worker", "crisis", "1", "²", "*", "naam"]
)  # fmt: skip
simple = st.one_of(
    st.sampled_from(
        ["p1", "t1", "0518", "*", "24:00", "08:30", "08:00+02:00", "niet", "json://x/", "ma", ""]
    ),
    st.integers(-2, 40),
    st.booleans(),
    st.floats(allow_nan=False),
    st.dates(),
    st.times(),
    st.datetimes(),
)
values = st.recursive(
    simple,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
contents = st.dictionaries(
    st.sampled_from(["standaard", "ladder", "persoon", "team", "gemeente", "naam"]),
    values | st.lists(st.dictionaries(names, values, max_size=5), max_size=3),
    max_size=5,
)


@settings(max_examples=100)
@given(contents)
@example({"ladder": {"²": ["persoon"]}})
@example({"standaard": {"werktijden": {"van": "08:00+02:00", "tot": "17:00"}}})
def test_no_file_stops_the_messages(content: dict[str, Any]) -> None:
    """Whatever stands in a file, it is named in Dutch without its value, and a book comes out that can be used."""
    book, problems = book_of("ontvangers.toml", content)
    for role in ("coordinator", "case_worker"):
        willing(addressees(book, role, "0518", TODAY, book.levels(3)), "overdracht", urgent=False)
    for recipient in (*book.people.values(), *book.teams.values()):
        next_moment(book.hours(recipient), datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM), CALENDAR)
    english = ("input", "should", "valid", "must", "invalid", "value")
    assert [
        str(item) for item in problems if any(word in item.sentence.lower().split() for word in english)
    ] == []


def test_the_example_file_fits_the_models() -> None:
    """The shapes of the example are those that this file draws from."""
    example_file = tomllib.loads(Path("deployments/voorbeeld_ontvangers.toml").read_text(encoding="utf-8"))
    assert {*example_file} == {"standaard", "ladder", "team", "persoon", "gemeente"}
    House.model_validate(example_file["standaard"])
    Municipality.model_validate(example_file["gemeente"][0])


# --- texts ----------------------------------------------------------------------------------------------------

own_texts = st.sampled_from(NAMES)
unseen = st.sampled_from(["", "\u00ad", "\u200b", "\u200d", "\u2060", "\u202e", "\ufeff", "\u0301"])


@given(st.sampled_from(FORBIDDEN_TO_RESIDENTS), st.data(), st.sampled_from([str.lower, str.upper, str.title]))
def test_a_word_that_reveals_the_help_is_found_however_it_is_dressed(
    word: str, data: st.DataObject, case: Any
) -> None:
    """Capitals, accents and signs that nobody sees hide no word."""
    hidden = "".join(case(sign) + data.draw(unseen) for sign in word)
    assert forbidden_to_residents(f"Bericht over {hidden}.") is not None


@given(st.integers(0, 99_999_999), st.sampled_from(["", " ", "."]), st.sampled_from(["", "Nummer: ", "("]))
def test_every_bsn_is_found(front: int, between: str, before: str) -> None:
    """Eight digits and the ninth that makes them a BSN are seen, in one piece or in groups of three."""
    digits = f"{front:08}"
    check = sum((9 - place) * int(digit) for place, digit in enumerate(digits)) % 11
    if check < 10 and front:
        whole = f"{digits}{check}"
        assert looks_like_bsn(f"{before}{between.join((whole[:3], whole[3:6], whole[6:]))} hier")


@given(st.integers(1, 9_999_999), st.integers(0, 99))
def test_every_amount_is_found(whole: int, cents: int) -> None:
    """An amount is seen with cents, with a point for the thousands, and with its coin."""
    assert looks_like_amount(f"U betaalt {whole},{cents:02} per maand")
    assert looks_like_amount(f"U betaalt {whole},- per maand")
    assert looks_like_amount(f"U betaalt EUR {whole}")
    if whole > 999:
        assert looks_like_amount(f"U betaalt {whole:,}".replace(",", "."))


@given(own_texts, st.text(max_size=60), st.integers(0, 400))
def test_no_change_of_a_text_breaks_its_check(name: str, piece: str, place: int) -> None:
    """Whatever somebody types into a text, the check gives sentences and no error."""
    own = (OWN_TEXTS / f"{name}.txt").read_text(encoding="utf-8")
    list(check_text(f"{name}.txt", name, own[:place] + piece + own[place:]))
