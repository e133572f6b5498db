"""Read a file of recipients: what is wrong in it is named with its line and left out; the rest keeps working."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from adapters.messages.channels import channel_defect
from adapters.messages.message_kinds import CANNOT_BE_SWITCHED_OFF
from adapters.messages.recipients import (
    DEFAULT_LADDER,
    PERSON,
    TEAM,
    Book,
    House,
    Municipality,
    Person,
    Recipient,
    Team,
    Wish,
)
from adapters.messages.roles_in_use import roles_inside, roles_outside
from adapters.runtime.problems import WrongLine
from adapters.runtime.toml_files import TomlError, read_toml
from adapters.runtime.toml_lines import TomlLines
from milestones.roles import OUTSIDE, ROLES, dutch_role

if TYPE_CHECKING:
    from pathlib import Path

_Item = TypeVar("_Item", bound=BaseModel)


def read_book(path: Path) -> tuple[Book | None, tuple[WrongLine, ...]]:
    """Read a file of recipients: what can be used of it, and everything that is wrong with it.

    No book at all when the file cannot be read or is no TOML.
    """
    try:
        content, text = read_toml(path)
    except OSError:
        return None, (WrongLine(path.name, None, "Dit bestand met ontvangers is niet te lezen."),)
    except TomlError as error:
        return None, (WrongLine(path.name, error.line, error.what),)
    return book_of(path.name, content, text)


def book_of(file: str, content: Mapping[str, Any], text: str = "") -> tuple[Book, tuple[WrongLine, ...]]:
    """Return what can be used of the content of a file, and everything that is wrong; `text` gives it lines."""
    reader = _Reader(file, TomlLines(text))
    book = reader.read(content)
    return book, tuple(sorted(set(reader.problems), key=lambda item: (item.line or 0, item.sentence)))


class _Reader:
    """Takes a file apart, item by item."""

    def __init__(self, file: str, lines: TomlLines) -> None:
        self._file = file
        self._lines = lines
        self.problems: list[WrongLine] = []

    def read(self, content: Mapping[str, Any]) -> Book:
        for name in content:
            if name not in ("standaard", "ladder", "persoon", "team", "gemeente"):
                self._wrong((name,), f"'{name}' is geen onderdeel van dit bestand.")
        house = self._item(House, content.get("standaard", {}), ("standaard",)) or House()
        for role in house.geen_berichten_aan:
            if role not in OUTSIDE:
                self._wrong(("standaard", "geen_berichten_aan"), f"'{role}' is geen rol buiten de gemeente.")
        people, teams = self._unique(content, Person, "persoon"), self._unique(content, Team, "team")
        for code in people.keys() & teams.keys():
            place, _ = teams.pop(code)
            self._wrong((*place, "code"), f"De code '{code}' is al van een persoon.")
        people = {
            code: (place, self._with_links(person, place, people, teams))
            for code, (place, person) in people.items()
        }
        self._name_loops(people)
        known = people.keys() | teams.keys()
        roles = self._roles(content, known)
        if not roles:
            self._wrong((), "Dit bestand noemt geen gemeente met rollen: niemand krijgt een bericht.")
        book = Book(
            {code: person for code, (_, person) in people.items()},
            {code: team for code, (_, team) in teams.items()},
            {code: listed for code, (_, listed) in roles.items()},
            house,
            self._ladder(content.get("ladder", {})),
        )
        for code, (place, _) in roles.items():
            self._name_gaps(book, code, place)
        return book

    # --- items ------------------------------------------------------------------------------------------------

    def _item(self, model: type[_Item], value: object, place: tuple[str | int, ...]) -> _Item | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for wrong in error.errors(include_input=False, include_url=False):
                self._wrong((*place, *wrong["loc"]), f"{_where(wrong['loc'])}{_in_dutch(wrong)}")
            return None

    def _unique(
        self, content: Mapping[str, Any], model: type[_Item], name: str
    ) -> dict[str, tuple[tuple[str | int, ...], _Item]]:
        """Read a list of people or teams; a wrong one is left out, a wrong channel is taken off."""
        found: dict[str, tuple[tuple[str | int, ...], _Item]] = {}
        for place, value in self._listed(content, name):
            channels = value.get("kanalen") if isinstance(value, dict) else None
            usable = {"kanalen": self._usable(channels, place)} if isinstance(channels, dict) else {}
            item = self._item(model, value | usable if isinstance(value, dict) else value, place)
            if item is None:
                continue
            code: str = item.code  # type: ignore[attr-defined]
            if code in found:
                self._wrong((*place, "code"), f"De code '{code}' komt twee keer voor.")
                continue
            if not item.kanalen:  # type: ignore[attr-defined]
                self._wrong(place, f"'{code}' heeft geen bruikbaar kanaal.")
            found[code] = (place, item)
        return found

    def _listed(self, content: Mapping[str, Any], name: str) -> Iterator[tuple[tuple[str | int, ...], Any]]:
        listed = content.get(name, [])
        if not isinstance(listed, list):
            self._wrong((name,), f"Schrijf [[{name}]] met dubbele haken.")
            return
        for index, value in enumerate(listed):
            yield (name, index), value

    def _usable(self, channels: Mapping[str, Any], place: tuple[str | int, ...]) -> dict[str, Any]:
        usable = {}
        for name, address in channels.items():
            defect = channel_defect(address) if isinstance(address, str) else "is geen tekst"
            if defect:
                self._wrong((*place, "kanalen", name), f"Kanaal '{name}' {defect}.")
            else:
                usable[name] = address
        return usable

    def _with_links(
        self,
        person: Person,
        place: tuple[str | int, ...],
        people: Mapping[str, Any],
        teams: Mapping[str, Any],
    ) -> Person:
        """Return a person without a team or deputy that does not exist."""
        changes: dict[str, None] = {}
        if person.team is not None and person.team not in teams:
            self._wrong((*place, "team"), f"Het team '{person.team}' staat niet in dit bestand.")
            changes["team"] = None
        if person.vervanger is not None and person.vervanger not in people:
            self._wrong(
                (*place, "vervanger"), f"De vervanger '{person.vervanger}' staat niet in dit bestand."
            )
            changes["vervanger"] = None
        return person.model_copy(update=changes)

    def _name_loops(self, people: Mapping[str, tuple[tuple[str | int, ...], Person]]) -> None:
        named: set[str] = set()
        for code in people:
            chain: list[str] = []
            following: str | None = code
            while following is not None and following not in chain and following not in named:
                chain.append(following)
                following = people[following][1].vervanger
            if following in chain:
                loop = chain[chain.index(following) :]
                self._wrong(
                    (*people[loop[0]][0], "vervanger"),
                    f"De vervangers draaien in een kring: {' → '.join([*loop, loop[0]])}.",
                )
            named.update(chain)

    # --- roles ------------------------------------------------------------------------------------------------

    def _roles(
        self, content: Mapping[str, Any], known: set[str]
    ) -> dict[str, tuple[tuple[str | int, ...], dict[str, tuple[str, ...]]]]:
        found: dict[str, tuple[tuple[str | int, ...], dict[str, tuple[str, ...]]]] = {}
        for place, value in self._listed(content, "gemeente"):
            item = self._item(Municipality, value, place)
            if item is None:
                continue
            listed: dict[str, tuple[str, ...]] = {}
            for role, codes in item.rollen.items():
                if role not in ROLES:
                    self._wrong(
                        (*place, "rollen", role), f"De rol '{role}' bestaat niet (wel: {', '.join(ROLES)})."
                    )
                    continue
                for code in codes:
                    if code not in known:
                        self._wrong((*place, "rollen", role), f"'{code}' staat niet in dit bestand.")
                listed[role] = tuple(code for code in codes if code in known)
            if item.code in found:
                self._wrong((*place, "code"), f"De gemeente '{item.code}' komt twee keer voor.")
                continue
            found[item.code] = (place, listed)
        return found

    def _ladder(self, content: object) -> Mapping[int, tuple[str, ...]]:
        if not content:
            return DEFAULT_LADDER
        if not isinstance(content, dict):
            self._wrong(("ladder",), "Schrijf [ladder] met een regel per waarschuwing.")
            return DEFAULT_LADDER
        ladder: dict[int, tuple[str, ...]] = {}
        for key, names in content.items():
            good = (
                isinstance(names, list)
                and names
                and all(isinstance(name, str) and name in (*ROLES, PERSON, TEAM) for name in names)
            )
            if not re.fullmatch("[1-9][0-9]?", key) or not good:
                self._wrong(
                    ("ladder", key),
                    f"De sport '{key}' is een nummer met een lijst van rollen, 'persoon' of 'team'.",
                )
                continue
            ladder[int(key)] = tuple(names)
        whole = dict(DEFAULT_LADDER) | ladder
        return MappingProxyType(whole)

    def _name_gaps(self, book: Book, municipality: str, place: tuple[str | int, ...]) -> None:
        """Name the roles without anybody, and the messages that everyone switched off."""
        silent = set(book.house.geen_berichten_aan)
        empty = [
            role
            for role in (*roles_inside(), *roles_outside())
            if role not in silent and not book.holders(role, municipality)
        ]
        for role in empty:
            hint = "" if role in roles_inside() else " (of zet hem in 'geen_berichten_aan')"
            self._wrong(
                (*place, "rollen", role),
                f"In gemeente {municipality} heeft niemand de rol {dutch_role(role)} ('{role}'){hint}.",
            )
        for role in roles_inside():
            holders = book.holders(role, municipality)
            for kind in CANNOT_BE_SWITCHED_OFF:
                if holders and all(_refuses(item, kind) for item in holders):
                    self._wrong(
                        (*place, "rollen", role),
                        f"Iedereen met de rol {dutch_role(role)} heeft '{kind}' uitgezet; dat kan niet en wordt "
                        "niet gevolgd.",
                    )

    def _wrong(self, place: Sequence[str | int], sentence: str) -> None:
        self.problems.append(WrongLine(self._file, self._lines.of(place), sentence))


def _refuses(recipient: Recipient, kind: str) -> bool:
    return recipient.voorkeur.get(kind) is Wish.NONE


def _where(place: Sequence[str | int]) -> str:
    names = ".".join(str(part) for part in place if part != "[key]")  # so pydantic marks a wrong key
    return f"{names}: " if names else ""


_DUTCH = {
    "missing": "dit ontbreekt",
    "extra_forbidden": "dit veld is hier niet bekend",
    "string_type": "dit moet tekst zijn",
    "string_pattern_mismatch": "deze tekst heeft niet de goede vorm",
    "enum": "kies direct, bundel of niet",
    "literal_error": "deze keuze bestaat niet",
    "int_type": "dit moet een geheel getal zijn",
    "greater_than_equal": "dit getal is te klein",
    "less_than_equal": "dit getal is te groot",
    "tuple_type": "dit moet een lijst zijn",
    "model_type": "dit moet een tabel zijn",
    "dict_type": "dit moet een tabel zijn",
}


def _in_dutch(wrong: Any) -> str:
    """Say in Dutch what pydantic found, without the value itself."""
    if wrong["type"] == "value_error":
        return f"{wrong['ctx']['error']}." if "ctx" in wrong else "dit klopt niet."
    if wrong["type"].startswith(("date", "time")):
        return "dit is geen datum of tijd."
    return f"{_DUTCH.get(wrong['type'], 'dit klopt niet')}."
