"""A coordinator's morning in the Prefect UI, in a real headless Chromium, on the real thing."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import ui
from playwright.sync_api import expect
from support.receivers import Mailbox, web_address
from support.recipients import recipients
from support.stack import Stack, wait_until

from adapters.runtime.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

TODAY = SystemClock().today()  # the stack runs on the clock of this machine, by Dutch dates
SIX_WEEKS_AGO = TODAY - timedelta(weeks=6)

pytestmark = [pytest.mark.long, pytest.mark.prefect, pytest.mark.browser]


def late_case(stack: Stack) -> tuple[str, dict[str, Any]]:
    """Open a case whose first conversation is late, and give it with its run."""
    reference = stack.open("M3", on=SIX_WEEKS_AGO)
    run = stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")
    return reference, run


def test_a_coordinators_morning(stack: Stack, page: Page) -> None:
    """From the front page to what is late, why, the form, another's work, and the monitor."""
    reference, _ = late_case(stack)
    for report in ("werkvoorraad", "monitor", "overzicht"):
        assert stack.run_action(report)["state_type"] == "COMPLETED"

    # The front page leads to everything that is late, whatever its age.
    ui.look(stack, page, "artifacts/key/overzicht")
    ui.follow(page, "Te laat")
    page.get_by_role("link", name=f"{reference} · M3 In contact").click()

    # The run says why it is late and who has it.
    ui.says(page, "Te laat: moest uiterlijk .*Wgs art. 4 lid 1")
    with ui.all_tags(page):
        expect(page.get_by_text("zonder-eigenaar").filter(visible=True)).to_be_visible()

    # The form says what the state waits for, and brings the case on.
    form = ui.resume(page)
    expect(form.get_by_text(re.compile("Wacht op registratie aanmelding. Te laat"))).to_be_visible()
    ui.choose_event(page, form, "Aanmelding geregistreerd")
    ui.send(form)
    ui.says(page, "Wacht op crisischeck")

    # From the werkvoorraad one click opens the page of the case: route, term, journal and, below, its history.
    ui.look(stack, page, "artifacts/key/werkvoorraad-0000")
    ui.follow(page, reference)
    route = page.get_by_role("img", name=re.compile("De route van deze zaak.*M3 In contact: loopt"))
    expect(route).to_be_visible()
    ui.says(page, ", te laat")
    expect(page.get_by_role("cell", name="Gestart")).to_be_visible()

    # The case goes to a colleague, through the form of an action.
    ui.look(stack, page, "artifacts/key/overzicht")
    ui.follow(page, "zaak-toewijzen")
    page.get_by_label("Zaak", exact=True).fill(reference)
    page.get_by_role("button", name="Submit").click()
    asked = stack.wait_for_state(f"Zaak toewijzen · {reference}", "Zaak toewijzen: vul aan")
    ui.look(stack, page, f"runs/flow-run/{asked['id']}")
    form = ui.resume(page, "Medewerker")
    form.get_by_label("Medewerker", exact=True).fill(" mw-17 ")
    ui.send(form)
    wait_until(
        lambda: "contact:mw-17" in (stack.run_of(f"{reference} · M3") or {})["tags"],
        60,
        lambda: f"not assigned\n{stack.logs()}",
    )
    assert stack.run_of(f"Zaak toewijzen · {reference}") is not None

    # The monitor explains its figures.
    ui.look(stack, page, "artifacts/key/monitor-0000")
    expect(page.get_by_text("Eerste gesprek binnen 4 weken").first).to_be_visible()
    expect(page.get_by_text(re.compile("Alle zaken met een termijn T01"))).to_be_visible()


def test_the_second_of_two_people_is_told(stack: Stack, page: Page) -> None:
    """Two people open the same form. The second sees that his answer was not taken; one event is in the journal."""
    reference, run = late_case(stack)
    other = page.context.new_page()
    forms = []
    for one in (page, other):
        ui.look(stack, one, f"runs/flow-run/{run['id']}")
        form = ui.resume(one)
        ui.choose_event(one, form, "Aanmelding geregistreerd")
        forms.append(form)
    ui.send(forms[0])
    ui.says(page, "Wacht op crisischeck")
    ui.send(forms[1])
    ui.says(other, "Stand van de zaak: Een collega meldde intussen iets")
    events = [line["gebeurtenis"] for line in stack.case(reference)["journaal"]]
    assert events.count("aanmelding_geregistreerd") == 1


def test_the_views_are_saved_filters(stack: Stack) -> None:
    """The run list offers each view by its name."""
    names = {item["name"] for item in stack.prefect("POST", "/saved_searches/filter", limit=200)}
    assert {
        "Te laat",
        "Deze week",
        "Crisis",
        "Zonder eigenaar",
        "Wacht op overdracht",
        "M3 In contact",
    } <= names


