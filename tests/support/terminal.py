"""The command line for tests."""

from __future__ import annotations

from typing import Protocol


class Terminal(Protocol):
    """Runs one command; gives its exit code and what it printed."""

    def __call__(self, *words: str) -> tuple[int, str]:
        """Run it."""
