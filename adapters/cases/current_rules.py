"""The rules of each municipality as they count now, read again every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from milestones.policy import Rules

RULES_SECONDS = 5.0
PATIENCE_SECONDS = 1.0
"""How long one thread waits for what is read again; the others go on with what is known."""

log = structlog.get_logger("routekaart.rules")


class CurrentRules:
    """Rules by municipality.

    Who asks may be in a transaction, with the last connection that there is. So they are read on a thread of their own,
    and nobody waits for it longer than `PATIENCE_SECONDS`.
    """

    def __init__(self, read: Callable[[], Mapping[str, Rules]], otherwise: Callable[[str], Rules]) -> None:
        self._read, self._otherwise = read, otherwise
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._known: dict[str, Rules] | None = None

    def of(self, municipality: str) -> Rules:
        """Return the rules of a municipality; of one that took none into use what `otherwise` gives or raises."""
        known = self._known if self._known is not None else self.look()
        if self._takes_a_turn():
            reader = threading.Thread(target=self._look_again, name="routekaart-rules", daemon=True)
            reader.start()
            reader.join(PATIENCE_SECONDS)
            known = self._known if self._known is not None else known
        if municipality not in known:
            known[municipality] = self._otherwise(municipality)
        return known[municipality]

    def look(self) -> dict[str, Rules]:
        """Read all of them now, outside a transaction; whatever that raises comes through."""
        self._looked_at = time.monotonic()
        self._known = known = dict(self._read())
        return known

    def _takes_a_turn(self) -> bool:
        """Whether it is time to read again, for the first thread that asks."""
        with self._lock:
            if time.monotonic() - self._looked_at < RULES_SECONDS:
                return False
            self._looked_at = time.monotonic()
            return True

    def _look_again(self) -> None:
        try:
            self.look()
        except Exception as error:  # noqa: BLE001 - what was read before still counts, and the next look is soon
            log.warning("rules_not_read", error=type(error).__name__)
