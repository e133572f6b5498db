"""What a municipality plans beside its terms: elements, offers, targets, and where each choice comes from."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters.messages.tasks import task_text
from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import Case, apply, start
from milestones.policy import Policy, Rules, with_overrides
from milestones.policy_plans import ElementChoice, Origin, Target
from milestones.policy_values import PolicyError
from milestones.process import Event

QUESTION = {"code": "brief", "label": "Brief", "vraag": "Is de brief te begrijpen?"}


def test_elements_are_on_or_off_with_a_date_a_layer_and_a_criterion() -> None:
    """What was decided about an element is kept; about the others nothing was decided."""
    chosen = {
        "8": {"aan": True, "vanaf": "2026-07-01", "vinkje": "Elk plan is geëvalueerd."},
        "11": {"aan": False, "laag": "toekomst", "naam": "Saneringskrediet"},
    }
    policy = with_overrides(Policy(), {"elementen": chosen})
    assert policy.elements == {
        "8": ElementChoice(on=True, from_on=date(2026, 7, 1), criterion="Elk plan is geëvalueerd."),
        "11": ElementChoice(on=False, layer="toekomst", name="Saneringskrediet"),
    }


def test_targets_name_a_figure_and_a_bound() -> None:
    """A target has a lowest or a highest value, per quarter unless a year is asked."""
    goals = [
        {"cijfer": "eerste-gesprek", "minstens": 95},
        {"cijfer": "doorlooptijd", "onderdeel": "M4", "hoogstens": 40.5, "per": "jaar"},
    ]
    assert with_overrides(Policy(), {"doelen": goals}).targets == (
        Target("eerste-gesprek", at_least=95),
        Target("doorlooptijd", "M4", at_most=40.5, per="jaar"),
    )


def test_a_choice_has_an_origin_of_its_own_or_that_of_all() -> None:
    """Source and date of a choice stand at its key; `alles` counts for the rest."""
    origins = {
        "alles": {"bron": "beleidsplan", "op": "2026-01-01"},
        "T03": {"bron": "verordening art. 5", "op": "2026-02-01"},
    }
    policy = with_overrides(Policy(), {"T03": {"weken": 6}, "kanalen": 3, "herkomst": origins})
    assert policy.origin("T03") == Origin("verordening art. 5", date(2026, 2, 1))
    assert str(policy.origin("kanalen")) == "beleidsplan, 1 januari 2026"
    assert Policy().origin("T03") is None


def test_an_offer_for_a_doelgroep_asks_its_own_tasks() -> None:
    """Who is found to be a jongere gets what the municipality offers beside what everybody does."""
    offer = {"jongere": {"aanbod": "jongerenteam", "taken": {"budget_coach": "bel het jongerenteam"}}}
    policy = with_overrides(Policy(), {"doelgroepen": offer})
    rules, day = Rules(dutch_calendar(), policy), date(2026, 3, 2)
    case, _ = start(Case(), "M3", day, day, rules)
    for name, data in (
        ("aanmelding_geregistreerd", {}),
        ("niet_bedreigend", {}),
        ("doelgroep_bepaald", {"doelgroep": "jongere"}),
    ):
        case, steps = apply(case, "M3", Event(name, day, data), day, rules)
    asked = [message.subject for step in steps for message in step.messages if message.kind == "taak"]
    assert "doelgroep:jongere:0" in asked
    assert "korter_contactritme" in asked
    assert task_text("doelgroep:jongere:0", policy).asks == "bel het jongerenteam"


@pytest.mark.parametrize(
    ("choices", "place", "words"),
    [
        ({"elementen": {"21": {"aan": True}}}, ("elementen", "21"), "1 tot en met 20"),
        ({"elementen": {"8": {}}}, ("elementen", "8", "aan"), "true of false"),
        ({"elementen": {"8": {"aan": True, "laag": "zolder"}}}, ("elementen", "8", "laag"), "inspiratie"),
        ({"elementen": {"8": {"aan": True, "vanaf": "nu"}}}, ("elementen", "8", "vanaf"), "jjjj-mm-dd"),
        ({"elementen": {"8": {"aan": True, "kleur": 1}}}, ("elementen", "8", "kleur"), "vinkje"),
        ({"doelgroepen": {"reus": {"aanbod": "x"}}}, ("doelgroepen", "reus"), "jongere"),
        ({"doelgroepen": {"gezin": {"aanbod": "x", "taken": {"client": "y"}}}}, ("doelgroepen",), "client"),
        ({"doelen": {"cijfer": "a"}}, ("doelen",), "[[doelen]]"),
        ({"doelen": [{"cijfer": "a"}]}, ("doelen", 0), "minstens"),
        ({"doelen": [{"cijfer": "a", "minstens": 5, "hoogstens": 4}]}, ("doelen", 0, "minstens"), "meer dan"),
        ({"doelen": [{"cijfer": "a", "minstens": True}]}, ("doelen", 0, "minstens"), "0 of meer"),
        ({"doelen": [{"cijfer": "a", "minstens": 5}] * 2}, ("doelen", 1), "twee keer"),
        ({"doelen": [{"cijfer": "a", "minstens": 5, "per": "dag"}]}, ("doelen", 0, "per"), "kwartaal"),
        ({"herkomst": {"T03": {"bron": "x", "op": "2026-01-01"}}}, ("herkomst", "T03"), "niet in dit beleid"),
        ({"kwaliteitsvragen": {}}, ("kwaliteitsvragen",), "[[kwaliteitsvragen]]"),
        ({"kwaliteitsvragen": [{"kleur": 1}]}, ("kwaliteitsvragen", 0), "label"),
        (
            {"kwaliteitsvragen": [QUESTION | {"code": "Té"}]},
            ("kwaliteitsvragen", 0, "code"),
            "kleine letters",
        ),
        ({"kwaliteitsvragen": [QUESTION | {"label": ""}]}, ("kwaliteitsvragen", 0, "label"), "naam"),
        ({"kwaliteitsvragen": [QUESTION | {"vraag": 3}]}, ("kwaliteitsvragen", 0, "vraag"), "vraag"),
        ({"kwaliteitsvragen": [QUESTION | {"element": "99"}]}, ("kwaliteitsvragen", 0, "element"), "een van"),
        (
            {"kwaliteitsvragen": [QUESTION | {"knelpunt": "x"}]},
            ("kwaliteitsvragen", 0, "knelpunt"),
            "een van",
        ),
        ({"kwaliteitsvragen": [QUESTION] * 2}, ("kwaliteitsvragen", 1, "code"), "twee keer"),
        ({"herkomst": {"alles": {"bron": "x"}}}, ("herkomst", "alles", "op"), "jjjj-mm-dd"),
    ],
)
def test_a_plan_that_cannot_be_read_names_its_place(
    choices: dict[str, Any], place: tuple[str | int, ...], words: str
) -> None:
    """What is wrong is said with what is allowed, and where it stands."""
    with pytest.raises(PolicyError) as refused:
        with_overrides(Policy(), choices)
    assert refused.value.place == place
    assert words in refused.value.sentence
