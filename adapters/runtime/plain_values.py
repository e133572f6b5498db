"""Facts and data of events as JSON, and back."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def to_json(values: Mapping[str, object]) -> dict[str, Any]:
    """Return facts or data as JSON; a date becomes {"datum": "2026-04-02"}."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> Any:
    if isinstance(value, date):
        return {"datum": value.isoformat()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def from_json(values: Mapping[str, Any]) -> dict[str, object]:
    """Return facts or data back as they were before `to_json`."""
    return {name: _rich(value) for name, value in values.items()}


def _rich(value: Any) -> object:
    if isinstance(value, dict) and set(value) == {"datum"}:
        return date.fromisoformat(value["datum"])
    if isinstance(value, list):
        return tuple(_rich(item) for item in value)
    return value
