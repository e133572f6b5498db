"""What a task asks, by its subject: what to do, within how many working days, and what waiting costs.

A message must not tell the doelgroep of a resident (domain 6.2), so these say what to do and not for whom. The
working days are a product choice: no source sets them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from adapters.messages.text_rules import forbidden_to_all, looks_like_amount
from milestones.profiles import LIFE_PHASE, PERSONA, TARGET_GROUP, words_of
from milestones.vocabulary import (
    CONTACT_PERSON,
    DECISION,
    DECISION_WITHOUT_ORDINANCE,
    FIRST_TALK,
    RELOCATION,
    SCORES_LATER,
    SILENCE,
    URGENT_TALK,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.policy import Policy


@dataclass(frozen=True, slots=True)
class TaskText:
    """A task in words. With `terms` the first of these that runs says until when, and `within` counts otherwise."""

    asks: str
    within: int
    otherwise: str
    terms: tuple[str, ...] = ()


_FIRST_TALK = (URGENT_TALK, FIRST_TALK)
_UNKNOWN = TaskText("kijk naar deze zaak", 5, "Dan blijft er werk liggen")
TASKS: Mapping[str, TaskText] = MappingProxyType(
    {
        "brieven_nakijken": TaskText(
            "houd alle brieven aan deze inwoner tegen en kijk ze na",
            1,
            "Dan krijgt de familie een brief die pijn doet",
        ),
        "tweede_beoordeling": TaskText(
            "geef een tweede oordeel over het antwoord van een collega",
            3,
            "Dan gaat het besluit niet door, en lopen de termijnen verder",
            (DECISION, DECISION_WITHOUT_ORDINANCE),
        ),
        "stilte_bespreken": TaskText(
            "kijk waarom de inwoner niet reageert en hoe je weer contact krijgt",
            10,
            "Dan raakt de inwoner uit beeld, terwijl de zaak nog loopt",
            (SILENCE,),
        ),
        "besluit_herzien": TaskText(
            "doe wat er na het bezwaar moet gebeuren: de inwoner kreeg gelijk",
            5,
            "Dan krijgt de inwoner niet waar hij recht op heeft",
        ),
        "verhuizing_kiezen": TaskText(
            "kies: de zaak houden of overdragen. De inwoner verhuist",
            10,
            "Dan weet niemand welke gemeente helpt",
            (RELOCATION,),
        ),
        "contactpersoon_toewijzen": TaskText(
            "wijs een vaste contactpersoon aan",
            5,
            "Dan weet de inwoner niet wie hij kan bellen",
            (CONTACT_PERSON,),
        ),
        "meting_invullen": TaskText(
            "vul de negen scores van de meting in",
            5,
            "Dan zien we niet of het beter gaat",
            (SCORES_LATER,),
        ),
        "aanbod_nagaan": TaskText("kijk welk aanbod het best past", 10, "Dan sluit de hulp niet aan"),
        "tolk_regelen": TaskText(
            "regel wat nodig is voor het eerste gesprek",
            3,
            "Dan gaat het gesprek niet door, en de wet geeft geen extra tijd",
            _FIRST_TALK,
        ),
        "brieven_vertalen": TaskText(
            "zorg dat de inwoner onze brieven begrijpt", 5, "Dan weet de inwoner niet wat hij moet doen"
        ),
        "langere_afspraak": TaskText(
            "plan meer tijd voor het gesprek", 3, "Dan is er een tweede gesprek nodig", _FIRST_TALK
        ),
        "school_of_duo_betrekken": TaskText(
            "kijk wie je bij deze zaak betrekt", 10, "Dan mist de inwoner hulp die er wel is"
        ),
        "inburgering_betrekken": TaskText(
            "kijk wie je bij deze zaak betrekt", 10, "Dan mist de inwoner hulp die er wel is"
        ),
        "adviseur_ondernemers": TaskText(
            "vraag een adviseur om mee te kijken", 5, "Dan past het plan misschien niet"
        ),
        "korter_contactritme": TaskText("spreek de inwoner vaker", 5, "Dan raken we het contact kwijt"),
        "zakelijke_schulden_markeren": TaskText(
            "kijk of alles in de zaak goed is gemarkeerd", 10, "Dan klopt het overzicht niet"
        ),
        "rechtmatig_verblijf_nagaan": TaskText(
            "kijk welke gegevens je nog moet nagaan", 5, "Dan komt het besluit in de knel"
        ),
        "hulp_voor_kinderen_nagaan": TaskText(
            "kijk welke hulp er verder nodig is", 10, "Dan mist iemand hulp die er wel is"
        ),
        "verantwoordelijk_college_nagaan": TaskText(
            "kijk na welke gemeente deze zaak doet", 2, "Dan wacht de inwoner op de verkeerde gemeente"
        ),
    }
)


def task_text(subject: str | None, policy: Policy) -> TaskText:
    """Return the words of a task; one that nobody wrote words for asks to look at the case.

    What a municipality asks for a life phase, a persona or a doelgroep stands in its policy; words that no message
    may hold are not used.
    """
    kind, _, rest = (subject or "").partition(":")
    profiles = {LIFE_PHASE: policy.life_phases, PERSONA: policy.personas, TARGET_GROUP: policy.offers}.get(
        kind
    )
    if profiles is None:
        return TASKS.get(subject or "", _UNKNOWN)
    code, _, place = rest.rpartition(":")
    words = words_of(profiles, code, place)
    if words is None or forbidden_to_all(words) or looks_like_amount(words):
        return _UNKNOWN
    return replace(_UNKNOWN, asks=words.rstrip("."))
