"""The kinds of message, and which of them must always reach somebody."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from milestones.vocabulary import (
    AFTERCARE,
    CONTACT_AT_RELAPSE,
    CRISIS_HELP,
    DEFAULT_NOTICE,
    FIXING_PENALTY,
    HANDOFF_TERM,
    PENALTY_RUNS,
    URGENT_TALK,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.vocabulary import EventName, TermId

HANDOFF = "overdracht"
NOT_ACCEPTED = "overdracht_niet_aanvaard"
NOTICE = "kennisgeving"
NEW_CASE = "nieuwe_zaak"
WARNING = "waarschuwing"
OVERDUE = "termijn_gemist"
ELAPSED = "termijn_verstreken"
TASK = "taak"
# Told to the coordinator when a message reached nobody; not a kind that somebody can have a wish about.
UNDELIVERED = "niet_bezorgd"

MESSAGE_KINDS = (
    HANDOFF,
    NOT_ACCEPTED,
    NEW_CASE,
    NOTICE,
    TASK,
    WARNING,
    OVERDUE,
    ELAPSED,
)
# The name under which a recipient says how he wants any message about a threatening situation.
CRISIS = "crisis"
# Nobody may be left without these: "niet" of everyone is not followed.
CANNOT_BE_SWITCHED_OFF = (CRISIS, OVERDUE, NOT_ACCEPTED)


@dataclass(frozen=True, slots=True)
class OwnText:
    """A text that says more than the one of its kind, and the term that says until when."""

    name: str
    term: TermId | None = None


_DEFAULT = OwnText("ingebrekestelling", DEFAULT_NOTICE)
_PENALTY = OwnText("dwangsom", PENALTY_RUNS)
_FIX_PENALTY = OwnText("dwangsom_vaststellen", FIXING_PENALTY)
_CRISIS = OwnText("crisis", URGENT_TALK)
_WAITS = OwnText("overdracht_wacht", HANDOFF_TERM)
_NOT_TAKEN = OwnText("overdracht_gemist", HANDOFF_TERM)
_CONTACT = OwnText("contactmoment", CONTACT_AT_RELAPSE)
# By kind of message, and by the term or the event that it is about.
_OWN_WORDS: dict[tuple[str, TermId | EventName], OwnText] = {
    (WARNING, HANDOFF_TERM): _WAITS,
    (OVERDUE, HANDOFF_TERM): _NOT_TAKEN,
    (NOTICE, "ingebrekestelling_ontvangen"): _DEFAULT,
    (WARNING, DEFAULT_NOTICE): _DEFAULT,
    (OVERDUE, DEFAULT_NOTICE): _PENALTY,
    (WARNING, PENALTY_RUNS): _PENALTY,
    (ELAPSED, PENALTY_RUNS): _FIX_PENALTY,
    (NOTICE, "T22_verlopen"): _FIX_PENALTY,
    (WARNING, FIXING_PENALTY): _FIX_PENALTY,
    (NOTICE, "bedreigend"): _CRISIS,
    (NOTICE, "crisissignaal"): _CRISIS,
    (NOTICE, "crisis_actief"): OwnText("crisis", CRISIS_HELP),
    (WARNING, URGENT_TALK): _CRISIS,
    (NOTICE, "signaal_ontvangen"): _CONTACT,
    (WARNING, CONTACT_AT_RELAPSE): _CONTACT,
    (WARNING, AFTERCARE): OwnText("contactmoment", AFTERCARE),
}
OWN_WORDS: Mapping[tuple[str, str], OwnText] = MappingProxyType(
    {(kind, about): text for (kind, about), text in _OWN_WORDS.items()}
)
OWN_TEXT_NAMES = tuple(dict.fromkeys(text.name for text in OWN_WORDS.values()))
