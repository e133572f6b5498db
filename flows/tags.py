"""The tags of a flow run: one fixed scheme, as data. Coordinators filter on them; nothing else may be a tag.

The state filter of the first UI offers only Prefect's own state names, and a tag filter in the second means "one of
these". So each question that a coordinator asks has a tag of its own, and a run that has ended keeps none of the
tags of open work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from milestones.roles import dutch_role
from milestones.terms import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from milestones.policy import Policy

_SUNDAY = 6
_WITHOUT_ACCENTS = str.maketrans("áàäâéèëêíïóòöôúü", "aaaaeeeeiioooouu")

OPEN = "open"
LATE = "te-laat"
THIS_WEEK = "deze-week"
CRISIS_TAG = "crisis"
UNOWNED = "zonder-eigenaar"
HANDOFF_TAG = "wacht-op-overdracht"
PARTNER = "wacht-op-partner"
CANCEL_ASKED = "annuleren-gevraagd"
SECOND_OPINION_TAG = "tweede-beoordeling"
DONE = "afgerond"
REPLACED = "vervangen"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the tags of one process hang on."""

    code: str
    municipality: str
    role: str
    closed: bool
    route_names: tuple[str, ...] = ()
    target_groups: tuple[str, ...] = ()
    contact: str | None = None
    deputy: str | None = None
    threatened: bool = False
    offered: bool = False
    waits_on_partner: bool = False
    cancel_asked: bool = False
    second_opinion: bool = False
    dues: tuple[date, ...] = ()
    today: date = date.min


@dataclass(frozen=True, slots=True)
class Tag:
    """One kind of tag: how it looks, what it says to a coordinator, and when a run has it."""

    looks_like: str
    meaning: str
    values: Callable[[Facts], Iterable[str]]
    of_open_runs: bool = True
    changes_with_time: bool = False


def _if(condition: Callable[[Facts], bool], tag: str) -> Callable[[Facts], Iterable[str]]:
    return lambda facts: (tag,) if condition(facts) else ()


def _each(prefix: str, names: Callable[[Facts], Iterable[str | None]]) -> Callable[[Facts], Iterable[str]]:
    return lambda facts: (f"{prefix}:{slug(name)}" for name in names(facts) if name)


def _late(facts: Facts) -> bool:
    """Whether the last day of a term is over."""
    return any(due < facts.today for due in facts.dues)


def _this_week(facts: Facts) -> bool:
    """Whether a term ends from today to Sunday."""
    sunday = facts.today + timedelta(days=_SUNDAY - facts.today.weekday())
    return any(facts.today <= due <= sunday for due in facts.dues)


SCHEME: tuple[Tag, ...] = (
    Tag(OPEN, "Loopt nog: er moet iets gebeuren.", _if(lambda _: True, OPEN)),
    Tag(
        "M3",
        "In deze mijlpaal (M1 tot en met M8, BEGELEIDING, WSNP of BESLUIT).",
        lambda facts: (facts.code,),
    ),
    Tag("aanmelding", "De naam die mensen gebruiken voor dit deel.", lambda facts: facts.route_names),
    Tag("rol:klantmanager", "Deze rol is nu aan zet.", _each("rol", lambda facts: (dutch_role(facts.role),))),
    Tag("contact:mw-17", "Deze medewerker heeft de zaak.", _each("contact", lambda facts: (facts.contact,))),
    Tag(
        "vervanger:mw-18",
        "De medewerker is afwezig; deze collega neemt waar.",
        _each("vervanger", lambda facts: (facts.deputy,)),
        changes_with_time=True,
    ),
    Tag(UNOWNED, "Niemand heeft de zaak: wijs haar toe.", _if(lambda facts: not facts.contact, UNOWNED)),
    Tag(LATE, "Een termijn is voorbij.", _if(_late, LATE), changes_with_time=True),
    Tag(
        THIS_WEEK,
        "Een termijn eindigt deze week, vandaag of later.",
        _if(_this_week, THIS_WEEK),
        changes_with_time=True,
    ),
    Tag(
        "uiterlijk:2026-04-07",
        "De eerste dag waarop een termijn eindigt.",
        lambda facts: (f"uiterlijk:{min(facts.dues).isoformat()}",) if facts.dues else (),
    ),
    Tag(CRISIS_TAG, "Er is een bedreigende situatie.", _if(lambda facts: facts.threatened, CRISIS_TAG)),
    Tag(
        HANDOFF_TAG,
        "Overgedragen; de ontvanger moet nog aanvaarden.",
        _if(lambda facts: facts.offered, HANDOFF_TAG),
    ),
    Tag(PARTNER, "Wacht op iemand buiten de gemeente.", _if(lambda facts: facts.waits_on_partner, PARTNER)),
    Tag(
        CANCEL_ASKED,
        "Iemand drukte op Cancel: bevestig of weiger dat.",
        _if(lambda facts: facts.cancel_asked, CANCEL_ASKED),
    ),
    Tag(
        SECOND_OPINION_TAG,
        "Een besluit wacht op een tweede mens.",
        _if(lambda facts: facts.second_opinion, SECOND_OPINION_TAG),
    ),
    Tag(
        "doelgroep:jongere",
        "Hoort bij deze doelgroep.",
        _each("doelgroep", lambda facts: facts.target_groups),
    ),
    Tag(
        "gemeente:0518",
        "Van deze gemeente (gemeentecode).",
        _each("gemeente", lambda facts: (facts.municipality,)),
        of_open_runs=False,
    ),
    Tag(DONE, "Dit deel van de route is klaar.", _if(lambda facts: facts.closed, DONE), of_open_runs=False),
    Tag(
        "was:M3",
        "Klaar in deze mijlpaal.",
        lambda facts: (f"was:{facts.code}",) if facts.closed else (),
        of_open_runs=False,
    ),
    Tag(
        REPLACED,
        "Deze run is geannuleerd; voor de zaak loopt een nieuwe.",
        lambda _: (),
        of_open_runs=False,
    ),
)


def tags_of(facts: Facts) -> tuple[str, ...]:
    """Return the tags of a run."""
    return tuple(
        dict.fromkeys(
            value for tag in SCHEME if not (facts.closed and tag.of_open_runs) for value in tag.values(facts)
        )
    )


def with_time(tags: Iterable[str], facts: Facts) -> frozenset[str]:
    """Return known tags with those that hang on today's date brought up to date."""
    timely = [tag for tag in SCHEME if tag.changes_with_time]
    prefixes = tuple(tag.looks_like.partition(":")[0] + ":" for tag in timely if ":" in tag.looks_like)
    plain = {tag.looks_like for tag in timely}
    kept = {tag for tag in tags if tag not in plain and not tag.startswith(prefixes)}
    return frozenset(kept | {value for tag in timely for value in tag.values(facts)})


def duties(dues: Iterable[tuple[str, date]], policy: Policy) -> tuple[date, ...]:
    """Return the ends of terms by which somebody must act; a window that runs out is no duty."""
    return tuple(due for term, due in dues if policy.term(term).kind is Kind.DUTY)


def slug(text: str) -> str:
    """Return a text as a tag value: no spaces and no accents, and the letters of a code as they are."""
    return text.translate(_WITHOUT_ACCENTS).replace(" ", "-")
