"""What a municipality may choose, and what is refused with its key and its article."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters.messages.tasks import task_text
from adapters.runtime.calendar_data import dutch_calendar
from milestones.calendar import Length, Unit
from milestones.case import Case, apply, start
from milestones.definitions import current
from milestones.policy import Policy, Rules, with_overrides
from milestones.policy_values import PolicyError
from milestones.process import Event, NotPossible
from milestones.roles import OUTSIDE, ROLES

MONDAY = date(2026, 3, 9)
INSIDE = [role for role in ROLES if role not in OUTSIDE]


def test_a_shorter_length_holds_for_a_term_that_starts_under_it() -> None:
    """A length of the municipality counts, and the running term names the policy."""
    policy = with_overrides(Policy(), {"naam": "gemeente X", "T10": {"weken": 3}})
    day = date(2026, 3, 2)
    case, _ = start(Case(), "M2", day, day, Rules(dutch_calendar(), policy))
    term = case.processes[0].terms[0]
    assert (term.due, term.policy) == (date(2026, 3, 23), "gemeente X")


def test_a_term_may_have_its_own_warnings_and_escalation() -> None:
    """Length, warning moments and the roles that are told can be set together."""
    choices = {"lengte": {"maanden": 2}, "waarschuwingen": ["-7d"], "escaleert_naar": ["team_leader"]}
    term = with_overrides(Policy(), {"T12b": choices}).term("T12b")
    assert (term.length, term.ladder, term.escalates_to) == (
        Length(2, Unit.MONTHS),
        ("-7d",),
        ("team_leader",),
    )


def test_numbers_names_and_roles_are_choices() -> None:
    """Counts, the names of mijlpalen and who does the work of a role can be set."""
    policy = with_overrides(
        Policy(),
        {
            "contactpogingen": 5,
            "namen": {"M6": "Plan van aanpak"},
            "rollen": {"quality_reviewer": "coordinator"},
            "bezette_rollen": [role for role in INSIDE if role != "quality_reviewer"],
        },
    )
    assert policy.attempts_before_closing == 5
    assert policy.name_of(current("M6")) == "Plan van aanpak"
    assert policy.name_of(current("M7")) == "Uitvoering"
    assert policy.role("quality_reviewer") == "coordinator"


def test_without_a_term_in_the_verordening_the_awb_counts() -> None:
    """Where the verordening sets no term, T03b counts from the aanvraag and T03 does not start."""
    policy = with_overrides(Policy(), {"verordening_stelt_termijn": False})
    day = date(2026, 3, 16)
    facts: dict[str, Any] = {"aanvraag_op": date(2026, 3, 2)}
    case, _ = start(Case(), "M4", day, day, Rules(dutch_calendar(), policy), facts)
    process = case.processes[0]
    assert process.running("T03") is None
    running = process.running("T03b")
    assert running is not None
    assert (running.anchor, running.due) == (date(2026, 3, 2), date(2026, 4, 28))  # 27 April is Koningsdag


def test_a_length_that_an_agreement_sets_may_differ_with_a_reason() -> None:
    """Longer nazorg is possible; the reason stands with the source, wherever that is shown."""
    choices = {"T17": {"lengte": {"jaren": 2}, "reden": "raadsbesluit 2026-14"}}
    term = with_overrides(Policy(), choices).term("T17")
    assert term.length == Length(2, Unit.YEARS)
    assert term.source_text.endswith("; eigen lengte: raadsbesluit 2026-14")


@pytest.mark.parametrize(
    "choice",
    [{"weken": 3}, {"norm": {"weken": 3}}, {"norm": {"lengte": {"weken": 3}, "waarschuwingen": ["-3d"]}}],
)
def test_a_shorter_first_talk_is_an_own_norm_beside_the_law(choice: dict[str, Any]) -> None:
    """A municipality may bind itself to less: the legal term stays, and the norm has its own warnings."""
    policy = with_overrides(Policy(), {"T01": choice})
    day = date(2026, 3, 2)
    case, _ = start(Case(), "M3", day, day, Rules(dutch_calendar(), policy))
    law, norm = (case.processes[0].running(term) for term in ("T01", "T01n"))
    assert law is not None
    assert norm is not None
    assert (law.due, norm.due) == (date(2026, 3, 30), date(2026, 3, 23))
    warned = [rung.name for rung in norm.ladder]
    assert warned == (["-3d", "verlopen"] if "-3d" in str(choice) else ["-7d", "-2wd", "verlopen"])


def test_a_policy_that_was_kept_counts_as_it_did() -> None:
    """Replaying a journal needs the lengths of then, also where the law was read better since."""
    with pytest.raises(PolicyError):
        with_overrides(Policy(), {"T50": {"weken": 1}})
    kept = with_overrides(Policy(), {"T50": {"weken": 1}, "T17": {"jaren": 2}}, kept=True)
    assert (kept.term("T50").length, kept.term("T17").length) == (
        Length(1, Unit.WEEKS),
        Length(2, Unit.YEARS),
    )


def test_without_a_norm_of_its_own_nothing_runs_beside_the_law() -> None:
    """The norm is the municipality's choice: without it there is the legal term alone."""
    day = date(2026, 3, 2)
    case, _ = start(Case(), "M3", day, day, Rules(dutch_calendar(), Policy()))
    assert [term.term for term in case.processes[0].terms] == ["T01"]


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"T03": {"weken": 9}}, ("T03", "8 weken", "Wgs art. 4a")),
        ({"T03": {"maanden": 2}}, ("T03", "8 weken", "Wgs art. 4a")),
        ({"T03": {"werkdagen": 41}}, ("T03", "8 weken", "Wgs art. 4a")),
        ({"T01": {"weken": 5}}, ("T01", "staat vast", "Wgs art. 4 lid 1")),
        ({"T01": {"norm": {"weken": 5}}}, ("T01.norm", "4 weken", "Wgs art. 4 lid 1")),
        ({"T03": {"weken": 6, "norm": {"weken": 7}}}, ("T03.norm", "6 weken", "Wgs art. 4a")),
        ({"T01": {"norm": {"waarschuwingen": ["-2d"]}}}, ("T01.norm", "lengte")),
        ({"T01": {"norm": "drie weken"}}, ("T01", "één lengte")),
        ({"T01n": {"weken": 3}}, ("T01", "norm")),
        ({"T10": {"weken": 5}}, ("T10", "4 weken", "Wgs")),
        ({"T10": {"maanden": 1}}, ("T10", "4 weken", "Wgs")),
        ({"T50": {"weken": 3}}, ("T50", "staat vast", "BW art. 1:432a lid 4")),
        ({"T50b": {"maanden": 4}}, ("T50b", "staat vast", "BW art. 1:432a lid 2")),
        ({"T51": {"weken": 5}}, ("T51", "staat vast", "BW art. 1:432a lid 5")),
        ({"T16": {"maanden": 9}}, ("T16", "met een reden", "element 10")),
        ({"T17": {"jaren": 2}}, ("T17", "met een reden", "element 9")),
        ({"T17": {"reden": "besluit 12"}}, ("T17.reden", "lengte")),
        ({"T17": {"lengte": {"jaren": 2}, "reden": "x" * 60}}, ("40 tekens",)),
        ({"T20p": {"weken": 2}}, ("T20p", "staat vast", "Awb art. 6:9 lid 2")),
        ({"T02": {"werkdagen": 4}}, ("T02", "staat vast", "Wgs art. 4 lid 2")),
        ({"T14": {"maanden": 36}}, ("T14", "18 maanden", "NVVK")),
        ({"T32": {"weken": 1}}, ("T32", "Fw art. 287 lid 4")),
        ({"T10": {"weken": 0}}, ("T10",)),
        ({"T10": {"weken": True}}, ("T10",)),
        ({"T10": {"eeuwen": 1}}, ("eeuwen", "T10")),
        ({"T10": 4}, ("T10",)),
        ({"T10": {"lengte": {"weken": 3}, "kleur": "rood"}}, ("T10",)),
        ({"T10": {"waarschuwingen": ["morgen"]}}, ("T10.waarschuwingen", "morgen")),
        ({"T10": {"waarschuwingen": ["-7d", "-7d"]}}, ("T10.waarschuwingen",)),
        ({"T10": {"escaleert_naar": ["client"]}}, ("T10.escaleert_naar", "client")),
        ({"T10": {"escaleert_naar": []}}, ("T10.escaleert_naar",)),
        ({"T99": {"weken": 1}}, ("T99",)),
        ({"kleur": "rood"}, ("kleur",)),
        ({"contactpogingen": 0}, ("contactpogingen",)),
        ({"namen": {"M9": "Feest"}}, ("namen.M9",)),
        ({"namen": {"M6": ""}}, ("naam",)),
        ({"namen": "M6"}, ("namen",)),
        ({"rollen": {"baas": "coordinator"}}, ("rollen.baas", "baas")),
        ({"rollen": {"coordinator": "creditor"}}, ("rollen.coordinator", "creditor")),
        ({"rollen": {"case_worker": "coordinator", "coordinator": "team_leader"}}, ("rollen.case_worker",)),
        ({"rollen": []}, ("rollen",)),
        ({"bezette_rollen": INSIDE[1:]}, ("bezette_rollen", INSIDE[0])),
        ({"bezette_rollen": "iedereen"}, ("bezette_rollen",)),
        ({"verordening_stelt_termijn": "ja"}, ("verordening_stelt_termijn", "Wgs")),
        ({"tweede_beoordeling": ["alles"]}, ("tweede_beoordeling", "toelating")),
        ({"tweede_beoordeling": "toelating"}, ("tweede_beoordeling", "lijst")),
    ],
)
def test_a_choice_that_cannot_be_is_refused_by_name(choices: dict[str, Any], words: tuple[str, ...]) -> None:
    """A refusal names the key, and the article where the law forbids it."""
    with pytest.raises(PolicyError) as refused:
        with_overrides(Policy(), choices)
    assert all(word in str(refused.value) for word in words), str(refused.value)


