"""Every way in says who acts, lets only the right role decide, and lets nobody be both pairs of eyes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select
from support.recipients import reachable, recipients

from adapters.api.app import create_api, create_pages
from adapters.api.person import as_person
from adapters.cases.presentation import journal_line
from adapters.exchange.clients import new_client
from adapters.office import Office, open_office
from adapters.operations.integrity import broken_journals
from adapters.oversight.workload import read_workload
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.settings import Settings
from adapters.storage.database import CaseRow, reading
from milestones.four_eyes import ASKED, GIVEN, WAITS

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock

    Command = Callable[..., subprocess.CompletedProcess[str]]

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POLICY = 'tweede_beoordeling = ["toelating", "weigering", "beeindiging", "overrulen"]\n'
STAFF = """
[mensen.mw-1]
"0518" = ["jurist"]
[mensen.mw-2]
"0518" = ["kwaliteitstoetser"]
[mensen.mw-3]
"0518" = ["klantmanager"]
[mensen.mw-4]
"0518" = ["lezer"]
"0363" = ["teamleider"]
"""
GROUPS = """
[aanmelden]
groepen = "groups"
gemeenten = "gemeentecode"
[rollen_van_groepen.toetsers]
gemeenten = ["kwaliteitstoetser"]
"""
DELIVERY = Path(__file__).parents[2] / "fixtures" / "vroegsignalen_v1_2.json"
SAME_PERSON = "niet ook het tweede"


class WayIn(Protocol):
    """A way to report an event: returns whether it was taken, the status, and what was said."""

    way: Way

    def report(self, code: str, reference: str, event: str, **data: Any) -> tuple[bool, int, str]:
        """Report an event as somebody."""
        ...


class OnPage:
    """Somebody who is logged in, on the page of a case."""

    way = Way.FORM

    def __init__(self, office: Office) -> None:
        self._office = office

    def client(self, code: str) -> TestClient:
        """Return the browser of somebody."""
        member = self._office.staff.book().member(code)
        assert member is not None
        return TestClient(as_person(create_pages(self._office), member), follow_redirects=False)

    def report(self, code: str, reference: str, event: str, **data: Any) -> tuple[bool, int, str]:
        """Fill in the form of an event."""
        form = {name: {True: "ja", False: "nee"}.get(value, value) for name, value in data.items()}
        found = self.client(code).post(
            f"/zaak/{reference}/melden/M6/{event}", data=form, headers={"Sec-Fetch-Site": "same-origin"}
        )
        return found.status_code == 303, found.status_code, found.text


class ByLink(OnPage):
    """Somebody who followed the link of a message."""

    way = Way.LINK

    def client(self, code: str) -> TestClient:
        """Return the browser of somebody, with the cookie of the link."""
        made = TestClient(create_api(self._office), follow_redirects=False)
        link = self._office.page_links.mine(code)
        assert made.get("/mijn?" + link.partition("?")[2]).status_code == 303
        return made


class OverApi:
    """A client that names the medewerker."""

    way = Way.API

    def __init__(self, office: Office) -> None:
        rights = ("lezen", "goedgekeurd", GIVEN)
        self._key = {"X-API-Key": new_client(office, "zaaksysteem", ("0518",), rights).api_key}
        self._api = TestClient(create_api(office))

    def report(self, code: str, reference: str, event: str, **data: Any) -> tuple[bool, int, str]:
        """Send the event."""
        body = {"gebeurtenis": event, "gegevens": data} | ({"medewerker": code} if code else {})
        found = self._api.post(f"/v1/zaken/{reference}/gebeurtenissen", json=body, headers=self._key)
        return found.status_code == 201, found.status_code, found.text


class ByAnswer:
    """The answer to a form in Prefect, or an action there, as the worker applies it: the door said who it was."""

    def __init__(self, office: Office, way: Way) -> None:
        self._office, self.way = office, way

    def report(self, code: str, reference: str, event: str, **data: Any) -> tuple[bool, int, str]:
        """Report as the flow does."""
        from milestones.process import NotPossible  # noqa: PLC0415

        with acts(Actor(ActorKind.PERSON, code, self.way)):
            try:
                self._office.casework.report(reference, event, process="M6", data=data)
            except NotPossible as refusal:
                return False, 409, refusal.reason
        return True, 0, ""


@pytest.fixture
def town(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    """An office in a gemeente with four eyes, and people whom it knows."""
    (tmp_path / "beleid").mkdir()
    (tmp_path / "beleid" / "0518.toml").write_text(POLICY)
    (tmp_path / "staf.toml").write_text(STAFF)
    roles = {"0518": {"quality_reviewer": ["mw-1", "mw-2"], "case_worker": ["mw-3"]}}
    people = recipients(reachable("mw-1", "mw-2", "mw-3", "mw-4"), roles, silent=["client"])
    (tmp_path / "ontvangers.toml").write_text(people)
    settings = Settings(
        home=tmp_path,
        policy_folder=tmp_path / "beleid",
        staff_file=tmp_path / "staf.toml",
        recipients_file=tmp_path / "ontvangers.toml",
    )
    return Office(settings, engine, clock)


@pytest.fixture(params=["page", "link", "api", "form", "action"])
def way(request: pytest.FixtureRequest, town: Office) -> WayIn:
    """Each way in."""
    match request.param:
        case "page":
            return OnPage(town)
        case "link":
            return ByLink(town)
        case "api":
            return OverApi(town)
        case other:
            return ByAnswer(town, Way.FORM if other == "form" else Way.ACTION)


@pytest.fixture
def reference(town: Office) -> str:
    """A case of which the plan waits for its toets."""
    made = town.casework.open("M6", municipality="0518").reference
    town.casework.report(made, "plan_opgesteld", data={"beslagvrije_voet": True})
    town.casework.report(made, "inwoner_akkoord")
    return made


@SQLITE
def test_two_people_decide_by_every_way(town: Office, way: WayIn, reference: str) -> None:
    """The wrong role is refused, the first waits, the same person is refused, the second decides; each is named."""
    before = len(town.casework.case(reference).journal)
    taken, status, said = way.report("mw-3", reference, "goedgekeurd")
    assert (taken, status in (403, 409, 422)) == (False, True)
    assert "kwaliteitstoetser" in said
    assert len(town.casework.case(reference).journal) == before
    assert way.report("mw-1", reference, "goedgekeurd")[0]
    taken, status, said = way.report("mw-1", reference, GIVEN, akkoord=True)
    assert (taken, status in (409, 422)) == (False, True)
    assert SAME_PERSON in said
    assert way.report("mw-2", reference, GIVEN, akkoord=True)[0]
    view = town.casework.case(reference)
    assert view.case.process("M6").state == "BESCHIKKING_GEMAAKT"
    done = [(row.event, *journal_line(row)["door"].values()) for row in view.journal[before:]]
    assert [row for row in done if row[0] != "houder_gewijzigd"] == [
        (ASKED, "medewerker", "mw-1", str(way.way)),
        (GIVEN, "medewerker", "mw-2", str(way.way)),
        ("goedgekeurd", "medewerker", "mw-2", str(way.way)),
    ]
    assert not list(broken_journals(town))


def test_the_command_line_names_the_user_of_the_machine_or_who_is_said(
    routekaart: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--door` names somebody; the same one twice is exit 2 with one sentence, and nothing is written."""
    (tmp_path / "0518.toml").write_text(POLICY)
    (tmp_path / "staf.toml").write_text(STAFF)
    monkeypatch.setenv("ROUTEKAART_POLICY_FOLDER", str(tmp_path))
    monkeypatch.setenv("ROUTEKAART_STAFF_FILE", str(tmp_path / "staf.toml"))
    made = routekaart("open", "--mijlpaal", "M6", "--gemeente", "0518").stdout.strip()
    routekaart("meld", made, "plan_opgesteld", "--gegevens", '{"beslagvrije_voet": true}')
    routekaart("meld", made, "inwoner_akkoord")
    routekaart("meld", made, "goedgekeurd", "--door", "mw-1")
    agrees = ("meld", made, GIVEN, "--gegevens", '{"akkoord": true}')
    before = routekaart("zaak", made, "--json").stdout
    for code, said in (("mw-1", SAME_PERSON), ("mw-3", "kwaliteitstoetser of jurist")):
        refused = routekaart(*agrees, "--door", code, check=False)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert said in refused.stderr
    assert json.loads(before)["mijlpalen"][0]["wacht_op"] == WAITS
    assert routekaart("zaak", made, "--json").stdout == before
    routekaart(*agrees)
    done = json.loads(routekaart("zaak", made, "--json").stdout)["journaal"][-1]
    assert (done["gebeurtenis"], done["door"]["soort"], done["door"]["weg"]) == (
        "goedgekeurd",
        "beheerder",
        "opdracht",
    )
    assert re.fullmatch(r"gebruiker-\d+", done["door"]["code"])


