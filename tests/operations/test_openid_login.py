"""Login by OpenID Connect, with a provider that others wrote (oidc-provider-mock)."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import flask
import httpx
import jwt
import oidc_provider_mock
import pytest
from authlib import jose
from structlog.testing import capture_logs
from support.doors import BASE, CREDENTIAL, ask, cookies_of, make_door, shown, staff_file

from adapters.runtime.settings import SettingsError
from deployments.door.openid_login import OpenIdLogin
from deployments.door.provider import Provider
from deployments.door.sessions import Once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from werkzeug.serving import BaseWSGIServer

    from deployments.door.door import Door

STAFF = """
[mensen.mw-17]
"0518" = ["klantmanager"]
[aanmelden]
code = "medewerkernummer"
groepen = "realm_access.roles"
gemeenten = "gemeentecode"
[rollen_van_groepen.coordinatoren]
gemeenten = ["coördinator"]
"""
PEOPLE = {
    "sub-17": {"medewerkernummer": "mw-17", "name": "Jan Jansen", "email": "jan@example.nl"},
    "sub-18": {
        "medewerkernummer": "mw-18",
        "realm_access": {"roles": ["coordinatoren", "iets anders"]},
        "gemeentecode": ["0363"],
    },
    "sub-19": {"medewerkernummer": "mw-19"},
    "sub-20": {"medewerkernummer": "Jan Jansen"},
    "sub-21": {},
    "sub-22": {
        "medewerkernummer": "jansen",
        "realm_access": {"roles": ["coordinatoren"]},
        "gemeentecode": ["0363"],
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[BaseWSGIServer]:
    """The provider."""
    people = [oidc_provider_mock.User(sub=sub, claims=claims) for sub, claims in PEOPLE.items()]
    with oidc_provider_mock.run_server_in_thread(user_claims=people, require_nonce=True) as running:
        yield running


def storage_of(server: Any) -> Any:
    """Return what the provider knows, among which its key."""
    with server.app.test_request_context("/"):
        server.app.preprocess_request()
        return flask.g.oidc_provider_mock_storage


@pytest.fixture
def login(server: BaseWSGIServer, tmp_path: Path) -> OpenIdLogin:
    """Our side of the login."""
    provider = Provider(f"http://localhost:{server.server_port}", "routekaart", "een geheim: & meer")
    return OpenIdLogin(
        provider,
        CREDENTIAL,
        BASE,
        Once(tmp_path / "binnen", 3600),
        staff_file(tmp_path, STAFF).book,
        lambda: b"k" * 32,
        "openid profile",
        4200,
    )


@pytest.fixture
def door(login: OpenIdLogin, tmp_path: Path) -> Door:
    """A door with that login."""
    return make_door(tmp_path, staff_file(tmp_path, STAFF), service=login)


def begin(door: Door, onward: str = "/v2/runs") -> tuple[str, dict[str, str]]:
    """Go to the provider: its address, and the cookie to come back with."""
    answer = ask(door, "GET", "/inloggen/dienst", params={"naar": onward})
    assert answer.status_code == 303
    return answer.headers["location"], cookies_of(answer)


def agree(address: str, sub: str = "sub-17") -> str:
    """Log in at the provider; the path to which it leads back."""
    back = httpx.post(address, data={"sub": sub}).headers["location"]
    assert back.startswith(BASE + "/inloggen/terug?")
    return back.removeprefix(BASE)


def come_in(door: Door, sub: str = "sub-17", onward: str = "/v2/runs") -> httpx.Response:
    """Log in all the way."""
    address, cookies = begin(door, onward)
    return ask(door, "GET", agree(address, sub), headers=shown(cookies))


def is_refused(answer: httpx.Response, status: int = 403) -> bool:
    """Whether somebody stayed outside: a page with a sentence, and no session."""
    assert answer.status_code == status, answer.text
    cookies = cookies_of(answer)
    return "routekaart_sessie_4200" not in cookies and "Log opnieuw in" in answer.text


def test_who_is_not_in_is_led_to_the_service_and_back_to_his_page(door: Door) -> None:
    """The page to log in leads away with PKCE, state and nonce; who comes back is in, on the page that he asked for."""
    page = ask(door, "GET", "/v2/runs?x=1")
    assert page.status_code == 401
    assert 'href="/inloggen/dienst?naar=%2Fv2%2Fruns%3Fx%3D1"' in page.text
    assert "wachtwoord" not in page.text
    address, cookies = begin(door, "/v2/runs?x=1")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == BASE + "/inloggen/terug"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    answer = ask(door, "GET", agree(address), headers=shown(cookies))
    assert (answer.status_code, answer.headers["location"]) == (303, "/v2/runs?x=1")
    session = cookies_of(answer)
    assert ask(door, "GET", "/v2/runs", headers=shown(session)).text.startswith("binnen")
    assert all(word not in str(answer.headers) for word in ("Jansen", "jan@example.nl"))


def test_roles_and_gemeenten_come_from_claims(door: Door, login: OpenIdLogin) -> None:
    """A group gives a role in the gemeenten that the provider names; who has none is told so."""
    session = door.sessions.read(shown(cookies_of(come_in(door, "sub-18")))["cookie"].encode())
    assert session is not None
    assert (session.code, session.groups, session.places) == ("mw-18", ("coordinatoren",), ("0363",))
    member = login.book().member(session.code, session.groups, session.places)
    assert member is not None
    assert {place: sorted(roles) for place, roles in member.roles.items()} == {"0363": ["coördinator"]}
    without = ask(door, "GET", "/v2/runs", headers=shown(cookies_of(come_in(door, "sub-19"))))
    assert without.status_code == 403
    assert "nog geen rol" in without.text


@pytest.mark.parametrize("sub", ["sub-20", "sub-21"])
def test_an_account_without_a_code_stays_outside(door: Door, sub: str) -> None:
    """A name is no code: the journal would name a person."""
    answer = come_in(door, sub)
    assert is_refused(answer)
    assert "geen code" in answer.text
    assert "Jansen" not in answer.text


def test_a_code_that_may_be_a_name_is_made_another(door: Door) -> None:
    """Who is called by his name at the login service comes in, under a code from which nobody reads it."""
    codes = [
        door.sessions.read(shown(cookies_of(come_in(door, "sub-22")))["cookie"].encode()).code  # type: ignore[union-attr]
        for _ in range(2)
    ]
    assert codes[0] == codes[1]
    assert re.fullmatch("mw-[0-9a-f]{12}", codes[0])


def test_without_a_claim_the_code_is_made(door: Door, login: OpenIdLogin, tmp_path: Path) -> None:
    """Somebody has the same code at each login, and nobody reads from it what the provider calls him."""
    staff_file(tmp_path, '[aanmelden]\ngroepen = "groups"')
    codes = {
        door.sessions.read(shown(cookies_of(come_in(door, sub)))["cookie"].encode()).code  # type: ignore[union-attr]
        for sub in ("sub-17", "sub-17", "sub-18")
    }
    assert len(codes) == 2
    assert all(code.startswith("mw-") and "sub" not in code for code in codes)


# --- what is forged, or comes again ------------------------------------------------------------------------------


def test_an_answer_counts_once(door: Door) -> None:
    """The same way back, in the same browser, lets nobody in a second time."""
    address, cookies = begin(door)
    back = agree(address)
    assert ask(door, "GET", back, headers=shown(cookies)).status_code == 303
    assert is_refused(ask(door, "GET", back, headers=shown(cookies)))


def test_an_answer_of_another_browser_lets_nobody_in(door: Door) -> None:
    """Who is led back with somebody else's code, or without having begun, stays outside: no login as another."""
    theirs = agree(begin(door)[0])
    _, mine = begin(door)
    assert is_refused(ask(door, "GET", theirs, headers=shown(mine)))
    assert is_refused(ask(door, "GET", theirs))
    forged = {name: value[:-3] + "AAA" for name, value in mine.items()}
    assert is_refused(ask(door, "GET", theirs, headers=shown(forged)))


