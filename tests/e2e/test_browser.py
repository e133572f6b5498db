"""What a coordinator sees and does in the Prefect UI, in a real headless Chromium."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page
    from stack import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.prefect,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture
def page() -> Iterator[Page]:
    """A page in a new browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
            ],
        )
        yield browser.new_page(viewport={"width": 1400, "height": 1000})
        browser.close()


def test_a_coordinator_resumes_a_run_with_the_form(stack: Stack, page: Page) -> None:
    """The run page shows name, state and tags; Resume opens the Dutch form; submitting shows the next state."""
    reference = stack.run("open", "--mijlpaal", "M3").stdout.split()[0]
    run = stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")
    page.goto(f"http://127.0.0.1:{stack.prefect_port}/runs/flow-run/{run['id']}")
    expect(page.get_by_text(f"{reference} · M3 In contact").first).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Wacht op registratie aanmelding").first).to_be_visible()
    expect(page.get_by_text("rol:klantmanager").first).to_be_visible()
    expect(page.get_by_text(re.compile("Uiterlijk .*eerste gesprek")).first).to_be_visible(timeout=15_000)

    page.get_by_role("button", name="Resume").click()
    form = page.get_by_role("dialog").filter(has_text="Wat is er gebeurd?")
    expect(form.get_by_text("Op welke datum? (leeg = vandaag)")).to_be_visible()
    form.locator("button.p-select-button__control").first.press("Space")
    page.get_by_role("option", name="Aanmelding geregistreerd").click()
    form.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Wacht op crisischeck").first).to_be_visible(timeout=30_000)
    assert stack.case(reference)["toestanden"]["M3"] == "CRISISCHECK"


def test_the_run_list_finds_a_custom_state_by_name(stack: Stack, page: Page) -> None:
    """The address with a state's Dutch name lists the runs in that state."""
    reference = stack.run("open", "--mijlpaal", "M1").stdout.split()[0]
    stack.wait_for_state(f"{reference} · M1", "Wacht op eerste vraag")
    page.goto(f"http://127.0.0.1:{stack.prefect_port}/runs?state=Wacht%20op%20eerste%20vraag")
    expect(page.get_by_text(f"{reference} · M1 Op zoek").first).to_be_visible(timeout=20_000)
