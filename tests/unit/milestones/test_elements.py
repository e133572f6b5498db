"""The elements of the basisdienstverlening as data, held against the definitions."""

from __future__ import annotations

import pytest

from milestones.basic_service import AT_OPENING, ELEMENTS, Element, StepScore, TermScore, carriers
from milestones.definitions import current
from milestones.policy_plans import ELEMENT_CODES
from milestones.term_table import TERMS
from milestones.terms import Kind


def test_twenty_elements_of_which_ten_names_are_verified() -> None:
    """The ten verified names are shown as such; where no name was read, none is made up."""
    assert tuple(element.code for element in ELEMENTS) == ELEMENT_CODES
    named = [element for element in ELEMENTS if element.name is not None]
    assert [element.code for element in named] == [str(number) for number in range(1, 11)]
    assert all(element.confidence.is_verified == (element.name is not None) for element in ELEMENTS)
    assert all("niet geverifieerd" in element.title for element in ELEMENTS if element.name is None)


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element.code)
def test_what_is_said_to_carry_an_element_is_in_the_definitions(element: Element) -> None:
    """Each step is a row of the newest definition, each term is started or ended there, and each name is verified."""
    assert bool(carriers(element)) == bool(element.steps)
    assert bool(element.steps) >= (element.name is not None)
    for item in carriers(element):
        definition = current(item.process)
        if item.event:
            assert item.states
        else:
            started = {arm.term for arm in definition.on_open} | {
                arm.term for row in definition.rows for arm in row.arms
            }
            assert set(item.terms) <= started
        assert set(item.states) <= {*definition.state_by_code, "elke open toestand"}
    for code, term in element.terms:
        assert any(item.process == code and term in item.terms for item in carriers(element))


@pytest.mark.parametrize(
    "element", [item for item in ELEMENTS if item.score], ids=lambda element: element.code
)
def test_each_score_counts_what_the_definitions_know(element: Element) -> None:
    """A score counts a duty, or events that can be reported in the process that it names."""
    if isinstance(element.score, TermScore):
        assert TERMS[element.score.term].kind is Kind.DUTY
    elif isinstance(element.score, StepScore):
        for moment in (element.score.of, element.score.done):
            assert moment.event == AT_OPENING or current(moment.process).knows(moment.event)


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element.code)
def test_a_term_carries_an_element_in_one_place(element: Element) -> None:
    """A term that goes with an event of the element is not named a second time by itself."""
    named = [(item.process, term) for item in carriers(element) if not item.event for term in item.terms]
    with_event = {(item.process, term) for item in carriers(element) if item.event for term in item.terms}
    assert with_event.isdisjoint(named)
    assert len(named) == len(set(named))
