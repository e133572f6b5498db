"""What a municipality plans beside its terms: elements of the basisdienstverlening, offers, targets, and whence it is.

Each function reads one key of a policy: plain values go in, the choice or a PolicyError comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from milestones.civil_dates import civil_date
from milestones.dutch import without_weekday
from milestones.policy_values import LONGEST_NAME, PolicyError, asks, sentence
from milestones.profiles import Profile
from milestones.target_groups import TARGET_GROUPS

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import date

ElementCode = Literal[
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20"
]  # fmt: skip
Layer = Literal["basis", "inspiratie", "toekomst"]
Per = Literal["kwartaal", "jaar"]
FigureCode = Literal[
    "aantallen", "geslaagd", "eerste-gesprek", "crisis", "beschikking", "beschikking-awb",
    "norm-eerste-gesprek", "norm-crisis", "norm-beschikking", "overdracht", "te-laat", "doorlooptijd",
    "wacht-op", "uitval", "terugval", "signalen", "knelpunten", "groei", "kwaliteit"
]  # fmt: skip
ELEMENT_CODES: tuple[ElementCode, ...] = get_args(ElementCode)
LAYERS: tuple[Layer, ...] = get_args(Layer)
PERIODS: tuple[Per, ...] = get_args(Per)
_Word = TypeVar("_Word", bound=str)
ALL = "alles"
LONGEST_CRITERION = 400


@dataclass(frozen=True, slots=True)
class ElementChoice:
    """What a municipality chose for an element of the basisdienstverlening (domain 2).

    `on`: whether it offers it; `from_on`: since or from when; `criterion`: when it may be ticked off; `name`: the name
    that the municipality read, where ours is not verified.
    """

    on: bool
    from_on: date | None = None
    layer: Layer = "basis"
    criterion: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A goal that can be measured: a figure of the monitor, perhaps one part of it, and its lowest or highest value.

    The values are in the unit of the figure.
    """

    figure: str
    part: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    per: Per = "kwartaal"

    @property
    def key(self) -> tuple[str, str | None, Per]:
        """What makes it one target."""
        return self.figure, self.part, self.per


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an own choice comes from, and of which date."""

    source: str
    on: date

    def __str__(self) -> str:
        return f"{self.source}, {without_weekday(self.on)}"


def elements(value: object) -> Mapping[str, ElementChoice]:
    """Read which elements of the basisdienstverlening are on."""
    table = _table("elementen", value, "8 = { aan = true, vanaf = 2026-07-01 }")
    return MappingProxyType({code: _element(code, item) for code, item in table.items()})


def _element(code: str, value: object) -> ElementChoice:
    key = f"elementen.{code}"
    if code not in ELEMENT_CODES:
        raise PolicyError(f"Beleid: '{key}' is geen element (wel: 1 tot en met 20).", code)
    table = _keys(key, value, {"aan", "vanaf", "laag", "vinkje", "naam"}, code)
    if not isinstance(table.get("aan"), bool):
        raise PolicyError(f"Beleid: '{key}.aan' is true of false.", code, "aan")
    layer = _one_of(f"{key}.laag", table.get("laag", "basis"), LAYERS, code, "laag")
    return ElementChoice(
        on=bool(table["aan"]),
        from_on=_day(f"{key}.vanaf", table["vanaf"], code, "vanaf") if "vanaf" in table else None,
        layer=layer,
        criterion=sentence(f"{key}.vinkje", table["vinkje"], LONGEST_CRITERION)
        if "vinkje" in table
        else None,
        name=sentence(f"{key}.naam", table["naam"]) if "naam" in table else None,
    )


def offers(value: object) -> Mapping[str, Profile]:
    """Read the own offer for each doelgroep: what it is, and what it asks of whom."""
    table = _table("doelgroepen", value, 'jongere = { aanbod = "jongerenteam" }')
    return MappingProxyType({code: _offer(code, item) for code, item in table.items()})


def _offer(code: str, value: object) -> Profile:
    key = f"doelgroepen.{code}"
    if code not in TARGET_GROUPS:
        raise PolicyError(f"Beleid: '{key}' is geen doelgroep (wel: {', '.join(TARGET_GROUPS)}).", code)
    table = _keys(key, value, {"aanbod", "taken"}, code)
    return Profile(code, sentence(f"{key}.aanbod", table.get("aanbod")), asks(key, table.get("taken", {})))


def targets(value: object) -> tuple[Target, ...]:
    """Read the goals that can be measured."""
    if not isinstance(value, list | tuple):
        raise PolicyError(
            "Beleid: schrijf een doel als [[doelen]], met 'cijfer' en 'minstens' of 'hoogstens'."
        )
    read: list[Target] = []
    for number, item in enumerate(value):
        target = _target(number, item)
        if any(other.key == target.key for other in read):
            raise PolicyError(f"Beleid: 'doelen': '{target.figure}' staat er twee keer.", number)
        read.append(target)
    return tuple(read)


def _target(number: int, value: object) -> Target:
    key = f"doelen[{number + 1}]"
    table = _keys(key, value, {"cijfer", "onderdeel", "minstens", "hoogstens", "per"}, number)
    if not {"minstens", "hoogstens"} & set(table):
        raise PolicyError(f"Beleid: '{key}' noemt 'minstens' of 'hoogstens'.", number)
    bounds = {
        name: _amount(f"{key}.{name}", table.get(name), number, name) for name in ("minstens", "hoogstens")
    }
    low, high = bounds["minstens"], bounds["hoogstens"]
    if low is not None and high is not None and low > high:
        raise PolicyError(f"Beleid: '{key}': 'minstens' is meer dan 'hoogstens'.", number, "minstens")
    return Target(
        sentence(f"{key}.cijfer", table.get("cijfer"), LONGEST_NAME),
        sentence(f"{key}.onderdeel", table["onderdeel"]) if "onderdeel" in table else None,
        low,
        high,
        _one_of(f"{key}.per", table.get("per", "kwartaal"), PERIODS, number, "per"),
    )


def origins(value: object, known: Container[str]) -> Mapping[str, Origin]:
    """Read where each own choice comes from: `alles`, or a key of the policy."""
    table = _table("herkomst", value, 'alles = { bron = "raadsbesluit 2026-14", op = 2026-03-01 }')
    for name in table:
        if name not in known:
            raise PolicyError(
                f"Beleid: 'herkomst.{name}': deze sleutel staat niet in dit beleid (wel: {ALL}, of een sleutel ervan).",
                name,
            )
    return MappingProxyType({name: _origin(name, item) for name, item in table.items()})


def _origin(name: str, value: object) -> Origin:
    key = f"herkomst.{name}"
    table = _keys(key, value, {"bron", "op"}, name)
    return Origin(sentence(f"{key}.bron", table.get("bron")), _day(f"{key}.op", table.get("op"), name, "op"))


def _table(key: str, value: object, example: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise PolicyError(f"Beleid: '{key}' is een tabel, bijvoorbeeld {example}.")
    return {str(name): item for name, item in value.items()}


def _keys(key: str, value: object, allowed: set[str], *place: str | int) -> dict[str, object]:
    words = ", ".join(sorted(allowed))
    if not isinstance(value, Mapping):
        raise PolicyError(f"Beleid: '{key}' is een tabel met {words}.", *place)
    for name in value:
        if name not in allowed:
            raise PolicyError(f"Beleid: '{key}.{name}' is niet bekend (wel: {words}).", *place, str(name))
    return {str(name): item for name, item in value.items()}


def _day(key: str, value: object, *place: str | int) -> date:
    day = civil_date(value)
    if day is None:
        raise PolicyError(f"Beleid: '{key}' is een datum: jjjj-mm-dd.", *place)
    return day


def _amount(key: str, value: object, *place: str | int) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise PolicyError(f"Beleid: '{key}' is een getal van 0 of meer.", *place)
    return float(value)


def _one_of(key: str, value: object, known: tuple[_Word, ...], *place: str | int) -> _Word:
    for word in known:
        if word == value:
            return word
    raise PolicyError(f"Beleid: '{key}': kies uit {', '.join(known)}.", *place)
