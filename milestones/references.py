"""The laws on which a term rests: article, lid, and the date of the text in which it was read.

The texts themselves stay outside the code. `words` are the few words that the lid must contain, the length of
the term among them: tests/unit/milestones/test_references.py looks them up where the texts are on the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from milestones.dutch import without_weekday

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Law:
    """A law, the date of the text that was read, and the day on which somebody read it."""

    code: str
    title: str
    bwb_id: str
    text_date: date
    checked_on: date = date(2026, 11, 28)


_LAWS = (
    Law("Wgs", "Wet gemeentelijke schuldhulpverlening", "BWBR0031331", date(2026, 7, 1)),
    Law("Awb", "Algemene wet bestuursrecht", "BWBR0005537", date(2026, 7, 1)),
    Law("Fw", "Faillissementswet", "BWBR0001860", date(2026, 9, 1)),
    Law("BW", "Burgerlijk Wetboek Boek 1", "BWBR0002656", date(2025, 7, 5)),
    Law("Atw", "Algemene termijnenwet", "BWBR0002448", date(2025, 1, 1)),
)
LAWS: Mapping[str, Law] = MappingProxyType({law.code: law for law in _LAWS})


@dataclass(frozen=True, slots=True)
class Reference:
    """One place in a law. `paragraph` is the lid, empty where an article has none."""

    law: str
    article: str
    paragraph: str = ""
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the reference as people write it: "Awb art. 4:17 lid 3"."""
        lid = f" lid {self.paragraph}" if self.paragraph else ""
        return f"{self.law} art. {self.article}{lid}"

    @property
    def text_date(self) -> date:
        """The date of the text in which it was read."""
        return LAWS[self.law].text_date

    def as_json(self) -> dict[str, str]:
        """Return the reference in the words of the contract."""
        lid = {"lid": self.paragraph} if self.paragraph else {}
        return {
            "wet": self.law,
            "artikel": self.article,
            **lid,
            "tekst_van": self.text_date.isoformat(),
        }


def cite(law: str, article: str, paragraph: str = "", *words: str) -> Reference:
    """Write a reference the way a table reads: law, article, lid ("" without one), and the words."""
    return Reference(law, article, paragraph, words)


def text_dates(references: Iterable[Reference]) -> str:
    """Say of which date the texts are: "tekst van 1 juli 2026"; empty without references."""
    dates = sorted({reference.text_date for reference in references})
    return f"tekst van {' en '.join(without_weekday(day) for day in dates)}" if dates else ""
