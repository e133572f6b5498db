"""Notes of the door for the workers behind it: who answered the form of a run, and who started a run.

Both go into Prefect beside what the person sent: a label of a new run, an input of a run that is answered. They are
signed, so that a worker believes the door alone, and name a code and never a name.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from adapters.runtime.credential import NOTE_LABEL, NOTE_PREFIX, hash_of_answers
from deployments.door.bodies import read_body, sized, whole_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from adapters.runtime.credential import Credential
    from adapters.runtime.staff import StaffMember
    from deployments.door.sessions import Session

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Noted = Callable[[Scope, Session, Receive, Send], Awaitable[None]]

_ANSWERED = re.compile(r"/api/flow_runs/([0-9a-f-]{36})/resume", re.IGNORECASE)
_STARTED = re.compile(r"/api/deployments/([0-9a-f-]{36})/create_flow_run", re.IGNORECASE)


@dataclass(frozen=True)
class Notes:
    """Passes what a person sends on to Prefect, with a note of who sent it."""

    app: Callable[[Scope, Receive, Send], Awaitable[None]]
    credential: Credential

    def of(self, path: str, member: StaffMember) -> Noted | None:
        """Return what passes a request to this path on; None for a path without a note."""
        for pattern, pass_on in ((_ANSWERED, self._answer), (_STARTED, self._start)):
            if found := pattern.fullmatch(path):
                return partial(pass_on, found[1].lower(), member)
        return None

    def _note(self, session: Session, member: StaffMember, about: str) -> str:
        note = {"soort": session.kind, "code": session.code, "over": about, "rollen": member.decides_as}
        return self.credential.notes.dumps(note)

    async def _answer(
        self, run: str, member: StaffMember, scope: Scope, session: Session, receive: Receive, send: Send
    ) -> None:
        body, given = await read_body(receive)
        values = (given or {}).get("run_input")
        if isinstance(values, dict):
            note = self._note(session, member, f"{run}:{hash_of_answers(values)}")
            await self._store(
                run, scope, {"key": f"{NOTE_PREFIX}{secrets.token_hex(8)}", "value": json.dumps(note)}
            )
        await self.app(scope, whole_body(body), send)

    async def _store(self, run: str, scope: Scope, stored: dict[str, str]) -> None:
        """Store the note first, so that it is there whenever a worker reads the answer."""
        body = json.dumps(stored).encode()
        path = f"/api/flow_runs/{run}/input"
        own = {**scope, "path": path, "raw_path": path.encode(), "headers": sized(scope, body)}

        async def heard(_: Message) -> None:
            """Let it be: without the note the worker says that it does not know who answered."""

        await self.app(own, whole_body(body), heard)

    async def _start(
        self,
        deployment: str,
        member: StaffMember,
        scope: Scope,
        session: Session,
        receive: Receive,
        send: Send,
    ) -> None:
        body, given = await read_body(receive)
        if given is not None:
            labels = given.get("labels") if isinstance(given.get("labels"), dict) else {}
            note = self._note(session, member, deployment)
            body = json.dumps(given | {"labels": {**(labels or {}), NOTE_LABEL: note}}).encode()
        await self.app({**scope, "headers": sized(scope, body)}, whole_body(body), send)
