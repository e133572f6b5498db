"""The earlier versions of the definitions: data that never change, one JSON file for each.

A process keeps the version with which it started. So its file holds all that the version was: states and rows, what
its events mean and carry, and the terms as they were. Version 1 lies in `version_1`, and so on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import resources
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from milestones.definition import Definition
from milestones.vocabulary import ProcessCode

_VERSIONS = (1, 2)


def earlier_versions() -> tuple[Definition, ...]:
    """Return every definition of an earlier version."""
    folder = resources.files(__package__)
    return tuple(
        cast("Definition", _read(Definition, json.loads(file.read_text(encoding="utf-8"))))
        for version in _VERSIONS
        for code in get_args(ProcessCode)
        if (file := folder / f"version_{version}" / f"{code}.json").is_file()
    )


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, value: Any) -> Any:
    """Return a value of JSON as the type that a field has; what is no dataclass, tuple or enum stays as it is."""
    arguments = get_args(kind)
    match value:
        case dict() if (made := _class_in(kind)) is not None:
            hints, known = _hints(made), {item.name for item in fields(made)}
            return made(**{name: _read(hints[name], item) for name, item in value.items() if name in known})
        case dict() if get_origin(kind) is Mapping:
            return {name: _read(arguments[1], item) for name, item in value.items()}
        case list():
            parts = get_args(_tuple_in(kind))
            several = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
            return tuple(_read(part, item) for part, item in zip(several, value, strict=True))
        case str() if isinstance(kind, type) and issubclass(kind, Enum):
            return kind(value)
    return value


def _class_in(kind: Any) -> Any:
    """Return the dataclass that a type is, or that may stand in it; None without one."""
    return next((part for part in (kind, *_alternatives(kind)) if is_dataclass(part)), None)


def _tuple_in(kind: Any) -> Any:
    return next(part for part in (kind, *_alternatives(kind)) if get_origin(part) is tuple)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
