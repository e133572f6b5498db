"""Who decides: what an event gets from who acts, and what becomes of one for which two people look (four eyes)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.runtime.actor import ActorKind, acting
from milestones.case import apply
from milestones.definitions import definition_of
from milestones.event_fields import READER
from milestones.four_eyes import (
    ASKED,
    GIVEN,
    WHO_ARE_YOU,
    asking,
    asks_second,
    decided,
    known_alone,
    proposal,
)
from milestones.process import Event, NotPossible
from milestones.roles import OVERRULERS, dutch_role
from milestones.steering import STEERING

if TYPE_CHECKING:
    from datetime import date

    from milestones.case import Case
    from milestones.policy import Policy, Rules
    from milestones.snapshot import Snapshot

_READER = READER.name
_DECIDER = "beslist_door"
FILLED_IN = frozenset({_READER, _DECIDER})
"""What an event gets from who acts, where he did not say it himself."""


def signed(event: Event, process: Snapshot, roles: tuple[str, ...] | None, policy: Policy) -> Event:
    """Return an event with the roles of who acts, and what it asks of him: his code, and the role that decides.

    NotPossible when a known person names somebody else, or a role that is not his.
    """
    definition = definition_of(process)
    if event.name in STEERING:
        spec = STEERING[event.name]
    elif definition.knows(event.name):
        spec = definition.event(event.name)
    else:
        return replace(event, by=roles)
    asked = {item.name for item in spec.fields}
    data, code = dict(event.data), _known_code(policy)
    if _READER in asked and code is not None:
        if data.get(_READER) not in (None, code):
            raise NotPossible(f"Wie beoordeelt, meldt het zelf: '{_READER}' is een ander dan wie dit meldt.")
        data[_READER] = code
    if _DECIDER in asked and roles is not None:
        able = [dutch_role(role) for role in OVERRULERS if policy.role(role) in roles]
        if data.get(_DECIDER) not in (None, *able):
            raise NotPossible(f"Wie beslist, meldt het zelf: '{_DECIDER}' is een rol die je niet hebt.")
        if able and data.get("overrulereden") is not None:
            data.setdefault(_DECIDER, able[0])
    return replace(event, data=data, by=roles)


def _known_code(policy: Policy) -> str | None:
    """Return the code of who acts where it is known who that is.

    The user of this machine is known too, but on his own he is every role: he counts only where two people must look.
    """
    actor = acting()
    known = actor.kind is ActorKind.PERSON or (actor.kind is ActorKind.OPERATOR and policy.second_opinions)
    return actor.code if known else None


def with_four_eyes(
    case: Case, name: str, before: Snapshot, event: Event, today: date, rules: Rules, quiet: bool
) -> tuple[Event, ...] | None:
    """Return what becomes of an event for which two people look: it waits, or is decided; None for any other.

    NotPossible when it could not happen now, and when nobody knows who acts.
    """
    if event.name == ASKED:
        raise NotPossible(f"'{ASKED}' meldt het systeem zelf.")
    code = _known_code(rules.policy)
    if code is None and known_alone(rules.policy, event.name):
        raise NotPossible(WHO_ARE_YOU)
    if event.name == GIVEN:
        waits = proposal(before)
        if waits is None or event.data.get("akkoord") is not True:
            return (event,)
        on = max(waits.event.on, event.on)  # before two people judged, there was no decision
        return (event, *decided(before, replace(waits.event, on=on), code))
    kind = None if quiet else asks_second(rules.policy, before, event, code)
    if kind is None:
        return None
    if code is None:
        raise NotPossible(WHO_ARE_YOU)
    tried = case
    for one in decided(before, event, None):
        tried, _ = apply(tried, name, one, today, rules)
    return (asking(event, kind, code),)
