"""What changes for a doelgroep (domain 4.10): tasks as data; lengths stand with the terms as variants.

All of it is a product proposal (P) but for the crisis list and the four weeks of an ondernemer.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from milestones.definition import Task
from milestones.references import cite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.references import Reference


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """A doelgroep: its Dutch name, what must be done, and where that comes from."""

    code: str
    name: str
    tasks: tuple[Task, ...]
    source: str
    confidence: str
    references: tuple[Reference, ...] = ()


_ROWS = (
    TargetGroup(
        "ondernemer",
        "ondernemer",
        (
            Task("debt_counsellor", "zakelijke_schulden_markeren"),
            Task("debt_counsellor", "adviseur_ondernemers"),
        ),
        "DDAS schuldhulpverlening (zakelijkeSchuld); NVVK Module Crisisinterventie: vier weken",
        "V",
    ),
    TargetGroup(
        "jongere",
        "jongere",
        (Task("budget_coach", "school_of_duo_betrekken"), Task("budget_coach", "korter_contactritme")),
        "ouders krijgen niet vanzelf bericht (18+)",
        "P",
    ),
    TargetGroup(
        "anderstalig",
        "anderstalig",
        (
            Task("case_worker", "tolk_regelen"),
            Task("case_worker", "brieven_vertalen"),
            Task("case_worker", "langere_afspraak"),
        ),
        "de termijn wordt niet langer",
        "P",
    ),
    TargetGroup(
        "andere culturele achtergrond",
        "andere culturele achtergrond",
        (Task("case_worker", "aanbod_nagaan"),),
        "basisdienstverlening element 6: een eigen aanbod; de taak is een productkeuze",
        "P",
    ),
    TargetGroup(
        "statushouder",
        "statushouder",
        (
            Task("debt_counsellor", "rechtmatig_verblijf_nagaan"),
            Task("debt_counsellor", "inburgering_betrekken"),
        ),
        "Wgs art. 3 lid 4; ontbrekende gegevens van BRP of toeslagen zijn nooit een grond voor weigering",
        "P",
        (cite("Wgs", "3", "4", "vreemdeling", "rechtmatig"),),
    ),
    TargetGroup(
        "gezin",
        "gezin met minderjarige kinderen",
        (Task("debt_counsellor", "hulp_voor_kinderen_nagaan"),),
        "Wgs art. 2 lid 4 onder e",
        "V",
        (
            cite(
                "Wgs", "2", "4", "e. hoe schuldhulpverlening aan gezinnen met inwonende minderjarige kinderen"
            ),
        ),
    ),
    TargetGroup(
        "dakloos",
        "dakloos of zonder vast adres",
        (Task("debt_counsellor", "verantwoordelijk_college_nagaan"),),
        "Wgs art. 3 lid 5: ook wie geen inwoner is, in bijzondere omstandigheden",
        "V",
        (cite("Wgs", "3", "5", "bijzondere omstandigheden", "geen inwoner", "andere gemeente"),),
    ),
)

TARGET_GROUPS: Mapping[str, TargetGroup] = MappingProxyType({row.code: row for row in _ROWS})


def tasks_for(group: object) -> tuple[Task, ...]:
    """Return the tasks that belong to a doelgroep; none for one without tasks of its own."""
    known = TARGET_GROUPS.get(group) if isinstance(group, str) else None
    return known.tasks if known else ()
