"""The questions that colleagues answer about each other's cases, with scores from 1 to 5; no text about anybody.

A municipality may have its own list, in its policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from milestones.event_fields import BOTTLENECKS
from milestones.policy_plans import ELEMENT_CODES
from milestones.policy_values import PolicyError, named, sentence, standing_at

LOWEST, HIGHEST = 1, 5
FINDING = 2  # a score of this or less is a finding
_CODE = re.compile(r"[a-z][a-z_]{0,23}")
_T = TypeVar("_T")
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


# A municipality that wants a cause of its own behind a low score names it with its own questions.
QUESTIONS = tuple(
    Question(code, label, text, element, "anders")
    for code, label, text, element in (
        ("hulpvraag", "Hulpvraag", "Is duidelijk wat de inwoner zelf vraagt en wil bereiken?", "5"),
        ("termijn", "Termijnen", "Is op tijd gehandeld, en is een vertraging uitgelegd?", None),
        ("motivering", "Motivering", "Is het besluit goed en begrijpelijk gemotiveerd?", "7"),
        ("plan", "Plan van aanpak", "Past het plan bij de doelen en de mogelijkheden van de inwoner?", "7"),
        (
            "contact", "Contact",
            "Is persoonlijk contact gehouden, op een manier die past bij de inwoner?", "2",
        ),
        ("overdracht", "Overdracht", "Zijn overdrachten zonder gat verlopen?", None),
    )
)  # fmt: skip


def questions_from(value: object) -> tuple[Question, ...]:
    """Read the own questions of a municipality; what is wrong is a PolicyError with its place in the list."""
    if not isinstance(value, list | tuple) or not value:
        raise PolicyError(
            "Beleid: schrijf een vraag als [[kwaliteitsvragen]], met 'code', 'label' en 'vraag'."
        )
    found: list[Question] = []
    for number, item in enumerate(value):
        with standing_at(number):
            question = _question(f"kwaliteitsvragen[{number + 1}]", item)
            if question.code in [known.code for known in found]:
                raise PolicyError(
                    f"Beleid: 'kwaliteitsvragen': de code '{question.code}' staat er twee keer.", "code"
                )
        found.append(question)
    return tuple(found)


def _question(key: str, value: object) -> Question:
    if not isinstance(value, Mapping) or not set(value) <= _KEYS:
        raise PolicyError(f"Beleid: '{key}' heeft {', '.join(sorted(_KEYS))}.")

    def read(part: str, reader: Callable[[str, object], _T]) -> _T:
        with standing_at(part):
            return reader(f"{key}.{part}", value.get(part))

    return Question(
        read("code", _code),
        read("label", named),
        read("vraag", sentence),
        read("element", partial(_one_of, ELEMENT_CODES)),
        read("knelpunt", partial(_one_of, BOTTLENECKS)),
    )


def _code(key: str, value: object) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise PolicyError(f"Beleid: '{key}' is kort: kleine letters en liggende streepjes.")
    return value


def _one_of(allowed: tuple[str, ...], key: str, value: object) -> str | None:
    if value is None or value in allowed:
        return None if value is None else str(value)
    raise PolicyError(f"Beleid: '{key}' is een van: {', '.join(allowed)}.")
