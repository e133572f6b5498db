"""Addresses without a login that can be taken back: somebody's agenda, and what an inwoner may see of his own case."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete
from sqlmodel import col, select

from adapters.storage.database import reading, writing
from adapters.storage.page_tables import PageKeyRow

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Engine

    from adapters.runtime.clock import Clock


class KeyKind(StrEnum):
    """What an address shows."""

    AGENDA = "agenda"
    RESIDENT = "inwoner"


class PageKeys:
    """Makes keys, finds what they show, and takes them back. Of each subject one key of a kind is valid."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def make(self, kind: KeyKind, subject: str, lasts: timedelta | None = None) -> str:
        """Return a new key; the one before it is taken back."""
        key = secrets.token_urlsafe(24)
        now = self._clock.now()
        self.take_back(kind, subject)
        with writing(self._engine) as session:
            session.add(
                PageKeyRow(
                    key_hash=_hash(key), kind=kind, subject=subject, made_at=now,
                    expires_at=now + lasts if lasts else None,
                )
            )  # fmt: skip
        return key

    def take_back(self, kind: KeyKind, subject: str) -> None:
        """Let no key of this subject show anything any more."""
        with writing(self._engine) as session:
            session.execute(
                delete(PageKeyRow).where(col(PageKeyRow.kind) == kind, col(PageKeyRow.subject) == subject)
            )

    def has(self, kind: KeyKind, subject: str) -> bool:
        """Whether there is a key of this subject."""
        query = select(PageKeyRow.key_hash).where(PageKeyRow.kind == kind, PageKeyRow.subject == subject)
        with reading(self._engine) as session:
            return session.exec(query).first() is not None

    def subject_of(self, kind: KeyKind, key: str) -> str | None:
        """Return what a key shows; None when it ended, was taken back, or never was."""
        with reading(self._engine) as session:
            row = session.get(PageKeyRow, _hash(key))
            if row is None or row.kind != kind:
                return None
            ended = row.expires_at is not None and row.expires_at <= self._clock.now()
            return None if ended else row.subject


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
