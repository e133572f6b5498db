"""Send our events to who subscribed: signed, tried again on the published table, and given up visibly.

The signature is that of Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`, which
is `v1,` and the base64 of an HMAC-SHA256 over `id.timestamp.body`. The id is the same at every attempt, so
that a receiver can drop a repeat.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import structlog
from sqlalchemy import ColumnElement, func, or_, update
from sqlmodel import Session, col, select

from adapters.cases.outgoing import PREFIX, TEST, TYPES, as_cloudevent, source
from adapters.exchange.clients import derived_secret
from adapters.exchange.refusals import IntegrationError
from adapters.exchange.subscriber_authorization import (
    NO_TOKEN,
    Authorization,
    opened,
    sealed,
)
from adapters.exchange.webhook_addresses import literal, may_go_to, webhook_client
from adapters.messages.announcements import Announcement, announce
from adapters.messages.retry_table import asked_rest, wait_after
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import reading, writing
from adapters.storage.exchange_tables import OutgoingEventRow, SubscriptionRow, WebhookDeliveryRow
from milestones.counting import so_many

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapters.messages.message_office import MessageOffice
    from adapters.storage.leases import Lease

_TIMEOUT_SECONDS = 5.0
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_HOST = re.compile(rb"[0-9A-Za-z._:-]+")
_IPV4 = "127.0.0.1"
_HERE = (_IPV4, "localhost", "::1")
_MOST_URL = 500
_PREFIX = "whsec_"
OLD_FORM = (
    "oude-vorm"  # in the place of an earlier secret: the migration found a subscription from before whsec_
)
_GONE = 410
_INVALID = 400
_UNAUTHORIZED = 401

log = structlog.get_logger("routekaart.webhooks")


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of sending one event."""

    result: str
    succeeded: bool = False
    rest: timedelta = timedelta(0)
    gone: bool = False


class SubscriptionError(IntegrationError):
    """A subscription that cannot be made or found: one Dutch sentence."""


# --- subscriptions ------------------------------------------------------------------------------------------


def subscribe(
    office: MessageOffice,
    name: str,
    url: str,
    types: Sequence[str] = ("*",),
    municipalities: Sequence[str] = ("*",),
    authorization: Authorization | None = None,
) -> str:
    """Make a subscription and give the secret that its messages are signed with."""
    if not _NAME.fullmatch(name):
        raise SubscriptionError(
            "De naam van een abonnement bestaat uit kleine letters, cijfers en streepjes (ten hoogste 40)."
        )
    _check_url(url, office.settings.webhook_networks)
    short = tuple(kind.removeprefix(PREFIX) for kind in TYPES)
    for kind in types:
        if not any(fnmatchcase(known, kind.removeprefix(PREFIX)) for known in short):
            raise SubscriptionError(f"Dit soort gebeurtenis is er niet; kies uit {', '.join(short)} of *.")
    if not all(re.fullmatch(r"[0-9]{4}|\*", code) for code in municipalities):
        raise SubscriptionError("Een gemeentecode bestaat uit vier cijfers, of is * voor alle gemeenten.")
    row = SubscriptionRow(
        name=name,
        url=url,
        salt=secrets.token_hex(16),
        types=list(types),
        municipalities=list(municipalities),
        created_at=office.clock.now(),
        authorization=sealed(office, authorization) if authorization else None,
    )
    with writing(office.engine) as session:
        known = session.get(SubscriptionRow, name)
        if known is not None and known.ended_at is None:
            raise SubscriptionError(f"Abonnement '{name}' bestaat al; trek het eerst in.")
        session.merge(row)
    return signing_secret(office, name, row.salt)


