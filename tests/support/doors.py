"""A door without Prefect behind it, and somebody who asks it something as a browser does."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from adapters.runtime.credential import Credential
from adapters.runtime.staff import StaffFile
from deployments.door.door import Door
from deployments.door.doorkeeper import Doorkeeper
from deployments.door.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = "http://127.0.0.1:4200"
CREDENTIAL = Credential("routekaart:" + "x" * 40)
STAFF = '[mensen.mw-17]\n"0518" = ["klantmanager"]\n'


async def behind(scope: Any, _receive: Any, send: Any) -> None:
    """Stand for whatever is behind the door, and say what came through it."""
    if scope["type"] != "http":
        return
    said = b"binnen " + b" ".join(b"%s=%s" % pair for pair in scope["headers"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": said})


async def nowhere(_: str) -> None:
    """Know no case."""


def staff_file(folder: Path, text: str = STAFF) -> StaffFile:
    """Write a file of staff."""
    path = folder / "medewerkers.toml"
    path.write_text(text, encoding="utf-8")
    return StaffFile(path)


def make_door(folder: Path, staff: StaffFile, sessions: Sessions | None = None, **more: Any) -> Door:
    """Return a door."""
    return Door(
        behind,
        CREDENTIAL,
        sessions or Sessions(CREDENTIAL, folder / "binnen", port=4200),
        lambda session: staff.book().member(session.code, session.groups, session.places),
        Doorkeeper(behind, CREDENTIAL, nowhere, "0518"),
        **more,
    )


def ask(door: Any, method: str, path: str, **more: Any) -> httpx.Response:
    """Ask the door something from a page of its own; `headers` replaces what such a page says."""
    own = {"origin": BASE, "accept": "text/html", "sec-fetch-mode": "navigate"}
    return ask_with(door, method, path, headers=own | more.pop("headers", {}), **more)


def ask_with(door: Any, method: str, path: str, **more: Any) -> httpx.Response:
    """Ask the door something with these headers, which may be a list with one name twice."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.request(method, path, **more)

    return asyncio.run(asked())


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """Return the cookies that an answer leaves in a browser that had none."""
    said = [value.partition(";")[0].partition("=") for value in answer.headers.get_list("set-cookie")]
    return {name: value for name, _, value in said if value}


def shown(cookies: dict[str, str]) -> dict[str, str]:
    """Return the header with which a browser shows these cookies."""
    return {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


@contextmanager
def serving(door: Door, port: int) -> Iterator[None]:
    """Serve a door on this machine."""
    server = uvicorn.Server(
        uvicorn.Config(door, host="127.0.0.1", port=port, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)


def forwarding(base: str) -> Any:
    """Return an application that passes requests on to a server; a web socket is closed."""
    certificates = httpx.create_ssl_context()  # once: it takes longer than a request

    async def forward(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1001})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        query = scope["query_string"].decode()
        kept = [pair for pair in scope["headers"] if pair[0] not in (b"host", b"origin", b"accept-encoding")]
        async with httpx.AsyncClient(base_url=base, timeout=30, verify=certificates) as client:
            given = await client.request(
                scope["method"], scope["path"] + (f"?{query}" if query else ""), content=body, headers=kept
            )
        headers = [(b"content-type", given.headers.get("content-type", "").encode())]
        await send({"type": "http.response.start", "status": given.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": given.content})

    return forward
