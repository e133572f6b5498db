"""Write the text of a delivery from the case as it stands. Nothing about a person goes in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from adapters.cases.presentation import process_title
from adapters.messages.message_kinds import (
    HANDOFF,
    HANDOFF_TERM,
    NOT_ACCEPTED,
    OVERDUE,
    TASKS,
    UNDELIVERED,
    WARNING,
)
from adapters.messages.text_rules import forbidden_to_residents, looks_like_bsn
from adapters.messages.texts import DIGEST_TEXT, PARTNER_TEXT, RESIDENT_TEXT
from adapters.runtime.clock import AMSTERDAM
from milestones.definition import OFFERED
from milestones.definitions import definition_of
from milestones.dutch import dutch_date
from milestones.roles import OUTSIDE, dutch_role
from milestones.snapshot import TermOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from adapters.cases.store import Kept
    from adapters.messages.texts import Texts
    from adapters.storage.database import OutboxRow
    from adapters.storage.message_tables import DeliveryRow
    from milestones.policy import Policy, Rules
    from milestones.process import RunningTerm, Snapshot

RESIDENT = "client"


@dataclass(frozen=True, slots=True)
class Written:
    """A message that is ready to be sent."""

    id: str
    title: str
    body: str


class UnsafeTextError(ValueError):
    """A message that would show what it must not: it is not sent."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about: the effect, the process as it stands, and where it is kept."""

    effect: OutboxRow
    process: Snapshot
    kept: Kept


class MessageWriter:
    """Fill in the texts."""

    def __init__(self, texts: Texts, rules_for: Callable[[str], Rules], ui_url: str) -> None:
        self._texts = texts
        self._rules_for = rules_for
        self._ui_url = ui_url

    def write(self, delivery: DeliveryRow, about: Subject, link: tuple[str, datetime] | None) -> Written:
        """Write one message; a text that would show too much is an UnsafeTextError."""
        effect = about.effect
        name = _text_name(delivery)
        values = self._values(delivery, about, link)
        if delivery.kind == UNDELIVERED:
            original = self._texts.text(effect.kind, delivery.municipality)
            values["onderwerp"] = original.title.partition(":")[2].format_map(values).strip() or effect.kind
        title, body = self._texts.text(name, delivery.municipality).write(values)
        body += late_line(effect)
        _check_safe(f"{title}\n{body}", to_resident=delivery.role == RESIDENT)
        return Written(values["id"], title, body)

    def digest(self, messages: Sequence[Written], municipality: str, digest_id: str) -> Written:
        """Put several messages into one."""
        listed = "\n\n".join(f"{message.title}\n{message.body}" for message in messages)
        values = {"aantal": str(len(messages)), "berichten": f"\n{listed}\n", "id": digest_id}
        title, body = self._texts.text(DIGEST_TEXT, municipality).write(values)
        return Written(digest_id, title, body)

    def _values(
        self, delivery: DeliveryRow, about: Subject, link: tuple[str, datetime] | None
    ) -> dict[str, str]:
        effect, process = about.effect, about.process
        definition = definition_of(process)
        policy = self._rules_for(delivery.municipality).policy
        term = _term_of(effect, process, delivery.kind)
        offered = process.state == OFFERED
        waits_for = (definition.first_state if offered else definition.state(process.state)).waits_for
        if offered and (after := _most_urgent(process, without=HANDOFF_TERM)) and after.due:
            waits_for = f"{waits_for}, uiterlijk {dutch_date(after.due)}"
        return {
            "zaak": effect.case_reference,
            "mijlpaal": process_title(process.name, policy.name_of(definition)),
            "gemeente": delivery.municipality,
            "rol": dutch_role(effect.role),
            "wacht_op": waits_for[:1].lower() + waits_for[1:],
            "taak": TASKS.get(effect.subject or "", "kijk naar deze zaak"),
            "uiterlijk": until_when(term),
            "waarom": why_then(term, policy),
            "overdracht_link": link[0] if link else "",
            "link_tot": dutch_date(link[1].astimezone(AMSTERDAM).date()) if link else "",
            "link": self._run_link(about.kept),
            "id": message_id(delivery, effect),
            "onderwerp": "",
        }

    def _run_link(self, kept: Kept) -> str:
        return (
            f"{self._ui_url}/runs/flow-run/{kept.flow_run_id}" if kept.flow_run_id else f"{self._ui_url}/runs"
        )


