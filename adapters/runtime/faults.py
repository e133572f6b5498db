"""Named points at which a process can die, so that a test can let it die exactly there.

Nothing happens unless the variable ROUTEKAART_FAULT names a point. It holds `NAME` or `NAME@REFERENCE` (only
in the work on that case), several divided by commas; `NAME@REFERENCE:stop` stops the process as SIGSTOP does
instead of killing it. Each entry strikes once: a marker file in the folder ROUTEKAART_FAULT_MARKS, by default
`fouten` in the home folder, remembers it.
"""

from __future__ import annotations

import os
import signal
from enum import StrEnum
from pathlib import Path

_VARIABLE = "ROUTEKAART_FAULT"


class FaultPoint(StrEnum):
    """Where a process can die between two things that are kept."""

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


def reach(point: FaultPoint, reference: str = "") -> None:
    """Pass a point; die here when ROUTEKAART_FAULT says so."""
    wanted = os.environ.get(_VARIABLE)
    if wanted is not None:
        _strike(point, reference, wanted)


def _strike(point: FaultPoint, reference: str, wanted: str) -> None:
    for entry in wanted.split(","):
        name, _, how = entry.strip().partition(":")
        if name not in (str(point), f"{point}@{reference}"):
            continue
        if _first_time(name):
            os.kill(os.getpid(), signal.SIGSTOP if how == "stop" else signal.SIGKILL)


def _first_time(name: str) -> bool:
    """Make the marker of an entry; False when it is there already."""
    home = Path(os.environ.get("ROUTEKAART_HOME", "~/.routekaart")).expanduser()
    marks = Path(os.environ.get("ROUTEKAART_FAULT_MARKS", home / "fouten"))
    marks.mkdir(parents=True, exist_ok=True)
    try:
        (marks / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
