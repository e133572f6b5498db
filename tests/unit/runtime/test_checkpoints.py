"""Checkpoints: nothing happens at one, unless somebody listens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.runtime import checkpoints
from adapters.runtime.checkpoints import Checkpoint, listen, reach

TESTS = Path(__file__).parents[2]
PASSES = (
    "from support.fatal_checkpoints import die_when_asked; die_when_asked()\n"
    "from adapters.runtime.checkpoints import Checkpoint, reach; reach(Checkpoint.CLAIMED, 'Z-1')"
)


def test_a_listener_hears_each_checkpoint_with_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a listener nothing happens; a listener is told the point and the case."""
    heard: list[tuple[Checkpoint, str]] = []
    monkeypatch.setattr(checkpoints, "_listeners", [])
    reach(Checkpoint.CLAIMED, "Z-1")
    listen(lambda point, reference: heard.append((point, reference)))
    reach(Checkpoint.AFTER_COMMIT, "Z-2")
    assert heard == [(Checkpoint.AFTER_COMMIT, "Z-2")]


def test_what_kills_a_process_lives_with_the_tests_and_strikes_once(tmp_path: Path) -> None:
    """A process that reaches the named point dies, and the next one passes it."""
    environment = os.environ | {"ROUTEKAART_FAULT": "claimed@Z-1", "ROUTEKAART_FAULT_MARKS": str(tmp_path)}
    codes = [
        subprocess.run([sys.executable, "-c", PASSES], env=environment, cwd=TESTS, check=False).returncode
        for _ in range(2)
    ]
    assert codes == [-signal.SIGKILL, 0]
