"""Lets a process die exactly at a checkpoint, so that a test can see what comes of it.

The variable ROUTEKAART_FAULT names the checkpoints. It holds `NAME` or `NAME@REFERENCE` (only in the work on that
case), several divided by commas; `NAME@REFERENCE:stop` stops the process as SIGSTOP does instead of killing it. Each
entry strikes once: a marker file in the folder ROUTEKAART_FAULT_MARKS, by default `fouten` in the home folder,
remembers it.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from adapters.runtime.checkpoints import Checkpoint, listen

VARIABLE = "ROUTEKAART_FAULT"


def die_when_asked() -> None:
    """Listen, when the environment names a checkpoint."""
    if VARIABLE in os.environ:
        listen(_strike)


def _strike(point: Checkpoint, reference: str) -> None:
    for entry in os.environ[VARIABLE].split(","):
        name, _, how = entry.strip().partition(":")
        if name in (str(point), f"{point}@{reference}") and _first_time(name):
            if how == "stop":
                _wait_for_the_other_threads()
            os.kill(os.getpid(), signal.SIGSTOP if how == "stop" else signal.SIGKILL)


def _wait_for_the_other_threads() -> None:
    """Wait until no thread of this process writes in SQLite: what stands still with the lock stops everybody."""
    file = _home() / "zaken.db"
    if file.exists():
        with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")


def _home() -> Path:
    return Path(os.environ.get("ROUTEKAART_HOME", "~/.routekaart")).expanduser()


def _first_time(name: str) -> bool:
    """Make the marker of an entry; False when it is there already."""
    marks = Path(os.environ.get("ROUTEKAART_FAULT_MARKS", _home() / "fouten"))
    marks.mkdir(parents=True, exist_ok=True)
    try:
        (marks / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
