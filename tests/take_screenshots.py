"""Make the pictures of the documents: a stack with sample cases, looked at in a headless Chromium.

    python tests/take_screenshots.py [--home FOLDER]

With `--home` a stack that runs already is used (ports from ROUTEKAART_PREFECT_PORT). The pictures go to
docs/gebruik/plaatjes.
"""

# it says what it makes

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright
from sqlalchemy import func
from sqlmodel import col, select
from support.sample_cases import fill
from support.stack import Stack

sys.path.insert(0, str(Path(__file__).parents[1]))

from adapters.office import open_office
from adapters.runtime.settings import Settings
from adapters.storage.database import ProcessRow, reading
from flows.views import address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

FOLDER = Path(__file__).parents[1] / "docs" / "gebruik" / "plaatjes"
FEW_CASES, MANY_CASES = 24, 48
# The pattern behind the pages makes a picture twice as large and shows nothing.
_PLAIN = "*, *::before, *::after { background-image: none !important; }"
MUNICIPALITY = "0518"


@contextmanager
def sample_stack(cases: int = FEW_CASES) -> Iterator[Stack]:
    """Start a stack with cases that have a past."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "home", extra={"ROUTEKAART_MUNICIPALITY": MUNICIPALITY})
        open_cases = open_office(Settings(home=stack.home, municipality=MUNICIPALITY))
        fill(open_cases, cases)
        stack.start()
        wait_until_all_is_shown(stack)
        try:
            yield stack
        finally:
            stack.stop()


def wait_until_all_is_shown(stack: Stack) -> None:
    """Wait until no process asks for attention any more."""
    office = open_office(Settings(home=stack.home, municipality=MUNICIPALITY))
    question = select(func.count()).where(col(ProcessRow.attention), col(ProcessRow.finished).is_(False))
    while True:
        with reading(office.engine) as session:
            if not session.exec(question).one():
                return
        time.sleep(2)


def take(stack: Stack, page: Page) -> None:
    """Take every picture: of the second UI (decision 9), and of our own pages on a desk and on a phone."""
    base = f"http://127.0.0.1:{stack.prefect_port}/"
    stack.let_in(page)

    def save(name: str, path: str = "", seconds: float = 3, from_: str = "", on: Page = page) -> None:
        """Save what the window shows; `from_` is the text that comes at its top."""
        if path:
            on.goto(base + path)
        time.sleep(seconds)
        if "/v2/" in on.url:  # our own pages let no style in
            on.add_style_tag(content=_PLAIN)
        if from_:
            line = on.get_by_text(re.compile(from_)).first
            line.evaluate("node => node.scrollIntoView({block: 'start'})")
            time.sleep(1)
        on.screenshot(path=FOLDER / f"{name}.png")
        print(name)

    late = stack.prefect("POST", "/flow_runs/filter", flow_runs={"tags": {"all_": ["te-laat", "M3"]}})
    shown = late[0] if late else stack.prefect("POST", "/flow_runs/filter")[0]
    save("overzicht", "v2/artifacts/key/overzicht")
    # Past the filters and the chart of durations, which say nothing about a case.
    save("runlijst", "v2/" + address("crisis").removeprefix("../../"), from_=r"^\d+ Flow runs?$")
    save("runpagina", f"v2/runs/flow-run/{shown['id']}")
    page.get_by_role("button", name="Open menu", exact=True).click()
    page.get_by_role("menuitem", name="Resume").click()
    save("formulier")
    page.keyboard.press("Escape")
    newest = {"artifacts": {"key": {"like_": "zaak-"}}, "sort": "CREATED_DESC", "limit": 50}
    pages = stack.prefect("POST", "/artifacts/filter", **newest)
    longest = max(pages, key=lambda item: len(item["description"]))
    save("zaakpagina", f"v2/artifacts/key/{longest['key']}")
    save("werkvoorraad", f"v2/artifacts/key/werkvoorraad-{MUNICIPALITY}")
    save("monitor", f"v2/artifacts/key/monitor-{MUNICIPALITY}")
    action = stack.prefect("POST", "/deployments/filter", deployments={"name": {"any_": ["zaak-openen"]}})
    save("actie", f"v2/deployments/deployment/{action[0]['id']}/run")
    save("werkvoorraad-pagina", "werkvoorraad")
    own = f"zaak/{longest['key'].removeprefix('zaak-').upper()}"
    with_us = page.context.browser
    assert with_us is not None
    phone = with_us.new_context(
        viewport={"width": 390, "height": 844}, storage_state=page.context.storage_state()
    ).new_page()
    save("zaak-telefoon", own, on=phone)
    save("route-telefoon", own, from_="^De route$", on=phone)


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path)
    parser.add_argument("--prefect-port", type=int, default=4200)
    chosen = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1240, "height": 800})
        if chosen.home:
            look(Stack(chosen.home, prefect_port=chosen.prefect_port), page)
        else:
            with sample_stack(MANY_CASES) as stack:
                look(stack, page)
        browser.close()


def look(stack: Stack, page: Page) -> None:
    """Make the reports, then take the pictures."""
    for name in ("werkvoorraad", "monitor", "overzicht"):
        stack.run_action(name)
    take(stack, page)


if __name__ == "__main__":
    main()
