"""Addresses without a login that can be taken back: somebody's agenda, and what an inwoner may see of his own case."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete
from sqlmodel import col, select

from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import reading, writing
from adapters.storage.page_tables import PageKeyRow

if TYPE_CHECKING:
    from datetime import date, timedelta

    from sqlalchemy import Engine
    from sqlmodel import Session

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

    def make(
        self, kind: KeyKind, subject: str, lasts: timedelta | None = None, session: Session | None = None
    ) -> str:
        """Return a new key; the one before it is taken back. With `session` in a transaction of the caller."""
        key = secrets.token_urlsafe(24)
        now = self._clock.now()
        with nullcontext(session) if session else writing(self._engine) as session:  # noqa: PLR1704
            self.take_back(kind, subject, session)
            session.add(
                PageKeyRow(
                    key_hash=_hash(key), kind=kind, subject=subject, made_at=now,
                    expires_at=now + lasts if lasts else None,
                )
            )  # fmt: skip
        return key

    def take_back(self, kind: KeyKind, subject: str, session: Session | None = None) -> None:
        """Let no key of this subject show anything any more."""
        with nullcontext(session) if session else writing(self._engine) as session:  # noqa: PLR1704
            session.execute(
                delete(PageKeyRow).where(col(PageKeyRow.kind) == kind, col(PageKeyRow.subject) == subject)
            )

    def has(self, kind: KeyKind, subject: str) -> bool:
        """Whether there is a key of this subject."""
        return self._row(kind, subject) is not None

    def ends_on(self, kind: KeyKind, subject: str) -> date | None:
        """Return the last day of the key of this subject; None without one, or when it ended."""
        row = self._row(kind, subject)
        if row is None or row.expires_at is None or row.expires_at <= self._clock.now():
            return None
        return row.expires_at.astimezone(AMSTERDAM).date()

    def _row(self, kind: KeyKind, subject: str) -> PageKeyRow | None:
        query = select(PageKeyRow).where(PageKeyRow.kind == kind, PageKeyRow.subject == subject)
        with reading(self._engine) as session:
            return session.exec(query).first()

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
