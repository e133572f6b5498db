"""Who gets a message, and when: roles, ladder, absence and deputies, wishes, and working hours. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import TYPE_CHECKING

from adapters.messages.message_kinds import CANNOT_BE_SWITCHED_OFF
from adapters.messages.recipients import DAYS, PERSON, TEAM, Person, Team, Wish
from milestones.roles import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.messages.recipients import Book, Recipient, WorkingHours
    from milestones.calendar import Calendar

# Who is asked when a role has nobody, or when nobody could be reached.
LAST_RESORTS = ("coordinator", "team_leader")


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient of one message, the role in which he gets it, and why he is one."""

    recipient: Recipient
    role: str
    reason: str


def addressees(
    book: Book,
    role: str,
    municipality: str,
    today: date,
    levels: Iterable[str] = (PERSON,),
    responsible: str | None = None,
) -> list[Addressee]:
    """Return who gets a message for a role.

    `levels` says how far up it goes; `responsible` is the person who has the case, when messages for this role
    are his. A role without anybody who is there goes to the team, and then to the coordinator or teamleider.
    """
    found: dict[str, Addressee] = {}
    for level in levels:
        for item in _at_level(book, level, role, municipality, today, responsible):
            found.setdefault(item.recipient.code, item)
    if not found and role not in OUTSIDE:
        for item in fall_back(book, role, municipality, today):
            found.setdefault(item.recipient.code, item)
    return list(found.values())


def fall_back(
    book: Book,
    role: str,
    municipality: str,
    today: date,
    levels: Iterable[str] = (TEAM, *LAST_RESORTS),
    without: Iterable[str] = (),
) -> list[Addressee]:
    """Return who is asked when nobody of a role is there or can be reached: the first level that can be."""
    left_out = set(without)
    for level in levels:
        found = [
            replace(item, reason=f"vangnet: {level}")
            for item in _at_level(book, level, role, municipality, today, None)
            if item.recipient.kanalen and item.recipient.code not in left_out
        ]
        if found:
            return found
    return []


def _at_level(
    book: Book, level: str, role: str, municipality: str, today: date, responsible: str | None
) -> list[Addressee]:
    if level == PERSON:
        return _people(book, role, municipality, today, responsible, PERSON)
    if level == TEAM:
        return _teams(book, role, municipality, responsible)
    return _people(book, level, municipality, today, None, level)


def _people(
    book: Book, role: str, municipality: str, today: date, responsible: str | None, reason: str
) -> list[Addressee]:
    """Return the person who took the case, or everyone with the role; a deputy for who is away.

    While none of these people is there, it is for the teams that have the role.
    """
    known = book.people.get(responsible or "")
    holders = book.holders(role, municipality) if known is None else (known,)
    found = [
        Addressee(there, role, reason if there is person else f"vervanger van {person.code}")
        for person in holders
        if isinstance(person, Person) and (there := present(book, person, today)) is not None
    ]
    return found or [Addressee(team, role, TEAM) for team in holders if isinstance(team, Team)]


def _teams(book: Book, role: str, municipality: str, responsible: str | None) -> list[Addressee]:
    known = book.people.get(responsible or "")
    holders = (known,) if known is not None and known.team else book.holders(role, municipality)
    codes = [item.code for item in holders if isinstance(item, Team)]
    codes += [item.team for item in holders if isinstance(item, Person) and item.team]
    return [Addressee(book.teams[code], role, TEAM) for code in dict.fromkeys(codes)]


def present(book: Book, person: Person, day: date) -> Person | None:
    """Return the person, or the first deputy in his line who is there; None when nobody is, or in a loop."""
    seen: set[str] = set()
    current: Person | None = person
    while current is not None and current.code not in seen:
        if not current.is_away(day):
            return current
        seen.add(current.code)
        current = book.people.get(current.vervanger or "")
    return None


def willing(
    found: list[Addressee], kind: str, *, urgent: bool, unless_said: bool = False
) -> list[tuple[Addressee, Wish]]:
    """Return who wants a message and how; what cannot be switched off for everyone then reaches all of them.

    With `unless_said` it goes into the digest of the day of whoever has no wish about its kind.
    """
    usual = Wish.DIGEST if unless_said and not urgent else Wish.DIRECT
    wishes = [
        (
            item,
            item.recipient.wish(kind, urgent=urgent) if urgent else item.recipient.voorkeur.get(kind, usual),
        )
        for item in found
    ]
    wanted: list[tuple[Addressee, Wish]] = [(item, wish) for item, wish in wishes if wish is not Wish.NONE]
    if wanted:
        return wanted
    if urgent or kind in CANNOT_BE_SWITCHED_OFF:
        return [(item, Wish.DIRECT) for item, _ in wishes]
    return []


def next_moment(hours: WorkingHours, moment: datetime, calendar: Calendar) -> datetime:
    """Return this moment when it lies within working hours, else the start of the next working day."""
    if _works(hours, moment.date(), calendar) and moment.time() < hours.tot:
        return max(moment, _at(moment, moment.date(), hours.van), key=datetime.timestamp)
    return next_morning(hours, moment, hours.van, calendar)


def next_morning(hours: WorkingHours, moment: datetime, at: time, calendar: Calendar) -> datetime:
    """Return this time of day on the first working day for which it still lies ahead."""
    days = (moment.date() + timedelta(days=ahead) for ahead in count())
    found = (_at(moment, day, at) for day in days if _works(hours, day, calendar))
    return next(candidate for candidate in found if candidate.timestamp() > moment.timestamp())


def _works(hours: WorkingHours, day: date, calendar: Calendar) -> bool:
    if DAYS[day.weekday()] not in hours.dagen:
        return False
    return hours.ook_feestdagen or calendar.why_not_working(day) in (None, "weekend")


def _at(moment: datetime, day: date, at: time) -> datetime:
    return datetime.combine(day, at, moment.tzinfo)
