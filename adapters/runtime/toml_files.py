"""TOML as people save it: with or without byte order mark, with any line ends; what is wrong is said with its line."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from milestones.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path

_PLACE = re.compile(r"\(at (?:line (?P<line>\d+), column \d+|end of document)\)")
_BARE = re.compile(r"""^\s*(?P<key>[\w.-]+)\s*=\s*(?P<value>[^"'\[{#\s][^#]*?)\s*(?:#.*)?$""")


class TomlError(Refusal, ValueError):
    """A TOML file that cannot be read: one Dutch sentence with the file, the line and what to write."""

    def __init__(self, file: str, line: int | None, what: str) -> None:
        super().__init__(f"{file}{'' if line is None else f', regel {line}'}: {what}")
        self.line = line
        self.what = what[:1].upper() + what[1:]


def read_toml(file: Path) -> tuple[dict[str, Any], str]:
    """Return the content of a TOML file and its text. Raises TomlError; an OSError says itself what is wrong."""
    text = read_text(file)
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise TomlError(file.name, *_explained(text, str(error))) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or lists in lists in lists
        raise TomlError(
            file.name,
            None,
            "dit is geen bestand met instellingen: er staat een te lang getal of te diepe lijst in.",
        ) from None


def read_text(file: Path) -> str:
    """Return the text of a file in UTF-8, without its byte order mark. Raises TomlError for another encoding."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise TomlError(
            file.name, None, "dit is geen tekst in UTF-8; bewaar het bestand als UTF-8."
        ) from None


def _explained(text: str, reason: str) -> tuple[int, str]:
    """Return the line that is wrong and what to write there."""
    lines = text.splitlines()
    found = _PLACE.search(reason)
    number = int(found["line"]) if found and found["line"] else len(lines)
    written = lines[number - 1] if 0 < number <= len(lines) else ""
    if bare := _BARE.match(written):
        return number, f'zet de waarde tussen aanhalingstekens: {bare["key"]} = "{bare["value"]}".'
    return number, "dit is geen geldige TOML; schrijf naam = waarde, met aanhalingstekens om tekst."
