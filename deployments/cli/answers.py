"""What the command line answers to whatever was raised: an exit code, and one Dutch sentence on standard error."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import typer

from deployments.cli.console import BAD_INPUT, complain

if TYPE_CHECKING:
    from pathlib import Path

INTERRUPTED = 130
FAULT = 70
# Some versions of Typer bring a copy of click, and others use click itself: this is the one that Typer raises from.
_usage: Any = sys.modules[typer.BadParameter.__module__]


def answer_to(error: Exception) -> int:
    """Return the exit code for an exception and say in Dutch what is wrong."""
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if isinstance(error, _usage.UsageError):
        complain(_usage_in_dutch(error))
        return BAD_INPUT
    return say_what_is_wrong(error)


def say_what_is_wrong(error: Exception) -> int:
    """Print an error as its one sentence; give 2 for what the user can put right, 70 for a fault of ours."""
    from adapters.operations.sentences import explain

    explained = explain(error, _log_of_faults())
    complain(" ".join(explained.sentence.split()))  # one line, whatever was repeated from the input
    return BAD_INPUT if explained.number is None else FAULT


def _log_of_faults() -> Path | None:
    """Return the file for faults of ours, in a home folder that is there."""
    from adapters.runtime.home import HomelessError, home_of_environment

    try:
        home = home_of_environment()
        return home / "logs" / "fouten.log" if home.is_dir() else None
    except (HomelessError, OSError):
        return None


def _usage_in_dutch(error: Any) -> str:
    """Say in Dutch what is wrong with the words of a command."""
    where = f" Zie: {error.ctx.command_path} --help." if getattr(error, "ctx", None) else ""
    parameter = getattr(error, "param", None)
    name = getattr(parameter, "metavar", None) or getattr(parameter, "name", None) or "een argument"
    variable = getattr(parameter, "envvar", None)
    if isinstance(variable, str) and variable in os.environ:
        name = f"{name} ({variable})"
    if isinstance(error, _usage.NoSuchOption):
        return f"De optie {error.option_name} bestaat niet.{where}"
    if isinstance(error, _usage.MissingParameter):
        return f"Er ontbreekt iets: {name}.{where}"
    if isinstance(error, _usage.BadParameter):
        return f"De waarde voor {name} klopt niet.{where}"
    if isinstance(error, _usage.NoArgsIsHelpError):
        return str(error)
    return f"Deze opdracht bestaat niet of heeft te veel woorden.{where}"
