"""Nothing personal leaks from the real thing: by every way in, and in every place that anything is kept or sent."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import func
from sqlmodel import col, select
from support.marked_persons import AMOUNT, BSN, DRESSED, MARKS, PERSON, drive
from support.other_systems import Receiver
from support.receivers import Mailbox, web_address
from support.recipients import recipients
from support.signal_deliveries import delivery, signal, valid_bsn
from support.stack import Stack, wait_until

from adapters.office import open_office, set_clock
from adapters.operations.chain_heads import head_problems, keep_heads
from adapters.operations.destruction import destroyable
from adapters.runtime.clock import AcceleratedClock
from adapters.storage.database import CaseRow, OutboxRow, ProcessRow, reading
from adapters.storage.exchange_tables import OutgoingEventRow, WebhookDeliveryRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.prefect]

# The first has a traject by the time the commands come, and each hand-off is of somebody too.
SECOND_BSN, THIRD_BSN = valid_bsn("8076543"), valid_bsn("8076421")
ROLES = {
    "0000": {"case_worker": ["ontvanger"], "debt_counsellor": ["ontvanger"], "coordinator": ["ontvanger"]}
}
SILENT = ("client", "chain_partner", "signal_partner")
REFUSED_ACTIONS: list[tuple[str, dict[str, Any]]] = [
    ("aanmelding", {"zaak": BSN}),
    ("aanmelding", {"mijlpaal": "Merkteken"}),
    ("aanmelding", {"gemeentecode": "Merkteken"}),
    ("aanmelding", {"op": "1983-04-27x"}),
    ("aanmelding", {"naam": "Merkteken"}),
    ("M3 In contact · aanmelding", {"zaak": BSN, "proces": "M3"}),
    ("M3 In contact · aanmelding", {"zaak": "A-1", "proces": "Merkteken"}),
    ("zaak-terugzetten", {"zaak": "A-1", "naar": "Merkteken", "reden": "verkeerd gemeld"}),
    ("termijn-verlengen", {"zaak": "A-1", "termijn": "Merkteken", "motivering": "adv-1"}),
    ("meld-gebeurtenis", {"zaak": BSN, "gebeurtenis": "ingetrokken"}),
    ("meld-gebeurtenis", {"zaak": "A-1", "gebeurtenis": "Merkteken"}),
    (
        "meld-gebeurtenis",
        {"zaak": "A-1", "gebeurtenis": "bedreigend", "gegevens": {"bedreiging": "Merkteken"}},
    ),
    ("meld-gebeurtenis", {"zaak": "A-1", "gebeurtenis": "bedreigend", "gegevens": {"Merkteken": BSN}}),
    *(
        (action, others | {"zaak": mark})
        for mark in DRESSED
        for action, others in (
            ("aanmelding", {}),
            ("zaak-openen", {"mijlpaal": "M3 In contact"}),
            ("zaak-toewijzen", {"medewerker": "mw-17"}),
            ("meld-gebeurtenis", {"gebeurtenis": "ingetrokken"}),
            ("M3 In contact · aanmelding", {"proces": "M3"}),
        )
    ),
    ("zaak-openen", {"mijlpaal": "M3 In contact", "zaak": BSN}),
    ("zaak-toewijzen", {"zaak": "A-1", "medewerker": "Merkteken Dwarsliggersteeg"}),
    ("zaak-sluiten", {"zaak": "A-1", "uitstroomreden": "Overig", "motivering": f"heet Merkteken {BSN}"}),
]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Stack, Mailbox, Receiver]]:
    """A running office, with a mailbox for its messages and a system for its events."""
    box, receiver = Mailbox(), Receiver()
    with ExitStack() as ends, web_address(box) as address:
        ends.callback(receiver.server_close)
        ends.callback(receiver.shutdown)
        file = tmp_path / "ontvangers.toml"
        file.write_text(
            recipients(
                {"ontvanger": {"web": f"{address}ontvanger"}}, ROLES,
                silent=SILENT, bundled_from=100, around_the_clock=True,
            )
        )  # fmt: skip
        stack = Stack(tmp_path / "home", extra={"ROUTEKAART_RECIPIENTS_FILE": str(file)})
        stack.start()
        ends.callback(stack.stop)
        stack.run("abonnement", "nieuw", "dashboard", receiver.url)
        yield stack, box, receiver


def commands(stack: Stack, folder: Path) -> list[str]:
    """Feed marks to every command that takes something, right and wrong, and return all that they print."""
    source, broken = folder / "bron.json", folder / "kapot.json"
    source.write_text(json.dumps(delivery(signal("C-1", None, bedrag=AMOUNT, client=PERSON))))
    broken.write_text(f'{{"naam": "Merkteken", "bsn": {BSN}')
    opening = stack.run("open", "--mijlpaal", "M3", "--client", "-", given=SECOND_BSN)
    reference = opening.stdout.split()[0]
    export = ("exporteer", "ddas", "--van", "2026-01-01", "--tot", "2026-12-31")
    asked: list[tuple[str, ...]] = [
        ("importeer", "vroegsignalen", str(source)),
        ("importeer", "vroegsignalen", str(source), "--met-historie"),
        ("importeer", "vroegsignalen", str(broken)),
        ("open", "--mijlpaal", "M3", "--client", BSN),
        ("open", "--mijlpaal", "M3", "--zaak", BSN),
        ("open", "--mijlpaal", "M3", "--gegevens", json.dumps(PERSON)),
        ("meld", reference, "aanmelding_geregistreerd", "--id", f"Merkteken {BSN}"),
        ("meld", reference, "bedreigend", "--gegevens", '{"bedreiging": "Dwarsliggersteeg"}'),
        ("meld", reference, "niet_bedreigend", "--medewerker", "Merkteken Dwars"),
        ("postbak", "lijst", "--alles"),
        ("zaak", reference, "--json"),
        ("werkvoorraad", "--csv"),
        (*export, "--uit", str(stack.home / "trajecten.json")),
        (*export, "--soort", "vroegsignaalzaken", "--uit", str(stack.home / "zaken.json")),
        ("backup", str(stack.home / "backup.db")),
        ("controleer",),
    ]
    done = [stack.run(*arguments, check=False) for arguments in asked]
    source.unlink()
    broken.unlink()
    return [result.stdout + result.stderr for result in done]


def prefect(stack: Stack) -> list[str]:
    """Feed marks to every form of Prefect, and return all that it answers."""
    base = f"http://127.0.0.1:{stack.prefect_port}/api"
    for name, parameters in REFUSED_ACTIONS:
        named = (
            {"flows": {"name": {"any_": [name]}}}
            if "·" in name
            else {"deployments": {"name": {"any_": [name]}}}
        )
        found = stack.prefect("POST", "/deployments/filter", **named)[0]
        made = httpx.post(
            f"{base}/deployments/{found['id']}/create_flow_run",
            json={"parameters": parameters},
            headers={"Authorization": stack.credential.header.decode()},
        )
        assert made.status_code in (409, 422), (name, parameters, made.status_code)
    opened = stack.run_action("aanmelding", zaak="PRIVE-1")
    assert opened["state_name"] == "Verwerkt"
    run = stack.wait_for_state("PRIVE-1 · M3", "Wacht op registratie aanmelding")
    for wrong in (
        {"gebeurtenis": "Merkteken"},
        {"gebeurtenis": "Aanmelding geregistreerd", "naam": "Merkteken"},
    ):
        answer = stack.prefect("POST", f"/flow_runs/{run['id']}/resume", run_input=wrong)
        assert answer["status"] == "REJECT"
    stack.answer(run, gebeurtenis="Aanmelding geregistreerd")
    stack.wait_for_state("PRIVE-1 · M3", "Wacht op crisischeck")
    return [str(stack.run_action(report)) for report in ("werkvoorraad", "monitor", "overzicht")]


def hand_over(stack: Stack, api: httpx.Client, box: Mailbox) -> list[str]:
    """Hand a case over, and answer its link with marks and then as it should be."""
    reference = api.post("/v1/zaken", json={"mijlpaal": "M3", "burgerservicenummer": THIRD_BSN}).json()[
        "zaak"
    ]
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        api.post(f"/v1/zaken/{reference}/gebeurtenissen", json={"gebeurtenis": event}).raise_for_status()
    pattern = re.compile(r"http://127\.0\.0\.1:\d+/overdracht/\S+")
    link = wait_until(
        lambda: next((found[0] for _, _, text in box.arrived if (found := pattern.findall(text))), None),
        60,
        stack.logs,
    )
    forms = (
        {"keuze": "Merkteken"},
        {"keuze": "teruggeven", "reden": BSN},
        {"keuze": "aannemen", "naam": "Merkteken"},
    )
    return [httpx.get(link).text, *(httpx.post(link, data=form).text for form in forms)]


def quiet(stack: Stack) -> bool:
    """Whether all that happened is shown, sent and published."""
    waiting = (
        select(func.count())
        .select_from(ProcessRow)
        .where(col(ProcessRow.attention), ~col(ProcessRow.finished)),
        select(func.count()).select_from(OutboxRow).where(col(OutboxRow.done_at).is_(None)),
        select(func.count())
        .select_from(OutgoingEventRow)
        .where(col(OutgoingEventRow.published_at).is_(None)),
        select(func.count())
        .select_from(WebhookDeliveryRow)
        .where(col(WebhookDeliveryRow.next_at).is_not(None)),
    )
    with reading(stack.office().engine) as session:
        return not any(session.exec(query).one() for query in waiting)


def test_no_mark_is_found_in_a_running_office(town: tuple[Stack, Mailbox, Receiver], tmp_path: Path) -> None:
    """Not in an answer, a message, an event, the output of a command, or any file: databases, logs, exports, backup."""
    stack, box, receiver = town
    key = (stack.home / "api-sleutel").read_text()
    base = f"http://127.0.0.1:{stack.api_port}"
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60) as api:
        answers = drive(api)
        shown = prefect(stack)
        pages = hand_over(stack, api, box)
        wait_until(lambda: quiet(stack), 120, stack.logs)
        printed = commands(stack, tmp_path)
        answers.append(api.get("/metrics").text)
    assert stack.stop() == 0  # all that is written by then is in the files
    places = {
        "answers": answers,
        "commands": printed,
        "Prefect's answers": shown,
        "pages": pages,
        "messages": [str(message) for message in box.arrived],
        "webhooks": [str(event) for event in receiver.received],
        "files": [
            f"{path}: {path.read_bytes().decode('latin-1')}"
            for path in (*stack.home.rglob("*"), *stack.home.parent.glob("home-*.log"))
            if path.is_file()
        ],
    }
    for place, enough in (("messages", 2), ("webhooks", 10), ("files", 10)):
        assert len(places[place]) > enough, place
    for word in ("prefect.db", "zaken.db", "backup.db", "worker.log", "trajecten.json", "PRIVE-1"):
        assert any(word in text for text in places["files"]), word
    for place, texts in places.items():
        for mark in (*MARKS, SECOND_BSN, THIRD_BSN):
            found = [text for text in texts if mark in text]
            where = [text[max(0, text.index(mark) - 200) : text.index(mark) + 60] for text in found[:3]]
            assert not found, f"{mark} stands in {place}: {where}"


def test_nothing_of_a_destroyed_person_is_left(town: tuple[Stack, Mailbox, Receiver]) -> None:
    """Not the case, not the pseudonym: in no database, free page, write-ahead log, page, key file or message file."""
    stack = town[0]
    stays = stack.run("open", "--mijlpaal", "M3", "--zaak", "STAAT-1").stdout.split()[0]
    gone = stack.run("open", "--mijlpaal", "M3", "--client", "-", given=BSN).stdout.split()[0]
    stack.run("meld", gone, "aanmelding_geregistreerd")
    stack.run("meld", gone, "ingetrokken", "--gegevens", '{"motivering": "m-1"}')
    office = stack.office()
    wait_until(lambda: office.casework.case(gone).rows["M3"].finished, 120, stack.logs)
    with reading(office.engine) as session:
        pseudonym = session.get_one(CaseRow, gone).person_key
    assert pseudonym is not None
    keep_heads(office)
    set_clock(
        office.engine, AcceleratedClock(datetime.now(UTC) + timedelta(days=2200), datetime.now(UTC), speed=1)
    )
    later = open_office(office.settings)
    later.casework.fire_due(gone)
    wait_until(lambda: gone in {case.reference for case in destroyable(later)}, 120, stack.logs)
    assert gone in stack.run("inzage", "--bsn", "-", given=BSN).stdout
    assert stack.run("vernietiging", "goedkeuren", gone, "--door", "mw-17").stdout.startswith("1 zaak")
    assert stack.run("vernietiging", "uitvoeren").stdout.startswith("1 zaak vernietigd")
    assert "wordt niets bewaard" in stack.run("inzage", "--bsn", "-", given=BSN).stdout
    assert list(head_problems(later)) == []
    assert stack.stop() == 0
    files = [path for path in stack.home.rglob("*") if path.is_file() and path.suffix != ".log"]
    for mark in (gone, gone.lower(), pseudonym, *MARKS):
        named = [str(path) for path in files if mark.encode() in path.read_bytes()]
        assert named == [], mark
    assert any(stays.encode() in path.read_bytes() for path in files)
