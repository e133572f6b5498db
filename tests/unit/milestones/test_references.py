"""Every legal term names the article and lid that say it; the words are looked up where the texts are."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from support.law_texts import FOLDER, Texts, fault, missing_text, read_texts
from typer.testing import CliRunner

from adapters.oversight.law_check import CHECKED_ARTICLES
from deployments.cli.application import app
from milestones.calendar import Basis, Length, Unit
from milestones.references import LAWS, Reference, cite
from milestones.target_groups import TARGET_GROUPS
from milestones.term_table import TERMS
from milestones.terms import Confidence, Term

LEGAL = {Basis.WET, Basis.WET_ZONDER_ATW, Basis.AMVB}
CITED = [(term.id, reference) for term in TERMS.values() for reference in term.references] + [
    (group.code, reference) for group in TARGET_GROUPS.values() for reference in group.references
]
_NUMBERS = (
    "nul",
    "een",
    "twee",
    "drie",
    "vier",
    "vijf",
    "zes",
    "zeven",
    "acht",
    "negen",
    "tien",
    "elf",
    "twaalf",
)
# As the laws write these lengths.
_WRITTEN = {
    Length(14, Unit.DAYS): "veertien dagen",
    Length(42, Unit.DAYS): "42 dagen",
    Length(20, Unit.DAYS): "twintig dagen",
    Length(8, Unit.DAYS): "acht",  # "acht dagen", and "uiterlijk op de achtste dag daarna"
    Length(18, Unit.MONTHS): "anderhalf jaar",
    Length(4, Unit.YEARS): "vier jaren",
}


def in_words(length: Length) -> str:
    """Return a length as a law writes it."""
    plain = Length(length.amount, length.unit)
    return _WRITTEN.get(plain) or str(plain).replace(f"{length.amount} ", f"{_NUMBERS[length.amount]} ", 1)


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_a_verified_legal_term_names_the_lid_that_holds_its_length(term: Term) -> None:
    """A row marked V that rests on a law names article and lid, and the words there hold its length."""
    if term.confidence is not Confidence.VERIFIED or term.basis not in LEGAL:
        return
    assert term.references
    words = " / ".join(word for reference in term.references for word in reference.words).lower()
    lengths = [term.length, *(length for _, length in term.variants)]
    assert all(in_words(length) in words for length in lengths if length), words


@pytest.mark.parametrize(("name", "reference"), CITED, ids=lambda value: str(value).replace(" ", "-"))
def test_what_people_read_is_what_is_checked(name: str, reference: Reference) -> None:
    """The source as people read it names the article and the lid of each reference."""
    row = TERMS.get(name) or TARGET_GROUPS[name]
    assert reference.law in row.source
    assert re.search(rf"\b{re.escape(reference.article)}\b", row.source), row.source
    assert not reference.paragraph or re.search(rf"\b{reference.paragraph}\b", row.source), row.source


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_a_law_in_a_source_is_a_reference(term: Term) -> None:
    """No source names a law by its article without a reference that can be checked."""
    named = set(re.findall(rf"\b({'|'.join(LAWS)}) art\.", term.source))
    assert named <= {reference.law for reference in term.references}


@pytest.mark.parametrize(("name", "reference"), CITED, ids=lambda value: str(value).replace(" ", "-"))
def test_a_reference_stands_in_the_text(name: str, reference: Reference) -> None:
    """Article and lid exist in the text of the law, and the words stand there."""
    del name
    if FOLDER is None:
        pytest.skip("ROUTEKAART_LAW_TEXTS names no folder with texts of laws")
    texts = read_texts(Path(FOLDER))
    if absent := missing_text(reference, texts):
        pytest.skip(f"not on this machine: {absent}")
    assert fault(reference, texts) is None


def test_every_article_on_which_something_rests_is_known_by_its_hash() -> None:
    """Whoever has a newer text sees each change of it, to the letter. A new article: read its text, keep `hash_of`."""
    assert {(reference.law, reference.article) for _, reference in CITED} == set(CHECKED_ARTICLES)


@pytest.mark.parametrize(("place", "kept"), CHECKED_ARTICLES.items(), ids=str)
def test_a_kept_hash_is_that_of_the_text(place: tuple[str, str], kept: str) -> None:
    """Each hash is that of the text, where that is on the machine."""
    law, article = place
    if FOLDER is None:
        pytest.skip("ROUTEKAART_LAW_TEXTS names no folder with texts of laws")
    texts = read_texts(Path(FOLDER))
    if absent := missing_text(cite(law, article), texts):
        pytest.skip(f"not on this machine: {absent}")
    number = article.removeprefix("1:") if law == "BW" else article
    assert texts[LAWS[law].bwb_id, LAWS[law].text_date.isoformat()].hash_of(number) == kept


# --- the checker itself, on a law that does not exist -------------------------------------------------------

PRETENDED = """
bwb_id: BWBR0005537
valid_from: '2026-07-01'
articles:
  - number: 1:1
    text: De kat komt binnen
      drie weken thuis.
  - number: 1:2
    text: |-
      1 De kat slaapt ten hoogste
      16 uur, als bedoeld in [artikel 1:1][ref1].

      2 De hond wacht
      vijf dagen.

      3
  - number: 1:3
    text: |-
      1. Niemand wacht.
      2. De muis wacht een week.
