"""Logging in with a browser, at two login services that others wrote: oidc-provider-mock, and oidc-provider of npm."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import oidc_provider_mock
import pytest
from playwright.sync_api import expect
from support.doors import CREDENTIAL, make_door, serving, staff_file
from support.peers import npm_packages
from support.stack import free_port, wait_until

from deployments.door.openid_login import OpenIdLogin
from deployments.door.provider import Provider
from deployments.door.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

STAFF = """
[aanmelden]
code = "medewerkernummer"
groepen = "rollen"
[rollen_van_groepen.klantmanagers]
"0518" = ["klantmanager"]
"""
CLAIMS = {"medewerkernummer": "mw-17", "rollen": ["klantmanagers"]}
SECRET = "een geheim: & meer"
# What the people of oidc-provider call a minimal provider, with its own pages to log in.
PROVIDER = """
import Provider from "oidc-provider";
const {PORT, BACK, HOME, SECRET, CLAIMS} = process.env;
const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [{client_id: "routekaart", client_secret: SECRET, redirect_uris: [BACK], post_logout_redirect_uris: [HOME]}],
  claims: {openid: ["sub", "medewerkernummer", "rollen"]},
  pkce: {required: () => true},
  cookies: {keys: ["een", "twee"]},
  findAccount: (ctx, id) => ({accountId: id, claims: () => ({sub: id, ...JSON.parse(CLAIMS)})}),
});
provider.listen(Number(PORT), "127.0.0.1");
"""


@pytest.fixture
def port() -> int:
    """The port of our door."""
    return free_port()


@pytest.fixture
def enter_by(port: int, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Serve a door before a login service; give its address."""
    running: list[Any] = []

    def entered(issuer: str) -> str:
        base = f"http://127.0.0.1:{port}"
        book = staff_file(tmp_path, STAFF)
        sessions = Sessions(CREDENTIAL, tmp_path / "binnen", port=port)
        provider = Provider(issuer, "routekaart", SECRET)
        service = OpenIdLogin(
            provider, CREDENTIAL, base, sessions.once, book.book, lambda: b"k" * 32, port=port
        )
        running.append(serving(make_door(tmp_path, book, sessions, service=service), port))
        running[-1].__enter__()
        return base

    yield entered
    for one in running:
        one.__exit__(None, None, None)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with oidc-provider of npm."""
    return npm_packages(tmp_path_factory.mktemp("oidc"), "oidc-provider@8")


@pytest.fixture
def node_provider(package: Path, port: int) -> Iterator[str]:
    """The address of a running oidc-provider."""
    own = free_port()
    (package / "provider.mjs").write_text(PROVIDER, encoding="utf-8")
    given = {
        "PORT": str(own),
        "BACK": f"http://127.0.0.1:{port}/inloggen/terug",
        "HOME": f"http://127.0.0.1:{port}/",
        "SECRET": SECRET,
        "CLAIMS": json.dumps(CLAIMS),
    }
    process = subprocess.Popen(
        ["node", "provider.mjs"], cwd=package, env=os.environ | given, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{own}"
    wait_until(lambda: _answers(address), 60, lambda: "oidc-provider does not start")
    yield address
    process.kill()
    process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/.well-known/openid-configuration").is_success
    except httpx.HTTPError:
        return False


def begin(page: Page, base: str) -> None:
    """Ask for a page, and go to the login service."""
    page.goto(f"{base}/v2/runs")
    page.get_by_role("link", name="Log in met uw werkaccount").click()


def is_in(page: Page, base: str) -> None:
    """See the page that was asked for, as somebody who is in."""
    page.wait_for_url(f"{base}/v2/runs")
    expect(page.locator("body")).to_contain_text("binnen")


def test_a_browser_comes_in_by_oidc_provider_mock_and_goes_out(
    page: Page, enter_by: Callable[[str], str]
) -> None:
    """From the page that was asked, over the login service, back to that page; after logging out it is closed."""
    people = [oidc_provider_mock.User(sub="sub-17", claims=CLAIMS)]
    with oidc_provider_mock.run_server_in_thread(user_claims=people, require_nonce=True) as server:
        base = enter_by(f"http://localhost:{server.server_port}")
        begin(page, base)
        page.get_by_role("button", name="sub-17").click()
        is_in(page, base)
        page.goto(f"{base}/uit")
        page.get_by_role("button", name="Log uit").click()
        page.wait_for_url("**/oauth2/end_session*")
        page.goto(f"{base}/v2/runs")
        expect(page.get_by_role("link", name="Log in met uw werkaccount")).to_be_visible()


@pytest.mark.long
def test_a_browser_comes_in_by_oidc_provider_of_npm(
    page: Page, enter_by: Callable[[str], str], node_provider: str
) -> None:
    """A certified provider, with PKCE required, the issuer in its answer, and claims at its address for these."""
    base = enter_by(node_provider)
    begin(page, base)
    page.locator("[name=login]").fill("sub-17")
    page.locator("[name=password]").fill("x")
    page.locator("[type=submit]").click()
    page.get_by_role("button", name="Continue").click()
    is_in(page, base)
    page.goto(f"{base}/uit")
    page.get_by_role("button", name="Log uit").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page.get_by_role("link", name="Log in met uw werkaccount")).to_be_visible()


@pytest.mark.long
def test_who_aborts_at_the_login_service_gets_a_sentence(
    page: Page, enter_by: Callable[[str], str], node_provider: str
) -> None:
    """The page says that the service did not let him in, and leads back to the login."""
    base = enter_by(node_provider)
    begin(page, base)
    page.get_by_text("Cancel").click()
    expect(page.get_by_role("heading", name="De inlogdienst liet u niet toe.")).to_be_visible()
    page.get_by_role("link", name="Log opnieuw in").click()
    expect(page.get_by_role("link", name="Log in met uw werkaccount")).to_be_visible()
