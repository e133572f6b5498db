"""Read a DDAS delivery of vroegsignalen, signal by signal, in flat memory.

A file is read twice. `check_structure` proves that it is one whole, well-formed delivery, counts its
signals and remembers what stands around them (JSON members have no order: a gemeentecode may follow its
signals). `read_signals` then yields a `Signal` or a `BadSignal` for each of them, in file order. So a file
that breaks off half way is refused before anything is yielded, and one bad signal never stops the rest.

Names are read by meaning, because they differ per version: case, `_` and `-` do not count, and null is as
good as absent. The vroegsignaalzaken in a file are another system's history and are passed over. No
sentence made here repeats a value or an unknown name out of the file: either may be personal data.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from operator import mul
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeGuard

import ijson  # type: ignore[import-untyped]

VERSION_UP_TO_1_0 = "v0.9/v1.0"
VERSION_FROM_1_2 = "v1.2 of later"
VERSION_UNKNOWN = "onbekend"

MAX_DEPTH = 50
MAX_TEXT = 10_000
MAX_REFERENCE = 255
MAX_NUMBER = 10**15
MAX_AMOUNT = 10**9
MAX_PART_NUMBER = 10**6

_NOT_JSON = "Het bestand is geen JSON, of het breekt halverwege af."
_NOT_UTF8 = "Het bestand is niet opgeslagen als UTF-8."
_NOT_OBJECT = "Het bestand is geen DDAS-levering: het begint niet met een object."
_NO_DELIVERIES = (
    "Het bestand is geen DDAS-levering van vroegsignalen: de lijst 'leveringen' ontbreekt of is leeg."
)
_DEBT_HELP = "Het bestand is een DDAS-levering van schuldhulptrajecten, niet van vroegsignalen."
_CHANGED = "Het bestand is veranderd terwijl het werd gelezen."
_UNREADABLE = "Het bestand bestaat niet of kan niet worden gelezen."

ELEVEN_TEST_WARNING = "BSN voldoet niet aan de elfproef."
_ELEVEN_TEST_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_EIGHT_OR_NINE_DIGITS = re.compile(r"[0-9]{8,9}")


class NotADelivery(ValueError):  # noqa: N818 - the name says what the file is
    """A file that cannot be read as a delivery of vroegsignalen; its text is one Dutch sentence."""


@dataclass(frozen=True, slots=True)
class DeliveryPart:
    """One levering of the file: all signals that it holds for one municipality."""

    number: int
    municipality_code: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What stands around the signals of a file, and how many there are."""

    version: str
    supplier: str | None
    parts: tuple[DeliveryPart, ...]
    signal_count: int
    warnings: tuple[str, ...]
    fingerprint: tuple[int, int] = field(repr=False)


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


def check_structure(path: str | PathLike[str]) -> Delivery:
    """Prove that the file is a whole, well-formed delivery, and count its signals."""
    header = _Header()
    count = 0
    with _events_of(Path(path)) as (events, fingerprint):
        for kind, _ in _walk(events, header):
            if header.spellings:
                _skip(events, kind)
            else:
                _skip_noting_names(events, kind, header.spellings)
            count += 1
    return header.delivery(count, fingerprint)


def read_signals(
    path: str | PathLike[str],
    *,
    today: date,
    delivery: Delivery | None = None,
) -> Iterator[Signal | BadSignal]:
    """Check the file now, unless `delivery` proves that it was; then yield its signals in file order."""
    return _records(Path(path), today, delivery or check_structure(path))


def eleven_test(bsn: str) -> bool:
    """Tell whether a BSN passes the elfproef; eight digits are read as nine with a leading zero."""
    if not _EIGHT_OR_NINE_DIGITS.fullmatch(bsn):
        return False
    digits = tuple(map(int, bsn.zfill(9)))
    return any(digits) and sum(map(mul, _ELEVEN_TEST_WEIGHTS, digits)) % 11 == 0


# --- The stream of events ---

_Events = Iterator[tuple[str, Any]]
_OPENING = frozenset(("start_map", "start_array"))
_CLOSING = frozenset(("end_map", "end_array"))


