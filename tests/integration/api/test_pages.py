"""Our own pages, used without a script: a klantmanager's day, a coordinator's day, and presses counted."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from icalendar import Calendar
from openpyxl import load_workbook
from playwright.sync_api import expect
from sqlmodel import select
from starlette.testclient import TestClient
from support.pages import phone

from adapters.api.app import create_pages
from adapters.api.page_parts import use_theme
from adapters.api.person import as_person
from adapters.api.theme import theme_of
from adapters.cases.caseload import Caseload
from adapters.exchange.references import add_reference
from adapters.office import Office
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.settings import Settings
from adapters.runtime.staff import operator_of_machine
from adapters.storage.database import CaseRow, JournalRow, reading, writing
from adapters.storage.exchange_tables import PostbakRow
from adapters.storage.message_tables import DeliveryRow

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from sqlalchemy import Engine
    from support.pages import Town

    from adapters.runtime.clock import SetClock

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]
THEMES = Path(__file__).parents[2] / "fixtures" / "nl_design_system"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def test_a_klantmanagers_day_with_a_phone(town: Town, browser: Browser) -> None:
    """What must I do: no press. A talk took place: two. Why that date, and everything of a case: one."""
    late = town.case(
        "aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt", days_ago=40, holder="mw-17"
    )
    town.case(holder="mw-18")
    hand = phone(browser, town, "mw-17")
    expect(hand.page.get_by_role("heading", name="Te laat (1)")).to_be_visible()
    expect(hand.page.get_by_role("link", name=late, exact=True)).to_be_visible()
    hand.press("link", "Eerste gesprek gevoerd")
    hand.press("button", "Leg dit vast")
    expect(hand.page.get_by_text("Dit is vastgelegd.")).to_be_visible()
    assert hand.presses == 2
    with reading(town.office.engine) as session:
        row = session.exec(select(JournalRow).where(JournalRow.event == "eerste_gesprek_gevoerd")).one()
    assert (row.actor_kind, row.actor_code) == ("medewerker", "mw-17")

    hand.page.goto(f"{town.base}/mijn")
    hand.presses = 0
    town.case("aanmelding_geregistreerd", holder="mw-17")
    hand.page.reload()
    hand.press("link", "FZ-2026")
    expect(hand.page.get_by_text("Waarom die dag: eerste gesprek, 4 weken").first).to_be_visible()
    expect(hand.page.get_by_role("heading", name="Wat er gebeurde")).to_be_visible()
    assert hand.presses == 1


def test_a_coordinators_day(town: Town, browser: Browser) -> None:
    """Reassigning several cases takes one press beside the ticks; the journal names the coordinator."""
    first, second, third = (town.case(holder="mw-17") for _ in range(3))
    hand = phone(browser, town, "co-1", 1440)
    hand.page.goto(f"{town.base}/werkvoorraad")
    for reference in (first, second):
        hand.page.get_by_label(reference).check()
    hand.page.get_by_label("Geef de gekozen zaken aan").select_option("mw-18")
    hand.press("button", "Wijs toe")
    expect(hand.page.get_by_role("heading", name="Gedaan: 2")).to_be_visible()
    expect(hand.page.get_by_text(f"{first} M3: staat op naam van mw-18.")).to_be_visible()
    held = Caseload(town.office.engine, town.office.casework).held_by("mw-18", "0518")
    assert {item.reference for item in held} == {first, second}
    hand.page.goto(f"{town.base}/zaak/{third}")
    expect(hand.page.get_by_text("klantmanager mw-17")).to_be_visible()


def test_a_returned_case_is_on_top_for_the_coordinator(town: Town, browser: Browser) -> None:
    """Who divides the work sees first what came back; who was asked sees what is offered to him."""
    reference = town.case("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd")
    town.plan()
    expect(phone(browser, town, "mw-17").page.get_by_role("heading", level=2).first).to_contain_text(
        "Aan jou"
    )
    town.office.casework.report(reference, "overdracht_teruggegeven", process="M4", data={"reden": "anders"})
    expect(phone(browser, town, "co-1").page.get_by_role("heading", level=2).first).to_contain_text(
        "Teruggegeven"
    )


def test_every_page_passes_axe_and_fits_a_phone(town: Town, browser: Browser) -> None:
    """The published checker of WCAG 2.2 A and AA finds nothing, in light and in dark, at 390 px."""
    reference = town.case("aanmelding_geregistreerd", "bedreigend", days_ago=40, holder="mw-17")
    _postbak(town, reference)
    pages = (
        "/mijn", f"/zaak/{reference}", f"/zaak/{reference}/melden/M3/uitgestroomd", "/zoeken?q=X", "/werkvoorraad",
        "/postbak", "/monitor", "/mijn/berichten", "/mijn/agenda", "/monitor/0518/raad",
        "/monitor/0518/basisdienstverlening",
    )  # fmt: skip
    said = {}
    for scheme in ("light", "dark"):
        made = browser.new_context(
            viewport={"width": 390, "height": 844}, color_scheme=scheme, bypass_csp=True
        )
        page = made.new_page()
        page.goto(town.office.page_links.mine("co-1"))
        for path in pages:
            page.goto(town.base + path)
            found = Axe().run(page, options=RULES)
            if found.violations_count:
                said[scheme, path] = found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert said == {}


def test_the_pages_have_the_colours_of_a_theme_of_nl_design_system(town: Town, browser: Browser) -> None:
    """The tokens of a published package colour the pages, and the checker of WCAG finds nothing in them."""
    use_theme(theme_of(THEMES / "voorbeeld-7.4.1.css"))
    try:
        made = browser.new_context(color_scheme="dark", bypass_csp=True)
        page = made.new_page()
        page.goto(town.office.page_links.mine("co-1"))
        page.goto(f"{town.base}/zoeken?q=X")
        button = page.get_by_role("button", name="Zoek")
        assert button.evaluate("button => getComputedStyle(button).backgroundColor") == "rgb(81, 21, 239)"
        found = Axe().run(page, options=RULES)
        assert not found.violations_count, found.generate_report()
    finally:
        use_theme({})


def test_a_refusal_stands_beside_its_field_and_keeps_what_was_filled_in(town: Town) -> None:
    """What cannot be is said in the words of the form, nothing is written, and the rest stays filled in."""
    reference = town.case("aanmelding_geregistreerd", holder="mw-17")
    address = f"/zaak/{reference}/melden/M3/uitgestroomd"
    given = {"uitstroomreden": "bestaat niet", "motivering": " dossier-7 "}
    answer = town.client("mw-17").post(address, data=given, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 422
    assert answer.text.count('class="error"') == 2
    assert 'aria-invalid="true"' in answer.text
    assert 'value="dossier-7"' in answer.text
    assert "uitgestroomd" not in [row.event for row in town.office.casework.case(reference).journal]


def test_pages_are_for_who_is_known(town: Town) -> None:
    """Without a link, with a forged one, from another site or for another gemeente there is nothing to see or do."""
    reference = town.case()
    assert town.client(None).get("/mijn").status_code == 401
    assert town.client(None).get("/mijn?wie=vervalst").status_code == 401
    assert town.client("mw-99").get(f"/zaak/{reference}").status_code == 404
    known = town.client("mw-17")
    address = f"/zaak/{reference}/melden/M3/aanmelding_geregistreerd"
    assert known.post(address, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert known.post(address, headers={"origin": "https://elders.example"}).status_code == 403
    form = {"zaak": f"{reference} M3", "medewerker": "mw-18", "sleutel": "k"}
    said = known.post("/werkvoorraad", data=form, headers={"sec-fetch-site": "same-origin"}).text
    assert said.count("Deze zaak mag je niet verdelen") == 2  # above the list, and beside the case
    wrong = town.client("co-1").post(
        "/werkvoorraad", data=form | {"medewerker": "nep"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert "Kies een medewerker uit de lijst." in wrong.text
    assert [row.event for row in town.office.casework.case(reference).journal] == ["geopend"]


def test_a_case_is_found_by_both_its_numbers(town: Town) -> None:
    """Its own reference, in any case and with spaces around it, and the number in another system lead to the page."""
    reference = town.case()
    with writing(town.office.engine) as session:
        row = session.get_one(CaseRow, reference)
        add_reference(session, town.office, row, "ZAAK-2026-0042", town.clock.now())
    known = town.client("mw-17")
    for asked in (reference, f" {reference.lower()} ", "ZAAK-2026-0042"):
        assert known.get("/zoeken", params={"q": asked}).url.path == f"/zaak/{reference}"
    assert "Er is geen zaak" in town.client("mw-99").get("/zoeken", params={"q": reference}).text


def test_a_wish_on_the_page_counts_for_the_next_message(town: Town) -> None:
    """Who wants no messages about new cases gets none; the others still do."""
    known = town.client("mw-17")
    own = {"sec-fetch-site": "same-origin"}
    assert (
        "Dit is vastgelegd" in known.post("/mijn/berichten", data={"nieuwe_zaak": "niet"}, headers=own).text
    )
    assert known.post("/mijn/berichten", data={"termijn_gemist": "niet"}, headers=own).status_code == 422
    town.case()
    town.plan()
    with reading(town.office.engine) as session:
        assert set(session.exec(select(DeliveryRow.recipient))) == {"mw-18"}


def test_an_agenda_shows_ones_terms_until_it_is_taken_back(town: Town) -> None:
    """An agenda program reads the last days of one's cases, with a link; after `stop` it reads nothing."""
    reference = town.case(holder="mw-17")
    town.case(holder="mw-18")
    known, own = town.client("mw-17"), {"sec-fetch-site": "same-origin"}
    said = known.post("/mijn/agenda", data={"keuze": "nieuw"}, headers=own).text
    address = next(
        part.split('"')[0] for part in said.split('href="') if "/agenda/" in part and ".ics" in part
    )
    calendar = Calendar.from_ical(httpx.get(address).content)
    (event,) = calendar.walk("VEVENT")
    assert str(event["summary"]).startswith(f"{reference} M3: ")
    assert event.decoded("dtstart").isoformat() == "2026-12-23"
    assert str(event["url"]).endswith(f"/zaak/{reference}")
    known.post("/mijn/agenda", data={"keuze": "stop"}, headers=own)
    assert httpx.get(address).status_code == 404


