"""The command line for tests."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Protocol

from adapters.office import office
from adapters.runtime.settings import settings
from deployments import cli

if TYPE_CHECKING:
    from collections.abc import Callable

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


def in_a_copy(work: Callable[[], Any]) -> Any:
    """Do work in a copy of this process, which it may spoil; return what it gave, or what it raised as a text.

    Starting a process takes seconds, most of them to import.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            forget_settings()
            answer = work()
        except BaseException as error:  # noqa: BLE001 - whoever asked has to hear it
            answer = repr(error)
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        answer = json.loads(file.read())
    os.waitpid(child, 0)
    return answer


class Terminal(Protocol):
    """Runs one command; gives its exit code and what it printed."""

    def __call__(self, *words: str) -> tuple[int, str]:
        """Run it."""
