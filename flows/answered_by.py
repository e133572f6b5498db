"""Who answered a form or started an action: what the door noted in Prefect, under its own signature.

The door stands before Prefect and knows who is in; the worker that applies the answer stands behind it. A note of the
door names a code and what it is about, and nobody else can write one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from itsdangerous import BadSignature
from prefect.client.orchestration import get_client

from adapters.runtime.actor import Actor, ActorKind, Way, is_code
from adapters.runtime.credential import NOTE_LABEL, NOTE_PREFIX, Credential, hash_of_answers
from flows.prefect_seam.parking import forget_when_parked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prefect.client.schemas.objects import FlowRun

_MOST_NOTES = 200


def starter_of(run: FlowRun) -> Actor:
    """Return who started a run of an action; what Prefect starts by itself is a system."""
    note = run.labels.get(NOTE_LABEL)
    read = _read(str(note)) if note is not None else None
    if read is None:
        return Actor(ActorKind.SYSTEM if note is None else ActorKind.UNKNOWN, "prefect", Way.ACTION)
    if read.get("over") != str(run.deployment_id):
        return Actor(ActorKind.UNKNOWN, None, Way.ACTION)
    return _actor(read, Way.ACTION)


def answerer_of(run: FlowRun, values: Mapping[str, Any]) -> Actor:
    """Return who gave these values in the form of a run; two people who gave the same ones cannot be told apart."""
    about = f"{run.id}:{hash_of_answers(values)}"
    notes = get_client(sync_client=True).filter_flow_run_input(run.id, NOTE_PREFIX, _MOST_NOTES, set())
    read = {stored.key: note for stored in notes if (note := _read(str(stored.decoded_value))) is not None}
    same = {key: note for key, note in read.items() if note.get("over") == about}
    forget_when_parked(same)
    found = {(note["soort"], note["code"]): note for note in same.values()}
    if len(found) == 1:
        return _actor(next(iter(found.values())), Way.FORM)
    if not found and not read:
        return Actor(ActorKind.SYSTEM, "prefect", Way.FORM)  # a machine answered: people pass the door
    return Actor(ActorKind.UNKNOWN, None, Way.FORM)


def _actor(note: Mapping[str, Any], way: Way) -> Actor:
    """Return whom a note names, with the roles with which he decides where the door knew them."""
    roles = note.get("rollen")
    known = None if roles is None else {place: tuple(found) for place, found in roles.items()}
    return Actor(ActorKind(note["soort"]), note["code"], way, known)


def _read(note: str) -> dict[str, Any] | None:
    """Return what a note says; None when it is none of the door."""
    try:
        read: dict[str, Any] = Credential(os.environ.get("PREFECT_API_AUTH_STRING", "")).notes.loads(note)
    except BadSignature:
        return None
    return read if read.get("soort") in set(ActorKind) and is_code(read.get("code")) else None
