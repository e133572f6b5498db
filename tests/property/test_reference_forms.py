"""The form in Prefect and the rule of the office agree on what may be the reference of a case."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.cases.casework import check_reference
from adapters.runtime.privacy import may_tell_of_a_person, shows_nobody
from flows.forms import REFERENCE
from milestones.code_forms import takes_names
from milestones.process import NotPossible

_UUIDS = st.uuids().map(str)
_WORDS = st.from_regex(r"[A-Za-z]{1,7}|[0-9]{1,11}|[-._]", fullmatch=True)
_REFERENCES = st.lists(_WORDS, min_size=1, max_size=8).map("".join)
_WITH_UUID = st.tuples(st.from_regex(r"(?:[A-Za-z]{1,5}[-._])?", fullmatch=True), _UUIDS).map("".join)


def _may_be_one(reference: str) -> bool:
    try:
        check_reference(reference)
    except NotPossible:
        return False
    return shows_nobody(reference)


@given(_REFERENCES | _WITH_UUID)
@example("SH26ZAAK-001")
@example("ZAAK-2026-0000000017")
@example("FZ-2026-ABCDEFG")
@example("ZAAK-abcdefab-abcd-abcd-abcd-abcdefabcdef")
def test_a_case_that_can_be_opened_can_be_shown(reference: str) -> None:
    """Prefect's check of a run takes every reference that a new case may have: else nobody would see the case."""
    assert not _may_be_one(reference) or re.search(REFERENCE, reference)


@given(_REFERENCES)
def test_what_the_form_takes_the_office_takes(reference: str) -> None:
    """But for a number that may be a person's, which the door sees."""
    if re.search(REFERENCE, reference) and not may_tell_of_a_person(reference):
        assert shows_nobody(reference)


def test_the_form_takes_no_name() -> None:
    """None of the names with which the form of a code is tried."""
    assert not takes_names(REFERENCE)
