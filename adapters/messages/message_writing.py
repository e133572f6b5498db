"""Write the text of a delivery from the case as it stands. Nothing about a person goes in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from adapters.cases.presentation import process_title
from adapters.messages.letters import Point, Written, as_list
from adapters.messages.message_kinds import (
    ELAPSED,
    HANDOFF,
    NOT_ACCEPTED,
    NOTICE,
    OVERDUE,
    OWN_WORDS,
    TASK,
    UNDELIVERED,
    WARNING,
)
from adapters.messages.tasks import task_text
from adapters.messages.text_rules import forbidden_to_residents, looks_like_bsn
from adapters.messages.texts import DIGEST_TEXT, PARTNER_TEXT, RESIDENT_TEXT
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import AMSTERDAM
from milestones.definition import OFFERED
from milestones.definitions import definition_of
from milestones.dutch import dutch_date
from milestones.four_eyes import waits_for as waiting_for
from milestones.penalty import first_day_owed, last_day_owed
from milestones.roles import OUTSIDE, dutch_role
from milestones.running import reservation
from milestones.snapshot import TermOutcome
from milestones.terms import Kind
from milestones.vocabulary import AFTERCARE, FIXING_PENALTY, HANDOFF_TERM, PENALTY_RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from adapters.messages.causes import Cause
    from adapters.messages.message_kinds import OwnText
    from adapters.messages.page_links import PageLinks
    from adapters.messages.texts import Texts
    from adapters.runtime.clock import Clock
    from adapters.storage.database import OutboxRow
    from adapters.storage.message_tables import DeliveryRow
    from milestones.calendar import Length
    from milestones.policy import Policy, Rules
    from milestones.process import RunningTerm, Snapshot
    from milestones.terms import Term

RESIDENT = "client"
URGENT = "SPOED - "
_DAYS_FOR_CONTACT = 5  # working days after a moment of the nazorg; a product choice


class UnsafeTextError(ValueError):
    """A message that would show what it must not: it is not sent."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message is about: the effect and what made it, and the process as it stands."""

    effect: OutboxRow
    process: Snapshot
    cause: Cause | None = None
    has_contact: bool = False  # the resident has a contact person of his own
    offered_to: tuple[str, ...] = ()  # codes of who was asked to accept a hand-off


