"""Who speaks Prefect needs nothing else: it opens cases and reports events by API, by automation, and by form."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import ui
from playwright.sync_api import expect, sync_playwright
from support.stack import wait_until

from adapters.cases.outgoing import REACHED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page
    from support.stack import Stack

    from adapters.office import Office

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.prefect


@pytest.fixture(scope="module")
def office(stack: Stack) -> Office:
    """The office of the stack."""
    return stack.office()


@pytest.fixture
def reference() -> str:
    """A case reference that nobody has."""
    return f"P-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def page() -> Iterator[Page]:
    """A page in a new browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page(viewport={"width": 1400, "height": 1400})
        browser.close()


def events_of(office: Office, reference: str) -> list[str]:
    """Return the events in the journal of a case."""
    return [line.event for line in office.casework.case(reference).journal]


def deployment(stack: Stack, name: str) -> dict[str, Any]:
    """Return a deployment by its name."""
    found = stack.prefect("POST", "/deployments/filter", deployments={"name": {"any_": [name]}})
    return dict(found[0])


# --- Prefect's API ------------------------------------------------------------------------------------------------


def test_a_case_is_opened_and_an_event_reported_over_prefects_api(
    stack: Stack, office: Office, reference: str
) -> None:
    """Our worker runs both intakes; a refusal is a failed run with a sentence, and changes nothing."""
    opened = stack.run_action("aanmelding", mijlpaal="M3", zaak=reference)
    assert (opened["state_name"], opened["state"]["message"]) == (
        "Verwerkt",
        f"Zaak {reference}: M3 NIEUW.",
    )
    reported = stack.run_action("meld-gebeurtenis", zaak=reference, gebeurtenis="aanmelding_geregistreerd")
    assert reported["state_name"] == "Verwerkt"
    refused = stack.run_action("meld-gebeurtenis", zaak=reference, gebeurtenis="hulp_aanvaard")
    assert (refused["state_type"], refused["state_name"]) == ("FAILED", "Niet verwerkt")
    assert "Nu kan: bedreigend" in refused["state"]["message"]
    assert events_of(office, reference) == ["geopend", "aanmelding_geregistreerd"]


# --- an automation ------------------------------------------------------------------------------------------------


@contextmanager
def automation(
    stack: Stack, trigger: dict[str, Any], name: str, parameters: dict[str, Any]
) -> Iterator[None]:
    """Run a deployment on every event of a kind, with what the event says."""
    filled = {
        field: {"__prefect_kind": "jinja", "template": value} if "{{" in value else value
        for field, value in parameters.items()
    }
    action = {
        "type": "run-deployment",
        "source": "selected",
        "deployment_id": deployment(stack, name)["id"],
        "parameters": filled,
    }
    reactive = {"type": "event", "posture": "Reactive", "threshold": 1, "within": 0}
    made = stack.prefect(
        "POST", "/automations/", name=uuid.uuid4().hex, trigger=reactive | trigger, actions=[action]
    )
    yield
    stack.prefect("DELETE", f"/automations/{made['id']}")


def test_an_automation_reports_an_event(stack: Stack, office: Office, reference: str) -> None:
    """An automation on an event of another system runs `meld-gebeurtenis` with what that event says."""
    office.casework.open("M3", municipality="0000", reference=reference)
    kind = f"nl.voorbeeld.balie.{uuid.uuid4().hex[:8]}"

    def reported() -> bool:
        """Send the event again while the automation is not loaded yet; a repeat cannot happen twice in the case."""
        event = {
            "id": str(uuid.uuid4()),
            "occurred": datetime.now(UTC).isoformat(),
            "event": kind,
            "resource": {"prefect.resource.id": "nl.voorbeeld.balie"},
            "payload": {"zaak": reference},
        }
        stack.prefect_json("POST", "/events", [event])
        return "aanmelding_geregistreerd" in events_of(office, reference)

    given = {"zaak": "{{ event.payload.zaak }}", "gebeurtenis": "aanmelding_geregistreerd"}
    with automation(stack, {"expect": [kind]}, "meld-gebeurtenis", given):
        wait_until(reported, 60, stack.logs)
    assert events_of(office, reference) == ["geopend", "aanmelding_geregistreerd"]


def test_an_automation_starts_on_an_event_of_ours(stack: Stack, office: Office, reference: str) -> None:
    """A coordinator's automation on `mijlpaal-bereikt` gives every new case in one mijlpaal to somebody."""
    opened: list[str] = []

    def assigned() -> bool:
        """Open one more case while the automation is not loaded yet."""
        opened.append(f"{reference}-{len(opened)}")
        office.casework.open("M8", municipality="0000", reference=opened[-1])
        time.sleep(1)
        facts = (office.casework.case(name).case.process("M8").facts for name in opened)
        return any(fact.get("houder") == "mw-88" for fact in facts)

    trigger = {"expect": [REACHED], "match": {"routekaart.mijlpaal": "M8"}}
    given = {"zaak": "{{ event.payload.zaakreferentie }}", "medewerker": "mw-88"}
    with automation(stack, trigger, "zaak-toewijzen", given):
        wait_until(assigned, 60, stack.logs)


# --- the form in the UI -------------------------------------------------------------------------------------------


def submit(page: Page) -> None:
    """Press Submit; again while a busy SQLite says so, as a person would."""
    for _ in range(10):
        with page.expect_response(lambda answer: answer.url.endswith("/create_flow_run")) as answered:
            page.get_by_role("button", name="Submit").click()
        if answered.value.status != httpx.codes.SERVICE_UNAVAILABLE:
            assert answered.value.ok, answered.value.text()
            return
        page.wait_for_timeout(500)
    pytest.fail("Prefect stays busy")


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_somebody_opens_a_case_and_reports_an_event_with_the_forms(
    stack: Stack, office: Office, page: Page, reference: str
) -> None:
    """Both forms in the Prefect UI have Dutch titles and help; what they send is in the case and on its page."""
    ui.open_action(page, stack, "aanmelding")
    for text in ("Mijlpaal", "Waar de zaak begint.", "Referentie", "Geen BSN.", "Bedreigende situatie"):
        ui.says(page, text)
    page.get_by_label("Referentie").fill(reference)
    submit(page)
    run = stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding", 60)

    office.casework.report(reference, "aanmelding_geregistreerd")
    ui.open_action(page, stack, "meld-gebeurtenis")
    page.get_by_label("Zaak", exact=True).fill(reference)
    ui.choose(page, page.get_by_label(re.compile("^(Select )?Gebeurtenis$")), "bedreigend")
    ui.choose(page, page.get_by_label("Wat wordt bedreigd"), "gas")
    submit(page)
    stack.wait_for_state(f"{reference} · M3", "Spoed: wacht op afspraak", 60)
    told = {line.event: line.data for line in office.casework.case(reference).journal}
    assert told["bedreigend"] == {"bedreiging": "gas"}

    ui.look(stack, page, f"runs/flow-run/{run['id']}")
    expect(page.get_by_text(f"{reference} · M3 In contact").first).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Spoed: wacht op afspraak").first).to_be_visible()
