"""What a message may say and how hard it may be to read. The lists and limits are data; domain 6.2 is the source."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Parts of words that must not stand in any message: they lead to a person, an amount or a creditor's name.
FORBIDDEN_TO_ALL = (
    "bsn", "burgerservicenummer", "geboortedatum", "geboren", "adres", "postcode", "euro", "€", "bedrag",
    "telefoonnummer", "iban", "rekeningnummer", "strafblad", "ziekte", "diagnose",
)  # fmt: skip
# Parts of words that a resident's phone or lock screen must not show either.
FORBIDDEN_TO_RESIDENTS = (
    *FORBIDDEN_TO_ALL, "schuld", "wsnp", "sanering", "bewind", "incasso", "deurwaarder", "krediet", "budget",
    "betaling", "wanbetal", "achterstand", "moratorium", "financ", "geldzorg", "geldzaken", "geldproblem", "mijlpaal",
    "beslag", "shv", "vroegsignal", "faillis", "aflos", "dwangakkoord", "schone lei", "ontruim", "armoede",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextLimits:
    """How long a message may be, and how easy it must be (Flesch-Douma: higher is easier, B1 starts about 60)."""

    title: int
    body: int
    readability: float
    sentence: int


PROFESSIONAL = TextLimits(title=60, body=900, readability=60.0, sentence=20)
RESIDENT_LIMITS = TextLimits(title=40, body=300, readability=60.0, sentence=15)

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?\n]+")
_VOWELS = re.compile(r"[aeiouyáéíóúàèâêîôû]+|[äëïöü][aeiouy]*")
_NINE_DIGITS = re.compile(r"(?<![\w-])\d(?:[ .]?\d){8}(?![\w-])")
_BSN_LENGTH = 9
# "1.250", "12,50", "300,-", "eur 40". A time such as 8.30 is none.
_AMOUNT = re.compile(r"(?<!\d)\d{1,3}(?:\.\d{3})+(?!\d)|\d,(?:\d\d(?!\d)|[-–])|\beur\b")
# Marks on letters, and signs that nobody sees: a soft hyphen, a zero-width space, a change of direction.
_UNSEEN = frozenset({"Mn", "Me", "Cf"})


def forbidden_to_all(text: str) -> str | None:
    """Return the first word that no message may hold, or None."""
    return _first(FORBIDDEN_TO_ALL, text)


def forbidden_to_residents(text: str) -> str | None:
    """Return the first word that a resident's phone must not show, or None."""
    return _first(FORBIDDEN_TO_RESIDENTS, text)


def _first(words: tuple[str, ...], text: str) -> str | None:
    seen = _as_seen(text)
    return next(
        (word for word in words if re.search(rf"(?<!\w){re.escape(word)}|{_inside(word)}", seen)), None
    )


def _as_seen(text: str) -> str:
    """Return a text as the eye reads it: small letters without marks, and without signs that do not show."""
    signs = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in signs if unicodedata.category(sign) not in _UNSEEN).casefold()


def _inside(word: str) -> str:
    """Long words are also found inside another word (schuldhulp, kredietschuld); short ones only at its start."""
    return re.escape(word) if len(word) > 4 else r"(?!)"  # noqa: PLR2004 - "euro" stands in "neurologie"


def looks_like_bsn(text: str) -> bool:
    """Whether nine digits in a row pass the eleven test."""
    for found in _NINE_DIGITS.finditer(_as_seen(text)):
        digits = [int(sign) for sign in found[0] if sign.isdigit()]
        weighted = sum((_BSN_LENGTH - place) * digit for place, digit in enumerate(digits[:-1])) - digits[-1]
        if weighted % 11 == 0 and any(digits):
            return True
    return False


def looks_like_amount(text: str) -> bool:
    """Whether a text holds an amount of money."""
    return _AMOUNT.search(_as_seen(text)) is not None


def readability(text: str) -> float:
    """Return the Flesch-Douma score of a Dutch text; a text without words is as easy as can be."""
    words = _WORD.findall(text)
    sentences = max(1, len(sentences_of(text)))
    if not words:
        return 100.0
    syllables = sum(_syllables(word) for word in words)
    return 206.84 - 77 * syllables / len(words) - 0.93 * len(words) / sentences


def sentences_of(text: str) -> list[list[str]]:
    """Return the sentences of a text as lists of words; a line ends one too."""
    return [words for part in _SENTENCE_END.split(text) if (words := _WORD.findall(part))]


def _syllables(word: str) -> int:
    return max(1, len(_VOWELS.findall(word.lower())))