def test_two_people_do_not_answer_over_each_other(stack: Stack) -> None:
    """The second answer to the same form is refused, and one event is in the journal."""
    reference, run = late_case(stack)
    keys = run["state"]["state_details"]["run_input_keyset"]
    form = stack.prefect("GET", f"/flow_runs/{run['id']}/input/{keys['schema']}")
    stand = (form if isinstance(form, dict) else json.loads(form))["properties"]["stand"]["const"]
    stack.answer(run, gebeurtenis="Doelgroep bepaald", doelgroep="jongere", stand=stand)
    run = wait_until(
        lambda: (
            now if (now := stack.run_of(f"{reference} · M3")) and "doelgroep:jongere" in now["tags"] else None
        ),
        30,
        lambda: "the first answer was not handled",
    )
    stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")
    second = {"gebeurtenis": "Doelgroep bepaald", "doelgroep": "ondernemer", "stand": stand}
    verdict = stack.prefect("POST", f"/flow_runs/{run['id']}/resume", run_input=second)
    assert verdict["status"] == "REJECT"
    events = [line["gebeurtenis"] for line in stack.case(reference)["journaal"]]
    assert events.count("doelgroep_bepaald") == 1


def test_cancel_in_the_ui_is_a_question(stack: Stack) -> None:
    """A cancelled run gets a successor with a tag, and says where to look; refusing the cancel takes the tag away."""
    reference, run = late_case(stack)
    stack.prefect("POST", f"/flow_runs/{run['id']}/set_state", state={"type": "CANCELLING"}, force=False)

    def successor() -> Any:
        now = stack.prefect("POST", "/flow_runs/filter", flow_runs={"name": {"like_": f"{reference} · M3"}})
        return next((one for one in now if "annuleren-gevraagd" in one["tags"]), None)

    again = wait_until(successor, 60, lambda: f"no successor\n{stack.logs()}")
    assert again["id"] != run["id"]
    old = stack.prefect("GET", f"/flow_runs/{run['id']}")
    assert (old["state_type"], old["tags"]) == ("CANCELLED", ["vervangen"])
    goes_on = f"Zaak {reference} gaat verder in een nieuwe run: "
    assert goes_on in old["state"]["message"]
    assert old["state"]["message"].endswith(f"/zaak/{reference}")
    wait_until(lambda: any(goes_on in line for line in stack.log_of(old)), 20, lambda: "the log is silent")
    done = stack.run_action("annulering-beoordelen", zaak=reference, besluit="Weigeren: de zaak gaat door")
    assert done["state_name"] == "Gedaan"
    wait_until(lambda: not successor(), 30, lambda: "the tag stays")
    assert stack.case(reference)["toestanden"] == {"M3": "NIEUW"}


def test_confirming_a_cancel_closes_the_case_with_a_reason(stack: Stack) -> None:
    """Only the coordinator's confirmation ends it, by an event with an uitstroomreden."""
    reference, run = late_case(stack)
    stack.prefect("POST", f"/flow_runs/{run['id']}/set_state", state={"type": "CANCELLED"}, force=False)
    values = {"zaak": reference, "besluit": "Bevestigen: de zaak sluit", "motivering": "adv-1"}

    def confirmed() -> bool:
        return stack.run_action("annulering-beoordelen", **values)["state_name"] == "Gedaan"

    wait_until(confirmed, 60, lambda: "not confirmed")
    assert stack.case(reference)["toestanden"] == {"M3": "AFGESLOTEN"}


def test_actions_refuse_clearly(stack: Stack) -> None:
    """A refusal is an answer in the run's state, and changes nothing."""
    reference, _ = late_case(stack)
    before = stack.case(reference)
    for name, values in (
        ("termijn-verlengen", {"zaak": reference, "termijn": "T01", "motivering": "adv-1", "weken": 2}),
        ("zaak-terugzetten", {"zaak": reference, "naar": "Wacht op afspraak", "reden": "verkeerd gemeld"}),
        ("zaak-toewijzen", {"zaak": "WEG-404", "medewerker": "mw-17"}),
        ("annulering-beoordelen", {"zaak": reference, "besluit": "Weigeren: de zaak gaat door"}),
    ):
        done = stack.run_action(name, **values)
        assert done["state_name"] == "Niet gedaan", name
        assert done["state"]["message"]
    assert stack.case(reference) == before


def test_a_case_goes_back_a_step(stack: Stack) -> None:
    """Putting back is a transition of its own, named by what people read."""
    reference, _ = late_case(stack)
    stack.report(reference, "aanmelding_geregistreerd")
    stack.report(reference, "niet_bedreigend")
    done = stack.run_action(
        "zaak-terugzetten", zaak=reference, naar="Wacht op crisischeck", reden="verkeerd gemeld"
    )
    assert done["state_name"] == "Gedaan"
    stack.wait_for_state(f"{reference} · M3", "Wacht op crisischeck")
    assert stack.case(reference)["journaal"][-1]["gebeurtenis"] == "teruggezet"


