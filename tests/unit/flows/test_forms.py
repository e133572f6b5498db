"""The Resume form of each state."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from prefect.utilities.schema_tools.validation import is_valid

from adapters.runtime.calendar_data import dutch_calendar
from deployments.planned import planned
from flows.actions import ACTIONS
from flows.forms import WITH_OWN_ACTION, event_from, form_for
from flows.intake import details_form
from flows.prefect_seam.parameter_forms import form_of
from milestones.case import Case, apply, possible_now, start
from milestones.code_forms import WORKERS
from milestones.codes import example_of, form_of_code
from milestones.definitions import DEFINITIONS, VERSIONS
from milestones.policy import Policy, Rules
from milestones.process import Event, InvalidData, Snapshot, checked, is_closed

if TYPE_CHECKING:
    from collections.abc import Iterator

M3 = DEFINITIONS["M3"]
STATES = [(definition, state) for definition in VERSIONS for state in definition.states if not state.final]


def _process(definition, state) -> Snapshot:  # noqa: ANN001
    return Snapshot(definition.code, definition.version, state.code, date(2026, 1, 5))


@pytest.mark.parametrize(("definition", "state"), STATES, ids=lambda item: item.code)
def test_every_choice_of_a_form_leads_back_to_its_event(definition, state) -> None:  # noqa: ANN001
    """Each label stands for exactly one of the events that are possible now, in the same order."""
    process = _process(definition, state)
    assert not is_closed(definition, process)
    labels = form_for(process)["properties"]["gebeurtenis"]
    choices = labels.get("enum") or [labels["const"]]
    assert [event_from(process, {"gebeurtenis": label})[0] for label in choices] == [
        name for name in possible_now(process) if name not in WITH_OWN_ACTION
    ]


@pytest.mark.parametrize("definition", VERSIONS, ids=lambda item: f"{item.code}-{item.version}")
def test_labels_are_different_within_a_definition(definition) -> None:  # noqa: ANN001
    """No two events of a definition have the same label."""
    events = {row.event for row in definition.rows}
    assert len({definition.event(name).label for name in events}) == len(events)


def test_only_the_fields_of_the_chosen_event_are_reported() -> None:
    """A field of another event that was filled in as well is left out; yes and no become true and false."""
    process = Snapshot("M2", 1, "TOEGEWEZEN", date(2026, 1, 5))
    answer = {
        "gebeurtenis": "Contactpoging gedaan",
        "op": "2026-01-14",
        "soort": "Telefoon",
        "bereikt": "nee",
        "einddatum_levering": "2026-02-01",
    }
    name, on, data = event_from(process, answer)
    assert (name, on) == ("contactpoging_gedaan", date(2026, 1, 14))
    assert checked(DEFINITIONS["M2"].event(name), data) == {"soort": "Telefoon", "bereikt": False}


@pytest.mark.parametrize(
    "answer",
    [{}, {"gebeurtenis": "Iets anders"}, {"gebeurtenis": "Inwoner bereikt", "op": "morgen"}],
    ids=["empty", "unknown", "no date"],
)
def test_an_answer_that_no_form_sends_is_a_refusal(answer: dict[str, str]) -> None:
    """Prefect lets such answers through; they are refused in words and do not break the run."""
    process = Snapshot("M2", 1, "IN_BENADERING", date(2026, 1, 5))
    with pytest.raises(InvalidData, match="formulier"):
        event_from(process, answer)


def test_the_form_orders_its_fields() -> None:
    """What happened comes first, then the date, as the UI orders by position."""
    schema = form_for(Snapshot("M2", 1, "IN_BENADERING", date(2026, 1, 5)))
    positions = [item["position"] for item in schema["properties"].values()]
    assert list(schema["properties"])[:2] == ["gebeurtenis", "op"]
    assert positions == list(range(len(positions)))


RULES = Rules(dutch_calendar(), Policy())
DAY = date(2026, 3, 9)


def test_a_form_offers_only_what_is_possible_now() -> None:
    """The choices are the labels of the events of this state, without those that have an action of their own."""
    case, _ = start(Case(), "M3", DAY, DAY, RULES)
    schema = form_for(case.process("M3"))
    labels = schema["properties"]["gebeurtenis"]["enum"]
    assert M3.event("aanmelding_geregistreerd").label in labels
    assert M3.event("eerste_gesprek_gevoerd").label not in labels
    assert not {M3.event(name).label for name in WITH_OWN_ACTION if M3.knows(name)} & set(labels)


def test_a_form_says_what_the_state_waits_for() -> None:
    """The first field explains until when, and what to do with an answer that is wrong."""
    case, _ = start(Case(), "M3", DAY, DAY, RULES)
    form = form_for(case.process("M3"), "Wacht op registratie. Uiterlijk di 7 april 2026.")
    text = form["properties"]["gebeurtenis"]["description"]
    assert text.startswith("Wacht op registratie. Uiterlijk di 7 april 2026.")
    assert "komt dit formulier terug" in text


def test_a_field_says_for_which_event_it_is_needed() -> None:
    """What an event cannot do without is named as needed there, what it may carry as allowed."""
    case, _ = start(Case(), "M3", DAY, DAY, RULES)
    fields = form_for(case.process("M3"))["properties"]
    assert fields["doelgroep"]["description"] == "Nodig bij: Doelgroep bepaald."
    assert fields["toestemming"]["description"] == "Mag bij: Doelgroep bepaald."


def test_an_answer_to_an_old_form_does_not_fit_the_new_one() -> None:
    """The form carries the number of the last change, so a colleague's later answer to it is refused."""
    case, _ = start(Case(), "M4", DAY, DAY, RULES)
    case, _ = apply(case, "M4", Event("hulpvraag_vastgesteld", DAY), DAY, RULES)
    old = form_for(case.process("M4"))
    case, _ = apply(case, "M4", Event("vish_gemeld", DAY), DAY, RULES)
    new = form_for(case.process("M4"))
    label = DEFINITIONS["M4"].event("doorlooptijd_medegedeeld").label
    answer = {"gebeurtenis": label, "stand": old["properties"]["stand"]["const"]}
    assert is_valid(answer, old)
    assert not is_valid(answer, new)
    assert is_valid({"gebeurtenis": label}, new)  # who does not send the number answers what is there now


