"""A message in each of its forms, and the small rules that decide who gets one and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from pydantic import SecretStr

from adapters.messages.addressing import (
    Addressee,
    addressees,
    fall_back,
    next_moment,
    next_morning,
    present,
    willing,
)
from adapters.messages.channels import Room
from adapters.messages.letters import Point, Written, as_list
from adapters.messages.page_links import PAGE_LINK_DAYS, PageLinks
from adapters.messages.recipients import Absence, Book, Person, Team, Wish, WorkingHours
from adapters.messages.retry_table import RETRY_TABLE, wait_after
from adapters.messages.text_rules import looks_like_amount, looks_like_bsn, readability, sentences_of
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import AMSTERDAM

MONDAY = date(2026, 3, 9)
MESSAGE = Written(
    "id-1",
    "Zaak A: <nieuw>",
    "Wat nu: bel.\n\nKijk op https://x.nl/a?b=1&c=2. Of (http://y.nl/z)!\ngeen Kop: niets\nTot wanneer?",
    "https://x.nl/zaak/A",
)


def test_a_mail_has_bold_labels_and_links_that_are_links() -> None:
    """Each line is a paragraph; a stop after an address is no part of it, and no word is mark-up."""
    page = MESSAGE.html
    assert page.startswith('<!doctype html><html lang="nl"><head><meta charset="utf-8">')
    assert page.count("Zaak A: &lt;nieuw&gt;") == 2
    paragraphs = page.split('<p style="margin:0 0 12px">')[1:]
    link = '<a href="{0}" style="color:#0b4f8a">{0}</a>'
    assert [one.partition("</p>")[0] for one in paragraphs] == [
        "<strong>Wat nu:</strong> bel.",
        f"Kijk op {link.format('https://x.nl/a?b=1&amp;c=2')}. Of ({link.format('http://y.nl/z')})!",
        "geen Kop: niets",
        "<strong>Tot wanneer?</strong>",
    ]
    assert page.endswith("</p></div></body></html>")


@pytest.mark.parametrize(
    ("most", "short"),
    [(36, "Zaak A: <nieuw>. https://x.nl/zaak/A"), (35, "Zaak A: <nieuw>"), (6, "Zaak A")],
)
def test_a_telephone_gets_the_title_and_where_to_go(most: int, short: str) -> None:
    """With the link where it fits whole, else the title alone."""
    assert MESSAGE.short(most) == short
    small = MESSAGE.shortened(most)
    assert (small.title, small.body, small.id) == ("", short, "id-1")
    assert replace(MESSAGE, link="").short(99) == "Zaak A: <nieuw>"


def test_a_channel_takes_title_and_text_with_what_stands_between() -> None:
    """Two signs stand between them; a telephone takes no message whole, and mail counts its HTML."""
    message = Written("id", "abc", "de")
    assert [Room(most).takes(message) for most in (6, 7)] == [False, True]
    assert not Room(100, small=True).takes(message)
    assert [Room(most, html=True).takes(message) for most in (100, len(message.html) + 5)] == [False, True]


def test_a_list_has_a_line_for_each_case_in_order_of_haste() -> None:
    """What is urgent, then what ends first, then what has no day; a link to accept goes before that to the case."""
    day = Point("B", "te laat", MONDAY, "vandaag", "http://x/zaak/B", urgent=False)
    points = [
        Point("D", "zonder dag", None, "", "", urgent=False),
        replace(day, reference="C", day=MONDAY + timedelta(days=1)),
        day,
        replace(
            day,
            day=MONDAY - timedelta(days=1),
            what="neem aan",
            until="gisteren",
            link="http://x/overdracht/1",
        ),
        day,
        replace(day, reference="A", day=None, urgent=True, until=""),
    ]
    assert as_list(points).splitlines() == [
        "- Zaak A: SPOED. te laat. http://x/zaak/B",
        "- Zaak B: te laat; neem aan. Tot wanneer: gisteren. http://x/overdracht/1",
        "- Zaak C: te laat. Tot wanneer: vandaag. http://x/zaak/B",
        "- Zaak D: zonder dag.",
    ]


def test_a_link_knows_its_receiver_for_a_month() -> None:
    """Only who was sent the link is in it; a changed link names nobody."""
    pages = PageLinks(b"sleutel", "https://x.nl/")
    assert (pages.case("A"), pages.mine(), pages.page("/p")) == (
        "https://x.nl/zaak/A", "https://x.nl/mijn", "https://x.nl/p",
    )  # fmt: skip
    token = pages.mine("mw-1").partition("/mijn?wie=")[2]
    assert pages.receiver(token) == "mw-1"
    assert pages.receiver(token[:-1]) is None
    assert PageLinks(b"andere", "https://x.nl").receiver(token) is None
    assert PAGE_LINK_DAYS == 31


# --- who ------------------------------------------------------------------------------------------------------


def _person(code: str, **more: object) -> Person:
    return Person(code=code, kanalen={"x": SecretStr("json://x/")}, **more)  # type: ignore[arg-type]


AWAY = (Absence(van=MONDAY, tot=MONDAY),)
PEOPLE = {
    "a": _person("a", team="t"),
    "b": _person("b", afwezig=AWAY, vervanger="c"),
    "c": _person("c", afwezig=AWAY, vervanger="a"),
    "d": _person("d", afwezig=AWAY, vervanger="e"),
    "e": _person("e", afwezig=AWAY, vervanger="d"),
    "z": Person(code="z"),
}
TEAMS = {"t": Team(code="t", kanalen={"x": SecretStr("json://x/")}), "u": Team(code="u")}
BOOK = Book(
    PEOPLE, TEAMS,
    {
        "0518": {"case_worker": ("b", "a"), "coordinator": ("z",), "team_leader": ("a",), "legal_officer": ("d", "u")},
        "*": {"case_worker": ("e",), "budget_coach": ("u", "e")},
    },
)  # fmt: skip


def _told(found: list[Addressee]) -> list[tuple[str, str, str]]:
    return [(item.recipient.code, item.role, item.reason) for item in found]


@pytest.mark.parametrize(
    ("role", "levels", "responsible", "told"),
    [
        ("case_worker", ("persoon",), None, [("a", "case_worker", "vervanger van b")]),
        ("case_worker", ("persoon",), "a", [("a", "case_worker", "persoon")]),
        ("case_worker", ("persoon",), "weg", [("a", "case_worker", "vervanger van b")]),
        ("case_worker", ("team",), None, [("t", "case_worker", "team")]),
        ("case_worker", ("team",), "b", [("t", "case_worker", "team")]),
        ("legal_officer", ("persoon",), None, [("u", "legal_officer", "team")]),
        ("legal_officer", ("team",), "a", [("t", "legal_officer", "team")]),
        ("budget_coach", ("team_leader", "persoon"), None,
         [("a", "team_leader", "team_leader"), ("u", "budget_coach", "team")]),
        ("wsnp_trustee", ("persoon",), None, []),
        ("settlement_officer", ("persoon",), None, [("a", "team_leader", "vangnet: team_leader")]),
    ],
)  # fmt: skip
def test_who_is_told(
    role: str, levels: tuple[str, ...], responsible: str | None, told: list[tuple[str, str, str]]
) -> None:
    """The person who has the case, or who has the role; a deputy, the team, and at last the teamleider."""
    assert _told(addressees(BOOK, role, "0518", MONDAY, levels, responsible)) == told


def test_somebody_without_a_channel_is_no_safety_net() -> None:
    """The first level that can be reached counts, without who was tried already."""
    assert _told(fall_back(BOOK, "case_worker", "0518", MONDAY)) == [("t", "case_worker", "vangnet: team")]
    assert _told(fall_back(BOOK, "case_worker", "0518", MONDAY, without=["t"])) == [
        ("a", "team_leader", "vangnet: team_leader")
    ]
    assert fall_back(BOOK, "case_worker", "0518", MONDAY, without=["t", "a"]) == []


def test_a_deputy_stands_in_along_the_line() -> None:
    """The first who is there; in a loop nobody is; on a day without absence everybody is there himself."""
    assert [present(BOOK, PEOPLE[code], MONDAY) for code in "abcd"] == [PEOPLE["a"]] * 3 + [None]
    assert present(BOOK, PEOPLE["b"], MONDAY + timedelta(days=1)) is PEOPLE["b"]
    assert present(BOOK, _person("x", afwezig=AWAY), MONDAY) is None


@pytest.mark.parametrize(
    ("kind", "urgent", "unless_said", "wishes", "wanted"),
    [
        ("taak", False, False, ({}, {"taak": "niet"}), [Wish.DIRECT, None]),
        ("taak", False, True, ({}, {"taak": "direct"}), [Wish.DIGEST, Wish.DIRECT]),
        ("taak", True, True, ({}, {"taak": "bundel"}), [Wish.DIRECT, Wish.DIRECT]),
        ("taak", False, False, ({"taak": "niet"}, {"taak": "niet"}), [None, None]),
        ("taak", True, False, ({"crisis": "niet"}, {"crisis": "niet"}), [Wish.DIRECT, Wish.DIRECT]),
        ("taak", True, False, ({"crisis": "niet"}, {}), [None, Wish.DIRECT]),
        ("termijn_gemist", False, False, ({"termijn_gemist": "niet"}, {"termijn_gemist": "niet"}),
         [Wish.DIRECT, Wish.DIRECT]),
    ],
)  # fmt: skip
def test_who_wants_it_and_how(
    kind: str, urgent: bool, unless_said: bool, wishes: tuple[dict[str, str], ...], wanted: list[Wish | None]
) -> None:
    """A wish is followed, unless nobody would hear of what somebody must hear of."""
    found = [Addressee(_person(f"p{n}", voorkeur=wish), "case_worker", "") for n, wish in enumerate(wishes)]
    chosen = {
        item.recipient.code: wish
        for item, wish in willing(found, kind, urgent=urgent, unless_said=unless_said)
    }
    assert [chosen.get(f"p{n}") for n in range(2)] == wanted


# --- when -----------------------------------------------------------------------------------------------------


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 4, day, hour, minute, tzinfo=AMSTERDAM)


@pytest.mark.parametrize(
    ("hours", "moment", "then"),
    [
        (WorkingHours(), _at(2, 7), _at(2, 8)),
        (WorkingHours(), _at(2, 17, 29), _at(2, 17, 29)),
        (WorkingHours(), _at(8, 17, 30), _at(9, 8)),
        (WorkingHours(), _at(3, 18), _at(7, 8)),  # Easter Monday is no working day
        (WorkingHours(ook_feestdagen=True), _at(3, 18), _at(6, 8)),
        (WorkingHours(dagen=("za",)), _at(2, 9), _at(4, 8)),
        (WorkingHours(dagen=("zo",), ook_feestdagen=True), _at(2, 9), _at(5, 8)),
    ],
)
def test_a_message_waits_for_a_working_hour(hours: WorkingHours, moment: datetime, then: datetime) -> None:
    """From the first minute to the last, on the days of its receiver."""
    assert next_moment(hours, moment, dutch_calendar()) == then


def test_a_digest_goes_at_its_time_on_a_day_that_is_ahead() -> None:
    """On the day itself only while that time is still to come."""
    calendar = dutch_calendar()
    assert next_morning(WorkingHours(), _at(8, 8), time(8, 30), calendar) == _at(8, 8, 30)
    assert next_morning(WorkingHours(), _at(8, 8, 30), time(8, 30), calendar) == _at(9, 8, 30)


def test_an_urgent_message_has_three_attempts() -> None:
    """An ordinary one has all of the table."""
    assert [wait_after(number, urgent=True) for number in (1, 2, 3)] == [*RETRY_TABLE[1:3], None]
    assert [wait_after(number) for number in (1, 7, 8)] == [RETRY_TABLE[1], RETRY_TABLE[7], None]


# --- words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "bsn"),
    [("123456782", True), ("123456783", False), ("000000000", False), ("1234567821", False), ("123.456.782", True)],
)  # fmt: skip
def test_a_bsn_passes_the_eleven_test(text: str, bsn: bool) -> None:
    """Nine digits, in one piece or in groups."""
    assert looks_like_bsn(text) is bsn


@pytest.mark.parametrize(
    ("text", "amount"),
    [("EUR 5", True), ("1.250", True), ("12,50", True), ("12,-", True), ("8.30", False), ("T03", False)],
)
def test_an_amount_has_a_coin_or_cents(text: str, amount: bool) -> None:
    """A number alone is none."""
    assert looks_like_amount(text) is amount


def test_a_text_is_as_hard_as_its_long_words_and_sentences() -> None:
    """The score of Flesch-Douma: 206.84 less 77 for a syllable a word and 0.93 for a word a sentence."""
    assert readability("") == 100.0
    assert readability("De kat zit.") == pytest.approx(206.84 - 77 - 0.93 * 3)
    assert readability("De gemeente belt. Bel terug.") == pytest.approx(206.84 - 77 * 8 / 5 - 0.93 * 5 / 2)
    assert sentences_of("Een twee. Drie\nvier!") == [["Een", "twee"], ["Drie"], ["vier"]]