@SQLITE
def test_what_waits_is_seen(town: Office, reference: str) -> None:
    """The case page, the werkvoorraad and the API say what waits, and on whom; a lezer gets no button."""
    page, api = OnPage(town), OverApi(town)
    assert page.report("mw-1", reference, "goedgekeurd")[0]
    shown = page.client("mw-2").get(f"/zaak/{reference}").text
    assert WAITS in shown
    assert "van mw-1 wacht op een tweede beoordeling" in shown
    assert f"/melden/M6/{GIVEN}" in shown
    assert f"/melden/M6/{GIVEN}" not in page.client("mw-4").get(f"/zaak/{reference}").text
    assert {item.waits_for for item in read_workload(town, "0518").items} == {WAITS}
    found = api._api.get(f"/v1/zaken/{reference}", headers=api._key).json()
    assert found["mijlpalen"][0]["tweede_beoordeling"]["door"] == "mw-1"


@SQLITE
def test_a_role_elsewhere_decides_nothing_here(town: Office, reference: str) -> None:
    """Roles count in their own gemeente; whom the file does not name has none; a client alone stays a client."""
    page, api = OnPage(town), OverApi(town)
    assert page.report("mw-4", reference, "goedgekeurd")[1] == 403
    assert "kwaliteitstoetser" in api.report("mw-4", reference, "goedgekeurd")[2]
    assert "kwaliteitstoetser" in api.report("mw-99", reference, "goedgekeurd")[2]
    taken, status, said = api.report("", reference, "goedgekeurd")
    assert (taken, status) == (False, 409)
    assert "wie bekend is" in said


