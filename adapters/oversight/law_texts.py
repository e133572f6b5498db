"""Read consolidated texts of laws: the XML of the official collection (toestand), and the YAML of MinBZK's regelrecht.

The texts are on the machine of whoever checks; none of them is part of the project. An article is known by its
number, and by a hash of its letters and digits: line breaks, links and marks of either form make no difference.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import yaml

from milestones.refusal import Refusal

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LID = re.compile(r"^(\d+[a-z]?)(\.?) ")
_LINK = re.compile(r"\[([^\]]*)\]\[ref\d+\]")
_LINK_TARGET = re.compile(r"^\s*\[ref\d+\]:.*$", re.MULTILINE)
# What stands before a lid or a part, at the start of a paragraph; one form has it, another has it not.
_ENUMERATOR = re.compile(
    r"(?:\A|\n\s*\n)\s*(?:-\s+)?(?:\d+[a-z]?\.? |[a-z]{1,2}\.\s|\d+°\.?\s)|^\s*\d+[a-z]?\. ", re.MULTILINE
)
_NO_TEXT = frozenset({"meta-data", "kop", "redactie", "plaatje", "lidnr", "li.nr"})
_NO_PART_OF_LAW = frozenset({"bijlage", "meta-data", "wijzig-artikel"})
_KINDS = frozenset({".xml", ".yaml", ".yml"})
_FORMS = "een wettekst is de XML van de officiële collectie (toestand) of de YAML van regelrecht"


class LawTextError(Refusal, ValueError):
    """A file or folder without a text of a law that can be read: one Dutch sentence with file and line."""


@dataclass(frozen=True)
class LawText:
    """One law as it stood from a date: the text of each lid, under (article, lid); lid "" is the whole article."""

    bwb_id: str
    valid_from: date
    file: str
    lids: Mapping[tuple[str, str], str]

    @property
    def articles(self) -> tuple[str, ...]:
        """The numbers of its articles."""
        return tuple(article for article, lid in self.lids if not lid)

    def hash_of(self, article: str) -> str | None:
        """Return the hash of an article, None when there is no such article."""
        text = self.lids.get((article, ""))
        return None if text is None else hashlib.sha256(letters(text).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class LawFolder:
    """The texts in a folder, and the files beside them that are none, each with the reason."""

    texts: tuple[LawText, ...]
    others: tuple[str, ...]

    def of(self, bwb_id: str) -> list[LawText]:
        """Return the texts of a law, the newest last."""
        return sorted(
            (text for text in self.texts if text.bwb_id == bwb_id), key=lambda text: text.valid_from
        )


def read_law_folder(path: Path) -> LawFolder:
    """Read every text in a folder and below it, or the one file. Raises LawTextError when there is none."""
    if not path.exists():
        raise LawTextError(f"{path.name}: deze map bestaat niet.")
    if path.is_file():
        return LawFolder((read_law(path),), ())
    texts, others = [], []
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() not in _KINDS or any(
            part.startswith(".") for part in file.relative_to(path).parts
        ):
            continue
        try:
            texts.append(read_law(file))
        except LawTextError as error:
            others.append(error.sentence)
    if not texts:
        first = f" {others[0]}" if others else ""
        raise LawTextError(f"In {path.name} staat geen wettekst: {_FORMS}.{first}")
    return LawFolder(tuple(texts), tuple(others))


def read_law(file: Path) -> LawText:
    """Read one text. Raises LawTextError with file and line for anything else."""
    try:
        written = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LawTextError(f"{file.name} is niet te lezen ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise LawTextError(f"{file.name}, regel 1: dit is geen tekst in UTF-8; {_FORMS}.") from None
    try:
        return (_from_xml if file.suffix.lower() == ".xml" else _from_yaml)(file.name, written)
    except RecursionError:
        raise LawTextError(
            f"{file.name}, regel 1: dit is geen wettekst (te diep genest); {_FORMS}."
        ) from None


def letters(text: str) -> str:
    """Return the letters and digits of a text without the numbers of its lids and parts: the same in every form."""
    plain = _ENUMERATOR.sub("", _LINK.sub(r"\1", _LINK_TARGET.sub("", text)))
    return "".join(sign for sign in plain.lower() if sign.isalnum())


def plain_words(text: str) -> str:
    """Return a text with single spaces and without links, to look words up in."""
    return " ".join(_LINK.sub(r"\1", text).split()).lower()


# --- regelrecht ----------------------------------------------------------------------------------------------


def _from_yaml(file: str, written: str) -> LawText:
    try:
        # This loader gives text alone: "4:17" is no number, and nothing is made from a tag.
        content: Any = yaml.load(written, yaml.BaseLoader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LawTextError(f"{file}, regel {line}: dit is geen geldige YAML; {_FORMS}.") from None
    except yaml.YAMLError:
        raise LawTextError(f"{file}, regel 1: dit is geen geldige YAML; {_FORMS}.") from None
    if not isinstance(content, dict) or not isinstance(content.get("articles"), list):
        raise LawTextError(f"{file}, regel 1: dit is geen wettekst (geen 'articles'); {_FORMS}.")
    articles = [
        item
        for item in content["articles"]
        if isinstance(item, dict)
        and isinstance(item.get("number"), str)
        and isinstance(item.get("text"), str)
    ]
    bwb_id = content.get("bwb_id")
    if not isinstance(bwb_id, str) or not articles:
        raise LawTextError(
            f"{file}, regel 1: dit is geen wettekst (geen 'bwb_id' of geen artikelen); {_FORMS}."
        )
    return LawText(bwb_id, _date(file, content.get("valid_from")), file, _lids_of(articles))


def _lids_of(articles: list[dict[str, str]]) -> dict[tuple[str, str], str]:
    lids: dict[tuple[str, str], str] = {}
    for article in articles:
        number, _, rest = article["number"].partition(".")
        parts = {rest.split(".")[0]: article["text"]} if rest else _split(article["text"])
        for lid, text in parts.items():
            lids[number, lid] = f"{lids.get((number, lid), '')}\n\n{text}"
        lids[number, ""] = f"{lids.get((number, ''), '')}\n\n{article['text']}"
    return lids


def _split(text: str) -> dict[str, str]:
    """Split an article into lids: a line that begins with a number, after an empty line or with a dot."""
    parts: dict[str, str] = {}
    lid, before = "", ""
    for line in text.splitlines():
        found = _LID.match(line)
        if found and (not before.strip() or found[2]):
            lid = found[1]
        if lid:
            parts[lid] = f"{parts.get(lid, '')}\n{line}"
        before = line
    return parts


# --- toestand ------------------------------------------------------------------------------------------------


def _from_xml(file: str, written: str) -> LawText:
    if "<!DOCTYPE" in written or "<!ENTITY" in written:
        raise LawTextError(f"{file}, regel 1: een wettekst heeft geen DOCTYPE; {_FORMS}.")
    try:
        root = ET.fromstring(written)  # noqa: S314 - without a DOCTYPE there is nothing to expand
    except ET.ParseError as error:
        raise LawTextError(f"{file}, regel {error.position[0]}: dit is geen geldige XML; {_FORMS}.") from None
    bwb_id = root.get("bwb-id")
    if root.tag != "toestand" or bwb_id is None:
        raise LawTextError(
            f"{file}, regel 1: dit is geen wettekst (<{root.tag}>, geen <toestand>); {_FORMS}."
        )
    lids: dict[tuple[str, str], str] = {}
    for article in _articles(root):
        number = _number_of(article)
        if number and (number, "") not in lids:
            lids[number, ""] = " ".join(_texts(article))
            for lid in article.iter("lid"):
                name = "".join(lid.findtext("lidnr", "").split()).rstrip(".")
                lids[number, name] = " ".join(_texts(lid))
    if not lids:
        raise LawTextError(f"{file}, regel 1: in deze tekst staat geen artikel; {_FORMS}.")
    return LawText(bwb_id, _date(file, root.get("inwerkingtreding")), file, lids)


def _articles(element: Element) -> Iterator[Element]:
    """Yield the articles of the law itself; an annex, and a law that an article changes, have articles of their own."""
    for child in element:
        if child.tag == "artikel":
            yield child
        elif child.tag not in _NO_PART_OF_LAW:
            yield from _articles(child)


def _number_of(article: Element) -> str:
    written = article.findtext("kop/nr") or article.get("label", "").removeprefix("Artikel")
    return "".join(written.split()).rstrip(".")


def _texts(element: Element) -> Iterator[str]:
    """Yield the text of an element in order, without its heading and its publication data."""
    if element.text:
        yield element.text
    for child in element:
        if child.tag not in _NO_TEXT:
            yield from _texts(child)
        if child.tail:
            yield child.tail


def _date(file: str, written: object) -> date:
    try:
        return date.fromisoformat(str(written))
    except ValueError:
        raise LawTextError(
            f"{file}, regel 1: de tekst zegt niet vanaf welke dag zij geldt (jjjj-mm-dd)."
        ) from None
