"""Our command for Prefect's server: `python -m deployments.prefect_server server start`.

Serves Prefect's own application, as its own factory makes it, behind our door.
"""

from __future__ import annotations

import os
import sys
import tempfile
from functools import cache, lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from time import time
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlsplit

import typer
from anyio import to_thread

from adapters.api.app import create_pages
from adapters.cases.looks import Looks
from adapters.cases.person_code import default_form, is_worker
from adapters.cases.policy_book import PolicyBook
from adapters.messages.recipients_file import RecipientsFile
from adapters.office import open_office
from adapters.runtime.clock import SystemClock
from adapters.runtime.credential import Credential
from adapters.runtime.settings import Settings, settings
from adapters.runtime.staff import StaffFile, StaffMember, operator_of_machine
from adapters.storage.database import CaseRow, create_engine, reading
from deployments.cli.application import run_application
from deployments.closed import refuse_when_open, server_problems
from deployments.door.door import LOOPBACK_NAMES, Door
from deployments.door.doorkeeper import Doorkeeper
from deployments.door.entering import user_of_machine
from deployments.door.run_looks import RunLooks
from deployments.door.sessions import Sessions
from deployments.door.ways_in import accounts_of, has_login, login_problems, proxy_of, service_of
from deployments.environment import load_prefect
from deployments.garbage import collect_less
from deployments.grafana_check import grafana_problems
from deployments.prefect_database import refuse_unfit_database
from flows.prefect_seam.leaned_on import SERVER_PARTS, check_seam

FOR_THIS_USER = 0o077
_MINUTE = 60
if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

    from deployments.door.sessions import Session
    from milestones.policy import Policy

_UI_FOLDER = ("PREFECT_SERVER_UI_STATIC_DIRECTORY", "PREFECT_UI_STATIC_DIRECTORY")
FIRST_PAGE = "/v2/artifacts/key/overzicht"


