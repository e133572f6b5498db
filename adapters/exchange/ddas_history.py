"""Read the vroegsignaalzaken of a DDAS delivery: what another system did with its signals, and when.

Like `adapters.exchange.ddas`, this walks the file as a stream and reads names by meaning. What stands there and cannot
be read is named in `unread`, by its field; a zaak without the ids of its signals has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.exchange.ddas_signal import MAX_DEPTH
from adapters.exchange.ddas_stream import NotADelivery, json_events, meaning_of, skip
from milestones.civil_dates import civil_date
from milestones.event_fields import CONTACT_KINDS, DAY_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from adapters.exchange.ddas import Delivery

_MOST_VALUES = 5_000  # in one zaak


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
    unread: tuple[str, ...] = ()


def read_history(path: Path, delivery: Delivery) -> Iterator[HistoricCase]:
    """Yield the vroegsignaalzaken of a delivery that was checked before."""
    with json_events(path) as (events, fingerprint):
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
            yield _case(_Built(events).value(item_kind, value), municipality_code)


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


def _case(given: Any, municipality_code: str) -> HistoricCase:
    fields = _Fields(given if isinstance(given, dict) else {})
    given = fields.given
    signals = [item.get("id") for item in _objects(given.get("vroegsignalen"))]
    ids = tuple(dict.fromkeys(signal_id for signal_id in signals if isinstance(signal_id, str)))
    matched_on, picked_up_on = fields.day("matchingsdatum"), fields.day("datumopgepakt", "datum_opgepakt")
    result = fields.text("resultaat")
    attempts, unread = [], list(fields.unread)
    listed = given.get("contactpogingen")
    if listed is not None and (not isinstance(listed, list) or len(_objects(listed)) < len(listed)):
        unread.append("contactpogingen")
    for item in _objects(listed):
        found = _Fields(item)
        attempt = _attempt(found)
        if attempt is not None:
            attempts.append(attempt)
        unread += [f"contactpogingen.{name}" for name in found.unread]
    return HistoricCase(
        municipality_code,
        ids,
        matched_on,
        picked_up_on,
        result,
        tuple(sorted(attempts, key=lambda item: item.on)),
        tuple(dict.fromkeys(unread)),
    )


def _attempt(fields: _Fields) -> Attempt | None:
    on = fields.day("datum")
    reached = fields.given.get("bereikt")
    if on is None and "datum" not in fields.unread:
        fields.unread.append("datum")
    if reached is not None and not isinstance(reached, bool):
        fields.unread.append("bereikt")
    kind, day_part = fields.text("soort", choices=CONTACT_KINDS), fields.text("dagdeel", choices=DAY_PARTS)
    return None if on is None else Attempt(on, reached is True, kind, day_part)


class _Fields:
    """The fields of one object; it remembers which were there and could not be read."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.unread: list[str] = []

    def day(self, name: str, shown: str | None = None) -> date | None:
        """Return the date of a field, in any spelling that is one."""
        value = self.given.get(name)
        found = civil_date(value)
        if found is None and value is not None:
            self.unread.append(shown or name)
        return found

    def text(self, name: str, choices: Sequence[str] | None = None) -> str | None:
        """Return the text of a field, one of the choices when there are any."""
        value = self.given.get(name)
        if value is None or (isinstance(value, str) and (choices is None or value in choices)):
            return value
        self.unread.append(name)
        return None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
