"""Who holds a lease, written so that a neighbour on the same machine can tell that the holder is dead.

A worker that was killed leaves its leases behind. Elsewhere they run out by themselves; on the same machine
(same boot, same process namespace) the next worker sees at once that no such process lives any more.
"""

from __future__ import annotations

import hashlib
import os
import socket
from functools import cache
from pathlib import Path

_ZOMBIE = "Z"


@cache
def _place() -> str | None:
    """Name this boot of this machine and its process namespace; None where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return None
    return hashlib.sha256(f"{boot}/{namespace}".encode()).hexdigest()[:12]


def identity() -> str:
    """Return the identity of this process: `place:pid:start`, unique over restarts and machines."""
    return _identity(os.getpid())


@cache
def _identity(pid: int) -> str:
    return f"{_place() or socket.gethostname()[:30]}:{pid}:{_started(pid) or '0'}"


def is_dead(holder: str) -> bool:
    """Tell whether the process behind an identity is certainly gone; False when we cannot know."""
    parts = holder.split(":")
    if len(parts) < 3 or _place() is None or parts[0] != _place() or not parts[1].isdigit():  # noqa: PLR2004 - place, pid, start
        return False
    return _started(int(parts[1])) != parts[2]


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since boot; None when there is no such living process."""
    try:
        # The second field is the command between parentheses, which may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == _ZOMBIE else fields[19]