def test_a_municipality_hangs_tasks_on_its_own_life_phases() -> None:
    """A code of the own list brings the task of its policy, in its words; a code that is not on it is refused."""
    own = {
        "scheiding": {"naam": "uit elkaar", "taken": {"budget_coach": "Bespreek de kosten van twee huizen."}}
    }
    rules = Rules(dutch_calendar(), with_overrides(Policy(accept_by_hand=False), {"levensfasen": own}))
    case, _ = start(Case(), "M3", MONDAY, MONDAY, rules)
    told = Event("profiel_bepaald", MONDAY, {"levensfase": "scheiding", "persona": "redt-zich"})
    case, (step,) = apply(case, "M3", told, MONDAY, rules)
    assert [(message.role, message.subject) for message in step.messages] == [
        ("budget_coach", "levensfase:scheiding:0")
    ]
    assert task_text("levensfase:scheiding:0", rules.policy).asks == "Bespreek de kosten van twee huizen"
    assert task_text("levensfase:scheiding:9", rules.policy).asks == "kijk naar deze zaak"
    with pytest.raises(NotPossible, match="staat niet in de lijst"):
        apply(case, "M3", Event("profiel_bepaald", MONDAY, {"levensfase": "pensioen"}), MONDAY, rules)


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"Twee Woorden": {"naam": "x"}},
        {"a": {"naam": ""}},
        {"a": {"taken": {}}},
        {"a": {"naam": "x", "taken": {"client": "y"}}},
        {"a": {"naam": "x", "taken": {"budget_coach": ""}}},
        {"a": {"naam": "x", "taken": ["y"]}},
    ],
)
def test_a_list_that_cannot_be_used_is_named(own: dict[str, Any]) -> None:
    """Each mistake in a list of persona's is one sentence that names the key."""
    with pytest.raises(PolicyError, match="personas"):
        with_overrides(Policy(), {"personas": own})
