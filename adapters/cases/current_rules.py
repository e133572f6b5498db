"""The rules of each municipality as they count now, read again every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from milestones.policy import Rules

RULES_SECONDS = 5.0


class CurrentRules:
    """Rules by municipality. One thread at a time reads them again; the others go on with what they have."""

    def __init__(self, read: Callable[[str], Rules]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Rules]] = {}

    def of(self, municipality: str) -> Rules:
        """Return the rules of a municipality; whatever reading them raises comes through the first time."""
        known = self._known.get(municipality)
        if known is None:
            return self._look(municipality)
        read_at, rules = known
        if time.monotonic() - read_at < RULES_SECONDS or not self._lock.acquire(blocking=False):
            return rules
        try:
            # A thread may hold a connection already: only this one asks for a second.
            return self._look(municipality)
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Read all of them again when they are needed."""
        self._known.clear()

    def _look(self, municipality: str) -> Rules:
        rules = self._read(municipality)
        self._known[municipality] = (time.monotonic(), rules)
        return rules
