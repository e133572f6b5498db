"""What the command line answers to whatever was raised: an exit code, and one Dutch sentence on standard error."""

from __future__ import annotations

import sys
from typing import Any

import typer

from deployments.cli.console import BAD_INPUT, complain
from milestones.refusal import Refusal

INTERRUPTED = 130
# Some versions of Typer bring a copy of click, and others use click itself: this is the one that Typer raises from.
_usage: Any = sys.modules[typer.BadParameter.__module__]


def answer_to(error: Exception) -> int:
    """Give the exit code for an exception and say in Dutch what is wrong; a fault of ours goes on up."""
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    sentence = _usage_in_dutch(error) if isinstance(error, _usage.UsageError) else known_refusal(error)
    if sentence is None:
        raise error
    complain(sentence)
    return BAD_INPUT


def _usage_in_dutch(error: Any) -> str:
    """Say in Dutch what is wrong with the words of a command."""
    where = f" Zie: {error.ctx.command_path} --help." if getattr(error, "ctx", None) else ""
    parameter = getattr(error, "param", None)
    name = getattr(parameter, "metavar", None) or getattr(parameter, "name", None) or "een argument"
    if isinstance(error, _usage.NoSuchOption):
        return f"De optie {error.option_name} bestaat niet.{where}"
    if isinstance(error, _usage.MissingParameter):
        return f"Er ontbreekt iets: {name}.{where}"
    if isinstance(error, _usage.BadParameter):
        return f"De waarde voor {name} klopt niet.{where}"
    if isinstance(error, _usage.NoArgsIsHelpError):
        return str(error)
    return f"Deze opdracht bestaat niet of heeft te veel woorden.{where}"


def known_refusal(error: Exception) -> str | None:
    """Give the sentence of a refusal by the parts underneath; None for a fault of ours."""
    if isinstance(error, Refusal):
        return error.sentence
    from adapters.storage.storage_trouble import Trouble, trouble_of

    trouble = trouble_of(error)
    where = " Controleer ROUTEKAART_DATABASE_URL." if trouble is Trouble.GONE else ""
    return None if trouble is None else f"{trouble}{where}"