def test_a_form_says_what_a_code_looks_like() -> None:
    """Without a list of the gemeente the form gives one that it takes; with a list it is chosen."""
    case, _ = start(Case(), "M3", DAY, DAY, RULES)
    process = case.process("M3")
    field = form_for(process)["properties"]["motivering"]
    assert field["description"].endswith("Een code, zoals m-7.")
    assert re.fullmatch(field["pattern"], "m-7")
    listed = form_for(process, policy=Policy(motivations={"a-1": "Een", "b-2": "Twee"}))["properties"][
        "motivering"
    ]
    assert "zoals" not in listed["description"]
    assert listed["enum"] == ["a-1", "b-2"]


@pytest.mark.parametrize("name", ["motivering", "overrulereden", "termijn", *WORKERS])
def test_the_example_of_a_code_is_one(name: str) -> None:
    """What a form gives as an example has the form that the field takes."""
    assert re.fullmatch(form_of_code(Policy(), name), example_of(name) or "")


def test_each_gemeente_has_forms_with_its_own_codes() -> None:
    """Gemeenten with other lists have other forms; who has the same list has the same."""
    case, _ = start(Case(), "M3", DAY, DAY, RULES)
    policies = [Policy(motivations=codes) for codes in ({"A-1": "Een"}, {"B-2": "Twee"}, {"A-1": "Een"})]
    first, second, third = (form_for(case.process("M3"), policy=policy) for policy in policies)
    assert first != second
    assert first == third


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_has_a_dutch_form(name: str) -> None:
    """Each field of each action has a title in words and one simple input, also when it may stay empty."""
    for schema in form_of(ACTIONS[name])["properties"].values():
        assert "_" not in schema["title"]
        assert "anyOf" not in schema
        assert {"type", "enum", "const", "$ref"} & set(schema)


def test_no_form_takes_free_text() -> None:
    """Prefect keeps what its check of a form lets through: so every text is a choice or has a pattern."""
    schemas = {item.full_name: item.form for item in planned()} | {
        f"{definition.code} {state.code}": form_for(_process(definition, state))
        for definition, state in STATES
    }
    free = [name for name, schema in schemas.items() for text in _texts(schema) if not _LIMITS & text.keys()]
    assert free == []
    assert len(schemas) > 100


_LIMITS = {"enum", "const", "pattern"}


def _texts(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every part of a schema that stands for a text, or that lets in what has no name."""
    if isinstance(node, dict):
        if node.get("type") == "string" or node.get("additionalProperties") is True:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _texts(inner)


def test_a_field_has_the_choices_of_each_event_that_has_it() -> None:
    """The reasons of a second opinion stand beside those of an opschorting; nobody is asked who judges."""
    details = details_form(lambda spec: spec.label).model_json_schema()["properties"]
    found = json.dumps(details["reden"])
    for choice in ("geen ruimte", "overmacht", "past niet bij de wet of het beleid"):
        assert choice in found
    assert "akkoord" in details
    assert "beoordelaar" not in details