def test_a_date_that_can_still_move_says_so_on_every_page(town: Town, clock: SetClock) -> None:
    """A last day in a year for which the days off are not known: in one's work, the list, the case and the agenda."""
    clock.moment = clock.moment.replace(year=2028, month=12, day=18)
    reference = town.case(holder="mw-17")
    known, own = town.client("mw-17"), {"sec-fetch-site": "same-origin"}
    for place in ("/mijn", "/werkvoorraad", f"/zaak/{reference}"):
        assert "na 2028 niet bekend" in known.get(place).text, place
    said = known.post("/mijn/agenda", data={"keuze": "nieuw"}, headers=own).text
    address = next(
        part.split('"')[0] for part in said.split('href="') if "/agenda/" in part and ".ics" in part
    )
    (event,) = Calendar.from_ical(httpx.get(address).content).walk("VEVENT")
    assert "na 2028 niet bekend" in str(event["description"])


def test_the_monitor_comes_as_files_that_spreadsheets_read(town: Town) -> None:
    """CSV begins with the mark of UTF-8, and a spreadsheet library reads the same rows from the XLSX file."""
    town.case()
    known = town.client("co-1")
    csv = known.get("/monitor/0518/bestand?soort=csv").content
    assert csv.startswith(b"\xef\xbb\xbf")
    sheet = load_workbook(io.BytesIO(known.get("/monitor/0518/bestand?soort=xlsx").content)).active
    assert sheet is not None
    assert sheet.max_row == len(csv.decode("utf-8-sig").strip().splitlines())
    assert known.get("/monitor/0599").status_code == 404


