"""What an inwoner may see of his own case: off by default, in plain words, without debts, and gone when it must be."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlmodel import select

from adapters.api.resident_pages import resident_texts
from adapters.messages.text_rules import forbidden_to_residents, readability, sentences_of
from adapters.storage.database import reading
from adapters.storage.page_tables import PageKeyRow
from milestones.definitions import DEFINITIONS

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from support.pages import Town

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OWN = {"sec-fetch-site": "same-origin"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def open_town(town: Town) -> Town:
    """A town whose gemeente lets an inwoner see his case."""
    changed = town.office.settings.model_copy(update={"resident_pages": {"0518": "14 070"}})
    town.office.settings = changed
    return town


def _hand_out(town: Town, reference: str, choice: str = "") -> str:
    answer = town.client("mw-17").post(f"/zaak/{reference}/volgen", data={"keuze": choice}, headers=OWN)
    found = re.search(r"<strong>(http\S+/volgen/\S+)</strong>", answer.text)
    return found[1] if found else ""


def test_without_the_setting_there_is_nothing(town: Town) -> None:
    """No button, no address: the gemeente decides first."""
    reference = town.case()
    assert "Inzage voor de inwoner" not in town.client("mw-17").get(f"/zaak/{reference}").text
    assert town.client("mw-17").post(f"/zaak/{reference}/volgen", headers=OWN).status_code == 404
    assert [row.event for row in town.office.casework.case(reference).journal] == ["geopend"]


def test_an_inwoner_sees_the_step_who_is_next_until_when_and_whom_to_call(open_town: Town) -> None:
    """The address opens without a login; no search engine keeps it and no other site hears of it."""
    reference = open_town.case("aanmelding_geregistreerd", "niet_bedreigend")
    address = _hand_out(open_town, reference)
    page = httpx.get(address)
    assert "Wij maken een afspraak met u." in page.text
    assert "De gemeente is aan zet." in page.text
    assert "klaar voor of op 23 december 2026" in page.text
    assert 'href="tel:14070"' in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.headers["x-robots-tag"]
    assert page.headers["cache-control"] == "no-store"
    assert 'name="robots" content="noindex"' in page.text
    assert "set-cookie" not in page.headers
    row = open_town.office.casework.case(reference).journal[-1]
    assert (row.event, row.actor_code, row.data) == ("inzage_inwoner", "mw-17", {"inzage": "gegeven"})


def test_a_day_that_can_still_move_says_so(open_town: Town) -> None:
    """Where not all days off of that year are known, an inwoner reads that the day can change."""
    open_town.clock.moment = open_town.clock.moment.replace(year=2028, month=12, day=18)
    page = httpx.get(_hand_out(open_town, open_town.case()))
    assert "klaar voor of op 15 januari 2029. Die dag kan nog veranderen." in page.text


def test_whatever_is_wrong_with_an_address_gets_the_same_answer(open_town: Town) -> None:
    """Made up, replaced, taken back, too old, and of a gemeente that stopped: nobody can tell them apart."""
    reference = open_town.case()
    made_up = open_town.base + "/volgen/verzonnen"
    replaced, taken_back = _hand_out(open_town, reference), _hand_out(open_town, reference)
    said = {httpx.get(made_up).text, httpx.get(replaced).text}
    assert httpx.get(taken_back).status_code == 200
    _hand_out(open_town, reference, "stop")
    said.add(httpx.get(taken_back).text)
    assert open_town.office.casework.case(reference).journal[-1].data == {"inzage": "ingetrokken"}
    old = _hand_out(open_town, reference)
    open_town.clock.moment += timedelta(days=91)
    said.add(httpx.get(old).text)
    stopped = _hand_out(open_town, reference)
    open_town.office.settings = open_town.office.settings.model_copy(update={"resident_pages": {}})
    answer = httpx.get(stopped)
    said.add(answer.text)
    assert answer.status_code == 404
    assert len({re.sub(r'nonce="[^"]+"', "", text) for text in said}) == 1


def test_who_may_not_act_hands_out_nothing(open_town: Town) -> None:
    """Of another gemeente the case is not there; another site's form does nothing."""
    reference = open_town.case()
    assert open_town.client("mw-99").post(f"/zaak/{reference}/volgen", headers=OWN).status_code == 404
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert open_town.client("mw-17").post(f"/zaak/{reference}/volgen", headers=elsewhere).status_code == 403
    with reading(open_town.office.engine) as session:
        assert session.exec(select(PageKeyRow)).all() == []


@pytest.mark.browser
def test_the_page_passes_axe_and_fits_a_phone(open_town: Town, browser: Browser) -> None:
    """The published checker of WCAG 2.2 A and AA finds nothing at 390 px."""
    address = _hand_out(open_town, open_town.case("aanmelding_geregistreerd", "bedreigend", days_ago=40))
    page = browser.new_context(viewport={"width": 390, "height": 844}, bypass_csp=True).new_page()
    page.goto(address)
    assert "Bel ons gerust." in page.inner_text("main")
    assert Axe().run(page, options=RULES).violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_every_text_is_plain_and_says_nothing_of_debts(open_town: Town) -> None:
    """Each step has words; each sentence is B1 by the measure of our messages, and holds no word that they may not."""
    del open_town
    assert set(resident_texts()) == set(DEFINITIONS)
    for code, steps in resident_texts().items():
        states = {state.code for state in DEFINITIONS[code].states}
        assert set(steps) - {"stap"} <= states, code
        for said in (steps["stap"], *(step["tekst"] for name, step in steps.items() if name != "stap")):
            assert forbidden_to_residents(said) is None, said
            assert readability(said) >= 60, said
            assert max(map(len, sentences_of(said))) <= 15, said
