"""Who speaks Prefect opens cases and reports events with it: by its API, by an automation, and by the form."""

from __future__ import annotations

import shutil
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright
from stack import wait_until

if TYPE_CHECKING:
    from stack import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.prefect


def deployment(stack: Stack, name: str) -> dict[str, Any]:
    """Give a deployment by its name."""
    found = stack.prefect("POST", "/deployments/filter", deployments={"name": {"any_": [name]}})
    return dict(found[0])


def run_intake(stack: Stack, name: str, **parameters: Any) -> dict[str, Any]:
    """Run an intake over Prefect's API, as its form does, and give the run when our worker has ended it."""
    made = stack.prefect(
        "POST", f"/deployments/{deployment(stack, name)['id']}/create_flow_run", parameters=parameters
    )

    def ended() -> Any:
        now = stack.prefect("GET", f"/flow_runs/{made['id']}")
        return now if now["state_type"] in ("COMPLETED", "FAILED", "CRASHED") else None

    return dict(wait_until(ended, 60, stack.logs))


def events_of(stack: Stack, reference: str) -> list[str]:
    """Give the events in the journal of a case."""
    return [line["gebeurtenis"] for line in stack.case(reference)["journaal"]]


def test_a_case_is_opened_and_an_event_reported_over_prefects_api(stack: Stack) -> None:
    """Our worker runs both intakes; a refusal is a failed run with a sentence, and changes nothing."""
    reference = f"P-{uuid.uuid4().hex[:8]}"
    opened = run_intake(stack, "aanmelding", mijlpaal="M3", zaak=reference)
    assert opened["state"]["message"] == f"Zaak {reference}: M3 NIEUW."
    reported = run_intake(stack, "meld-gebeurtenis", zaak=reference, gebeurtenis="aanmelding_geregistreerd")
    assert reported["state_name"] == "Verwerkt"
    refused = run_intake(stack, "meld-gebeurtenis", zaak=reference, gebeurtenis="hulp_aanvaard")
    assert refused["state_name"] == "Niet verwerkt"
    assert "Nu kan: bedreigend" in refused["state"]["message"]
    assert events_of(stack, reference) == ["geopend", "aanmelding_geregistreerd"]


def test_an_automation_reports_an_event(stack: Stack) -> None:
    """An automation on an event of another system runs `meld-gebeurtenis` with what that event says."""
    reference = stack.run("open", "--mijlpaal", "M3").stdout.split()[0]
    kind = f"nl.voorbeeld.balie.{uuid.uuid4().hex[:8]}"
    made = stack.prefect(
        "POST",
        "/automations/",
        name=kind,
        trigger={"type": "event", "posture": "Reactive", "expect": [kind], "threshold": 1, "within": 0},
        actions=[
            {
                "type": "run-deployment",
                "source": "selected",
                "deployment_id": deployment(stack, "meld-gebeurtenis")["id"],
                "parameters": {
                    "zaak": {"__prefect_kind": "jinja", "template": "{{ event.payload.zaak }}"},
                    "gebeurtenis": "aanmelding_geregistreerd",
                },
            }
        ],
    )

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
        return "aanmelding_geregistreerd" in events_of(stack, reference)

    wait_until(reported, 60, stack.logs)
    stack.prefect("DELETE", f"/automations/{made['id']}")
    assert events_of(stack, reference) == ["geopend", "aanmelding_geregistreerd"]


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_form_in_the_ui_opens_a_case(stack: Stack) -> None:
    """Somebody fills in the form of `aanmelding` in the Prefect UI, with its Dutch titles."""
    reference = f"F-{uuid.uuid4().hex[:8]}"
    address = f"http://127.0.0.1:{stack.prefect_port}/deployments/deployment/{deployment(stack, 'aanmelding')['id']}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(address)
        page.get_by_role("button", name="Run", exact=True).click()
        page.get_by_text("Custom run").click()
        fields = page.locator(".schema-form-property")
        expect(fields.filter(has_text="Bedreigende situatie").first).to_be_visible(timeout=20_000)
        fields.filter(has_text="Uw eigen zaaknummer").locator("textarea").fill(reference)
        page.get_by_role("button", name="Submit").click()
        wait_until(lambda: stack.run("zaak", reference, check=False).returncode == 0, 60, stack.logs)
        browser.close()
    assert events_of(stack, reference) == ["geopend"]
