"""Fill in secrets where a file only names them: `${NAME}` from the environment, or a Secret block of Prefect.

A block is named as in Prefect's own files: `{{ prefect.blocks.secret.mail-wachtwoord }}`. A secret that is the
whole value is taken as it is; one inside an address is written so that signs such as `@` and `/` do no harm.
"""

from __future__ import annotations

import os
import re
import time
from urllib.parse import quote

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_BLOCK = re.compile(r"\{\{\s*prefect\.blocks\.secret\.(?P<name>[a-z0-9-]+)\s*\}\}")
_KEEP_SECONDS = 60.0
_kept: dict[str, tuple[float, str]] = {}


class MissingSecretError(LookupError):
    """A secret that is not there: one Dutch sentence that names it, without its value."""


def has_block(text: str) -> bool:
    """Whether a text names a Secret block of Prefect."""
    return _BLOCK.search(text) is not None


def is_block(text: str) -> bool:
    """Whether a text is nothing but a Secret block of Prefect."""
    return _BLOCK.fullmatch(text.strip()) is not None


def without_blocks(text: str) -> str:
    """Return a text with a harmless word in the place of each block, to check its form without Prefect."""
    return _BLOCK.sub("geheim", text)


def fill_in(text: str) -> str:
    """Return a text with its secrets; a missing one is a MissingSecretError."""
    for pattern, read in ((_VARIABLE, _from_environment), (_BLOCK, _from_prefect)):
        whole = pattern.fullmatch(text.strip())
        if whole:
            return read(whole["name"])
        text = pattern.sub(lambda found, read=read: quote(read(found["name"]), safe=""), text)  # type: ignore[misc]
    return text


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise MissingSecretError(f"de omgevingsvariabele {name} bestaat niet of is leeg")
    return value


def _from_prefect(name: str) -> str:
    """Read a block; it is kept for a minute, so that a burst of messages does not ask for each of them."""
    read_at, value = _kept.get(name, (0.0, ""))
    if value and time.monotonic() - read_at < _KEEP_SECONDS:
        return value
    from prefect.blocks.system import Secret  # noqa: PLC0415 - most commands need no Prefect

    try:
        loaded = Secret.load(name, _sync=True).get()  # type: ignore[call-arg, union-attr]
    except Exception:  # noqa: BLE001 - whatever Prefect says, the secret is not there now
        raise MissingSecretError(
            f"het Secret block '{name}' is er niet, of Prefect is niet bereikbaar"
        ) from None
    _kept[name] = (time.monotonic(), str(loaded))
    return str(loaded)
