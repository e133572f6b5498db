"""Carry out deliveries: one Apprise call for one recipient over one channel, and what follows from its answer.

A retry is a row with its next moment, so nothing here ever waits. Every result is kept with its time, and none
of them holds an address.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import update
from sqlmodel import col, select

from adapters.cases.caseload import contact_in
from adapters.cases.store import load_case
from adapters.messages.addressing import next_moment
from adapters.messages.causes import cause_of
from adapters.messages.channels import ChannelError, Room, room_of, send_over
from adapters.messages.delivery_planning import NOBODY, TO_FILE
from adapters.messages.letters import Written
from adapters.messages.message_kinds import HANDOFF, NOT_ACCEPTED, WARNING
from adapters.messages.message_writing import RESIDENT, Subject, UnsafeTextError, overtaken
from adapters.messages.retry_table import wait_after
from adapters.runtime.checkpoints import Checkpoint, reach
from adapters.runtime.clock import later
from adapters.runtime.files import append_line
from adapters.storage.database import OutboxRow, ProcessRow, reading, writing
from adapters.storage.message_tables import DeliveryRow, DeliveryState
from adapters.storage.storage_trouble import waits_out_trouble
from milestones.definition import OFFERED
from milestones.roles import dutch_role
from milestones.vocabulary import HANDOFF_TERM

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Engine
    from sqlmodel import Session
    from sqlmodel.sql.expression import SelectOfScalar

    from adapters.messages.delivery_planning import DeliveryPlanner
    from adapters.messages.handoff_links import HandoffLinks
    from adapters.messages.message_writing import MessageWriter
    from adapters.messages.recipients import Book
    from adapters.messages.recipients_file import RecipientsFile
    from adapters.runtime.clock import Clock
    from adapters.storage.leases import Leases
    from milestones.policy import Rules

_ALL_BUSY = timedelta(seconds=5)
_MOST_IN_DIGEST = 25
_SHORT = 160  # signs, for a channel that found a message too large
_UNBOUND = 1_000_000
_NAMESPACE = uuid.UUID("d3a9a6a5-0c7c-4f0e-8f27-5b8a1de2f6c0")


_Message = tuple[DeliveryRow, Written]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One or more deliveries to one recipient over one channel, that go out as one message."""

    ids: tuple[str, ...]
    kind: str
    role: str
    channel: str
    case_reference: str = ""

    @property
    def role_name(self) -> str:
        """The role of the receiver as people read it."""
        return dutch_role(self.role)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a parcel, in words without an address."""

    state: DeliveryState
    text: str
    failed: bool = False


class _OvertakenError(Exception):
    """A message that need not be sent any more; says why."""


class Deliveries:
    """Send what is due, and keep what became of it."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        recipients: RecipientsFile,
        planner: DeliveryPlanner,
        writer: MessageWriter,
        links: HandoffLinks,
        fallback: Path,
        rules_for: Callable[[str], Rules],
        leases: Leases,
    ) -> None:
        self._engine = engine
        self._leases = leases
        self._clock = clock
        self._recipients = recipients
        self._planner = planner
        self._writer = writer
        self._links = links
        self._fallback = fallback
        self._rules_for = rules_for

    def plan(self, effect_id: str) -> list[Parcel]:
        """Make the deliveries of an effect, once; give what can reach nobody."""
        return [_parcel([row]) for row in self._planner.plan(effect_id)]

    # --- what is due ------------------------------------------------------------------------------------------

    def due(self, process_id: int, limit: int = 20) -> list[Parcel]:
        """Return the messages of a process that must go out now, each on its own."""
        query = self._due_now(bundled=False).where(DeliveryRow.process_id == process_id).limit(limit)
        with reading(self._engine) as session:
            return [_parcel([row]) for row in session.exec(query)]

    def due_elsewhere(self, limit: int = 20) -> list[Parcel]:
        """Return what must go out now and belongs to no running flow run: digests, and what outlived its process."""
        late = (
            self._due_now(bundled=False)
            .join(ProcessRow, col(ProcessRow.id) == col(DeliveryRow.process_id))
            .where(col(ProcessRow.finished).is_(True))
            .limit(limit)
        )
        held = self._due_now(bundled=True).limit(limit * _MOST_IN_DIGEST)
        with reading(self._engine) as session:
            parcels = [_parcel([row]) for row in session.exec(late)]
            groups: dict[tuple[str, str], list[DeliveryRow]] = {}
            for row in session.exec(held):
                groups.setdefault((row.recipient, row.channel), []).append(row)
        for rows in groups.values():
            parcels += [
                _parcel(rows[start : start + _MOST_IN_DIGEST])
                for start in range(0, len(rows), _MOST_IN_DIGEST)
            ]
        return parcels

    def ask_attention(self, most: int) -> None:
        """Let the flow runs of some processes with a message that is due be woken."""
        due = select(DeliveryRow.process_id).where(
            DeliveryRow.state == DeliveryState.WAITING,
            col(DeliveryRow.bundled).is_(False),
            col(DeliveryRow.next_attempt_at) <= self._clock.now(),
            self._leases.free(),
        )
        asleep = (
            col(ProcessRow.id).in_(due),
            col(ProcessRow.attention).is_(False),
            col(ProcessRow.finished).is_(False),
        )
        with reading(self._engine) as session:
            found = session.exec(select(ProcessRow.id).where(*asleep).limit(most)).all()
        if not found:
            return
        with writing(self._engine) as session:
            chosen = (col(ProcessRow.id).in_(found), col(ProcessRow.finished).is_(False))
            session.execute(update(ProcessRow).where(*chosen).values(attention=True))

    def _due_now(self, *, bundled: bool) -> SelectOfScalar[DeliveryRow]:
        return (
            select(DeliveryRow)
            .where(
                DeliveryRow.state == DeliveryState.WAITING,
                col(DeliveryRow.bundled).is_(bundled),
                col(DeliveryRow.next_attempt_at) <= self._clock.now(),
                self._leases.free(),
            )
            .order_by(col(DeliveryRow.next_attempt_at), col(DeliveryRow.created_at), col(DeliveryRow.id))
        )

    def put_off(self, parcel: Parcel) -> None:
        """Let messages wait a moment, because everybody who sends is busy."""
        with writing(self._engine) as session:
            session.execute(
                update(DeliveryRow)
                .where(col(DeliveryRow.id).in_(parcel.ids), self._leases.free())
                .values(next_attempt_at=later(self._clock.now(), _ALL_BUSY))
            )

    # --- sending ----------------------------------------------------------------------------------------------

    def send(self, parcel: Parcel) -> Sent | None:
        """Send a parcel; None when there is nothing left to send, or another worker has it."""
        with self._leases.holding(parcel.ids) as leases:
            with reading(self._engine) as session:
                rows = [session.get_one(DeliveryRow, lease.key) for lease in leases]
            return self._send(rows)

    def _send(self, rows: Sequence[DeliveryRow]) -> Sent | None:
        messages: list[_Message] = []
        last: Sent | None = None
        for row in rows:
            if moved := self._planner.to_deputy(row, self._recipients.book()):
                last = Sent(DeliveryState.DROPPED, moved)
                continue
            try:
                messages.append((row, self._write(row)))
            except _OvertakenError as reason:
                last = self._finish([row], DeliveryState.DROPPED, str(reason))
            except UnsafeTextError as reason:
                last = self._fail([row], str(reason), again=False, elsewhere=False)
            except Exception as error:  # noqa: BLE001 - one message that cannot be written stops no other
                last = self._fail([row], f"de tekst kon niet worden gemaakt ({type(error).__name__})")
        if not messages:
            return last
        return self._send_packs(messages)

    def _send_packs(self, messages: list[_Message]) -> Sent | None:
        """Send messages in as few as the channel takes; what is refused for its size is not sent again as it was."""
        room = self._room(messages[0][0])
        waiting, last, small = [messages], None, False
        while waiting:
            pack = waiting.pop(0)
            whole = self._one_message(pack)
            if len(pack) > 1 and not room.takes(whole) and not room.small:
                waiting[:0] = _halves(pack)
                continue
            taken = [row for row, _ in pack]
            reach(Checkpoint.BEFORE_EFFECT, taken[0].case_reference)
            try:
                self._hand_over(taken[0], whole.shortened(_SHORT) if small else whole)
            except ChannelError as error:
                if error.too_large and not small:
                    waiting[:0] = _halves(pack) if len(pack) > 1 else [pack]
                    small = len(pack) == 1
                    continue
                last = self._fail(taken, str(error), again=not (error.hopeless or error.too_large))
            else:
                reach(Checkpoint.AFTER_EFFECT, taken[0].case_reference)
                number = f" (bundel van {len(taken)})" if len(taken) > 1 else ""
                last = self._finish(taken, DeliveryState.DELIVERED, f"bezorgd{number}")
            small = False
        return last

    def _room(self, row: DeliveryRow) -> Room:
        recipient = self._recipients.book().recipient(row.recipient)
        address = recipient.kanalen.get(row.channel) if recipient else None
        return room_of(address.get_secret_value()) if address else Room(_UNBOUND)

    def _one_message(self, messages: Sequence[_Message]) -> Written:
        if len(messages) == 1:
            return messages[0][1]
        digest_id = str(uuid.uuid5(_NAMESPACE, "/".join(row.id for row, _ in messages)))
        return self._writer.digest([text for _, text in messages], messages[0][0], digest_id)

    def _write(self, row: DeliveryRow) -> Written:
        with reading(self._engine) as session:
            effect = session.get_one(OutboxRow, row.outbox_id)
            case, _ = load_case(session, row.case_reference)
            about = Subject(
                effect,
                case.named(row.process),
                cause_of(session, effect),
                has_contact=contact_in(case) is not None,
                offered_to=_offered_to(session, row),
            )
            session.expunge_all()
        if reason := overtaken(row.kind, about):
            raise _OvertakenError(reason)
        link = None
        asks = row.kind in (HANDOFF, NOT_ACCEPTED) or (row.kind, about.effect.term) == (WARNING, HANDOFF_TERM)
        if asks and about.process.state == OFFERED:
            with writing(self._engine) as session:
                link = self._links.give(session, row, self._recipients.book().house.link_dagen)
        return self._writer.write(row, about, link)

    def _hand_over(self, row: DeliveryRow, message: Written) -> None:
        """Make the one call of this attempt; anything but a yes is a ChannelError."""
        if row.channel == TO_FILE and row.recipient == NOBODY:
            self._to_file(row, message)
            return
        recipient = self._recipients.book().recipient(row.recipient)
        if recipient is None or row.channel not in recipient.kanalen:
            raise ChannelError("deze ontvanger of dit kanaal staat niet meer in het bestand", hopeless=True)
        address = recipient.kanalen[row.channel].get_secret_value()
        send_over(address, message, to_resident=row.role == RESIDENT)

    def _to_file(self, row: DeliveryRow, message: Written) -> None:
        line = {
            "op": self._clock.now().isoformat(timespec="seconds"),
            "id": message.id,
            "rol": row.role,
            "titel": message.title,
            "tekst": message.body,
        }
        try:
            self._fallback.parent.mkdir(parents=True, exist_ok=True)
            append_line(self._fallback, json.dumps(line, ensure_ascii=False))
        except OSError:
            raise ChannelError("het bestand met berichten is niet te schrijven") from None

    # --- results ----------------------------------------------------------------------------------------------

    @waits_out_trouble  # it was sent: forgetting that would send it again
    def _finish(self, rows: Sequence[DeliveryRow], state: DeliveryState, text: str) -> Sent:
        now = self._clock.now()
        with writing(self._engine) as session:
            for row in rows:
                fresh = session.get_one(DeliveryRow, row.id)
                fresh.state, fresh.result, fresh.claimed_until, fresh.claimed_by = state, text, None, None
                if state is DeliveryState.DELIVERED:
                    fresh.attempts += 1
                    fresh.delivered_at = now
                session.add(fresh)
        return Sent(state, text)

    def _fail(
        self, rows: Sequence[DeliveryRow], reason: str, *, again: bool = True, elsewhere: bool = True
    ) -> Sent:
        """Note a failed attempt: try again later, or go on to the next channel, or to the coordinator.

        Without `again` this channel is given up at once, without `elsewhere` the other channels as well.
        """
        book = self._recipients.book()
        sent = Sent(DeliveryState.WAITING, reason, failed=True)
        with writing(self._engine) as session:
            for row in rows:
                fresh = session.get_one(DeliveryRow, row.id)
                fresh.attempts += 1
                fresh.claimed_until, fresh.claimed_by = None, None
                wait = wait_after(fresh.attempts, urgent=fresh.urgent) if again else None
                if wait is not None:
                    fresh.next_attempt_at = self._next_attempt(fresh, book, wait)
                    fresh.result = f"poging {fresh.attempts} mislukt: {reason}"
                    text = f"{fresh.result}; opnieuw op {fresh.next_attempt_at:%d-%m-%Y %H:%M:%S}"
                else:
                    following = self._planner.after_failure(session, fresh, book, elsewhere=elsewhere)
                    fresh.state = DeliveryState.NEXT_CHANNEL if following else DeliveryState.UNDELIVERABLE
                    fresh.result = text = f"niet bezorgd na {fresh.attempts} keer: {reason}"
                session.add(fresh)
                sent = Sent(DeliveryState(fresh.state), text, failed=True)
        return sent

    def _next_attempt(self, row: DeliveryRow, book: Book, wait: timedelta) -> datetime:
        moment = later(self._clock.now(), wait)
        known = book.recipient(row.recipient)
        if known is None or row.urgent:
            return moment
        return next_moment(book.hours(known), moment, self._rules_for(row.municipality).calendar)


def _halves(pack: list[_Message]) -> list[list[_Message]]:
    middle = len(pack) // 2
    return [pack[:middle], pack[middle:]]


def _offered_to(session: Session, row: DeliveryRow) -> tuple[str, ...]:
    """Return who was asked to accept the hand-off of a process, by code."""
    asked = (
        select(DeliveryRow.recipient)
        .where(
            DeliveryRow.case_reference == row.case_reference,
            DeliveryRow.process == row.process,
            DeliveryRow.kind == HANDOFF,
            DeliveryRow.recipient != NOBODY,
        )
        .distinct()
        .order_by(DeliveryRow.recipient)
    )
    return tuple(session.exec(asked))


def _parcel(rows: Sequence[DeliveryRow]) -> Parcel:
    first = rows[0]
    kind = first.kind if len(rows) == 1 else f"bundel van {len(rows)}"
    return Parcel(tuple(row.id for row in rows), kind, first.role, first.channel, first.case_reference)
