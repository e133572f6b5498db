"""Signed one-time links with which a receiver accepts or returns a hand-off.

A link holds nothing but a random id and its signature. Looking at it changes nothing. The journal takes an
answer at most once, under the id of the link, so that two answers at the same moment cannot both count.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import update
from sqlmodel import col, select

from adapters.cases.casework import ConflictError
from adapters.cases.store import load_case
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import JournalRow, OutboxRow, reading, writing
from adapters.storage.message_tables import DeliveryRow, HandoffLinkRow, start_anew
from milestones.case import exactly
from milestones.definition import OFFERED
from milestones.events import meanings_of
from milestones.process import InvalidData, NotPossible
from milestones.refusal import CaseRefusal, Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.cases.casework import Casework
    from adapters.messages.recipients_file import RecipientsFile
    from adapters.runtime.clock import Clock

ACCEPTED, RETURNED = "overdracht_aanvaard", "overdracht_teruggegeven"
OFFERED_AGAIN = "overdracht_aangeboden"
PATH = "/overdracht"
_SALT = "routekaart.overdracht"


class LinkStatus(StrEnum):
    """What can still be done with a link."""

    OPEN = "open"
    USED = "gebruikt"
    EXPIRED = "verlopen"
    SETTLED = "afgehandeld"  # the hand-off was answered in another way


@dataclass(frozen=True, slots=True)
class HandoffLink:
    """A link that was given out, as it stands now."""

    id: str
    reference: str
    process: str
    expires_at: datetime
    status: LinkStatus
    choice: str | None


_UNKNOWN_LINK = "Deze link kennen we niet."


class UnknownLinkError(Refusal, LookupError):
    """A link that we never gave out, or that was changed on the way."""


class HandoffLinks:
    """Hand out links, look at them, and use them once."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        casework: Casework,
        recipients: RecipientsFile,
        key: bytes,
        base_url: str,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._casework = casework
        self._recipients = recipients
        self._signer = URLSafeSerializer(key, salt=_SALT)
        self._base_url = base_url.rstrip("/")

    def give(self, session: Session, delivery: DeliveryRow, days: int) -> tuple[str, datetime]:
        """Return the address for a delivery and its last moment.

        The same delivery keeps the same link; its days count from the last time that it was given. In the place of
        one that is too old comes another, so that the old address stays closed.
        """
        given = select(HandoffLinkRow).where(
            HandoffLinkRow.delivery_id == delivery.id, col(HandoffLinkRow.expires_at) > self._clock.now()
        )
        row = session.exec(given).first() or HandoffLinkRow(
            id=secrets.token_urlsafe(24),  # random, so that nobody can work it out, whatever else is known
            delivery_id=delivery.id,
            case_reference=delivery.case_reference,
            process=delivery.process,
            recipient=delivery.recipient,
        )
        row.expires_at = _end_of_day(self._clock.now() + timedelta(days=days))
        session.add(row)
        return f"{self._base_url}{PATH}/{self._signer.dumps(row.id)}", row.expires_at

    def look(self, token: str) -> HandoffLink:
        """Return what a token stands for and what can still be done with it. Changes nothing."""
        try:
            link_id = self._signer.loads(token)
        except BadSignature:
            raise UnknownLinkError(_UNKNOWN_LINK) from None
        with reading(self._engine) as session:
            row = session.get(HandoffLinkRow, str(link_id))
            if row is None:
                raise UnknownLinkError(_UNKNOWN_LINK)
            return HandoffLink(
                row.id,
                row.case_reference,
                row.process,
                row.expires_at,
                self._status(session, row),
                row.choice,
            )

    def _status(self, session: Session, row: HandoffLinkRow) -> LinkStatus:
        if row.used_at is not None:
            return LinkStatus.USED
        try:
            state = load_case(session, row.case_reference)[0].named(row.process).state
        except CaseRefusal:
            return LinkStatus.SETTLED
        if state != OFFERED or _was_offered_again(session, row):
            return LinkStatus.SETTLED
        return LinkStatus.EXPIRED if self._clock.now() >= row.expires_at else LinkStatus.OPEN

    def renew(self, token: str) -> HandoffLink:
        """Send the receiver of a link that is too old a new one, over his own channel; at most one at a time."""
        link = self.look(token)
        if link.status is LinkStatus.EXPIRED:
            with writing(self._engine) as session:
                delivery = session.get_one(
                    DeliveryRow, session.get_one(HandoffLinkRow, link.id).delivery_id, with_for_update=True
                )
                if not self._has_open_link(session, delivery):
                    start_anew(session, delivery, self._clock.now())
        return link

    def _has_open_link(self, session: Session, delivery: DeliveryRow) -> bool:
        newer = select(HandoffLinkRow.id).where(
            HandoffLinkRow.delivery_id == delivery.id, col(HandoffLinkRow.expires_at) > self._clock.now()
        )
        return session.exec(newer.limit(1)).first() is not None

    def use(self, token: str, choice: str, reason: str | None = None) -> HandoffLink:
        """Accept or return the hand-off; a link that is no longer open stays as it is.

        Who accepts with a link of his own has the case in his name from then on; a link to a team names nobody.
        Raises UnknownLinkError, and InvalidData when a reason is missing or unknown.
        """
        link = self.look(token)
        if link.status is not LinkStatus.OPEN:
            return link
        data = {"reden": reason} if choice == RETURNED and reason else {}
        try:
            with writing(self._engine) as session, acts(self._receiver(session, link)):
                self._casework.report(
                    link.reference,
                    choice,
                    process=exactly(link.process),
                    data=data,
                    event_id=f"overdrachtlink:{link.id}",
                    only_in=OFFERED,
                    person=self._person(session, link) if choice == ACCEPTED else None,
                    session=session,
                )
                self._mark_used(session, link.id, choice)
        except ConflictError:
            pass  # the other choice was a moment earlier
        except InvalidData:
            raise
        except NotPossible:
            pass  # somebody answered in another way in the meantime
        return self.look(token)

    def _receiver(self, session: Session, link: HandoffLink) -> Actor:
        """Return who was sent the link; which person of a team used it is unknown."""
        recipient = session.get_one(HandoffLinkRow, link.id).recipient
        one = recipient in self._recipients.book().people
        return Actor(ActorKind.PERSON if one else ActorKind.UNKNOWN, recipient, Way.LINK)

    def _person(self, session: Session, link: HandoffLink) -> str | None:
        """Return who has the case when he accepts with this link; nobody with one of a team."""
        recipient = session.get_one(HandoffLinkRow, link.id).recipient
        return recipient if recipient in self._recipients.book().people else None

    def _mark_used(self, session: Session, link_id: str, choice: str) -> None:
        session.execute(
            update(HandoffLinkRow)
            .where(col(HandoffLinkRow.id) == link_id, col(HandoffLinkRow.used_at).is_(None))
            .values(used_at=self._clock.now(), choice=choice)
        )


