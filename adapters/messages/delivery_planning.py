"""From one effect in the outbox to deliveries: who gets it, over which channel, and when."""

from __future__ import annotations

import uuid
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlmodel import Session, col, func, select

from adapters.cases.caseload import holder_of
from adapters.cases.store import load_case
from adapters.messages.absences import book_of_the_day
from adapters.messages.addressing import (
    LAST_RESORTS,
    Addressee,
    addressees,
    fall_back,
    next_moment,
    next_morning,
    present,
    willing,
)
from adapters.messages.causes import line_of
from adapters.messages.handoff_links import responsible_person
from adapters.messages.message_kinds import (
    HANDOFF,
    NEW_CASE,
    NOT_ACCEPTED,
    NOTICE,
    OVERDUE,
    OWN_WORDS,
    UNDELIVERED,
    WARNING,
)
from adapters.messages.recipients import PERSON, Wish
from adapters.runtime.actor import ActorKind
from adapters.runtime.clock import AMSTERDAM, later
from adapters.storage.database import OutboxRow, writing
from adapters.storage.message_tables import DeliveryRow, DeliveryState
from milestones.definition import OFFERED
from milestones.definitions import definition_of
from milestones.roles import OUTSIDE, dutch_role
from milestones.vocabulary import CRISIS_TERMS, HANDOFF_TERM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Engine

    from adapters.messages.recipients import Book, Recipient
    from adapters.messages.recipients_file import RecipientsFile
    from adapters.runtime.clock import Clock
    from adapters.storage.database import JournalRow
    from milestones.case import Case
    from milestones.policy import Rules
    from milestones.process import Snapshot

NOBODY = "-"  # the recipient of a message while nobody is there to get it
TO_FILE = "bestand"  # the channel while there is no file of recipients
_NAMESPACE = uuid.UUID("0e8e1f0a-90a5-4c8e-8a1c-1f2b7d0a4b11")
_BURST = timedelta(hours=1)
_END_OF_DAY = time(23, 45)


