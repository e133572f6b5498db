"""Every view of a coordinator in a real browser: the runs that it shows are those of the case database."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from playwright.sync_api import expect, sync_playwright
from stack import wait_until
from take_screenshots import MUNICIPALITY, sample_stack

from adapters.cancellations import ask_cancellation, open_cancellations
from adapters.quality import QualitySample
from adapters.workload import read_workload
from flows.views import BY_MILESTONE, FIRST_DAY, VIEWS, address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page
    from stack import Stack

    from adapters.office import Office
    from flows.views import View

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.long,
    pytest.mark.prefect,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def town() -> Iterator[Stack]:
    """A stack with cases that have a past, of which the oldest runs began a month ago."""
    with sample_stack() as stack:
        office = stack.office()
        first = read_workload(office, MUNICIPALITY).items[0]
        row = office.casework.case(first.reference).rows[first.process]
        ask_cancellation(office.engine, row.id or 0, UUID(str(first.flow_run_id)))
        with prefect_tables(stack) as prefect, prefect:
            prefect.execute(
                "UPDATE flow_run SET start_time = datetime(start_time, '-30 days'), "
                "expected_start_time = datetime(expected_start_time, '-30 days') WHERE name LIKE '%P0000%'"
            )
        stack.run_action("labels-van-de-dag")
        yield stack


def prefect_tables(stack: Stack) -> closing[sqlite3.Connection]:
    """Open the database of the Prefect server of a stack."""
    return closing(sqlite3.connect(stack.home / "prefect" / "prefect.db", timeout=30))


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page in a new browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
            ],
        )
        yield browser.new_page(viewport={"width": 1400, "height": 1000})
        browser.close()


def expected(office: Office) -> dict[str, int]:
    """Give for each view how many runs the case database says there are."""
    work = read_workload(office, MUNICIPALITY)
    waiting = QualitySample(office.engine, office.clock).waiting(MUNICIPALITY)
    return {
        "Te laat": len(work.late),
        "Deze week": len(work.this_week),
        "Crisis": len(work.threatened),
        "Zonder eigenaar": len(work.unowned),
        "Wacht op overdracht": len(work.offered),
        "Wacht op partner": sum(item.waits_outside for item in work.items),
        "Annuleren gevraagd": len(open_cancellations(office.engine)),
        "Kwaliteitstoets": len(waiting),
        "Alles wat open is": len(work.items),
    } | {view.name: work.by_milestone.get(view.tags[0], 0) for view in BY_MILESTONE}


def counted(page: Page) -> int:
    """Give how many runs the list says that it found."""
    found = page.get_by_text(re.compile(r"^[\d,]+ (flow )?runs?$", re.IGNORECASE)).first
    expect(found).to_be_visible(timeout=20_000)
    return int(re.sub(r"\D", "", found.inner_text()))


def shows(page: Page, number: int) -> bool:
    """Tell whether the list comes to this number; it may show an older one while it asks the server."""
    wait_until(lambda: counted(page) == number, 15, lambda: f"{page.url}: {counted(page)} and not {number}")
    return True


def test_the_cases_have_runs_older_than_the_run_list_shows(town: Stack, page: Page) -> None:
    """Without a view the run list leaves old cases out: that is what the views are for."""
    everything = expected(town.office())["Alles wat open is"]
    page.goto(f"http://127.0.0.1:{town.prefect_port}/runs?tag=open")
    assert 0 < counted(page) < everything


@pytest.mark.parametrize("ui", ["", "v2/"])
@pytest.mark.parametrize("view", [*VIEWS, *BY_MILESTONE], ids=lambda view: view.name if view else "")
def test_a_link_finds_what_the_case_database_says(town: Stack, page: Page, view: View, ui: str) -> None:
    """In both UIs the link of a view shows as many runs as the case database has, however old."""
    number = expected(town.office())[view.name]
    page.goto(f"http://127.0.0.1:{town.prefect_port}/{ui}{address(*view.tags).removeprefix('../../')}")
    if number == 0:
        expect(page.get_by_text(re.compile(r"FZ-2026-P\d+ ·")).first).not_to_be_visible(timeout=10_000)
    else:
        assert shows(page, number)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_saved_filter_finds_what_the_case_database_says(town: Stack, page: Page, view: View) -> None:
    """Chosen by its name above the run list, a saved filter shows as many runs as the case database has."""
    number = expected(town.office())[view.name]
    page.goto(f"http://127.0.0.1:{town.prefect_port}/runs")
    page.locator(".flow-runs-page-header, .p-layout-default__header, header").first.wait_for(timeout=20_000)
    page.get_by_text(re.compile("Past week|Unsaved|Custom|Default view", re.IGNORECASE)).first.click()
    page.get_by_role("option", name=view.name, exact=True).click()
    expect(page).to_have_url(re.compile(FIRST_DAY[:4]), timeout=10_000)
    assert shows(page, number)


def test_the_front_page_counts_the_same(town: Stack, page: Page) -> None:
    """The numbers on the front page are those that its links show."""
    town.run_action("overzicht")
    page.goto(f"http://127.0.0.1:{town.prefect_port}/artifacts/key/overzicht")
    for name, number in expected(town.office()).items():
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True)).first
        expect(row.get_by_role("cell").last).to_have_text(str(number), timeout=20_000)