@contextmanager
def _events_of(path: Path) -> Iterator[tuple[_Events, tuple[int, int]]]:
    """Open a file as a stream of JSON events, and turn every failure of it into `NotADelivery`."""
    # The texts of these errors quote the file, so none of them is chained.
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            # not ijson.parse or items: their cost grows with the square of the depth of nesting
            yield ijson.basic_parse(_Guard(file), buf_size=_Guard.BLOCK), (stat.st_size, stat.st_mtime_ns)
    except ijson.JSONError as error:
        sentence = _NOT_UTF8 if "invalid bytes in UTF8" in str(error)[:60] else _NOT_JSON
        raise NotADelivery(sentence) from None
    except UnicodeDecodeError:
        raise NotADelivery(_NOT_UTF8) from None
    except OSError:
        raise NotADelivery(_UNREADABLE) from None


class _Guard:
    """Hand a file to the parser without the numbers that would make it give up on the whole file.

    NaN and Infinity are no JSON but are often written, and very long numbers break ijson. Each becomes
    1e999, which the parser can carry and which spoils only the signal that it stands in.
    """

    BLOCK = 64 * 1024
    _MORE = 256
    _PART_OF_NUMBER = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-.\\")
    _DIGITS_TO_ZERO = bytes.maketrans(b"123456789E", b"000000000e")
    _EXTREME = rb"-?(?:NaN|Infinity|[0-9.]{31,}(?:[eE][+-]?[0-9]+)?|[0-9.]+[eE][+-]?[0-9]{4,})"
    _FAR_EXPONENT = re.compile(rb"0e0000+(?:[\s,\]}]|\Z)")
    _TEXT_OR_EXTREME = re.compile(rb'("(?:[^"\\]++|\\.)*+(?:"|\Z))|' + _EXTREME, re.DOTALL)
    _REST_OF_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+"?', re.DOTALL)
    _ESCAPED = re.compile(rb"\\.", re.DOTALL)

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._in_text = False
        start = file.read(4)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
            raise NotADelivery(_NOT_UTF8)
        self._ahead = start.removeprefix(b"\xef\xbb\xbf")

    def read(self, size: int) -> bytes:
        """Return about `size` bytes, never ending inside a number or an escaped character."""
        if size == 0:
            return b""  # ijson asks for nothing to learn whether it gets bytes or text
        pieces = [self._ahead, self._file.read(size)]
        self._ahead = b""
        while pieces[-1] and pieces[-1][-1] in self._PART_OF_NUMBER:
            pieces.append(self._file.read(self._MORE))
        block = b"".join(pieces)
        if self._may_hold_extremes(block):
            block = self._without_extremes(block)
        unescaped = self._ESCAPED.sub(b"", block) if b"\\" in block else block
        self._in_text ^= unescaped.count(b'"') % 2 == 1
        return block

    def _may_hold_extremes(self, block: bytes) -> bool:
        """Tell it fast for the ordinary block, as every byte of a file comes by here."""
        digits = block.translate(self._DIGITS_TO_ZERO, b"+-.")
        return (
            b"0" * 31 in digits
            or b"NaN" in block
            or b"Infinity" in block
            or self._FAR_EXPONENT.search(digits) is not None
        )

    def _without_extremes(self, block: bytes) -> bytes:
        rest = self._REST_OF_TEXT.match(block) if self._in_text else None
        start = rest.end() if rest else 0
        return block[:start] + self._TEXT_OR_EXTREME.sub(lambda found: found[1] or b"1e999", block[start:])


def _skip(events: _Events, kind: str) -> None:
    """Pass over the value that began with `kind`."""
    depth = 1 if kind in _OPENING else 0
    if not depth:
        return
    for inner, _ in events:
        if inner in _OPENING:
            depth += 1
        elif inner in _CLOSING:
            depth -= 1
            if not depth:
                return


def _skip_noting_names(events: _Events, kind: str, spellings: set[str]) -> None:
    """Pass over the value that began with `kind`, noting the names in it that tell the version."""
    depth = 1 if kind in _OPENING else 0
    while depth:
        kind, value = next(events)
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if kind == "map_key" and value in _SPELLINGS:
            spellings.add(value)


