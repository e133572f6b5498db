"""The views of a coordinator, as data: each is a filter on tags that shows every run, whatever its age.

We lead people to the second UI (decision 9). The addresses hold the filter twice: the second UI reads `tags`, and
shows every age when no range is given; the first reads `tag` and a range of dates. The second shows runs that have
any of the tags, the first those that have all; so a view has one tag wherever it can, and of several the second UI
gets the first alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flows.tags import (
    CANCEL_ASKED,
    CRISIS_TAG,
    HANDOFF_TAG,
    LATE,
    OPEN,
    PARTNER,
    SECOND_OPINION_TAG,
    THIS_WEEK,
    UNOWNED,
)
from milestones.definitions import DEFINITIONS

# Prefect has no "always": these two days stand for it.
FIRST_DAY, LAST_DAY = "2020-01-01T00:00:00.000Z", "2100-01-01T00:00:00.000Z"
REVIEW_TAG = "kwaliteitstoets"
ACTION_TAG = "actie"  # of the deployments with which a coordinator does something, and of their runs


@dataclass(frozen=True, slots=True)
class View:
    """One view: its name, the question that it answers, and its tags."""

    name: str
    question: str
    tags: tuple[str, ...]


VIEWS: tuple[View, ...] = (
    View("Te laat", "Welke termijnen zijn voorbij?", (LATE,)),
    View("Deze week", "Wat eindigt uiterlijk zondag?", (THIS_WEEK,)),
    View("Crisis", "Waar is een bedreigende situatie?", (CRISIS_TAG,)),
    View("Zonder eigenaar", "Welke zaak heeft nog niemand?", (UNOWNED,)),
    View("Wacht op overdracht", "Welke overdracht is nog niet aanvaard?", (HANDOFF_TAG,)),
    View("Wacht op partner", "Waar wachten we op een ander?", (PARTNER,)),
    View("Tweede beoordeling", "Welk besluit wacht op een tweede mens?", (SECOND_OPINION_TAG,)),
    View("Annuleren gevraagd", "Waar drukte iemand op Cancel?", (CANCEL_ASKED,)),
    View("Kwaliteitstoets", "Welke besluiten staan klaar voor een toets?", (REVIEW_TAG,)),
    View("Alles wat open is", "Wat loopt er, hoe oud ook?", (OPEN,)),
)
BY_MILESTONE: tuple[View, ...] = tuple(
    View(
        f"{code} {definition.name}" if code.lower() != definition.name.lower() else definition.name,
        f"Wat is open in {definition.name}?",
        (code,),
    )
    for code, definition in DEFINITIONS.items()
)


def address(*tags: str) -> str:
    """Return the address of the run list with these tags, the one that matters most first, seen from an artifact."""
    always = {"type": "range", "startDate": FIRST_DAY, "endDate": LAST_DAY}
    words = [*(("tag", tag) for tag in tags), ("tags", tags[0]), *always.items()]
    return f"../../runs?{urlencode(words)}"
