"""Every view of a coordinator in a real browser: the runs that it shows are those of the case database."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from support.stack import wait_until
from take_screenshots import MUNICIPALITY, sample_stack

from adapters.cases.cancellations import open_cancellations
from adapters.oversight.quality import QualitySample
from adapters.oversight.workload import Workload, read_workload
from flows.views import BY_MILESTONE, VIEWS, address
from milestones.four_eyes import WAITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page
    from support.stack import Stack

    from flows.views import View

ALL_VIEWS = (*VIEWS, *BY_MILESTONE)
BOTH_UIS = pytest.mark.parametrize("ui", ["", "v2/"], ids=["first", "second"])

pytestmark = [pytest.mark.long, pytest.mark.prefect, pytest.mark.browser]


@pytest.fixture(scope="module")
def town() -> Iterator[Stack]:
    """A stack with cases that have a past, of which the oldest runs began a month ago."""
    with sample_stack() as stack:
        office = stack.office()
        first = read_workload(office, MUNICIPALITY).items[0]
        cancel = {"state": {"type": "CANCELLING"}, "force": False}
        stack.prefect("POST", f"/flow_runs/{first.flow_run_id}/set_state", **cancel)
        wait_until(lambda: _shown(stack, "annuleren-gevraagd") == 1, 90, stack.logs)
        for name in ("kwaliteitssteekproef", "labels-van-de-dag", "overzicht"):
            stack.run_action(name)
        file = stack.home / "prefect" / "prefect.db"
        with closing(sqlite3.connect(file, timeout=30)) as prefect, prefect:
            prefect.execute(
                "UPDATE flow_run SET start_time = datetime(start_time, '-30 days'), "
                "expected_start_time = datetime(expected_start_time, '-30 days') WHERE name LIKE '%P0000%'"
            )
        yield stack


def _shown(stack: Stack, tag: str) -> int:
    return int(stack.prefect("POST", "/flow_runs/count", flow_runs={"tags": {"all_": [tag]}}))


@pytest.fixture(scope="module")
def work(town: Stack) -> Workload:
    """What is open, says the case database."""
    return read_workload(town.office(), MUNICIPALITY)


@pytest.fixture(scope="module")
def expected(town: Stack, work: Workload) -> dict[str, int]:
    """Return for each view how many runs the case database says there are."""
    office = town.office()
    return {
        "Te laat": len(work.late),
        "Deze week": len(work.this_week),
        "Crisis": len(work.threatened),
        "Zonder eigenaar": len(work.unowned),
        "Wacht op overdracht": len(work.offered),
        "Wacht op partner": sum(item.waits_outside for item in work.items),
        "Annuleren gevraagd": len(open_cancellations(office.engine)),
        "Tweede beoordeling": sum(item.waits_for == WAITS for item in work.items),
        "Kwaliteitstoets": len(QualitySample(office.engine, office.clock).waiting(MUNICIPALITY)),
        "Alles wat open is": len(work.items),
    } | {view.name: work.by_milestone.get(view.tags[0], 0) for view in BY_MILESTONE}


def look(page: Page, town: Stack, path: str) -> None:
    """Open a page of the UI."""
    town.let_in(page)
    page.goto(f"http://127.0.0.1:{town.prefect_port}/{path}")


def listed(page: Page) -> int:
    """Return how many runs the list says that it found."""
    found = page.get_by_text(re.compile(r"^[\d,]+ (flow )?runs?$", re.IGNORECASE)).first
    expect(found).to_be_visible()
    return int(re.sub(r"\D", "", found.inner_text()))


def comes_to(page: Page, number: int) -> None:
    """Wait until the list counts this number; it may show an older one while it asks the server."""
    nothing = page.get_by_text(re.compile("No runs|No flow runs|no runs found", re.IGNORECASE))

    def right() -> bool:
        return (number == 0 and nothing.first.is_visible()) or listed(page) == number

    wait_until(right, 15, lambda: f"{page.url}: {listed(page)} and not {number}")


def test_the_run_list_by_itself_leaves_old_cases_out(
    town: Stack, lasting_page: Page, expected: dict[str, int]
) -> None:
    """Without a view the run list shows a week: that is what the views are for."""
    look(lasting_page, town, "runs?tag=open")
    assert 0 < listed(lasting_page) < expected["Alles wat open is"]


@BOTH_UIS
def test_each_view_shows_what_the_case_database_says(
    town: Stack, lasting_page: Page, expected: dict[str, int], ui: str
) -> None:
    """In both UIs the link of a view lists as many runs as the case database has, however old."""
    assert sum(expected[view.name] > 0 for view in VIEWS) >= 4, (
        expected
    )  # the sample hangs on the day of the week
    for view in ALL_VIEWS:
        look(lasting_page, town, ui + address(*view.tags).removeprefix("../../"))
        comes_to(lasting_page, expected[view.name])


def test_the_front_page_counts_the_same(town: Stack, lasting_page: Page, expected: dict[str, int]) -> None:
    """The number beside each link of the front page is what that link shows."""
    look(lasting_page, town, "v2/artifacts/key/overzicht")
    for name, number in expected.items():
        link = lasting_page.get_by_role("link", name=name, exact=True)
        row = lasting_page.get_by_role("row").filter(has=link).first
        expect(row.get_by_role("cell").last).to_have_text(str(number))


@pytest.mark.parametrize("view", VIEWS[:3], ids=lambda view: view.name)
def test_a_saved_filter_is_a_view(town: Stack, expected: dict[str, int], view: View) -> None:
    """What is kept under a name finds the same runs, however old. Its list is in the first UI alone."""
    kept = town.prefect("POST", "/saved_searches/filter", limit=200)
    filters = next(one["filters"] for one in kept if one["name"] == view.name)
    tags = next(one["value"] for one in filters if one["property"] == "tag")
    assert town.prefect("POST", "/flow_runs/count", flow_runs={"tags": {"all_": tags}}) == expected[view.name]


@BOTH_UIS
def test_the_filters_of_the_ui_know_flow_tag_and_state(
    town: Stack, lasting_page: Page, work: Workload, ui: str
) -> None:
    """Runs of one flow, with one tag, in one state by its Dutch name: each filter finds exactly those."""
    always = address("open").removeprefix("../../").partition("&type=")[2]
    code, number = max(work.by_milestone.items(), key=lambda pair: pair[1])
    (flow,) = town.prefect("POST", "/flows/filter", flows={"tags": None, "name": {"like_": f"{code} "}})
    closed = _shown(town, f"was:{code}")
    replaced = town.prefect(
        "POST",
        "/flow_runs/count",
        flow_runs={"tags": {"all_": ["vervangen"]}},
        flows={"id": {"any_": [flow["id"]]}},
    )
    look(lasting_page, town, f"{ui}runs?flow={flow['id']}&flows={flow['id']}&type={always}")
    comes_to(lasting_page, number + closed + replaced)
    holder = next(item.holder for item in work.items if item.holder)
    look(lasting_page, town, ui + address(f"contact:{holder}").removeprefix("../../"))
    comes_to(lasting_page, sum(item.holder == holder for item in work.items))
    state = work.items[0].waits_for
    look(lasting_page, town, f"{ui}runs?state={quote(state)}&type={always}")
    comes_to(lasting_page, sum(item.waits_for == state for item in work.items))