def overtaken(kind: str, about: Subject) -> str | None:
    """Say why a message need not be sent any more, or None."""
    if kind == NOT_ACCEPTED and about.process.state != OFFERED:
        return "de overdracht is intussen beantwoord"
    own = [item for item in about.process.terms if item.term == about.effect.term]
    if kind == WARNING:
        still = any(item.runs and item.due == about.effect.due for item in own)
    elif kind == OVERDUE:
        still = any(item.due in (about.effect.due, None) and not _met_in_time(item) for item in own)
    else:
        still = True
    return None if still else "de termijn is intussen gehaald of verschoven"


def _met_in_time(term: RunningTerm) -> bool:
    """Whether a term was met on a day that counts, perhaps reported after it was called missed."""
    return term.stopped is TermOutcome.MET and not term.is_overdue(date.max)


def until_when(term: RunningTerm | None) -> str:
    """Say until when."""
    if term is None:
        return "er loopt geen termijn"
    if term.due is None:
        return "de termijn staat stil"
    return dutch_date(term.due)


def why_then(term: RunningTerm | None, policy: Policy) -> str:
    """Say why a term ends on that day: what it is, how long it takes since when, and under which source."""
    if term is None:
        return ""
    kind = policy.term(term.term)
    try:
        length = (
            str(kind.length_for(term.variant)) if kind.length_for(term.variant).amount else "dezelfde dag"
        )
    except ValueError:
        length = ""
    since = f", {length} vanaf {dutch_date(term.anchor)}" if length and term.until is None else ""
    shifted = f", verschoven door {term.shifted_by}" if term.shifted_by else ""
    return f"{kind.name}{since} ({kind.source_text}{shifted})"


def message_id(delivery: DeliveryRow, effect: OutboxRow) -> str:
    """Give the id of a message: of the effect itself, or of what is told about it, which is no repeat of it."""
    return effect.id if delivery.kind == effect.kind else str(uuid.uuid5(uuid.UUID(effect.id), delivery.kind))


def _text_name(delivery: DeliveryRow) -> str:
    if delivery.role not in OUTSIDE:
        return delivery.kind
    return RESIDENT_TEXT if delivery.role == RESIDENT else PARTNER_TEXT


def _term_of(effect: OutboxRow, process: Snapshot, kind: str) -> RunningTerm | None:
    """Give the term that a message is about: its own, that of the hand-off, or the most urgent one."""
    if effect.term is not None:
        own = [item for item in process.terms if item.term == effect.term]
        return next((item for item in own if item.due == effect.due), own[-1] if own else None)
    if kind in (HANDOFF, NOT_ACCEPTED) and (handoff := process.running(HANDOFF_TERM)):
        return handoff
    return _most_urgent(process)


def _most_urgent(process: Snapshot, without: str = "") -> RunningTerm | None:
    running = [item for item in process.terms if item.runs and item.term != without]
    return min(running, key=lambda item: (item.due is None, item.due or date.max), default=None)


def _check_safe(text: str, *, to_resident: bool) -> None:
    if looks_like_bsn(text):
        raise UnsafeTextError("in het bericht staat een nummer dat op een BSN lijkt")
    if to_resident and (word := forbidden_to_residents(text)):
        raise UnsafeTextError(f"het woord '{word}' mag niet in een bericht aan een inwoner staan")


def late_line(effect: OutboxRow) -> str:
    """Say so when a message comes later than its day, for instance after days of downtime."""
    made_on = effect.created_at.astimezone(AMSTERDAM).date()
    if effect.planned_on is None or made_on <= effect.planned_on:
        return ""
    return f"\nDit bericht komt later dan gepland: het hoorde bij {dutch_date(effect.planned_on)}."
