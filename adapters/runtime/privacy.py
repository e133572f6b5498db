"""Keep what may tell of a person out of what we store as somebody else's reference, id or code."""

from __future__ import annotations

import re
from operator import mul
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

LONGEST_REFERENCE = 300
_FEWEST_DIGITS = 8
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_EIGHT_OR_NINE_DIGITS = re.compile(r"[0-9]{8,9}")
_ELEVEN_TEST_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_LONG_RUN = re.compile(r"\d{8,11}")  # a BSN behind a letter, or with zeros before it
# As people write one, also behind a letter and between other groups; a date is none.
_DATE = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}[. _/-][01]?[0-9][. _/-][0-3]?[0-9](?![0-9])")
_GROUPS = re.compile(r"[0-9]+(?:[. _/-][0-9]+)+")
_GROUPED = re.compile(r"[0-9]{2,4}(?: [0-9]{2,3}){2,3}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[ ._/-]?[A-Z]{4}[ ._/-]?(?:[0-9][ ._/-]?){7,}")
_TELEPHONE = re.compile(  # after the 0 of a number of a case comes another
    r"(?<![0-9])(?:(?:\+31|0031)[ ._/-]?0?|0)[ ._/-]?[1-9](?:[ ._/-]?[0-9]){8}(?![0-9])"
)
_LETTERS = re.compile(r"[^\W\d_]+")
LONGEST_WORD = 5
"""The letters in a row that a number of a case may have."""
_ALONE = 3  # letters that are one without a digit
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: nothing that looks like something else
OWN_FORM = rf"FZ-[0-9]{{4}}-[{ALPHABET}]{{7}}"
"""The form of a reference that we make ourselves."""
_OWN = re.compile(OWN_FORM)
_ZGW_WORDS = frozenset(
    (
        *("zaken", "zaak", "api", "v1", "v2", "v3", "catalogi", "besluiten", "documenten", "klanten"),
        *("klantinteracties", "contactmomenten", "verzoeken", "statussen", "resultaten", "rollen"),
        *("zaaktypen", "objecten", "records", "openzaak", "objects", "notificaties"),
    )
)
_REGISTER_WORDS = (
    "zaakinformatieobject", "informatieobject", "informatieobjecten", "enkelvoudiginformatieobject",
    "zaakobject", "zaakeigenschap", "klantcontact", "klantcontacten", "contactmoment", "resultaat", "besluit",
    "besluittype", "zaaktype", "informatieobjecttype", "partij", "partijen", "onderwerpobject", "create",
    "created", "update", "updated", "partial", "destroy", "delete", "deleted", "changed", "status", "opened",
    "closed", "started", "finished", "geopend", "gesloten", "gewijzigd", "aangemaakt", "verwijderd",
    "toegevoegd", "gestart", "afgerond", "beeindigd", "opgeschort", "verlengd", "hervat", "gemeente",
    "gemeenten", "overheid", "provincie", "logius", "kadaster", "belastingdienst", "rechtspraak", "uitspraak",
    "uitspraken", "register", "registers", "systeem", "systemen", "zaaksysteem", "opennotificaties",
    "notificatie", "bericht", "berichten", "melding", "meldingen", "cloudevents", "cloudevent", "events",
    "github", "azure", "eventgrid", "microsoft", "servicebus", "example", "voorbeeld", "routekaart", "persoon",
    "personen", "overleden", "overlijden", "verhuisd", "verhuizing", "geboren", "geboorte", "adreswijziging",
    "naamswijziging", "inschrijving", "insolventie", "insolventies", "faillissement", "bewind",
    "bewindvoering", "curatele", "schuldhulp", "schuldhulpverlening", "schuldregeling", "schulden",
    "schuldeiser", "vroegsignaal", "vroegsignalen", "vroegsignalering", "aanvraag", "beschikking", "uitkering",
    "toeslag", "toeslagen", "inkomen", "betaling", "betalingen", "document", "documenten", "dossier",
    "dossiers", "bezwaar",
)  # fmt: skip
REGISTER_WORDS = _ZGW_WORDS.union(_REGISTER_WORDS)
"""Words in which registers and case systems name what happened, and where."""
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
        *(number for groups in _GROUPS.findall(_DATE.sub("-", without)) for number in _grouped(groups)),
    ]
    return any(_could_be_bsn(run.lstrip("0")) for run in runs)


def _grouped(groups: str) -> Iterator[str]:
    """Yield each number that three or four of these groups make together."""
    parts = re.split(r"[. _/-]", groups)
    for begin in range(len(parts)):
        for end in (begin + 3, begin + 4):
            if end <= len(parts) and _GROUPED.fullmatch(" ".join(parts[begin:end])):
                yield "".join(parts[begin:end])


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
    address, _, rest = text.partition("#")
    *words, last = address.partition("://")[2].split("/")[1:] or [""]
    if not all(map(names_nobody, _LETTERS.findall(rest))):
        return False
    return _is_number(last) and all(word in _ZGW_WORDS or _is_number(word) for word in words)


def names_nobody(word: str, known: Collection[str] = REGISTER_WORDS) -> bool:
    """Whether a word is too short for most names, or is one of these."""
    return len(word) <= LONGEST_WORD or word.lower() in known


def _is_number(text: str) -> bool:
    without = _UUID.sub("0", text)
    numbered = any(sign.isdigit() for sign in without) or len(without) <= _ALONE
    return numbered and max(map(len, _LETTERS.findall(without)), default=0) <= LONGEST_WORD


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
