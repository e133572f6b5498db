"""Who receives messages: people, teams, and who has which role in which municipality.

`deployments/voorbeeld_ontvangers.toml` shows every setting; `recipients_reading` reads such a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from adapters.messages.message_kinds import CRISIS, MESSAGE_KINDS

EVERY_MUNICIPALITY = "*"
DAYS = ("ma", "di", "wo", "do", "vr", "za", "zo")


class Wish(StrEnum):
    """How a recipient wants a kind of message."""

    DIRECT = "direct"
    DIGEST = "bundel"
    NONE = "niet"


def _as_time(value: object) -> time:
    """Let people write "08:30" where TOML itself wants 08:30:00; a time on the clock has no zone."""
    with suppress(ValueError):
        moment = time.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, time) and moment.tzinfo is None:
            return moment
    raise ValueError("schrijf een tijd als 08:30")


_Moment = Annotated[time, BeforeValidator(_as_time)]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
ChannelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
_Kind = Literal[(*MESSAGE_KINDS, CRISIS)]  # type: ignore[valid-type]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkingHours(_Strict):
    """When somebody reads messages; on holidays only who says so, such as a desk that is always there."""

    dagen: tuple[Literal["ma", "di", "wo", "do", "vr", "za", "zo"], ...] = ("ma", "di", "wo", "do", "vr")
    van: _Moment = time(8, 0)
    tot: _Moment = time(17, 30)
    ook_feestdagen: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> WorkingHours:
        if not self.dagen or self.van >= self.tot:
            raise ValueError("werktijden hebben minstens één dag, en 'van' ligt voor 'tot'")
        return self


class Absence(_Strict):
    """A period of absence, both days included."""

    van: date
    tot: date

    @model_validator(mode="after")
    def _in_order(self) -> Absence:
        if self.tot < self.van:
            raise ValueError("een afwezigheid eindigt niet voor zij begint")
        return self


class Recipient(_Strict):
    """Who can receive a message: his channels in order, his hours, and what he wants to get."""

    code: Code
    kanalen: Mapping[ChannelName, SecretStr] = Field(default_factory=dict)
    werktijden: WorkingHours | None = None
    voorkeur: Mapping[_Kind, Wish] = Field(default_factory=dict)

    def wish(self, kind: str, *, urgent: bool) -> Wish:
        """Return how this recipient wants a kind of message; a threatening situation is never put in a digest."""
        if not urgent:
            return self.voorkeur.get(kind, Wish.DIRECT)
        return Wish.NONE if self.voorkeur.get(CRISIS) is Wish.NONE else Wish.DIRECT


class Person(Recipient):
    """One person, by a code; perhaps in a team, perhaps away with somebody in his place."""

    team: Code | None = None
    afwezig: tuple[Absence, ...] = ()
    vervanger: Code | None = None

    def is_away(self, day: date) -> bool:
        """Whether the person is absent on a day."""
        return any(item.van <= day <= item.tot for item in self.afwezig)


class Team(Recipient):
    """A team with channels of its own, such as a shared mailbox."""


class Municipality(_Strict):
    """Who has which role in a municipality: codes of people and teams."""

    code: Annotated[str, Field(pattern=r"^([0-9]{4}|\*)$")]
    rollen: Mapping[str, tuple[Code, ...]] = Field(default_factory=dict)


class House(_Strict):
    """What holds for everyone, unless a recipient has something of his own."""

    werktijden: WorkingHours = WorkingHours()
    bundel_om: _Moment = time(8, 30)
    # So many messages to one person within an hour become one digest, sent after so many minutes.
    bundel_vanaf: Annotated[int, Field(ge=2, strict=True)] = 5
    bundel_minuten: Annotated[int, Field(ge=1, le=240, strict=True)] = 15
    link_dagen: Annotated[int, Field(ge=1, le=31, strict=True)] = 7
    # A hand-off in a threatening situation that nobody accepted within so many hours goes to the coordinator.
    crisis_uren: Annotated[int, Field(ge=1, le=8, strict=True)] = 2
    geen_berichten_aan: tuple[str, ...] = ()


# Who hears of the first, second and any later warning of a term. A name is a role, "persoon" or "team".
PERSON, TEAM = "persoon", "team"
DEFAULT_LADDER = MappingProxyType(
    {1: (PERSON,), 2: (PERSON, TEAM), 3: (PERSON, TEAM, "coordinator", "team_leader")}
)


@dataclass(frozen=True)
class Book:
    """The recipients as they can be used. `configured` is false while there is no file at all."""

    people: Mapping[str, Person] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    roles: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    house: House = field(default_factory=House)
    ladder: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: DEFAULT_LADDER)
    configured: bool = True

    @cached_property
    def with_absences(self) -> tuple[tuple[str, Person], ...]:
        """The people who are ever away, by code."""
        return tuple((code, person) for code, person in self.people.items() if person.afwezig)

    def recipient(self, code: str) -> Recipient | None:
        """Return a person or team by its code."""
        return self.people.get(code) or self.teams.get(code)

    def holders(self, role: str, municipality: str) -> tuple[Recipient, ...]:
        """Return who has a role in a municipality, people and teams, in the order of the file."""
        codes = self.roles.get(municipality, {}).get(role) or self.roles.get(EVERY_MUNICIPALITY, {}).get(
            role, ()
        )
        return tuple(found for code in codes if (found := self.recipient(code)) is not None)

    def hours(self, recipient: Recipient) -> WorkingHours:
        """Return the working hours of a recipient."""
        return recipient.werktijden or self.house.werktijden

    def levels(self, rung: int) -> tuple[str, ...]:
        """Return who hears of the warning with this place in its ladder."""
        return self.ladder[min(rung, max(self.ladder))]