server_commands = typer.Typer(
    help="De server van Prefect, achter onze deur.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
_server = typer.Typer(help="De server.", no_args_is_help=True, rich_markup_mode=None)
server_commands.add_typer(_server, name="server")


def main() -> None:
    """Run the server until it is told to stop; exit 2 with one sentence when it would not be closed."""
    os.umask(FOR_THIS_USER)
    sys.exit(run_application(server_commands, "python -m deployments.prefect_server", sys.argv[1:]))


@_server.callback()
def server_group() -> None:
    """Keep it a group with one command: Prefect's own words are `server start`."""


@_server.command("start")
def start_server(
    host: Annotated[
        str, typer.Option(envvar="PREFECT_SERVER_API_HOST", help="Waar de server luistert.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="PREFECT_SERVER_API_PORT", min=1, max=65_535, help="Op welke poort.")
    ] = 4200,
    no_services: Annotated[
        bool, typer.Option("--no-services", help="Alleen de webserver: de services draaien elders.")
    ] = False,
) -> None:
    """Start de server, en blijf tot hij moet stoppen."""
    chosen = settings()
    refuse_when_open([*server_problems(), *login_problems(chosen, host), *grafana_problems(chosen)])
    load_prefect()
    check_seam(SERVER_PARTS)
    refuse_unfit_database(chosen)
    # Prefect reads its settings on import, so only now.
    from prefect.settings import PREFECT_SERVER_UI_STATIC_DIRECTORY, temporary_settings  # noqa: PLC0415

    from flows.prefect_seam.history import forget_history_daily  # noqa: PLC0415
    from flows.prefect_seam.pausing_again import let_a_pause_follow_a_pause  # noqa: PLC0415
    from flows.prefect_seam.sqlite_writing import claim_before_writing  # noqa: PLC0415

    claim_before_writing()
    let_a_pause_follow_a_pause()
    collect_less()
    place = place_of_ui(chosen.home_folder)
    # Prefect read the environment when it was imported, so that a variable would come too late.
    with temporary_settings({PREFECT_SERVER_UI_STATIC_DIRECTORY: str(place)} if place else {}):
        forget_history_daily(chosen.keep_run_history_days)
        _serve(chosen, host, port, webserver_only=no_services)


def place_of_ui(home: Path) -> Path | None:
    """Return where Prefect has to put its UI because this user may not write in the installation, where it copies it.

    None where it may, or where somebody chose a folder.
    """
    if _UI_FOLDER[0] in os.environ or _UI_FOLDER[1] in os.environ:
        return None
    installed = find_spec("prefect")
    if installed is None or installed.origin is None or _may_write(Path(installed.origin).parent / "server"):
        return None
    place = home / "prefect" / "ui"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that only the API and workers need
        place = Path(tempfile.mkdtemp(prefix="prefect-ui"))
    return place


def _may_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _serve(chosen: Settings, host: str, port: int, *, webserver_only: bool) -> None:
    # Prefect reads its settings on import, so only now.
    import uvicorn  # noqa: PLC0415
    from prefect.server.api.server import create_app  # noqa: PLC0415
    from prefect.settings import get_current_settings  # noqa: PLC0415

    from adapters.api.connections import BoundedProtocol  # noqa: PLC0415

    server = get_current_settings().server
    door = the_door(chosen, create_app(final=True, webserver_only=webserver_only), port)
    uvicorn.run(
        behind_proxies(chosen, door),
        http=BoundedProtocol,
        proxy_headers=False,  # uvicorn itself would believe whoever is on this machine
        host=host,
        port=port,
        timeout_keep_alive=server.api.keepalive_timeout,
        log_level=server.logging_level.lower(),
    )


def behind_proxies(chosen: Settings, door: Door) -> Any:
    """Return the door for who stands behind a proxy: whom it names is who asks, where that proxy is trusted."""
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware  # noqa: PLC0415 - only a server needs it

    return ProxyHeadersMiddleware(cast("Any", door), trusted_hosts=list(chosen.trusted_proxies))


def the_door(chosen: Settings, app: Any, port: int) -> Door:
    """Return the door with Prefect's application behind it."""
    credential = Credential(os.environ["PREFECT_SERVER_API_AUTH_STRING"])
    address = urlsplit(chosen.prefect_ui)
    staff = StaffFile(chosen.staff_file)
    idle = chosen.session_idle_minutes * 60 if has_login(chosen) else None
    used = chosen.home_folder / "binnen"
    secure = address.scheme == "https"
    sessions = Sessions(credential, used, chosen.session_hours * 3600, port, idle=idle, secure=secure)
    known = partial(_is_worker, chosen)
    guard = Doorkeeper(app, credential, partial(_municipality_of, chosen), chosen.municipality)
    return Door(
        app,
        credential,
        sessions,
        partial(_member, staff),
        guard,
        LOOPBACK_NAMES | {(address.hostname or "").lower()},
        FIRST_PAGE,
        secure=secure,
        accounts=accounts_of(chosen),
        service=service_of(chosen, credential, staff, sessions, port, known),
        proxy=proxy_of(chosen, staff, known),
        pages=_OwnPages(chosen),
        looks=RunLooks(partial(_looks, chosen), guard.runs, guard.municipality_of),
    )


class _OwnPages:
    """Our pages. The case database is opened when somebody asks for the first one."""

    def __init__(self, chosen: Settings) -> None:
        self._chosen = chosen
        self._opening = Lock()
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if self._app is None:
            await to_thread.run_sync(self._open)
        await self._app(scope, receive, send)

    def _open(self) -> None:
        with self._opening:
            if self._app is None:
                self._app = create_pages(open_office(self._chosen))


def _member(file: StaffFile, session: Session) -> StaffMember | None:
    """Return who is in: as the file of staff names him, or the user of the machine."""
    found = file.book().member(session.code, session.groups, session.places)
    by_machine = session.way == "link" and (file.path is None or session.code == user_of_machine())
    return operator_of_machine(session.code) if found is None and by_machine else found


async def _municipality_of(chosen: Settings, reference: str) -> str | None:
    """Return of which gemeente a case is; None when there is no such case."""

    def looked_up() -> str | None:
        with reading(_engine(chosen.database, chosen.database_schema)) as session:
            row = session.get(CaseRow, reference.strip())
            return None if row is None else row.municipality

    return await to_thread.run_sync(looked_up)


def _is_worker(chosen: Settings, code: str) -> bool:
    """Whether a login service names a medewerker: by a code that recipients name, or that has the form of one."""
    if default_form(code) or code in RecipientsFile(chosen.recipients_file).book().people:
        return True
    return is_worker(
        code, _policies(chosen.database, chosen.database_schema, int(time() // _MINUTE)), frozenset
    )


@lru_cache(maxsize=1)
def _policies(address: URL, schema: str | None, _: int) -> tuple[Policy, ...]:
    """Return the policies that counted in this minute: behind a proxy every request asks."""
    return tuple(PolicyBook(_engine(address, schema), SystemClock()).all_in_force().values())


def _looks(chosen: Settings) -> Looks:
    return _looks_in(_engine(chosen.database, chosen.database_schema))


@cache
def _looks_in(engine: Engine) -> Looks:
    return Looks(engine, SystemClock())


@cache
def _engine(address: URL, schema: str | None) -> Engine:
    return create_engine(address, schema=schema)


if __name__ == "__main__":
    main()