def _was_offered_again(session: Session, link: HandoffLinkRow) -> bool:
    """Whether the hand-off of a link was returned and then offered anew, with a link of its own."""
    offer = session.get_one(OutboxRow, session.get_one(DeliveryRow, link.delivery_id).outbox_id)
    again = select(JournalRow.id).where(
        JournalRow.case_reference == link.case_reference,
        JournalRow.process == link.process,
        JournalRow.event == OFFERED_AGAIN,
        col(JournalRow.at) > offer.created_at,
    )
    return session.exec(again.limit(1)).first() is not None


def _end_of_day(moment: datetime) -> datetime:
    return moment.astimezone(AMSTERDAM).replace(hour=23, minute=59, second=59, microsecond=0)


def return_reasons() -> tuple[str, ...]:
    """Return the reasons with which a hand-off may be returned."""
    return next(
        field.choices for spec in meanings_of(RETURNED) for field in spec.fields if field.name == "reden"
    )


def responsible_person(session: Session, reference: str, process: str) -> str | None:
    """Return the code of who last accepted this process with a link, or None."""
    return session.exec(
        select(HandoffLinkRow.recipient)
        .where(
            HandoffLinkRow.case_reference == reference,
            HandoffLinkRow.process == process,
            HandoffLinkRow.choice == ACCEPTED,
        )
        .order_by(col(HandoffLinkRow.used_at).desc())
    ).first()