class MessageWriter:
    """Fill in the texts."""

    def __init__(
        self, texts: Texts, rules_for: Callable[[str], Rules], pages: PageLinks, clock: Clock
    ) -> None:
        self._texts = texts
        self._rules_for = rules_for
        self._pages = pages
        self._clock = clock

    def write(self, delivery: DeliveryRow, about: Subject, link: tuple[str, datetime] | None) -> Written:
        """Write one message; a text that would show too much is an UnsafeTextError."""
        effect = about.effect
        own = _own_text(delivery.kind, about)
        values = self._values(delivery, about, own, link)
        if delivery.kind == UNDELIVERED:
            told = _own_text(effect.kind, about)
            original = self._texts.text(told.name if told else effect.kind, delivery.municipality)
            values["onderwerp"] = original.title.partition(":")[2].format_map(values).strip() or effect.kind
        title, body = self._texts.text(_text_name(delivery, own), delivery.municipality).write(values)
        if delivery.role not in OUTSIDE:
            body += late_line(effect)
            if delivery.urgent and not title.casefold().startswith("spoed"):
                title = f"{URGENT}{title}"
        _check_safe(f"{title}\n{body}", to_resident=delivery.role == RESIDENT)
        point = _point(delivery, about, values, title) if delivery.role not in OUTSIDE else None
        where = point.link if point else ""
        return Written(values["id"], title, body, where, point, delivery.municipality)

    def digest(self, messages: Sequence[Written], delivery: DeliveryRow, digest_id: str) -> Written:
        """Put several messages to one recipient into a list: a line for each case, what is urgent first."""
        points = [message.point for message in messages if message.point is not None]
        link = self._pages.mine(delivery.recipient)
        values = {
            "aantal": str(len(messages)),
            "berichten": f"\n{as_list(points)}\n",
            "id": digest_id,
            "mijn_werk": link,
        }
        title, body = self._texts.text(DIGEST_TEXT, delivery.municipality).write(values)
        if any(point.urgent for point in points):
            title = f"{URGENT}{title}"
        return Written(digest_id, title, body, link, municipality=delivery.municipality)

    def _values(
        self,
        delivery: DeliveryRow,
        about: Subject,
        own: OwnText | None,
        link: tuple[str, datetime] | None,
    ) -> dict[str, str]:
        effect, process = about.effect, about.process
        definition, today = definition_of(process), self._clock.today()
        policy = self._rules_for(delivery.municipality).policy
        offered = process.state == OFFERED
        waits_for = definition.first_state.waits_for if offered else waiting_for(definition, process)
        if (
            offered
            and (after := _most_urgent(process, policy, HANDOFF_TERM))
            and after.due
            and after.due >= today
        ):
            waits_for = f"{waits_for}, {by_when(after.due, today)}"
        task = task_text(effect.subject, policy)
        values = {
            "zaak": effect.case_reference,
            "mijlpaal": process_title(process.name, policy.name_of(definition)),
            "gemeente": delivery.municipality,
            "rol": dutch_role(effect.role),
            "wacht_op": waits_for[:1].lower() + waits_for[1:],
            "gebeurtenis": (about.cause.label if about.cause else "")
            or (waits_for if effect.kind == NOTICE else ""),
            "gebeurd_op": dutch_date(about.cause.on) if about.cause else "",
            "door": about.cause.by if about.cause else "",
            "taak": task.asks,
            "contact": "uw vaste contactpersoon" if about.has_contact else "de gemeente",
            "overdracht_link": link[0] if link else "",
            "link_tot": dutch_date(link[1].astimezone(AMSTERDAM).date()) if link else "",
            "link": self._pages.case(effect.case_reference, delivery.recipient),
            "aangeboden_aan": " en ".join(about.offered_to),
            "id": message_id(delivery, effect),
            "onderwerp": "",
        }
        return values | self._when(delivery.kind, about, own, policy)

    def _when(self, kind: str, about: Subject, own: OwnText | None, policy: Policy) -> dict[str, str]:
        """Say until when, why then, and what it costs to wait."""
        effect, process, today = about.effect, about.process, self._clock.today()
        term = _term_of(effect, process, kind, policy, own)
        passed = kind in (OVERDUE, ELAPSED) and own is None  # these tell of a day that is over
        values = {
            "uiterlijk": _past(term) if passed else until_when(term, today),
            "waarom": why_then(term, policy),
            "gevolg": policy.term(term.term).at_expiry if term else "",
            **penalty_days(effect, process),
        }
        if kind == TASK:
            task = task_text(effect.subject, policy)
            term = next((found for name in task.terms if (found := process.running(name))), None)
            by = self._working_days_on(effect, task.within)
            until = min(by, term.due) if term and term.due else by
            values |= {
                "uiterlijk": by_when(until, today).removeprefix("uiterlijk "),
                "waarom": why_then(term, policy) if term and until == term.due else "",
                "gevolg": task.otherwise,
            }
        elif kind == WARNING and effect.term == AFTERCARE and term and term.due:
            until = min(self._working_days_on(effect, _DAYS_FOR_CONTACT), term.due)
            values["uiterlijk"] = by_when(until, today).removeprefix("uiterlijk ")
        return values

    def _working_days_on(self, effect: OutboxRow, days: int) -> date:
        """Return the day some working days after the one to which a message belongs."""
        day = effect.planned_on or effect.created_at.astimezone(AMSTERDAM).date()
        return self._rules_for(effect.municipality).calendar.add_working_days(day, days)


def penalty_days(effect: OutboxRow, process: Snapshot) -> dict[str, str]:
    """Return the first and the last day of the dwangsom that a message is about (Awb art. 4:17), when there is one."""
    owed = _penalty_of(effect, process)
    if owed is None or owed.due is None:
        return {"eerste_dag": "", "laatste_dag": ""}
    return {"eerste_dag": dutch_date(first_day_owed(owed)), "laatste_dag": dutch_date(owed.due)}


def _penalty_of(effect: OutboxRow, process: Snapshot) -> RunningTerm | None:
    """Return the dwangsom of a message: there may be one for the decision, and one for the bezwaar against it."""
    every = [term for term in process.terms if term.term == PENALTY_RUNS]
    if effect.term == PENALTY_RUNS:
        every = [term for term in every if term.due == effect.due] or every
    elif effect.term == FIXING_PENALTY:
        counted_from = [
            term.anchor for term in process.terms if term.term == FIXING_PENALTY and term.due == effect.due
        ]
        every = [term for term in every if last_day_owed(term) in counted_from] or every
    return every[-1] if every else None


def _point(delivery: DeliveryRow, about: Subject, values: dict[str, str], title: str) -> Point:
    """Return what a message says of its case in one line."""
    what = title.removeprefix(URGENT).removeprefix(f"Zaak {delivery.case_reference}: ")
    if delivery.kind == TASK:
        what = values["taak"]
    elif delivery.kind in (WARNING, OVERDUE):
        what = f"{what}, {values['wacht_op']}"
    elif delivery.kind == NOTICE and values["door"]:
        what = f"{what} (door {values['door']})"
    running = [term.due for term in about.process.terms if term.runs and term.due is not None]
    day = about.effect.due or min(running, default=None)
    link = values["overdracht_link"] or values["link"]
    return Point(delivery.case_reference, what, day, values["uiterlijk"], link, delivery.urgent)


