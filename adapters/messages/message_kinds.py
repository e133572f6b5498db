"""The kinds of message, and which of them must always reach somebody."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HANDOFF = "overdracht"
NOT_ACCEPTED = "overdracht_niet_aanvaard"
NOTICE = "kennisgeving"
WARNING = "waarschuwing"
OVERDUE = "termijn_gemist"
# Told to the coordinator when a message reached nobody; not a kind that somebody can have a wish about.
UNDELIVERED = "niet_bezorgd"

KINDS = (
    HANDOFF,
    NOT_ACCEPTED,
    "nieuwe_zaak",
    NOTICE,
    "taak",
    WARNING,
    OVERDUE,
    "termijn_verstreken",
)
# The name under which a recipient says how he wants any message about a threatening situation.
CRISIS = "crisis"
# Nobody may be left without these: "niet" of everyone is not followed.
CANNOT_BE_SWITCHED_OFF = (CRISIS, OVERDUE, NOT_ACCEPTED)
# What a task asks, by its subject. A message must not tell the doelgroep of a resident (domain 6.2), so these say
# what to do and not for whom.
TASKS: Mapping[str, str] = MappingProxyType(
    {
        "brieven_nakijken": "houd alle brieven aan deze inwoner tegen en kijk ze na",
        "tolk_regelen": "regel wat nodig is voor het eerste gesprek",
        "brieven_vertalen": "zorg dat de inwoner onze brieven begrijpt",
        "langere_afspraak": "plan meer tijd voor het gesprek",
        "school_of_duo_betrekken": "kijk wie je bij deze zaak betrekt",
        "inburgering_betrekken": "kijk wie je bij deze zaak betrekt",
        "adviseur_ondernemers": "vraag een adviseur om mee te kijken",
        "korter_contactritme": "spreek de inwoner vaker",
        "zakelijke_schulden_markeren": "kijk of alles in de zaak goed is gemarkeerd",
        "rechtmatig_verblijf_nagaan": "kijk welke gegevens je nog moet nagaan",
        "hulp_voor_kinderen_nagaan": "kijk welke hulp er verder nodig is",
        "verantwoordelijk_college_nagaan": "kijk na welke gemeente deze zaak doet",
    }
)
# The term within which a hand-off must be accepted.
HANDOFF_TERM = "OVD"
# Terms that by their nature are about a threatening situation (domain 3.1).
CRISIS_TERMS = frozenset({"T02", "T02b", "T02c"})
