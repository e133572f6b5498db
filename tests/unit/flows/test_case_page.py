"""The page of a case: what it says of the terms that run."""

from __future__ import annotations

from datetime import date

from adapters.runtime.calendar_data import dutch_calendar
from flows.case_page import _reasons
from milestones.case import Case, start
from milestones.policy import Policy, Rules

RULES = Rules(dutch_calendar(), Policy())


def reasons(code: str, on: date) -> list[str]:
    """Return what the page says about the terms of a mijlpaal that opened on a day."""
    case, _ = start(Case(), code, on, on, RULES)
    return list(_reasons(case.process(code), RULES.policy))


def test_a_shifted_day_is_explained() -> None:
    """Four weeks that end on Easter Monday say so below the table."""
    assert "T01 in M3: verschoven van ma 6 apr 2026 door tweede Paasdag." in reasons("M3", date(2026, 3, 9))


def test_an_ordinary_day_needs_no_word() -> None:
    """Four weeks that end on a working day are explained by their source alone."""
    assert reasons("M3", date(2026, 2, 9)) == []


def test_a_day_after_the_last_known_decree_says_so() -> None:
    """A last day in a year for which not all days off are known, says that it can still change."""
    (line,) = reasons("M3", date(2028, 12, 11))
    assert line.startswith("T01 in M3: ")
    assert "na 2028 niet bekend" in line
