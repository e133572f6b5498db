"""Who works on a row, and until when nobody else does: one lease for processes, deliveries, webhooks, inbox and zaken.

A worker claims a row, keeps its lease while it works, and lets it go. When the worker dies, the lease runs out and
another one claims the row; a neighbour on the same machine takes it back at once.

No lease depends on the wall clock of one machine: in PostgreSQL the clock of the server counts, and a moment further
ahead than a lease or a rest can be is none, as after a clock that was set back.

Each claim has a token of its own, a fencing token: whatever a holder does to a row counts only while the row has
that token. A worker that was stopped for a minute and comes back finds its leases gone and lets go.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import ColumnElement, DateTime, and_, func, or_, true, update
from sqlmodel import col, select

from adapters.runtime.worker_identity import identity, is_dead
from adapters.storage.database import ProcessRow, reading, writing
from adapters.storage.exchange_tables import CaseSystemLinkRow, InboxRow, WebhookDeliveryRow
from adapters.storage.message_tables import DeliveryRow, DeliveryState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine
    from sqlmodel import Session, SQLModel

Key: TypeAlias = "int | str"

LEASE = timedelta(seconds=60)
CALL_LEASE = timedelta(minutes=3)
"""Longer than one call of another system takes, because a process that is no worker renews nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one row, until it runs out or another one takes the row."""

    key: Key
    token: str


class Leases:
    """The leases of one process on the rows of one table.

    `among` are the rows that still ask for something; `by` and `until` name the columns.
    """

    def __init__(
        self,
        engine: Engine,
        model: type[SQLModel],
        among: ColumnElement[bool],
        length: timedelta = LEASE,
        *,
        by: str = "leased_by",
        until: str = "leased_until",
    ) -> None:
        self.length = length
        self._engine = engine
        self._model = model
        self._among = among
        self._by_name, self._until_name = by, until
        self._key: Any = col(getattr(model, "id"))  # noqa: B009 - SQLModel itself has no such column
        self._by: Any = col(getattr(model, by))
        self._until: Any = col(getattr(model, until))
        self._owner = f"{identity()}:{uuid.uuid4().hex[:6]}"
        self._numbers = itertools.count(1)
        self._held: dict[Key, tuple[Lease, float]] = {}
        self._lock = threading.Lock()

    # --- taking ---------------------------------------------------------------------------------------------

    def free(self) -> ColumnElement[bool]:
        """Nobody has the row, its lease ran out, or its moment is further ahead than a lease can be."""
        present = self._present()
        return or_(self._until.is_(None), self._until < present, self._until > present + 2 * self.length)

    def takeable(self, holder: str | None) -> ColumnElement[bool]:
        """The row is free, this process has it already, it has a date but no holder, or its holder is dead."""
        mine = self._by.startswith(f"{self._owner}:", autoescape=True)
        found = or_(self.free(), mine, self._by.is_(None))
        return or_(found, self._by == holder) if holder is not None and is_dead(holder) else found

    def claim(self, keys: Sequence[Any], **also: Any) -> list[Lease]:
        """Take those of these rows that are free and still ask for something."""
        with writing(self._engine) as session:
            began = now()
            taken = [
                lease
                for key in keys
                if (lease := self.take(session, key, self._among & self.free(), **also)) is not None
            ]
        self.remember(began, *taken)
        return taken

    @contextmanager
    def holding(self, keys: Sequence[Any]) -> Iterator[list[Lease]]:
        """Work on those of these rows that are free; whatever happens, they are renewed no more at the end.

        Who works lets go of each row with what became of it; one that nothing became of waits until its lease ends.
        """
        leases = self.claim(keys)
        try:
            yield leases
        finally:
            self.forget(*leases)

    def take(self, session: Session, key: Key, condition: ColumnElement[bool], **also: Any) -> Lease | None:
        """Take one row in a transaction of the caller, who remembers it after the commit."""
        lease = Lease(key, f"{self._owner}:{next(self._numbers)}")
        changed = self._change(session, self._key == key, condition, **self._values(lease.token), **also)
        return lease if changed else None

    def remember(self, began: float, *leases: Lease) -> None:
        """Renew these from now on. One row, one lease: one that went over to another is renewed no more."""
        with self._lock:
            self._held |= {lease.key: (lease, began) for lease in leases}

    # --- holding --------------------------------------------------------------------------------------------

    def keep(self, lease: Lease) -> bool:
        """Make sure of a lease; False when it was lost, and then nothing may be done to its row.

        A lease that began or was renewed a moment ago cannot have run out, so the database is not asked. The clock
        goes on while this process is stopped.
        """
        held, renewed = self._held.get(lease.key, (None, 0.0))
        if held == lease and now() - renewed < self.length.total_seconds() / 6:
            return True
        began = now()
        with writing(self._engine) as session:
            kept = self._renew(session, lease)
        if kept:
            self.remember(began, lease)
        else:
            self.forget(lease)
        return kept

    def holds(self, lease: Lease) -> bool:
        """Whether this process has this lease, as far as it knows."""
        return self._held.get(lease.key, (None, 0.0))[0] == lease

    def is_held(self, session: Session, lease: Lease) -> bool:
        """Whether the row has this lease, in a transaction of the caller; nobody takes it before that ends."""
        return self._renew(session, lease)

    def has(self, lease: Lease) -> ColumnElement[bool]:
        """The row of this lease, while it has it."""
        return and_(self._key == lease.key, self._by == lease.token)

    def renew(self) -> None:
        """Renew every lease that this process holds; one that was lost is forgotten."""
        with self._lock:
            leases = [lease for lease, _ in self._held.values()]
        if not leases:
            return
        began = now()
        with writing(self._engine) as session:
            kept = {lease for lease in leases if self._renew(session, lease)}
        with self._lock:
            for lease in leases:
                held, _ = self._held.get(lease.key, (None, 0.0))
                if held == lease and lease in kept:
                    self._held[lease.key] = lease, began
                elif held == lease:
                    del self._held[lease.key]

    def _renew(self, session: Session, lease: Lease) -> bool:
        # Also when it ran out: nobody took the row meanwhile, else its token would be another.
        return self._change(session, self.has(lease), **self._values(lease.token))

    # --- letting go -----------------------------------------------------------------------------------------

    def release(self, lease: Lease, after: timedelta = timedelta(0)) -> None:
        """Let a row go; with `after`, nobody takes it up by himself before that time."""
        self.forget(lease)
        with writing(self._engine) as session:
            self.let_go(session, lease, after)

    def let_go(self, session: Session, lease: Lease, after: timedelta = timedelta(0), **also: Any) -> bool:
        """Let a row go in a transaction of the caller, who may change more of it; False when the lease was lost."""
        until = self._present() + min(after, self.length) if after else None
        return self._change(
            session, self.has(lease), **{self._by_name: None, self._until_name: until}, **also
        )

    def release_all(self) -> int:
        """Let go of everything that this process holds, because it stops; return how many."""
        with self._lock:
            held = [lease for lease, _ in self._held.values()]
            self._held.clear()
        if held:
            with writing(self._engine) as session:
                for lease in held:
                    self.let_go(session, lease)
        return len(held)

    def release_dead(self) -> int:
        """Take back the leases of processes on this machine that were killed; return how many holders."""
        query = select(self._by).where(self._among, self._by.is_not(None)).distinct()
        with reading(self._engine) as session:
            dead = [holder for holder in session.exec(query) if is_dead(holder)]
        if dead:
            with writing(self._engine) as session:
                nothing = {self._by_name: None, self._until_name: None}
                self._change(session, self._by.in_(dead), **nothing)
        return len(dead)

    def forget(self, *leases: Lease) -> None:
        """Renew these no more."""
        with self._lock:
            for lease in leases:
                if self._held.get(lease.key, (None, 0.0))[0] == lease:
                    del self._held[lease.key]

    # --- rows -----------------------------------------------------------------------------------------------

    def _values(self, token: str) -> dict[str, Any]:
        return {self._by_name: token, self._until_name: self._present() + self.length}

    def _present(self) -> Any:
        """Return the present by the one clock that all holders share: SQLite is of one machine, and has its clock."""
        if self._engine.dialect.name == "postgresql":
            return func.statement_timestamp(type_=DateTime(timezone=True))
        return datetime.now(UTC)

    def _change(self, session: Session, *conditions: ColumnElement[bool], **values: Any) -> bool:
        result: Any = session.execute(
            update(self._model)
            .where(*conditions)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        return bool(result.rowcount)


@dataclass(frozen=True)
class AllLeases:
    """The leases of one process on all that workers share."""

    processes: Leases
    deliveries: Leases
    webhooks: Leases
    inbox: Leases
    case_system: Leases

    def each(self) -> tuple[Leases, ...]:
        """Every kind of lease."""
        return (self.processes, *self._others())

    def _others(self) -> tuple[Leases, ...]:
        return (self.deliveries, self.webhooks, self.inbox, self.case_system)

    def renew(self) -> None:
        """Renew every lease that this process holds."""
        for leases in self.each():
            leases.renew()

    def release_dead(self) -> int:
        """Take back what processes on this machine held that were killed; return how many holders of processes."""
        for others in self._others():
            others.release_dead()
        return self.processes.release_dead()

    def release_all(self) -> int:
        """Let go of everything, because this process stops; return how many."""
        return sum(leases.release_all() for leases in self.each())


def process_leases(engine: Engine, length: timedelta = LEASE) -> Leases:
    """Return the leases on processes that ask for attention."""
    return Leases(engine, ProcessRow, true(), length)


def all_leases(engine: Engine, length: timedelta = LEASE) -> AllLeases:
    """Return the leases of one process."""
    waiting = col(DeliveryRow.state) == DeliveryState.WAITING
    open_webhook, open_inbox = col(WebhookDeliveryRow.next_at).is_not(None), col(InboxRow.done_at).is_(None)
    return AllLeases(
        processes=process_leases(engine, length),
        deliveries=Leases(engine, DeliveryRow, waiting, CALL_LEASE, by="claimed_by", until="claimed_until"),
        webhooks=Leases(engine, WebhookDeliveryRow, open_webhook, CALL_LEASE),
        inbox=Leases(engine, InboxRow, open_inbox, CALL_LEASE),
        case_system=Leases(
            engine, CaseSystemLinkRow, col(CaseSystemLinkRow.stopped_at).is_(None), CALL_LEASE
        ),
    )


def now() -> float:
    """Return seconds that go on while this process is stopped, and where the system tells, while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
