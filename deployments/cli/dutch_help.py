"""Help in Dutch: the words that the library of the command line writes itself."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Some versions of Typer bring a copy of click, and others use click itself: this is the one that Typer works with.
_click: Any = sys.modules[typer.Context.__mro__[1].__module__]

_HEADINGS = {"Options": "Opties", "Commands": "Opdrachten", "Arguments": "Woorden"}
_PHRASES = {
    "Show this message and exit.": "Toon deze uitleg.",
    "[required]": "[verplicht]",
    "; required]": "; verplicht]",
    "[default: ": "[standaard: ",
    "[env var: ": "[variabele: ",
    "; default: ": "; standaard: ",
    "<str>": "<tekst>",
    "<text>": "<tekst>",
    "<int>": "<getal>",
    "<int range>": "<getal>",
    "<float range>": "<getal>",
    "<float>": "<getal>",
    "<path>": "<pad>",
}


def _in_dutch(words: str) -> str:
    for english, dutch in _PHRASES.items():
        words = words.replace(english, dutch)
    return words


class _Formatter(_click.HelpFormatter):  # type: ignore[misc]
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, "Gebruik: " if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(_HEADINGS.get(heading, heading))

    def write_dl(self, rows: Sequence[tuple[str, str]], *rest: Any, **more: Any) -> None:
        super().write_dl([(_in_dutch(first), _in_dutch(second)) for first, second in rows], *rest, **more)


class _Context(_click.Context):  # type: ignore[misc]
    formatter_class = _Formatter


@cache
def in_dutch(app: typer.Typer) -> Any:
    """Return the command of an application with help in Dutch, and that of all commands below it: made once."""
    command = typer.main.get_command(app)
    for each in _all(command):
        each.context_class = _Context
        each.options_metavar = "[OPTIES]"
        if hasattr(each, "commands"):
            each.subcommand_metavar = "OPDRACHT [WOORDEN]..."
    return command


def _all(command: Any) -> Iterator[Any]:
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from _all(below)
