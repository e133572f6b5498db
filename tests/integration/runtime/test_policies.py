"""Policy files of municipalities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.office import Office
from adapters.operations.integrity import broken_cases
from adapters.runtime.policies import policy_problems, read_policy
from adapters.runtime.settings import Settings
from milestones.policy_values import PolicyError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock


def _office(engine: Engine, clock: SetClock, home: Path) -> Office:
    return Office(Settings(home=home, policy_folder=home), engine, clock)


def test_a_municipality_may_choose_a_length(engine: Engine, clock: SetClock, tmp_path: Path) -> None:
    """A term starts with the length of the municipality's file and names the policy."""
    (tmp_path / "0518.toml").write_text('naam = "Proefstad"\n[T10]\nweken = 3\n')
    office = _office(engine, clock, tmp_path)
    own = office.casework.open("M2", municipality="0518").case.processes[0].running("T10")
    other = office.casework.open("M2", municipality="0344").case.processes[0].running("T10")
    assert own is not None
    assert other is not None
    assert (str(own.due), str(other.due)) == ("2026-03-30", "2026-04-06")
    assert own.policy.startswith("0518-")
    assert other.policy == "standaard"


def test_a_journal_replays_under_the_policy_of_its_time(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """After a change of policy, older cases still follow from their journals."""
    file = tmp_path / "0518.toml"
    file.write_text("[T10]\nweken = 3\n")
    _office(engine, clock, tmp_path).casework.open("M2", municipality="0518")
    file.write_text("[T10]\nweken = 2\n")
    office = _office(engine, clock, tmp_path)
    office.casework.open("M2", municipality="0518")
    assert list(broken_cases(engine, office.rules_named)) == []


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[T01]\nweken = 6\n", "Wgs art. 4 lid 1"),
        ("[T03]\nweken = 9\n", "Wgs art. 4a"),
        ("[T99]\nweken = 1\n", "T99"),
        ("onbekend = 1\n", "onbekend"),
        ("[T10\n", "TOML"),
        ('bezette_rollen = ["case_worker"]\n', "rol"),
    ],
)
def test_a_policy_outside_the_law_is_refused_with_file_and_article(
    tmp_path: Path, content: str, named: str
) -> None:
    """A wrong policy names the file, the key and the article; nothing starts under it."""
    (tmp_path / "0518.toml").write_text(content)
    with pytest.raises(PolicyError) as refused:
        read_policy(tmp_path, "0518")
    assert "0518.toml" in str(refused.value)
    assert named in str(refused.value)
    assert policy_problems(tmp_path) == [str(refused.value)]


def test_policies_leave_each_other_alone(tmp_path: Path) -> None:
    """The policy of one municipality changes nothing for the default."""
    (tmp_path / "0518.toml").write_text("[T10]\nweken = 3\n")
    policy, _ = read_policy(tmp_path, "0518")
    default, _ = read_policy(None, "0518")
    assert policy.term("T10") != default.term("T10")
    assert replace(policy.term("T10"), length=default.term("T10").length) == default.term("T10")
