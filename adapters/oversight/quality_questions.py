"""The fixed questions of the quality sample. Answers are scores from 1 to 5; there is no text about anybody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """One question: its code in the answers, a short label for the monitor, and what is asked."""

    code: str
    label: str
    text: str


QUESTIONS = (
    Question("hulpvraag", "Hulpvraag", "Is duidelijk wat de inwoner zelf vraagt en wil bereiken?"),
    Question("termijn", "Termijnen", "Is op tijd gehandeld, en is een vertraging uitgelegd?"),
    Question("motivering", "Motivering", "Is het besluit goed en begrijpelijk gemotiveerd?"),
    Question("plan", "Plan van aanpak", "Past het plan bij de doelen en de mogelijkheden van de inwoner?"),
    Question("contact", "Contact", "Is persoonlijk contact gehouden, op een manier die past bij de inwoner?"),
    Question("overdracht", "Overdracht", "Zijn overdrachten zonder gat verlopen?"),
)
LOWEST, HIGHEST = 1, 5
