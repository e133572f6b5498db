"""The page behind the link in a hand-off: what it shows, that it works once, and that looking changes nothing."""

from __future__ import annotations

import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy.event import listen
from sqlmodel import col, select
from support.peers import serving
from support.receivers import Mailbox, web_address
from support.recipients import recipients
from support.stack import free_port

from adapters.messages.delivery_list import listed, send_again
from adapters.messages.handoff_links import HandoffLinks, responsible_person
from adapters.office import Office
from adapters.runtime.settings import Settings
from adapters.storage.database import OutboxRow, ProcessRow, reading
from milestones.definitions import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock

ROLES = {
    "0518": {
        "case_worker": ["collega"],
        "debt_counsellor": ["ontvanger", "collega"],
        "coordinator": ["collega"],
    }
}
SILENT = ("client", "chain_partner", "signal_partner")
ACCEPTED_STATE = current("M4").starts_in
PHONE = {"width": 360, "height": 740}
SCREENSHOTS = Path("/tmp/routekaart-schermen")  # noqa: S108 - for a person to look at


class Desk:
    """An office with a running API, and the mailbox of the receiver."""

    def __init__(self, office: Office, clock: SetClock, box: Mailbox) -> None:
        self.office, self.clock, self.box = office, clock, box

    def hand_over(self) -> str:
        """Hand a case over and give its reference."""
        reference = self.office.casework.open("M3", municipality="0518").reference
        for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
            self.clock.moment += timedelta(seconds=1)  # what happens at one moment is told in one message
            self.office.casework.report(reference, event)
        self.send()
        return reference

    def send(self) -> None:
        """Send every message."""
        with reading(self.office.engine) as session:
            open_ones = session.exec(select(OutboxRow).where(col(OutboxRow.done_at).is_(None))).all()
            processes = session.exec(select(ProcessRow.id)).all()
        for effect in open_ones:
            self.office.deliveries.plan(effect.id)
        for process in processes:
            for parcel in self.office.deliveries.due(process or 0):
                self.office.deliveries.send(parcel)

    def link(self, to: str = "ontvanger") -> str:
        """Return the link in the newest hand-off message to somebody."""
        texts = [text for title, text in self.box.sent_to(to) if "overdracht voor jou" in title]
        return re.findall(r"http://127\.0\.0\.1:\d+/overdracht/\S+", texts[-1])[0]

    def state(self, reference: str) -> str:
        """Return the state of the process that was handed over."""
        return self.office.casework.case(reference).case.process("M4").state


@pytest.fixture
def desk(engine: Engine, clock: SetClock, tmp_path: Path) -> Iterator[Desk]:
    """An office whose API runs on loopback."""
    port, box = free_port(), Mailbox()
    settings = Settings(home=tmp_path, api_port=port, recipients_file=tmp_path / "ontvangers.toml")
    office = Office(settings, engine, clock)
    with serving(office, port), web_address(box) as address:
        people = {code: {"web": f"{address}{code}"} for code in ("ontvanger", "collega")}
        (tmp_path / "ontvangers.toml").write_text(recipients(people, ROLES, silent=SILENT))
        yield Desk(office, clock, box)


def _accept(link: str) -> httpx.Response:
    return httpx.post(link, data={"keuze": "aannemen"})


def test_looking_at_the_link_changes_nothing(desk: Desk) -> None:
    """GET and HEAD, as a mail program's scanner does, leave the hand-off as it is."""
    reference = desk.hand_over()
    for method in ("GET", "HEAD", "GET"):
        assert httpx.request(method, desk.link()).status_code == 200
    assert desk.state(reference) == "OVERDRACHT_AANGEBODEN"


def test_the_page_shows_the_reference_and_nothing_else_of_the_case(desk: Desk) -> None:
    """No mijlpaal, no state, no term and no role stand on the page, and none in the link."""
    reference = desk.hand_over()
    page = re.sub(r"<style.*?</style>|nonce=\S+", "", httpx.get(desk.link()).text, flags=re.DOTALL)
    assert reference in page
    # A reference is random and may hold "M4" itself.
    page = page.replace(reference, "")
    for hidden in ("M3", "M4", "intake", "Intake", "gesprek", "termijn", "schuld", "Wgs", "klantmanager"):
        assert hidden not in page
    assert reference not in desk.link()


