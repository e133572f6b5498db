"""The settings of Prefect that every process of ours needs, each with its reason."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from adapters.operations.sentences import ErrorKind, explain
from adapters.runtime.networks import in_url, is_address, loopback
from adapters.runtime.settings import SettingsError
from deployments.closed import CLIENT, SERVER, open_problems, refuse_when_open

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.runtime.settings import Settings

LOOPBACK = loopback()
OWN = f"http://{in_url(LOOPBACK)}"


_DATABASE_OF_PREFECT = (
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_HOST",
)


def own_prefect_database(settings: Settings) -> Path | None:
    """Return the file of the database of our own Prefect server; None when the user named another database."""
    if any(name in os.environ for name in _DATABASE_OF_PREFECT):
        return None
    return Path(os.environ.get("PREFECT_HOME", settings.home_folder / "prefect")) / "prefect.db"


def prefect_environment(settings: Settings) -> dict[str, str]:
    """Return the environment for Prefect's server and for our worker; what the user set goes first."""
    home = settings.home_folder / "prefect"
    defaults = {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_URL": f"{OWN}:{settings.prefect_port}/api",
        # No telemetry, no news from outside.
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # A browser lets no other site read what Prefect answers.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": settings.prefect_ui,
        # In the first UI no drop-down opens with a mouse (decision 9).
        "PREFECT_SERVER_UI_V2_ENABLED": "true",
        # Our parked runs have no time-out; this service would read every one of them every 5 seconds.
        "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED": "false",
        # Task runs and events are written many at a time; one by one they cost half of what a message costs.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "2",
        # A restart of the server, or a busy SQLite, is waited out.
        "PREFECT_CLIENT_MAX_RETRIES": "8",
        "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500,502,503,504",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        # Runs that ended go after a while, with their logs, task runs and pages; a parked run has not ended.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(settings.keep_ended_runs_days * 86_400),
        # Events are a view: the journal has what happened, automations react at once, and rows of a week are the
        # most that Prefect would keep.
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P2D",
        # Compressing every answer costs the server more than sending a few kilobytes does.
        "PREFECT_CLIENT_CUSTOM_HEADERS": '{"Accept-Encoding": "identity"}',
        # Resume is seen within a second.
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "1",
    }
    file = own_prefect_database(settings)
    if file is not None and quote(str(file)) != str(file):
        # Prefect's own default would cut a path off at a question mark.
        defaults[_DATABASE_OF_PREFECT[0]] = f"sqlite+aiosqlite:///file:{quote(str(file))}?uri=true"
    found = {name: os.environ.get(name, value) for name, value in defaults.items()}
    if not is_address(found["PREFECT_API_URL"]):
        raise SettingsError(
            "De instelling PREFECT_API_URL klopt niet: schrijf het adres van de Prefect-server, zoals "
            "http://prefect:4200/api."
        )
    if not names_other_server(found, settings):
        credential = os.environ.get(CLIENT) or os.environ.get(SERVER) or settings.prefect_credential()
        found |= {CLIENT: credential, SERVER: credential}
    return found


def use_prefect_environment(settings: Settings) -> None:
    """Set this process the environment; only what imports Prefect after this sees it.

    Raises SettingsError when it would not be closed.
    """
    settings.ensure_home()
    environment = prefect_environment(settings)
    refuse_when_open(open_problems(settings, os.environ | environment))
    for name, value in environment.items():
        os.environ.setdefault(name, value)
    load_prefect()


def load_prefect() -> None:
    """Import Prefect, which reads its own settings by that. Raises SettingsError for one that it does not take."""
    if "prefect.settings" in sys.modules:
        return
    with warnings.catch_warnings(), redirect_stderr(StringIO()):  # it has more to say than one sentence
        warnings.simplefilter("ignore")
        try:
            # Not more than this: what writes logs would keep the stream of now.
            from prefect.settings import get_current_settings  # noqa: PLC0415

            get_current_settings()
        except ValidationError as error:
            raise SettingsError(_setting_of_prefect(error)) from None
        except ValueError:
            raise SettingsError(
                "Prefect kan een bestand met zijn instellingen niet lezen: dat van PREFECT_PROFILES_PATH, of een "
                "prefect.toml of pyproject.toml in deze map."
            ) from None


def _setting_of_prefect(error: ValidationError) -> str:
    """Say which variable Prefect does not take; never its value, which may be a secret."""
    ends = [
        str(part).upper()
        for first in error.errors(include_url=False, include_input=False)[:1]
        for part in first["loc"]
    ]
    ours = [name for name in os.environ if name.startswith("PREFECT_") and ends and name.endswith(ends[-1])]
    what = " of ".join(sorted(ours)) or "_".join(("PREFECT", *ends))
    if not ends:
        return "Prefect neemt een van zijn instellingen niet aan. Kijk naar de variabelen die met PREFECT_ beginnen."
    return f"Prefect neemt zijn instelling {what} niet aan: haal hem weg, of schrijf een waarde die Prefect kent."


@contextmanager
def for_a_question(settings: Settings) -> Iterator[None]:
    """Use the environment for a look at Prefect between other work, such as whether a Secret block is there.

    Without it Prefect would start a server of its own to answer.
    """
    before = dict(os.environ)
    for name, value in prefect_environment(settings).items():
        os.environ.setdefault(name, value)
    os.environ["PREFECT_CLIENT_MAX_RETRIES"] = "2"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def for_who_waits(settings: Settings) -> Iterator[None]:
    """Use the environment for a command at which a person waits: a server that is not there is said soon."""
    use_prefect_environment(settings)
    os.environ["PREFECT_CLIENT_MAX_RETRIES"] = "2"
    try:
        yield
    except (httpx.HTTPError, RuntimeError) as error:
        explained = explain(error)
        if explained.kind is not ErrorKind.PREFECT:
            raise
        raise SettingsError(explained.sentence) from error


def names_other_server(environment: Mapping[str, str], settings: Settings) -> bool:
    """Whether the user named a Prefect server of his own."""
    own = f"{OWN}:{settings.prefect_port}/api"
    return environment.get("PREFECT_API_URL", own) != own
