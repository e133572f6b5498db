"""The texts of messages: one file for each kind, that a municipality may replace with its own.

A file begins with `Titel: ...`, then an empty line, then the text. Words in braces are fields. A line whose
field is empty is left out. The folder of the setting `texts_folder` goes first: `<gemeentecode>/overdracht.txt`,
then `overdracht.txt`; a text there that breaks a rule is named and not used.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from adapters.messages.message_kinds import HANDOFF, MESSAGE_KINDS, NOTICE, OWN_TEXT_NAMES, TASK, UNDELIVERED
from adapters.messages.text_rules import (
    PROFESSIONAL,
    RESIDENT_LIMITS,
    forbidden_to_all,
    forbidden_to_residents,
    looks_like_amount,
    looks_like_bsn,
    readability,
    sentences_of,
)
from adapters.runtime.problems import WrongLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OWN_TEXTS = Path(__file__).with_name("message_texts")
RESIDENT_TEXT, PARTNER_TEXT, DIGEST_TEXT = "inwoner", "partner", "bundel"
NAMES = (*MESSAGE_KINDS, *OWN_TEXT_NAMES, UNDELIVERED, RESIDENT_TEXT, PARTNER_TEXT, DIGEST_TEXT)

_CASE = frozenset({"zaak", "mijlpaal", "wacht_op", "uiterlijk", "waarom", "link"})
_MAY = _CASE | {
    "rol", "gemeente", "taak", "onderwerp", "overdracht_link", "link_tot", "gebeurtenis", "gebeurd_op", "door",
    "gevolg", "eerste_dag", "laatste_dag", "aangeboden_aan", "id",
}  # fmt: skip
# What each text may use and what it must use: case, mijlpaal, what is expected, until when and why, a link.
FIELDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = MappingProxyType(
    dict.fromkeys((*MESSAGE_KINDS, UNDELIVERED), (_MAY, _CASE))
    | dict.fromkeys(OWN_TEXT_NAMES, (_MAY, _CASE - {"waarom", "uiterlijk"}))
    | {
        HANDOFF: (_MAY, _CASE | {"overdracht_link"}),
        TASK: (_MAY, _CASE | {"taak"}),
        NOTICE: (_MAY, _CASE | {"gebeurtenis"}),
        DIGEST_TEXT: (frozenset({"aantal", "berichten", "mijn_werk", "id"}), frozenset({"berichten"})),
        RESIDENT_TEXT: (frozenset({"id", "contact"}), frozenset()),
        PARTNER_TEXT: (frozenset({"zaak", "id"}), frozenset({"zaak"})),
    }
)
_TITLE = "Titel:"
_PLACE = re.compile(rf"(?:\d{{4}}/)?(?:{'|'.join(NAMES)})\.txt")
_NOT_USED = (
    "Dit bestand wordt niet gebruikt. Zet een tekst in de map zelf, of in een map met een gemeentecode als naam. "
    f"Noem hem een van deze, met .txt erachter: {', '.join(NAMES)}."
)


@dataclass(frozen=True, slots=True)
class MessageText:
    """A text with fields that are still to be filled in."""

    title: str
    body: str

    def write(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Return title and body with the fields filled in."""
        lines = [
            line.format_map(values)
            for line in self.body.splitlines()
            if all(values.get(name) for name in _fields(line))
        ]
        return self.title.format_map(values), "\n".join(lines)


