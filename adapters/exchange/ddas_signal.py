"""One vroegsignaal of a DDAS delivery: read from the stream, and checked after the published schema.

Names are read by meaning, because they differ per version: case, `_` and `-` do not count, and null is as
good as absent. No sentence made here repeats a value or an unknown name: either may be personal data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from adapters.exchange.ddas_stream import ENDS_OF_PARTS, OPENING, meaning_of
from adapters.runtime.privacy import eleven_test
from milestones.civil_dates import civil_date

if TYPE_CHECKING:
    from adapters.exchange.ddas_stream import Events

MAX_DEPTH = 50
MAX_TEXT = 10_000
MAX_REFERENCE = 255
MAX_NUMBER = 10**15
MAX_AMOUNT = 10**9

ELEVEN_TEST_WARNING = "BSN voldoet niet aan de elfproef."
_EIGHT_OR_NINE_DIGITS = re.compile(r"[0-9]{8,9}")


@dataclass(frozen=True, slots=True)
class DeliveryPart:
    """One levering of the file: all signals that it holds for one municipality."""

    number: int
    municipality_code: str


@dataclass(frozen=True, slots=True)
class Signal:
    """One vroegsignaal that can be imported; `bsn` has nine digits, or is None for a person to match."""

    position: int
    delivery_number: int
    municipality_code: str
    supplier: str | None
    signal_id: str
    signal_date: date
    origin_date: date | None
    crisis: bool
    warm_handover: bool
    partner_type: str | None
    amount: int | None = field(repr=False)
    status: str | None
    bsn: str | None = field(repr=False)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadSignal:
    """One vroegsignaal that cannot be imported, with the reason in one Dutch sentence."""

    position: int
    signal_id: str | None
    reason: str


PARTNER_TYPES = frozenset(
    (
        "Energie",
        "Huur",
        "Hypotheek",
        "CAK Zorgverzekeringen",
        "Zorg",
        "Water",
        "DUO",
        "Belastingdienst",
        "CAK Eigen bijdrage",
        "Dienst Toeslagen",
        "Overige",
    )
)
SIGNAL_STATUSES = frozenset(
    (
        "Nog niet opgepakt",
        "Niet opgepakt: onterecht signaal",
        "Niet opgepakt: herhaalde melding",
        "Niet opgepakt: andere reden",
        "Inwoner is overleden",
        "Persoon is geen inwoner (meer) in de gemeente",
        "Inwoner al bekend bij schuldhulpverlening",  # new in v1.2
        "Opgepakt",  # new in v1.2
    )
)
_NO_DIGIT = re.compile(r"[^0-9]")
_SHORTEST_BSN = 7
_OBJECTS = frozenset(("client", "signaalpartner"))
_BOUNDED = frozenset(("string", "map_key", "number"))
_OBJECT = object()  # stands for an object whose members were read
_NESTED = object()  # stands for an object or list that has no place there


class _RefusedError(Exception):
    """A value or a signal that is not allowed; the text says why."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _RefusedError("is geen tekst")
    return value


def _reference(value: Any) -> str:
    if not is_plain_text(value):
        raise _RefusedError(f"is geen gewone tekst van 1 tot {MAX_REFERENCE} tekens")
    return _text(value)


def is_plain_text(value: Any) -> TypeGuard[str]:
    """Tell whether a value can be an id or a code: a text that is short and can be printed."""
    return (
        isinstance(value, str)
        and 0 < len(value.strip()) <= len(value) <= MAX_REFERENCE
        and value.isprintable()
    )


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _RefusedError("is geen ja of nee (true of false)")
    return value


def _day(value: Any) -> date:
    found = civil_date(value) if isinstance(value, str) else None
    if found is None:
        raise _RefusedError("is geen datum zoals 2025-01-31")
    return found


