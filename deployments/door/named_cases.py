"""Whoever starts a run names a case, and no person: Prefect keeps what it is told, also of a run that is refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from adapters.runtime.privacy import may_tell_of_a_person
from deployments.door.bodies import PackedError, read_body, unpacked, whole_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]

NAMES_SOMEBODY = (
    "Deze zaakreferentie kan iets over een persoon zeggen; gebruik een nummer dat niemand aanwijst."
)
_STARTED = re.compile(r"/api/deployments/[0-9a-f-]{36}/create_flow_run(/bulk)?/?", re.IGNORECASE)


class NamesSomebodyError(ValueError):
    """A case that somebody names with what may be a BSN, an IBAN, a telephone or an address for mail."""


async def looked_at(scope: Scope, receive: Receive) -> Receive:
    """Return what hands on a request, once the case that it names is looked at. Raises NamesSomebodyError."""
    if scope["method"] != "POST" or _STARTED.fullmatch(scope["path"]) is None:
        return receive
    body, _ = await read_body(receive)
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return whole_body(body)  # Prefect says what is wrong with it
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict) and isinstance(parameters := one.get("parameters"), dict):
            check_case(parameters)
    return whole_body(body)


def check_case(parameters: Mapping[str, Any]) -> None:
    """Raise NamesSomebodyError where these parameters of a run name a case that is somebody."""
    try:
        plain = unpacked(parameters)
    except PackedError:
        return  # no form of ours takes it
    named = plain.get("zaak")
    if isinstance(named, str) and may_tell_of_a_person(named):
        raise NamesSomebodyError
