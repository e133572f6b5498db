"""People read labels where other systems read codes: in what order the words are looked up."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.cases.refusal_words import in_labels
from milestones.definitions import DEFINITIONS
from milestones.process import Snapshot
from milestones.steering import reportable


def _process(code: str) -> Snapshot:
    definition = DEFINITIONS[code]
    return Snapshot(code, definition.version, definition.states[0].code, date(2026, 3, 2))


@pytest.mark.parametrize(
    ("sentence", "code", "event", "said"),
    [
        ("'aanmelding_geregistreerd' kan nu niet.", None, None, "'Aanmelding geregistreerd' kan nu niet."),
        ("Het gegeven 'tot' ontbreekt.", "M2", None, "Het gegeven 'Nieuwe uiterste datum' ontbreekt."),
        ("'toegewezen' kan niet.", "M2", None, "'Toegewezen aan een vroegsignaleerder' kan niet."),
        ("'toegewezen' kan niet.", "M5", None, "'Rechtbank wijst het moratorium toe' kan niet."),
        ("'einddatum' ontbreekt.", "M5", None, "'Einddatum in de uitspraak' ontbreekt."),
        ("'einddatum' ontbreekt.", "M7", "krediet_uitbetaald", "'Einddatum van het krediet' ontbreekt."),
        ("'einddatum' ontbreekt.", "M7", "wsnp_toegelaten", "'Einddatum in de uitspraak' ontbreekt."),
        ("'reden' ontbreekt.", "M4", "opschorting_gemeld", "'Waardoor' ontbreekt."),
        ("'reden' ontbreekt.", "M4", "overdracht_teruggegeven", "'Waarom' ontbreekt."),
        ("'iets_anders' en mw-1 blijven.", "M3", None, "'iets_anders' en mw-1 blijven."),
        ("Er loopt meer; kies er een met --mijlpaal.", None, None, "Er loopt meer; kies een mijlpaal."),
    ],
)
def test_labels_stand_for_codes(sentence: str, code: str | None, event: str | None, said: str) -> None:
    """The words of the event go first, then those of the process, then all others; what is no code stays."""
    process = None if code is None else _process(code)
    specs = [] if code is None else reportable(DEFINITIONS[code])
    spec = next((one for one in specs if one.name == event), None)
    assert (spec is None) == (event is None)
    assert in_labels(sentence, process, spec) == said


@pytest.mark.parametrize("code", DEFINITIONS)
def test_a_state_is_what_its_process_waits_for(code: str) -> None:
    """Each state of a process has the words of its own definition; without a process a code stays as it is."""
    process = _process(code)
    for state in DEFINITIONS[code].states:
        assert in_labels(f"Dat kan niet in {state.code}.", process) == f"Dat kan niet in '{state.waits_for}'."
        assert in_labels(f"Dat kan niet in {state.code}.") == f"Dat kan niet in {state.code}."


def test_the_label_of_an_event_goes_before_that_of_its_process() -> None:
    """The event that was reported is named as it is in the list that the person chose from."""
    other = next(one for one in reportable(DEFINITIONS["M5"]) if one.name == "toegewezen")
    assert in_labels("'toegewezen' kan niet.", _process("M2"), other) == f"'{other.label}' kan niet."