def _check_url(url: str, networks: Sequence[str]) -> None:
    try:
        parts, written = urlsplit(url), httpx.URL(url)  # as a person reads it, and as it goes over the line
        host = (
            parts.hostname if _HOST.fullmatch(written.raw_host) and written.host and parts.port != 0 else None
        )
    except (ValueError, httpx.InvalidURL):
        host = None
    if host is None or len(url) > _MOST_URL or parts.username or parts.password:
        raise SubscriptionError("Geef een adres als https://voorbeeld.nl/ontvang, zonder naam of wachtwoord.")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _HERE):
        raise SubscriptionError("Het adres moet met https:// beginnen (http:// kan alleen op deze machine).")
    address = ip_address(_IPV4) if host == "localhost" else literal(host)
    if address is not None and not may_go_to(address, networks):
        raise SubscriptionError(
            "Dit adres ligt op deze machine of in een eigen netwerk; noem dat netwerk in ROUTEKAART_WEBHOOK_NETWORKS."
        )


def _active(session: Session, name: str) -> SubscriptionRow:
    row = session.get(SubscriptionRow, name)
    if row is None or row.ended_at is not None:
        raise SubscriptionError(f"Er is geen actief abonnement '{name}'.")
    return row


def subscription(office: MessageOffice, name: str) -> SubscriptionRow:
    """Return a subscription that has not ended; SubscriptionError when there is none."""
    with reading(office.engine) as session:
        return _active(session, name)


def pause(office: MessageOffice, name: str) -> None:
    """Send nothing for a while; what happens meanwhile waits in order."""
    with writing(office.engine) as session:
        row = _active(session, name)
        row.paused_at = row.paused_at or office.clock.now()
        session.add(row)


def take_up_again(office: MessageOffice, name: str) -> None:
    """Send what waited while a subscription was paused, and what comes."""
    with writing(office.engine) as session:
        row = _active(session, name)
        row.paused_at = None
        session.add(row)


def authorize(office: MessageOffice, name: str, authorization: Authorization | None) -> None:
    """Set another authorization for a subscription, or none."""
    with writing(office.engine) as session:
        row = _active(session, name)
        row.authorization = sealed(office, authorization) if authorization else None
        session.add(row)


def unsubscribe(office: MessageOffice, name: str) -> None:
    """End a subscription; what was still on its way is not sent any more."""
    with writing(office.engine) as session:
        row = _active(session, name)
        row.ended_at = office.clock.now()
        session.add(row)
        session.execute(
            update(WebhookDeliveryRow)
            .where(col(WebhookDeliveryRow.subscription) == name, col(WebhookDeliveryRow.next_at).is_not(None))
            .values(next_at=None, last_result="abonnement ingetrokken")
        )


def subscriptions(office: MessageOffice) -> Sequence[SubscriptionRow]:
    """Return every subscription, ended ones too."""
    with reading(office.engine) as session:
        return session.exec(select(SubscriptionRow).order_by(col(SubscriptionRow.name))).all()


def signing_secret(office: MessageOffice, name: str, salt: str) -> str:
    """Return the secret that the messages of a subscription are signed with, in the form of Standard Webhooks."""
    derived = derived_secret(office.settings.integration_secret(), "webhook", name, salt)
    return _PREFIX + base64.b64encode(bytes.fromhex(derived)).decode()


def renew_secret(office: MessageOffice, name: str) -> str:
    """Return a subscription a new secret; its messages are signed with the one before it as well, until the next."""
    with writing(office.engine) as session:
        row = _active(session, name)
        row.previous_salt, row.salt = row.salt, secrets.token_hex(16)
        session.add(row)
        return signing_secret(office, name, row.salt)


def end_previous_secret(office: MessageOffice, name: str) -> None:
    """Sign the messages of a subscription with its newest secret only."""
    with writing(office.engine) as session:
        row = _active(session, name)
        row.previous_salt = None
        session.add(row)


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of one message (Standard Webhooks 1.0)."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return _signed(key, event_id, timestamp, body)