def test_the_reports_for_a_council_are_pages_and_files(town: Town) -> None:
    """The same report is a page, Markdown, HTML and JSON; another period is asked for in words; no other town's."""
    town.case()
    known = town.client("co-1")
    for part, words in (("raad", "cliëntenraad"), ("basisdienstverlening", "niet geverifieerd")):
        assert words in known.get(f"/monitor/0518/{part}?periode=2026").text
        for kind in ("md", "html"):
            kept = known.get(f"/monitor/0518/{part}?soort={kind}")
            assert words in kept.text
            assert kept.headers["content-disposition"].endswith(f'.{kind}"')
        assert known.get(f"/monitor/0518/{part}?soort=json").json()["gemeentecode"] == "0518"
        assert known.get(f"/monitor/0518/{part}?periode=herfst").status_code == 400
        assert known.get(f"/monitor/0599/{part}").status_code == 404
    assert known.get("/monitor/0518/anders").status_code == 404
    rows = re.findall(r"<tr>(<td.*?)</tr>", known.get("/monitor/0518/basisdienstverlening").text)
    assert rows
    assert all(row.count("<td data-label=") == row.count("<td") for row in rows)


def _postbak(town: Town, *candidates: str) -> int:
    with writing(town.office.engine) as session:
        row = PostbakRow(
            municipality="0518", message_hash="a" * 64, kind="nl.zaak", source="zaaksysteem",
            subject="ZAAK-1", reason="meer dan een zaak past", candidates=list(candidates),
            event="aanmelding_geregistreerd", process="M3", on=town.clock.today(), received_at=town.clock.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id or 0


def test_the_postbak_takes_no_text_for_a_date(town: Town) -> None:
    """Words where a date belongs are refused in Dutch, and the message still waits."""
    reference = town.case()
    number = _postbak(town, reference)
    form = {"zaak": reference, "keuze": "koppelen", "op": "gisteren"}
    answered = town.client("co-1").post(
        f"/postbak/{number}", data=form, headers={"sec-fetch-site": "same-origin"}
    )
    assert "Dit is geen datum." in answered.text
    assert [row.event for row in town.office.casework.case(reference).journal] == ["geopend"]


def test_what_waits_in_the_postbak_is_coupled_with_one_press(town: Town, browser: Browser) -> None:
    """A candidate is chosen, the event is in its case, and the postbak is empty."""
    first, second = town.case(), town.case()
    _postbak(town, first, second)
    hand = phone(browser, town, "co-1")
    hand.page.goto(f"{town.base}/postbak")
    hand.page.get_by_label(second, exact=True).check()
    hand.press("button", "Koppel")
    expect(hand.page.get_by_text("De postbak is leeg.")).to_be_visible()
    row = town.office.casework.case(second).journal[-1]
    assert (row.event, row.actor_code) == ("aanmelding_geregistreerd", "co-1")


def test_the_page_of_a_case_tells_its_route_and_its_hand_offs(town: Town, browser: Browser) -> None:
    """Each stop is drawn with a sign of its own at 390 px, and a hand-off says what became of it and by whom."""
    reference = town.case("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd")
    known = town.client("mw-17")
    waits = known.get(f"/zaak/{reference}").text
    assert re.search(r"Van M3 naar M4, aangeboden op .* wacht op aanvaarden, uiterlijk wo 2 december", waits)
    with acts(Actor(ActorKind.PERSON, "mw-18", Way.FORM)):
        town.office.casework.report(reference, "overdracht_aanvaard", process="M4")
    page = phone(browser, town, "mw-17").page
    page.goto(f"{town.base}/zaak/{reference}")
    expect(page.get_by_text("aanvaard op wo 25 november 2026 door mw-18.")).to_be_visible()
    drawn = page.locator(".route li").evaluate_all(
        "stops => stops.map(stop => [getComputedStyle(stop, '::before').content, stop.innerText])"
    )
    signs = {words.split()[0]: sign.strip('"') for sign, words in drawn}
    assert [signs[code] for code in ("M1", "M3", "M4", "M5")] == ["\u2013", "\u2713", "\u25b6", "\u25cb"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_who_looks_stands_first_in_a_list_of_people(town: Town) -> None:
    """The coordinator finds his own code above those of his colleagues."""
    town.case()
    shown = town.client("co-1").get("/werkvoorraad").text
    people = re.search(r'<select id="medewerker".*?</select>', shown, re.DOTALL)
    assert people
    assert re.findall(r'<option value="(\w+-\d+)"', people[0]) == ["co-1", "mw-17", "mw-18"]


def test_the_journal_of_a_case_is_in_words(town: Town) -> None:
    """A warning is called by its term and came by itself; what a person did names his code and his way in."""
    reference = town.case("aanmelding_geregistreerd")
    with acts(Actor(ActorKind.PERSON, "mw-17", Way.COMMAND)):
        town.office.casework.report(reference, "bedreigend", process="M3")
    town.office.casework.fire_due(reference)
    rows = re.findall(r"<tr>(<td .*?)</tr>", town.client("mw-17").get(f"/zaak/{reference}").text)
    told = [re.sub(r"<[^>]+>", "|", row).strip("|").split("||")[2:] for row in rows]
    assert ["Er is een bedreigende situatie", "mw-17 (opdracht)"] in told
    assert ["Waarschuwing: eerste gesprek bij een bedreigende situatie (T02)", "vanzelf"] in told


def test_a_machine_without_recipients_is_told_where_people_come_from(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """There is no list in which nothing can be chosen, and Mijn werk leads to the cases that are in nobody's name."""
    office = Office(Settings(home=tmp_path), engine, clock)
    reference = office.casework.open("M3", municipality="0000").reference
    page = TestClient(as_person(create_pages(office), operator_of_machine("gebruiker-0")))
    work = page.get("/werkvoorraad").text
    assert reference in work
    assert "als het bestand met ontvangers medewerkers noemt" in work
    assert "Wijs toe" not in work
    mine = page.get("/mijn").text
    assert 'vind je in de <a href="/werkvoorraad">' in mine


def test_who_sees_more_gemeenten_chooses_and_who_manages_finds_it_in_the_menu(town: Town) -> None:
    """Each choice leads to its own pages; Inzage and Vernietiging stand in the menu of who may open them."""
    town.case()
    town.office.casework.open("M3", municipality="0599")
    manager = TestClient(as_person(create_pages(town.office), operator_of_machine("gebruiker-0")))
    for title, path in (("Monitor", "/monitor"), ("Beleid", "/beleid")):
        chosen = manager.get(path).text
        assert f"<h1>{title}</h1>" in chosen
        assert f'href="{path}/0599"' in chosen
    for path in ("/inzage", "/vernietiging"):
        assert f'href="{path}"' in manager.get("/mijn").text
        assert manager.get(path).status_code == 200
        assert f'href="{path}"' not in town.client("co-1").get("/mijn").text
