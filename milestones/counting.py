"""Numbers with what they count, in Dutch: one zaak, two zaken."""

from __future__ import annotations

_MANY = {
    "zaak": "zaken",
    "vroegsignaalzaak": "vroegsignaalzaken",
    "vroegsignaal": "vroegsignalen",
    "signaal": "signalen",
    "regel": "regels",
    "eerdere regel": "eerdere regels",
    "journaalregel": "journaalregels",
    "mijlpaal": "mijlpalen",
    "bericht": "berichten",
    "termijn": "termijnen",
    "lopende termijn": "lopende termijnen",
    "artikel": "artikelen",
    "proces": "processen",
    "open proces": "open processen",
    "formulier": "formulieren",
    "dag": "dagen",
    "goedkeuring": "goedkeuringen",
    "eigen keuze": "eigen keuzes",
    "uitspraak": "uitspraken",
    "flow run": "flow runs",
    "oude versie van een pagina": "oude versies van pagina's",
    "oud formulier": "oude formulieren",
    "oude taak": "oude taken",
}


def so_many(number: int, what: str) -> str:
    """Return a number with what it counts, such as "1 zaak"."""
    return f"{number} {what if number == 1 else _MANY[what]}"


def is_or_are(number: int, one: str = "is", many: str = "zijn") -> str:
    """Return the verb that fits a number."""
    return one if number == 1 else many