def _signed(key: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signatures(
    office: MessageOffice, subscription: SubscriptionRow, event_id: str, timestamp: int, body: bytes
) -> str:
    """Return every signature that a receiver may know: with the present secret, and with the one before it.

    Who subscribed before secrets were printed in the form of Standard Webhooks signs with the text of his own.
    """
    name, previous = subscription.name, subscription.previous_salt
    found = [signature(signing_secret(office, name, subscription.salt), event_id, timestamp, body)]
    if previous == OLD_FORM:
        text = derived_secret(office.settings.integration_secret(), "webhook", name, subscription.salt)
        found.append(_signed(text.encode(), event_id, timestamp, body))
    elif previous is not None:
        found.append(signature(signing_secret(office, name, previous), event_id, timestamp, body))
    for secret in office.settings.integration_secrets()[1:]:
        derived = derived_secret(secret, "webhook", name, subscription.salt)
        found.append(_signed(bytes.fromhex(derived), event_id, timestamp, body))
    return " ".join(found)


# --- fanning out --------------------------------------------------------------------------------------------


def fan_out(
    office: MessageOffice, emit: Callable[[OutgoingEventRow], None] | None = None, limit: int = 200
) -> int:
    """Hand new events to every subscription that wants them, and to `emit`; return how many there were.

    `emit` comes first, outside any transaction: after a crash, or beside a second worker that looks at the same
    moment, an event is emitted again, with the same id.
    """
    number = col(OutgoingEventRow.number)
    fresh = select(OutgoingEventRow).where(col(OutgoingEventRow.published_at).is_(None)).order_by(number)
    with reading(office.engine) as session:
        found = session.exec(fresh.limit(limit)).all()
    if not found:
        return 0
    if emit is not None:
        for row in found:
            emit(row)
    now = office.clock.now()
    with writing(office.engine) as session:
        emitted = fresh.where(number.in_([row.number for row in found]))
        rows = session.exec(emitted.with_for_update(skip_locked=True)).all()
        wanting = session.exec(select(SubscriptionRow).where(col(SubscriptionRow.ended_at).is_(None))).all()
        for row in rows:
            for subscription in wanting:
                if _wants(subscription, row):
                    session.add(
                        WebhookDeliveryRow(
                            event_number=row.number or 0,
                            subscription=subscription.name,
                            first_at=now,
                            next_at=now,
                        )
                    )
            row.published_at = now
            session.add(row)
        return len(rows)


def _wants(subscription: SubscriptionRow, row: OutgoingEventRow) -> bool:
    kind = row.type.removeprefix(PREFIX)
    return (
        subscription.created_at <= row.created_at
        and ("*" in subscription.municipalities or row.municipality in subscription.municipalities)
        and any(fnmatchcase(kind, wanted.removeprefix(PREFIX)) for wanted in subscription.types)
    )


# --- delivering ---------------------------------------------------------------------------------------------


def waiting_subscribers(office: MessageOffice) -> Sequence[str]:
    """Return the subscriptions for which something is due; one that is paused waits."""
    paused = select(SubscriptionRow.name).where(col(SubscriptionRow.paused_at).is_not(None))
    query = select(WebhookDeliveryRow.subscription).where(
        *_due(office), col(WebhookDeliveryRow.subscription).not_in(paused)
    )
    with reading(office.engine) as session:
        return sorted(session.exec(query.distinct()).all())


def _due(office: MessageOffice) -> tuple[ColumnElement[bool], ...]:
    return (col(WebhookDeliveryRow.next_at) <= office.clock.now(), office.leases.webhooks.free())


def deliver_due(office: MessageOffice) -> int:
    """Send every subscriber what is due, one after another; return how many were delivered."""
    return sum(deliver_to(office, name) for name in waiting_subscribers(office))


def deliver_to(office: MessageOffice, name: str, limit: int = 100) -> int:
    """Send one subscriber what is due, the oldest first, until it fails; return how many were delivered."""
    query = (
        select(WebhookDeliveryRow.id)
        .where(*_due(office), col(WebhookDeliveryRow.subscription) == name)
        .order_by(col(WebhookDeliveryRow.id))
        .limit(limit)
    )
    with reading(office.engine) as session:
        due = session.exec(query).all()
    delivered = 0
    with webhook_client(office.settings.webhook_networks, _TIMEOUT_SECONDS) as client:
        for number in due:
            with office.leases.webhooks.holding([number]) as leases:
                results = [_deliver(office, client, lease) for lease in leases]
            if False in results:
                break
            delivered += results.count(True)
    return delivered


def send(
    office: MessageOffice, client: httpx.Client, receiver: SubscriptionRow, event: Mapping[str, Any]
) -> Attempted:
    """Send one event, signed and with the authorization of its receiver; say what came of it."""
    now = office.clock.now()
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": "routekaart",
        "webhook-id": event["id"],
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(office, receiver, event["id"], timestamp, body),
    }
    try:
        authorization = opened(office, receiver.authorization)
        if authorization is not None:
            headers["Authorization"] = authorization.root.header(office.settings.webhook_networks)
    except NO_TOKEN as error:
        return Attempted(f"geen autorisatie ({type(error).__name__})")
    try:
        # Of an answer its head counts, and the first piece of a refusal, so that nobody keeps us reading.
        with client.stream("POST", receiver.url, content=body, headers=headers) as answer:
            if answer.status_code == _UNAUTHORIZED and authorization is not None:
                authorization.root.refused()
            return Attempted(
                f"HTTP {answer.status_code}",
                answer.is_success or _has_it(answer),
                asked_rest(answer.headers.get("retry-after"), now),
                answer.status_code == _GONE,
            )
    except httpx.HTTPError as error:
        return Attempted(type(error).__name__)


