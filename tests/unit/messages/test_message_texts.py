"""The texts of messages: short, plain, and without what must not be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.messages.tasks import TASKS
from adapters.messages.text_rules import (
    forbidden_to_all,
    forbidden_to_residents,
    looks_like_amount,
    looks_like_bsn,
    readability,
)
from adapters.messages.texts import NAMES, OWN_TEXTS, Texts, check_text
from milestones.definitions import DEFINITIONS
from milestones.events import SPECS
from milestones.target_groups import TARGET_GROUPS
from milestones.term_table import TERMS

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """Titel: Zaak {zaak}

Neem de zaak {zaak} aan, in mijlpaal {mijlpaal}: {overdracht_link}
Wat nu: {wacht_op}.
Tot wanneer: {uiterlijk}.
Waarom die dag: {waarom}.
Kijk hier: {link}
Nummer: {id}
"""
HARD = (
    "Overeenkomstig de gemeentelijke uitvoeringsvoorschriften betreffende hulpverleningstrajecten dienen "
    "verantwoordelijke functionarissen onverwijld overeenstemming te bewerkstelligen."
)


def test_every_task_says_what_to_do_and_not_for_which_group() -> None:
    """Each task of the definitions has a sentence of its own, and none names a doelgroep."""
    tasks = [task for definition in DEFINITIONS.values() for row in definition.rows for task in row.tasks]
    tasks += [task for group in TARGET_GROUPS.values() for task in group.tasks]
    assert {task.subject for task in tasks} <= TASKS.keys()
    telling = ("tolk", "taal", "jong", "school", "ondernem", "status", "inburger", "gezin", "kind", "dakloos")
    assert [text for text in TASKS.values() if any(word in text.asks for word in telling)] == []


@pytest.mark.parametrize("name", NAMES)
def test_our_own_texts_keep_every_rule(name: str) -> None:
    """Each shipped text passes its own check: fields, words, length, readability."""
    content = (OWN_TEXTS / f"{name}.txt").read_text(encoding="utf-8")
    assert [str(problem) for problem in check_text(f"{name}.txt", name, content)] == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("{wacht_op}", "{naam}"), "t.txt, regel 4: Het veld {naam} is hier niet bekend"),
        (("{wacht_op}", "{zaak.__class__}"), "t.txt, regel 4: De accolades kloppen niet"),
        (("{link}", "hier"), "t.txt: Het veld {link} ontbreekt."),
        (
            ("Kijk hier", "Zijn BSN staat hier"),
            "t.txt, regel 7: Het woord 'bsn' mag niet in dit bericht staan.",
        ),
        (("Kijk hier", "Hij betaalt 1.250 per jaar"), "t.txt, regel 7: Hier staat een bedrag"),
        (
            ("Kijk hier", "Zijn nummer is 111222333"),
            "t.txt, regel 7: Hier staat een nummer dat op een BSN lijkt.",
        ),
        (("Kijk hier", HARD), "De tekst is te moeilijk: leesbaarheid"),
        (("Titel: Zaak", "Titel: " + "lang " * 20), "t.txt, regel 1: De titel is te lang"),
        (("Kijk hier", "ja " * 21), "t.txt, regel 7: Een zin heeft 21 woorden; 20 mag."),
        (("Kijk hier", "ja. " * 300), "t.txt: De tekst is te lang"),
        (("Titel:", "Onderwerp:"), "t.txt, regel 1: Begin met 'Titel: ...'"),
    ],
)
def test_a_wrong_text_is_named_with_its_line(change: tuple[str, str], expected: str) -> None:
    """Each rule that a text breaks is said, with the line where that is known."""
    found = [str(problem) for problem in check_text("t.txt", "overdracht", GOOD.replace(*change))]
    assert any(expected in line for line in found), found


def test_a_plain_text_is_easier_than_an_official_one() -> None:
    """The score of plain Dutch is far above that of official Dutch."""
    assert readability("Bel de man. Vraag wat hij wil. Schrijf het op.") > 90
    assert readability(HARD) < 20


def test_a_municipality_replaces_a_text_and_a_change_counts_at_once(tmp_path: Path) -> None:
    """A text of the municipality goes first; one for a single gemeentecode goes before that."""
    texts = Texts(tmp_path)
    (tmp_path / "overdracht.txt").write_text(GOOD)
    assert texts.text("overdracht", "0518").title == "Zaak {zaak}"
    (tmp_path / "overdracht.txt").write_text(GOOD.replace("Titel: Zaak", "Titel: Nieuw"))
    assert texts.text("overdracht", "0518").title == "Nieuw {zaak}"
    (tmp_path / "0518").mkdir()
    (tmp_path / "0518" / "overdracht.txt").write_text(GOOD.replace("Titel: Zaak", "Titel: Eigen"))
    assert texts.text("overdracht", "0518").title == "Eigen {zaak}"
    assert texts.text("overdracht", "0363").title == "Nieuw {zaak}"


def test_a_wrong_text_of_a_municipality_is_not_used(tmp_path: Path) -> None:
    """With a mistake in its own text a municipality gets ours, and the mistake is named."""
    (tmp_path / "overdracht.txt").write_text(GOOD.replace("{wacht_op}", "{naam}"))
    (tmp_path / "iets_anders.txt").write_text(GOOD)
    texts = Texts(tmp_path)
    assert texts.text("overdracht", "0518") == Texts().text("overdracht", "0518")
    assert [problem.file for problem in texts.problems()] == [
        "iets_anders.txt",
        "overdracht.txt",
        "overdracht.txt",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "U hebt schulden.",
        "U hebt schul\u00adden.",
        "Bel 111 222 333.",
        "U kunt 12,50 per maand missen.",
        "Uw lening bij de kredietbank is klaar.",
        "Uw zaak is {zaak}.",
    ],
)
def test_nothing_about_debts_gets_through_to_a_resident(tmp_path: Path, line: str) -> None:
    """A municipality's own text that tells a resident's phone too much is named, and ours is sent."""
    (tmp_path / "0518").mkdir()
    (tmp_path / "0518" / "inwoner.txt").write_text(f"Titel: Bericht\n\nKijk even. {line}\nNummer: {{id}}\n")
    texts = Texts(tmp_path)
    assert texts.text("inwoner", "0518") == Texts().text("inwoner", "0518")
    (problem, *_) = texts.problems()
    assert str(problem).startswith("0518/inwoner.txt, regel 3: ")


def test_a_file_that_is_no_text_of_ours_is_named(tmp_path: Path) -> None:
    """A text in a folder that is no gemeentecode, or with another ending, would never be used: that is said."""
    for place in ("0518x/overdracht.txt", "overdracht.md", "0518/teksten/overdracht.txt"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GOOD)
    problems = list(Texts(tmp_path).problems())
    assert [problem.file for problem in problems] == [
        "0518/teksten/overdracht.txt", "0518x/overdracht.txt", "overdracht.md",
    ]  # fmt: skip
    assert all(problem.sentence.startswith("Dit bestand wordt niet gebruikt.") for problem in problems)


def test_a_line_with_an_empty_field_is_left_out() -> None:
    """Without a term there is no line that says why that day."""
    values = dict.fromkeys(("zaak", "mijlpaal", "wacht_op", "uiterlijk", "link", "id"), "x") | {"waarom": ""}
    assert "Waarom" not in Texts().text("nieuwe_zaak", "0518").write(values)[1]


@pytest.mark.parametrize(
    "word", ["uw schulden", "de Wsnp", "Schuldhulp Den Haag", "budgetcoach", "betalingsachterstand"]
)
def test_a_resident_never_reads_what_it_is_about(word: str) -> None:
    """Words that reveal the help are found wherever they stand."""
    assert forbidden_to_residents(f"Bericht over {word}.") is not None


def test_a_number_that_could_be_a_bsn_is_found() -> None:
    """Nine digits that pass the eleven test are seen, also with spaces; those inside an id are not."""
    assert looks_like_bsn("nummer 111222333 hier")
    assert looks_like_bsn("111 222 333")
    assert not looks_like_bsn("123456789")
    assert not looks_like_bsn("id 0e8e1f0a-111222333-x")


def test_whatever_fills_a_text_keeps_its_rules_too() -> None:
    """Labels of events, what a lapsed term means, and what a task costs, name nothing that a message may not hold."""
    filled = [spec.label for spec in SPECS]
    filled += [term.at_expiry for term in TERMS.values() if term.length]
    filled += [words for task in TASKS.values() for words in (task.asks, task.otherwise)]
    assert [words for words in filled if forbidden_to_all(words) or looks_like_amount(words)] == []


def test_a_change_that_is_not_named_is_no_text(tmp_path: Path) -> None:
    """A municipality's own text about a change must say what changed, or ours is sent."""
    own = GOOD.replace("{overdracht_link}", "nu")
    (tmp_path / "kennisgeving.txt").write_text(own)
    assert [str(problem) for problem in Texts(tmp_path).problems()] == [
        "kennisgeving.txt: Het veld {gebeurtenis} ontbreekt."
    ]
