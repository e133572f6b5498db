"""Keep what may tell of a person out of what we store as somebody else's reference, id or code."""

from __future__ import annotations

import re
from operator import mul

LONGEST_REFERENCE = 300
_FEWEST_DIGITS = 8
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_EIGHT_OR_NINE_DIGITS = re.compile(r"[0-9]{8,9}")
_ELEVEN_TEST_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_LONG_RUN = re.compile(r"\d{8,11}")  # a BSN behind a letter, or with zeros before it
# As people write one, also behind a letter; a date is none.
_IN_GROUPS = re.compile(
    r"(?<![0-9])(?!(?:19|20)[0-9]{2}[. _/-][01]?[0-9][. _/-][0-3]?[0-9](?![0-9]))"
    r"[0-9]{2,4}(?:[. _/-][0-9]{2,3}){2,3}(?![0-9])"
)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[ ._/-]?[A-Z]{4}[ ._/-]?(?:[0-9][ ._/-]?){7,}")
_TELEPHONE = re.compile(r"(?<![0-9])(?:\+31|0031|0)(?:[ ._/-]?[0-9]){9}(?![0-9])")
_LETTERS = re.compile(r"[^\W\d_]+")
_SHORT, _ALONE = 6, 3
_OWN = re.compile(r"FZ-[0-9]{4}-[0-9A-Z]{7}")  # a reference that we make ourselves
_ZGW_WORDS = frozenset(
    (
        *("zaken", "zaak", "api", "v1", "v2", "v3", "catalogi", "besluiten", "documenten", "klanten"),
        *("klantinteracties", "contactmomenten", "verzoeken", "statussen", "resultaten", "rollen"),
        *("zaaktypen", "objecten", "records", "openzaak", "objects", "notificaties"),
    )
)
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


def may_tell_of_a_person(text: str) -> bool:
    """Whether a text may hold a BSN, also behind a letter or a zero, an IBAN, an e-mail address or a telephone."""
    without = _UUID.sub("", text)
    if may_hold_bsn(without) or "@" in without:
        return True
    if _IBAN.search(without.upper()) or _TELEPHONE.search(without):
        return True
    runs = [
        *_LONG_RUN.findall(without),
        *(re.sub(r"[. _/-]", "", run) for run in _IN_GROUPS.findall(without)),
    ]
    return any(_could_be_bsn(run.lstrip("0")) for run in runs)


def shows_nobody(text: str, pattern: str | None = None) -> bool:
    """Whether a reference can be kept readable: it has the form that the municipality set, or that of a number.

    Without such a form it is a short word with a number (ZAAK-2026-17), a UUID, or an address whose path is made of
    words of ZGW and ends in one of these. A name has another form, unless it is as short as that.
    """
    if _OWN.fullmatch(text):
        return True
    if pattern is not None:
        return re.fullmatch(pattern, text) is not None
    if may_tell_of_a_person(text):
        return False
    if "://" not in text:
        return _is_number(text)
    *words, last = text.partition("#")[0].partition("://")[2].split("/")[1:] or [""]
    return _is_number(last) and all(word in _ZGW_WORDS or _is_number(word) for word in words)


def _is_number(text: str) -> bool:
    without = _UUID.sub("0", text)
    numbered = any(sign.isdigit() for sign in without) or len(without) <= _ALONE
    return numbered and max(map(len, _LETTERS.findall(without)), default=0) <= _SHORT


def is_plain(text: str) -> bool:
    """Whether a text can be somebody else's reference: short, plain, without a query. It may hold a doubtful number."""
    return (
        0 < len(text) <= LONGEST_REFERENCE
        and _PLAIN.fullmatch(text) is not None
        and not _URL_WITH_QUERY.match(text)
    )


def is_reference(text: str) -> bool:
    """Whether a text can be kept as it stands: a plain reference that tells of nobody."""
    return is_plain(text) and not may_tell_of_a_person(text)
