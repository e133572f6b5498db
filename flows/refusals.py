"""What a refusal becomes at Prefect's forms: a sentence in the log of the run, and a run that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import get_run_logger
from prefect.states import Failed

from adapters.cases.refusal_words import in_labels

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from milestones.process import Snapshot
    from milestones.refusal import Refusal

NOT_TAKEN_IN, NOT_DONE = "Niet verwerkt", "Niet gedaan"


def why_not(refusal: Refusal, process: Snapshot | None = None, answer: str = "") -> str:
    """Log and return why an answer was not taken in, in the words of the form; `answer` is what was chosen."""
    why = in_labels(refusal.reason, process)
    said = f"{answer}: {why}" if answer else why
    get_run_logger().warning("%s: %s", NOT_TAKEN_IN, said)
    return said


def refused_run(refusal: Refusal, name: str, *, in_codes: bool = False) -> State[Any]:
    """End a run that did nothing: it fails under this name, with the reason as its message.

    `in_codes` is for a form whose choices are codes: it hears which of them can be chosen now.
    """
    said = refusal.sentence if in_codes else in_labels(refusal.reason)
    get_run_logger().warning("%s: %s", name, said)
    return Failed(name=name, message=said)
