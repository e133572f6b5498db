"""Named points between two things that are kept. Whoever wants to know that one is passed, listens; nobody does."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Checkpoint(StrEnum):
    """Where one thing is kept and the next is not yet."""

    BEFORE_COMMIT = "before_commit"
    """All rows of a transition are written, nothing is committed."""
    AFTER_COMMIT = "after_commit"
    """The event is safe; the reporter has heard nothing."""
    ANSWER_READ = "answer_read"
    """A person's answer was read from Prefect, and is not in the journal yet."""
    BEFORE_EFFECT = "before_effect"
    """A message is about to be sent."""
    AFTER_EFFECT = "after_effect"
    """A message was sent, and that is not noted: it will be sent again, under the same id."""
    EFFECT_NOTED = "effect_noted"
    """A message was sent and that is noted."""
    CLAIMED = "claimed"
    """A worker claimed a process and did nothing with it yet."""
    RUN_MADE = "run_made"
    """Prefect has a flow run that the case database does not know."""
    RUN_LINKED = "run_linked"
    """The flow run is known, and was not handed out."""
    RUN_STARTED = "run_started"
    """The flow run is RUNNING and holds its process."""
    BEFORE_PARK = "before_park"
    """All work is done; the pause is not proposed yet."""
    BEFORE_FORM = "before_form"
    """Prefect shows the pause; the form that Resume asks for is not there yet."""
    AFTER_PARK = "after_park"
    """Prefect shows the pause; the case database does not know that."""
    SHOWN = "shown"
    """The case database knows what Prefect shows; the process was not given back yet."""
    BEFORE_FINISH = "before_finish"
    """A closed process: its end is not noted, and Prefect shows it running."""
    AFTER_FINISH = "after_finish"
    """A closed process: its end is noted, and Prefect shows it running."""
    BEFORE_SWEEP = "before_sweep"
    """The sweep found a term that is due and did not fire it."""
    AFTER_SWEEP = "after_sweep"
    """The sweep fired what was due in a case."""
    RUN_REPLACED = "run_replaced"
    """A flow run that is gone was let go, and there is no new one."""
    API_COMMITTED = "api_committed"
    """The API stored an event and did not answer."""


Listener = Callable[[Checkpoint, str], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Tell this listener each checkpoint that this process reaches, with the case where there is one."""
    _listeners.append(listener)


def reach(point: Checkpoint, reference: str = "") -> None:
    """Pass a checkpoint."""
    for listener in _listeners:
        listener(point, reference)
