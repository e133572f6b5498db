"""Carry out effects: the messages that a transition asked for. At least once, each with a stable id.

An effect first becomes deliveries, one for each recipient. Each attempt is a task run of its own; a retry is a row
with its next moment (`adapters.messages.deliveries`), so that no wake-up waits for it.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from adapters.runtime.checkpoints import Checkpoint, reach
from adapters.storage.message_tables import DeliveryState
from flows.notable_events import undelivered
from flows.tags import slug

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prefect.client.schemas.objects import State

    from adapters.messages.deliveries import Parcel
    from adapters.office import Office
    from adapters.storage.database import OutboxRow

_PATIENCE_SECONDS = 1.0


@task(
    name="Bericht versturen",
    task_run_name="Bericht ({soort}) aan {rol} via {kanaal}",
    persist_result=False,
    cache_policy=NO_CACHE,
)
def send_message(soort: str, rol: str, kanaal: str, office_parcel: tuple[Office, Parcel]) -> State[Any]:
    """Send one message; what Prefect shows is role, channel and result, never an address."""
    del soort, rol, kanaal
    office, parcel = office_parcel
    sent = office.deliveries.send(parcel)
    if sent is None:
        return Completed(name="Al gedaan", message="Een andere worker heeft dit bericht.")
    if sent.state is DeliveryState.UNDELIVERABLE:
        _tell_prefect(parcel)
    if sent.failed:
        return Failed(name="Niet bezorgd", message=sent.text)
    return Completed(name=str(sent.state).capitalize(), message=sent.text)


def plan(here: Office, effects: Iterable[OutboxRow]) -> None:
    """Make the deliveries of open effects."""
    for effect in effects:
        for lost in here.deliveries.plan(effect.id):
            _tell_prefect(lost)


def _tell_prefect(lost: Parcel) -> None:
    """Emit an event for each message that reached nobody; an automation tells the coordinator."""
    for number in lost.ids:
        undelivered(number, lost.case_reference, lost.role_name)


class Postmen:
    """Send messages in threads of their own: no wake-up, and so no form, waits for a receiver that is slow or hangs."""

    def __init__(self, number: int = 8, patience: float = _PATIENCE_SECONDS) -> None:
        self._number, self._patience = number, patience
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="routekaart-bericht")
        self._out: dict[Future[None], float] = {}  # since when

    def send(self, here: Office, parcels: Iterable[Parcel], patience: float | None = None) -> None:
        """Send parcels, each as a task run of the flow run that asks; a failed one has its next moment already.

        It waits a moment, so that what goes quickly stands in the run before it parks, and then leaves the rest to
        the threads; while somebody is slow nobody waits. While all of them are busy a parcel keeps its place in the
        database.
        """
        mine = set()
        slow = self._somebody_is_slow()
        for parcel in parcels:
            if not self.room():
                here.deliveries.put_off(parcel)
                continue
            future = self._threads.submit(copy_context().run, _send, here, parcel)
            self._out[future] = time.monotonic()
            mine.add(future)
        for future in wait(mine, 0 if slow else self._patience if patience is None else patience).done:
            future.result()

    def room(self) -> int:
        """Return how many messages can go out beside those that are being sent."""
        self._out = {future: since for future, since in self._out.items() if not future.done()}
        return self._number - len(self._out)

    def _somebody_is_slow(self) -> bool:
        """Whether a message has been out for longer than a wake-up waits for one."""
        before = time.monotonic() - self._patience
        return any(since < before for future, since in self._out.items() if not future.done())

    def finish(self) -> None:
        """Wait until what is being sent was sent."""
        wait(self._out)


POSTMEN = Postmen()


def _send(here: Office, parcel: Parcel) -> None:
    # The time line of a run draws no accents: "coördinator" would read "cordinator".
    send_message(parcel.kind, slug(parcel.role_name), parcel.channel, (here, parcel), return_state=True)
    reach(Checkpoint.EFFECT_NOTED, parcel.case_reference)


def deliver_what_is_left(here: Office) -> None:
    """Plan and send what belongs to no running flow run: digests, and messages that outlived their process."""
    plan(here, here.attention.leftover_effects())
    POSTMEN.send(here, here.deliveries.due_elsewhere(), 0)
