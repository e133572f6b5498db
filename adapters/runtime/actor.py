"""Who did something, and how it came in. The journal names it in every row, by a code and never by a name.

Each way in says once who acts; what is written meanwhile has that actor. Where nobody said so, the actor is unknown.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


class ActorKind(StrEnum):
    """What kind of actor it is."""

    PERSON = "medewerker"
    SYSTEM = "systeem"
    TERM = "termijn"
    OPERATOR = "beheerder"
    UNKNOWN = "onbekend"


class Way(StrEnum):
    """How it came in; a term comes in no way."""

    FORM = "formulier"
    ACTION = "actie"
    LINK = "link"
    API = "API"
    COMMAND = "opdracht"
    DELIVERY = "levering"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts.

    `roles` are those with which a person decides, per gemeentecode and `*` for each; None where they are not known.
    """

    kind: ActorKind
    code: str | None = None
    way: Way | None = None
    roles: Mapping[str, tuple[str, ...]] | None = None

    def roles_in(self, municipality: str) -> tuple[str, ...] | None:
        """Return the roles with which this person decides in a gemeente; None where they are not known."""
        if self.roles is None:
            return None
        return (*self.roles.get("*", ()), *self.roles.get(municipality, ()))


_NOBODY = Actor(ActorKind.UNKNOWN)
_acting: ContextVar[Actor] = ContextVar("routekaart-actor", default=_NOBODY)


def acting() -> Actor:
    """Return who acts now, in this thread or task."""
    return _acting.get()


@contextmanager
def acts(actor: Actor) -> Iterator[None]:
    """Say who acts until the block ends."""
    before = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(before)


def act_as(actor: Actor) -> None:
    """Say who acts from now on, in this context."""
    _acting.set(actor)


def is_code(text: object) -> bool:
    """Whether a text can be the code of an actor."""
    return isinstance(text, str) and _CODE.fullmatch(text) is not None


def shown_actor(kind: str | None, code: str | None, way: str | None) -> dict[str, str | None]:
    """Return an actor in the words of the contract (4.3); a row from before there were actors has an unknown one."""
    return {"soort": kind or str(ActorKind.UNKNOWN), "code": code, "weg": way}