def test_an_absence_gives_the_runs_the_label_of_the_deputy(stack: Stack) -> None:
    """From the first day the cases of who is away carry the label of who stands in."""
    reference, _ = late_case(stack)
    stack.run_action("zaak-toewijzen", zaak=reference, medewerker="mw-71")
    wait_until(
        lambda: "contact:mw-71" in (stack.run_of(f"{reference} · M3") or {})["tags"],
        30,
        lambda: "not assigned",
    )
    days = {"eerste_dag": TODAY.isoformat(), "laatste_dag": (TODAY + timedelta(days=3)).isoformat()}
    stack.run_action("afwezigheid-melden", medewerker="mw-71", vervanger="mw-72", **days)
    wait_until(
        lambda: "vervanger:mw-72" in (stack.run_of(f"{reference} · M3") or {})["tags"],
        30,
        lambda: "no deputy",
    )


def test_automations_are_there_once_and_stay_as_people_made_them(stack: Stack) -> None:
    """Deploying again makes no second automation and undoes no change; schedules stay too."""
    found = {item["name"]: item for item in stack.prefect("POST", "/automations/filter", limit=50)}
    ours = {name: item for name, item in found.items() if name.startswith("routekaart: ")}
    assert len(ours) == 3
    changed = ours["routekaart: worker te laat"]
    stack.prefect("PATCH", f"/automations/{changed['id']}", enabled=False)
    plans = stack.prefect("POST", "/deployments/filter", deployments={"name": {"any_": ["monitor"]}})
    stack.run("deploy")
    again = {item["name"]: item for item in stack.prefect("POST", "/automations/filter", limit=50)}
    assert {name: item["id"] for name, item in again.items()} == {
        name: item["id"] for name, item in found.items()
    }
    assert again["routekaart: worker te laat"]["enabled"] is False
    stack.prefect("PATCH", f"/automations/{changed['id']}", enabled=True)
    after = stack.prefect("POST", "/deployments/filter", deployments={"name": {"any_": ["monitor"]}})
    crons = [[item["schedule"]["cron"] for item in one[0]["schedules"]] for one in (plans, after)]
    assert crons[0] == crons[1] == ["0 7 * * 1"]


def told(stack: Stack, title: str, seconds: float) -> dict[str, Any]:
    """Wait until the coordinator got a message with this title, and give it."""
    messages = stack.home / "berichten.jsonl"

    def look() -> Any:
        lines = messages.read_text().splitlines() if messages.exists() else []
        return next(
            (item for item in map(json.loads, lines) if item["titel"] == f"routekaart: {title}"), None
        )

    return wait_until(look, seconds, lambda: f"nobody heard '{title}'\n{stack.logs()}")


ROLES = {"*": {"case_worker": ["p1"], "coordinator": ["p2"]}}


def test_an_automation_tells_of_a_message_that_reached_nobody(tmp_path: Path) -> None:
    """A message for who has no channel comes to the coordinator, through Prefect's server and our API."""
    box, file = Mailbox(), tmp_path / "ontvangers.toml"
    with web_address(box) as where:
        file.write_text(recipients({"p1": {}, "p2": {"web": f"{where}p2"}}, ROLES, around_the_clock=True))
        stack = Stack(tmp_path / "home", extra={"ROUTEKAART_RECIPIENTS_FILE": str(file)})
        stack.start()
        try:
            reference = stack.open("M3")
            wait_until(
                lambda: (
                    "routekaart: Een bericht is niet bezorgd" in [title for title, _ in box.sent_to("p2")]
                ),
                90,
                lambda: f"{reference}: {box.arrived}\n{stack.logs()}",
            )
        finally:
            stack.stop()


def test_an_automation_tells_of_a_failed_run(stack: Stack) -> None:
    """A run that really fails in our worker is told to the coordinator, with its name."""
    failed = stack.run_action("kwaliteitstoets", toets=999_999)
    assert failed["state_type"] == "FAILED"
    message = told(stack, "Een run is mislukt", 60)
    assert message["rol"] == "coordinator"
    assert failed["name"] in message["tekst"]


@pytest.mark.timeout(500)
def test_an_automation_tells_of_a_missing_worker(stack: Stack) -> None:
    """A worker that stands still for minutes is told to the coordinator; it goes on where it was."""
    reference, _ = late_case(stack)
    worker = psutil.Process(stack.pid_of("worker"))
    worker.suspend()
    try:
        message = told(stack, "Er is geen worker", 400)
    finally:
        worker.resume()
    assert "routekaart" in message["tekst"]
    stack.report(reference, "aanmelding_geregistreerd")
    stack.wait_for_state(f"{reference} · M3", "Wacht op crisischeck", 60)
