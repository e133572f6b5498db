"""The second UI of Prefect, used with a mouse, as a coordinator does."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page
    from support.stack import Stack

UI = "v2"


def address(stack: Stack, path: str) -> str:
    """Return an address in the UI of a stack."""
    return f"http://127.0.0.1:{stack.prefect_port}/{UI}/{path}"


def look(stack: Stack, page: Page, path: str) -> None:
    """Open a page of the UI, and come in first where that is needed."""
    stack.let_in(page)
    page.goto(address(stack, path))


def follow(page: Page, link: str) -> None:
    """Click a link on a page."""
    page.get_by_role("link", name=link, exact=True).first.click()


@contextmanager
def all_tags(page: Page) -> Iterator[None]:
    """Show the tags of a run that the UI folds away, and fold them again: a click on their number.

    The key Escape would lay the graph of the run over the whole page, as soon as the graph is there.
    """
    number = page.get_by_role("button", name=re.compile(r"^Show \d+ more tags$")).filter(visible=True)
    folded_out = page.locator("[data-radix-popper-content-wrapper]")
    for _ in range(5):  # a page that still gets its data folds them again: a person clicks once more
        number.click()
        try:
            expect(folded_out).to_be_visible(timeout=4_000)
            page.wait_for_timeout(500)
            expect(folded_out).to_be_visible(timeout=100)
        except AssertionError:
            continue
        break
    yield
    page.get_by_role("tab", selected=True).first.click()
    expect(folded_out).to_be_hidden()


def resume(page: Page, asks: str = "Wat is er gebeurd?") -> Locator:
    """Open the form of a run, which asks this: the three dots in its heading, then Resume."""
    page.get_by_role("button", name="Open menu", exact=True).click()
    page.get_by_role("menuitem", name="Resume").click()
    form = page.get_by_role("dialog").filter(has_text=asks)
    expect(form).to_be_visible()
    return form


def choose(page: Page, field: Locator, label: str) -> None:
    """Choose from a list; one that closes because its page got news is opened again, as a person would."""
    for _ in range(3):
        field.click()
        with suppress(Late):
            return page.get_by_role("option", name=label, exact=True).click(timeout=10_000)
    raise AssertionError(f"'{label}' cannot be chosen")


def choose_event(page: Page, form: Locator, label: str) -> None:
    """Choose what happened."""
    choose(page, form.get_by_role("button", name="Wat is er gebeurd?"), label)


def send(form: Locator) -> None:
    """Send the answer of a form."""
    form.get_by_role("button", name="Resume", exact=True).click()


def open_action(page: Page, stack: Stack, name: str) -> None:
    """Open the form of a deployment."""
    found = stack.prefect("POST", "/deployments/filter", deployments={"name": {"any_": [name]}})
    look(stack, page, f"deployments/deployment/{found[0]['id']}/run")
    expect(page.get_by_role("button", name="Submit")).to_be_visible()


def says(page: Page, words: str) -> None:
    """Wait until the page says something."""
    expect(page.get_by_text(re.compile(words)).first).to_be_visible()


def comes_to_say(page: Page, words: str) -> None:
    """Load the page until it says something: Prefect writes a log a little after the state that it is about."""
    for _ in range(6):
        page.reload()
        with suppress(AssertionError):
            return expect(page.get_by_text(re.compile(words)).first).to_be_visible(timeout=10_000)
    raise AssertionError(f"the page does not say '{words}'")
