"""A real headless Chromium for the tests that look at the Prefect UI."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
expect.set_options(timeout=20_000)  # other tests run beside it


@contextmanager
def _a_browser() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        page.set_default_timeout(30_000)
        yield page
        browser.close()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page in a new browser."""
    with _a_browser() as made:
        yield made


@pytest.fixture(scope="module")
def lasting_page() -> Iterator[Page]:
    """A page that the tests of a file share, one after the other."""
    with _a_browser() as made:
        yield made
