"""What the commands share: lines for people, JSON for programs, and reading what was written as an argument."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
import unicodedata
from datetime import date
from functools import cache
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from adapters.office import Office

BAD_INPUT = 2


class BadInput(Refusal):
    """Input that cannot be used: one Dutch sentence."""


def say(line: str) -> None:
    """Print a line on standard output."""
    sys.stdout.write(f"{line}\n")


def complain(line: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(f"{line}\n")


def person_numbers(given: Sequence[str]) -> list[str]:
    """Return client numbers; each - stands for a line of standard input. A BSN as an argument is BadInput.

    Arguments stand in the list of processes and in the history of a shell, for all to read.
    """
    from adapters.runtime.privacy import eleven_test

    if any(eleven_test(number.strip()) for number in given):
        raise BadInput("Geef een BSN nooit als argument: schrijf - en geef het nummer op de invoer.")
    return [_from_input() if number == "-" else number for number in given]


def _from_input() -> str:
    if not (number := secret_from_input("BSN").strip()):
        raise BadInput("Er staat geen nummer op de invoer.")
    return number


def secret_from_input(what: str) -> str:
    """Return a line of standard input; on a terminal what is typed does not show."""
    if sys.stdin.isatty():
        return getpass(f"{what} (niet zichtbaar): ")
    return sys.stdin.readline().rstrip("\r\n")


def agrees(question: str) -> bool:
    """Ask a question at which only "ja" goes on; without an answer on standard input it is no."""
    sys.stderr.write(f"{question} [ja/nee]: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("ja", "j")


def print_json(value: object) -> None:
    """Print a value on standard output as JSON."""
    say(json_text(value, indent=2))


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value as JSON that standard output can carry: other letters as escapes where it is not UTF-8."""
    carries_all = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "").startswith("utf")
    return json.dumps(value, ensure_ascii=not carries_all, indent=indent)


def carry_any_text() -> None:
    """Let output never fail on a letter that a terminal or a pipe does not have: it loses its accent, or is a ?.

    Where who started us closed a stream, nothing is read and nothing shown; and no file of ours gets its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    codecs.register_error("leesbaar", _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="leesbaar")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - nothing is decoded with this
    letters = unicodedata.normalize("NFKD", error.object[error.start : error.end])
    return "".join(
        letter if letter.isascii() else "?" for letter in letters if not unicodedata.combining(letter)
    ), error.end


@cache
def terminal(*, errors: bool = False) -> Console:
    """Return what draws tables and progress."""
    from rich.console import Console

    return Console(stderr=errors, highlight=False, soft_wrap=True)


def the_office() -> Office:
    """Open the case database of the settings; a command says itself what it did, so the log has only warnings."""
    from adapters.runtime.actor import Actor, ActorKind, Way, act_as

    act_as(Actor(ActorKind.OPERATOR, f"gebruiker-{os.getuid()}", Way.COMMAND))
    from adapters.office import office
    from adapters.runtime.logs import set_up_logs

    opened = office()
    set_up_logs(opened.settings, default_level="warning")
    return opened


def day_from(written: str) -> date:
    """Read a date; another text is BadInput."""
    from milestones.civil_dates import civil_date

    found = civil_date(written)
    if found is None:
        raise BadInput(f"'{written}' is geen datum; schrijf jjjj-mm-dd.")
    return found


def optional_day_from(written: str | None) -> date | None:
    """Read a date that may be left out; another text is BadInput."""
    return None if written is None else day_from(written)


def data_from(written: str | None) -> dict[str, Any]:
    """Read a JSON object that may be left out; another text is BadInput."""
    if written is None:
        return {}
    try:
        data = json.loads(written)
    except (ValueError, RecursionError):
        raise BadInput("De gegevens zijn geen geldige JSON.") from None
    if not isinstance(data, dict):
        raise BadInput('De gegevens moeten een JSON-object zijn, bijvoorbeeld {"soort": "Telefoon"}.')
    return data
