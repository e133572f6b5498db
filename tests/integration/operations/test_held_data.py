"""What is held of a case or a person, on request; and the pages for that, for destruction and for what must stay."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import structlog
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlmodel import SQLModel, select
from starlette.testclient import TestClient
from support.ended_cases import BEGIN, ended, six_years_on
from support.signal_deliveries import valid_bsn
from support.stack import home_with_keys

from adapters.api.app import create_pages
from adapters.api.person import as_person
from adapters.cases.store import UnknownCaseError
from adapters.office import Office
from adapters.operations.access_requests import answered, extend_request, note_request, open_requests, warn
from adapters.operations.destruction import approve, hold, remove_case
from adapters.operations.held_data import _LEFT_OUT, WORDS, cases_of_person, held_under
from adapters.operations.held_words import COLUMN_WORDS, in_words
from adapters.runtime.actor import Actor, ActorKind, acts
from adapters.runtime.clock import SetClock
from adapters.runtime.persons import PersonKey, person_key, person_keys_for, renew_key_file
from adapters.runtime.settings import Settings
from adapters.runtime.staff import StaffBook, StaffRole
from adapters.storage.database import CaseRow, reading
from milestones.process import InvalidData, NotPossible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

BSN = valid_bsn("7086543")
FORM = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def office(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    """An office with its keys."""
    return Office(Settings(home=home_with_keys(tmp_path / "home")), engine, clock)


@pytest.fixture(autouse=True)
def _somebody() -> Iterator[None]:
    with acts(Actor(ActorKind.PERSON, "mw-17")):
        yield


def _case(office: Office, reference: str, municipality: str = "0518", bsn: str | None = None) -> str:
    key = None if bsn is None else person_keys_for(office.settings, municipality)[0].of(bsn)
    return office.casework.open(
        "M3", municipality=municipality, reference=reference, person_key=key
    ).reference


def _page(office: Office, role: StaffRole = StaffRole.OPERATOR, place: str = "0518") -> TestClient:
    member = StaffBook({}).with_roles("mw-17", {place: frozenset({role})})
    return TestClient(as_person(create_pages(office), member), headers=FORM)


# --- what is held ---------------------------------------------------------------------------------------------


def test_all_that_is_held_of_a_case_is_shown_and_nothing_of_another(office: Office) -> None:
    """Every table that holds a row of it is there, with the rows of this case alone."""
    _case(office, "EEN-1")
    _case(office, "TWEE-2")
    office.casework.report("EEN-1", "aanmelding_geregistreerd")
    hold(office, "EEN-1", "beroep")
    found = held_under(office, "EEN-1")
    assert {
        "cases",
        "processes",
        "timers",
        "journal",
        "outbox",
        "legal_holds",
        "outgoing_events",
    } <= found.keys()
    assert "TWEE-2" not in str(found)


def test_what_is_shown_is_what_destruction_removes(office: Office) -> None:
    """No table has rows of a case that the overview leaves out: the tables are read in the same way."""
    _case(office, "EEN-1")
    with reading(office.engine) as session:
        held = {
            table.name
            for table in SQLModel.metadata.sorted_tables
            if any("EEN-1" in map(str, row) for row in session.execute(table.select()))
        }
    assert held <= held_under(office, "EEN-1").keys()


def test_a_case_that_is_not_there_is_refused(office: Office) -> None:
    """As any question about one."""
    with pytest.raises(UnknownCaseError):
        held_under(office, "NERGENS")


def test_a_person_is_found_under_every_key_and_kept_nowhere(office: Office) -> None:
    """Cases in two gemeenten, one from before the key was renewed; the BSN stands in no table afterwards."""
    _case(office, "OUD-1", bsn=BSN)
    renew_key_file(office.settings.home_folder)
    _case(office, "NIEUW-1", "0599", bsn=BSN)
    _case(office, "ANDER-1", bsn=valid_bsn("7012345"))
    assert cases_of_person(office, BSN) == ["NIEUW-1", "OUD-1"]
    assert cases_of_person(office, valid_bsn("7099999")) == []
    with reading(office.engine) as session:
        everything = [
            str(row) for table in SQLModel.metadata.sorted_tables for row in session.execute(table.select())
        ]
    assert not any(BSN in row for row in everything)


# --- a key of each municipality -------------------------------------------------------------------------------


def test_a_pseudonym_is_another_in_each_municipality(office: Office) -> None:
    """Derived with HKDF-SHA256 as the document says; the same everywhere without the setting."""
    settings = office.settings.model_copy(update={"person_key_per_municipality": True})
    here, there = (person_keys_for(settings, place)[0].of(BSN) for place in ("0518", "0599"))
    assert here != there
    assert here[:8] == there[:8]  # both say which key of the machine it was
    secret = settings.person_secret()
    derived = HKDF(hashes.SHA256(), 32, None, b"routekaart persoonssleutel 0518").derive(secret)
    assert PersonKey(secret, "0518").derived == derived
    assert {person_keys_for(office.settings, place)[0].of(BSN) for place in ("0518", "0599")} == {
        person_key(BSN, secret)
    }


def test_who_was_known_before_each_municipality_had_its_key_is_still_found(office: Office) -> None:
    """Under the setting of before, under that of now, and after another renewal."""
    _case(office, "VOOR-1", bsn=BSN)
    changed = Office(
        office.settings.model_copy(update={"person_key_per_municipality": True}), office.engine, office.clock
    )
    _case(changed, "NA", bsn=BSN)
    renew_key_file(office.settings.home_folder)
    _case(changed, "LATER-1", bsn=BSN)
    assert cases_of_person(changed, BSN) == ["LATER-1", "NA", "VOOR-1"]
    with reading(office.engine) as session:
        assert len(set(session.exec(select(CaseRow.person_key)))) == 3


def test_a_stolen_database_does_not_give_a_bsn_away(office: Office) -> None:
    """The pseudonym is no plain hash of it, and what stands before it is a name of the key and not the key."""
    key = person_key(BSN, office.settings.person_secret())
    plain = {
        hashlib.new(kind, BSN.encode()).hexdigest()
        for kind in ("md5", "sha1", "sha256", "sha512", "sha3_256")
    }
    name, _, digest = key.partition(".")
    assert not any(one.startswith(digest) for one in plain)
    assert office.settings.person_secret().decode() not in key
    assert person_key(BSN, name.encode()) != key


# --- requests (T60) -------------------------------------------------------------------------------------------


def test_a_request_has_a_month_and_once_two_more(office: Office, clock: SetClock) -> None:
    """T60 counts from the day of the request; a second extension is refused."""
    row = note_request(office, "0518", date(2026, 3, 2))
    assert row.due == date(2026, 4, 2)
    assert extend_request(office, row.id or 0) == date(2026, 6, 2)
    with pytest.raises(NotPossible, match="eenmaal"):
        extend_request(office, row.id or 0)
    answered(office, row.id or 0)
    with pytest.raises(NotPossible):
        answered(office, row.id or 0)
    assert open_requests(office) == []


def test_no_request_of_tomorrow_and_no_extension_when_it_is_too_late(office: Office, clock: SetClock) -> None:
    """Both are refused, and nothing changes."""
    with pytest.raises(InvalidData):
        note_request(office, "0518", date(2026, 3, 10))
    row = note_request(office, "0518", date(2026, 3, 9))
    clock.moment = BEGIN + timedelta(days=60)
    with pytest.raises(NotPossible, match="voorbij"):
        extend_request(office, row.id or 0)
    assert open_requests(office)[0].due == row.due


def test_the_coordinator_hears_once_for_each_warning(office: Office, clock: SetClock) -> None:
    """Two weeks before, a week before, and when the time is over; an answered one is quiet."""
    row = note_request(office, "0518", date(2026, 3, 9))
    heard = []
    for day in range(45):
        clock.moment = BEGIN + timedelta(days=day)
        if warn(office):
            heard.append(clock.today())
    assert heard == [row.due - timedelta(14), row.due - timedelta(7), row.due + timedelta(1)]
    told = office.settings.messages_file.read_text()
    assert told.count("een inwoner wacht op inzage") == 3
    answered(office, row.id or 0)
    assert warn(office) == 0


# --- the pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [role for role in StaffRole if role is not StaffRole.OPERATOR])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_who_manages_sees_these_pages(office: Office, role: StaffRole) -> None:
    """Any other role is refused, to look and to decide."""
    page = _page(office, role)
    for path in ("/vernietiging", "/inzage"):
        assert page.get(path).status_code == 403
        assert page.post(path, data={"keuze": "zoek", "wat": "EEN-1"}).status_code == 403


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_shows_what_is_held_of_a_person_and_says_so_in_the_log_of_looks(office: Office) -> None:
    """By a reference or by a BSN that stands nowhere in the answer."""
    _case(office, "EEN-1", bsn=BSN)
    page = _page(office)
    for asked in ("EEN-1", "een-1", BSN):
        answer = page.post("/inzage", data={"wat": asked})
        assert answer.status_code == 200
        assert "journaal (" in answer.text
        assert BSN not in answer.text
    assert {row.purpose for row in office.looks.found("EEN-1")[0]} == {"inzageverzoek"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_asks_about_a_person_is_logged_also_when_there_is_nothing(office: Office) -> None:
    """By his code; the number stands nowhere."""
    _case(office, "EEN-1", bsn=BSN)
    stranger = valid_bsn("7099999")
    with structlog.testing.capture_logs() as lines:
        for asked in (BSN, stranger, "EEN-1"):
            _page(office).post("/inzage", data={"wat": asked})
    told = [(line["code"], line["cases"]) for line in lines if line["event"] == "person_asked_about"]
    assert told == [("mw-17", 1), ("mw-17", 0)]
    assert not any(number in str(lines) for number in (BSN, stranger))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_case_of_another_gemeente_is_answered_as_one_that_is_not_there(office: Office) -> None:
    """On both pages, and for a BSN as well."""
    _case(office, "VERRE-1", "0599", bsn=BSN)
    page = _page(office)
    asked = [page.post("/inzage", data={"wat": wat}) for wat in ("VERRE-1", "NERGENS", BSN)]
    assert len({(answer.status_code, _without_nonce(answer.text)) for answer in asked}) == 1
    held = [
        page.post("/vernietiging", data={"keuze": "bewaren", "zaak": zaak, "reden": "beroep"})
        for zaak in ("VERRE-1", "NERGENS")
    ]
    # What he typed himself stands in it.
    assert len({_without_nonce(answer.text.replace("VERRE-1", "NERGENS")) for answer in held}) == 1
    assert {answer.status_code for answer in held} == {422}


def _without_nonce(page: str) -> str:
    before, _, after = page.partition('nonce="')
    return before + after.partition('"')[2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_manager_approves_and_lets_stay_with_the_page(office: Office, clock: SetClock) -> None:
    """What is approved can go; what must stay is no longer on the list; another site's form does nothing."""
    ended(office, "EEN-1", "TWEE-2")
    six_years_on(office, clock)
    page = _page(office)
    strange = page.post(
        "/vernietiging",
        data={"keuze": "goedkeuren", "zaak": "EEN-1"},
        headers={"sec-fetch-site": "cross-site"},
    )
    assert strange.status_code == 403
    assert not remove_case(office, "EEN-1")
    assert (
        "1 zaak goedgekeurd" in page.post("/vernietiging", data={"keuze": "goedkeuren", "zaak": "EEN-1"}).text
    )
    wrong = page.post(
        "/vernietiging", data={"keuze": "bewaren", "zaak": "TWEE-2", "reden": "bel 0612345678 <b>"}
    ).text
    assert 'value="TWEE-2"' in wrong
    assert 'value="bel 0612345678 &lt;b&gt;"' in wrong
    stays = page.post("/vernietiging", data={"keuze": "bewaren", "zaak": "twee-2", "reden": "beroep"}).text
    assert "TWEE-2: beroep (medewerker mw-17" in stays
    assert remove_case(office, "EEN-1")
    assert not remove_case(office, "TWEE-2")
    assert "Goedgekeurd door" in page.get("/vernietiging").text
    lifted = page.post("/vernietiging", data={"keuze": "opheffen", "zaak": "TWEE-2", "reden": "klaar"})
    assert lifted.status_code == 200
    assert approve(office, ["TWEE-2"]) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_goes_its_way_with_the_page(office: Office) -> None:
    """It is noted, extended once and answered."""
    page = _page(office, place="0518")
    _case(office, "EEN-1")
    page.post("/inzage", data={"keuze": "nieuw", "op": "2026-03-09", "gemeente": "0518"})
    (row,) = open_requests(office)
    assert f"Verzoek {row.id} van" in page.get("/inzage").text
    assert "verlengd" in page.post("/inzage", data={"keuze": "verleng", "nummer": str(row.id)}).text
    assert page.post("/inzage", data={"keuze": "verleng", "nummer": str(row.id)}).status_code == 422
    assert "beantwoord" in page.post("/inzage", data={"keuze": "klaar", "nummer": str(row.id)}).text
    assert page.post("/inzage", data={"keuze": "klaar", "nummer": "x"}).status_code == 422


def test_what_is_held_is_said_in_dutch() -> None:
    """Each table and each column of what is held has a Dutch name, and yes is ja."""
    tables = [table for table in SQLModel.metadata.sorted_tables if table.name in WORDS]
    assert len(tables) == len(WORDS)
    columns = {column.name for table in tables for column in table.c} - set(_LEFT_OUT)
    assert columns == set(COLUMN_WORDS)
    assert dict(in_words({"closed": True, "finished": False, "role": None})) == {
        "afgesloten": "ja",
        "klaar": "nee",
    }
