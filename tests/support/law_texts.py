"""Look a reference up in the texts of the laws, where those are on the machine.

ROUTEKAART_LAW_TEXTS names their folder; they are no part of the project. `adapters.oversight.law_texts` reads them.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from adapters.oversight.law_texts import LawText, plain_words, read_law_folder
from milestones.references import LAWS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from milestones.references import Reference

FOLDER = os.environ.get("ROUTEKAART_LAW_TEXTS")

Texts: TypeAlias = "Mapping[tuple[str, str], LawText]"


@cache
def read_texts(folder: Path) -> Texts:
    """Return the laws in a folder, by BWB id and the date from which the text holds."""
    return {(text.bwb_id, text.valid_from.isoformat()): text for text in read_law_folder(folder).texts}


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
    article = reference.article.removeprefix("1:") if reference.law == "BW" else reference.article
    if (article, "") not in lids:
        return f"{reference}: dat artikel is er niet"
    text = lids.get((article, reference.paragraph))
    if text is None:
        return f"{reference}: dat lid is er niet"
    absent = [word for word in reference.words if plain_words(word) not in plain_words(text)]
    return f"{reference}: daar staat niet {absent}" if absent else None
