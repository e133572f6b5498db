"""What a coordinator sees and does in the Prefect UI, with a mouse in a real headless Chromium: the short walk.

The whole morning is in `test_coordinator.py`, every view in `test_views.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import ui
from playwright.sync_api import expect

from adapters.runtime.clock import SystemClock

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from support.stack import Stack

SIX_WEEKS_AGO = SystemClock().today() - timedelta(weeks=6)  # the stack runs on this clock

pytestmark = [pytest.mark.prefect, pytest.mark.browser]


def test_from_the_front_page_to_an_answered_form(stack: Stack, page: Page) -> None:
    """What is late is two clicks away; the run says why it waits, Resume asks in Dutch, and the case goes on."""
    reference = stack.open("M3", on=SIX_WEEKS_AGO)
    stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")

    ui.look(stack, page, "artifacts/key/overzicht")
    ui.follow(page, "Te laat")
    page.get_by_role("link", name=f"{reference} · M3 In contact").click()

    expect(page.get_by_text("Wacht op registratie aanmelding").first).to_be_visible()
    ui.says(page, "Te laat: moest uiterlijk .*Wgs art. 4 lid 1")
    # The run leads to the newest page of its case.
    expect(page.locator(f"a[href$='/artifacts/key/zaak-{reference.lower()}']").first).to_be_visible()
    with ui.all_tags(page):
        expect(page.get_by_text("rol:klantmanager").filter(visible=True)).to_be_visible()

    form = ui.resume(page)
    expect(form.get_by_text("Op welke datum? (leeg = vandaag)")).to_be_visible()
    ui.choose_event(page, form, "Aanmelding geregistreerd")
    ui.send(form)
    expect(page.get_by_text("Wacht op crisischeck").first).to_be_visible()
    assert stack.case(reference)["toestanden"]["M3"] == "CRISISCHECK"


def test_an_action_asks_for_the_case_and_then_what_fits_it(stack: Stack, page: Page) -> None:
    """With a mouse: a wrong number is refused in Dutch, and a wrong answer comes back as it was filled in."""
    reference = stack.open("M3", on=SIX_WEEKS_AGO)
    ui.open_action(page, stack, "gebeurtenis-melden")
    page.get_by_label("Zaak", exact=True).fill("123456782")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("Dit is geen nummer van een zaak").first).to_be_visible()
    expect(page.get_by_text("does not match")).to_have_count(0)
    ui.open_action(page, stack, "gebeurtenis-melden")
    page.get_by_label("Zaak", exact=True).fill(reference)
    page.get_by_role("button", name="Submit").click()
    run = stack.wait_for_state(f"Gebeurtenis melden · {reference}", "Gebeurtenis melden: vul aan")

    ui.look(stack, page, f"runs/flow-run/{run['id']}")
    form = ui.resume(page)
    form.get_by_role("button", name="Wat is er gebeurd?").click()
    able = page.get_by_role("option").all_inner_texts()
    assert "Aanmelding geregistreerd" in able
    assert len(able) < 15
    page.get_by_role("option", name="Doelgroep bepaald", exact=True).click()
    ui.send(form)
    stack.wait_for_state(f"Gebeurtenis melden · {reference}", "Niet overgenomen · Gebeurtenis melden")
    page.reload()
    form = ui.resume(page)
    expect(form.get_by_text("Bij 'Doelgroep bepaald' is 'Doelgroep' nodig.")).to_be_visible()
    expect(form.get_by_role("button", name="Wat is er gebeurd?")).to_contain_text("Doelgroep bepaald")
    ui.choose(page, form.get_by_role("button", name="Select Doelgroep", exact=True), "gezin")
    ui.send(form)
    stack.wait_for_state(f"Gebeurtenis melden · {reference}", "Gedaan")
    last = stack.case(reference)["journaal"][-1]
    assert (last["gebeurtenis"], last["door"]["soort"]) == ("doelgroep_bepaald", "medewerker")


def test_the_run_list_finds_a_custom_state_by_name(stack: Stack, page: Page) -> None:
    """The address with a state's Dutch name lists the runs in that state."""
    reference = stack.open("M1")
    stack.wait_for_state(f"{reference} · M1", "Wacht op eerste vraag")
    ui.look(stack, page, "runs?state=Wacht%20op%20eerste%20vraag")
    expect(page.get_by_text(f"{reference} · M1 Op zoek").first).to_be_visible()


def test_our_pages_stand_behind_the_same_door(stack: Stack, page: Page) -> None:
    """Who is in at the UI is in at our pages: one address, one login, and what he reports has his code."""
    reference = stack.open("M3")
    stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")
    ui.look(stack, page, f"artifacts/key/zaak-{reference.lower()}")
    page.get_by_role("link", name="Meld wat er gebeurde").click()  # Prefect's page leads to ours
    page.get_by_role("link", name="Aanmelding geregistreerd").click()
    page.get_by_role("button", name="Leg dit vast").click()
    expect(page.get_by_text("Dit is vastgelegd.")).to_be_visible()
    page.get_by_role("link", name="M3 In contact in Prefect").click()  # and ours leads back
    expect(page.get_by_text("Wacht op crisischeck").first).to_be_visible()
    last = stack.case(reference)["journaal"][-1]
    assert (last["gebeurtenis"], last["door"]["soort"]) == ("aanmelding_geregistreerd", "medewerker")
    assert last["door"]["code"].startswith("gebruiker-")
