"""ZGW notifications: acknowledged at once, stored first, worked on after.

What a notification is about is left to a plug-in (`notification_plugin`): a function that is given the
message and gives its details, or None. Notifications get lost, so a second plug-in
(`reconciliation_plugin`) may give all notifications since a moment; those that came in before change
nothing.
"""

from __future__ import annotations

import importlib
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from adapters.exchange.case_system import wrote_itself
from adapters.exchange.incoming import Prepared, prepare, take_in
from adapters.exchange.references import kept, kept_word
from adapters.messages.retry_table import wait_after
from adapters.runtime.persons import keyed_hash
from adapters.runtime.privacy import is_plain
from adapters.runtime.settings import SettingsError
from adapters.storage.database import SettingRow, reading, writing
from adapters.storage.exchange_tables import ClientRow, InboxRow
from milestones.calendar import day_in_amsterdam
from milestones.civil_dates import civil_date
from milestones.process import InvalidData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from adapters.cases.case_office import CaseOffice
    from adapters.storage.leases import Lease

LONGEST_ROUND_SECONDS = 20.0  # what is left waits for the next round
RECONCILE_EVERY = timedelta(minutes=15)
_RECONCILED = "afstemming"
_OVERLAP = timedelta(hours=1)
_TEST_CHANNEL = "test"
NO_DETAILS = "De gegevens bij dit bericht waren niet op te halen."

log = structlog.get_logger("routekaart.inbox")


def accept(office: CaseOffice, client_id: str, values: Mapping[str, Any]) -> None:
    """Store a notification; one that came in before changes nothing. InvalidData when it is none."""
    message = _message(values)
    if message is None:
        return
    message_hashes = [
        keyed_hash(secret, message["source"], message["id"])
        for secret in office.settings.integration_secrets()
    ]
    prepared = prepare(office, {**values, **message})
    stored = {
        name: value and (kept if name in ("id", "subject", "resource") else kept_word)(office.settings, value)
        for name, value in message.items()
        if name != "time"
    }
    with writing(office.engine) as session:
        known = select(InboxRow.id).where(col(InboxRow.message_hash).in_(message_hashes))
        if session.exec(known).first() is not None:
            return
        session.add(
            InboxRow(
                message_hash=message_hashes[0],
                client_id=client_id,
                message={**stored, "time": message["time"], "prepared": prepared.as_json()},
                received_at=office.clock.now(),
                next_at=office.clock.now(),
            )
        )


def is_test(values: Mapping[str, Any]) -> bool:
    """Whether this is the message with which Notificaties tries an address."""
    return values.get("kanaal") == _TEST_CHANNEL and "specversion" not in values


def _message(values: Mapping[str, Any]) -> dict[str, str | None] | None:
    """Return what we keep of a notification, as CloudEvents attributes; None for a test message."""
    if is_test(values):
        return None
    if "specversion" in values:  # the form of the newer Notificaties API
        names = {name: _text(values, name) for name in ("id", "source", "type")}
        return {**names, "subject": _optional(values, "subject"), "time": _time(values, "time")}
    names = {
        name: _text(values, name) for name in ("kanaal", "hoofdObject", "resource", "resourceUrl", "actie")
    }
    made = _time(values, "aanmaakdatum")
    if made is None:
        raise _wrong("aanmaakdatum")
    address = urlsplit(names["resourceUrl"])
    return {
        "id": f"{names['resourceUrl']}#{names['actie']}#{_one_spelling(made)}",
        "source": f"{address.scheme}://{address.netloc}",
        "type": f"zgw.{names['kanaal']}.{names['resource']}.{names['actie']}",
        "subject": names["hoofdObject"],
        "resource": names["resourceUrl"],
        "time": made,
    }


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not is_plain(value):
        raise _wrong(name)
    return value


def _time(values: Mapping[str, Any], name: str) -> str | None:
    """Return a moment as it was written; what is no moment counts as absent."""
    value = values.get(name)
    return value if isinstance(value, str) and civil_date(value) is not None else None


def _one_spelling(moment: str) -> str:
    """Return a moment as every spelling of it gives: what is passed on may come in another one."""
    try:
        read = datetime.fromisoformat(moment.upper())
    except ValueError:
        return moment
    if read.tzinfo is None:
        return moment
    seconds, dot, fraction = read.astimezone(UTC).replace(tzinfo=None).isoformat().partition(".")
    return f"{seconds}{dot}{fraction.rstrip('0')}Z"


def _wrong(name: str) -> InvalidData:
    return InvalidData(f"Het veld '{name}' van deze notificatie ontbreekt of klopt niet.")


def _optional(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) and is_plain(value) else None


