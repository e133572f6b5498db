"""Keep numbers that may be a BSN out of what we store as somebody else's reference."""

from __future__ import annotations

import re
from operator import mul

LONGEST_REFERENCE = 300
_FEWEST_DIGITS = 8
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_EIGHT_OR_NINE_DIGITS = re.compile(r"[0-9]{8,9}")
_ELEVEN_TEST_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9:/._~#@%+=,-]*")
_URL_WITH_QUERY = re.compile(r"https?://.*[?]", re.IGNORECASE)


def eleven_test(bsn: str) -> bool:
    """Tell whether a BSN passes the elfproef; eight digits are read as nine with a leading zero."""
    if not _EIGHT_OR_NINE_DIGITS.fullmatch(bsn):
        return False
    digits = tuple(map(int, bsn.zfill(9)))
    return any(digits) and sum(map(mul, _ELEVEN_TEST_WEIGHTS, digits)) % 11 == 0


def may_hold_bsn(text: str) -> bool:
    """Whether a number in this text could be a BSN; a UUID never counts."""
    without = _UUID.sub("", text)
    if re.fullmatch(r"[\d .-]*", without):
        return len(re.sub(r"\D", "", without)) in (8, 9)
    return any(_could_be_bsn(run) for run in _DIGITS.findall(without))


def _could_be_bsn(run: str) -> bool:
    """Whether these digits could be somebody's: no BSN was ever given out with more than one leading zero."""
    return eleven_test(run) and len(run.lstrip("0")) >= _FEWEST_DIGITS


def is_plain(text: str) -> bool:
    """Whether a text can be somebody else's reference: short, plain, without a query. It may hold a doubtful number."""
    return (
        0 < len(text) <= LONGEST_REFERENCE
        and _PLAIN.fullmatch(text) is not None
        and not _URL_WITH_QUERY.match(text)
    )


def is_reference(text: str) -> bool:
    """Whether a text can be kept as it stands: a plain reference with no BSN in it."""
    return is_plain(text) and not may_hold_bsn(text)