class Texts:
    """The texts as they stand on disk now; a change is picked up with the next message."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def text(self, name: str, municipality: str) -> MessageText:
        """Return a text for a municipality: its own when that is good, else ours."""
        for path in self._places(name, municipality):
            if path.is_file():
                text, problems = _checked(path, name, path.stat().st_mtime_ns)
                if text is not None and not problems:
                    return text
        text, problems = _checked(OWN_TEXTS / f"{name}.txt", name, 0)
        assert text is not None and not problems, problems  # noqa: S101, PT018 - a test guards our own texts
        return text

    def _places(self, name: str, municipality: str) -> tuple[Path, ...]:
        if self._folder is None:
            return ()
        return (self._folder / municipality / f"{name}.txt", self._folder / f"{name}.txt")

    def problems(self) -> Iterator[WrongLine]:
        """Yield everything that is wrong with the texts of the municipality."""
        if self._folder is None:
            return
        if not self._folder.is_dir():
            yield WrongLine(str(self._folder), None, "Deze map met teksten bestaat niet.")
            return
        for path in sorted(item for item in self._folder.rglob("*") if item.is_file()):
            place = path.relative_to(self._folder)
            if not _PLACE.fullmatch(place.as_posix()):
                yield WrongLine(str(place), None, _NOT_USED)
                continue
            for problem in _checked(path, path.stem, path.stat().st_mtime_ns)[1]:
                yield replace(problem, file=str(place))


@lru_cache(maxsize=256)
def _checked(path: Path, name: str, _changed: int) -> tuple[MessageText | None, tuple[WrongLine, ...]]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None, (WrongLine(path.name, None, "Deze tekst is niet te lezen."),)
    problems = tuple(check_text(path.name, name, content))
    return _parsed(content), problems


def _parsed(content: str) -> MessageText:
    first, _, rest = content.partition("\n")
    return MessageText(first.removeprefix(_TITLE).strip(), rest.strip("\n"))


def check_text(file: str, name: str, content: str) -> Iterator[WrongLine]:
    """Yield everything that is wrong with a text: fields, words, length and readability, each with its line."""
    lines = content.splitlines()
    if not lines or not lines[0].startswith(_TITLE) or (len(lines) > 1 and lines[1].strip()):
        yield WrongLine(file, 1, f"Begin met '{_TITLE} ...' en dan een lege regel.")
        return
    may, must = FIELDS[name]
    used: set[str] = set()
    word_rule = forbidden_to_residents if name in (RESIDENT_TEXT, PARTNER_TEXT) else forbidden_to_all
    for number, line in enumerate(lines, start=1):
        try:
            names = _fields(line)
        except ValueError:
            yield WrongLine(file, number, "De accolades kloppen niet: schrijf een veld als {zaak}.")
            return
        used.update(names)
        for field in sorted(names - may):
            yield WrongLine(
                file, number, f"Het veld {{{field}}} is hier niet bekend (wel: {', '.join(sorted(may))})."
            )
        literal = _without_fields(line)
        if word := word_rule(literal):
            yield WrongLine(file, number, f"Het woord '{word}' mag niet in dit bericht staan.")
        if looks_like_amount(literal):
            yield WrongLine(file, number, "Hier staat een bedrag; dat mag niet in een bericht staan.")
        if looks_like_bsn(literal):
            yield WrongLine(file, number, "Hier staat een nummer dat op een BSN lijkt.")
    for field in sorted(must - used):
        yield WrongLine(file, None, f"Het veld {{{field}}} ontbreekt.")
    yield from _too_hard(file, name, lines)


def _too_hard(file: str, name: str, lines: list[str]) -> Iterator[WrongLine]:
    limits = RESIDENT_LIMITS if name == RESIDENT_TEXT else PROFESSIONAL
    title = lines[0].removeprefix(_TITLE).strip()
    body = "\n".join(lines[2:])
    if len(title) > limits.title:
        yield WrongLine(file, 1, f"De titel is te lang: {len(title)} tekens, en {limits.title} mag.")
    if not body.strip():
        yield WrongLine(file, len(lines), "Het bericht heeft geen tekst.")
        return
    if len(body) > limits.body:
        yield WrongLine(file, None, f"De tekst is te lang: {len(body)} tekens, en {limits.body} mag.")
    for number, line in enumerate(lines, start=1):
        longest = max((len(words) for words in sentences_of(_without_fields(line))), default=0)
        if longest > limits.sentence:
            yield WrongLine(file, number, f"Een zin heeft {longest} woorden; {limits.sentence} mag.")
    score = readability(_without_fields(body))
    if score < limits.readability:
        yield WrongLine(
            file,
            None,
            f"De tekst is te moeilijk: leesbaarheid {score:.0f}, en {limits.readability:.0f} is nodig.",
        )


def _fields(line: str) -> set[str]:
    """Return the fields of a line; anything but a plain name in braces is a ValueError."""
    found = set()
    for _, name, spec, conversion in string.Formatter().parse(line):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise ValueError(name)
        found.add(name)
    return found


def _without_fields(line: str) -> str:
    return "".join(literal for literal, *_ in string.Formatter().parse(line))
