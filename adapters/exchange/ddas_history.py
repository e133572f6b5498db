"""Read the vroegsignaalzaken of a DDAS delivery: what another system did with its signals, and when.

Like `adapters.exchange.ddas`, this walks the file as a stream and reads names by meaning. What it cannot read it
leaves out; a zaak without the ids of its signals cannot be taken over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from adapters.exchange.ddas_signal import MAX_DEPTH
from adapters.exchange.ddas_stream import NotADelivery, events_of, meaning_of, skip
from milestones.event_fields import CONTACT_KINDS, DAY_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.exchange.ddas import Delivery

_MOST_VALUES = 5_000  # in one zaak
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A contactpoging."""

    on: date
    reached: bool
    kind: str | None
    day_part: str | None


@dataclass(frozen=True, slots=True)
class HistoricCase:
    """A vroegsignaalzaak of another system."""

    municipality_code: str
    signal_ids: tuple[str, ...]
    matched_on: date | None
    picked_up_on: date | None
    result: str | None
    attempts: tuple[Attempt, ...]


def read_history(path: Path, delivery: Delivery) -> Iterator[HistoricCase]:
    """Yield the vroegsignaalzaken of a delivery that was checked before."""
    with events_of(path) as (events, fingerprint):
        if fingerprint != delivery.fingerprint:
            raise NotADelivery("Het bestand is veranderd terwijl het werd gelezen.")
        part = -1
        next(events)
        for name, kind in _names(events):
            if meaning_of(name) != "leveringen":
                skip(events, kind)
                continue
            for part_kind, _value in events:
                if part_kind == "end_array":
                    break
                part += 1
                yield from _of_part(events, delivery.parts[part].municipality_code)


def _of_part(events: Iterator[tuple[str, Any]], municipality_code: str) -> Iterator[HistoricCase]:
    for name, kind in _names(events):
        if meaning_of(name) != "vroegsignaalzaken" or kind != "start_array":
            skip(events, kind)
            continue
        for item_kind, value in events:
            if item_kind == "end_array":
                break
            found = _case(_Built(events).value(item_kind, value), municipality_code)
            if found is not None:
                yield found


def _names(events: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the members of an object that has begun; who walks takes the rest of each value."""
    for event, name in events:
        if event == "end_map":
            return
        yield name, next(events)[0]


class _Built:
    """Builds one value from the stream, up to a size."""

    def __init__(self, events: Iterator[tuple[str, Any]]) -> None:
        self._events = events
        self._left = _MOST_VALUES

    def value(self, kind: str, value: Any, depth: int = 0) -> Any:
        """Return the value that began with this event; what is too large or too deep becomes nothing."""
        self._left -= 1
        if kind in ("start_map", "start_array") and (depth > MAX_DEPTH or self._left < 0):
            skip(self._events, kind)
            return None
        if kind == "start_map":
            members: dict[str, Any] = {}
            for event, name in self._events:
                if event == "end_map":
                    break
                inner, content = next(self._events)
                members[meaning_of(name)] = self.value(inner, content, depth + 1)
            return members
        if kind == "start_array":
            items: list[Any] = []
            for inner, content in self._events:
                if inner == "end_array":
                    break
                items.append(self.value(inner, content, depth + 1))
            return items
        return value


def _case(given: Any, municipality_code: str) -> HistoricCase | None:
    if not isinstance(given, dict):
        return None
    signals = [item.get("id") for item in _objects(given.get("vroegsignalen"))]
    ids = tuple(dict.fromkeys(signal_id for signal_id in signals if isinstance(signal_id, str)))
    if not ids:
        return None
    attempts = [_attempt(item) for item in _objects(given.get("contactpogingen"))]
    result = given.get("resultaat")
    return HistoricCase(
        municipality_code,
        ids,
        _day(given.get("matchingsdatum")),
        _day(given.get("datumopgepakt")),
        result if isinstance(result, str) else None,
        tuple(sorted((item for item in attempts if item is not None), key=lambda item: item.on)),
    )


def _attempt(given: dict[str, Any]) -> Attempt | None:
    on = _day(given.get("datum"))
    if on is None:
        return None
    kind, day_part = given.get("soort"), given.get("dagdeel")
    return Attempt(
        on,
        given.get("bereikt") is True,
        kind if kind in CONTACT_KINDS else None,
        day_part if day_part in DAY_PARTS else None,
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _day(value: Any) -> date | None:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
