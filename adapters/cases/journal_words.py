"""A row of the journal in words, the same on our pages and in Prefect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.runtime.actor import ActorKind
from milestones.definitions import kept_definition
from milestones.definitions.migrations import MOVED
from milestones.four_eyes import ASKED, GIVEN, first_answer
from milestones.policy_change import RECOUNTED
from milestones.steering import STEERING

if TYPE_CHECKING:
    from adapters.storage.database import JournalRow
    from milestones.policy import Policy

_OWN_WORDS = {
    "geopend": "Gestart",
    "overgedragen": "Overgedragen aan deze mijlpaal",
    MOVED: "Overgezet naar een nieuwe versie van de definitie",
    RECOUNTED: "Lopende termijnen volgen het nieuwe beleid",
}


def event_label(row: JournalRow, policy: Policy) -> str:
    """Return what a journal row says, in words."""
    if row.event in _OWN_WORDS:
        return _OWN_WORDS[row.event]
    definition = kept_definition(row.process.partition("#")[0], row.version)
    if row.rung is None and definition.knows(row.event):
        return definition.event(row.event).label
    if row.rung is None and row.event in STEERING:
        return _steered(row)
    term = (row.term or row.event.split("_")[0]).split("#")[0]
    name = policy.term(term).name if term in policy.terms else term
    if row.event.endswith("_waarschuwing"):
        return f"Waarschuwing: {name} ({term})"
    return f"Termijn voorbij: {name} ({term})"


def _steered(row: JournalRow) -> str:
    """Return what was done from outside the table of a process; of four eyes also what it was about."""
    label = STEERING[row.event].label
    if row.event == ASKED:
        definition = kept_definition(row.process.partition("#")[0], row.version)
        event, _ = first_answer(row.event, row.data)
        return f"{label}: {definition.event(event).label}"
    if row.event == GIVEN:
        if row.data.get("akkoord"):
            return f"{label}: akkoord"
        # Only who gave the first answer needs no reason to take it back.
        reason = row.data.get("reden")
        return f"{label}: niet akkoord, {reason}" if reason else f"{label}: eerste beoordeling ingetrokken"
    return label


def actor_label(row: JournalRow) -> str:
    """Return who did it, by the code, and how it came in; what a term did happened by itself."""
    if row.actor_kind == ActorKind.TERM:
        return "vanzelf"
    who = row.actor_code or row.actor_kind or str(ActorKind.UNKNOWN)
    return f"{who} ({row.actor_way})" if row.actor_way else who