def test_an_attempt_that_comes_twice_lets_nobody_in(door: Door) -> None:
    """Another host of the domain cannot put its own attempt beside that of the browser; over https not even alone."""
    theirs, cookies = begin(door)
    mine = shown(begin(door)[1])["cookie"]
    assert is_refused(
        ask(door, "GET", agree(theirs), headers={"cookie": f"{shown(cookies)['cookie']}; {mine}"})
    )
    over_https = replace(door.service, base=BASE.replace("http:", "https:"))  # type: ignore[type-var]
    said = cookies_of(ask(replace(door, service=over_https), "GET", "/inloggen/dienst"))
    assert [name.startswith("__Host-") for name in said] == [True]


def test_a_nonce_of_another_login_is_refused(door: Door) -> None:
    """A code that was made for another login brings a token with its nonce."""
    theirs = parse_qs(urlsplit(agree(begin(door)[0])).query)["code"][0]
    address, mine = begin(door)
    state = parse_qs(urlsplit(agree(address)).query)["state"][0]
    with capture_logs() as said:
        answer = ask(
            door, "GET", "/inloggen/terug", params={"code": theirs, "state": state}, headers=shown(mine)
        )
    assert is_refused(answer)
    assert said[-1]["reason"] == "nonce"


def test_an_attempt_expires(door: Door, login: OpenIdLogin, tmp_path: Path) -> None:
    """Who comes back after more than ten minutes begins again."""
    address, cookies = begin(door)
    later = replace(login, clock=lambda: time.time() + 601)
    late = make_door(tmp_path, staff_file(tmp_path, STAFF), service=later)
    assert is_refused(ask(late, "GET", agree(address), headers=shown(cookies)))