def test_accepting_makes_the_receiver_responsible(desk: Desk) -> None:
    """After the button the case is the receiver's, and later messages go to him alone."""
    reference = desk.hand_over()
    answer = _accept(desk.link())
    assert answer.status_code == 200
    assert f"Zaak {reference} is van jou" in answer.text
    assert desk.state(reference) == ACCEPTED_STATE
    with reading(desk.office.engine) as session:
        assert responsible_person(session, reference, "M4") == "ontvanger"


def test_returning_needs_a_reason(desk: Desk) -> None:
    """Without a reason the page says what is missing; with one the case goes back and the coordinator hears it."""
    reference = desk.hand_over()
    link = desk.link()
    refused = httpx.post(link, data={"keuze": "teruggeven"})
    assert refused.status_code == 422
    assert "Kies eerst een reden" in refused.text
    assert httpx.post(link, data={"keuze": "teruggeven", "reden": "verzonnen"}).status_code == 422
    assert desk.state(reference) == "OVERDRACHT_AANGEBODEN"
    assert httpx.post(link, data={"keuze": "teruggeven", "reden": "geen ruimte"}).status_code == 200
    assert desk.state(reference) == "TERUGGEGEVEN"
    journal = desk.office.casework.case(reference).journal
    assert journal[-1].data == {"reden": "geen ruimte"}


def test_a_link_works_once(desk: Desk) -> None:
    """The second press is told that it was done, and changes nothing."""
    reference = desk.hand_over()
    link = desk.link()
    _accept(link)
    again = httpx.post(link, data={"keuze": "teruggeven", "reden": "geen ruimte"})
    assert again.status_code == 410
    assert "Met deze link is de zaak aangenomen" in again.text
    assert httpx.get(link).status_code == 410
    assert desk.state(reference) == ACCEPTED_STATE


def test_of_many_presses_at_once_one_counts(desk: Desk) -> None:
    """Accepting and returning at the same moment, from two people: the journal has one answer."""
    reference = desk.hand_over()
    presses = [
        (desk.link(), {"keuze": "aannemen"}),
        (desk.link(), {"keuze": "teruggeven", "reden": "anders"}),
    ] * 3
    presses += [(desk.link("collega"), {"keuze": "aannemen"})] * 2
    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda press: httpx.post(press[0], data=press[1]).status_code, presses))
    assert set(answers) <= {200, 410}
    events = [row.event for row in desk.office.casework.case(reference).journal]
    assert sum(event.startswith("overdracht_") for event in events) == 1


