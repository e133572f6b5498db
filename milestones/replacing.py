"""A copy of a frozen record with some fields changed, much faster than the standard library makes one.

A case is copied with every step; simulating a year of a municipality makes millions of copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from dataclasses import replace
else:
    import dataclasses

    _Record = TypeVar("_Record")

    def replace(record: _Record, /, **changes: object) -> _Record:
        """Return a copy with these fields changed. A class with slots goes the way of the standard library."""
        fields = getattr(record, "__dict__", None)
        if fields is None:
            return dataclasses.replace(record, **changes)
        fresh = object.__new__(type(record))
        fresh.__dict__.update(fields, **changes)
        return fresh


__all__ = ["replace"]