@pytest.mark.parametrize(
    "change",
    [
        {"state": "getypt"},
        {"state": ""},
        {"code": ""},
        {"code": "vals"},
        {"code": "getypt" * 1000},
        {"iss": "https://kwaad.example"},
        {"error": "access_denied", "error_description": "<script>Jansen"},
    ],
)
def test_a_changed_answer_lets_nobody_in(door: Door, change: dict[str, str]) -> None:
    """The page says one sentence, and neither it nor the log repeats what a stranger typed."""
    address, cookies = begin(door)
    given = {name: values[0] for name, values in parse_qs(urlsplit(agree(address)).query).items()}
    with capture_logs() as said:
        answer = ask(door, "GET", "/inloggen/terug", params=given | change, headers=shown(cookies))
    assert is_refused(answer)
    assert [line["event"] for line in said] == ["login_refused"]
    assert all(value not in str(said) + answer.text for value in change.values() if value)


def test_a_state_that_is_given_twice_is_refused(door: Door) -> None:
    """Else one of the two could be looked at and the other believed."""
    address, cookies = begin(door)
    assert is_refused(ask(door, "GET", agree(address) + "&state=x", headers=shown(cookies)))


def test_who_is_denied_at_the_provider_stays_outside(door: Door) -> None:
    """The provider leads back with an error, and the page says that it did."""
    address, cookies = begin(door)
    back = httpx.post(address, data={"action": "deny"}).headers["location"]
    state = parse_qs(urlsplit(address).query)["state"][0]
    said = f"{urlsplit(back).query}&state={state}" if "state=" not in back else urlsplit(back).query
    answer = ask(door, "GET", f"/inloggen/terug?{said}", headers=shown(cookies))
    assert is_refused(answer)
    assert "liet u niet toe" in answer.text


def token(server: Any, nonce: str, header: dict[str, Any], claims: dict[str, Any], key: Any = None) -> str:
    """Return a token as the provider makes it, but for what is changed; None takes a claim out."""
    now = int(time.time())
    said: dict[str, Any] = {
        "iss": f"http://localhost:{server.server_port}",
        "aud": "routekaart",
        "sub": "sub-17",
        "iat": now,
        "exp": now + 300,
        "nonce": nonce,
        "medewerkernummer": "mw-17",
    } | claims
    own = storage_of(server).jwk
    signed = jwt.encode(
        {name: value for name, value in said.items() if value is not None},
        key or own.as_pem(is_private=True),
        header.get("alg", "RS256"),
        {"kid": own.as_dict(add_kid=True)["kid"]} | {k: v for k, v in header.items() if k != "alg"},
    )
    return str(signed)


def forged_key() -> Any:
    """Return a key of nobody."""
    return jose.RSAKey.generate_key(is_private=True).as_pem(is_private=True)


NOW = int(time.time())
FORGED = {
    "expired": ({}, {"exp": NOW - 3600, "iat": NOW - 7200}),
    "not yet": ({}, {"nbf": NOW + 3600}),
    "made in the future": ({}, {"iat": NOW + 3600}),
    "for another": ({}, {"aud": "ander"}),
    "for several": ({}, {"aud": ["routekaart", "ander"]}),
    "asked by another": ({}, {"azp": "ander"}),
    "of another": ({}, {"iss": "https://kwaad.example"}),
    "without nonce": ({}, {"nonce": None}),
    "another nonce": ({}, {"nonce": "x"}),
    "without end": ({}, {"exp": None}),
    "without subject": ({}, {"sub": None}),
    "unknown key": ({"kid": "x"}, {}),
}


