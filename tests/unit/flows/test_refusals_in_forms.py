"""A refused answer is said in the words of the form."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.cases.refusal_words import in_labels
from adapters.runtime.calendar_data import dutch_calendar
from flows.display import NOT_TAKEN_UP, not_taken_up, show
from milestones.case import Case, apply, start
from milestones.definitions import DEFINITIONS
from milestones.policy import Policy, Rules
from milestones.process import Event, InvalidData, NotPossible

RULES = Rules(dutch_calendar(), Policy())
DAY = date(2026, 3, 2)


def _opened(code: str) -> Case:
    return start(Case(), code, DAY, DAY, RULES)[0]


def test_a_missing_field_is_named_by_its_label() -> None:
    """The code of an event and of a field become what the person read in the form."""
    case = _opened("M3")
    with pytest.raises(InvalidData) as refusal:
        apply(case, "M3", Event("doelgroep_bepaald", DAY, {}), DAY, RULES)
    said = in_labels(str(refusal.value), case.process("M3"))
    assert said == "Bij 'Doelgroep bepaald' is 'Doelgroep' nodig."


def test_a_step_is_named_by_what_it_waits_for() -> None:
    """A state code becomes the words of the run."""
    case = _opened("M3")
    with pytest.raises(NotPossible) as refusal:
        apply(case, "M3", Event("eerste_gesprek_gevoerd", DAY, {}), DAY, RULES)
    said = in_labels(str(refusal.value), case.process("M3"))
    assert "Wacht op registratie aanmelding" in said
    assert "_" not in said


def test_other_words_stay() -> None:
    """A reference, a date or a name in quotes that is no code of ours stays as it is."""
    sentence = "Zaak 'FZ-2026-7K2M9QX' hoort bij een andere gemeente, sinds 2026-03-02."
    assert in_labels(sentence) == sentence


def test_state_and_message_say_that_an_answer_was_not_taken_up() -> None:
    """Beside what it waits for, the run says that nothing changed and why."""
    shown = show("A", "0518", _opened("M3").process("M3"), DAY, Policy())
    after = not_taken_up(shown, "Doelgroep bepaald: 'Doelgroep' is nodig.")
    assert after.state == f"{NOT_TAKEN_UP} · {DEFINITIONS['M3'].first_state.waits_for}"
    assert (
        after.message
        == f"Je antwoord is niet overgenomen. Doelgroep bepaald: 'Doelgroep' is nodig. {shown.message}"
    )
    assert (after.name, after.tags) == (shown.name, shown.tags)
