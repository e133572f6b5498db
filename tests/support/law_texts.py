"""Look a reference up in the texts of the laws, where those are on the machine.

The texts are YAML files with `bwb_id`, `valid_from` and `articles` of `number` and `text`. ROUTEKAART_LAW_TEXTS
names their folder; they are no part of the project.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from milestones.references import LAWS

if TYPE_CHECKING:
    from milestones.references import Reference

FOLDER = os.environ.get("ROUTEKAART_LAW_TEXTS")
_LID = re.compile(r"^(\d+[a-z]?)(\.?) ")
_LINK = re.compile(r"\[([^\]]*)\]\[ref\d+\]")
_BOOK = re.compile(r"^1:(?=\d+[a-z]?$)")  # article 1:432a of the BW is article 432a of the text of Boek 1


@dataclass(frozen=True)
class LawText:
    """One law in one version: the text of each lid, under (article, lid); lid "" is the whole article."""

    lids: Mapping[tuple[str, str], str]


Texts = Mapping[tuple[str, str], LawText]


@cache
def read_texts(folder: Path) -> Texts:
    """Return the laws in a folder, by BWB id and the date from which the text holds."""
    found = {}
    for path in sorted(folder.rglob("*.yaml")):
        content: Any = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - gives text alone; "4:17" is no number
        if isinstance(content, dict) and "bwb_id" in content and content.get("articles"):
            key = (content["bwb_id"], content["valid_from"])
            found[key] = LawText(_lids_of(content["articles"]))
    return found


def missing_text(reference: Reference, texts: Texts) -> str | None:
    """Name the text that is not on the machine, or None when it is."""
    law = LAWS[reference.law]
    if (law.bwb_id, law.text_date.isoformat()) in texts:
        return None
    return f"{law.title} ({law.bwb_id}) van {law.text_date.isoformat()}"


def fault(reference: Reference, texts: Texts) -> str | None:
    """Say what is wrong with a reference: an article, a lid, or words that are not there."""
    law = LAWS[reference.law]
    lids = texts[law.bwb_id, law.text_date.isoformat()].lids
    article = _BOOK.sub("", reference.article) if reference.law == "BW" else reference.article
    if (article, "") not in lids:
        return f"{reference}: dat artikel is er niet"
    text = lids.get((article, reference.paragraph))
    if text is None:
        return f"{reference}: dat lid is er niet"
    absent = [word for word in reference.words if _plain(word) not in _plain(text)]
    return f"{reference}: daar staat niet {absent}" if absent else None


def _lids_of(articles: list[dict[str, str]]) -> dict[tuple[str, str], str]:
    lids: dict[tuple[str, str], str] = {}
    for article in articles:
        number, _, rest = article["number"].partition(".")
        parts = {rest.split(".")[0]: article["text"]} if rest else _split(article["text"])
        for lid, text in parts.items():
            lids[number, lid] = f"{lids.get((number, lid), '')} {text}"
        lids[number, ""] = f"{lids.get((number, ''), '')} {article['text']}"
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
            parts[lid] = f"{parts.get(lid, '')} {line}"
        before = line
    return parts


def _plain(text: str) -> str:
    return " ".join(_LINK.sub(r"\1", text).split()).lower()
