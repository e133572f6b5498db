"""Closed by default: what would let somebody in who should not, for `controleer` and for every start."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from adapters.runtime.credential import SHORTEST_SECRET, is_strong
from adapters.runtime.networks import host_of, is_loopback, parts_of
from adapters.runtime.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from adapters.runtime.settings import Settings

CLIENT, SERVER = "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"
_REDIS = ("PREFECT_REDIS_MESSAGING_URL", "PREFECT_SERVER_DOCKET_URL")
_KEYS = ("person_key", "link_key", "integration_key")
_SECRET_FILES = (
    "persoonssleutel", "persoonssleutel.oud", "overdrachtsleutel", "integratiesleutel", "prefect-sleutel",
    "api-sleutel", "routekaart.toml", "zaken.db", "wachtwoorden.json",
)  # fmt: skip
_WAY = 'python -c "import secrets; print(secrets.token_hex(32))"'


def refuse_when_open(problems: Iterable[str]) -> None:
    """Raise a SettingsError with the first of these."""
    for problem in problems:
        raise SettingsError(problem)


def open_problems(settings: Settings, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield what would let somebody in at this worker, API or command."""
    given = os.environ if environment is None else environment
    if CLIENT in given or _names_server_elsewhere(given):
        yield from credential_problems(CLIENT, given.get(CLIENT))
    yield from _key_problems(settings)
    yield from _file_problems(settings.home_folder)
    yield from _redis_problems(given)


def server_problems(environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield what would let somebody in at Prefect's server. Also on loopback it asks who comes."""
    given = os.environ if environment is None else environment
    yield from credential_problems(SERVER, given.get(SERVER))
    yield from _redis_problems(given)


def _names_server_elsewhere(given: Mapping[str, str]) -> bool:
    return not _is_here(host_of(given.get("PREFECT_API_URL", "")))


def _is_here(host: str | None) -> bool:
    return not host or is_loopback(host)


def credential_problems(name: str, value: str | None) -> Iterator[str]:
    """Yield what is wrong with the credential in a variable."""
    if not is_strong(value):
        yield (
            f"Zonder {name} kan iedereen bij Prefect. Zet er naam:geheim in, met een geheim van ten minste "
            f"{SHORTEST_SECRET} tekens. Maak een geheim met: {_WAY}"
        )


def _key_problems(settings: Settings) -> Iterator[str]:
    for name in _KEYS:
        key = getattr(settings, name)
        if key is not None and len(key.get_secret_value().strip().encode()) < SHORTEST_SECRET:
            yield (
                f"ROUTEKAART_{name.upper()} is te kort om geheim te blijven: een sleutel heeft ten minste "
                f"{SHORTEST_SECRET} tekens. Maak er een met: {_WAY}"
            )


def _file_problems(home: Path) -> Iterator[str]:
    if _others_reach(home, stat.S_IRGRP | stat.S_IXGRP, stat.S_IROTH | stat.S_IXOTH):
        yield f"Anderen kunnen in de map {home}. Geef hem alleen aan u zelf: chmod 700 {home}"
    for name in _SECRET_FILES:
        path = home / name
        if path.exists() and _others_reach(path, stat.S_IRGRP, stat.S_IROTH):
            yield f"Anderen kunnen het bestand {path} lezen. Geef het alleen aan u zelf: chmod 600 {path}"


def _others_reach(path: Path, group: int, others: int) -> bool:
    """Whether the group or others may read this and may pass every folder above it."""
    try:
        mode = path.stat().st_mode
        above = [folder.stat().st_mode for folder in path.resolve().parents]
    except OSError:
        return False
    return any(
        mode & asked and all(folder & passing for folder in above)
        for asked, passing in ((group, stat.S_IXGRP), (others, stat.S_IXOTH))
    )


def _redis_problems(given: Mapping[str, str]) -> Iterator[str]:
    for name in _REDIS:
        address = parts_of(given.get(name, ""))
        if address is None:
            yield f"De instelling {name} klopt niet: schrijf redis://:WACHTWOORD@machine:6379/0."
        elif address.scheme.startswith("redis") and not _is_here(address.hostname) and not address.password:
            yield f"De Redis in {name} heeft geen wachtwoord. Zet het in het adres: redis://:WACHTWOORD@machine:6379/0"