@pytest.fixture
def given_token(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the provider answer with a token of ours."""

    def given(text: str) -> None:
        async def exchanged(*_: Any) -> dict[str, str]:
            return {"access_token": "x", "id_token": text}

        monkeypatch.setattr(Provider, "_exchange", exchanged)

    return given


def come_with(door: Door, server: Any, given_token: Any, text: Any) -> tuple[httpx.Response, list[Any]]:
    """Log in while the provider gives this token; what came of it, and the log."""
    address, cookies = begin(door)
    given_token(text(parse_qs(urlsplit(address).query)["nonce"][0]))
    with capture_logs() as said:
        return ask(door, "GET", agree(address), headers=shown(cookies)), said


@pytest.mark.parametrize("name", FORGED)
def test_a_token_that_is_not_for_us_now_is_refused(
    door: Door, server: BaseWSGIServer, given_token: Any, name: str
) -> None:
    """Expired, foreign and unfinished tokens let nobody in, and the log says which it was."""
    header, claims = FORGED[name]
    answer, said = come_with(door, server, given_token, lambda nonce: token(server, nonce, header, claims))
    assert is_refused(answer)
    assert [line["event"] for line in said] == ["login_refused"]


@pytest.mark.parametrize("way", ["other key", "none", "secret", "garbage", "empty", "changed"])
def test_a_token_that_the_provider_did_not_sign_is_refused(
    door: Door, server: BaseWSGIServer, given_token: Any, way: str
) -> None:
    """A key of somebody else under the same name, no signature, or our public key as a secret."""
    public = storage_of(server).jwk.as_pem(is_private=False)

    def text(nonce: str) -> str:
        if way == "other key":
            return token(server, nonce, {}, {}, forged_key())
        if way == "none":
            return str(jwt.encode({"sub": "sub-17", "nonce": nonce}, None, "none"))
        if way == "secret":
            made = token(server, nonce, {}, {}).split(".")
            head = jwt.utils.base64url_encode(b'{"alg":"HS256"}').decode()
            signed = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
                f"{head}.{made[1]}".encode(), public
            )
            return f"{head}.{made[1]}.{jwt.utils.base64url_encode(signed).decode()}"
        good = token(server, nonce, {}, {})
        return {"garbage": "a.b.c", "empty": "", "changed": good[:-4] + "AAAA"}[way]

    answer, _ = come_with(door, server, given_token, text)
    assert is_refused(answer)


@pytest.mark.parametrize("seconds", [-50, 50])
def test_a_clock_that_is_a_little_off_is_no_reason(
    door: Door, server: BaseWSGIServer, monkeypatch: pytest.MonkeyPatch, given_token: Any, seconds: int
) -> None:
    """A minute between the clocks of the provider and ours lets people in."""
    now = int(time.time()) + seconds
    claims = {"iat": now, "exp": now + 1, "nbf": now}

    async def no_person(_: Any) -> Any:
        return replace(await known(), person=None)

    known = door.service.provider.endpoints  # type: ignore[union-attr]
    monkeypatch.setattr(Provider, "endpoints", no_person)
    answer, _ = come_with(door, server, given_token, lambda nonce: token(server, nonce, {}, claims))
    assert answer.status_code == 303


def test_a_new_key_of_the_provider_counts_at_once(
    door: Door, login: OpenIdLogin, server: BaseWSGIServer
) -> None:
    """A token with a key that we do not know yet lets its owner in: the keys are asked again."""
    assert come_in(door).status_code == 303
    storage_of(server).jwk = jose.RSAKey.generate_key(is_private=True)
    login.provider._keys_at -= 6  # keys are asked again after five seconds, so that nobody makes us ask
    assert come_in(door).status_code == 303


def test_an_unknown_key_makes_us_ask_seldom(
    door: Door, login: OpenIdLogin, server: BaseWSGIServer, given_token: Any
) -> None:
    """Tokens with names of keys that do not exist do not become a flood at the provider."""
    asked = []
    get = login.provider._get

    async def counted(address: str, headers: Any = None) -> Any:
        asked.append(address)
        return await get(address, headers)

    login.provider._get = counted  # type: ignore[method-assign]
    for number in range(4):
        come_with(
            door, server, given_token, lambda nonce, n=number: token(server, nonce, {"kid": f"x{n}"}, {})
        )
    assert sum(address.endswith("/jwks") for address in asked) == 1


# --- where it leads, and out again -------------------------------------------------------------------------------


@pytest.mark.parametrize("onward", ["https://kwaad.example", "//kwaad.example", "/\\kwaad.example", "/\t/x"])
def test_a_login_leads_nowhere_else(door: Door, onward: str) -> None:
    """An address of another site is left out before somebody goes, and again when he comes back."""
    assert come_in(door, onward=onward).headers["location"] == "/"


def test_a_session_that_was_brought_is_replaced_and_ended(door: Door) -> None:
    """Who logs in anew has a session of his own, and the one that his browser had opens nothing any more."""
    first = cookies_of(come_in(door))
    address, cookies = begin(door)
    second = ask(door, "GET", agree(address), headers=shown(cookies | first))
    assert cookies_of(second)["routekaart_sessie_4200"] != first["routekaart_sessie_4200"]
    assert ask(door, "GET", "/v2/runs", headers=shown(first)).status_code == 401
    assert ask(door, "GET", "/v2/runs", headers=shown(cookies_of(second))).status_code == 200


def test_logging_out_ends_the_session_here_and_at_the_provider(door: Door, server: BaseWSGIServer) -> None:
    """A cookie that was kept opens nothing any more, and the browser goes to the address to log out."""
    session = cookies_of(come_in(door))
    page = ask(door, "POST", "/uit", headers=shown(session))
    there = f"http://localhost:{server.server_port}/oauth2/end_session?client_id=routekaart"
    assert there in page.text
    hint = re.findall(r"id_token_hint=([\w.-]+)", page.text)[0]
    assert jwt.decode(hint, options={"verify_signature": False})["sub"] == "sub-17"
    assert ask(door, "GET", "/v2/runs", headers=shown(session)).status_code == 401


def test_after_a_restart_somebody_logs_out_without_his_token(door: Door, login: OpenIdLogin) -> None:
    """The token names him, so it is kept in memory alone; the service is then told who asks, and no more."""
    first, second = cookies_of(come_in(door)), cookies_of(come_in(door, "sub-18"))
    assert all("sub-17" not in value for value in first.values())
    assert "id_token_hint" in ask(door, "POST", "/uit", headers=shown(second)).text
    login._tokens.clear()
    page = ask(door, "POST", "/uit", headers=shown(first)).text
    assert "client_id=routekaart" in page
    assert "id_token_hint" not in page


# --- a provider that is down -------------------------------------------------------------------------------------


def test_a_provider_that_is_down_shuts_nobody_out_and_lets_nobody_in(tmp_path: Path) -> None:
    """Who is in works on; who comes is told to wait; who was on his way stays outside; nothing is changed."""
    people = [oidc_provider_mock.User(sub="sub-17", claims=PEOPLE["sub-17"])]
    with oidc_provider_mock.run_server_in_thread(user_claims=people) as running:
        provider = Provider(f"http://localhost:{running.server_port}", "routekaart", "geheim")
        book = staff_file(tmp_path, STAFF)
        service = OpenIdLogin(
            provider,
            CREDENTIAL,
            BASE,
            Once(tmp_path / "binnen", 3600),
            book.book,
            lambda: b"k" * 32,
            port=4200,
        )
        door = make_door(tmp_path, book, service=service)
        inside = cookies_of(come_in(door))
        address, cookies = begin(door)
        back = agree(address)
    assert ask(door, "GET", "/v2/runs", headers=shown(inside)).status_code == 200
    on_his_way = ask(door, "GET", back, headers=shown(cookies))
    assert is_refused(on_his_way, 503)
    provider._endpoints = None  # as after an hour, or after a start of our own server
    outside = ask(door, "GET", "/inloggen/dienst")
    assert is_refused(outside, 503)
    assert "antwoordt niet" in outside.text
    assert ask(door, "GET", "/v2/runs", headers=shown(inside)).status_code == 200
    assert ask(door, "POST", "/uit", headers=shown(inside)).status_code == 200
    assert ask(door, "GET", "/v2/runs", headers=shown(inside)).status_code == 401


@pytest.mark.parametrize("issuer", ["http://inloggen.example", "inloggen.example", "", "ftp://x", "https://"])
def test_a_service_at_an_open_address_is_refused(issuer: str) -> None:
    """Without TLS somebody on the way could say who is who."""
    with pytest.raises(SettingsError, match="ROUTEKAART_OIDC_ISSUER"):
        Provider(issuer, "routekaart")


def test_a_service_that_calls_itself_otherwise_is_refused(
    server: BaseWSGIServer, login: OpenIdLogin, tmp_path: Path
) -> None:
    """What a service says of itself must be about the address of the settings (Discovery 1.0, 4.3)."""
    other = replace(login, provider=Provider(f"{login.provider.issuer}/", "routekaart"))
    door = make_door(tmp_path, staff_file(tmp_path, STAFF), service=other)
    assert is_refused(ask(door, "GET", "/inloggen/dienst"), 503)
