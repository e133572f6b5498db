"""Who works here and what each of them may do: roles per gemeentecode, in one file.

`ROUTEKAART_STAFF_FILE` names people by their code, never by a name:

    [mensen.mw-17]
    "0518" = ["klantmanager"]
    "*" = ["lezer"]

    [rollen]                      # only where a role differs from the default
    lezer = ["zien"]

    [aanmelden]                   # where a login service or a proxy says who somebody is
    code = "employeeid"
    groepen = "groups"
    gemeenten = "gemeentecode"

    [rollen_van_groepen.klantmanagers]
    "0518" = ["klantmanager"]
    gemeenten = ["lezer"]         # in the gemeenten that the login service names

A change counts with the next request. Without a file the one who may use this machine may do everything.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.runtime.actor import is_code
from adapters.runtime.privacy import may_tell_of_a_person
from adapters.runtime.settings import SettingsError
from adapters.runtime.toml_files import TomlError, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from milestones.vocabulary import Role

EVERY_PLACE = "*"
OF_LOGIN = "gemeenten"
"""In the place of a gemeentecode: those that the login service names for this person."""
_MUNICIPALITY_CODE = re.compile(r"[0-9]{4}", re.ASCII)
_PARTS = ("mensen", "rollen", "aanmelden", "rollen_van_groepen")
_CLAIMS = ("code", "groepen", "gemeenten")
_Word = TypeVar("_Word", bound=StrEnum)
_MUNICIPALITY = re.compile(r"[0-9]{4}|\*", re.ASCII)


class Right(StrEnum):
    """What somebody may do."""

    LOOK = "zien"
    ACT = "behandelen"
    DIVIDE = "verdelen"
    REVIEW = "beoordelen"
    AUDIT = "inzage"
    MANAGE = "beheren"


class StaffRole(StrEnum):
    """What somebody is, as the office names it."""

    READER = "lezer"
    CASE_WORKER = "klantmanager"
    COORDINATOR = "coördinator"
    TEAM_LEADER = "teamleider"
    QUALITY_REVIEWER = "kwaliteitstoetser"
    LEGAL_OFFICER = "jurist"
    OPERATOR = "beheerder"


DEFAULT_RIGHTS: Mapping[StaffRole, frozenset[Right]] = MappingProxyType(
    {
        StaffRole.READER: frozenset({Right.LOOK}),
        StaffRole.CASE_WORKER: frozenset({Right.LOOK, Right.ACT}),
        StaffRole.COORDINATOR: frozenset({Right.LOOK, Right.ACT, Right.DIVIDE, Right.REVIEW}),
        StaffRole.TEAM_LEADER: frozenset({Right.LOOK, Right.ACT, Right.DIVIDE, Right.REVIEW}),
        StaffRole.QUALITY_REVIEWER: frozenset({Right.LOOK, Right.REVIEW}),
        StaffRole.LEGAL_OFFICER: frozenset({Right.LOOK, Right.ACT, Right.REVIEW}),
        StaffRole.OPERATOR: frozenset(Right),
    }
)


# Which roles of the law's texts (milestones/roles.py) somebody has here. The file has one role for all who help the
# inwoner; a lezer and a beheerder decide nothing about people.
DECIDES_AS: Mapping[StaffRole, tuple[Role, ...]] = MappingProxyType(
    {
        StaffRole.READER: (),
        StaffRole.CASE_WORKER: (
            "case_worker",
            "debt_counsellor",
            "budget_coach",
            "settlement_officer",
            "early_signal_worker",
        ),
        StaffRole.COORDINATOR: ("coordinator",),
        StaffRole.TEAM_LEADER: ("team_leader",),
        StaffRole.QUALITY_REVIEWER: ("quality_reviewer",),
        StaffRole.LEGAL_OFFICER: ("legal_officer",),
        StaffRole.OPERATOR: (),
    }
)


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody who is in: a code, and roles and rights per gemeentecode; `*` stands for every gemeente."""

    code: str
    roles: Mapping[str, frozenset[StaffRole]]
    rights: Mapping[str, frozenset[Right]]
    owns_machine: bool = False

    def may(self, right: Right, municipality: str | None = None) -> bool:
        """Whether this person has a right in a gemeente; without one: in any gemeente."""
        if municipality is None:
            return any(right in found for found in self.rights.values())
        return right in self.rights.get(EVERY_PLACE, ()) or right in self.rights.get(municipality, ())

    @property
    def municipalities(self) -> frozenset[str] | None:
        """The gemeentecodes of which this person may see cases; None stands for every gemeente."""
        if self.may(Right.LOOK, EVERY_PLACE):
            return None
        return frozenset(code for code, found in self.rights.items() if Right.LOOK in found)

    def sees(self, municipality: str) -> bool:
        """Whether the cases of a gemeente exist for this person."""
        return self.may(Right.LOOK, municipality)

    def has_role(self, role: StaffRole, municipality: str) -> bool:
        """Whether this person has a role in a gemeente."""
        return role in self.roles.get(EVERY_PLACE, ()) or role in self.roles.get(municipality, ())

    @property
    def decides_as(self) -> Mapping[str, tuple[Role, ...]] | None:
        """The roles with which this person decides, per gemeentecode; None for the user of the machine, who is all."""
        if self.owns_machine:
            return None
        return {
            place: tuple(role for own in sorted(found) for role in DECIDES_AS[own])
            for place, found in self.roles.items()
        }


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Under which names a login service says who somebody is; for a proxy these are names of headers.

    Without a name for the code it is made from what the service calls the person.
    """

    code: str | None = None
    groups: str | None = None
    municipalities: str | None = None


@dataclass(frozen=True, slots=True)
class StaffBook:
    """Everybody whom the file names, what each role may do, and which roles come with groups of a login service."""

    people: Mapping[str, Mapping[str, frozenset[StaffRole]]]
    rights: Mapping[StaffRole, frozenset[Right]] = field(default_factory=lambda: DEFAULT_RIGHTS)
    groups: Mapping[str, Mapping[str, frozenset[StaffRole]]] = field(default_factory=dict)
    claims: ClaimNames = ClaimNames()

    def member(
        self, code: str, groups: Iterable[str] = (), municipalities: Iterable[str] = ()
    ) -> StaffMember | None:
        """Return who has this code, with the roles of the file and those of his groups; None when there are none."""
        given = [self.people[code]] if code in self.people else []
        given += [self.groups[group] for group in groups if group in self.groups]
        here = [place for place in municipalities if _MUNICIPALITY_CODE.fullmatch(place)]
        roles: dict[str, frozenset[StaffRole]] = {}
        for places in given:
            for place, found in places.items():
                for one in here if place == OF_LOGIN else [place]:
                    roles[one] = roles.get(one, frozenset()) | found
        return self.with_roles(code, roles) if roles else None

    def with_roles(self, code: str, roles: Mapping[str, frozenset[StaffRole]]) -> StaffMember:
        """Return who has these roles: those of the file, or those that a login service told."""
        rights = {
            place: frozenset[Right]().union(*(self.rights[role] for role in found))
            for place, found in roles.items()
        }
        return StaffMember(code, roles, rights)


def operator_of_machine(code: str) -> StaffMember:
    """Return who may use this machine as the service does: there is nothing to keep from him."""
    member = StaffBook({}).with_roles(code, {EVERY_PLACE: frozenset({StaffRole.OPERATOR})})
    return replace(member, owns_machine=True)


class StaffFile:
    """The file of staff as it stands now; a file that turned wrong leaves the last good one in force."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._book = StaffBook({})

    def book(self) -> StaffBook:
        """Return everybody whom the file names now; a SettingsError when it was never right."""
        if self.path is None:
            return self._book
        with self._lock:
            try:
                status = self.path.stat()
                stamp = (status.st_mtime_ns, status.st_size)
                if stamp != self._stamp:
                    self._book, self._stamp = read_staff(self.path), stamp
            except (OSError, SettingsError):
                if self._stamp is None:
                    read_staff(self.path)  # says what is wrong
        return self._book