def _has_it(answer: httpx.Response) -> bool:
    """Whether a refusal says that the event is there already: Open Notificaties keeps each source and id once."""
    if answer.status_code != _INVALID:
        return False
    try:
        said = json.loads(next(answer.iter_bytes(), b""))
        wrong = said.get("invalidParams") or said.get("invalid_params") or [{}]
        return all(item.get("code") == "unique" for item in wrong)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return False


def _deliver(office: MessageOffice, client: httpx.Client, lease: Lease) -> bool | None:
    """Try one delivery; None when there is nothing to try any more."""
    now = office.clock.now()
    with reading(office.engine) as session:
        delivery = session.get_one(WebhookDeliveryRow, lease.key)
        event = session.get_one(OutgoingEventRow, delivery.event_number)
        receiver = session.get_one(SubscriptionRow, delivery.subscription)
    if delivery.next_at is None or delivery.next_at > now or receiver.paused_at is not None:
        office.leases.webhooks.release(lease)
        return None
    sent = send(office, client, receiver, as_cloudevent(event))
    if not sent.succeeded:
        log.warning("webhook_failed", subscription=receiver.name, event_id=event.id, result=sent.result)
    with writing(office.engine) as session:
        row = session.get_one(WebhookDeliveryRow, delivery.id)
        office.leases.webhooks.let_go(session, lease)
        row.attempts += 1
        row.last_result = sent.result[:60]
        wait = None if sent.succeeded else wait_after(row.attempts)
        row.next_at = None if wait is None else now + max(wait, sent.rest)
        if sent.succeeded:
            row.delivered_at = now
        elif row.next_at is None:
            row.gave_up_at = now
            log.error("webhook_given_up", subscription=receiver.name, event_id=event.id)
        session.add(row)
        if sent.rest and not sent.succeeded:  # the receiver asks it for itself, not for one event
            others = col(WebhookDeliveryRow.next_at) < now + sent.rest
            session.execute(
                update(WebhookDeliveryRow)
                .where(col(WebhookDeliveryRow.subscription) == receiver.name, others)
                .values(next_at=now + sent.rest)
            )
    if sent.gone:  # Standard Webhooks: the receiver wants nothing any more
        log.warning("webhook_subscription_ended", subscription=receiver.name)
        with suppress(SubscriptionError):  # another worker was told so too
            unsubscribe(office, receiver.name)
    return sent.succeeded


