"""The page of each definition, and the page of all terms."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from adapters.cases.definition_json import definition_as_json
from deployments.write_definitions import DPIA_PAGE, FOLDER, TERMS_PAGE, definition_page, pages
from flows.show_definition import as_json
from flows.show_processing import as_dpia
from flows.show_terms import anchor, as_page, rung_text
from milestones.calendar import Length, Unit
from milestones.definition import Definition
from milestones.definitions import DEFINITIONS
from milestones.policy import Policy
from milestones.term_table import TERMS


@pytest.mark.parametrize("name", [*DEFINITIONS, TERMS_PAGE, DPIA_PAGE])
def test_the_page_in_the_repository_is_current(name: str) -> None:
    """The page in the repository is what the definition gives; else run `python tests/renew.py`."""
    assert (FOLDER / f"{name}.md").read_text(encoding="utf-8") == pages()[name]


@pytest.mark.parametrize("code", ["M6", "M7", "M8"])
def test_an_unverified_name_is_shown_as_such(code: str) -> None:
    """The names of M6 to M8 carry their reservation."""
    assert "niet geverifieerd" in definition_page(code)


def test_each_term_stands_on_the_page_with_its_reservation() -> None:
    """A jurist finds every term once, with its source; what is not verified says so, what is not watched too."""
    headings = re.findall(r"^## (\w+) ", as_page(), re.MULTILINE)
    assert headings == list(TERMS)
    sections = dict(zip(headings, re.split(r"^## ", as_page(), flags=re.MULTILINE)[1:], strict=True))
    watched = {term for definition in DEFINITIONS.values() for term in definition.terms}
    watched |= {"OVD", "T60", "T01n", "T02n", "T03n"}
    for term in TERMS.values():
        section = sections[term.id]
        assert term.source in section
        assert ("niet geverifieerd" in section) == (not term.confidence.is_verified)
        assert ("Geen proces bewaakt" in section) == (term.id not in watched)
        assert f"](#{anchor(term)})" in as_page()


def test_every_warning_moment_reads_as_words() -> None:
    """No step of a ladder stands on the page as a code."""
    assert rung_text("-1m") == "1 maand voor de laatste dag"
    assert rung_text("+4wd") == "4 werkdagen na de start"
    assert all(rung_text(step) for term in TERMS.values() for step in term.ladder)


def test_the_help_for_a_dpia_follows_the_policy_of_a_municipality() -> None:
    """Each process has its ground, receivers and end; another length of T11 is that of this municipality."""
    page = as_dpia(Policy())
    assert [line.split()[1] for line in page.splitlines() if re.match(r"## (M\d|[A-Z]+) ", line)] == list(
        DEFINITIONS
    )
    for word in ("Handelingen", "Gegevens bij", "Grond van", "Ontvangers", "Bewaard tot"):
        assert page.count(f"- **{word}") == len(DEFINITIONS)
    shorter = Policy(terms={**TERMS, "T11": replace(TERMS["T11"], length=Length(3, Unit.MONTHS))})
    assert "| T11 | verwijderen gegevens vroegsignaal | 3 maanden |" in as_dpia(shorter)
    assert "| T11 | verwijderen gegevens vroegsignaal | 6 maanden |" in page


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda item: item.code)
def test_the_json_of_the_command_line_is_that_of_the_api(definition: Definition) -> None:
    """Key by key, and the rows beside it."""
    said = json.loads(as_json(definition))
    answered = json.loads(json.dumps(definition_as_json(definition), default=str))
    assert {name: said[name] for name in answered} == answered
    assert len(said["rows"]) == len(definition.rows)
