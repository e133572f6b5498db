"""A day of a klantmanager and of a coordinator, from login to evening: on our pages, behind the real door.

With and without scripts: where there are scripts the published checker of WCAG 2.2 looks at each page on the way.
The five most frequent jobs are counted in presses.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from support.doors import CREDENTIAL, make_door, staff_file
from support.pages import Town, people_of_pages
from support.peers import serving_app
from support.stack import free_port

from adapters.api.app import create_pages
from adapters.exchange.references import add_reference
from adapters.office import Office
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.settings import Settings
from adapters.storage.database import CaseRow, writing
from adapters.storage.exchange_tables import PostbakRow
from deployments.door.accounts import AccountFile, Accounts
from deployments.door.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page
    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"]),
]
STAFF = """
[mensen.mw-17]
"0518" = ["klantmanager"]
[mensen.mw-18]
"0518" = ["klantmanager"]
[mensen.co-1]
"0518" = ["coördinator"]
"""
PASSWORD = "een lange zin om mee in te loggen"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PHONE, DESK = 390, 1440


@pytest.fixture
def town(engine: Engine, clock: SetClock, tmp_path: Path) -> Iterator[Town]:
    """Our pages behind the real door, where people log in with a password."""
    clock.moment = datetime(2026, 11, 25, 8, 30, tzinfo=AMSTERDAM)
    (tmp_path / "ontvangers.toml").write_text(people_of_pages())
    port = free_port()
    office = Office(Settings(home=tmp_path, recipients_file=tmp_path / "ontvangers.toml"), engine, clock)
    accounts = AccountFile(tmp_path / "accounts.json")
    for code in ("mw-17", "co-1"):
        accounts.set_password(code, PASSWORD)
    door = make_door(
        tmp_path,
        staff_file(tmp_path, STAFF),
        Sessions(CREDENTIAL, tmp_path / "binnen", port=port),
        accounts=Accounts(accounts, wait=0),
        pages=create_pages(office),
    )
    with serving_app(door, port) as base:
        yield Town(office, clock, base)


class Hand:
    """A hand with a mouse or a finger, that counts what it presses; on the way each page is checked."""

    def __init__(self, page: Page, base: str, *, scripts: bool) -> None:
        self.page, self.base, self.presses = page, base, 0
        self._scripts = scripts
        self._touch = (page.viewport_size or {"width": DESK})["width"] == PHONE

    def press(self, role: str, name: str) -> None:
        """Press a link, a button or a box."""
        self._press(self.page.get_by_role(role, name=name).first)  # type: ignore[arg-type]

    def choose(self, label: str, option: str) -> None:
        """Choose from a list."""
        self.page.get_by_label(label).select_option(option)
        self.presses += 1

    def _press(self, what: Locator) -> None:
        if self._touch:
            what.tap()
        else:
            what.click()
        self.presses += 1

    def go(self, path: str) -> None:
        """Open a page by its address."""
        self.page.goto(self.base + path)
        self.look()

    def look(self) -> None:
        """Let the published checker look, and see that nothing sticks out."""
        if self._scripts:
            self.page.wait_for_load_state()
            found = Axe().run(self.page, options=RULES)
            assert not found.violations_count, found.generate_report()
            width = self.page.evaluate("document.documentElement.scrollWidth")
            assert width <= (self.page.viewport_size or {"width": 0})["width"], self.page.url

    def log_in(self, code: str) -> None:
        """Come to Mijn werk, and log in first."""
        self.page.goto(f"{self.base}/mijn")
        self.page.get_by_label("Uw code").fill(code)
        self.page.get_by_label("Wachtwoord").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", name="Mijn werk")).to_be_visible()
        self.look()
        self.presses = 0

    def log_out(self) -> None:
        """Leave, and see that the door is closed."""
        self.press("link", "Log uit")
        self.press("button", "Log uit")
        self.finds("U bent uitgelogd")
        self.page.goto(f"{self.base}/mijn")
        expect(self.page.get_by_label("Wachtwoord")).to_be_visible()

    def sees(self, words: str) -> None:
        """Wait until the page says something."""
        expect(self.page.get_by_text(words).first).to_be_visible()
        self.look()

    def finds(self, heading: str) -> None:
        """Wait until the page has this heading."""
        expect(self.page.get_by_role("heading", name=heading).first).to_be_visible()
        self.look()


@pytest.fixture
def hand(lasting_page: Page, town: Town, *, scripts: bool) -> Iterator[Callable[[int], Hand]]:
    """Somebody at a screen of this width: a phone is touched, a desk has a mouse."""
    browser = lasting_page.context.browser
    assert browser is not None
    made = []

    def at(width: int) -> Hand:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            has_touch=width == PHONE,
            java_script_enabled=scripts,
            bypass_csp=scripts,
        )
        made.append(context)
        return Hand(context.new_page(), town.base, scripts=scripts)

    yield at
    for context in made:
        context.close()


def test_a_day_of_a_klantmanager_with_a_phone(town: Town, hand: Callable[[int], Hand]) -> None:
    """Logs in, sees what must be done, accepts a case, reports a talk, asks why, plans, searches, logs out."""
    ready = ("aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt")
    late = town.case(*ready, days_ago=40, holder="mw-17")
    offered = town.case("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd")
    fresh = town.case("aanmelding_geregistreerd", holder="mw-17")
    with writing(town.office.engine) as session:
        case = session.get_one(CaseRow, fresh)
        add_reference(session, town.office, case, "ZAAK-2026-0042", town.clock.now())
    town.plan()
    me = hand(PHONE)
    me.log_in("mw-17")

    # What must I do: no press.
    for title in ("Aan jou aangeboden (1)", "Te laat (1)"):
        me.finds(title)
    assert me.presses == 0

    # A talk took place: two.
    me.press("link", f"Eerste gesprek gevoerd in {late}")
    me.press("button", "Leg dit vast")
    me.sees("Dit is vastgelegd.")
    assert me.presses == 2
    assert _last(town, late, "eerste_gesprek_gevoerd") == ("medewerker", "mw-17", "formulier")

    # A hand-off: accepted with two, and then in his name.
    me.go("/mijn")
    me.press("link", f"Ik aanvaard de overdracht in {offered}")
    me.press("button", "Leg dit vast")
    me.sees("Dit is vastgelegd.")
    assert town.office.casework.case(offered).case.process("M4").facts["houder"] == "mw-17"

    # Everything of a case, and why that date: one.
    me.go("/mijn")
    me.presses = 0
    me.press("link", fresh)
    me.sees("Waarom die dag: eerste gesprek, 4 weken")
    me.finds("Wat er gebeurde")
    assert me.presses == 1

    # A mistake costs nothing: the refusal stands at its field.
    me.go(f"/zaak/{fresh}/melden/M3/afspraak_gemaakt")
    me.sees("Dit kan nu niet")

    # A day of his own, from the case; a case by the number of another system; what he wants to hear; his agenda.
    me.go(f"/zaak/{fresh}")
    me.page.get_by_label("Op welke dag kijk je hier weer naar?").fill("2026-11-27")
    me.press("button", "Zet op mijn lijst")
    me.sees("Je kijkt hier weer naar op")
    me.go("/zoeken")
    me.page.get_by_label("Nummer van de zaak").fill(" ZAAK-2026-0042 ")
    me.press("button", "Zoek")
    me.finds(f"Zaak {fresh}")
    me.go("/mijn/berichten")
    me.choose("Er is een nieuwe zaak", "In de lijst van de dag")
    me.press("button", "Leg dit vast")
    me.sees("Dit is vastgelegd.")
    me.go("/mijn/agenda")
    me.press("button", "Maak een nieuw adres")
    me.sees("/agenda/")
    me.go("/mijn")
    me.log_out()


def test_a_day_of_a_coordinator_with_a_mouse(town: Town, hand: Callable[[int], Hand]) -> None:
    """Logs in, deals with what came back and with the post, divides work, reports once for many, logs out."""
    returned = town.case("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd")
    town.office.casework.report(returned, "overdracht_teruggegeven", process="M4", data={"reden": "anders"})
    mine = [town.case("aanmelding_geregistreerd", holder="mw-17") for _ in range(3)]
    letter = town.case()
    with writing(town.office.engine) as session:
        session.add(
            PostbakRow(
                municipality="0518", message_hash="a" * 64, kind="nl.rechtspraak.uitspraken.anders",
                source="rechtbank", reason="geen zaak past", candidates=[letter], on=town.clock.today(),
                event="aanmelding_geregistreerd", process="M3", received_at=town.clock.now(),
            )
        )  # fmt: skip
    me = hand(DESK)
    me.log_in("co-1")

    # What must I do: no press. What came back is on top, and a ruling waits.
    expect(me.page.get_by_role("heading", level=2).first).to_contain_text("Teruggegeven")
    me.sees("ligt een uitspraak van de rechtbank")
    assert me.presses == 0

    me.press("link", "Naar de postbak")
    me.page.get_by_label(letter, exact=True).check()
    me.press("button", "Koppel")
    me.sees("De postbak is leeg.")

    # One case to somebody else: three.
    me.go("/werkvoorraad?bij=mw-17")
    me.presses = 0
    me.press("checkbox", mine[0])
    me.choose("Geef de gekozen zaken aan", "mw-18")
    me.press("button", "Wijs toe")
    me.finds("Gedaan: 1")
    assert me.presses == 3

    # All of a page: three as well.
    me.presses = 0
    me.press("checkbox", "Alle zaken op deze bladzijde")
    expect(
        me.page.get_by_role("checkbox", name=mine[1])
    ).to_be_hidden()  # no box says that its case is left out
    me.choose("Geef de gekozen zaken aan", "mw-18")
    me.press("button", "Wijs toe")
    me.finds("Gedaan: 2")
    assert me.presses == 3
    for reference in mine:
        assert town.office.casework.case(reference).case.process("M3").facts["houder"] == "mw-18"

    # The same event for many.
    me.go("/werkvoorraad?bij=mw-18")
    me.press("checkbox", "Alle zaken op deze bladzijde")
    me.press("button", "Meld in de gekozen zaken")
    me.press("button", "Er is geen bedreigende situatie")
    me.press("button", "Leg dit vast")
    me.finds("Gedaan: 3")
    me.press("link", "Terug naar de werkvoorraad")
    expect(me.page.get_by_label("Bij wie?")).to_have_value("mw-18")
    assert _last(town, mine[0], "niet_bedreigend") == ("medewerker", "co-1", "formulier")

    # Everything of a case: one; the figures; and home.
    me.go("/werkvoorraad")
    me.presses = 0
    me.press("link", f"Bekijk {returned}")
    me.finds("Wat er gebeurde")
    assert me.presses == 1
    me.press("link", "Monitor")
    me.finds("Monitor 0518")
    me.log_out()


def _last(town: Town, reference: str, event: str) -> tuple[str | None, ...]:
    row = next(row for row in reversed(town.office.casework.case(reference).journal) if row.event == event)
    return row.actor_kind, row.actor_code, row.actor_way
