"""Messages with the real thing: what Prefect shows of them, retries that wake a run, and the link in a message."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.receivers import REFUSE, STUCK, TAKE, Mailbox, mail_server, web_address
from support.recipients import recipients
from support.stack import wait_until
from support.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.workshop import Nursery, PrefectServer

pytestmark = pytest.mark.prefect

_OF_P1 = ("case_worker", "early_signal_worker")
_OF_P2 = ("debt_counsellor", "coordinator", "team_leader", "legal_officer", "quality_reviewer", "budget_coach",
          "settlement_officer")  # fmt: skip
ROLES = {"*": {role: ["p1"] for role in _OF_P1} | {role: ["p2"] for role in _OF_P2}}
SILENT = ("client", "chain_partner", "signal_partner")


class Town:
    """A worker and an API at a server of Prefect, with receivers; the clock stands still until a test moves it."""

    def __init__(self, shop: Workshop, mail: Mailbox, web: Mailbox, web_address: str, file: Path) -> None:
        self.shop, self.mail, self.web = shop, mail, web
        self.web_address, self.file = web_address, file
        self.call = shop.server.call

    def open(self) -> str:
        """Open a case in M3."""
        return self.shop.office.casework.open("M3", municipality="0518").reference

    def report(self, reference: str, event: str, **data: object) -> None:
        """Report an event in a case."""
        self.shop.office.casework.report(reference, event, data=data)

    def later(self) -> None:
        """Let ten minutes pass: by then what failed once is tried again."""
        self.shop.set_time(self.shop.office.clock.now() + timedelta(minutes=10))

    def task_runs(self, name_part: str) -> list[dict[str, Any]]:
        """Return the task runs with this in their name, the oldest first."""
        found = self.call("POST", "/task_runs/filter", task_runs={"name": {"like_": name_part}}, limit=100)
        return sorted(found, key=lambda run: run["expected_start_time"] or "")

    def wait_for_task(self, name_part: str, state: str, reference: str) -> dict[str, Any]:
        """Wait for a task run of a case in a state of this name."""

        def look() -> dict[str, Any] | None:
            for task in self.task_runs(name_part):
                parent = task["flow_run_id"] and self.shop.server.run(task["flow_run_id"])
                # Prefect writes the name of a state before the state itself.
                if task["state_name"] == state and task["state"] and parent and reference in parent["name"]:
                    return task
            return None

        return self.shop.wait(look)


@pytest.fixture(scope="module")
def town(server: PrefectServer, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The real thing, with a mail server and a web address on loopback."""
    folder = tmp_path_factory.mktemp("berichten")
    mail, web = Mailbox(), Mailbox()
    with mail_server(mail) as mail_address, web_address(web) as address:
        file = folder / "ontvangers.toml"
        people = {"p1": {"mail": f"{mail_address}p1@example.org"}, "p2": {"web": f"{address}p2"}}
        file.write_text(recipients(people, ROLES, silent=SILENT, bundled_from=100, around_the_clock=True))
        shop = Workshop(server, nursery, folder / "home", {"ROUTEKAART_RECIPIENTS_FILE": str(file)})
        shop.start()
        shop.start("api", "api")
        yield Town(shop, mail, web, address, file)
        shop.stop()


@pytest.fixture(autouse=True)
def _open_mailbox(town: Town) -> None:
    """Begin each test with a mail server that takes what comes, whatever the one before it left."""
    town.mail.behave = lambda: TAKE
    town.mail.freed.set()


def test_a_sent_message_is_a_task_run_with_role_channel_and_result(town: Town) -> None:
    """Prefect shows who it was for, over what, and how it ended, and nowhere an address."""
    reference = town.open()
    sent = town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Bezorgd", reference)
    assert any(reference in title for title, _ in town.mail.sent_to("p1@example.org"))
    shown = json.dumps([sent, *town.call("POST", "/logs/filter", limit=200)])
    assert "example.org" not in shown


def test_a_failed_message_is_seen_and_its_retry_wakes_the_run(town: Town) -> None:
    """A refusal is a failed task run with the next moment; the run stays parked, and the retry arrives by itself."""
    town.mail.behave = lambda: REFUSE
    reference = town.open()
    failed = town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Niet bezorgd", reference)
    assert re.search(r"poging 1 mislukt: .*; opnieuw op \d\d-\d\d-\d{4}", failed["state"]["message"])
    parked = town.shop.wait_for_state(reference, "Wacht op registratie aanmelding")
    assert parked["state_type"] == "PAUSED"
    town.mail.behave = lambda: TAKE
    town.later()
    town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Bezorgd", reference)
    assert len([title for title, _ in town.mail.sent_to("p1@example.org") if reference in title]) == 1


