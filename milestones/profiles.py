"""Life phases and persona's: codes of the municipality's own list, with the tasks that it hangs on each.

The routekaart is walked through with local persona's and life phases, as in Venlo; Venlo's own list stands in no source
that we could read. What stands here is a product choice to begin with: a municipality puts its own list in its policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from milestones.definition import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.vocabulary import Role

LIFE_PHASE, PERSONA, TARGET_GROUP = "levensfase", "persona", "doelgroep"


@dataclass(frozen=True, slots=True)
class Profile:
    """A life phase or a persona: its Dutch name, and what it asks of which role, in words."""

    code: str
    name: str
    asks: tuple[tuple[Role, str], ...] = ()


def tasks_of(kind: str, profile: Profile) -> tuple[Task, ...]:
    """Return the tasks of a profile; the subject of each names the profile and the place in its list."""
    return tuple(Task(role, f"{kind}:{profile.code}:{place}") for place, (role, _) in enumerate(profile.asks))


def words_of(profiles: Mapping[str, Profile], code: str, place: str) -> str | None:
    """Return what a task of a profile asks; None when the list does not have it any more."""
    known = profiles.get(code)
    if known is None or not place.isdigit() or int(place) >= len(known.asks):
        return None
    return known.asks[int(place)][1]


def _table(*rows: Profile) -> Mapping[str, Profile]:
    return MappingProxyType({row.code: row for row in rows})


LIFE_PHASES = _table(
    Profile("jongvolwassen", "net volwassen"),
    Profile("gezin-start", "samenwonen of een kind"),
    Profile("scheiding", "uit elkaar"),
    Profile("werk-kwijt", "werk verloren"),
    Profile("gezondheid", "minder gezond"),
    Profile("pensioen", "met pensioen"),
    Profile("verlies", "partner verloren"),
)
PERSONAS = _table(
    Profile("redt-zich", "redt zich met een duwtje"),
    Profile("overzicht-kwijt", "is het overzicht kwijt"),
    Profile("zoekt-geen-hulp", "zoekt geen hulp"),
    Profile("lang-vast", "zit al lang vast"),
)