def read_staff(path: Path) -> StaffBook:
    """Read a file of staff; a SettingsError with one sentence when it is not right."""
    try:
        content = read_toml(path)[0]
    except TomlError as error:
        raise SettingsError(error.sentence) from None
    except OSError as error:
        raise SettingsError(f"Het bestand {path} is niet te lezen ({error.strerror}).") from None
    if unknown := set(content) - set(_PARTS):
        raise SettingsError(f"{path.name}: het deel {min(unknown)} bestaat niet; wel: {', '.join(_PARTS)}.")
    rights = dict(DEFAULT_RIGHTS)
    for name, given in _table(path, content, "rollen").items():
        role = _one_of(path, StaffRole, "de rol", name)
        rights[role] = frozenset(
            _one_of(path, Right, "het recht", word) for word in _words(path, name, given)
        )
    people = {}
    for code, places in _table(path, content, "mensen").items():
        if not is_code(code):
            raise SettingsError(f"{path.name}: '{code}' is geen code van een medewerker, zoals mw-17.")
        if may_tell_of_a_person(code):
            raise SettingsError(
                f"{path.name}: een code van een medewerker is geen BSN, rekening of telefoonnummer."
            )
        people[code] = _roles_from(path, code, places)
    groups = {
        name: _roles_from(path, name, places, of_login=True)
        for name, places in _table(path, content, "rollen_van_groepen").items()
    }
    claims = _claims(path, _table(path, content, "aanmelden"))
    if groups and claims.groups is None:
        raise SettingsError(
            f"{path.name}: rollen_van_groepen werkt pas als [aanmelden] zegt waar de groepen staan, "
            'zoals groepen = "groups".'
        )
    if claims.municipalities is None and any(OF_LOGIN in places for places in groups.values()):
        raise SettingsError(
            f"{path.name}: '{OF_LOGIN}' werkt pas als [aanmelden] zegt waar de gemeenten staan, "
            'zoals gemeenten = "gemeentecode".'
        )
    return StaffBook(MappingProxyType(people), MappingProxyType(rights), MappingProxyType(groups), claims)