@SQLITE
def test_who_has_roles_by_groups_alone_decides_when_he_is_in(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """The file names nobody and only groups: his session tells his roles; by a code alone nobody has any."""
    (tmp_path / "staf.toml").write_text(GROUPS)
    office = Office(Settings(home=tmp_path, staff_file=tmp_path / "staf.toml"), engine, clock)
    made = office.casework.open("M6", municipality="0518").reference
    office.casework.report(made, "plan_opgesteld", data={"beslagvrije_voet": True})
    office.casework.report(made, "inwoner_akkoord")
    assert "kwaliteitstoetser" in OverApi(office).report("mw-7", made, "goedgekeurd")[2]
    member = office.staff.book().member("mw-7", ("toetsers",), ("0518",))
    assert member is not None
    page = TestClient(as_person(create_pages(office), member), follow_redirects=False)
    given = page.post(f"/zaak/{made}/melden/M6/goedgekeurd", headers={"Sec-Fetch-Site": "same-origin"})
    assert given.status_code == 303
    assert office.casework.case(made).case.process("M6").state == "BESCHIKKING_GEMAAKT"


@SQLITE
def test_without_a_file_of_staff_nobody_is_refused(office: Office) -> None:
    """On the embedded default roles are not known, and one person does all."""
    made = office.casework.open("M6", municipality="0518").reference
    office.casework.report(made, "plan_opgesteld", data={"beslagvrije_voet": True})
    office.casework.report(made, "inwoner_akkoord")
    with acts(Actor(ActorKind.PERSON, "mw-3", Way.FORM)):
        office.casework.report(made, "goedgekeurd")
    assert office.casework.case(made).case.process("M6").state == "BESCHIKKING_GEMAAKT"


def _doors(office: Office, reference: str) -> set[tuple[str | None, ...]]:
    return {tuple(journal_line(row)["door"].values()) for row in office.casework.case(reference).journal}


@SQLITE
def test_a_delivery_is_of_who_delivers(office: Office) -> None:
    """Each row of a case that a delivery opens names the client, and that it came with a delivery."""
    key = {"X-API-Key": new_client(office, "leverancier", ("*",), ("vroegsignalen",)).api_key}
    sent = TestClient(create_api(office)).post(
        "/v1/vroegsignalen", content=DELIVERY.read_bytes(), headers=key | {"Content-Type": "application/json"}
    )
    assert sent.status_code in (200, 201, 202), sent.text
    with reading(office.engine) as session:
        opened = session.exec(select(CaseRow.reference)).all()
    assert opened
    assert {door for one in opened for door in _doors(office, one)} == {
        ("systeem", "leverancier", "levering")
    }


def test_a_file_that_is_imported_is_of_the_user_of_the_machine(routekaart: Command) -> None:
    """It came with a delivery, and by nobody else's hand."""
    routekaart("importeer", "vroegsignalen", str(DELIVERY))
    here = open_office(Settings(home=os.environ["ROUTEKAART_HOME"]))
    with reading(here.engine) as session:
        opened = session.exec(select(CaseRow.reference)).all()
    assert opened
    user = f"gebruiker-{os.getuid()}"
    assert {door for one in opened for door in _doors(here, one)} == {("beheerder", user, "levering")}
    here.engine.dispose()


@SQLITE
def test_the_journal_as_csv_names_who_did_it(town: Office, reference: str) -> None:
    """Each row has kind, code and way in columns of their own, whole in one file; whoever reads it has looked."""
    assert OnPage(town).report("mw-1", reference, "goedgekeurd")[0]
    api = OverApi(town)
    for asked in ({"params": {"formaat": "csv"}}, {"headers": {"Accept": "text/csv"}}):
        more: dict[str, Any] = asked.get("headers", {})
        found = api._api.get(
            f"/v1/zaken/{reference}/journaal", params=asked.get("params"), headers=api._key | more
        )
        rows = list(csv.DictReader(io.StringIO(found.text.removeprefix("\ufeff")), delimiter=";"))
        assert len(rows) == len(town.casework.case(reference).journal)
        done = next(row for row in rows if row["gebeurtenis"] == ASKED)
        assert (done["door_soort"], done["door_code"], done["door_weg"]) == (
            "medewerker",
            "mw-1",
            "formulier",
        )
    assert town.looks.found(reference, "zaaksysteem")[1] == 1
