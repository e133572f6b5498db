"""Web sockets of who did not say yet who he is: he has some seconds for it, and there are few of them at a time.

Prefect waits for that first word without end, so that whoever opens enough sockets would keep everybody else out.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]

_LONGEST_WORD = 4_096
_GONE = {"type": "websocket.disconnect", "code": 1008}


@dataclass(frozen=True)
class Strangers:
    """Waits for the first word of each; who waits longest makes room for who is new."""

    seconds: float = 15.0
    most: int = 100
    _waiting: dict[asyncio.Future[Message], None] = field(default_factory=dict)

    def heard(self, receive: Receive) -> Receive:
        """Return what Prefect hears of somebody new: that he is gone, when he says nothing or much too much."""
        heard = 0

        async def received() -> Message:
            nonlocal heard
            heard += 1
            return await (self._first_word(receive) if heard == 2 else receive())  # noqa: PLR2004 - after the connection

        return received

    async def _first_word(self, receive: Receive) -> Message:
        waits = asyncio.ensure_future(receive())
        self._waiting[waits] = None
        if len(self._waiting) > self.most:
            next(iter(self._waiting)).cancel()
        try:
            await asyncio.wait({waits}, timeout=self.seconds)
            if not waits.done() or waits.cancelled():
                return dict(_GONE)
            message = waits.result()
        finally:
            del self._waiting[waits]
            waits.cancel()
        said = message.get("text") or message.get("bytes") or ""
        return dict(_GONE) if len(said) > _LONGEST_WORD else message
