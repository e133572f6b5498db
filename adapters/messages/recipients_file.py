"""The file of recipients as it stands now: a change is picked up with the next message, without a restart."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from adapters.messages.recipients import Book
from adapters.messages.recipients_reading import read_book

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.runtime.problems import WrongLine

_NOBODY = Book(configured=False)
log = structlog.get_logger("routekaart.messages")


class RecipientsFile:
    """Knows the recipients; a file that turned unreadable leaves the last good ones in force."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._book = Book() if path else _NOBODY
        self._problems: tuple[WrongLine, ...] = ()

    def book(self) -> Book:
        """Return the recipients as the file names them now."""
        self._refresh()
        return self._book

    def problems(self) -> tuple[WrongLine, ...]:
        """Return what is wrong with the file now."""
        self._refresh()
        return self._problems

    def _refresh(self) -> None:
        if self._path is None:
            return
        with self._lock:
            stamp = _stamp(self._path)
            if stamp == self._stamp and stamp is not None:
                return
            book, problems = read_book(self._path)
            if (
                self._stamp is not None
            ):  # a change while we run; `start` and `controleer` name what was there before
                for problem in problems:
                    if problem not in self._problems:
                        log.warning("recipients_problem", problem=str(problem))
            self._stamp, self._problems, self._book = stamp, problems, book or self._book


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
