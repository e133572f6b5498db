"""Who is the person of this request: for every page of ours that a person opens.

The door (`deployments/door`) stands before our pages, lets in who has a session, and puts a `StaffMember` in the
scope of the request; a client cannot set it. A page asks for it, checks a right, and narrows what it reads:

    @router.get("/mijn")
    def mine(person: ThePerson, office: TheOffice) -> HTMLResponse:
        check_right(person, Right.LOOK)                    # 403 with a sentence
        person.code                                        # 'mw-17', never a name
        person.municipalities                              # {'0518'}, or None for every gemeente
        person.sees(case.municipality)                     # else: the case does not exist for this person
        person.may(Right.ACT, case.municipality)           # whether there is a button
        person.has_role(StaffRole.COORDINATOR, "0518")

What is done in such a request has this person as its actor: `with acts(actor_of(person)):`. Tests put a person in the
scope with `as_person(app, member)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from adapters.api.problems import Problem
from adapters.runtime.actor import Actor, ActorKind, Way
from adapters.runtime.staff import Right, StaffMember

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

SCOPE_KEY = "routekaart.person"


async def _person(request: Request) -> StaffMember:
    person = request.scope.get(SCOPE_KEY)
    if not isinstance(person, StaffMember):
        raise Problem(401, "U bent nog niet binnen. Log eerst in.")
    return person


ThePerson = Annotated[StaffMember, Depends(_person)]


def check_right(person: StaffMember, right: Right, municipality: str | None = None) -> None:
    """Refuse, with one sentence, what a person has no right to."""
    if not person.may(right, municipality):
        raise Problem(403, f"U mag dit niet: het recht '{right}' ontbreekt. Vraag de beheerder erom.")


def actor_of(person: StaffMember, way: Way = Way.FORM) -> Actor:
    """Return the actor that the journal names for what this person does."""
    return Actor(ActorKind.PERSON, person.code, way, person.decides_as)


def as_person(
    app: Callable[..., Awaitable[None]], member: StaffMember
) -> Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]:
    """Return an application of which every request is made by this person, as the door does it."""

    async def known(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, SCOPE_KEY: member}, receive, send)

    return known