def overtaken(kind: str, about: Subject) -> str | None:
    """Say why a message need not be sent any more, or None."""
    about_handoff = kind == NOT_ACCEPTED or about.effect.term == HANDOFF_TERM
    if about_handoff and about.process.state != OFFERED:
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


def until_when(term: RunningTerm | None, today: date) -> str:
    """Say until when; a day that is over is never given as one that is still to come."""
    if term is None:
        return ""
    if term.due is None:
        return "de termijn staat stil"
    return by_when(term.due, today).removeprefix("uiterlijk ")


def by_when(day: date, today: date) -> str:
    """Say by which day something must be done, or that the day is over."""
    if day < today:
        return f"zo snel als het kan, want de laatste dag was {dutch_date(day)}"
    return f"uiterlijk {'vandaag, ' if day == today else ''}{dutch_date(day)}"


def _past(term: RunningTerm | None) -> str:
    return dutch_date(term.due) if term and term.due else ""


def why_then(term: RunningTerm | None, policy: Policy) -> str:
    """Say why a term ends on that day: what it is, how long it takes since when, and under which source."""
    if term is None:
        return ""
    kind = policy.term(term.term)
    shifted = f", verschoven door {term.shifted_by}" if term.shifted_by else ""
    known_so_far = reservation(term, policy, dutch_calendar())
    note = f" {known_so_far}" if known_so_far else ""
    return f"{kind.name}{_how_long(term, kind)} ({kind.source_text}{shifted}).{note}".removesuffix(".")


def _how_long(term: RunningTerm, kind: Term) -> str:
    if term.until is not None:
        return ", op de dag die in de brief of de uitspraak staat"
    if term.cap is not None and term.cap == term.due:
        return ", op de laatste dag van de termijn die al liep"
    try:
        length = kind.length_for(term.variant)
    except ValueError:
        return ""
    return f", {_counted(term, kind, length)}" + (
        f", {term.suspended_days} {_days(term.suspended_days)} stilgestaan" if term.suspended_days else ""
    )


def _counted(term: RunningTerm, kind: Term, length: Length) -> str:
    if length.amount == 0:
        return f"op de dag zelf ({dutch_date(term.anchor)})"
    if length.backward:
        return f"{str(length).removesuffix(' terug')} voor {dutch_date(term.anchor)}"
    if length.includes_first_day:
        return f"{length} met {dutch_date(term.anchor)} als eerste dag"
    return f"{length} vanaf {dutch_date(term.anchor + timedelta(days=kind.starts_next_day))}"


def _days(number: int) -> str:
    return "dag" if number == 1 else "dagen"


def message_id(delivery: DeliveryRow, effect: OutboxRow) -> str:
    """Return the id of a message: of the effect itself, or of what is told about it, which is no repeat of it."""
    return effect.id if delivery.kind == effect.kind else str(uuid.uuid5(uuid.UUID(effect.id), delivery.kind))


def _own_text(kind: str, about: Subject) -> OwnText | None:
    """Return the text that a message has for its term or its event, when it has one."""
    what = (about.effect.term, about.cause.event if about.cause else None)
    return next((OWN_WORDS[kind, name] for name in what if name and (kind, name) in OWN_WORDS), None)


def _text_name(delivery: DeliveryRow, own: OwnText | None) -> str:
    if delivery.role not in OUTSIDE:
        return own.name if own else delivery.kind
    return RESIDENT_TEXT if delivery.role == RESIDENT else PARTNER_TEXT


def _term_of(
    effect: OutboxRow, process: Snapshot, kind: str, policy: Policy, own: OwnText | None
) -> RunningTerm | None:
    """Return the term that a message is about: its own, that of its text or of the hand-off, or the most urgent one."""
    if own is not None and own.term is not None and own.term != effect.term:
        return process.running(own.term) or _most_urgent(process, policy)
    if effect.term is not None:
        named = [item for item in process.terms if item.term == effect.term]
        return next((item for item in named if item.due == effect.due), named[-1] if named else None)
    if kind in (HANDOFF, NOT_ACCEPTED) and (handoff := process.running(HANDOFF_TERM)):
        return handoff
    return _most_urgent(process, policy)


def _most_urgent(process: Snapshot, policy: Policy, without: str = "") -> RunningTerm | None:
    """Return the duty that ends first, or else the one period that runs; nothing that outlives the process."""
    running = [
        item
        for item in process.terms
        if item.runs and item.term != without and not policy.term(item.term).survives_process
    ]
    duties = [item for item in running if policy.term(item.term).kind is Kind.DUTY]
    if not duties:
        return running[0] if len(running) == 1 else None
    return min(duties, key=lambda item: (item.due is None, item.due or date.max))


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
