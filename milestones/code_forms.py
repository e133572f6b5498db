"""Forms and lists of codes where a gemeente set none of its own: a name of a person has none of these."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_CODE = 40
WORKERS = ("houder", "contactpersoon", "beoordelaar")
"""The fields that name a medewerker."""
CODE_FIELDS = ("motivering", "overrulereden", "meetinstrument", "termijn", "levensfase", "persona", *WORKERS)
"""Every field with a code that somebody may fill in."""

# Why something was decided: no law and no standard has such a list, so these words are our own choice. A gemeente
# that has no list in its policy may also give the number that a reason has in a list of its own, or in the dossier.
MOTIVATIONS = (
    "advies-later", "geen-medewerking", "nieuwe-achterstand", "nog-later", "nog-niet-klaar", "op-verzoek", "tolk",
    "wacht-op-schuldeiser",
)  # fmt: skip
REASON = "|".join((r"(?:[a-z]{1,3}-?|dossier-)[0-9]{1,3}", *MOTIVATIONS))
TERM_FORM = r"T[0-9]{2}[a-z]?(?:-[0-9]{1,3})?(?:#[0-9]{1,3})?"
# Few letters and a number, a role and a number, or the code that the door makes of who has none.
WORKER = (
    r"[A-Za-z]{1,3}[._-]?[0-9]{1,7}"
    r"|(?:medewerker|klantmanager|coordinator|teamleider|toetser|jurist|beheerder)-[0-9]{1,4}"
    r"|mw-[0-9a-f]{12}"
)
INSTRUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "zrm": "Zelfredzaamheid-Matrix",
        "zelfredzaamheid-9": "negen thema's van zelfredzaamheid",
        "ander": "een ander instrument",
    }
)
# A form that takes one of these takes any name.
_NAMES = ("jansen", "Jansen", "JANSEN", "de-vries", "jan.de.vries", "Jansen-1983", "jansen83", "m_jansen_1")


def takes_names(form: str) -> bool:
    """Whether a form would let a name of a person pass as a code."""
    return any(re.fullmatch(form, name) for name in _NAMES)