def _claims(path: Path, given: Mapping[str, Any]) -> ClaimNames:
    for name, value in given.items():
        if name not in _CLAIMS:
            raise SettingsError(f"{path.name}: aanmelden: {name} bestaat niet; wel: {', '.join(_CLAIMS)}.")
        if not isinstance(value, str) or not value.strip():
            raise SettingsError(f'{path.name}: aanmelden: schrijf een naam, zoals {name} = "groups".')
    return ClaimNames(*(given.get(name) for name in _CLAIMS))


def _roles_from(
    path: Path, about: str, places: Any, *, of_login: bool = False
) -> Mapping[str, frozenset[StaffRole]]:
    """Read roles per gemeentecode."""
    if not isinstance(places, dict) or not places:
        raise SettingsError(
            f'{path.name}: {about} heeft geen rollen; schrijf bijvoorbeeld "0518" = ["lezer"].'
        )
    found = {}
    for place, given in places.items():
        if not _MUNICIPALITY.fullmatch(place) and not (of_login and place == OF_LOGIN):
            raise SettingsError(
                f"{path.name}: {about}: '{place}' is geen gemeentecode van vier cijfers of *."
            )
        found[place] = frozenset(
            _one_of(path, StaffRole, "de rol", word) for word in _words(path, about, given)
        )
    return MappingProxyType(found)


def _table(path: Path, content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    given = content.get(name, {})
    if not isinstance(given, dict):
        raise SettingsError(f"{path.name}: {name} moet een deel zijn: [{name}].")
    return given


def _words(path: Path, about: str, given: Any) -> Iterable[str]:
    if not isinstance(given, list) or not all(isinstance(word, str) for word in given):
        raise SettingsError(f'{path.name}: {about}: schrijf een lijst, zoals ["lezer"].')
    return given


def _one_of(path: Path, words: type[_Word], kind: str, word: str) -> _Word:
    try:
        return words(word)
    except ValueError:
        raise SettingsError(
            f"{path.name}: {kind} '{word}' bestaat niet; kies uit {', '.join(words)}."
        ) from None
