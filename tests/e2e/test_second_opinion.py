"""Four eyes in a browser, through the door with local accounts: two people and somebody who may only look."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest
import uvicorn
from playwright.sync_api import expect
from support.doors import CREDENTIAL, behind, nowhere, staff_file
from support.stack import free_port

from adapters.api.app import create_pages
from adapters.office import Office
from adapters.runtime.settings import Settings
from deployments.door.accounts import AccountFile, Accounts
from deployments.door.door import LOOPBACK_NAMES, Door
from deployments.door.doorkeeper import Doorkeeper
from deployments.door.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page
    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
PASSWORD = "een lang wachtwoord"
STAFF = """
[mensen.mw-1]
"0518" = ["jurist"]
[mensen.mw-2]
"0518" = ["kwaliteitstoetser"]
[mensen.mw-3]
"0518" = ["lezer"]
"""


@pytest.fixture
def office(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    """An office in a gemeente that asks for four eyes at a toelating."""
    (tmp_path / "beleid").mkdir()
    (tmp_path / "beleid" / "0518.toml").write_text('tweede_beoordeling = ["toelating"]\n')
    staff = staff_file(tmp_path, STAFF)
    return Office(
        Settings(home=tmp_path, policy_folder=tmp_path / "beleid", staff_file=staff.path), engine, clock
    )


@pytest.fixture
def base(office: Office, tmp_path: Path) -> Iterator[str]:
    """The address of our pages behind the door."""
    accounts = AccountFile(tmp_path / "wachtwoorden.json")
    for code in ("mw-1", "mw-2", "mw-3"):
        accounts.set_password(code, PASSWORD)
    port = free_port()
    door = Door(
        behind,
        CREDENTIAL,
        Sessions(CREDENTIAL, tmp_path / "binnen", port=port),
        lambda session: office.staff.book().member(session.code),
        Doorkeeper(behind, CREDENTIAL, nowhere, "0518"),
        LOOPBACK_NAMES,
        accounts=Accounts(accounts),
        pages=create_pages(office),
    )
    server = uvicorn.Server(uvicorn.Config(door, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def reference(office: Office) -> str:
    """A case of which the plan waits for its toets."""
    made = office.casework.open("M6", municipality="0518").reference
    office.casework.report(made, "plan_opgesteld", data={"beslagvrije_voet": True})
    office.casework.report(made, "inwoner_akkoord")
    return made


def logged_in(browser: Browser, base: str, code: str, reference: str) -> Page:
    """Return the browser of somebody, on the page of the case."""
    page = browser.new_context().new_page()
    page.goto(f"{base}/zaak/{reference}")
    page.fill("input[name=code]", code)
    page.fill("input[name=wachtwoord]", PASSWORD)
    page.click("button[type=submit]")
    expect(page.get_by_role("heading", name=f"Zaak {reference}")).to_be_visible()
    return page


def test_two_people_decide_and_one_only_looks(page: Page, base: str, office: Office, reference: str) -> None:
    """The first waits and is refused as second; the second decides; the journal and the log of looks name them."""
    browser = page.context.browser
    assert browser is not None
    first = logged_in(browser, base, "mw-1", reference)
    first.get_by_role("link", name="Plan goedgekeurd").click()
    first.click("button[type=submit]")
    waits = re.compile("van mw-1 wacht op een tweede beoordeling")
    expect(first.get_by_text(waits)).to_be_visible()
    first.get_by_role("link", name="Tweede beoordeling").click()
    first.locator("select[name=akkoord]").select_option("ja")
    first.click("button[type=submit]")
    expect(first.get_by_role("alert")).to_contain_text("niet ook het tweede")

    looks = logged_in(browser, base, "mw-3", reference)
    expect(looks.get_by_text(waits)).to_be_visible()
    expect(looks.get_by_role("link", name="Tweede beoordeling")).to_have_count(0)
    refused = looks.goto(f"{base}/zaak/{reference}/melden/M6/tweede_beoordeling_gegeven")
    assert refused is not None
    assert refused.status == 403

    second = logged_in(browser, base, "mw-2", reference)
    second.get_by_role("link", name="Tweede beoordeling").click()
    second.locator("select[name=akkoord]").select_option("ja")
    second.click("button[type=submit]")
    expect(second.get_by_text("Wacht op bekendmaking van de beschikking")).to_be_visible()
    expect(second.get_by_role("cell", name="mw-1 (formulier)")).to_have_count(1)
    expect(second.get_by_role("cell", name="mw-2 (formulier)")).to_have_count(2)
    rows, _ = office.looks.found(reference)
    assert {row.actor_code for row in rows} == {"mw-1", "mw-2", "mw-3"}
    for opened in (first, looks, second):
        opened.context.close()