def _euros(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _RefusedError("is geen getal")
    if not -MAX_AMOUNT <= value <= MAX_AMOUNT:
        raise _RefusedError("is een te groot bedrag")
    if value % 1:
        raise _RefusedError("is geen bedrag in hele euro's")
    return int(value)


def _one_of(values: frozenset[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if _text(value) not in values:
            raise _RefusedError("heeft een waarde die DDAS niet kent")
        return str(value)

    return read


def _object(value: Any) -> bool:
    if value is not _OBJECT:
        raise _RefusedError("is geen object")
    return True


class _Field(NamedTuple):
    label: str
    read: Callable[[Any], Any]
    kept: bool = True
    """Whether a signal carries this value. A field that is not kept can warn, but never refuse its signal."""


# By meaning; the underscore after the parent cannot occur in the meaning of a name.
_SIGNAL_FIELDS = {
    "id": _Field("ID", _reference),
    "crisissignaal": _Field("crisissignaal", _yes_or_no),
    "warmeoverdracht": _Field("warmeOverdracht", _yes_or_no),
    "bedrag": _Field("bedrag", _euros),
    "ontstaansdatum": _Field("ontstaansdatum", _day),
    "signaaldatum": _Field("signaaldatum", _day),
    "status": _Field("status", _one_of(SIGNAL_STATUSES)),
    "signaalpartner": _Field("signaalpartner", _object),
    "signaalpartner_type": _Field("signaalpartner.type", _one_of(PARTNER_TYPES)),
    "client": _Field("client", _object),
    "client_burgerservicenummer": _Field("client.burgerservicenummer", _text),
    "client_voorletters": _Field("client.voorletters", _text, kept=False),
    "client_voorvoegsel": _Field("client.voorvoegsel", _text, kept=False),
    "client_achternaam": _Field("client.achternaam", _text, kept=False),
    "client_geslachtsaanduiding": _Field("client.geslachtsaanduiding", _text, kept=False),
    "client_geboortedatum": _Field("client.geboortedatum", _day, kept=False),
    "client_straatnaam": _Field("client.straatnaam", _text, kept=False),
    "client_postcode": _Field("client.postcode", _text, kept=False),
    "client_huisnummer": _Field("client.huisnummer", _text, kept=False),
    "client_huisnummertoevoeging": _Field("client.huisnummertoevoeging", _text, kept=False),
    "client_plaatsnaam": _Field("client.plaatsnaam", _text, kept=False),
}
_REQUIRED = {
    "id": "ontbreekt",
    "client": "ontbreekt",
    "signaalpartner": "ontbreekt",
    "signaaldatum": "ontbreekt, terwijl de termijn vanaf die datum telt",
}


@dataclass(slots=True)
class _Draft:
    """The members of one signal as they stand in the file, by their meaning."""

    values: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    has_unknown_fields: bool = False


def read_signal(
    events: Events, kind: str, position: int, part: DeliveryPart, supplier: str | None, today: date
) -> Signal | BadSignal:
    """Take one signal from the stream, of which the first event has come."""
    draft = _draft(events, kind)
    try:
        return _signal(draft, position, part, supplier, today)
    except _RefusedError as refusal:
        return BadSignal(position, _shown_id(draft.values), str(refusal))


def _draft(events: Events, kind: str) -> _Draft:
    """Take one signal from the stream, without building what it holds beside the known fields."""
    draft = _Draft()
    values = draft.values
    if kind != "start_map":
        draft.problem = _problem_inside(events, kind, 0) or "Het signaal is geen object."
        return draft
    parent = ""
    for event, name in events:
        if event == "end_map":
            if not parent:
                break
            parent = ""
            continue
        kind, value = next(events)
        meaning = _meaning_under(parent, name[:MAX_REFERENCE])
        if kind == "start_map" and meaning in _OBJECTS:
            parent, value = meaning, _OBJECT
        elif kind in OPENING:
            draft.problem = _problem_inside(events, kind, 2 if parent else 1) or draft.problem
            value = _NESTED
        elif kind == "number" or (kind == "string" and len(value) > MAX_TEXT):
            draft.problem = _problem_of(kind, value) or draft.problem
        if meaning not in _SIGNAL_FIELDS:
            draft.has_unknown_fields = True
            draft.problem = _problem_of(event, name) or draft.problem
        elif meaning in values:
            draft.problem = f"Het veld '{_SIGNAL_FIELDS[meaning].label}' staat twee keer in het signaal."
        else:
            values[meaning] = value
    return draft


@lru_cache(maxsize=256)
def _meaning_under(parent: str, name: str) -> str:
    return f"{parent}_{meaning_of(name)}" if parent else meaning_of(name)


def _problem_inside(events: Events, kind: str, depth: int) -> str | None:
    """Pass over the value that began with `kind`, and say what in it is hostile."""
    problem = None
    outside = depth
    depth += kind in OPENING
    while depth > outside:
        kind, value = next(events)
        depth += (kind in OPENING) - (kind in ENDS_OF_PARTS)
        problem = problem or _problem_of(kind, value)
        if depth > MAX_DEPTH:
            problem = f"Het signaal heeft meer dan {MAX_DEPTH} lagen in elkaar."
    return problem


def _problem_of(kind: str, value: Any) -> str | None:
    if kind == "number":
        extreme = not -MAX_NUMBER <= value <= MAX_NUMBER
        return "Het signaal bevat een getal dat te groot is of geen getal is." if extreme else None
    if kind in _BOUNDED and len(value) > MAX_TEXT:
        return "Het signaal bevat een te lange tekst."
    return None


def _signal(draft: _Draft, position: int, part: DeliveryPart, supplier: str | None, today: date) -> Signal:
    """Check a draft after the published schema, and make a signal of it."""
    if draft.problem:
        raise _RefusedError(draft.problem)
    warnings: list[str] = []
    values = _checked(draft.values, warnings)
    if _holds_own_bsn(values):
        raise _RefusedError("Het veld 'ID' bevat het burgerservicenummer, en dat mag niet.")
    if values["signaaldatum"] > today:
        raise _RefusedError("Het veld 'signaaldatum' is een datum in de toekomst.")
    if draft.has_unknown_fields:
        warnings.append("Het signaal heeft een of meer velden die wij niet kennen; die zijn overgeslagen.")
    origin_date = values.get("ontstaansdatum")
    if origin_date and origin_date > values["signaaldatum"]:
        warnings.append("De ontstaansdatum ligt na de signaaldatum.")
    if "crisissignaal" not in values:
        warnings.append("Er staat niet bij of het een crisis is; het signaal telt als geen crisis.")
    if "signaalpartner_type" not in values:
        warnings.append("Er staat niet bij welke soort signaalpartner het signaal stuurde.")
    return Signal(
        position=position,
        delivery_number=part.number,
        municipality_code=part.municipality_code,
        supplier=supplier,
        signal_id=values["id"],
        signal_date=values["signaaldatum"],
        origin_date=origin_date,
        crisis=values.get("crisissignaal", False),
        warm_handover=values.get("warmeoverdracht", False),
        partner_type=values.get("signaalpartner_type"),
        amount=values.get("bedrag"),
        status=values.get("status"),
        bsn=_bsn(values.get("client_burgerservicenummer", ""), warnings),
        warnings=tuple(warnings),
    )


def _checked(values: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    checked = {}
    for meaning, value in values.items():
        if value is None:
            continue
        label, read, kept = _SIGNAL_FIELDS[meaning]
        try:
            checked[meaning] = read(value)
        except _RefusedError as refusal:
            sentence = f"Het veld '{label}' {refusal}."
            if kept:
                raise _RefusedError(sentence) from None
            warnings.append(sentence)
    for meaning, problem in _REQUIRED.items():
        if meaning not in checked:
            raise _RefusedError(f"Het veld '{_SIGNAL_FIELDS[meaning].label}' {problem}.")
    return checked


def _bsn(text: str, warnings: list[str]) -> str | None:
    """Return nine digits, or None where there is no number that tells one person from another."""
    if not text.strip():
        return None
    if not _EIGHT_OR_NINE_DIGITS.fullmatch(text):
        warnings.append("BSN bestaat niet uit negen cijfers; het signaal telt als een signaal zonder BSN.")
        return None
    if not text.strip("0"):
        warnings.append("BSN bestaat alleen uit nullen; het signaal telt als een signaal zonder BSN.")
        return None
    if not eleven_test(text):
        warnings.append(ELEVEN_TEST_WARNING)
    return text.zfill(9)


def _holds_own_bsn(values: dict[str, Any]) -> bool:
    """Tell whether the ID of a signal contains the BSN of its client, however it is written."""
    bsn = _digits(str(values.get("client_burgerservicenummer", ""))).lstrip("0")
    return len(bsn) >= _SHORTEST_BSN and bsn in _digits(values["id"])


def _shown_id(values: dict[str, Any]) -> str | None:
    """Return the ID of a bad signal, unless it is no reference or may be a BSN."""
    signal_id = values.get("id")
    if not is_plain_text(signal_id) or _holds_own_bsn(values):
        return None
    return None if any(map(eleven_test, re.findall(r"[0-9]+", signal_id))) else signal_id


def _digits(text: str) -> str:
    return _NO_DIGIT.sub("", text)
