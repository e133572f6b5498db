"""Messages with the real thing: what Prefect shows of them, retries that wake a run, and the link in a message."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.receivers import REFUSE, STUCK, TAKE, Mailbox, mail_server, web_address
from support.recipients import recipients
from support.stack import Stack, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.prefect

_OF_P1 = ("case_worker", "early_signal_worker")
_OF_P2 = ("debt_counsellor", "coordinator", "team_leader", "legal_officer", "quality_reviewer", "budget_coach",
          "settlement_officer")  # fmt: skip
ROLES = {"*": {role: ["p1"] for role in _OF_P1} | {role: ["p2"] for role in _OF_P2}}
SILENT = ("client", "chain_partner", "signal_partner")


class Town:
    """A running stack with its receivers."""

    def __init__(self, stack: Stack, mail: Mailbox, web: Mailbox, web_address: str, file: Path) -> None:
        self.stack, self.mail, self.web = stack, mail, web
        self.web_address, self.file = web_address, file

    def task_runs(self, name_part: str) -> list[dict[str, Any]]:
        """Return the task runs with this in their name, the oldest first."""
        found = self.stack.prefect(
            "POST", "/task_runs/filter", task_runs={"name": {"like_": name_part}}, limit=100
        )
        return sorted(found, key=lambda run: run["expected_start_time"] or "")

    def wait_for_task(
        self, name_part: str, state: str, reference: str, seconds: float = 60
    ) -> dict[str, Any]:
        """Wait for a task run of a case in a state of this name."""

        def look() -> dict[str, Any] | None:
            for run in self.task_runs(name_part):
                parent = run["flow_run_id"] and self.stack.prefect("GET", f"/flow_runs/{run['flow_run_id']}")
                # Prefect writes the name of a state before the state itself.
                if run["state_name"] == state and run["state"] and parent and reference in parent["name"]:
                    return run
            return None

        return wait_until(
            look,
            seconds,
            lambda: f"{[(r['name'], r['state_name']) for r in self.task_runs('')]}\n{self.stack.logs()}",
        )


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The real thing, with a mail server and a web address on loopback."""
    folder = tmp_path_factory.mktemp("berichten")
    mail, web = Mailbox(), Mailbox()
    with mail_server(mail) as mail_address, web_address(web) as address:
        file = folder / "ontvangers.toml"
        people = {"p1": {"mail": f"{mail_address}p1@example.org"}, "p2": {"web": f"{address}p2"}}
        file.write_text(recipients(people, ROLES, silent=SILENT, bundled_from=100, around_the_clock=True))
        stack = Stack(folder / "home", extra={"ROUTEKAART_RECIPIENTS_FILE": str(file)})
        stack.start()
        yield Town(stack, mail, web, address, file)
        assert stack.stop() == 0


@pytest.fixture(autouse=True)
def _open_mailbox(town: Town) -> None:
    """Begin each test with a mail server that takes what comes, whatever the one before it left."""
    town.mail.behave = lambda: TAKE
    town.mail.freed.set()


def test_a_sent_message_is_a_task_run_with_role_channel_and_result(town: Town) -> None:
    """Prefect shows who it was for, over what, and how it ended, and nowhere an address."""
    reference = town.stack.open("M3")
    run = town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Bezorgd", reference)
    assert reference in town.mail.sent_to("p1@example.org")[-1][0]
    shown = json.dumps([run, *town.stack.prefect("POST", "/logs/filter", limit=200)])
    assert "example.org" not in shown


def test_a_failed_message_is_seen_and_its_retry_wakes_the_run(town: Town) -> None:
    """A refusal is a failed task run with the next moment; the run stays parked, and the retry arrives by itself."""
    town.mail.behave = lambda: REFUSE
    reference = town.stack.open("M3")
    failed = town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Niet bezorgd", reference)
    assert re.search(r"poging 1 mislukt: .*; opnieuw op \d\d-\d\d-\d{4}", failed["state"]["message"])
    assert (
        town.stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")["state_type"]
        == "PAUSED"
    )
    town.mail.behave = lambda: TAKE
    town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Bezorgd", reference, 90)
    assert len([title for title, _ in town.mail.sent_to("p1@example.org") if reference in title]) == 1


