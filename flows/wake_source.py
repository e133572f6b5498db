"""Where the worker learns which parked flow runs need attention."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from prefect.client.schemas.objects import StateType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID


# A flow run in one of these is not taken up again; a new one is made for an open process.
ENDED = frozenset({StateType.COMPLETED, StateType.CANCELLED, StateType.CANCELLING})


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A flow run whose case has something due: an event, a term, an effect."""

    flow_run_id: UUID


class WakeUpResult(StrEnum):
    """How a wake-up ended."""

    PARKED = "parked"
    FINISHED = "finished"
    FAILED = "failed"  # the flow raised, or the server could not be reached; try again later
    GONE = "gone"  # the flow run was deleted, was cancelled or had ended
    NOT_STARTED = "not started"  # the worker stopped first, or has this run in hand already


class WakeSource(Protocol):
    """A queue of wake-ups. Both methods may block; the worker calls them from several threads."""

    def claim(self, limit: int) -> Sequence[WakeUp]:
        """Take at most `limit` wake-ups; until `done`, or until a lease ends, nobody else gets them."""
        ...

    def done(self, wake_up: WakeUp, result: WakeUpResult) -> None:
        """Return a claimed wake-up back with its result."""
        ...


@dataclass(frozen=True, slots=True)
class Chore:
    """A piece of work that a worker does now and every so often, on a thread of its own; it may block."""

    name: str
    seconds: float
    work: Callable[[], object]


@runtime_checkable
class Tended(Protocol):
    """A wake source that wants looking after while the worker lives."""

    def chores(self) -> Sequence[Chore]:
        """Return what is to be done beside the wake-ups; none waits for another."""
        ...

    def hand_back(self) -> None:
        """Hand back what is still claimed, because the worker stops. May block."""
        ...


class NoWakeUps:
    """The source of a worker that is only woken through Prefect."""

    def claim(self, limit: int) -> Sequence[WakeUp]:  # noqa: ARG002
        """Return nothing."""
        return ()

    def done(self, wake_up: WakeUp, result: WakeUpResult) -> None:
        """Do nothing."""
