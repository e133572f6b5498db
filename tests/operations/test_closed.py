"""Closed by default: what a start refuses, and what `controleer` names."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.stack import run

from adapters.runtime.settings import Settings
from deployments.cli.check import server_login_problems
from deployments.closed import open_problems, server_problems
from deployments.door.accounts import AccountFile
from deployments.door.ways_in import login_problems, proxy_problems
from deployments.grafana_check import grafana_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONG = "0123456789abcdef" * 4
ELSEWHERE = {"PREFECT_API_URL": "http://prefect.intern:4200/api"}


@pytest.fixture
def reachable(tmp_path: Path) -> Path:
    """Return a home in a folder that others can pass."""
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.mark.parametrize(
    "value", [None, "", "routekaart:", "routekaart:kort", LONG, f":{LONG}", f"routekaart:{' ' * 40}"]
)
def test_a_server_needs_a_credential(value: str | None) -> None:
    """Without a credential, or with one that is blank or short, Prefect's server does not start."""
    given = {} if value is None else {"PREFECT_SERVER_API_AUTH_STRING": value}
    assert any("PREFECT_SERVER_API_AUTH_STRING" in line for line in server_problems(given))
    assert not list(server_problems({"PREFECT_SERVER_API_AUTH_STRING": f"routekaart:{LONG}"}))


def test_a_worker_of_a_server_elsewhere_needs_the_credential(tmp_path: Path) -> None:
    """A worker that would show nothing to a server on another machine is told so."""
    chosen = Settings(home=tmp_path)
    assert list(open_problems(chosen, ELSEWHERE))
    assert not list(open_problems(chosen, ELSEWHERE | {"PREFECT_API_AUTH_STRING": f"routekaart:{LONG}"}))


@pytest.mark.parametrize("name", ["person_key", "link_key", "integration_key"])
@pytest.mark.parametrize("key", ["", "kort", " " * 40])
def test_a_short_key_is_refused(tmp_path: Path, name: str, key: str) -> None:
    """A key that is blank or shorter than 32 bytes is no key."""
    found = list(open_problems(Settings(home=tmp_path, **{name: key}), {}))
    assert [f"ROUTEKAART_{name.upper()}" in line for line in found] == [True]
    assert not list(open_problems(Settings(home=tmp_path, **{name: LONG}), {}))


def test_a_home_that_others_can_enter_is_refused(reachable: Path) -> None:
    """The folder with the keys and the cases is for its user alone, and so is each key."""
    chosen = Settings(home=reachable)
    assert not list(open_problems(chosen, {}))
    reachable.chmod(0o755)
    assert any("chmod 700" in line for line in open_problems(chosen, {}))
    chosen.person_secret()
    (reachable / "persoonssleutel").chmod(0o644)
    assert any("persoonssleutel" in line for line in open_problems(chosen, {}))


@pytest.mark.parametrize("name", ["PREFECT_REDIS_MESSAGING_URL", "PREFECT_SERVER_DOCKET_URL"])
def test_a_redis_elsewhere_needs_a_password(name: str) -> None:
    """Whoever reaches a Redis without password reads and writes Prefect's messages."""
    closed = {"PREFECT_SERVER_API_AUTH_STRING": f"routekaart:{LONG}"}
    assert any(name in line for line in server_problems(closed | {name: "redis://redis.intern:6379/0"}))
    assert not list(server_problems(closed | {name: "redis://:geheim@redis.intern:6379/0"}))


# --- whoever comes from another machine has to log in ------------------------------------------------------------


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    """A file of staff."""
    path = tmp_path / "medewerkers.toml"
    path.write_text('[mensen.mw-17]\n"0518" = ["klantmanager"]\n', encoding="utf-8")
    return path


LOGINS = {
    "a login service": {"oidc_issuer": "https://inloggen.example", "oidc_client_id": "routekaart"},
    "a proxy": {"proxy_secret": LONG},
}