@lru_cache(maxsize=256)
def _meaning(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


# --- Around the signals ---

# The first of these spellings that occurs in a file tells its version.
_SPELLINGS = {
    "aanleverendeOrganisatie": VERSION_FROM_1_2,
    "aanleverende_organisatie": VERSION_UP_TO_1_0,
    "contactpersonen": VERSION_FROM_1_2,
    "contactpersoonen": VERSION_UP_TO_1_0,
    "burgerservicenummer": VERSION_FROM_1_2,
    "Burgerservicenummer": VERSION_UP_TO_1_0,
}
_FILE_FIELDS = {
    "codegegevensleverancier": "codeGegevensleverancier",
    "startdatumlevering": "startdatumLevering",
    "einddatumlevering": "einddatumLevering",
    "aanleverdatumentijd": "aanleverdatumEnTijd",
    "leveringen": "leveringen",
}
_PART_FIELDS = {
    "teller": "teller",
    "gemeentecode": "gemeentecode",
    "aanleverendeorganisatie": "aanleverendeOrganisatie",
    "vroegsignalen": "vroegsignalen",
}


class _Header:
    """Collects what a walk meets around the signals."""

    def __init__(self) -> None:
        self.spellings: set[str] = set()
        self.file: dict[str, Any] = {}
        self.parts: list[DeliveryPart] = []
        self._warnings: list[str] = []

    def add_part(self, values: dict[str, Any]) -> None:
        place = len(self.parts) + 1
        code = values.get("gemeentecode")
        if code is None:
            raise NotADelivery(f"Levering {place} in het bestand heeft geen gemeentecode.")
        found = re.fullmatch(r"(?:GM)?([0-9]{1,4})", code, re.IGNORECASE) if isinstance(code, str) else None
        if not found:
            raise NotADelivery(
                f"De gemeentecode van levering {place} in het bestand is geen gemeentecode zoals 0518."
            )
        number = values.get("teller")
        if type(number) is not int or not 0 <= number <= MAX_PART_NUMBER:
            self._warnings.append(f"Levering {place} in het bestand heeft geen geldige teller.")
            number = place
        if values.get("aanleverendeorganisatie") is None:
            self._warnings.append(f"Levering {place} in het bestand noemt geen aanleverende organisatie.")
        self.parts.append(DeliveryPart(number, found[1].zfill(4)))

    def delivery(self, signal_count: int, fingerprint: tuple[int, int]) -> Delivery:
        if not self.parts:
            raise NotADelivery(_NO_DELIVERIES)
        missing = [label for name, label in _FILE_FIELDS.items() if self.file.get(name) is None]
        warnings = [f"Het veld '{label}' ontbreekt in het bestand." for label in missing]
        supplier = self.file.get("codegegevensleverancier")
        if supplier is not None and not _is_reference(supplier):
            warnings.append("Het veld 'codeGegevensleverancier' is geen code.")
            supplier = None
        version = next(
            (label for name, label in _SPELLINGS.items() if name in self.spellings), VERSION_UNKNOWN
        )
        return Delivery(
            version=version,
            supplier=supplier,
            parts=tuple(self.parts),
            signal_count=signal_count,
            warnings=(*warnings, *self._warnings),
            fingerprint=fingerprint,
        )


def _walk(events: _Events, header: _Header) -> Iterator[tuple[str, Any]]:
    """Stop at the first event of each signal; who walks takes the rest of its events from the stream."""
    if next(events)[0] != "start_map":
        raise NotADelivery(_NOT_OBJECT)
    for name, kind, value in _members(events, _FILE_FIELDS, header.spellings):
        if name != "leveringen":
            header.file[name] = value
            _skip_noting_names(events, kind, header.spellings)
            continue
        header.file[name] = kind
        for part_kind, _ in _items(events, kind, name):
            if part_kind != "start_map":
                raise NotADelivery("Een levering in het bestand is geen object.")
            yield from _walk_part(events, header)
    if next(events, None):
        raise NotADelivery(_NOT_JSON)


def _walk_part(events: _Events, header: _Header) -> Iterator[tuple[str, Any]]:
    values: dict[str, Any] = {}
    for name, kind, value in _members(events, _PART_FIELDS, header.spellings):
        if name == "vroegsignalen":
            yield from _items(events, kind, name)
        else:
            values[name] = kind if value is None and kind != "null" else value
            _skip_noting_names(events, kind, header.spellings)
    header.add_part(values)


def _members(events: _Events, fields: dict[str, str], spellings: set[str]) -> Iterator[tuple[str, str, Any]]:
    """Yield the members of an object that have a meaning in `fields`; pass over the others."""
    seen = set()
    for event, name in events:
        if event == "end_map":
            return
        kind, value = next(events)
        meaning = _meaning(name[:MAX_REFERENCE])
        if name in _SPELLINGS:
            spellings.add(name)
        if meaning == "schuldhulptrajecten":
            raise NotADelivery(_DEBT_HELP)
        if meaning in seen:
            raise NotADelivery(
                f"Het veld '{fields[meaning]}' staat twee keer op dezelfde plek in het bestand."
            )
        if meaning in fields:
            seen.add(meaning)
            yield meaning, kind, value
        else:
            _skip(events, kind)


def _items(events: _Events, kind: str, name: str) -> Iterator[tuple[str, Any]]:
    if kind == "null":
        return
    if kind != "start_array":
        raise NotADelivery(f"Het veld '{name}' in het bestand is geen lijst.")
    for item in events:
        if item[0] == "end_array":
            return
        yield item


# --- One signal ---

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
    if not _is_reference(value):
        raise _RefusedError(f"is geen gewone tekst van 1 tot {MAX_REFERENCE} tekens")
    return _text(value)


def _is_reference(value: Any) -> TypeGuard[str]:
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
    # date.fromisoformat also reads 20250131 and 2025-W05-5, which are no dates in DDAS
    if isinstance(value, str) and len(value) == len("2025-01-31") and value[4] == value[7] == "-":
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise _RefusedError("is geen datum zoals 2025-01-31")


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


def _records(path: Path, today: date, delivery: Delivery) -> Iterator[Signal | BadSignal]:
    header = _Header()
    accepted: set[str] = set()
    with _events_of(path) as (events, fingerprint):
        if fingerprint != delivery.fingerprint:
            raise NotADelivery(_CHANGED)
        for position, (kind, _) in enumerate(_walk(events, header), start=1):
            part = delivery.parts[len(header.parts)]
            record = _record(_draft(events, kind), position, part, delivery.supplier, today)
            if isinstance(record, Signal):
                if record.signal_id in accepted:
                    reason = "Het veld 'ID' heeft een waarde die twee keer voorkomt in het bestand."
                    record = BadSignal(position, record.signal_id, reason)
                else:
                    accepted.add(record.signal_id)
            yield record


def _draft(events: _Events, kind: str) -> _Draft:
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
        elif kind in _OPENING:
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
    return f"{parent}_{_meaning(name)}" if parent else _meaning(name)


def _problem_inside(events: _Events, kind: str, depth: int) -> str | None:
    """Pass over the value that began with `kind`, and say what in it is hostile."""
    problem = None
    outside = depth
    depth += kind in _OPENING
    while depth > outside:
        kind, value = next(events)
        depth += (kind in _OPENING) - (kind in _CLOSING)
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


def _record(
    draft: _Draft, position: int, part: DeliveryPart, supplier: str | None, today: date
) -> Signal | BadSignal:
    try:
        return _signal(draft, position, part, supplier, today)
    except _RefusedError as refusal:
        return BadSignal(position, _shown_id(draft.values), str(refusal))


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
    if not _is_reference(signal_id) or _holds_own_bsn(values):
        return None
    return None if any(map(eleven_test, re.findall(r"[0-9]+", signal_id))) else signal_id


def _digits(text: str) -> str:
    return _NO_DIGIT.sub("", text)
