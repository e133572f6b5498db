"""Web sockets of who did not say yet who he is: he has some seconds for it, and there are few of them at a time.

Prefect waits for that first word without end, and answers a hundred requests at a time on SQLite: a hundred silent
sockets would keep everybody out. So none of them comes as far as Prefect before it said the right word.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from adapters.runtime.credential import Credential

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_PROTOCOL = "prefect"  # with it a machine shows the credential in its first message
_LONGEST_WORD = 4_096


@dataclass(frozen=True)
class Strangers:
    """Waits for the first word of each; who waits longest makes room for who is new."""

    seconds: float = 15.0
    most: int = 100
    _waiting: dict[asyncio.Future[Message], None] = field(default_factory=dict)

    async def let_in(
        self, app: App, credential: Credential, scope: Message, receive: Receive, send: Send
    ) -> None:
        """Pass a socket on to Prefect as it came, when it shows the credential; any other is closed."""
        asked = await receive()
        if _PROTOCOL not in scope.get("subprotocols", ()):
            return await send({"type": "websocket.close", "code": 1008})
        await send({"type": "websocket.accept", "subprotocol": _PROTOCOL})
        word = await self._first_word(receive)
        if word is None or not _shows(word, credential):
            return None  # closed at once: a farewell would wait for an answer
        heard, accepted = [word, asked], False

        async def received() -> Message:
            return heard.pop() if heard else await receive()

        async def sent(message: Message) -> None:
            nonlocal accepted
            if accepted or message["type"] != "websocket.accept":
                await send(message)
            accepted = True

        return await app(scope, received, sent)

    async def _first_word(self, receive: Receive) -> Message | None:
        waits = asyncio.ensure_future(receive())
        self._waiting[waits] = None
        if len(self._waiting) > self.most:
            next(iter(self._waiting)).cancel()
        try:
            await asyncio.wait({waits}, timeout=self.seconds)
            return waits.result() if waits.done() and not waits.cancelled() else None
        finally:
            del self._waiting[waits]
            waits.cancel()


def _shows(message: Message, credential: Credential) -> bool:
    text = message.get("text") or ""
    try:
        said = json.loads(text) if len(text) <= _LONGEST_WORD else None
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("type") == "auth" and credential.is_word(said.get("token"))