class DeliveryPlanner:
    """Makes the deliveries of an effect, in one transaction with the note that the effect was planned."""

    def __init__(
        self, engine: Engine, clock: Clock, recipients: RecipientsFile, rules_for: Callable[[str], Rules]
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._recipients = recipients
        self._rules_for = rules_for

    def plan(self, effect_id: str) -> list[DeliveryRow]:
        """Make the deliveries of an effect and of all of the same moment, once; return those that can reach nobody."""
        book = self._recipients.book()
        with writing(self._engine) as session:
            asked = session.get(OutboxRow, effect_id)
            if asked is None or asked.done_at is not None:
                return []
            together = (
                select(OutboxRow)
                .where(
                    OutboxRow.case_reference == asked.case_reference,
                    OutboxRow.created_at == asked.created_at,
                    col(OutboxRow.done_at).is_(None),
                )
                .order_by(OutboxRow.id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
            case, _ = load_case(session, asked.case_reference)
            book = book_of_the_day(session, book, asked.municipality, self._clock.today())
            effects = [row for row in session.exec(together) if row.done_at is None]
            made = [row for effect in effects for row in self._planned(session, book, effect, case)]
            session.flush()
            lost = [row for row in made if row.state == DeliveryState.UNDELIVERABLE]
            for row in lost:
                session.expunge(row)
            return lost

    def _planned(self, session: Session, book: Book, effect: OutboxRow, case: Case) -> list[DeliveryRow]:
        made = self._made(session, book, effect, case)
        effect.done_at = self._clock.now()
        effect.attempts += 1
        effect.result = f"{len(made)} keer klaargezet" if made else "niemand hoeft dit bericht te krijgen"
        session.add(effect)
        return made

    def after_failure(
        self, session: Session, delivery: DeliveryRow, book: Book, *, elsewhere: bool = True
    ) -> DeliveryRow | None:
        """Make what follows when a channel was given up: the next channel, else the coordinator.

        Gives the row for the next channel, or None when there is none, or it would not help (`elsewhere`).
        """
        book = book_of_the_day(session, book, delivery.municipality, self._clock.today())
        recipient = book.recipient(delivery.recipient)
        channels = list(recipient.kanalen) if recipient and elsewhere else []
        # A channel that left the file has no place in it: all that the recipient has now come after it.
        place = channels.index(delivery.channel) + 1 if delivery.channel in channels else 0
        tried = set(
            session.exec(
                select(DeliveryRow.channel).where(
                    DeliveryRow.outbox_id == delivery.outbox_id,
                    DeliveryRow.kind == delivery.kind,
                    DeliveryRow.recipient == delivery.recipient,
                )
            )
        )
        for channel in channels[place:]:
            if channel not in tried:
                row = self._fresh(
                    session.get_one(OutboxRow, delivery.outbox_id),
                    delivery.kind,
                    delivery.role,
                    delivery.recipient,
                    channel,
                )
                row.reason, row.urgent, row.bundled = delivery.reason, delivery.urgent, delivery.bundled
                session.add(row)
                return row
        self._tell_coordinator(session, delivery, book)
        return None

    def to_deputy(self, delivery: DeliveryRow, book: Book) -> str | None:
        """Return a delivery that still waits to the deputy of who went away since it was planned.

        Gives what became of the delivery, in words; None when its recipient is there, or nobody stands in.
        """
        if delivery.recipient not in book.people:
            return None
        today = self._clock.today()
        with writing(self._engine) as session:
            book = book_of_the_day(session, book, delivery.municipality, today)
            person = book.people[delivery.recipient]
            deputy = present(book, person, today)
            if deputy is None or deputy is person or not deputy.kanalen:
                return None
            effect = session.get_one(OutboxRow, delivery.outbox_id)
            moment = self._moment(book, deputy, delivery.municipality, urgent=delivery.urgent)
            item = Addressee(deputy, delivery.role, f"vervanger van {person.code}")
            row = self._row(effect, item, delivery.kind, moment, urgent=delivery.urgent)
            row.bundled = delivery.bundled
            _add(session, row)  # the deputy may have it in his own name
            fresh = session.get_one(DeliveryRow, delivery.id)
            fresh.state, fresh.claimed_until, fresh.claimed_by = DeliveryState.DROPPED, None, None
            fresh.result = f"gaat naar de vervanger van {person.code}"
            session.add(fresh)
            return fresh.result

    def _tell_coordinator(self, session: Session, delivery: DeliveryRow, book: Book) -> None:
        """Tell the coordinator, or else the teamleider, that a message reached nobody."""
        told = session.exec(
            select(DeliveryRow.recipient).where(
                DeliveryRow.outbox_id == delivery.outbox_id, DeliveryRow.kind == UNDELIVERED
            )
        ).all()
        effect = session.get_one(OutboxRow, delivery.outbox_id)
        if told and delivery.kind != UNDELIVERED:
            return  # the coordinator knows of this message already
        found = fall_back(
            book,
            effect.role,
            delivery.municipality,
            self._clock.today(),
            LAST_RESORTS,
            without={delivery.recipient, *told},
        )
        for item in found:
            moment = self._moment(book, item.recipient, delivery.municipality, urgent=delivery.urgent)
            session.add(self._row(effect, item, UNDELIVERED, moment, urgent=delivery.urgent))

    # --- one effect -------------------------------------------------------------------------------------------

    def _made(self, session: Session, book: Book, effect: OutboxRow, case: Case) -> list[DeliveryRow]:
        process = case.named(effect.process)
        urgent = process.facts.get("bedreigende_situatie") is True or effect.term in CRISIS_TERMS
        if _said_by_handoff(session, effect):
            return []
        if not book.configured:
            return [self._to_nobody(session, effect, urgent=urgent, channel=TO_FILE)]
        if effect.role in book.house.geen_berichten_aan:
            return []
        found = self._addressed(session, book, effect, case)
        if not found:
            return [self._to_nobody(session, effect, urgent=urgent, channel=NOBODY)]
        found = _without_doer(found, effect, line_of(session, effect))
        beside = self._told_beside(session, book, effect, case)
        news = self._is_news(session, effect, case)
        if news:
            found = [item for item in found if item.role in OUTSIDE or item.recipient.code not in beside]
        rows = [
            row
            for item, wish in willing(found, effect.kind, urgent=urgent, unless_said=news)
            for row in self._for_addressee(
                session, book, effect, item, wish, urgent=urgent, together=item.recipient.code in beside
            )
        ]
        if effect.kind == HANDOFF and urgent and process.state == OFFERED:
            rows.extend(self._same_day_escalation(session, book, effect))
        return rows

    def _addressed(self, session: Session, book: Book, effect: OutboxRow, case: Case) -> list[Addressee]:
        """Return who gets an effect; for a warning the ladder says how far up it goes."""
        today, where, process = self._clock.today(), effect.municipality, case.named(effect.process)
        if effect.term == HANDOFF_TERM and process.state == OFFERED:
            return self._of_handoff(book, effect, process)
        responsible = self._responsible(session, book, effect, case)
        levels: Iterable[str] = (PERSON,)
        if effect.kind == WARNING:
            levels = book.levels(self._rung_number(effect))
        elif effect.kind == OVERDUE and effect.role not in LAST_RESORTS:
            levels = book.levels(2)
        return addressees(book, effect.role, where, today, levels, responsible)

    def _of_handoff(self, book: Book, effect: OutboxRow, process: Snapshot) -> list[Addressee]:
        """Return who hears that a hand-off waits: who must accept it; once it is too late the coordinator.

        The sender holds the case, but it is the receiver who must do something.
        """
        today, where = self._clock.today(), effect.municipality
        if effect.kind == OVERDUE:
            return fall_back(book, effect.role, where, today, LAST_RESORTS)
        role = self._rules_for(where).policy.role(definition_of(process).first_state.role)
        return addressees(book, role, where, today)

    def _told_beside(self, session: Session, book: Book, effect: OutboxRow, case: Case) -> frozenset[str]:
        """Return who gets another message about this case from the same moment, one that asks for something."""
        others = select(OutboxRow).where(
            OutboxRow.case_reference == effect.case_reference,
            OutboxRow.created_at == effect.created_at,
            OutboxRow.id != effect.id,
        )
        news = self._is_news(session, effect, case)
        told: set[str] = set()
        for other in session.exec(others):
            # Of two that only tell, the one with the lower id does.
            if other.role in book.house.geen_berichten_aan or (
                self._is_news(session, other, case) and not (news and other.id < effect.id)
            ):
                continue
            urgent = case.named(other.process).facts.get("bedreigende_situatie") is True
            found = _without_doer(self._addressed(session, book, other, case), other, line_of(session, other))
            told |= {item.recipient.code for item, _ in willing(found, other.kind, urgent=urgent)}
        return frozenset(told)

    def _is_news(self, session: Session, effect: OutboxRow, case: Case) -> bool:
        """Whether a message only tells of a change; to whose turn it is now, it says that something is to be done."""
        if effect.kind != NOTICE:
            return False
        line = line_of(session, effect)
        if line is not None and (effect.kind, line.event) in OWN_WORDS:
            return False
        process = case.named(effect.process)
        turn = self._rules_for(effect.municipality).policy.role(process.role(definition_of(process)))
        return effect.role != turn

    def _responsible(self, session: Session, book: Book, effect: OutboxRow, case: Case) -> str | None:
        """Return the person who has the case, when the messages of this role are for him.

        In whose name it stands counts for the role of its state, whatever roles he has in the file; otherwise
        only who has the role can be the one.
        """
        process = case.named(effect.process)
        named = process.facts.get("houder")
        person = holder_of(case, process) or responsible_person(
            session, effect.case_reference, effect.process
        )
        known = book.people.get(person or "")
        if known is None:
            return None
        own = self._rules_for(effect.municipality).policy.role(process.role(definition_of(process)))
        its_own = named == known.code and effect.role == own
        return known.code if its_own or known in book.holders(effect.role, effect.municipality) else None

    def _rung_number(self, effect: OutboxRow) -> int:
        """Return the place of a rung in the ladder of its term, from 1."""
        term = self._rules_for(effect.municipality).policy.terms.get(effect.term or "")
        steps = term.ladder if term else ()
        return steps.index(effect.rung) + 1 if effect.rung in steps else 1

    def _for_addressee(
        self,
        session: Session,
        book: Book,
        effect: OutboxRow,
        item: Addressee,
        wish: Wish,
        *,
        urgent: bool,
        together: bool,
    ) -> list[DeliveryRow]:
        row = self._row(effect, item, effect.kind, self._clock.now(), urgent=urgent)
        if not item.recipient.kanalen:
            row.state, row.result = DeliveryState.UNDELIVERABLE, "er is geen bruikbaar kanaal"
            if not _add(session, row):
                return []
            self._tell_coordinator(session, row, book)
            return [row]
        row.next_attempt_at = self._moment(book, item.recipient, effect.municipality, urgent=urgent)
        if not urgent and item.role not in OUTSIDE:
            self._maybe_bundle(session, book, row, item.recipient, wish)
        if together and item.role not in OUTSIDE:
            row.bundled = True  # two of one moment go out as one
        return [row] if _add(session, row) else []

    def _maybe_bundle(
        self, session: Session, book: Book, row: DeliveryRow, recipient: Recipient, wish: Wish
    ) -> None:
        """Hold a message back for a digest: by wish, over the night, or when there are many at once."""
        now = self._clock.now()
        hours, calendar = book.hours(recipient), self._rules_for(row.municipality).calendar
        if wish is Wish.DIGEST:
            row.bundled = True
            row.next_attempt_at = next_moment(
                hours, next_morning(hours, now, book.house.bundel_om, calendar), calendar
            )
        elif row.next_attempt_at > now:
            row.bundled = True
        elif self._lately(session, recipient.code, now) >= book.house.bundel_vanaf:
            row.bundled = True
            row.next_attempt_at = next_moment(hours, _next_round(now, book.house.bundel_minuten), calendar)

    @staticmethod
    def _lately(session: Session, recipient: str, now: datetime) -> int:
        return session.exec(
            select(func.count())
            .select_from(DeliveryRow)
            .where(DeliveryRow.recipient == recipient, col(DeliveryRow.created_at) > now - _BURST)
        ).one()

    def _same_day_escalation(self, session: Session, book: Book, effect: OutboxRow) -> list[DeliveryRow]:
        """Plan a message to the coordinator, some hours on, that is dropped when somebody accepts in time.

        The hours count from the hand-off itself, also when it is told late.
        """
        offered = effect.created_at.astimezone(AMSTERDAM)
        latest = datetime.combine(offered.date(), _END_OF_DAY, AMSTERDAM)
        moment = min(later(offered, timedelta(hours=book.house.crisis_uren)), latest)
        rows = [
            self._row(effect, item, NOT_ACCEPTED, max(moment, self._clock.now()), urgent=True)
            for item in fall_back(book, effect.role, effect.municipality, self._clock.today(), LAST_RESORTS)
        ]
        return [row for row in rows if _add(session, row)]

    def _moment(self, book: Book, recipient: Recipient, municipality: str, *, urgent: bool) -> datetime:
        now = self._clock.now()
        if urgent:
            return now
        return next_moment(book.hours(recipient), now, self._rules_for(municipality).calendar)

    def _to_nobody(self, session: Session, effect: OutboxRow, *, urgent: bool, channel: str) -> DeliveryRow:
        """Keep a message that has no recipient: it goes to the file, or stands there to be seen."""
        row = self._fresh(effect, effect.kind, effect.role, NOBODY, channel)
        row.reason, row.urgent = "niemand", urgent
        if channel == NOBODY:
            row.state = DeliveryState.UNDELIVERABLE
            row.result = f"niemand heeft de rol {dutch_role(effect.role)} in gemeente {effect.municipality}"
        session.add(row)
        return row

    def _row(
        self, effect: OutboxRow, item: Addressee, kind: str, moment: datetime, *, urgent: bool
    ) -> DeliveryRow:
        channel = next(iter(item.recipient.kanalen), NOBODY)
        row = self._fresh(effect, kind, item.role, item.recipient.code, channel)
        row.reason, row.urgent, row.next_attempt_at = item.reason, urgent, moment
        return row

    def _fresh(self, effect: OutboxRow, kind: str, role: str, recipient: str, channel: str) -> DeliveryRow:
        now = self._clock.now()
        return DeliveryRow(
            id=str(uuid.uuid5(_NAMESPACE, f"{effect.id}/{kind}/{recipient}/{channel}")),
            outbox_id=effect.id,
            process_id=effect.process_id,
            case_reference=effect.case_reference,
            municipality=effect.municipality,
            process=effect.process,
            kind=kind,
            role=role,
            recipient=recipient,
            channel=channel,
            reason="",
            created_at=now,
            next_attempt_at=now,
        )


def _said_by_handoff(session: Session, effect: OutboxRow) -> bool:
    """Whether a role that would hear of a change gets the hand-off that the same change made."""
    if effect.kind != NOTICE:
        return False
    handoff = select(OutboxRow.id).where(
        OutboxRow.case_reference == effect.case_reference,
        OutboxRow.kind == HANDOFF,
        OutboxRow.role == effect.role,
        OutboxRow.created_at == effect.created_at,
    )
    return session.exec(handoff.limit(1)).first() is not None


def _doer(line: JournalRow | None) -> str | None:
    """Return the code of the person who did what a line of the journal says, if a person did it."""
    return line.actor_code if line is not None and line.actor_kind == ActorKind.PERSON else None


def _without_doer(found: list[Addressee], effect: OutboxRow, line: JournalRow | None) -> list[Addressee]:
    """Return who was not there when it happened; what asks for something in words of its own still reaches somebody."""
    if effect.kind not in (NOTICE, NEW_CASE):
        return found
    others = [item for item in found if item.role in OUTSIDE or item.recipient.code != _doer(line)]
    own_words = line is not None and (effect.kind, line.event) in OWN_WORDS
    return others or (found if own_words else [])


def _add(session: Session, row: DeliveryRow) -> bool:
    """Add a delivery that is not there yet; give whether it was new."""
    if session.get(DeliveryRow, row.id) is not None:
        return False
    session.add(row)
    session.flush()
    return True


def _next_round(now: datetime, minutes: int) -> datetime:
    """Return the next round moment, so that all messages of a burst wait for the same one."""
    passed = timedelta(hours=now.hour, minutes=now.minute, seconds=now.second, microseconds=now.microsecond)
    return later(now, timedelta(minutes=minutes) - passed % timedelta(minutes=minutes))
