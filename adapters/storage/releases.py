"""Two releases side by side, as during an upgrade: an older one leaves to newer ones what it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import tuple_
from sqlmodel import col

from adapters.storage.database import ProcessRow
from milestones.definitions import known_versions

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


def of_this_release() -> ColumnElement[bool]:
    """Return the condition that this release has the definition of a process, in its version."""
    return tuple_(col(ProcessRow.code), col(ProcessRow.version)).in_(known_versions())