def test_a_mail_server_that_hangs_holds_no_form(town: Town) -> None:
    """The answer of a form is taken up, and the form is back, while the mail server still has the message in hand."""
    reference = town.stack.open("M3")
    town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Bezorgd", reference)
    town.mail.freed.clear()
    town.mail.behave = lambda: STUCK
    town.stack.report(reference, "aanmelding_geregistreerd")
    run = town.stack.wait_for_state(f"{reference} · M3", "Wacht op crisischeck")
    before = len(town.mail.arrived)
    town.stack.answer(run, gebeurtenis="Er is een bedreigende situatie", stand="2")
    town.stack.wait_for_state(f"{reference} · M3", "Spoed: wacht op afspraak")
    assert len(town.mail.arrived) == before
    town.mail.behave = lambda: TAKE
    town.mail.freed.set()
    wait_until(lambda: len(town.mail.arrived) > before, 30, town.stack.logs)


def test_the_link_in_a_message_accepts_the_hand_off(town: Town) -> None:
    """The receiver presses the button; the run of the next mijlpaal goes on."""
    reference = town.stack.open("M3")
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        town.stack.report(reference, event)
    title = f"Zaak {reference}: overdracht voor jou"
    wait_until(lambda: title in [t for t, _ in town.web.sent_to("p2")], 60, lambda: f"{town.web.arrived}")
    (text,) = (text for t, text in town.web.sent_to("p2") if t == title)
    link = re.findall(r"http://\S+/overdracht/\S+", text)[0]
    town.stack.wait_for_state(f"{reference} · M4", "Wacht op aanvaarden overdracht")
    assert httpx.post(link, data={"keuze": "aannemen"}).status_code == 200
    wait_until(
        lambda: town.stack.run_of(f"{reference} · M4")["state_name"] != "Wacht op aanvaarden overdracht",
        40,
        town.stack.logs,
    )


def test_a_secret_block_and_a_changed_file_count_without_a_restart(town: Town) -> None:
    """A new person whose address is a Secret block gets the next message; `controleer` sees the block."""
    make = "import sys; from prefect.blocks.system import Secret; Secret(value=sys.argv[1]).save('postadres')"
    server = {
        "PREFECT_API_URL": f"http://127.0.0.1:{town.stack.prefect_port}/api",
        "PREFECT_API_AUTH_STRING": town.stack.credential.auth_string,
    }
    subprocess.run(
        [sys.executable, "-c", make, f"{town.web_address}geheim"],
        env=town.stack.environment | server,
        check=True,
    )
    before = town.file.read_text()
    town.file.write_text(
        before.replace('case_worker = ["p1"]', 'case_worker = ["p3"]')
        + '[[persoon]]\ncode = "p3"\nkanalen = { web = "{{ prefect.blocks.secret.postadres }}" }\n'
    )
    assert "Secret block" not in town.stack.run("controleer", check=False).stderr
    reference = town.stack.open("M3")
    wait_until(
        lambda: any(reference in title for title, _ in town.web.sent_to("geheim")), 60, town.stack.logs
    )
    town.file.write_text(before)


def test_a_message_that_outlived_its_run_is_still_sent(town: Town) -> None:
    """A case that closed while the receiver was away is told later, as a task run outside any flow run."""
    town.mail.behave = lambda: REFUSE
    reference = town.stack.open("M3")
    town.wait_for_task("Bericht (nieuwe_zaak) aan klantmanager via mail", "Niet bezorgd", reference)
    town.stack.report(reference, "ingetrokken", motivering="m-1")
    wait_until(
        lambda: town.stack.run_of(f"{reference} · M3")["state_type"] == "COMPLETED", 40, town.stack.logs
    )
    town.mail.behave = lambda: TAKE
    wait_until(
        lambda: any(reference in title for title, _ in town.mail.sent_to("p1@example.org")),
        150,
        town.stack.logs,
    )
    wait_until(
        lambda: [
            run
            for run in town.task_runs("Bericht (nieuwe_zaak)")
            if (run["flow_run_id"], run["state_name"]) == (None, "Bezorgd")
        ],
        30,
        town.stack.logs,
    )


def test_messages_that_reached_nobody_are_listed_by_command(town: Town) -> None:
    """`berichten` names what was lost and `berichten --alles` all; an unknown number is refused."""
    lines = json.loads(town.stack.run("berichten", "--alles", "--json").stdout)
    assert {line["rol"] for line in lines} >= {"klantmanager"}
    assert town.stack.run("berichten").stdout.startswith("Elk bericht is bezorgd")
    refused = town.stack.run("berichten", "opnieuw", "00000000", check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("Er is geen bezorging met nummer")
