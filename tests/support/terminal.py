"""The command line for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from adapters.office import office
from adapters.runtime.settings import settings
from deployments import cli

if TYPE_CHECKING:
    import pytest


def forget_settings() -> None:
    """Let the next command read the environment anew."""
    settings.cache_clear()
    office.cache_clear()


def run_here(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run a command in this process, in the environment of now; return exit code, output and errors."""
    forget_settings()
    capfd.readouterr()
    code = cli.run(list(words))
    said = capfd.readouterr()
    return code, said.out, said.err


class Terminal(Protocol):
    """Runs one command; gives its exit code and what it printed."""

    def __call__(self, *words: str) -> tuple[int, str]:
        """Run it."""
