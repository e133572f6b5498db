"""The door looks at the case that a run names, before Prefect keeps it."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from support.signal_deliveries import valid_bsn

from deployments.door.bodies import whole_body
from deployments.door.named_cases import NamesSomebodyError, looked_at

SOMEBODY, HERE = f"mw-{valid_bsn('9087654')}", f"oud-{valid_bsn('9087654')}"
START = f"/api/deployments/{UUID(int=0xABCDEF)}/create_flow_run"


async def _municipality_of(reference: str) -> str | None:
    return "0518" if reference == HERE else None


def _passed_on(body: bytes, path: str = START) -> bytes:
    async def ask() -> bytes:
        receive = await looked_at({"method": "POST", "path": path}, whole_body(body), _municipality_of)
        return bytes((await receive())["body"])

    return asyncio.run(ask())


def _start(case: Any) -> dict[str, Any]:
    return {"parameters": {"zaak": case}}


@pytest.mark.parametrize(
    ("path", "given"),
    [
        (START, _start(SOMEBODY)),
        (START.upper().replace("/API", "/api"), _start(SOMEBODY)),
        (f"{START}/bulk", [_start("A-1"), _start(SOMEBODY)]),
        (START, _start({"__prefect_kind": "json", "value": json.dumps(SOMEBODY)})),
    ],
    ids=["alone", "in capitals", "in a list", "packed"],
)
def test_a_run_that_names_somebody_goes_no_further(path: str, given: Any) -> None:
    """Alone, in a list, or packed."""
    with pytest.raises(NamesSomebodyError):
        _passed_on(json.dumps(given).encode(), path)


@pytest.mark.parametrize(
    "body",
    [json.dumps(_start(HERE)), json.dumps(_start("A-1")), json.dumps([_start(None)]), "{", "", "[" * 99_999],
    ids=["a case of before", "a number", "none", "broken", "empty", "deep"],
)
def test_what_names_nobody_goes_on_as_it_came(body: str) -> None:
    """A case that is here is shown, whatever it is called; of what cannot be read Prefect says so."""
    assert _passed_on(body.encode()) == body.encode()


def test_another_address_is_not_read() -> None:
    """What starts no run goes on as it comes."""
    body = json.dumps(_start(SOMEBODY)).encode()
    assert _passed_on(body, "/api/flow_runs/filter") == body
