"""What the tests of this folder share."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright
from support.pages import Town, people_of_pages, phone
from support.peers import serving
from support.stack import free_port

from adapters.office import Office, office
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.settings import Settings, settings
from deployments import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page
    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock


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


@pytest.fixture
def town(engine: Engine, clock: SetClock, tmp_path: Path) -> Iterator[Town]:
    """An office with its pages on loopback."""
    clock.moment = datetime(2026, 11, 25, 10, tzinfo=AMSTERDAM)
    port = free_port()
    (tmp_path / "ontvangers.toml").write_text(people_of_pages())
    chosen = Settings(home=tmp_path, api_port=port, recipients_file=tmp_path / "ontvangers.toml")
    made = Office(chosen, engine, clock)
    with serving(made, port) as base:
        yield Town(made, clock, base)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.fixture
def hand(town: Town, browser: Browser) -> Callable[[str], Page]:
    """Somebody who came with the link of a message, on a phone without scripts."""

    def came(code: str) -> Page:
        return phone(browser, town, code).page

    return came
