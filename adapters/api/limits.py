"""How often one caller may ask and guess wrong. Kept in memory, by each process of the API."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_REMEMBERED = 10_000


@dataclass
class RateLimit:
    """A bucket for each caller: it fills with `per_second` and holds a burst of some seconds."""

    per_second: float
    burst_seconds: float = 5.0
    now: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def wait(self, caller: str) -> float:
        """Take one request; give 0, or how many seconds this caller has to wait."""
        most = max(1.0, self.per_second * self.burst_seconds)
        with self._lock:
            now = self.now()
            left, since = self._buckets.pop(caller, (most, now))
            left = min(most, left + (now - since) * self.per_second)
            allowed = left >= 1
            self._buckets[caller] = (left - 1 if allowed else left, now)
            _forget_oldest(self._buckets)
        return 0.0 if allowed else (1 - left) / self.per_second


@dataclass
class LockOut:
    """Shuts out who guessed wrong too often. Another client at the same address still gets in."""

    failures: int = 10
    seconds: float = 300.0
    now: Callable[[], float] = time.monotonic
    _failed: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def wait(self, who: str) -> float:
        """Return 0, or how many seconds this one is still shut out."""
        with self._lock:
            moments = self._recent(who)
            if len(moments) < self.failures:
                return 0.0
            return moments[-self.failures] + self.seconds - self.now()

    def failed(self, who: str) -> None:
        """Note a wrong guess."""
        with self._lock:
            moments = self._recent(who)
            moments.append(self.now())
            self._failed[who] = moments[-self.failures :]
            self._failed.move_to_end(who)
            _forget_oldest(self._failed)

    def _recent(self, who: str) -> list[float]:
        since = self.now() - self.seconds
        return [moment for moment in self._failed.get(who, []) if moment > since]


def _forget_oldest(items: OrderedDict[str, Any]) -> None:
    while len(items) > _MOST_REMEMBERED:
        items.popitem(last=False)
