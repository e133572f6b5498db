"""Our command for Prefect's server: `python -m deployments.prefect_server server start`.

Serves Prefect's own application, as its own factory makes it, behind our door.
"""

from __future__ import annotations

import argparse
import os
import sys
from urllib.parse import urlsplit

from adapters.runtime.credential import Credential
from adapters.runtime.settings import Settings, SettingsError, settings
from deployments.closed import refuse_when_open, server_problems
from deployments.door.door import LOOPBACK_NAMES, Door
from deployments.door.sessions import Sessions
from deployments.garbage import collect_less
from deployments.prefect_database import refuse_newer_prefect
from flows.prefect_seam.leaned_on import SERVER_PARTS, check_seam
from flows.prefect_seam.sqlite_visits import visit_once
from flows.prefect_seam.sqlite_writing import claim_before_writing

FOR_THIS_USER = 0o077
FIRST_PAGE = "/v2/artifacts/key/overzicht"


def main() -> None:
    """Run the server until it is told to stop; exit 2 with one sentence when it would not be closed."""
    os.umask(FOR_THIS_USER)
    given = _arguments()
    try:
        chosen = settings()
        refuse_when_open(server_problems())
        check_seam(SERVER_PARTS)
        refuse_newer_prefect(chosen)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    visit_once()
    claim_before_writing()
    collect_less()
    _serve(chosen, given.host, given.port, webserver_only=given.no_services)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployments.prefect_server")
    start = parser.add_subparsers(required=True).add_parser("server").add_subparsers(required=True)
    words = start.add_parser("start")
    words.add_argument("--host", default=os.environ.get("PREFECT_SERVER_API_HOST", "127.0.0.1"))
    words.add_argument("--port", type=int, default=int(os.environ.get("PREFECT_SERVER_API_PORT", "4200")))
    words.add_argument(
        "--no-services", action="store_true", help="only the web server: services run elsewhere"
    )
    return parser.parse_args()


def _serve(chosen: Settings, host: str, port: int, *, webserver_only: bool) -> None:
    # Prefect reads its settings on import, so only now.
    import uvicorn  # noqa: PLC0415
    from prefect.server.api.server import create_app  # noqa: PLC0415
    from prefect.settings import get_current_settings  # noqa: PLC0415

    server = get_current_settings().server
    uvicorn.run(
        the_door(chosen, create_app(final=True, webserver_only=webserver_only)),
        host=host,
        port=port,
        timeout_keep_alive=server.api.keepalive_timeout,
        log_level=server.logging_level.lower(),
    )


def the_door(chosen: Settings, app: object) -> Door:
    """Return the door with Prefect's application behind it."""
    credential = Credential(os.environ["PREFECT_SERVER_API_AUTH_STRING"])
    address = urlsplit(chosen.prefect_ui)
    return Door(
        app,  # type: ignore[arg-type]  # Starlette's own types of ASGI
        credential,
        Sessions(credential, chosen.home_folder / "binnen"),
        LOOPBACK_NAMES | {(address.hostname or "").lower()},
        FIRST_PAGE,
        secure=address.scheme == "https",
    )


if __name__ == "__main__":
    main()
