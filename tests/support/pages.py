"""Our own pages on loopback: some cases, who comes with a link, and a hand that counts its presses."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
from sqlmodel import col, select

from adapters.cases.caseload import Caseload
from adapters.storage.database import OutboxRow, reading
from support.recipients import reachable, recipients

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from adapters.office import Office
    from adapters.runtime.clock import SetClock

ROLES = {
    "0518": {
        "case_worker": ["mw-17", "mw-18"],
        "debt_counsellor": ["mw-18", "mw-17"],
        "coordinator": ["co-1"],
    },
    "0599": {"case_worker": ["mw-99"]},
}


def people_of_pages() -> str:
    """Return the file of recipients of the people who open our pages."""
    return recipients(reachable("mw-17", "mw-18", "mw-99", "co-1"), ROLES, silent=["client"])


class Town:
    """An office whose pages run on loopback, with some cases."""

    def __init__(self, office: Office, clock: SetClock, base: str) -> None:
        self.office, self.clock, self.base = office, clock, base

    def case(self, *events: str, days_ago: int = 0, holder: str | None = None) -> str:
        """Open a case in M3, some days ago, and report these events."""
        day = self.clock.today() - timedelta(days=days_ago)
        reference = self.office.casework.open("M3", municipality="0518", on=day).reference
        for event in events:
            self.office.casework.report(reference, event, on=day)
        if holder:
            Caseload(self.office.engine, self.office.casework).assign(reference, "M3", holder, "toegewezen")
        return reference

    def plan(self) -> None:
        """Make the deliveries of all that is open."""
        with reading(self.office.engine) as session:
            ids = session.exec(select(OutboxRow.id).where(col(OutboxRow.done_at).is_(None))).all()
        for effect in ids:
            self.office.deliveries.plan(effect)

    def client(self, code: str | None) -> httpx.Client:
        """Return somebody who came with the link of a message."""
        made = httpx.Client(base_url=self.base, follow_redirects=True)
        if code is not None:
            assert made.get(self.office.page_links.mine(code)).status_code == 200
        return made


class Hand:
    """Presses, and counts."""

    def __init__(self, page: Page) -> None:
        self.page, self.presses = page, 0

    def press(self, role: str, name: str) -> None:
        """Press something once."""
        self.page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]
        self.presses += 1


def phone(browser: Browser, town: Town, code: str, width: int = 390) -> Hand:
    """Return somebody who opens the link in a message, on a phone, with scripts off."""
    made = browser.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=False, has_touch=width < 800
    )
    page = made.new_page()
    page.goto(town.office.page_links.mine(code))
    return Hand(page)