def try_out(office: MessageOffice, name: str) -> Attempted:
    """Send a subscription an event that is about no case, at once; say what came of it."""
    receiver = subscription(office, name)
    municipality = next(
        (code for code in receiver.municipalities if code != "*"), office.settings.municipality
    )
    event = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": source(municipality),
        "type": TEST,
        "time": office.clock.now().isoformat(timespec="seconds"),
        "datacontenttype": "application/json",
        "data": {"abonnement": name},
    }
    with webhook_client(office.settings.webhook_networks, _TIMEOUT_SECONDS) as client:
        return send(office, client, receiver, event)


# --- what could not be delivered ----------------------------------------------------------------------------


def dead_letters(office: MessageOffice) -> Sequence[tuple[WebhookDeliveryRow, OutgoingEventRow]]:
    """Return what was given up, the oldest first."""
    query = (
        select(WebhookDeliveryRow, OutgoingEventRow)
        .join(OutgoingEventRow, col(OutgoingEventRow.number) == col(WebhookDeliveryRow.event_number))
        .where(col(WebhookDeliveryRow.gave_up_at).is_not(None))
        .order_by(col(WebhookDeliveryRow.id))
    )
    with reading(office.engine) as session:
        return session.exec(query).all()


def try_again(office: MessageOffice, name: str) -> int:
    """Send all that was given up for a subscription anew; give how many."""
    now = office.clock.now()
    with writing(office.engine) as session:
        _active(session, name)
        result = session.execute(
            update(WebhookDeliveryRow)
            .where(
                col(WebhookDeliveryRow.subscription) == name, col(WebhookDeliveryRow.gave_up_at).is_not(None)
            )
            .values(gave_up_at=None, attempts=0, first_at=now, next_at=now)
        )
        return int(result.rowcount)  # type: ignore[attr-defined]


def report_dead_letters(office: MessageOffice) -> int:
    """Tell the coordinator of subscribers that took nothing, at most once a day each; give how many."""
    gave_up, reported = col(WebhookDeliveryRow.gave_up_at), col(SubscriptionRow.reported_at)
    with reading(office.engine) as session:
        names = session.exec(
            select(SubscriptionRow.name)
            .join(WebhookDeliveryRow, col(WebhookDeliveryRow.subscription) == col(SubscriptionRow.name))
            .where(gave_up.is_not(None), or_(reported.is_(None), gave_up > reported))
            .distinct()
        ).all()
    return sum(_report(office, name) for name in names)


def _report(office: MessageOffice, name: str) -> bool:
    now = office.clock.now()
    with writing(office.engine) as session:
        row = session.get_one(SubscriptionRow, name, with_for_update=True)
        before = row.reported_at
        if before is not None and before.astimezone(AMSTERDAM).date() >= now.astimezone(AMSTERDAM).date():
            return False
        row.reported_at = now
        session.add(row)
        count = session.exec(
            select(func.count(col(WebhookDeliveryRow.id))).where(
                WebhookDeliveryRow.subscription == name, col(WebhookDeliveryRow.gave_up_at).is_not(None)
            )
        ).one()
        municipality = next(
            (code for code in row.municipalities if code != "*"), office.settings.municipality
        )
    told = announce(
        office,
        Announcement(
            id=f"abonnement-{name}-{now.date().isoformat()}",
            role="coordinator",
            municipality=municipality,
            title=f"Abonnement {name} neemt berichten niet aan",
            body=(
                f"Het systeem achter abonnement {name} heeft {so_many(count, 'bericht')} niet aangenomen; wij proberen "
                f"het niet meer.\nBekijk ze met: routekaart abonnement mislukt\n"
                f"Stuur ze opnieuw met: routekaart abonnement opnieuw {name}"
            ),
        ),
    )
    if not told:
        with writing(office.engine) as session:
            again = session.get_one(SubscriptionRow, name)
            again.reported_at = before
            session.add(again)
        return False
    return True
