"""Local accounts: the command that gives one, the page to log in, and who is kept out."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs
from support.doors import ask, cookies_of, make_door, shown, staff_file

from adapters.runtime.settings import Settings
from deployments.door.accounts import AccountFile, Accounts, TooManyError
from deployments.door.login import own_path
from deployments.prefect_server import behind_proxies

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from deployments.door.door import Door

PASSWORD = "een lang wachtwoord"


@pytest.fixture
def file(tmp_path: Path) -> AccountFile:
    """An account of mw-17."""
    made = AccountFile(tmp_path / "wachtwoorden.json")
    made.set_password("mw-17", PASSWORD)
    return made


@pytest.fixture
def door(file: AccountFile, tmp_path: Path) -> Door:
    """A door with local accounts."""
    return make_door(tmp_path, staff_file(tmp_path), accounts=Accounts(file, wait=0.01))


def log_in(door: Door, **more: Any) -> httpx.Response:
    """Send the form."""
    given = {"code": "mw-17", "wachtwoord": PASSWORD, "naar": "/v2/runs"} | more.pop("data", {})
    return ask(door, "POST", "/inloggen", data=given, **more)


def test_who_is_not_in_gets_the_form_and_then_the_page(door: Door) -> None:
    """The form keeps where somebody went; the right password leads there, with a cookie that opens it."""
    form = ask(door, "GET", "/v2/runs?x=1")
    assert form.status_code == 401
    assert 'name="naar" value="/v2/runs?x=1"' in form.text
    answer = log_in(door)
    assert (answer.status_code, answer.headers["location"]) == (303, "/v2/runs")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("routekaart_sessie_4200=", "HttpOnly", "SameSite=Strict"))
    shown = {"cookie": cookie.partition(";")[0]}
    assert ask(door, "GET", "/v2/runs", headers=shown).text.startswith("binnen")
    assert 'action="/uit"' in ask(door, "GET", "/uit", headers=shown).text
    assert "Max-Age=0" in ask(door, "POST", "/uit", headers=shown).headers["set-cookie"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"wachtwoord": "iets heel anders"}, 403),
        ({"wachtwoord": ""}, 403),
        ({"wachtwoord": PASSWORD + "x"}, 403),
        ({"code": "mw-99"}, 403),
        ({"code": "<script>"}, 422),
        ({"code": ""}, 422),
    ],
)
def test_a_wrong_form_lets_nobody_in(door: Door, given: dict[str, str], status: int) -> None:
    """The form comes back with one sentence, and without a cookie."""
    answer = log_in(door, data=given)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert 'role="alert"' in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("origin", ["https://kwaad.example", "null", "http://127.0.0.1:4201", ""])
def test_a_form_of_another_site_logs_nobody_in(door: Door, origin: str) -> None:
    """Else somebody would work under the name of another without seeing it."""
    answer = log_in(door, headers={"origin": origin})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_cookie_that_somebody_brings_is_replaced(door: Door) -> None:
    """No session is taken over at a login, and each has a value of its own."""
    brought = {"cookie": "routekaart_sessie_4200=van-mij"}
    first, second = (log_in(door, headers=brought).headers["set-cookie"] for _ in range(2))
    assert "van-mij" not in first
    assert first != second


@pytest.mark.parametrize(
    "path",
    [
        "https://kwaad.example",
        "//kwaad.example",
        "/\\kwaad.example",
        "/x\r\nset-cookie: a=b",
        "/\t/kwaad",
        "x",
        "",
    ],
)
def test_a_login_leads_nowhere_else(door: Door, path: str) -> None:
    """An address of another site, or one that would become a header, is left out."""
    assert own_path(path) == ""
    assert log_in(door, data={"naar": path}).headers["location"] == "/"


def test_the_log_repeats_no_name_or_number_that_somebody_typed(door: Door) -> None:
    """A wrong password of a known code names that code; what is no account may be a person, and is not written."""
    with capture_logs() as said:
        for code in ("Jansen", "111222333", "mw-17"):
            assert log_in(door, data={"code": code, "wachtwoord": "x" * 12}).status_code == 403
    assert [line["code"] for line in said if line["event"] == "login_refused"] == [
        "onbekend",
        "onbekend",
        "mw-17",
    ]


@pytest.mark.parametrize("change", ["another password", "no account"])
def test_a_session_ends_with_its_password(door: Door, file: AccountFile, change: str) -> None:
    """Who had a password that somebody else knew sets another, and whoever came in with the old one is out."""
    inside = shown(cookies_of(log_in(door)))
    assert ask(door, "GET", "/v2/runs", headers=inside).status_code == 200
    assert ask(door, "GET", "/v2/runs", headers=inside).status_code == 200
    if change == "no account":
        file.remove("mw-17")
    else:
        file.set_password("mw-17", PASSWORD)
    assert ask(door, "GET", "/v2/runs", headers=inside).status_code == 401


def test_guesses_slow_down_the_guesser_alone(file: AccountFile) -> None:
    """Whoever guesses many at once is refused; the same code from elsewhere, and another from there, get in."""
    file.set_password("mw-18", PASSWORD)

    async def tried() -> tuple[list[Any], bool, bool]:
        accounts = Accounts(file, wait=60)
        async with asyncio.TaskGroup() as group:
            guesses = [
                group.create_task(_told(accounts.may_enter("mw-17", f"gok {number}", "10.0.0.1")))
                for number in range(9)
            ]
            elsewhere = await accounts.may_enter("mw-17", PASSWORD, "10.0.0.2")
            other = await accounts.may_enter("mw-18", PASSWORD, "10.0.0.1")
            refused = [await guess for guess in guesses if guess.done()]
            for guess in guesses:
                guess.cancel()
        return refused, elsewhere, other

    refused, elsewhere, other = asyncio.run(tried())
    assert (elsewhere, other) == (True, True)
    assert len(refused) >= 3
    assert set(refused) == {"too many"}


def test_the_address_of_a_guesser_is_what_a_trusted_proxy_says(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a proxy each person has his own address; who writes one himself, also on this machine, has not."""
    seen: list[str] = []

    async def noted(_accounts: Any, _code: str, _password: str, address: str) -> bool:
        seen.append(address)
        return False

    monkeypatch.setattr(Accounts, "may_enter", noted)
    for trusted in ((), ("127.0.0.1",)):
        chosen = Settings(home=tmp_path, trusted_proxies=trusted)
        forwarded = {"x-forwarded-for": "198.51.100.7"}
        assert log_in(behind_proxies(chosen, door), headers=forwarded).status_code == 403
    assert seen == ["127.0.0.1", "198.51.100.7"]


