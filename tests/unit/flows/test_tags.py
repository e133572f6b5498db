"""Tags: what a coordinator filters on."""

from __future__ import annotations

from datetime import date

import pytest

from flows.tags import SCHEME, Facts, tags_of, with_time

MONDAY = date(2026, 3, 9)
BASIS = Facts(code="M3", municipality="0518", role="case_worker", closed=False, today=MONDAY)


def facts(**changes: object) -> Facts:
    """Return the facts of an ordinary open process with some changes."""
    return Facts(**{name: getattr(BASIS, name) for name in BASIS.__slots__} | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (date(2026, 3, 8), {"te-laat"}),
        (date(2026, 3, 9), {"deze-week"}),
        (date(2026, 3, 15), {"deze-week"}),
        (date(2026, 3, 16), set()),
    ],
)
def test_a_last_day_makes_a_run_late_or_this_week(due: date, expected: set[str]) -> None:
    """A term is late from the day after its last day, and this week from today to Sunday."""
    assert set(tags_of(facts(dues=(due,)))) & {"te-laat", "deze-week"} == expected


def test_a_run_without_a_person_is_without_an_owner() -> None:
    """A process that nobody holds says so; one that somebody holds names his code."""
    assert "zonder-eigenaar" in tags_of(facts())
    held = tags_of(facts(contact="mw-17"))
    assert "contact:mw-17" in held
    assert "zonder-eigenaar" not in held


def test_a_closed_run_keeps_no_tag_of_open_work() -> None:
    """A filter on open work never shows a run that has ended."""
    closed = facts(closed=True, threatened=True, dues=(date(2026, 1, 1),), contact="mw-17")
    assert set(tags_of(closed)) == {"gemeente:0518", "afgerond", "was:M3"}


def test_roles_are_tags_in_plain_letters() -> None:
    """A tag has no space and no accent, so that people can type it."""
    assert "rol:coordinator" in tags_of(facts(role="coordinator"))


def test_time_changes_only_the_tags_that_hang_on_it() -> None:
    """Bringing tags up to date takes the old ones away and leaves the rest as they are."""
    before = {"open", "M3", "deze-week", "vervanger:mw-18", "contact:mw-17"}
    after = with_time(before, facts(dues=(date(2026, 3, 8),)))
    assert after == {"open", "M3", "contact:mw-17", "te-laat"}


def test_every_tag_is_explained() -> None:
    """Each tag of the scheme has a sentence for the front page, and no two look the same."""
    assert all(tag.meaning.endswith(".") for tag in SCHEME)
    assert len({tag.looks_like for tag in SCHEME}) == len(SCHEME)
