"""Read a DDAS delivery of vroegsignalen, signal by signal, in flat memory.

A file is read twice. `check_structure` proves that it is one whole, well-formed delivery, counts its
signals and remembers what stands around them (JSON members have no order: a gemeentecode may follow its
signals). `read_signals` then yields a `Signal` or a `BadSignal` for each of them, in file order. So a file
that breaks off half way is refused before anything is yielded, and one bad signal never stops the rest.

The vroegsignaalzaken in a file are another system's history and are passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.exchange.ddas_signal import (
    MAX_REFERENCE,
    BadSignal,
    DeliveryPart,
    Signal,
    is_plain_text,
    read_signal,
)
from adapters.exchange.ddas_stream import (
    ENDS_OF_PARTS,
    NOT_JSON,
    OPENING,
    NotADelivery,
    json_events,
    meaning_of,
    skip,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from os import PathLike

    from adapters.exchange.ddas_stream import Events

VERSION_UP_TO_1_0 = "v0.9/v1.0"
VERSION_FROM_1_2 = "v1.2 of later"
VERSION_UNKNOWN = "onbekend"

MAX_PART_NUMBER = 10**6
MAX_PARTS = 10_000
MAX_SIGNALS = 1_000_000  # each has a line in the report

_NOT_OBJECT = "Het bestand is geen DDAS-levering: het begint niet met een object."
_NO_DELIVERIES = (
    "Het bestand is geen DDAS-levering van vroegsignalen: de lijst 'leveringen' ontbreekt of is leeg."
)
_DEBT_HELP = "Het bestand is een DDAS-levering van schuldhulptrajecten, niet van vroegsignalen."
_CHANGED = "Het bestand is veranderd terwijl het werd gelezen."


@dataclass(frozen=True, slots=True)
class Delivery:
    """What stands around the signals of a file, and how many there are."""

    version: str
    supplier: str | None
    parts: tuple[DeliveryPart, ...]
    signal_count: int
    warnings: tuple[str, ...]
    fingerprint: tuple[int, int] = field(repr=False)


def check_structure(path: str | PathLike[str]) -> Delivery:
    """Prove that the file is a whole, well-formed delivery, and count its signals."""
    header = _Header()
    count = 0
    with json_events(Path(path)) as (events, fingerprint):
        for kind, _ in _walk(events, header):
            if header.spellings:
                skip(events, kind)
            else:
                _skip_noting_names(events, kind, header.spellings)
            count += 1
            if count > MAX_SIGNALS:
                raise NotADelivery(
                    f"Het bestand heeft meer dan {MAX_SIGNALS} vroegsignalen; lever het in delen."
                )
    return header.delivery(count, fingerprint)


def read_signals(
    path: str | PathLike[str],
    *,
    today: date,
    delivery: Delivery | None = None,
) -> Iterator[Signal | BadSignal]:
    """Check the file now, unless `delivery` proves that it was; then yield its signals in file order."""
    return _records(Path(path), today, delivery or check_structure(path))


def _records(path: Path, today: date, delivery: Delivery) -> Iterator[Signal | BadSignal]:
    header = _Header()
    accepted: set[str] = set()
    with json_events(path) as (events, fingerprint):
        if fingerprint != delivery.fingerprint:
            raise NotADelivery(_CHANGED)
        for position, (kind, _) in enumerate(_walk(events, header), start=1):
            part = delivery.parts[len(header.parts)]
            record = read_signal(events, kind, position, part, delivery.supplier, today)
            if isinstance(record, Signal):
                if record.signal_id in accepted:
                    reason = "Het veld 'ID' heeft een waarde die twee keer voorkomt in het bestand."
                    record = BadSignal(position, record.signal_id, reason)
                else:
                    accepted.add(record.signal_id)
            yield record


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
        if place > MAX_PARTS:
            raise NotADelivery(f"Het bestand heeft meer dan {MAX_PARTS} leveringen.")
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
        if supplier is not None and not is_plain_text(supplier):
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


def _walk(events: Events, header: _Header) -> Iterator[tuple[str, Any]]:
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
        raise NotADelivery(NOT_JSON)


def _walk_part(events: Events, header: _Header) -> Iterator[tuple[str, Any]]:
    values: dict[str, Any] = {}
    for name, kind, value in _members(events, _PART_FIELDS, header.spellings):
        if name == "vroegsignalen":
            yield from _items(events, kind, name)
        else:
            values[name] = kind if value is None and kind != "null" else value
            _skip_noting_names(events, kind, header.spellings)
    header.add_part(values)


def _members(events: Events, fields: dict[str, str], spellings: set[str]) -> Iterator[tuple[str, str, Any]]:
    """Yield the members of an object that have a meaning in `fields`; pass over the others."""
    seen = set()
    for event, name in events:
        if event == "end_map":
            return
        kind, value = next(events)
        meaning = meaning_of(name[:MAX_REFERENCE])
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
            skip(events, kind)


def _items(events: Events, kind: str, name: str) -> Iterator[tuple[str, Any]]:
    if kind == "null":
        return
    if kind != "start_array":
        raise NotADelivery(f"Het veld '{name}' in het bestand is geen lijst.")
    for item in events:
        if item[0] == "end_array":
            return
        yield item


def _skip_noting_names(events: Events, kind: str, spellings: set[str]) -> None:
    """Pass over the value that began with `kind`, noting the names in it that tell the version."""
    depth = 1 if kind in OPENING else 0
    while depth:
        kind, value = next(events)
        depth += (kind in OPENING) - (kind in ENDS_OF_PARTS)
        if kind == "map_key" and value in _SPELLINGS:
            spellings.add(value)