def test_a_guesser_with_a_network_of_addresses_is_one(file: AccountFile) -> None:
    """A subscriber has a whole /64 of IPv6: all of it waits together; an address that is none waits too."""
    accounts = Accounts(file, wait=0)
    for address in (
        "2001:db8:1:2::1",
        "2001:db8:1:2:ffff::9",
        "2001:db8:1:3::1",
        "::ffff:10.0.0.1",
        "10.0.0.1",
        "",
    ):
        assert not asyncio.run(accounts.may_enter("mw-17", "gok gok gok gok", address))
    assert sorted(accounts._wrong.values()) == [1, 1, 2, 2]


async def _told(work: Any) -> Any:
    try:
        return await work
    except TooManyError:
        return "too many"


def test_the_file_keeps_a_strong_hash_for_its_owner(file: AccountFile) -> None:
    """No password is in the file, and nobody else reads it."""
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.hashes()["mw-17"].startswith("$argon2id$")
    assert PASSWORD not in file.path.read_text(encoding="utf-8")


def test_the_command_gives_and_takes_an_account(tmp_path: Path) -> None:
    """A password comes from standard input; who is in no file of staff, or has a short one, gets none."""
    staff = tmp_path / "medewerkers.toml"
    staff.write_text('[mensen.mw-17]\n"0518" = ["klantmanager"]\n', encoding="utf-8")
    home = tmp_path / "home"
    environment = {"PATH": "", "ROUTEKAART_HOME": str(home), "ROUTEKAART_STAFF_FILE": str(staff)}

    def command(*words: str, given: str = PASSWORD) -> tuple[int, str]:
        called = [sys.executable, "-m", "deployments.cli", "wachtwoord", *words]
        done = subprocess.run(
            called, input=given + "\n", env=environment, capture_output=True, text=True, check=False
        )
        assert given not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    assert command("mw-99")[0] == 2
    assert command("mw-17", given="te kort")[0] == 2
    assert not (home / "wachtwoorden.json").exists()
    assert command("mw-17")[0] == 0
    kept = AccountFile(home / "wachtwoorden.json")
    assert kept.is_right("mw-17", PASSWORD)
    assert command("mw-17", "--weg")[0] == 0
    assert not kept.is_right("mw-17", PASSWORD)