@pytest.mark.parametrize("name", LOGINS)
def test_a_server_for_other_machines_asks_for_a_login(tmp_path: Path, staff: Path, name: str) -> None:
    """A listener beyond loopback, or an address for others, needs a login service, a proxy or accounts."""
    home = tmp_path / "home"
    alone, for_others = Settings(home=home), Settings(home=home, ui_url="https://prefect.gemeente.example")
    assert not list(login_problems(alone, "127.0.0.1"))
    assert not list(login_problems(alone, "::1"))
    for host in ("0.0.0.0", "::", "10.0.0.3", ""):  # noqa: S104
        assert ["ROUTEKAART_OIDC_ISSUER" in line for line in login_problems(alone, host)] == [True]
    assert list(login_problems(for_others, "127.0.0.1"))
    assert list(login_problems(Settings(home=home, staff_file=staff), "0.0.0.0"))  # noqa: S104
    asked = Settings(home=home, staff_file=staff, ui_url="https://prefect.gemeente.example", **LOGINS[name])
    assert not list(login_problems(asked, "0.0.0.0"))  # noqa: S104


def test_local_accounts_are_a_login(tmp_path: Path, staff: Path) -> None:
    """As long as there is one; an empty file is none."""
    home = Settings(home=tmp_path / "home", staff_file=staff)
    home.ensure_home()
    file = AccountFile(home.home_folder / "wachtwoorden.json")
    file.set_password("mw-17", "een lang wachtwoord")
    assert not list(login_problems(home, "0.0.0.0"))  # noqa: S104
    file.remove("mw-17")
    assert list(login_problems(home, "0.0.0.0"))  # noqa: S104


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"oidc_issuer": "https://x.example"}, "ROUTEKAART_OIDC_CLIENT_ID"),
        ({"oidc_issuer": "http://x.example", "oidc_client_id": "r"}, "begint met https"),
        (
            {"oidc_issuer": "https://x.example", "oidc_client_id": "r", "staff_file": None},
            "ROUTEKAART_STAFF_FILE",
        ),
        ({"proxy_secret": "kort"}, "ROUTEKAART_PROXY_SECRET is te kort"),
        ({"proxy_secret": LONG, "staff_file": None}, "ROUTEKAART_STAFF_FILE"),
        ({"proxy_secret": LONG, **LOGINS["a login service"]}, "Kies"),
        ({"proxy_secret": LONG, "staff_file": Path("/er/niet.toml")}, "niet te lezen"),
    ],
)
def test_a_login_that_cannot_work_is_one_sentence(
    tmp_path: Path, staff: Path, given: dict[str, object], said: str
) -> None:
    """What is missing is named, also at a server that listens on loopback alone."""
    found = list(login_problems(Settings(home=tmp_path, **({"staff_file": staff} | given)), "127.0.0.1"))
    assert [said in line for line in found] == [True]


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (("-m", "deployments.prefect_server", "server", "start", "--host", "0.0.0.0"), {}),  # noqa: S104
        (("-m", "deployments.cli", "start"), {"ROUTEKAART_UI_URL": "https://prefect.gemeente.example"}),
    ],
)
def test_a_start_without_a_login_refuses(
    tmp_path: Path, words: tuple[str, ...], more: dict[str, str]
) -> None:
    """One sentence, exit code 2, and nobody listens."""
    given = {
        "PATH": "",
        "ROUTEKAART_HOME": str(tmp_path / "h"),
        "PREFECT_SERVER_API_AUTH_STRING": f"routekaart:{LONG}",
        "PREFECT_API_AUTH_STRING": f"routekaart:{LONG}",
    }
    done = subprocess.run(
        [sys.executable, *words], env=given | more, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert "niemand hoeft te zeggen wie hij is" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"PREFECT_SERVER_API_HOST": "0.0.0.0"}, True),  # noqa: S104
        ({"ROUTEKAART_UI_URL": "https://prefect.gemeente.example"}, True),
        ({}, False),
    ],
)
def test_controleer_names_a_server_for_others_without_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], names: bool
) -> None:
    """A server that listens beyond loopback and one with an address; the command itself says so further on."""
    for name, value in (given | {"ROUTEKAART_HOME": str(tmp_path / "h")}).items():
        monkeypatch.setenv(name, value)
    found = list(server_login_problems(Settings()))
    assert ["niemand hoeft te zeggen wie hij is" in line for line in found] == [True] * names


