"""The werkvoorraad as a coordinator uses it without a script, and that its lists are those of the whole workload."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import text as sql
from support.receivers import Mailbox, web_address
from support.sample_cases import PEOPLE, fill

from adapters.exchange.postbak import put_aside
from adapters.exchange.postbak_news import tell_of_rulings
from adapters.office import Office
from adapters.oversight.worklists import ONLY, ORDERS, Asked, read_items, read_own, read_page
from adapters.oversight.workload import read_workload
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.runtime.settings import Settings
from adapters.storage.database import reading, writing
from adapters.storage.exchange_tables import PostbakRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from sqlalchemy import Engine
    from support.pages import Town

    from adapters.oversight.workload import WorkItem

OWN = {"sec-fetch-site": "same-origin"}
SEES = frozenset({"0518"})
together = pytest.mark.xdist_group("full")  # one process fills the office


# --- what the lists hold --------------------------------------------------------------------------------------


def _day(item: WorkItem) -> date:
    return item.due or date.max


@pytest.fixture(scope="module")
def full(lasting_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """An office with cases of all kinds, some of another gemeente; who uses it only reads."""
    home, clock = tmp_path_factory.mktemp("vol"), SetClock(datetime(2026, 3, 9, 9, tzinfo=AMSTERDAM))
    office = Office(Settings(home=home), lasting_engine, clock)
    fill(office, 40, "0518")
    fill(office, 2, "0599", "FZ-2026-Q")
    return office


@together
def test_each_filter_gives_what_the_whole_workload_has(full: Office) -> None:
    """The database filters as the workload does that reads everything, on both databases."""
    work = read_workload(full, "0518")
    wanted: dict[str, list[WorkItem]] = {
        "": list(work.items),
        "te-laat": list(work.late),
        "deze-week": list(work.this_week),
        "crisis": list(work.threatened),
        "zonder-eigenaar": list(work.unowned),
        "aangeboden": list(work.offered),
        "teruggegeven": [item for item in work.items if item.returned],
        "partner": [item for item in work.items if item.waits_outside],
        "opvolgen": [],
    }
    assert set(wanted) == set(ONLY)
    assert sum(bool(items) for items in wanted.values()) >= 5
    for name, items in wanted.items():
        found, total = read_page(full, Asked(SEES, only=name, most=1000))
        assert (sorted(found, key=str), total) == (sorted(items, key=str), len(items)), name
    for person in PEOPLE:
        held, _ = read_page(full, Asked(SEES, person=person, most=1000))
        assert {item.holder for item in held} == {person}
        with reading(full.engine) as session:
            away = full.away_today(session)
            own = read_own(session, away, SEES, person, frozenset({person}), asks="overdracht", divides=False)
            mine = read_items(full, session, away, [piece.id for piece in own.held])
        assert sorted(mine.values(), key=str) == sorted(
            (item for item in work.items if item.holder == person), key=str
        )
        for piece in own.held:
            item = mine[piece.id]
            assert (piece.reference, piece.municipality, piece.threatened, piece.due) == (
                item.reference, item.municipality, item.threatened, item.due,
            )  # fmt: skip


@together
def test_each_order_is_an_order_and_pages_leave_nothing_out(full: Office) -> None:
    """Crisis comes first and then the first day; every page together is every case once, in each order."""
    keys: dict[str, Callable[[WorkItem], object]] = {
        "": lambda item: (not item.threatened, _day(item), item.reference),
        "wie": lambda item: (item.holder or "", _day(item), item.reference),
        "mijlpaal": lambda item: (item.process.partition("#")[0], _day(item), item.reference),
        "oud": lambda item: (item.opened_on, _day(item), item.reference),
        "zaak": lambda item: item.reference,
    }
    assert set(keys) == set(ORDERS)
    for order, key in keys.items():
        pages = [
            read_page(full, Asked(SEES, order=order, begin=begin, most=7))[0] for begin in range(0, 70, 7)
        ]
        found = [item for page in pages for item in page]
        assert len(found) == len(set(found)) == len(read_workload(full, "0518").items)
        assert [key(item) for item in found] == sorted(key(item) for item in found), order


@together
def test_what_somebody_holds_is_found_by_an_index(full: Office) -> None:
    """The plan of either database names the index on who holds a process."""
    conditions = {
        "postgresql": ("", "closed IS false AND (facts ->> 'houder') IN ('mw-17')"),
        "sqlite": ("QUERY PLAN", "closed IS 0 AND json_extract(facts, '$.houder') IN ('mw-17')"),
    }
    with reading(full.engine) as session:
        if full.engine.dialect.name == "postgresql":
            session.execute(sql("SET LOCAL enable_seqscan = off"))
        names = conditions[full.engine.dialect.name]
        said = " ".join(
            str(row)
            for row in session.execute(sql(f"EXPLAIN {names[0]} SELECT id FROM processes WHERE {names[1]}"))
        )
    assert "ix_processes_holder" in said


# --- the page -------------------------------------------------------------------------------------------------


def _tick(page: Page, *references: str) -> None:
    for reference in references:
        page.get_by_role("checkbox", name=reference).check()


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_event_is_reported_in_every_ticked_case(town: Town, hand: Callable[[str], Page]) -> None:
    """Where it can not be it is refused beside the case; the others have it, by name of who did it."""
    first, second = (town.case("aanmelding_geregistreerd") for _ in range(2))
    other = town.case()
    page = hand("co-1")
    page.goto(f"{town.base}/werkvoorraad")
    _tick(page, first, second, other)
    page.get_by_role("button", name="Meld in de gekozen zaken").click()
    page.locator("summary").click()
    page.get_by_role("button", name="Er is een bedreigende situatie").click()
    expect(page.get_by_text(f"{other} M3:")).to_be_visible()
    page.get_by_role("button", name="Leg dit vast").click()
    expect(page.get_by_role("heading", name="Gedaan: 2")).to_be_visible()
    expect(page.get_by_role("heading", name="Niet gedaan: 1")).to_be_visible()
    for reference in (first, second):
        row = town.office.casework.case(reference).journal[-1]
        assert (row.event, row.actor_code) == ("bedreigend", "co-1")
    assert [row.event for row in town.office.casework.case(other).journal] == ["geopend"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_field_that_is_refused_keeps_the_cases_and_what_was_filled_in(town: Town) -> None:
    """The refusal stands at the field and at each case; sending it right records it once in each."""
    cases = [town.case("aanmelding_geregistreerd") for _ in range(2)]
    known, ticks = town.client("co-1"), [f"{case} M3" for case in cases]
    form = {
        "zaak": ticks,
        "gebeurtenis": "uitgestroomd",
        "leg": "vast",
        "sleutel": "s-1",
        "motivering": "dossier-7",
    }
    wrong = known.post("/werkvoorraad/melden", data=form | {"uitstroomreden": "nep"}, headers=OWN)
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    assert 'value="dossier-7"' in wrong.text
    assert wrong.text.count("Niet vastgelegd.") == 2
    assert all(len(town.office.casework.case(case).journal) == 2 for case in cases)
    right = form | {"uitstroomreden": "Overig"}
    assert "Gedaan: 2" in known.post("/werkvoorraad/melden", data=right, headers=OWN).text
    known.post("/werkvoorraad/melden", data=right, headers=OWN)
    for case in cases:
        assert [row.event for row in town.office.casework.case(case).journal].count("uitgestroomd") == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_refusal_stands_beside_its_case_and_the_others_are_done(town: Town) -> None:
    """A case that closed meanwhile and one of another gemeente are refused by name; the tick of a refused one stays."""
    fine, gone = town.case(), town.case("aanmelding_geregistreerd")
    elsewhere = town.office.casework.open("M3", municipality="0599").reference
    town.office.casework.report(gone, "uitgestroomd", data={"uitstroomreden": "Overig", "motivering": "m-1"})
    form = {
        "doe": "toewijzen", "medewerker": "mw-18", "sleutel": "k",
        "zaak": [f"{fine} M3", f"{gone} M3", f"{elsewhere} M3"],
    }  # fmt: skip
    said = town.client("co-1").post("/werkvoorraad", data=form, headers=OWN)
    assert said.status_code == 422
    assert "Gedaan: 1" in said.text
    assert "Niet gedaan: 2" in said.text
    assert f"{elsewhere}</a> M3: Deze zaak is er niet." in said.text
    assert {item.holder for item in read_workload(town.office, "0518").items} == {"mw-18"}
    nothing = town.client("co-1").post("/werkvoorraad", data=form | {"zaak": []}, headers=OWN)
    assert "Kies eerst een of meer zaken." in nothing.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_all_of_somebody_goes_to_a_colleague_with_one_press(town: Town) -> None:
    """With the filter on one person the page offers to hand over everything he has, and does only that."""
    for holder in ("mw-17", "mw-17", "mw-18"):
        town.case(holder=holder)
    known = town.client("co-1")
    assert "Alles van mw-17" in known.get("/werkvoorraad?bij=mw-17").text
    form = {"doe": "caseload", "van": "mw-17", "naar": "mw-18", "waarom": "uit dienst", "sleutel": "k"}
    assert "Gedaan: 2" in known.post("/werkvoorraad?bij=mw-17", data=form, headers=OWN).text
    assert {item.holder for item in read_workload(town.office, "0518").items} == {"mw-18"}
    wrong = town.client("mw-17").post(
        "/werkvoorraad", data=form | {"van": "mw-18", "naar": "mw-17"}, headers=OWN
    )
    assert "heeft geen zaken die jij kunt verdelen" in wrong.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_day_of_ones_own_comes_back_in_mijn_werk(town: Town) -> None:
    """It is kept from the list and from the case, seen by its owner alone, and gone with one press."""
    listed, opened = town.case(), town.case()
    known, today = town.client("mw-17"), town.clock.today()
    day = today + timedelta(days=2)
    assert (
        "staat op die dag in Mijn werk"
        in known.post(
            "/werkvoorraad",
            data={"doe": "opvolgen", "dag": day.isoformat(), "zaak": f"{listed} M3"},
            headers=OWN,
        ).text
    )
    assert f"{listed} M3" in known.get("/werkvoorraad?alleen=opvolgen").text
    assert "Geen zaken" in town.client("mw-18").get("/werkvoorraad?alleen=opvolgen").text
    page = known.post(f"/zaak/{opened}/opvolgen", data={"dag": day.isoformat()}, headers=OWN)
    assert "Je kijkt hier weer naar op <strong>vr 27 november 2026" in page.text
    early = known.post(
        f"/zaak/{opened}/opvolgen", data={"dag": (today - timedelta(days=1)).isoformat()}, headers=OWN
    )
    assert early.status_code == 422
    assert "Kies vandaag of een latere dag." in early.text
    assert "Zelf opvolgen" not in known.get("/mijn").text
    town.clock.moment += timedelta(days=3)
    assert "Zelf opvolgen (2)" in known.get("/mijn").text
    assert "Zelf opvolgen (1)" in known.post("/mijn/opvolgen", data={"zaak": listed}, headers=OWN).text


# --- the postbak ----------------------------------------------------------------------------------------------


def _ruling(town: Town, event: str | None, *candidates: str) -> int:
    with writing(town.office.engine) as session:
        row = PostbakRow(
            municipality="0518", message_hash=secrets.token_hex(32), kind="nl.rechtspraak.uitspraken.anders",
            source="rechtbank", reason="geen zaak past", candidates=list(candidates), event=event,
            on=town.clock.today() if event else None, received_at=town.clock.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id or 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_ruling_that_waits_is_told_at_once_and_every_day(town: Town) -> None:
    """The coordinator hears of it with a link to the postbak, once a day, until somebody deals with it."""
    box = Mailbox()
    with web_address(box) as address:
        book = town.office.settings.recipients_file
        assert book is not None
        book.write_text(book.read_text().replace("json://127.0.0.1:9/", f"{address}co"))
        number = _ruling(town, None)
        assert [tell_of_rulings(town.office) for _ in range(2)] == [1, 0]
        town.clock.moment += timedelta(days=1)
        assert tell_of_rulings(town.office) == 1
        put_aside(town.office, number)
        town.clock.moment += timedelta(days=1)
        assert tell_of_rulings(town.office) == 0
    (_, title, text), _ = box.arrived
    assert title == "Uitspraak van de rechtbank in de postbak"
    (link,) = (word for word in text.split() if "/postbak?wie=" in word)
    assert "De postbak is leeg." in httpx.Client(follow_redirects=True).get(link).text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_ruling_that_nobody_could_be_told_is_told_in_the_next_round(town: Town) -> None:
    """A channel that takes nothing leaves it to be told."""
    _ruling(town, None)
    assert [tell_of_rulings(town.office) for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_message_means_is_chosen_from_what_its_case_can(town: Town) -> None:
    """First the case, then a short list; a wrong number and a missing choice stand at the message."""
    case = town.case("aanmelding_geregistreerd")
    number = _ruling(town, None, case)
    known = town.client("co-1")
    assert "ligt een uitspraak" in known.get("/mijn").text
    assert "<select" not in known.get("/postbak").text
    for wrong in ("", "FZ-2026-NEP"):
        refused = known.get(f"/postbak/{number}", params={"anders": wrong})
        assert refused.status_code == 422
        assert f'id="w-{number}"' in refused.text
    page = known.get(f"/postbak/{number}", params={"zaak": case}).text
    assert 0 < page.count("<option") < 20
    form = {"zaak": case, "gebeurtenis": "bedreigend", "op": town.clock.today().isoformat()}
    early = known.post(f"/postbak/{number}", data=form | {"op": "1999-01-01"}, headers=OWN)
    assert early.status_code == 422
    assert 'value="bedreigend" selected' in early.text
    assert f"hoort nu bij zaak {case}" in known.post(f"/postbak/{number}", data=form, headers=OWN).text
    assert town.office.casework.case(case).journal[-1].event == "bedreigend"
