"""Logs that processes write to a file: put away each day or when large, and gone after their time."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.runtime.clock import AMSTERDAM

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 20_000_000


def rotate(log: Path, now: datetime, keep_days: int, largest: int = LARGEST) -> None:
    """Put a log away that has lines of an earlier day or grew large, and remove what was put away too long ago.

    The process that writes it goes on: its file is copied and emptied, which needs that it only appends.
    """
    for old in log.parent.glob(f"{log.stem}-*.log"):
        if _written(old) < now - timedelta(days=keep_days):
            old.unlink(missing_ok=True)
    if not log.exists() or not log.stat().st_size:
        return
    day = _first_day(log)
    if log.stat().st_size < largest and day == now.date():
        return
    shutil.copy2(log, log.with_name(f"{log.stem}-{now:%Y%m%dT%H%M%S}.log"))
    os.truncate(log, 0)
    _day_file(log).write_text(f"{now.date()}")


def _written(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, AMSTERDAM)


def _day_file(log: Path) -> Path:
    return log.with_suffix(".dag")


def _first_day(log: Path) -> object:
    """Return the day since which a log is written; noted beside it, since a file does not know when it began."""
    noted = _day_file(log)
    if not noted.exists():
        noted.write_text(f"{_written(log).date()}")
    return datetime.fromisoformat(noted.read_text()).date()
