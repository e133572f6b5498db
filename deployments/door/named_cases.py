"""Whoever starts a run names a case, and no person: Prefect keeps what it is told, also of a run that is refused."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from adapters.runtime.privacy import may_tell_of_a_person
from deployments.door.bodies import PackedError, read_body, unpacked, whole_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    MunicipalityOf = Callable[[str], Awaitable[str | None]]

NAMES_SOMEBODY = (
    "Deze zaakreferentie kan iets over een persoon zeggen; gebruik een nummer dat niemand aanwijst."
)
_STARTED = re.compile(r"/api/deployments/[0-9a-f-]{36}/create_flow_run(/bulk)?/?", re.IGNORECASE)


class NamesSomebodyError(ValueError):
    """A case that is not here, with what may be a BSN, an IBAN, a telephone or an address for mail as its name."""


async def looked_at(scope: Scope, receive: Receive, municipality_of: MunicipalityOf) -> Receive:
    """Return what hands on a request, once the cases that it names are looked at. Raises NamesSomebodyError."""
    if scope["method"] != "POST" or _STARTED.fullmatch(scope["path"]) is None:
        return receive
    body, _ = await read_body(receive)
    given: Any = None
    with suppress(ValueError, RecursionError):  # Prefect says what is wrong with it
        given = json.loads(body)
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict) and isinstance(parameters := one.get("parameters"), dict):
            with suppress(PackedError):  # no form of ours takes it
                await check_case(unpacked(parameters), municipality_of)
    return whole_body(body)


async def check_case(parameters: Mapping[str, Any], municipality_of: MunicipalityOf) -> None:
    """Raise NamesSomebodyError where these parameters of a run name a case that is somebody, and is not here."""
    named = parameters.get("zaak")
    if isinstance(named, str) and may_tell_of_a_person(named) and await municipality_of(named) is None:
        raise NamesSomebodyError
