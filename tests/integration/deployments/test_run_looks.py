"""Who opens a run in Prefect has looked at its case, before Prefect shows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.doors import CREDENTIAL, ask, make_door, staff_file

from adapters.cases.looks import Looks
from adapters.storage.database import create_engine
from deployments.door.run_looks import RunLooks
from deployments.door.sessions import Session, Sessions

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.office import Office

RUN = "11111111-1111-1111-1111-111111111111"
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STAFF = '[mensen.mw-17]\n"*" = ["lezer"]\n'


def _door(folder: Path, looks: RunLooks) -> tuple[Any, dict[str, str]]:
    """Return a door, and the cookie of somebody who is in."""
    sessions = Sessions(CREDENTIAL, folder / "binnen", port=4200)
    cookie = sessions.cookie(Session("mw-17"), secure=False).decode().partition(";")[0]
    return make_door(folder, staff_file(folder, STAFF), sessions, looks=looks), {"cookie": cookie}


def _watched(office: Office, looks: Looks, parameters: object) -> RunLooks:
    async def run(_: str) -> dict[str, Any]:
        return json.loads(json.dumps({"parameters": parameters}))  # type: ignore[no-any-return]

    async def place(reference: str) -> str | None:
        return office.casework.case(reference).municipality

    return RunLooks(lambda: looks, run, place)


@SQLITE
def test_a_run_that_is_opened_is_a_look_and_a_poll_is_one(office: Office, tmp_path: Path) -> None:
    """The log names who opened it; a run without a case leaves nothing."""
    reference = office.casework.open("M3", municipality="0518").reference
    door, shown = _door(tmp_path, _watched(office, office.looks, {"zaak": reference}))
    for _ in range(3):
        assert ask(door, "GET", f"/api/flow_runs/{RUN}", headers=shown).status_code == 200
    rows, number = office.looks.found(reference)
    assert [(row.actor_kind, row.actor_code) for row in rows] == [("medewerker", "mw-17")]
    other, shown = _door(tmp_path, _watched(office, office.looks, {}))
    assert ask(other, "GET", f"/api/flow_runs/{RUN}", headers=shown).status_code == 200
    assert office.looks.found(person="mw-17")[1] == number == 1


@SQLITE
def test_what_cannot_be_logged_is_not_shown(office: Office, tmp_path: Path) -> None:
    """Without its database the log refuses the page with one sentence."""
    reference = office.casework.open("M3", municipality="0518").reference
    empty = Looks(create_engine(f"sqlite:///{tmp_path / 'leeg.db'}"), office.clock)
    door, shown = _door(tmp_path, _watched(office, empty, {"zaak": reference}))
    refused = ask(door, "GET", f"/api/flow_runs/{RUN}", headers=shown)
    assert refused.status_code == 503
    assert "inzagelog" in refused.text