"""
PRETENDED_BOOK = """
bwb_id: BWBR0002656
valid_from: 2025-07-05
articles:
  - number: 432a.4
    text: De vis zwemt
  - number: 432a.4.a
    text: een maand.
"""


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    """Return the texts of two laws that we made up."""
    (tmp_path / "awb.yaml").write_text(PRETENDED)
    (tmp_path / "bw.yaml").write_text(PRETENDED_BOOK)
    (tmp_path / "iets.yaml").write_text("- geen wet")
    return read_texts(tmp_path)


@pytest.mark.parametrize(
    "right",
    [
        cite("Awb", "1:1", "", "drie weken"),
        cite("Awb", "1:2", "1", "16 uur", "in artikel 1:1"),
        cite("Awb", "1:2", "2", "wacht vijf dagen"),
        cite("Awb", "1:3", "2", "een week"),
        cite("BW", "1:432a", "4", "een maand"),
    ],
    ids=str,
)
def test_a_right_reference_is_found(right: Reference, texts: Texts) -> None:
    """The words are found in their lid, over line breaks and links, in every way of numbering."""
    assert fault(right, texts) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (cite("Awb", "1:4", "", "week"), "dat artikel is er niet"),
        (cite("Awb", "1:1", "1", "drie weken"), "dat lid is er niet"),
        (cite("Awb", "1:2", "4", "week"), "dat lid is er niet"),
        (cite("Awb", "1:2", "1", "vijf dagen"), "vijf dagen"),
        (cite("Awb", "1:2", "16", "uur"), "dat lid is er niet"),
        (cite("Awb", "1:3", "2", "twee weken"), "twee weken"),
        (cite("BW", "1:432a", "5", "een maand"), "dat lid is er niet"),
    ],
    ids=str,
)
def test_a_wrong_reference_is_named(wrong: Reference, says: str, texts: Texts) -> None:
    """A wrong article, a wrong lid and words that stand elsewhere are told apart."""
    found = fault(wrong, texts)
    assert found is not None
    assert says in found
    assert str(wrong) in found


def test_a_text_of_another_date_is_not_taken_for_the_right_one(texts: Texts) -> None:
    """What is missing is named by law and date, and nothing else is read in its place."""
    assert missing_text(cite("Awb", "1:1"), texts) is None
    assert missing_text(cite("Fw", "3", "1"), texts) == "Faillissementswet (BWBR0001860) van 2026-09-01"


# --- what is shown ------------------------------------------------------------------------------------------


def test_the_source_shows_the_date_of_its_text() -> None:
    """People read of which date the text is; a row that is not verified says that instead."""
    assert TERMS["T20"].source_text == "Awb art. 6:7 en 6:8 lid 1; tekst van 1 juli 2026"
    assert TERMS["T24"].source_text.endswith("niet geverifieerd")
    assert "tekst van" not in TERMS["T13"].source_text
    assert LAWS["BW"].text_date == date(2025, 7, 5)


def test_the_command_gives_the_articles_as_data() -> None:
    """`termijn` gives law, article, lid and the date of the text of each reference."""
    answer = json.loads(CliRunner().invoke(app, ["termijn", "T37", "--vanaf", "2026-03-02"]).stdout)
    assert answer["artikelen"] == [
        {"wet": "Fw", "artikel": "349a", "lid": "1", "tekst_van": "2026-09-01"},
        {"wet": "Fw", "artikel": "349a", "lid": "2", "tekst_van": "2026-09-01"},
    ]


def test_a_term_that_no_process_watches_says_so() -> None:
    """The command says of a plan that nobody will be warned, and of a first talk nothing."""
    unwatched, watched = (
        json.loads(CliRunner().invoke(app, ["termijn", term, "--vanaf", "2026-03-02"]).stdout)["niet_bewaakt"]
        for term in ("T63", "T01")
    )
    assert "Geen proces bewaakt" in unwatched
    assert watched is None