def test_a_mail_server_that_hangs_holds_no_form(town: Town) -> None:
    """The answer of a form is taken up, and the form is back, while the mail server still has the message in hand."""
    reference = town.open()
    town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Bezorgd", reference)
    town.mail.freed.clear()
    town.mail.behave = lambda: STUCK
    town.report(reference, "aanmelding_geregistreerd")
    run = town.shop.wait_for_state(reference, "Wacht op crisischeck")
    before = len(town.mail.arrived)
    town.shop.server.answer(run["id"], gebeurtenis="Er is een bedreigende situatie", stand="2")
    town.shop.wait_for_state(reference, "Spoed: wacht op afspraak")
    assert len(town.mail.arrived) == before
    town.mail.behave = lambda: TAKE
    town.mail.freed.set()
    wait_until(lambda: len(town.mail.arrived) > before, 30, town.shop.logs)


def test_the_link_in_a_message_accepts_the_hand_off(town: Town) -> None:
    """The receiver presses the button; the run of the next mijlpaal goes on."""
    reference = town.open()
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        town.report(reference, event)
    title = f"Zaak {reference}: overdracht voor jou"
    wait_until(lambda: title in [t for t, _ in town.web.sent_to("p2")], 60, lambda: f"{town.web.arrived}")
    (text,) = (text for t, text in town.web.sent_to("p2") if t == title)
    link = re.findall(r"http://\S+/overdracht/\S+", text)[0]
    town.shop.wait_for_state(reference, "Wacht op aanvaarden overdracht", "M4")
    town.shop.wait(lambda: town.shop.is_up("api"))
    assert httpx.post(link, data={"keuze": "aannemen"}).status_code == 200
    town.shop.wait_for_state(reference, "Wacht op vaststellen hulpvraag", "M4")


def test_a_secret_block_and_a_changed_file_count_without_a_restart(town: Town) -> None:
    """A new person whose address is a Secret block gets the next message; `controleer` sees the block."""
    make = "import sys; from prefect.blocks.system import Secret; Secret(value=sys.argv[1]).save('postadres')"
    subprocess.run(
        [sys.executable, "-c", make, f"{town.web_address}geheim"],
        env=town.shop.server.environment | town.shop.environment,
        check=True,
    )
    before = town.file.read_text()
    town.file.write_text(
        before.replace('case_worker = ["p1"]', 'case_worker = ["p3"]')
        + '[[persoon]]\ncode = "p3"\nkanalen = { web = "{{ prefect.blocks.secret.postadres }}" }\n'
    )
    assert "Secret block" not in town.shop.tried("controleer").stderr
    reference = town.open()
    wait_until(lambda: any(reference in title for title, _ in town.web.sent_to("geheim")), 60, town.shop.logs)
    town.file.write_text(before)


def test_a_message_that_outlived_its_run_is_still_sent(town: Town) -> None:
    """A case that closed while the receiver was away is told later, as a task run outside any flow run."""
    town.mail.behave = lambda: REFUSE
    reference = town.open()
    town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Niet bezorgd", reference)
    town.report(reference, "ingetrokken", motivering="m-1")
    assert town.shop.wait_for_state(reference, "Afgesloten")["state_type"] == "COMPLETED"
    town.mail.behave = lambda: TAKE
    town.later()
    wait_until(
        lambda: any(reference in title for title, _ in town.mail.sent_to("p1@example.org")),
        150,
        town.shop.logs,
    )
    wait_until(
        lambda: [
            run
            for run in town.task_runs("Bericht (nieuwe_zaak)")
            if (run["flow_run_id"], run["state_name"]) == (None, "Bezorgd")
        ],
        30,
        town.shop.logs,
    )


def test_messages_that_reached_nobody_are_listed_by_command(town: Town) -> None:
    """`berichten` names what was lost and `berichten --alles` all; an unknown number is refused."""
    lines = json.loads(town.shop.command("berichten", "--alles", "--json"))
    assert {line["rol"] for line in lines} >= {"klantmanager"}
    assert town.shop.command("berichten").startswith("Elk bericht is bezorgd")
    refused = town.shop.tried("berichten", "opnieuw", "00000000")
    assert refused.returncode == 2
    assert refused.stderr.startswith("Er is geen bezorging met nummer")
