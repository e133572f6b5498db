"""Lets a process die exactly at a checkpoint, so that a test can see what comes of it.

The variable ROUTEKAART_FAULT names the checkpoints. It holds `NAME` or `NAME@REFERENCE` (only in the work on that
case), several divided by commas; `NAME@REFERENCE:stop` stops the process as SIGSTOP does instead of killing it. Each
entry strikes once: a marker file in the folder ROUTEKAART_FAULT_MARKS, by default `fouten` in the home folder,
remembers it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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
                _stand_still()
            else:
                os.kill(os.getpid(), signal.SIGKILL)


# Stops a process while nobody in it writes in SQLite: what stands still with the lock stops everybody.
_STOP = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
os.kill(int(sys.argv[2]), signal.SIGSTOP)
connection.execute("ROLLBACK")
"""


def _stand_still() -> None:
    file = _home() / "zaken.db"
    if file.exists():
        subprocess.run([sys.executable, "-c", _STOP, file, str(os.getpid())], check=True)
    else:
        os.kill(os.getpid(), signal.SIGSTOP)


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
