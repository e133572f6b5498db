"""Files whose lines last: a line is whole or not there, also when the disk is full or the power goes."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK = 4096
_PROBE_BYTES = 256 * 1024
_FOR_THIS_USER = 0o600
_FOR_ALL = 0o644


def has_room(folder: Path) -> bool:
    """Whether a file of some size can be written in a folder: its disk is not full and not read-only."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
    except OSError:
        return False
    return True


def append_line(file: Path, line: str, *, secret: bool = False) -> None:
    """Add a line to a file; when this returns the disk has it, and after an OSError the file is as it was.

    What an earlier writer left half, because it died, is taken away first: nobody was told that it was there.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FOR_THIS_USER if secret else _FOR_ALL)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        end = _end_of_last_line(handle)
        try:
            os.ftruncate(handle, end)
            left = line.encode() + b"\n"
            while left:
                written = os.pwrite(handle, left, end + len(line.encode()) + 1 - len(left))
                left = left[written:]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, end)
            raise
    finally:
        os.close(handle)  # and gives the lock back


def drop_lines(file: Path, drops: Callable[[str], bool]) -> int:
    """Take lines out of a file to which others add with `append_line`; return how many went."""
    if not file.exists():
        return 0
    with file.open("r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        lines = opened.readlines()
        kept = [line for line in lines if not drops(line.decode("utf-8", "replace"))]
        if len(kept) < len(lines):
            opened.seek(0)
            opened.writelines(kept)
            opened.truncate()
            opened.flush()
            os.fsync(opened.fileno())
    return len(lines) - len(kept)


def _end_of_last_line(handle: int) -> int:
    """Return the place after the last line that is whole."""
    end = os.fstat(handle).st_size
    while end:
        start = max(0, end - _BLOCK)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


@contextmanager
def whole_file(target: Path) -> Iterator[IO[str]]:
    """Yield a file to write text to, for this user alone; it gets its name when all of it is on the disk."""
    handle, made = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(handle)
        Path(made).replace(target)
    finally:
        Path(made).unlink(missing_ok=True)
