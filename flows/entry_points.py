"""Which code a worker runs: flows of this installation, and no other.

A deployment in Prefect names its code in text that people and programs can change. So a worker takes that text as a
name on our own list and never as a place to load code from.
"""

from __future__ import annotations

import re
from importlib import import_module

from prefect import Flow

from milestones.refusal import Refusal

_OURS = re.compile(r"(flows(?:\.\w+)+):(\w+)")


class ForeignCodeError(Refusal, ValueError):
    """A run that names no flow of ours; the text is a sentence for who looks at the run."""

    def __init__(self) -> None:
        super().__init__(
            "Deze run hoort niet bij een deployment van routekaart en wordt niet uitgevoerd. "
            "Zet de deployments terug met: routekaart deploy"
        )


_also: dict[str, Flow[..., object]] = {}


def also_ours(entry_point: str, flow: Flow[..., object]) -> None:
    """Put a flow on the list of this process; nothing that comes over the network can do that."""
    _also[entry_point] = flow


def own_flow(entry_point: str | None) -> Flow[..., object]:
    """Return the flow that an entry point names; ForeignCodeError when it is none of ours."""
    given = entry_point or ""
    if given in _also:
        return _also[given]
    parts = _OURS.fullmatch(given)
    if parts is None:
        raise ForeignCodeError
    module, name = parts.groups()
    try:
        found = getattr(import_module(module), name, None)
    except ImportError:
        raise ForeignCodeError from None
    if not isinstance(found, Flow) or found.fn.__module__ != module or found.fn.__name__ != name:
        raise ForeignCodeError
    return found
