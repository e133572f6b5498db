"""What a coordinator sees and does in the Prefect UI, in a real headless Chromium: the short walk.

The whole morning is in `test_coordinator.py`, every view in `test_views.py`.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from stack import Stack

SIX_WEEKS_AGO = (date.today() - timedelta(weeks=6)).isoformat()  # noqa: DTZ011 - the stack runs on this clock

pytestmark = [pytest.mark.prefect, pytest.mark.browser]


def test_from_the_front_page_to_an_answered_form(stack: Stack, page: Page) -> None:
    """What is late is two clicks away; the run says why it waits, Resume asks in Dutch, and the case goes on."""
    reference = stack.run("open", "--mijlpaal", "M3", "--op", SIX_WEEKS_AGO).stdout.split()[0]
    stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")

    stack.let_in(page)
    page.goto(f"http://127.0.0.1:{stack.prefect_port}/artifacts/key/overzicht")
    with page.context.expect_page() as opened:  # the first UI opens a link in a new tab
        page.get_by_role("link", name="Te laat", exact=True).click()
    page = opened.value
    page.get_by_role("link", name=f"{reference} · M3 In contact").click()

    expect(page.get_by_text("Wacht op registratie aanmelding").first).to_be_visible()
    expect(page.get_by_text("rol:klantmanager").first).to_be_visible()
    expect(page.get_by_text(re.compile("Te laat: moest uiterlijk .*Wgs art. 4 lid 1")).first).to_be_visible()

    page.get_by_role("button", name="Resume").click()
    form = page.get_by_role("dialog").filter(has_text="Wat is er gebeurd?")
    expect(form.get_by_text("Op welke datum? (leeg = vandaag)")).to_be_visible()
    form.locator("button.p-select-button__control").first.press("Space")
    page.get_by_role("option", name="Aanmelding geregistreerd").click()
    form.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Wacht op crisischeck").first).to_be_visible()
    assert stack.case(reference)["toestanden"]["M3"] == "CRISISCHECK"


def test_the_run_list_finds_a_custom_state_by_name(stack: Stack, page: Page) -> None:
    """The address with a state's Dutch name lists the runs in that state."""
    reference = stack.run("open", "--mijlpaal", "M1").stdout.split()[0]
    stack.wait_for_state(f"{reference} · M1", "Wacht op eerste vraag")
    stack.let_in(page)
    page.goto(f"http://127.0.0.1:{stack.prefect_port}/runs?state=Wacht%20op%20eerste%20vraag")
    expect(page.get_by_text(f"{reference} · M1 Op zoek").first).to_be_visible()
