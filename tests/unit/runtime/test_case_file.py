"""A case file is read whole before anything of it runs; what is wrong is one sentence that names the step."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.runtime.case_file import read_case_file
from milestones.simulation import CaseFileError

OPEN = {"op": "2026-03-02", "mijlpaal": "M3", "open": True}
TOLD = {"op": "2026-03-03T10:00", "gebeurtenis": "aanmelding_geregistreerd", "gegevens": None}
FILE: dict[str, Any] = {"zaak": "A", "verwacht": {}, "stappen": [OPEN, TOLD, {"tot": "2026-03-20"}]}


def _with(change: dict[str, Any], step: int | None = None) -> dict[str, Any]:
    changed = deepcopy(FILE)
    (changed if step is None else changed["stappen"][step - 1]).update(change)
    return changed


def test_a_file_becomes_its_steps() -> None:
    """A moment keeps how it was written, and counts as its day; an opening has no event."""
    read = read_case_file(_with({"overdrachten": "met de hand", "beleid": {"T03": {"weken": 6}}}))
    opening, told, waits = read.steps
    assert (read.name, read.by_hand, read.overrides) == ("A", True, {"T03": {"weken": 6}})
    assert (opening.process, opening.event, opening.only_waits) == ("M3", None, False)
    assert (told.day, told.written, told.data) == (date(2026, 3, 3), "2026-03-03T10:00", {})
    assert (waits.day, waits.only_waits) == (date(2026, 3, 20), True)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "Een zaakbestand is een JSON-object met 'zaak' en 'stappen'."),
        (_with({"stapen": [], "actor": 1}), "Onbekende sleutel in het zaakbestand: actor, stapen."),
        ({"zaak": "A"}, "Een zaakbestand heeft een lijst 'stappen' met minstens één stap."),
        (_with({"stappen": []}), "Een zaakbestand heeft een lijst 'stappen' met minstens één stap."),
        (_with({"stappen": {}}), "Een zaakbestand heeft een lijst 'stappen' met minstens één stap."),
        (_with({"beleid": [1]}), "'beleid' moet een object zijn."),
        (_with({"overdrachten": "soms"}), '\'overdrachten\' is "vanzelf" of "met de hand".'),
        (_with({"stappen": [OPEN, 7]}), "Stap 2 is geen object."),
        (_with({"mijlpal": "M3"}, 2), "Stap 2: onbekende sleutel mijlpal."),
        (_with({"gegevens": []}, 1), "Stap 1: 'gegevens' moet een object zijn."),
        (_with({"op": "2 maart"}, 1), "Stap 1: 'op' of 'tot' moet een datum zijn (jjjj-mm-dd)."),
        (_with({"tot": 20260320}, 3), "Stap 3: 'op' of 'tot' moet een datum zijn (jjjj-mm-dd)."),
        (_with({"stappen": [{"open": True}]}), "Stap 1: 'op' of 'tot' moet een datum zijn (jjjj-mm-dd)."),
        (_with({"op": "2026-03-03T10:00+01:00"}, 2), "Stap 2: schrijf een lokale tijd, zonder tijdzone."),
        (_with({"gebeurtenis": None}, 2), "Stap 2: geef 'open', 'gebeurtenis' of 'tot'."),
        (_with({"gebeurtenis": 3}, 2), "Stap 2: 'gebeurtenis' is de naam van een gebeurtenis."),
        (_with({"op": "2026-03-01"}, 2), "Stap 2: 2026-03-01 ligt voor de vorige stap (2026-03-02)."),
    ],
)
def test_what_is_wrong_is_one_sentence(content: object, sentence: str) -> None:
    """With the number of the step, and every unknown key."""
    with pytest.raises(CaseFileError) as refusal:
        read_case_file(content)
    assert refusal.value.sentence == sentence


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["2026-03-02", "M3", "met de hand"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["op", "tot", "open", "stappen", "beleid", "gegevens", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {"stappen": JSON | st.lists(JSON, min_size=1, max_size=3)}, optional={"beleid": JSON}
    )
)
def test_any_json_is_read_or_refused(content: dict[str, Any]) -> None:
    """Nothing else is ever raised; a refusal is one Dutch sentence."""
    said = "."
    try:
        read_case_file(content)
    except CaseFileError as refusal:
        said = refusal.sentence
    assert said.endswith(".")
