"""A process that reports events with many threads, and dies while one transaction holds several of them.

    python -m support.group_death HOME

Writes a line for each event that it heard was accepted or refused, and the cases of the transaction that died with it.
"""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import TYPE_CHECKING

from adapters.cases import casework
from adapters.office import open_office
from adapters.runtime.checkpoints import Checkpoint, listen
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from adapters.cases.case_writing import Change

CASES = 60
AT_ONCE = 20
ENOUGH = 4  # events in one transaction
EVENTS = ("aanmelding_geregistreerd", "aanmelding_geregistreerd", "niet_bedreigend")  # the second is refused
_here = local()
_write = casework.write_changes


def name_of(number: int) -> str:
    """Return the reference of a case."""
    return f"GROEP-{number}"


def id_of(reference: str, number: int) -> str:
    """Return the id under which an event is reported."""
    return f"{reference}:{number}"


def say(*words: str) -> None:
    """Write a line at once."""
    os.write(1, (" ".join(words) + "\n").encode())


def _write_and_remember(session: Session, changes: Sequence[Change]) -> None:
    _here.group, _here.passed = [change.case_row.reference for change in changes], 0
    _write(session, changes)


def _die_in_a_group(point: Checkpoint, reference: str) -> None:
    if point is not Checkpoint.BEFORE_COMMIT or not getattr(_here, "group", None):
        return
    _here.passed += 1
    if (
        len(_here.group) >= ENOUGH
        and _here.passed == ENOUGH // 2
        and reference not in map(name_of, range(40))
    ):
        say("dies", *_here.group)
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Report all events of all cases, or die on the way."""
    office = open_office()
    casework.write_changes = _write_and_remember
    listen(_die_in_a_group)

    def walk(number: int) -> None:
        reference = name_of(number)
        for place, event in enumerate(EVENTS):
            try:
                office.casework.report(reference, event, event_id=id_of(reference, place))
            except NotPossible:
                say("refused", reference, str(place))
            else:
                say("accepted", reference, str(place))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(walk, range(CASES)))
    sys.exit("nobody died")


if __name__ == "__main__":
    main()
