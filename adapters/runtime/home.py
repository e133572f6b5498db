"""Where the home folder is, also for a user of whom the machine knows no home."""

from __future__ import annotations

import os
from pathlib import Path

from milestones.refusal import Refusal


class HomelessError(Refusal, RuntimeError):
    """There is no home folder to begin from: one Dutch sentence."""


def expanded(written: Path) -> Path:
    """Return a path with what ~ stands for. Raises HomelessError for a user without a home, as in a container."""
    try:
        return written.expanduser()
    except RuntimeError:
        raise HomelessError(
            "Deze gebruiker heeft geen eigen map op deze machine. Zet in ROUTEKAART_HOME een map die hij mag schrijven."
        ) from None


def home_of_environment() -> Path:
    """Return the home folder that the environment names, before settings are read."""
    return expanded(Path(os.environ.get("ROUTEKAART_HOME", "~/.routekaart")))
