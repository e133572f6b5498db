"""`routekaart beleid effect`: what a new policy would do with the cases of a real database."""

from __future__ import annotations

import json
import multiprocessing
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select
from support.sample_cases import fill

from adapters.oversight.document import as_html, as_markdown
from adapters.oversight.effect import YEAR, PolicyChange, effect_of
from adapters.oversight.effect_report import effect_json, effect_report
from adapters.storage.database import TimerRow, reading
from milestones.policy import Policy, with_overrides

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapters.office import Office

    Command = Callable[..., subprocess.CompletedProcess[str]]

FOUR_WEEKS = {"T03": {"weken": 4}}


def _change(office: Office, after: Policy) -> PolicyChange:
    today = office.clock.today()
    return PolicyChange("0518", today - YEAR, today, office.rules_for("0518").policy, after)


def test_the_first_run_is_what_stands_in_the_database(office: Office) -> None:
    """Every term that runs in the database runs in the first run too, and is counted once."""
    fill(office, 12)
    change = _change(office, with_overrides(Policy(), FOUR_WEEKS))
    heard: list[tuple[int, int]] = []
    effect = effect_of(
        office.engine, office.settings.database, None, change, lambda *told: heard.append(told)
    )
    assert (effect.cases, effect.not_replayed, heard[-1]) == (12, 0, (12, 12))
    with reading(office.engine) as session:
        stored = session.exec(select(TimerRow).where(TimerRow.term == "T03")).all()
    assert effect.terms["T03"].counted == len(stored)
    running = [row for row in stored if row.stopped is None]
    moves = [item for item in effect.running.elements() if item[0] == "T03"]
    assert sorted(before for _, before, _ in moves) == sorted(row.due for row in running if row.due)
    assert all(after < before for _, before, after in moves)


@pytest.mark.parametrize("way", ["spawn", "fork"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_processes_of_their_own_count_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Divided over processes, however these begin, the counts are those of one process, and each page is heard."""
    fill(office, 6)
    change = _change(office, with_overrides(Policy(), FOUR_WEEKS))
    url = office.engine.url
    alone = effect_of(office.engine, url, None, change)
    monkeypatch.setattr("adapters.oversight.effect.WORTH_A_PROCESS", 6)
    if way == "fork":  # a process begins fast
        monkeypatch.setattr("adapters.oversight.effect._PAGE", 4)
    begins = multiprocessing.get_context(way)
    monkeypatch.setattr("adapters.oversight.effect.multiprocessing.get_context", lambda _: begins)
    heard: list[tuple[int, int]] = []
    assert effect_of(office.engine, url, None, change, lambda *told: heard.append(told)) == alone
    assert heard[0] == (0, 6)
    assert heard[1:] in ([(6, 6)], [(4, 6), (6, 6)], [(2, 6), (6, 6)])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_report_names_no_case_and_says_what_moves(office: Office) -> None:
    """Markdown and HTML carry the same counts, charts with words, and no reference."""
    references = fill(office, 6)
    change = _change(office, with_overrides(Policy(), FOUR_WEEKS))
    effect = effect_of(office.engine, office.engine.url, None, change)
    report = effect_report(effect, change)
    for written in (as_markdown(report), as_html("Effect", report)):
        assert "T03 beschikking met plan van aanpak" in written
        assert "Er is niets veranderd." in written
        assert all(
            f"{who} {when}" in written for who in ("klantmanager", "budgetcoach") for when in ("nu", "straks")
        )
        assert not any(reference in written for reference in references)
    assert "<title>" in as_html("Effect", report)
    counts = effect_json(effect, change)
    assert counts["zaken"] == 6
    assert json.loads(json.dumps(counts)) == counts


def test_the_command_changes_nothing(tmp_path: Path, routekaart: Command) -> None:
    """It prints what moves, on a terminal with a bar that tells how far it is, and no row of the database differs."""
    routekaart("open", "--mijlpaal", "M4")
    routekaart("beleid", "versies")
    before = _every_row(tmp_path / "home" / "zaken.db")
    new = tmp_path / "nieuw.toml"
    new.write_text("T04 = { weken = 1 }\n", encoding="utf-8")
    assert "Wat doet het nieuwe beleid?" in routekaart("beleid", "effect", str(new)).stdout
    assert json.loads(routekaart("beleid", "effect", str(new), "--json").stdout)["zaken"] == 1
    routekaart("beleid", "effect", str(new), "--naar", str(tmp_path))
    assert sorted(file.suffix for file in tmp_path.glob("beleid-effect-*")) == [".html", ".md"]
    told = _on_a_terminal("beleid", "effect", str(new))
    assert "Zaken opnieuw doorlopen" in told
    assert "1/1" in told
    assert _every_row(tmp_path / "home" / "zaken.db") == before


def _on_a_terminal(*words: str) -> str:
    """Run a command of which the errors are on a terminal, and return what that shows."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "deployments.cli", *words]
    subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=its, env=os.environ | {"TERM": "xterm"}, check=True
    )
    os.close(its)
    with os.fdopen(ours, "rb") as shown:
        return shown.read1().decode()


def _every_row(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("T03 = { weken = 9 }", "T03 mag ten hoogste 8 weken zijn"),
        ("T99 = { weken = 9 }", "'T99' is geen termijn"),
        ("T03 = weken", "Zet de waarde tussen aanhalingstekens"),
        (None, "nieuw.toml: Dit bestand bestaat niet"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(
    tmp_path: Path, routekaart: Command, written: str | None, said: str
) -> None:
    """Bad input is one sentence with the file and what is allowed, and exit 2."""
    new = tmp_path / "nieuw.toml"
    if written is not None:
        new.write_text(written, encoding="utf-8")
    answer = routekaart("beleid", "effect", str(new), check=False)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1