def test_controleer_wants_to_know_the_proxy_before_local_accounts(tmp_path: Path, staff: Path) -> None:
    """Behind a proxy that nobody named all people have one address."""
    alone = Settings(home=tmp_path / "home", staff_file=staff, ui_url="https://prefect.gemeente.example")
    assert not list(proxy_problems(alone))
    AccountFile(alone.ensure_home() / "wachtwoorden.json").set_password("mw-17", "een lang wachtwoord")
    assert ["ROUTEKAART_TRUSTED_PROXIES" in line for line in proxy_problems(alone)] == [True]
    assert not list(proxy_problems(alone.model_copy(update={"trusted_proxies": ("10.0.0.7",)})))
    assert not list(proxy_problems(alone.model_copy(update={"ui_url": None})))


# --- Grafana -----------------------------------------------------------------------------------------------------


@contextmanager
def grafana(let_in: Callable[[str | None], bool]) -> Iterator[str]:
    """Yield the address of a Grafana that lets in who shows this header `Authorization`, as its API documents it."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/api/org" and let_in(self.headers.get("Authorization"))
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(b'{"id": 1, "name": "Main Org."}' if known else b'{"message": "Unauthorized"}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


FIRST = "Basic " + base64.b64encode(b"admin:admin").decode()


@pytest.mark.parametrize(
    ("let_in", "said"),
    [
        (lambda _: True, ["zonder wachtwoord in Grafana"]),
        (lambda shown: shown == FIRST, ["wachtwoord van de fabriek"]),
        (lambda shown: shown == "Basic bmlldDpnZXJhZGVu", []),
    ],
)
def test_a_grafana_without_a_password_is_refused(
    tmp_path: Path, let_in: Callable[[str | None], bool], said: list[str]
) -> None:
    """One that lets anybody in, or with the password that every new Grafana has; one that is away lets nobody in."""
    with grafana(let_in) as address:
        found = list(grafana_problems(Settings(home=tmp_path, grafana_url=address)))
    assert [part in line for part, line in zip(said, found, strict=True)] == [True] * len(said)
    assert not list(grafana_problems(Settings(home=tmp_path, grafana_url=address)))
    assert not list(grafana_problems(Settings(home=tmp_path)))


def test_every_start_refuses_an_open_grafana(tmp_path: Path) -> None:
    """The server and a worker say so in one sentence, with exit code 2; `controleer` with 1, with what else is open."""
    credential = {f"PREFECT_{name}API_AUTH_STRING": f"routekaart:{LONG}" for name in ("", "SERVER_")}
    with grafana(lambda _: True) as address:
        given = {"PATH": "", "ROUTEKAART_HOME": str(tmp_path / "h"), "ROUTEKAART_GRAFANA_URL": address}
        for words in (("deployments.prefect_server", "server", "start"), ("deployments.cli", "worker")):
            done = subprocess.run(
                [sys.executable, "-m", *words],
                env=given | credential,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert done.returncode == 2, words
            assert "Grafana" in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1
        open_too = {"PREFECT_SERVER_API_HOST": "0.0.0.0"}  # noqa: S104
        checked = run("controleer", environment=given | open_too, check=False)
    assert checked.returncode == 1
    assert "Grafana" in checked.stderr
    assert "niemand hoeft te zeggen wie hij is" in checked.stderr


@pytest.mark.parametrize("command", ["start", "worker", "api", "deploy"])
def test_every_start_refuses(tmp_path: Path, command: str) -> None:
    """A start with a short key says so in one sentence, with exit code 2, and starts nothing."""
    done = run(
        command, environment={"ROUTEKAART_HOME": str(tmp_path / "h"), "ROUTEKAART_LINK_KEY": "x"}, check=False
    )
    assert done.returncode == 2
    assert "ROUTEKAART_LINK_KEY" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
