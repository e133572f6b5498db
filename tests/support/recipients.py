"""One way to write a file of recipients: people with their channels, and their roles in each gemeente."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NOWHERE = "json://127.0.0.1:9/"
"""A channel that nobody listens to."""
_AROUND_THE_CLOCK = """\
[standaard.werktijden]
dagen = ["ma", "di", "wo", "do", "vr", "za", "zo"]
van = "00:00"
tot = "23:59:59"
ook_feestdagen = true
"""


def recipients(
    people: Mapping[str, Mapping[str, str]],
    roles: Mapping[str, Mapping[str, Sequence[str]]],
    *,
    silent: Iterable[str] = (),
    bundled_from: int | None = None,
    around_the_clock: bool = False,
) -> str:
    """Return the text of a file: `people` with an address by channel, `roles` of each gemeente with their people.

    `silent` are roles that get no message; `bundled_from` is how many messages become one; `around_the_clock` lets
    every hour be a working hour.
    """
    lines = ["[standaard]", f"geen_berichten_aan = {json.dumps(list(silent))}"]
    if bundled_from is not None:
        lines.append(f"bundel_vanaf = {bundled_from}")
    if around_the_clock:
        lines.append(_AROUND_THE_CLOCK)
    for code, channels in people.items():
        listed = ", ".join(f"{name} = {json.dumps(address)}" for name, address in channels.items())
        lines += ["[[persoon]]", f"code = {json.dumps(code)}", f"kanalen = {{ {listed} }}"]
    for municipality, table in roles.items():
        lines += ["[[gemeente]]", f"code = {json.dumps(municipality)}", "[gemeente.rollen]"]
        lines += [f"{role} = {json.dumps(list(codes))}" for role, codes in table.items()]
    return "\n".join(lines) + "\n"


def reachable(*codes: str) -> dict[str, dict[str, str]]:
    """Return people who have a channel, that nobody listens to."""
    return {code: {"x": NOWHERE} for code in codes}
