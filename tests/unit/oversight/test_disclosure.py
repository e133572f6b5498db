"""Small numbers are hidden, also from who can subtract."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.oversight.disclosure import LEAST, shown_counts, shown_share, total_may_be_shown

COUNTS = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 200), max_size=8)


@given(COUNTS)
def test_no_cell_under_the_threshold_is_shown(counts: dict[str, int]) -> None:
    """A count under ten is never shown."""
    assert all(count is None or count >= LEAST for count in shown_counts(counts).values())


@given(COUNTS)
def test_hidden_cells_do_not_follow_from_the_total(counts: dict[str, int]) -> None:
    """Who knows the total learns at most the sum of two or more cells, and a sum of ten or more, if there is one."""
    hidden = [counts[name] for name, count in shown_counts(counts).items() if count is None]
    if hidden and len(hidden) < len(counts):
        assert len(hidden) > 1
        assert sum(hidden) >= LEAST


def test_a_single_small_cell_takes_the_next_one_along() -> None:
    """With one cell under ten the smallest of the others is hidden too."""
    assert shown_counts({"a": 4, "b": 12, "c": 90}) == {"a": None, "b": None, "c": 90}


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_share_gives_no_small_number_away(part: int, whole: int) -> None:
    """A share is exact only when both its parts are at least ten."""
    part = min(part, whole)
    value, shown = shown_share(part, whole)
    if value is not None:
        assert part >= LEAST
        assert whole - part >= LEAST
    assert shown


def test_a_share_with_a_small_rest_becomes_a_bound() -> None:
    """Three late of a hundred reads as more than ninety per cent, whatever the exact number."""
    assert shown_share(97, 100) == shown_share(99, 100) == (None, "meer dan 90%")


@given(COUNTS)
def test_a_reader_who_subtracts_learns_no_hidden_cell(counts: dict[str, int]) -> None:
    """Also who takes every hidden cell for a small one, where that can be, finds two values or more for each."""
    hidden = [counts[name] for name, count in shown_counts(counts).items() if count is None]
    if hidden and len(hidden) < len(counts):
        together, others = sum(hidden), len(hidden) - 1
        highest = LEAST - 1 if together <= (LEAST - 1) * len(hidden) else together
        assert max(0, together - highest * others) < min(highest, together)


def test_two_cells_of_nine_take_a_third_along() -> None:
    """A hidden eighteen in two cells could only be nine and nine."""
    assert shown_counts({"a": 9, "b": 9, "c": 12, "d": 90}) == {"a": None, "b": None, "c": None, "d": 90}


@given(st.integers(0, 300), st.integers(LEAST, 300))
def test_a_bound_fits_at_least_ten_numbers_and_is_true(part: int, whole: int) -> None:
    """A bound says no more than that a part is small: ten different numbers fit it, the real one among them."""
    part = min(part, whole)
    _, shown = shown_share(part, whole)
    if bound := re.fullmatch(r"(meer|minder) dan (\d+)%", shown):
        limit = int(bound[2]) * whole
        fitting = [
            n for n in range(whole + 1) if (100 * n > limit if bound[1] == "meer" else 100 * n < limit)
        ]
        assert part in fitting
        assert len(fitting) >= LEAST


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 200), max_size=14))
def test_a_total_that_is_shown_leaves_two_ways_for_each_cell(counts: dict[str, int]) -> None:
    """Who knows that every hidden cell is one to nine, and the total, finds two values or more for each of them."""
    if total_may_be_shown(counts) and all(count is None for count in shown_counts(counts).values()):
        total, cells = sum(counts.values()), len(counts)
        if cells <= total <= (LEAST - 1) * cells:
            assert max(1, total - (LEAST - 1) * (cells - 1)) < min(LEAST - 1, total - (cells - 1))


def test_nine_in_each_cell_hides_the_total() -> None:
    """Nine times as much as there are cells can be made in one way; so can one in each cell."""
    assert not total_may_be_shown({"a": 9, "b": 9})
    assert not total_may_be_shown({str(name): 1 for name in range(12)})
    assert total_may_be_shown({"a": 9, "b": 8})
    assert total_may_be_shown({"a": 30, "b": 40})


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({"a": 4, "b": 6, "c": 50}, {"c"}),  # ten in two cells can be made in several ways
        ({"a": 4, "b": 5, "c": 50, "d": 60}, {"d"}),  # nine in all say that each of them is small
        ({"a": 10, "b": 11}, {"a", "b"}),
        ({"a": 9, "b": 10}, set()),
        ({"a": 90, "b": 12, "c": 4}, {"a"}),  # the smallest of the others goes along
        ({"b": 12, "a": 12, "c": 4}, {"b"}),
    ],
)
def test_no_more_is_hidden_than_has_to_be(counts: dict[str, int], shown: set[str]) -> None:
    """What nobody can work out from the hidden cells is shown."""
    assert {name for name, count in shown_counts(counts).items() if count is not None} == shown


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (9, 9, "minder dan 10"),
        (10, 20, "50%"),
        (9, 20, "minder dan 50%"),
        (11, 20, "meer dan 50%"),
        (9, 18, "te weinig om te tonen"),
        (0, 10, "minder dan 100%"),
        (33, 70, "47%"),
        (1, 30, "minder dan 34%"),
        (29, 30, "meer dan 66%"),
    ],
)
def test_a_share_in_words(part: int, whole: int, said: str) -> None:
    """Exact where both parts are ten or more, else a bound that is rounded to the safe side."""
    assert shown_share(part, whole)[1] == said
