"""The questions that colleagues answer about each other's cases, with scores from 1 to 5; no text about anybody.

A municipality may have its own list, in its policy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from milestones.event_fields import BOTTLENECKS
from milestones.policy_plans import ELEMENT_CODES
from milestones.policy_values import PolicyError, named, sentence

LOWEST, HIGHEST = 1, 5
FINDING = 2  # a score of this or less is a finding
_CODE = re.compile(r"[a-z][a-z_]{0,23}")
_KEYS = {"code", "label", "vraag", "element", "knelpunt"}


@dataclass(frozen=True, slots=True)
class Question:
    """One question: its code in the answers, a short label for the monitor, and what is asked.

    `element` is the element of the basisdienstverlening that it is about; a low score is reported as `bottleneck`.
    """

    code: str
    label: str
    text: str
    element: str | None = None
    bottleneck: str | None = None


QUESTIONS = (
    Question("hulpvraag", "Hulpvraag", "Is duidelijk wat de inwoner zelf vraagt en wil bereiken?", "5"),
    Question("termijn", "Termijnen", "Is op tijd gehandeld, en is een vertraging uitgelegd?"),
    Question("motivering", "Motivering", "Is het besluit goed en begrijpelijk gemotiveerd?", "7"),
    Question("plan", "Plan van aanpak", "Past het plan bij de doelen en de mogelijkheden van de inwoner?", "7"),
    Question(
        "contact", "Contact", "Is persoonlijk contact gehouden, op een manier die past bij de inwoner?", "2"
    ),
    Question("overdracht", "Overdracht", "Zijn overdrachten zonder gat verlopen?"),
)  # fmt: skip


def questions_from(value: object) -> tuple[Question, ...]:
    """Read the own questions of a municipality; what is wrong is a PolicyError with its place."""
    if not isinstance(value, list | tuple) or not value:
        raise PolicyError(
            "Beleid: schrijf een vraag als [[kwaliteitsvragen]], met 'code', 'label' en 'vraag'.",
            "kwaliteitsvragen",
        )
    found = tuple(_question(number, item) for number, item in enumerate(value))
    codes = [question.code for question in found]
    for number, code in enumerate(codes):
        if code in codes[:number]:
            raise PolicyError(
                f"Beleid: 'kwaliteitsvragen': de code '{code}' staat er twee keer.",
                "kwaliteitsvragen",
                number,
            )
    return found


def _question(number: int, value: object) -> Question:
    key = f"kwaliteitsvragen[{number + 1}]"
    place = ("kwaliteitsvragen", number)
    if not isinstance(value, Mapping) or not set(value) <= _KEYS:
        raise PolicyError(f"Beleid: '{key}' heeft {', '.join(sorted(_KEYS))}.", *place)
    code = value.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise PolicyError(
            f"Beleid: '{key}.code' is kort: kleine letters en liggende streepjes.", *place, "code"
        )
    return Question(
        code,
        named(f"{key}.label", value.get("label")),
        sentence(f"{key}.vraag", value.get("vraag")),
        _one_of(f"{key}.element", value.get("element"), ELEMENT_CODES),
        _one_of(f"{key}.knelpunt", value.get("knelpunt"), BOTTLENECKS),
    )


def _one_of(key: str, value: object, allowed: tuple[str, ...]) -> str | None:
    if value is None or value in allowed:
        return None if value is None else str(value)
    raise PolicyError(f"Beleid: '{key}' is een van: {', '.join(allowed)}.")
