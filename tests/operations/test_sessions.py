"""Sessions: how long they last, and what is no session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.doors import CREDENTIAL, ask, make_door, shown, staff_file

from adapters.runtime.credential import Credential
from deployments.door.sessions import Session, Sessions

if TYPE_CHECKING:
    from pathlib import Path

    from deployments.door.door import Door


class Time:
    """A clock that stands still until somebody moves it."""

    now = 1_000_000.0

    def read(self) -> float:
        """Say what time it is."""
        return self.now


@pytest.fixture
def time() -> Time:
    """A clock."""
    return Time()


@pytest.fixture
def door(tmp_path: Path, time: Time) -> Door:
    """A door whose sessions end after eight hours, or one without doing something."""
    sessions = Sessions(CREDENTIAL, tmp_path / "binnen", 8 * 3600, 4200, idle=3600, clock=time.read)
    return make_door(tmp_path, staff_file(tmp_path), sessions)


def enter(door: Door) -> dict[str, str]:
    """Let mw-17 in."""
    link = door.sessions.link(Session("mw-17"))
    answer = ask(door, "GET", link)
    assert answer.status_code == 303
    return _cookie(answer.headers["set-cookie"])


def _cookie(said: str) -> dict[str, str]:
    return shown(dict([said.partition(";")[0].split("=", 1)]))  # type: ignore[list-item]


def goes_on(
    door: Door, cookie: dict[str, str], path: str = "/v2/runs", **headers: str
) -> dict[str, str] | None:
    """Ask a page; the cookie to go on with, or None for who is out."""
    answer = ask(
        door, "GET", path, headers=cookie | {name.replace("_", "-"): v for name, v in headers.items()}
    )
    if answer.status_code == 401:
        return None
    assert answer.status_code == 200
    later = answer.headers.get("set-cookie")
    return cookie if later is None else _cookie(later)


def test_a_session_ends_when_nobody_does_something(door: Door, time: Time) -> None:
    """Opening a page makes it last longer; after an hour of nothing it is over."""
    cookie = enter(door)
    for _ in range(3):
        time.now += 3000
        after = goes_on(door, cookie)
        assert after not in (None, cookie)
        cookie = after or {}
    time.now += 3601
    assert goes_on(door, cookie) is None


def test_a_session_ends_after_a_working_day(door: Door, time: Time) -> None:
    """However much somebody does, after eight hours he logs in again."""
    cookie = enter(door)
    for _ in range(15):
        time.now += 1900
        cookie = goes_on(door, cookie) or {}
        assert cookie
    time.now += 1900
    assert goes_on(door, cookie) is None


def test_an_open_screen_keeps_nobody_in(door: Door, time: Time) -> None:
    """A page that asks the same by itself does not make a session last longer; asking something else does."""
    cookie = enter(door)
    script = {"sec_fetch_mode": "cors", "accept": "application/json"}
    cookie = goes_on(door, cookie, "/v2/part", **script) or {}
    for _ in range(59):
        time.now += 60
        assert goes_on(door, cookie, "/v2/part", **script) == cookie
    time.now += 60
    assert goes_on(door, cookie, "/v2/part", **script) is None


def test_another_question_of_a_page_keeps_somebody_in(door: Door, time: Time) -> None:
    """Who clicks inside the UI opens no new page; what it asks then is new, and counts."""
    cookie = enter(door)
    script = {"sec_fetch_mode": "cors", "accept": "application/json"}
    for number in range(4):
        time.now += 3000
        cookie = goes_on(door, cookie, f"/v2/part-{number}", **script) or {}
        assert cookie


def test_logging_out_ends_a_cookie_that_was_kept(door: Door, tmp_path: Path, time: Time) -> None:
    """Also at another server of the same installation, which shares the folder."""
    cookie = enter(door)
    assert ask(door, "POST", "/uit", headers=cookie).status_code == 200
    assert goes_on(door, cookie) is None
    sessions = Sessions(CREDENTIAL, tmp_path / "binnen", 8 * 3600, 4200, idle=3600, clock=time.read)
    assert goes_on(make_door(tmp_path, staff_file(tmp_path), sessions), cookie) is None


def test_a_new_link_ends_the_session_before_it(door: Door) -> None:
    """A browser has one session: what it had before opens nothing any more."""
    first = enter(door)
    answer = ask(door, "GET", door.sessions.link(Session("mw-17")), headers=first)
    assert answer.status_code == 303
    assert goes_on(door, first) is None


def test_a_cookie_of_another_installation_is_none(door: Door, tmp_path: Path, time: Time) -> None:
    """Forged, foreign, for another purpose, cut off and empty: nobody is in, and nothing breaks."""
    foreign = Sessions(Credential("routekaart:" + "y" * 40), tmp_path / "x", 3600, 4200, clock=time.read)
    name = door.sessions.cookie_name
    good = door.sessions.cookie(Session("mw-17")).decode().partition(";")[0].partition("=")[2]
    for value in (
        foreign.cookie(Session("mw-17")).decode().partition(";")[0].partition("=")[2],
        door.sessions.link(Session("mw-17")).rpartition("/")[2],
        good[:-2],
        good + "x",
        good.split(".")[0],
        "e30.x",
        "a" * 9000,
        '"',
        "",
    ):
        assert goes_on(door, shown({name: value})) is None
    assert goes_on(door, shown({name: good})) is not None


def test_a_link_expires(door: Door, time: Time) -> None:
    """After twelve hours a link that nobody used lets nobody in."""
    link = door.sessions.link(Session("mw-17"))
    time.now += 12 * 3600 + 1
    assert ask(door, "GET", link).status_code == 403


def test_a_cookie_that_comes_twice_is_none(door: Door) -> None:
    """One of the two was put there by somebody else, who would have another work under his name."""
    good = enter(door)["cookie"]
    other = enter(door)["cookie"]
    for twice in (f"{good}; {other}", f"{good}; {good}", f"{good}; {door.sessions.cookie_name}="):
        assert goes_on(door, {"cookie": twice}) is None
    assert goes_on(door, {"cookie": f"thema=donker; {good}"}) is not None


def test_over_https_a_cookie_is_for_this_host_alone(tmp_path: Path, time: Time) -> None:
    """A browser takes a cookie with this name from no other host of the domain; under the plain name there is none."""
    sessions = Sessions(CREDENTIAL, tmp_path / "binnen", 3600, 4200, secure=True, clock=time.read)
    door = make_door(tmp_path, staff_file(tmp_path), sessions, secure=True)
    said = ask(door, "GET", sessions.link(Session("mw-17"))).headers["set-cookie"]
    assert said.startswith("__Host-routekaart_sessie_4200=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(said.split("; "))
    assert "Domain" not in said
    cookie = _cookie(said)
    assert goes_on(door, cookie) is not None
    assert goes_on(door, {"cookie": cookie["cookie"].removeprefix("__Host-")}) is None
    behind = ask(door, "GET", "/v2/runs", headers={"cookie": f"thema=donker; {cookie['cookie']}"}).text
    assert "cookie=thema=donker" in behind
    assert "sessie" not in behind
