"""Names and rights in a browser: people log in at a login service and decide in Prefect's own UI, two by two."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import oidc_provider_mock
import pytest
import ui
from playwright.sync_api import expect
from support.stack import free_port, wait_until

from adapters.runtime.policies import policy_from
from adapters.runtime.settings import Settings
from deployments.environment import prefect_environment
from milestones.four_eyes import WAITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from support.stack import Stack

pytestmark = [pytest.mark.prefect, pytest.mark.browser]

PLACE = "0599"
ROLES = {"mw-61": "jurist", "mw-62": "kwaliteitstoetser", "mw-63": "lezer", "mw-64": "beheerder"}
STAFF = """
[aanmelden]
code = "medewerkernummer"
groepen = "rollen"
gemeenten = "gemeenten"
[rollen_van_groepen]
""" + "".join(f'{role}s.gemeenten = ["{role}"]\n' for role in ROLES.values())


@pytest.fixture(scope="module")
def base(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a second server of Prefect on the database of the stack, at which people log in."""
    people = [
        oidc_provider_mock.User(
            sub=code, claims={"medewerkernummer": code, "rollen": [f"{role}s"], "gemeenten": [PLACE]}
        )
        for code, role in ROLES.items()
    ]
    folder = tmp_path_factory.mktemp("tweede")
    (folder / "medewerkers.toml").write_text(STAFF, encoding="utf-8")
    port = free_port()
    own = f"http://127.0.0.1:{port}"
    with oidc_provider_mock.run_server_in_thread(user_claims=people, require_nonce=True) as provider:
        chosen = {
            "ROUTEKAART_PREFECT_PORT": str(port),
            "ROUTEKAART_UI_URL": own,
            "ROUTEKAART_STAFF_FILE": str(folder / "medewerkers.toml"),
            "ROUTEKAART_OIDC_ISSUER": f"http://localhost:{provider.server_port}",
            "ROUTEKAART_OIDC_CLIENT_ID": "routekaart",
            "ROUTEKAART_OIDC_CLIENT_SECRET": "een geheim",
        }
        environment = stack.environment | chosen
        environment |= prefect_environment(Settings(home=stack.home, prefect_port=port, ui_url=own))
        words = ("deployments.prefect_server", "server", "start", "--no-services", "--port", str(port))
        with (folder / "server.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *words], env=environment, stdout=log, stderr=log
            )
        wait_until(lambda: _answers(own), 180, lambda: (folder / "server.log").read_text()[-3000:])
        yield own
        process.terminate()
        process.wait(30)


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/api/health").is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def case(stack: Stack) -> tuple[str, dict[str, Any]]:
    """A case of a gemeente with four eyes, of which the plan waits for its toets, and its run."""
    choices = {"tweede_beoordeling": ["toelating"]}
    stack.cases.policy_book.put_forward(PLACE, policy_from(f"{PLACE}-vier-ogen", choices), choices)
    reference = stack.open("M6", municipality=PLACE)
    stack.report(reference, "plan_opgesteld", beslagvrije_voet=True)
    stack.report(reference, "inwoner_akkoord")
    return reference, stack.wait_for_state(f"{reference} · M6", "Wacht op toets van het plan")


@pytest.fixture
def comes(page: Page, base: str) -> Callable[[str, str], Page]:
    """Let somebody log in at the login service, in a browser of his own, on the way to a page."""
    browser = page.context.browser
    assert browser is not None

    def came(code: str, path: str) -> Page:
        own = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        own.set_default_timeout(60_000)  # other tests run beside it
        own.goto(f"{base}/{path}")
        own.get_by_role("link", name="Log in met uw werkaccount").click()
        own.get_by_role("button", name=code).click()
        own.wait_for_url(f"{base}/{path}")
        return own

    return came


def judge(page: Page, label: str, **chosen: str) -> None:
    """Answer the form of the run on the page."""
    form = ui.resume(page)
    ui.choose_event(page, form, label)
    for name, value in chosen.items():
        ui.choose(page, form.get_by_role("button", name=name), value)
    ui.send(form)


def test_two_people_decide_in_prefect_and_are_named(
    stack: Stack,
    base: str,
    case: tuple[str, dict[str, Any]],
    comes: Callable[[str, str], Page],
) -> None:
    """One answers and waits, cannot be his own second, a lezer is refused, another decides; all of it has a name."""
    reference, run = case
    path = f"v2/runs/flow-run/{run['id']}"
    agrees = {"Ben je het eens": "ja"}

    first = comes("mw-61", path)
    judge(first, "Plan goedgekeurd")
    stack.wait_for_state(f"{reference} · M6", WAITS)
    ui.comes_to_say(first, WAITS)
    judge(first, "Tweede beoordeling", **agrees)
    stack.wait_for_state(f"{reference} · M6", f"Niet overgenomen · {WAITS}")
    ui.comes_to_say(first, "niet ook het tweede")

    looks = comes("mw-63", path)
    before = stack.case(reference)["journaal"]
    judge(looks, "Tweede beoordeling", **agrees)
    expect(looks.get_by_text("het recht 'behandelen' of 'beoordelen' ontbreekt").first).to_be_visible()
    assert stack.case(reference)["journaal"] == before

    second = comes("mw-62", path)
    judge(second, "Tweede beoordeling", **agrees)
    stack.wait_for_state(f"{reference} · M6", "Wacht op bekendmaking van de beschikking")
    done = [
        (line["gebeurtenis"], *line["door"].values())
        for line in stack.case(reference)["journaal"][len(before) - 1 :]
    ]
    assert [row for row in done if row[0] != "houder_gewijzigd"] == [
        ("tweede_beoordeling_gevraagd", "medewerker", "mw-61", "formulier"),
        ("tweede_beoordeling_gegeven", "medewerker", "mw-62", "formulier"),
        ("goedgekeurd", "medewerker", "mw-62", "formulier"),
    ]

    # The page of the case names them, in Prefect and beside it.
    second.goto(f"{base}/zaak/{reference}")
    expect(second.get_by_role("cell", name="mw-61 (formulier)")).to_have_count(1)
    expect(second.get_by_role("cell", name="mw-62 (formulier)")).to_have_count(2)
    second.goto(f"{base}/v2/artifacts/key/zaak-{reference.lower()}")
    expect(second.get_by_text("mw-61").first).to_be_visible()

    # A beheerder of the gemeente finds the case and removes what nobody else may; a lezer may not.
    manager = comes("mw-64", path)
    ui.says(manager, "Wacht op bekendmaking")
    gone = f"async () => (await fetch('/api/flow_runs/{run['id']}/input/niets', {{method: 'DELETE'}})).status"
    assert looks.evaluate(gone) == 403
    assert manager.evaluate(gone) == 404

    # Who looked: everybody who saw the run, and nobody else.
    log = json.loads(stack.run("inzagelog", "--zaak", reference, "--json").stdout)
    assert {look["door"]["code"] for look in log} == set(ROLES)
    for person in (first, looks, second, manager):
        person.context.close()