def test_a_link_to_a_hand_off_that_was_answered_elsewhere_says_so(desk: Desk) -> None:
    """When somebody accepted on the command line, the link changes nothing any more."""
    reference = desk.hand_over()
    desk.office.casework.report(reference, "overdracht_aanvaard")
    answer = httpx.post(desk.link(), data={"keuze": "teruggeven", "reden": "anders"})
    assert answer.status_code == 410
    assert "Iemand heeft al op deze overdracht geantwoord" in answer.text
    assert desk.state(reference) == ACCEPTED_STATE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_while_the_database_is_busy_a_person_reads_a_page(desk: Desk, tmp_path: Path) -> None:
    """A press that cannot be stored says so on a page, changes nothing, and works when it is pressed again."""
    reference = desk.hand_over()
    desk.office.engine.dispose()
    listen(desk.office.engine, "connect", lambda one, _: one.execute("PRAGMA busy_timeout = 100"))
    with closing(sqlite3.connect(tmp_path / "zaken.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = _accept(desk.link())
        assert answer.status_code == 503
        assert answer.headers["content-type"].startswith("text/html")
        assert "Er is niets vastgelegd." in answer.text
        other.execute("ROLLBACK")
    assert _accept(desk.link()).status_code == 200
    assert desk.state(reference) == ACCEPTED_STATE


def test_a_link_expires(desk: Desk, clock: SetClock) -> None:
    """On the seventh day the link still works; the day after it does nothing but say so."""
    reference = desk.hand_over()
    clock.moment += timedelta(days=7)
    assert httpx.get(desk.link()).status_code == 200
    clock.moment += timedelta(days=1)
    answer = _accept(desk.link())
    assert answer.status_code == 410
    assert "de link werkt niet meer" in answer.text
    assert desk.state(reference) == "OVERDRACHT_AANGEBODEN"


def test_a_message_that_is_sent_again_has_a_link_that_works(desk: Desk, clock: SetClock) -> None:
    """The days of a link count from the last time that it was sent."""
    reference = desk.hand_over()
    clock.moment += timedelta(days=9)
    (row,) = (
        line
        for line in listed(desk.office.engine, everything=True)
        if (line["soort"], line["ontvanger"]) == ("overdracht", "ontvanger")
    )
    send_again(desk.office.engine, clock, row["id"])
    desk.send()
    assert _accept(desk.link()).status_code == 200
    assert desk.state(reference) == ACCEPTED_STATE


def test_a_link_of_an_offer_that_was_returned_does_nothing_when_it_is_made_anew(
    desk: Desk, clock: SetClock
) -> None:
    """Of two people one returns the case; after the next offer only the new links answer it."""
    reference = desk.hand_over()
    first = desk.link("collega")
    httpx.post(desk.link(), data={"keuze": "teruggeven", "reden": "geen ruimte"})
    clock.moment += timedelta(hours=1)
    desk.office.casework.report(reference, "overdracht_aangeboden")
    desk.send()
    assert _accept(first).status_code == 410
    assert desk.state(reference) == "OVERDRACHT_AANGEBODEN"
    assert _accept(desk.link("collega")).status_code == 200


def test_a_link_that_was_changed_or_made_up_is_unknown(desk: Desk) -> None:
    """A wrong signature, a signature by another key, and rubbish give the same page without any case."""
    reference = desk.hand_over()
    start, _, token = desk.link().rpartition("/")
    office = desk.office
    other = HandoffLinks(
        office.engine, office.clock, office.casework, office.recipients, b"een andere sleutel", "http://x"
    )
    forged = other._signer.dumps(office.handoff_links._signer.loads(token))
    for wrong in (token[:-2] + "xx", str(forged), "x", "%00", "../../v1/zaken"):
        for answer in (
            httpx.get(f"{start}/{wrong}"),
            httpx.post(f"{start}/{wrong}", data={"keuze": "aannemen"}),
        ):
            assert answer.status_code in (401, 404, 405)
            assert reference not in answer.text
    assert desk.state(reference) == "OVERDRACHT_AANGEBODEN"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"keuze=",
        b"keuze=overdracht_aanvaard",
        b"\xff\xfe",
        b"keuze=aannemen&x=" + b"a" * 5000,
        b'{"keuze": 1}',
    ],
)
def test_a_form_that_says_nothing_asks_again(desk: Desk, body: bytes) -> None:
    """An empty, broken or too long form changes nothing and shows the page with a sentence."""
    reference = desk.hand_over()
    answer = httpx.post(desk.link(), content=body)
    assert answer.status_code == 422
    assert "Kies eerst wat je wilt" in answer.text
    assert desk.state(reference) == "OVERDRACHT_AANGEBODEN"


def test_the_page_is_kept_nowhere_and_loads_nothing(desk: Desk) -> None:
    """No cache, no referrer, no script, no frame, and nothing from elsewhere."""
    desk.hand_over()
    answer = httpx.get(desk.link())
    assert set(answer.headers.get_list("cache-control", split_commas=True)) == {"no-store"}
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in answer.text
    assert "set-cookie" not in answer.headers


# --- can everybody use it (WCAG 2.2 AA) ---------------------------------------------------------------------------


