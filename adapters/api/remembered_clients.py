"""The clients that called a moment ago, so that the database is not asked about each of them with every request.

Only clients that are there are remembered: who is new gets in at once, and who guesses is looked up each time. Who
is revoked gets in no longer than `REMEMBERED_SECONDS` in each process of the API.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.storage.exchange_tables import ClientRow

REMEMBERED_SECONDS = 5.0
_MOST_REMEMBERED = 1_000


@dataclass
class RememberedClients:
    """Clients by the name under which they were looked up."""

    seconds: float = REMEMBERED_SECONDS
    now: Callable[[], float] = time.monotonic
    _found: OrderedDict[str, tuple[float, ClientRow]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, name: str) -> ClientRow | None:
        """Return the client of this name; None when it was not looked up in the last seconds."""
        with self._lock:
            since, row = self._found.get(name, (0.0, None))
            return row if self.now() - since < self.seconds else None

    def looked_up(self, name: str, row: ClientRow | None) -> ClientRow | None:
        """Remember what the database says of a name, and give it."""
        with self._lock:
            self._found.pop(name, None)
            if row is not None:
                self._found[name] = (self.now(), row)
            while len(self._found) > _MOST_REMEMBERED:
                self._found.popitem(last=False)
        return row
