"""What `routekaart controleer` asks Prefect: does it answer, and is what would overload it switched off."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx

from adapters.runtime.credential import Credential
from adapters.runtime.settings import SettingsError
from deployments.closed import CLIENT
from deployments.environment import names_other_server, prefect_environment
from deployments.prefect_database import refuse_newer_prefect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.runtime.settings import Settings

_SECONDS = 3.0
_EXPIRED_PAUSES = "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED"


def prefect_problems(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with Prefect. The embedded server may simply not run: that is no problem."""
    environment = prefect_environment(settings)
    url = environment["PREFECT_API_URL"]
    try:
        asked = httpx.get(f"{url}/admin/settings", headers=_shown(environment), timeout=_SECONDS)
        answer = asked.raise_for_status().json()
        expires = answer["server"]["services"]["pause_expirations"]["enabled"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        if names_other_server(environment, settings):
            yield f"De Prefect-server ({url}) antwoordt niet zoals verwacht. Zaken worden bewaard en niet getoond."
        else:
            yield from _why_our_own_would_not_start(settings)
        return
    if expires:
        yield (
            f"De Prefect-server leest elke vijf seconden alle geparkeerde runs. Zet {_EXPIRED_PAUSES} op false, bij "
            "elke server en bij de services."
        )


def _why_our_own_would_not_start(settings: Settings) -> Iterator[str]:
    try:
        refuse_newer_prefect(settings)
    except SettingsError as error:
        yield str(error)


def _shown(environment: dict[str, str]) -> dict[str, str]:
    """Return the header with which a machine comes in at Prefect."""
    credential = environment.get(CLIENT) or os.environ.get(CLIENT)
    return {} if credential is None else {"Authorization": Credential(credential).header.decode()}
