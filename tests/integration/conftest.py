"""What the tests of this folder share."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from adapters.office import office
from adapters.runtime.settings import settings
from deployments import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def routekaart(
    tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Run `routekaart` commands in an empty home folder, in this process: starting one takes over a second."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    shutil.copy(migrated_file, home / "zaken.db")
    monkeypatch.setenv("ROUTEKAART_HOME", str(home))

    def command(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        settings.cache_clear()
        office.cache_clear()
        capfd.readouterr()
        code = cli.run(list(arguments))
        said = capfd.readouterr()
        assert not check or code == 0, said.err
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    yield command
    settings.cache_clear()
    office.cache_clear()
