"""How the user of this machine comes in: with an address that works once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from adapters.runtime.credential import Credential
from deployments.closed import CLIENT, credential_problems, refuse_when_open
from deployments.door.sessions import Session, Sessions
from deployments.environment import prefect_environment

if TYPE_CHECKING:
    from adapters.runtime.settings import Settings


def user_of_machine() -> str:
    """Return the code of who works at this machine: a number, since a login name may be that of a person."""
    return f"gebruiker-{os.getuid()}"


def address_to_come_in(settings: Settings, code: str | None = None) -> str:
    """Return an address that lets a browser in once, as the person with this code or else the user of the machine."""
    credential = prefect_environment(settings).get(CLIENT) or os.environ.get(CLIENT, "")
    refuse_when_open(credential_problems(CLIENT, credential))
    sessions = Sessions(Credential(credential), settings.home_folder / "binnen")
    return settings.prefect_ui + sessions.link(Session(code or user_of_machine()))
