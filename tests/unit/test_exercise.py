"""The exercise of CONTRIBUTING.md works as it is written: a stranger who follows it ends with a test that passes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = "tests/unit/milestones/test_cases.py"
ANSWERS = """
from adapters.messages.tasks import TASKS
from deployments import cli
print(TASKS["verslag_schrijven"])
cli.run(["termijn", "T08", "--vanaf", "2026-03-02"])
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of what the exercise changes, and of what runs it."""
    for folder in ("milestones", "adapters", "deployments"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / TESTS).parent.mkdir(parents=True)
    shutil.copy(ROOT / TESTS, tmp_path / TESTS)
    (tmp_path / "tests/cases").mkdir()
    return tmp_path


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False)


def _test(folder: Path) -> subprocess.CompletedProcess[str]:
    return _run(
        folder, "-m", "pytest", "--noconftest", "-p", "no:cacheprovider", TESTS, "-k", "gespreksverslag"
    )


def test_the_exercise_of_a_new_reader_works(copy: Path) -> None:
    """The case file fails first; with each piece where the text says, it passes and the term ends on 16 March."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Exercise")[2]
    (case,) = re.findall(r"^```json\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    term, event, task, row, wording = re.findall(r"^```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (copy / "tests/cases/gespreksverslag.json").write_text(case, encoding="utf-8")
    failed = _test(copy)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "verslag_verstuurd" in failed.stdout

    def add(file: str, after: str, piece: str) -> None:
        """Put a piece behind the one place that a pattern matches."""
        path = copy / file
        changed, times = re.subn(after, lambda found: found[0] + piece, path.read_text(encoding="utf-8"))
        assert times == 1, (file, after)
        path.write_text(changed, encoding="utf-8")

    add("milestones/term_table.py", r'(?ms)^    Term\(\n        "T07",.*?^    \),\n', term)
    add("milestones/events.py", r'(?m)^    EventSpec\("vish_gemeld", .*\n', event)
    add("milestones/vocabulary.py", r'(?m)^    "vish_gemeld",\n', '    "verslag_verstuurd",\n')
    add("milestones/vocabulary.py", r'(?m)^    "T07",\n', '    "T08",\n')
    m4 = "milestones/definitions/m4.py"
    add(
        m4,
        r'"hulpvraag_vastgesteld",\n            "INTAKE",\n            arms=\(Arm\("T06"\), Arm\("T07"\)',
        ', Arm("T08")',
    )
    add(m4, r'Arm\("T08"\)\),\n', task)
    add(m4, r'(?m)^        Row\("INTAKE", "vish_gemeld", .*\n', row)
    add(m4, r"from milestones\.definition import .*State", ", Task")
    add("adapters/messages/tasks.py", r"(?m)^TASKS: .*\n    \{\n", wording)
    passed = _test(copy)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    said = _run(copy, "-c", ANSWERS).stdout
    assert "schrijf op wat er in het gesprek is afgesproken" in said
    assert '"uiterlijk": "2026-03-16"' in said