class _Outline(HTMLParser):
    """Reads the parts of a page that an aid for blind people reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def _pages(desk: Desk) -> dict[str, str]:
    desk.hand_over()
    link = desk.link()
    return {
        "offered": httpx.get(link).text,
        "error": httpx.post(link, data={"keuze": "teruggeven"}).text,
        "done": _accept(link).text,
        "used": httpx.get(link).text,
        "unknown": httpx.get(link + "x").text,
    }


def test_each_page_has_a_language_a_title_one_heading_and_labels(desk: Desk) -> None:
    """Language, title, one h1, headings in order, a label for each choice, and a legend for the group."""
    for name, page in _pages(desk).items():
        outline = _Outline(page)
        assert outline.all("html")[0]["lang"] == "nl", name
        assert len(outline.all("h1")) == 1, name
        assert len(outline.all("main")) == 1, name
        assert re.search(r"<title>[^<]{5,}</title>", page), name
        assert "width=device-width" in page, name
        assert "user-scalable" not in page, name
        labelled = {attrs["for"] for attrs in outline.all("label")}
        choices = [attrs for attrs in outline.all("input") if attrs.get("type") != "hidden"]
        assert {attrs["id"] for attrs in choices} == labelled, name
        assert len(outline.all("legend")) == len(outline.all("fieldset")), name


def test_an_error_is_said_in_words_and_tied_to_its_question(desk: Desk) -> None:
    """The title says that there is an error, the sentence is announced, and the group points to it."""
    page = _pages(desk)["error"]
    outline = _Outline(page)
    assert "<title>Fout: " in page
    assert [attrs["id"] for attrs in outline.all("p") if attrs.get("role") == "alert"] == ["fout"]
    assert outline.all("fieldset")[0]["aria-describedby"] == "fout"


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_colours_can_be_told_apart(desk: Desk) -> None:
    """In light and dark: text at least 4.5 to 1, and lines and focus at least 3 to 1."""
    page = _pages(desk)["offered"]
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        colour = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for text, ground in (
            ("ink", "paper"), ("quiet", "paper"), ("alert", "paper"), ("action", "paper"), ("on-action", "action"),
        ):  # fmt: skip
            assert _contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
        for line in ("focus", "line", "action"):
            assert _contrast(colour[line], colour["paper"]) >= 3, line


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium, for all tests of the page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    SCREENSHOTS.mkdir(exist_ok=True)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield made
        made.close()


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_page_passes_axe_in_light_and_dark(desk: Desk, browser: Browser) -> None:
    """The published checker of WCAG 2.2 A and AA finds nothing, with the text twice as large on a small phone too."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415

    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    desk.hand_over()
    link = desk.link()
    found = {}
    for scheme in ("light", "dark"):
        page = browser.new_context(
            viewport={"width": 320, "height": 600}, color_scheme=scheme, bypass_csp=True
        ).new_page()
        page.goto(link)
        found[scheme, "offered"] = Axe().run(page, options=rules)
        page.locator("form").last.evaluate("form => form.submit()")
        page.wait_for_selector("#fout")
        found[scheme, "error"] = Axe().run(page, options=rules)
        page.add_style_tag(content="html { font-size: 200%; letter-spacing: .12em; word-spacing: .16em }")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.goto(link)
    page.get_by_role("button").first.click()
    page.wait_for_url(link)
    found["dark", "done"] = Axe().run(page, options=rules)
    page.goto(link)
    found["dark", "used"] = Axe().run(page, options=rules)
    page.goto(link + "x")
    found["dark", "unknown"] = Axe().run(page, options=rules)
    said = {name: result.generate_report() for name, result in found.items() if result.violations_count}
    assert said == {}
    assert len({result.response["url"] for result in found.values()}) == 2


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_on_a_phone_the_page_works_with_the_keyboard_and_without_script(desk: Desk, browser: Browser) -> None:
    """In a real Chromium at phone width: nothing sticks out, targets are large, and Tab and Space do it all."""
    from playwright.sync_api import expect  # noqa: PLC0415

    reference = desk.hand_over()
    page = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="nl-NL").new_page()
    page.goto(desk.link())
    page.screenshot(path=SCREENSHOTS / "overdracht.png", full_page=True)
    for target in page.locator("button, .choice").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
    page.keyboard.press("Tab")
    page.screenshot(path=SCREENSHOTS / "overdracht-focus.png")
    page.keyboard.press("Tab")  # into the group of reasons
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Zaak {reference} is teruggegeven")
    page.screenshot(path=SCREENSHOTS / "overdracht-terug.png", full_page=True)
    assert desk.state(reference) == "TERUGGEGEVEN"
    assert desk.office.casework.case(reference).journal[-1].data == {"reden": "niet mijn taak"}


def test_a_link_that_is_too_old_sends_the_same_receiver_a_new_one(desk: Desk, clock: SetClock) -> None:
    """The button on the page sends one new link over the receiver's own channel; the old address stays closed."""
    reference = desk.hand_over()
    old = desk.link()
    clock.moment += timedelta(days=9)
    page = httpx.get(old)
    assert page.status_code == 410
    assert "Stuur mij een nieuwe link" in page.text
    for _ in range(2):
        assert httpx.post(old, data={"keuze": "nieuwe link"}).status_code == 200
        desk.send()
    assert [title for title, _ in desk.box.sent_to("ontvanger")].count(
        f"Zaak {reference}: overdracht voor jou"
    ) == 2
    assert _accept(old).status_code == 410
    assert _accept(desk.link()).status_code == 200
    assert desk.state(reference) == ACCEPTED_STATE
