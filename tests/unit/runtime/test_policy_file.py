"""The policy file as people write it: what is wrong is named with its line, and an editor knows what is allowed."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from adapters.runtime.policies import PolicyFileError, policy_in, policy_name, policy_problems, read_policy
from adapters.runtime.policy_file import policy_model, written_example, written_schema
from milestones.policy import KEYS, Policy, with_overrides
from milestones.policy_terms import UNITS
from milestones.policy_values import PolicyError
from milestones.term_table import TERMS

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
SCHEMA = Draft202012Validator(json.loads(written_schema()))


def _file(folder: Path, text: str, name: str = "0518.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("kanalen = 2\ncontactpogingn = 4\n", 2, "Bedoelt u contactpogingen?"),
        ("kleur = 'rood'\n", 1, "Wel: bezette_rollen, contactpogingen, doelen,"),
        ("\n[T01]\nweken = 6\n", 3, "staat vast op 4 weken (Wgs art. 4 lid 1)"),
        ("[T03.lengte]\n# tien\nweken = 10\n", 3, "ten hoogste 8 weken zijn (Wgs art. 4a lid 1 en 3"),
        ("T10 = { weken = 5 }\n", 1, "ten hoogste 4 weken"),
        ("kanalen = 0\n", 1, "geheel getal van 1 of meer"),
        ("kanalen = 2.5\n", 1, "geheel getal"),
        ("kanalen = true\n", 1, "geheel getal"),
        ("[elementen.8]\naan = 'ja'\n", 2, "true of false"),
        ("[elementen.8]\naan = true\nkleur = 1\n", 3, "wel: aan, vanaf, laag, vinkje, naam"),
        ("[elementen.8]\naan = true\nvanaf = 'nu'\n", 3, "datum"),
        ("[elementen.33]\naan = true\n", 1, "1 tot en met 20"),
        ("[[doelen]]\ncijfer = 'uitval'\nminstens = 1\n[[doelen]]\ncijfer = 'groei'\nper = 'dag'\n", 6, "kwartaal, jaar"),  # noqa: E501
        ("[[doelen]]\ncijfer = 'geluk'\nminstens = 1\n", 2, "eerste-gesprek, crisis, beschikking"),
        ("[rollen]\nclient = 'coordinator'\n", 2, "geen rol binnen de gemeente (Wgs art. 3a)"),
        ("naam = 'x'\nbezette_rollen = ['case_worker']\n", 2, "ontbreekt"),
        ("naam = 'x'\n[herkomst.T03]\nbron = 'x'\nop = 2026-01-01\n", 2, "staat niet in dit beleid"),
        ("naam = 'x'\ngemeente = '0344'\n", 2, "dit is het beleid van 0518"),
        ("gemeente = 'x'\n", 1, "vorm"),
        ("naam = x\n", 1, "aanhalingstekens"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_and_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    """A refusal names the file, the line, what is allowed, and the article where the law sets a bound."""
    with pytest.raises(PolicyFileError) as refused:
        policy_in(_file(tmp_path, text), "0518")
    assert refused.value.sentence.startswith(f"0518.toml, regel {line}: ")
    assert words in refused.value.sentence


@pytest.mark.parametrize(
    "term",
    [term for term in TERMS.values() if term.longest or not term.configurable],
    ids=lambda term: term.id,
)
def test_a_length_outside_the_law_names_the_article(tmp_path: Path, term: Any) -> None:
    """Whatever the term, who wants more than is allowed reads what is allowed, and in which article."""
    if term.norm_of is not None:
        return
    with pytest.raises(PolicyFileError) as refused:
        policy_in(_file(tmp_path, f"{term.id} = {{ jaren = 30 }}\n"), "0518")
    assert refused.value.sentence.startswith("0518.toml, regel 1: ")
    assert term.source in refused.value.sentence
    if term.length is not None:
        assert re.search(r"op \d|hoogstens? \d|hoogste \d", refused.value.sentence)


def test_everything_that_is_wrong_is_named(tmp_path: Path) -> None:
    """Who mends a file sees all of it at once, in the order of its lines."""
    _file(tmp_path, "kanalen = 0\nkleur = 1\n[T01]\nweken = 6\n")
    problems = policy_problems(tmp_path)
    assert [re.findall(r"regel (\d+)", problem) for problem in problems] == [["1"], ["2"], ["4"]]
    with pytest.raises(PolicyError, match="en nog 2"):
        read_policy(tmp_path, "0518")


def test_two_files_for_one_municipality_are_refused(tmp_path: Path) -> None:
    """Which of two policies counts is not guessed."""
    _file(tmp_path, "kanalen = 3\n")
    _file(tmp_path, "gemeente = '0518'\n", "den-haag.toml")
    with pytest.raises(PolicyError) as refused:
        read_policy(tmp_path, "0518")
    assert refused.value.sentence == (
        "den-haag.toml, regel 1: Gemeente 0518 heeft twee bestanden met beleid: 0518.toml en den-haag.toml. "
        "Laat er één staan: de raad stelt een plan vast (Wgs art. 2 lid 1)."
    )
    assert len(policy_problems(tmp_path)) == 1


def test_a_file_that_says_whose_it_is_may_have_any_name(tmp_path: Path) -> None:
    """The key `gemeente` goes before the name of the file; without it the name has to be a gemeentecode."""
    _file(tmp_path, "gemeente = '0518'\nkanalen = 3\n", "beleid Den Haag.toml")
    assert read_policy(tmp_path, "0518")[0].channels_before_closing == 3
    _file(tmp_path, "kanalen = 3\n", "Utrecht.toml")
    assert "gemeentecode" in "".join(policy_problems(tmp_path))


def test_a_file_of_before_keeps_its_name(tmp_path: Path) -> None:
    """The name of a policy is that of its content as it stood: no policy looks new after an upgrade."""
    choices: dict[str, Any] = {"naam": "Proefstad", "T10": {"weken": 3}, "kanalen": 3}
    policy, kept = policy_in(_file(tmp_path, 'naam = "Proefstad"\nkanalen = 3\n[T10]\nweken = 3\n'), "0518")
    assert (policy.name, kept) == (policy_name("0518", choices), choices)


def test_a_date_is_kept_as_text(tmp_path: Path) -> None:
    """What is kept in the database is JSON, and makes the same policy again."""
    text = "[herkomst.alles]\nbron = 'raadsbesluit'\nop = 2026-03-01\n[elementen.8]\naan = true\nvanaf = 2026-07-01\n"
    policy, choices = policy_in(_file(tmp_path, text), "0518")
    again = with_overrides(Policy(), json.loads(json.dumps(choices)))
    assert policy.elements["8"].from_on == date(2026, 7, 1)
    assert (again.elements, again.origins) == (policy.elements, policy.origins)


# --- schema and example --------------------------------------------------------------------------------------


def test_every_key_is_described() -> None:
    """Each key has a description and a default or a form, so that an editor can say what it is."""
    properties = json.loads(written_schema())["properties"]
    assert set(properties) == {key for key in KEYS if key not in TERMS or TERMS[key].norm_of is None}
    assert all(found.get("description") for found in properties.values())
    assert set(policy_model().model_fields) == set(properties)


@pytest.mark.parametrize(
    "term", [term for term in TERMS.values() if term.norm_of is None], ids=lambda term: term.id
)
def test_the_schema_allows_the_lengths_that_the_law_allows(term: Any) -> None:
    """For every unit the last length that the reader takes is the last that an editor takes."""
    for unit in UNITS:
        for amount in (
            0,
            1,
            2,
            3,
            4,
            5,
            8,
            9,
            14,
            18,
            20,
            21,
            27,
            28,
            29,
            42,
            56,
            57,
            60,
            120,
            504,
            505,
            4000,
        ):
            for choice in (
                {unit: amount},
                {"lengte": {unit: amount}, "reden": "besluit"},
                {"norm": {unit: amount}},
            ):
                allowed = SCHEMA.is_valid({term.id: choice})
                if term.needs_reason and unit in choice:
                    assert not allowed or _is_read({term.id: choice})
                else:
                    assert allowed == _is_read({term.id: choice}), choice


def _is_read(choices: Mapping[str, object]) -> bool:
    try:
        with_overrides(Policy(), choices)
    except PolicyError:
        return False
    return True


@pytest.mark.parametrize(
    "choices",
    [
        {"onbekend": 1},
        {"kanalen": 0},
        {"T10": {"waarschuwingen": ["morgen"]}},
        {"T10": {"escaleert_naar": ["client"]}},
        {"T17": {"lengte": {"jaren": 2}}},
        {"elementen": {"8": {}}},
        {"doelgroepen": {"reus": {"aanbod": "x"}}},
        {"bezette_rollen": ["client"]},
        {"gemeente": "518"},
    ],
    ids=str,
)
def test_an_editor_marks_what_the_reader_refuses(choices: dict[str, Any]) -> None:
    """What is refused is red while it is typed."""
    assert not SCHEMA.is_valid(choices)


def test_the_schema_and_the_example_are_up_to_date() -> None:
    """`python tests/renew.py` writes both."""
    assert (ROOT / "docs/gebruik/beleid.schema.json").read_text() == written_schema()
    assert (ROOT / "deployments/voorbeeld_beleid.toml").read_text() == written_example()


def test_the_example_chooses_nothing_and_each_of_its_lines_can_be_chosen(tmp_path: Path) -> None:
    """The example is the default; with every # taken away it still is within the law."""
    quiet, _ = policy_in(_file(tmp_path, written_example()), "0518")
    assert dict(quiet.terms) == dict(TERMS)
    loud = re.sub(r"^# (?=[A-Za-z_0-9]+ = |\[)", "", written_example(), flags=re.MULTILINE)
    chosen = tomllib.loads(loud)
    assert len(chosen) > len(TERMS) - 5
    assert SCHEMA.is_valid(json.loads(json.dumps(chosen, default=str)))
    policy_in(_file(tmp_path, loud), "0518")