def work_on_inbox(office: CaseOffice, limit: int = 50) -> int:
    """Work on the notifications that wait; give how many were finished.

    A notification is worked on under a lease: no transaction is open while its plug-in is asked.
    """
    began, leases = time.monotonic(), office.leases.inbox
    query = (
        select(InboxRow.id)
        .where(col(InboxRow.done_at).is_(None), col(InboxRow.next_at) <= office.clock.now(), leases.free())
        .order_by(col(InboxRow.id))
        .limit(limit)
    )
    with reading(office.engine) as session:
        waiting = session.exec(query).all()
    finished = 0
    for number in waiting:
        if time.monotonic() - began < LONGEST_ROUND_SECONDS:
            with leases.holding([number]) as held:
                finished += sum(_work_on(office, lease) for lease in held)
    return finished


def _work_on(office: CaseOffice, lease: Lease) -> bool:
    leases, now = office.leases.inbox, office.clock.now()
    with reading(office.engine) as session:
        row = session.get_one(InboxRow, lease.key)
    if row.next_at > now:  # another process tried it a moment ago
        leases.release(lease)
        return False
    prepared = Prepared.from_json(row.message["prepared"])
    plugin = office.settings.notification_plugin
    detailed = _with_details(office, row, plugin) if plugin and not prepared.ignored else prepared
    with writing(office.engine) as session:
        if not leases.is_held(session, lease):
            return False  # it took too long: another process asks anew
        fresh = session.get_one(InboxRow, lease.key)
        leases.let_go(session, lease)
        told = (row.message.get("subject"), row.message.get("resource"), *prepared.references)
        ours = wrote_itself(session, list(filter(None, told)), ("*",))
        if (detailed is None or ours is None) and _try_later(fresh, now):
            session.add(fresh)
            return False
        if ours:
            fresh.result, fresh.done_at = "van ons", office.clock.now()
            session.add(fresh)
            return True
        fresh.result = _finish(session, office, fresh, detailed or _without_details(prepared))
        fresh.done_at = office.clock.now()
        session.add(fresh)
        return True


def _with_details(office: CaseOffice, row: InboxRow, plugin: str) -> Prepared | None:
    """Ask the plug-in; None when it failed. Its error is logged by kind only."""
    message = {name: value for name, value in row.message.items() if name != "prepared"}
    try:
        details = load_plugin(plugin)(message)
    except SettingsError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way
        log.warning("notification_details_failed", inbox=row.id, error=type(error).__name__)
        return None
    found = prepare(office, {**message, **(details or {})}, day_in_amsterdam(row.received_at))
    # What is kept of a message may be a mark of it: its name stays that of the message itself.
    return replace(found, message_hash=row.message["prepared"]["message_hash"])


def _without_details(prepared: Prepared) -> Prepared:
    return Prepared.from_json({**prepared.as_json(), "event": None, "reason": NO_DETAILS, "data": {}})


def _try_later(row: InboxRow, now: datetime) -> bool:
    row.attempts += 1
    wait = wait_after(row.attempts)
    if wait is None:
        return False
    row.next_at = now + wait
    return True


def _finish(session: Session, office: CaseOffice, row: InboxRow, prepared: Prepared) -> str:
    if prepared.ignored:
        return "genegeerd volgens de tabel"
    client = session.get(ClientRow, row.client_id)
    taken = take_in(session, office, prepared, client.municipalities if client else ("*",))
    return taken.outcome


def reconcile(office: CaseOffice) -> int:
    """Ask the plug-in for all notifications since the last time, once in a while; give how many came."""
    plugin = office.settings.reconciliation_plugin
    if plugin is None:
        return 0
    now = office.clock.now()
    try:
        with writing(office.engine) as session:
            row = session.get(SettingRow, _RECONCILED, with_for_update=True)
            last = datetime.fromisoformat(row.value["op"]) if row else now - _OVERLAP
            if row is not None and now - last < RECONCILE_EVERY:
                return 0
            session.merge(SettingRow(name=_RECONCILED, value={"op": now.isoformat()}))
    except IntegrityError:  # another process was first, the very first time
        return 0
    try:
        notifications: Iterable[Mapping[str, Any]] = load_plugin(plugin)(last - _OVERLAP)
        found = list(notifications)
    except SettingsError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in may fail in any way
        log.warning("reconciliation_failed", error=type(error).__name__)
        with writing(office.engine) as session:  # the next time starts where this one did
            session.merge(SettingRow(name=_RECONCILED, value={"op": last.isoformat()}))
        return 0
    for values in found:
        try:
            accept(office, _RECONCILED, values)
        except InvalidData:
            log.warning("reconciliation_message_refused")
    return len(found)


def load_plugin(written: str) -> Callable[..., Any]:
    """Return the function that a setting names as `module:function`."""
    module, _, name = written.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise SettingsError(f"De plug-in '{written}' is er niet; schrijf module:functie.") from None
    if not callable(found):
        raise SettingsError(f"De plug-in '{written}' is geen functie.")
    return found  # type: ignore[no-any-return]
