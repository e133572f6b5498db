"""Who sees a run in Prefect, its log or the page of its case has looked at that case, before Prefect shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.doors import CREDENTIAL, ask, make_door, staff_file

from adapters.cases.looks import Looks
from adapters.storage.database import CaseRow, create_engine, reading
from deployments.door.run_looks import RunLooks
from deployments.door.sessions import Session, Sessions
from flows.case_page import page_key

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.office import Office

RUN = "11111111-1111-1111-1111-111111111111"
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STAFF = '[mensen.mw-17]\n"*" = ["lezer"]\n'


def _door(folder: Path, looks: RunLooks) -> tuple[Any, dict[str, str]]:
    """Return a door, and the cookie of somebody who is in."""
    sessions = Sessions(CREDENTIAL, folder / "binnen", port=4200)
    cookie = sessions.cookie(Session("mw-17")).decode().partition(";")[0]
    return make_door(folder, staff_file(folder, STAFF), sessions, looks=looks), {"cookie": cookie}


def _watched(office: Office, looks: Looks, parameters: object) -> RunLooks:
    async def runs(asked: list[str]) -> list[dict[str, Any]]:
        return [{"id": one, "parameters": json.loads(json.dumps(parameters))} for one in asked]

    async def place(reference: str) -> str | None:
        with reading(office.engine) as session:
            row = session.get(CaseRow, reference)
            return None if row is None else row.municipality

    return RunLooks(lambda: looks, runs, place)


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
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/api/flow_runs/{RUN}/graph-v2", None),
        ("GET", f"/api/flow_runs/{RUN}/logs/download", None),
        ("POST", f"/api/flow_runs/{RUN}/input/filter", {}),
        ("POST", "/api/logs/filter", {"logs": {"flow_run_id": {"any_": [RUN.upper()]}}}),
        ("POST", "/api/events/filter", {"filter": {"any_resource": {"id": [f"prefect.flow-run.{RUN}"]}}}),
    ],
)
def test_every_part_of_a_run_is_a_look(
    office: Office, tmp_path: Path, method: str, path: str, body: object
) -> None:
    """Its log, its events, its graph and what was answered tell of the case as much as the run itself."""
    reference = office.casework.open("M3", municipality="0518").reference
    door, shown = _door(tmp_path, _watched(office, office.looks, {"zaak": reference}))
    assert ask(door, method, path, json=body, headers=shown).status_code == 200
    assert office.looks.found(reference)[1] == 1


def _with_pages(door: Any, pages: object) -> Any:
    """Return the door with an application behind it that answers with these pages."""

    async def answers(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(pages).encode()})

    return replace(door, app=answers, guard=replace(door.guard, app=answers))


@SQLITE
@pytest.mark.parametrize("name", [None, "Eigen-nr-7"])
def test_the_page_of_a_case_is_a_look_however_it_is_asked(
    office: Office, tmp_path: Path, name: str | None
) -> None:
    """By its key, by its number, in a list: who gets the words of a case has looked; a page of figures is none."""
    reference = office.casework.open("M3", municipality="0518", reference=name).reference
    page = {"key": page_key(reference), "flow_run_id": RUN, "description": "# Zaak"}
    figures = {"key": "overzicht", "flow_run_id": RUN, "description": "# Overzicht"}
    for number, (method, path, answer) in enumerate(
        (
            ("GET", f"/api/artifacts/{page['key']}/latest", page),
            ("GET", f"/api/artifacts/{RUN}", page),
            ("POST", "/api/artifacts/filter", [figures, page, page]),
            ("POST", "/api/artifacts/latest/filter", [page]),
        )
    ):
        made, shown = _door(tmp_path, _watched(office, office.looks, {"zaak": reference}))
        office.clock.moment += timedelta(hours=1)  # type: ignore[attr-defined]
        given = ask(_with_pages(made, answer), method, path, headers=shown, json={})
        assert given.json() == answer
        assert office.looks.found(reference)[1] == number + 1
    made, shown = _door(tmp_path, _watched(office, office.looks, {}))
    assert ask(_with_pages(made, figures), "GET", f"/api/artifacts/{RUN}", headers=shown).json() == figures
    assert office.looks.found(person="mw-17")[1] == 4


@SQLITE
def test_the_front_page_of_one_gemeente_is_one_page(office: Office, tmp_path: Path) -> None:
    """Prefect is asked for a list of them; who asked for the newest gets that one, and has looked at no case."""
    made, shown = _door(tmp_path, _watched(office, office.looks, {}))
    staff_file(tmp_path, '[mensen.mw-17]\n"0363" = ["lezer"]\n')
    page = {"key": "overzicht-0363", "created": "2026-03-09", "description": "# Overzicht"}
    door = _with_pages(made, [page])
    assert ask(door, "GET", "/api/artifacts/overzicht/latest", headers=shown).json() == page
    asked = {"artifacts": {"key": {"any_": ["overzicht"]}}}
    assert ask(door, "POST", "/api/artifacts/filter", headers=shown, json=asked).json() == [page]
    assert office.looks.found()[1] == 0


@SQLITE
def test_a_page_whose_look_cannot_be_written_is_not_shown(office: Office, tmp_path: Path) -> None:
    """Prefect answered already; its words stay here."""
    reference = office.casework.open("M3", municipality="0518").reference
    empty = Looks(create_engine(f"sqlite:///{tmp_path / 'leeg.db'}"), office.clock)
    made, shown = _door(tmp_path, _watched(office, empty, {}))
    page = {"key": page_key(reference), "description": "# Zaak met woorden"}
    refused = ask(_with_pages(made, page), "GET", f"/api/artifacts/{RUN}", headers=shown)
    assert refused.status_code == 503
    assert "woorden" not in refused.text


@SQLITE
@pytest.mark.parametrize("case", [True, False])
def test_a_run_is_asked_once(office: Office, tmp_path: Path, *, case: bool) -> None:
    """A page asks for a run again and again; whose case it is, if any, does not change."""
    reference = office.casework.open("M3", municipality="0518").reference
    watched = _watched(office, office.looks, {"zaak": reference} if case else {})
    asked: list[list[str]] = []
    runs = watched.runs

    async def counted(names: list[str]) -> list[dict[str, Any]]:
        asked.append(names)
        return await runs(names)

    watched.runs = counted
    door, shown = _door(tmp_path, watched)
    for _ in range(3):
        assert ask(door, "GET", f"/api/flow_runs/{RUN}", headers=shown).status_code == 200
    assert asked == [[RUN]]


@SQLITE
def test_what_cannot_be_logged_is_not_shown(office: Office, tmp_path: Path) -> None:
    """Without its database the log refuses the page with one sentence."""
    reference = office.casework.open("M3", municipality="0518").reference
    empty = Looks(create_engine(f"sqlite:///{tmp_path / 'leeg.db'}"), office.clock)
    door, shown = _door(tmp_path, _watched(office, empty, {"zaak": reference}))
    refused = ask(door, "GET", f"/api/flow_runs/{RUN}", headers=shown)
    assert refused.status_code == 503
    assert "inzagelog" in refused.text
