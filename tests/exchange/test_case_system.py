"""The zaaksysteem is told of a case: against the published description, and against an Open Zaak that runs.

Who answers holds every question and answer against the description of VNG; where ROUTEKAART_TEST_OPEN_ZAAK names a
running Open Zaak, the walks are done there as well.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient
from support.case_system import OPEN_ZAAK, DescribedCaseSystem, Peer, RunningOpenZaak, problem
from support.other_systems import notification
from support.terminal import Terminal

from adapters.api.app import create_pages
from adapters.api.person import as_person
from adapters.exchange.case_system import (
    case_system_problems,
    linked_zaken,
    report_stopped_zaken,
    skip_for_zaken,
    stopped_zaken,
    tell_case_systems,
    try_zaken_again,
)
from adapters.exchange.case_system_file import CaseSystemFileError, read_case_systems
from adapters.exchange.inbox import work_on_inbox
from adapters.exchange.postbak import waiting
from adapters.exchange.references import add_reference
from adapters.messages.retry_table import RETRY_TABLE
from adapters.runtime.clock import AMSTERDAM, SetClock
from adapters.runtime.staff import operator_of_machine
from adapters.storage.database import CaseRow, reading, writing
from adapters.storage.exchange_tables import CaseSystemLinkRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.office import Office

TO_M4 = ("aanmelding_geregistreerd", "niet_bedreigend", "afspraak_gemaakt", "eerste_gesprek_gevoerd")


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """Return the address of an empty case database; what differs between databases is tested with the leases."""
    copy = tmp_path / "zaken.db"
    copy.write_bytes(migrated_file.read_bytes())
    return f"sqlite:///{copy}"


@pytest.fixture
def described() -> Iterator[DescribedCaseSystem]:
    """Yield a zaaksysteem that obeys the published description, and see that we did."""
    made = DescribedCaseSystem()
    yield made
    made.shutdown()
    made.server_close()
    assert made.faults == []


@pytest.fixture(params=["description", "open-zaak"])
def peer(request: pytest.FixtureRequest) -> Peer:
    """Return a zaaksysteem; the real one only where it runs."""
    if request.param == "description":
        found: Peer = request.getfixturevalue("described")
        return found
    if OPEN_ZAAK is None:
        pytest.skip("ROUTEKAART_TEST_OPEN_ZAAK names no running Open Zaak")
    return RunningOpenZaak()


def writes_to(office: Office, peer: Peer, more: str = "") -> None:
    """Let this office write to a zaaksysteem."""
    path = peer.file(office.settings.ensure_home(), more)
    office.settings = office.settings.model_copy(
        update={"case_system_file": path, "webhook_networks": ("127.0.0.0/8",)}
    )


def case_of(office: Office, zaak: str | None) -> str:
    """Open a case that another system knows as this zaak."""
    reference = office.casework.open("M3", municipality="0518").reference
    if zaak is not None:
        know(office, reference, zaak)
    return reference


def know(office: Office, reference: str, zaak: str) -> None:
    """Remember how another system calls a case."""
    with writing(office.engine) as session:
        add_reference(session, office, session.get_one(CaseRow, reference), zaak, office.clock.now())


def report(office: Office, reference: str, process: str, *events: str, **data: object) -> None:
    """Report events, each a minute after the one before."""
    for event in events:
        later(office, minutes=1)
        office.casework.report(reference, event, process=process, data=data)


def later(office: Office, **span: float) -> None:
    """Let time pass."""
    assert isinstance(office.clock, SetClock)
    office.clock.moment += timedelta(**span)


def tell_anew(office: Office) -> int:
    """Forget what was told, and tell it once more."""
    with writing(office.engine) as session:
        session.execute(update(CaseSystemLinkRow).values(told=0))
    return tell_case_systems(office)


def link(office: Office) -> CaseSystemLinkRow:
    """Return the one zaak that is written to."""
    with reading(office.engine):
        ((found, _),) = linked_zaken(office)
    return found


# --- what is told -------------------------------------------------------------------------------------------


def test_each_mijlpaal_is_a_status_in_the_order_of_the_journal(office: Office, peer: Peer) -> None:
    """A case that comes to M4 gives its zaak the statuses of M3 and M4, with the day that counts."""
    writes_to(office, peer)
    zaak = peer.new_zaak()
    reference = case_of(office, zaak)
    report(office, reference, "M3", *TO_M4)
    assert tell_case_systems(office) == 1
    assert peer.statuses(zaak) == ["M3", "M4"]
    said = peer.listed("zaken/api/v1/statussen", zaak)
    days = {datetime.fromisoformat(item["datumStatusGezet"]).astimezone(AMSTERDAM).date() for item in said}
    assert days == {date(2026, 3, 9)}
    assert not any(item.get("statustoelichting") for item in said)


def test_the_term_stands_still_and_runs_on_with_another_last_day(office: Office, peer: Peer) -> None:
    """Opschorting of T03 is one of the zaak, with the reason of its event; what follows is a later last day."""
    writes_to(office, peer)
    zaak = peer.new_zaak()
    reference = case_of(office, zaak)
    report(office, reference, "M3", *TO_M4)
    tell_case_systems(office)
    assert peer.call("GET", zaak)["uiterlijkeEinddatumAfdoening"] == "2026-05-04"

    report(office, reference, "M4", "hulpvraag_vastgesteld")
    report(office, reference, "M4", "gegevens_ontbreken", hersteltermijn_tot="2026-03-20")
    tell_case_systems(office)
    stands = peer.call("GET", zaak)["opschorting"]
    assert stands["indicatie"] is True
    assert "(T03) staat stil: brief: gegevens ontbreken" in stands["reden"]

    later(office, days=4)
    report(office, reference, "M4", "gegevens_ontvangen")
    tell_case_systems(office)
    found = peer.call("GET", zaak)
    assert found["opschorting"]["indicatie"] is False
    assert found["uiterlijkeEinddatumAfdoening"] == "2026-05-07"


def test_a_longer_term_is_a_verlenging_with_its_days(office: Office, peer: Peer) -> None:
    """T01 that the inwoner asked to make a week longer makes the zaak seven days longer, with the source as reason."""
    writes_to(office, peer, 'termijnen = ["T01"]')
    zaak = peer.new_zaak()
    reference = case_of(office, zaak)
    report(office, reference, "M3", *TO_M4[:2])
    tell_case_systems(office)
    assert peer.call("GET", zaak)["uiterlijkeEinddatumAfdoening"] == "2026-04-07"
    report(
        office, reference, "M3", "termijn_verlengd",
        termijn="T01", tot="2026-04-14", verzoek_inwoner=True, motivering="m-1",
    )  # fmt: skip
    tell_case_systems(office)
    found = peer.call("GET", zaak)
    assert found["uiterlijkeEinddatumAfdoening"] == "2026-04-14"
    assert found["verlenging"]["duur"] == "P7D"
    assert "Wgs art. 4 lid 1" in found["verlenging"]["reden"]


def refused_case(office: Office, zaak: str) -> str:
    """Walk a case to a refusal that nobody can attack any more."""
    reference = case_of(office, zaak)
    report(office, reference, "M3", *TO_M4)
    report(office, reference, "M4", "hulpvraag_vastgesteld", "beeld_compleet")
    report(office, reference, "M6", "weigering_getoetst")
    report(office, reference, "M6", "weigering_besloten", motivering="m-07")
    return reference


def test_a_besluit_a_result_and_an_end_close_the_zaak(office: Office, peer: Peer) -> None:
    """A refusal is a besluit of its day; once it is definitive, the zaak has its result and is closed by its status."""
    writes_to(office, peer)
    zaak = peer.new_zaak()
    reference = refused_case(office, zaak)
    tell_case_systems(office)
    (decision,) = peer.listed("besluiten/api/v1/besluiten", zaak)
    assert decision["datum"] == "2026-03-09"
    assert peer.call("GET", zaak)["resultaat"] is None

    later(office, days=60)
    fire_terms(office, reference)
    tell_case_systems(office)
    found = peer.call("GET", zaak)
    assert found["einddatum"] is not None
    (result,) = peer.listed("zaken/api/v1/resultaten", zaak)
    assert result["resultaattype"] == peer.kinds["geweigerd"]
    assert peer.statuses(zaak) == ["M3", "M4", "M6", "M6.BESCHIKT_GEWEIGERD", "einde"]


def fire_terms(office: Office, reference: str) -> None:
    """Let every term of a case that is due act."""
    while office.casework.fire_due(reference):
        pass


def test_what_the_zaak_says_already_is_not_said_again(office: Office, peer: Peer) -> None:
    """Told from the beginning once more, a zaak gets no second status, besluit, result or end."""
    writes_to(office, peer)
    zaak = peer.new_zaak()
    reference = refused_case(office, zaak)
    later(office, days=60)
    fire_terms(office, reference)
    tell_case_systems(office)
    before = (peer.statuses(zaak), peer.listed("besluiten/api/v1/besluiten", zaak), peer.call("GET", zaak))
    assert tell_anew(office) == 1
    assert before == (
        peer.statuses(zaak), peer.listed("besluiten/api/v1/besluiten", zaak), peer.call("GET", zaak)
    )  # fmt: skip


# --- what goes wrong ----------------------------------------------------------------------------------------


def test_a_write_whose_answer_was_lost_is_not_repeated(
    office: Office, described: DescribedCaseSystem
) -> None:
    """The zaaksysteem wrote a status and broke off; at the next attempt it is recognised."""
    writes_to(office, described)
    zaak = described.new_zaak()
    report(office, case_of(office, zaak), "M3", *TO_M4)
    described.lose = 1
    assert tell_case_systems(office) == 0
    later(office, seconds=30)
    described.lose = 1
    assert tell_case_systems(office) == 0
    later(office, minutes=3)
    assert tell_case_systems(office) == 1
    assert described.statuses(zaak) == ["M3", "M4"]
    assert len({json.dumps(body) for _, body in described.writes}) == len(described.writes)


def test_what_may_pass_is_tried_again_on_the_published_table(
    office: Office, described: DescribedCaseSystem
) -> None:
    """After a 503 each wait is that of the table; after its last row the zaak waits for a person."""
    writes_to(office, described)
    zaak = described.new_zaak()
    case_of(office, zaak)
    for wait in RETRY_TABLE[1:]:
        described.trouble = [(503, {})]
        tell_case_systems(office)
        assert link(office).next_at - office.clock.now() == wait
        assert tell_case_systems(office) == 0  # nothing before its time
        later(office, seconds=wait.total_seconds())
    described.trouble = [(503, {})]
    tell_case_systems(office)
    assert link(office).stopped_at is not None
    assert try_zaken_again(office) == 1
    assert tell_case_systems(office) == 1
    assert described.statuses(zaak) == ["M3"]


@pytest.mark.parametrize("asked", ["7200", "Mon, 09 Mar 2026 10:00:00 GMT"])
def test_a_rest_that_is_asked_is_given(office: Office, described: DescribedCaseSystem, asked: str) -> None:
    """`Retry-After` goes before the table, in seconds and as a moment; it is 8:00 UTC."""
    writes_to(office, described)
    case_of(office, described.new_zaak())
    described.trouble, described.retry_after = [(503, {})], asked
    tell_case_systems(office)
    assert link(office).next_at - office.clock.now() == timedelta(hours=2)


def test_a_system_that_is_down_costs_one_call_a_round(office: Office, described: DescribedCaseSystem) -> None:
    """Of two zaken that are behind, a round tries one when the system does not answer."""
    writes_to(office, described)
    for _ in range(2):
        case_of(office, described.new_zaak())
    described.trouble = [(503, {}), (503, {})]
    tell_case_systems(office)
    assert len(described.trouble) == 1


def test_a_refusal_waits_for_a_person_and_holds_back_what_follows(
    office: Office, described: DescribedCaseSystem, terminal: Terminal
) -> None:
    """A statustype of another zaaktype heals by nobody: it is seen in controleer, in the postbak and in the list."""
    writes_to(office, described)
    zaak = described.new_zaak()
    reference = case_of(office, zaak)
    wrong = problem(400, "invalid", ("nonFieldErrors", "zaaktype-mismatch"))
    described.trouble = [(200, described.rows["zaken"][0]), (200, no_rows()), (400, wrong)]
    assert tell_case_systems(office) == 0
    report(office, reference, "M3", *TO_M4)
    assert tell_case_systems(office) == 0
    (row,) = stopped_zaken(office)
    assert row.last_result == "Het zaaksysteem weigert dit (400; nonFieldErrors zaaktype-mismatch)."
    assert list(case_system_problems(office))
    assert "wacht op een mens" in terminal("zaaksysteem", "lijst")[1]
    page = visitor(office).get("/postbak").text
    assert reference in page
    assert "zaaktype-mismatch" in page

    answer = visitor(office).post(
        f"/postbak/zaaksysteem/{reference}",
        data={"keuze": "opnieuw"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 200, answer.text
    assert tell_case_systems(office) == 1
    assert described.statuses(zaak) == ["M3", "M4"]
    assert list(case_system_problems(office)) == []


def no_rows() -> dict[str, Any]:
    """Return an empty page."""
    return {"count": 0, "next": None, "previous": None, "results": []}


def visitor(office: Office) -> TestClient:
    """Return somebody before our pages."""
    return TestClient(as_person(create_pages(office), operator_of_machine("gebruiker-0")))


def test_what_a_person_did_himself_is_skipped(office: Office, described: DescribedCaseSystem) -> None:
    """After `overslaan` nothing of before is written any more; what happens next is."""
    writes_to(office, described)
    zaak = described.new_zaak()
    reference = case_of(office, zaak)
    described.trouble = [(403, problem(403, "permission_denied"))]
    tell_case_systems(office)
    assert skip_for_zaken(office, reference) == 1
    report(office, reference, "M3", *TO_M4)
    tell_case_systems(office)
    assert described.statuses(zaak) == ["M4"]


def test_a_result_of_somebody_else_stays(office: Office, described: DescribedCaseSystem) -> None:
    """A zaak that has another result keeps it, and a person looks."""
    writes_to(office, described)
    zaak = described.new_zaak()
    described.call(
        "POST", f"{described.adres}/zaken/api/v1/resultaten",
        json={"zaak": zaak, "resultaattype": described.kinds["geweigerd"]},
    )  # fmt: skip
    reference = case_of(office, zaak)
    report(office, reference, "M3", "aanmelding_geregistreerd")
    report(office, reference, "M3", "ingetrokken", motivering="m-1")
    fire_terms(office, reference)
    assert tell_case_systems(office) == 0
    assert "ander resultaat" in str(link(office).last_result)
    assert len(described.rows["resultaten"]) == 1


def test_a_suspension_of_somebody_else_stays(office: Office, described: DescribedCaseSystem) -> None:
    """A zaak that a person suspended for his own reason is not taken up again by us."""
    writes_to(office, described)
    zaak = described.new_zaak()
    theirs = {"indicatie": True, "reden": "wacht op de rechtbank"}
    described.call("PATCH", zaak, json={"opschorting": theirs})
    report(office, case_of(office, zaak), "M3", *TO_M4)
    tell_case_systems(office)
    assert described.call("GET", zaak)["opschorting"] == theirs


def test_two_cases_of_one_zaak_are_no_choice_of_ours(office: Office, described: DescribedCaseSystem) -> None:
    """Where two cases are known as the same zaak, nothing is written and a person looks."""
    writes_to(office, described)
    zaak = described.new_zaak()
    case_of(office, zaak)
    case_of(office, zaak)
    tell_case_systems(office)
    tell_case_systems(office)
    assert described.writes == []
    assert len(stopped_zaken(office)) == 2


def test_who_has_no_zaak_or_one_elsewhere_is_written_nowhere(
    office: Office, described: DescribedCaseSystem
) -> None:
    """Only a zaak under the address of the zaaksysteem is written to; without the setting none is."""
    zaak = described.new_zaak()
    case_of(office, zaak)
    assert tell_case_systems(office) == 0
    writes_to(office, described)
    case_of(office, None)
    case_of(office, zaak.replace(f":{described.server_port}", ":1"))
    assert tell_case_systems(office) == 1
    assert described.statuses(zaak) == ["M3"]


def test_what_was_before_the_first_day_stays_untold(office: Office, described: DescribedCaseSystem) -> None:
    """A case from before `vanaf` gets no statuses of then."""
    writes_to(office, described)
    path = office.settings.case_system_file
    assert path is not None
    path.write_text(path.read_text().replace("2026-01-01", "2026-03-10"))
    zaak = described.new_zaak()
    reference = case_of(office, zaak)
    tell_case_systems(office)
    later(office, days=1)
    report(office, reference, "M3", *TO_M4)
    tell_case_systems(office)
    assert described.statuses(zaak) == ["M4"]


def test_nothing_of_a_person_is_sent(office: Office, described: DescribedCaseSystem) -> None:
    """No write has a toelichting, and no answer of the zaaksysteem is repeated by us."""
    writes_to(office, described)
    zaak = described.new_zaak()
    refused_case(office, zaak)
    tell_case_systems(office)
    for _, body in described.writes:
        assert not [name for name in body if "toelichting" in name.lower()]
    described.rows["zaken"].clear()
    report(office, link(office).case_reference, "M6", "bezwaar_ontvangen")
    tell_case_systems(office)
    assert link(office).last_result == "Het zaaksysteem kent deze zaak niet (404)."


def test_the_coordinator_hears_once_a_day(office: Office, described: DescribedCaseSystem) -> None:
    """A zaak that waits for a person is told to the coordinator, and not again until another one waits."""
    writes_to(office, described)
    case_of(office, described.new_zaak())
    described.trouble = [(403, problem(403, "permission_denied"))]
    tell_case_systems(office)
    assert report_stopped_zaken(office) == 1
    later(office, days=1)
    assert report_stopped_zaken(office) == 0


# --- the command and the file -------------------------------------------------------------------------------


def test_one_command_says_whether_the_connection_works(
    office: Office, described: DescribedCaseSystem, terminal: Terminal
) -> None:
    """It asks, writes nothing, looks at a zaak of that system only, and says what is wrong."""
    assert terminal("zaaksysteem", "test")[0] == 2
    writes_to(office, described)
    assert terminal("zaaksysteem", "test") == (0, "Het zaaksysteem antwoordt en laat ons zaken lezen.\n")
    zaak = described.new_zaak()
    assert "haar zaaktype staat in" in terminal("zaaksysteem", "test", "--zaak", zaak)[1]
    assert terminal("zaaksysteem", "test", "--zaak", "https://elders.nl/zaken/api/v1/zaken/1")[0] == 2
    described.trouble = [(403, problem(403, "permission_denied"))]
    code, said = terminal("zaaksysteem", "test")
    assert (code, "403; permission_denied" in said) == (2, True)
    assert described.writes == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"M3" =', '"M9" =', "regel 13: 'M9' is geen mijlpaal"),
        ("Ingetrokken =", "Weggelopen =", "regel 20: 'Weggelopen' is geen uitstroomreden"),
        ("weigering_besloten", "weigering_bedacht", "regel 24: 'M6.weigering_bedacht' is geen gebeurtenis"),
        ('"M3" = "http', '"M3" = "ftp', "regel 13: 'M3' is geen adres met https://"),
        ('"M3" = "', '"M3" = "" # ', "regel 13: een omschrijving heeft 1 tot 80 tekens"),
        ('gemeente = "0518"', 'gemeente = "518"', "regel 2: een gemeentecode heeft vier cijfers"),
        ('adres = "http', 'adres = "ftp', "regel 3: 'adres' is geen adres met https://"),
        ("vanaf = 2026-01-01", 'vanaf = "gisteren"', "regel 5: 'vanaf' is geen datum"),
        ('rsin = "002564440"', "", "regel 1: bij besluiten horen 'besluiten_adres' en 'rsin'"),
        (
            "[zaaksysteem.zaaktype.statussen]",
            "x = 1\n[zaaksysteem.zaaktype.statussen]",
            "'x' hoort hier niet",
        ),
        ("vanaf =", "vanaf", "regel 5: dit is geen geldige TOML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(
    described: DescribedCaseSystem, tmp_path: Path, old: str, new: str, said: str
) -> None:
    """Each fault has one sentence that says where it is."""
    path = described.file(tmp_path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CaseSystemFileError) as refused:
        read_case_systems(path)
    assert said in str(refused.value)


def _named(path: Path, peer: Peer) -> None:
    """Let a file name every type by its omschrijving, one of them in another case."""
    kinds, text = peer.kinds, path.read_text()
    for url in (*kinds["statussen"].values(), kinds["geweigerd"], kinds["besluittype"]):
        text = text.replace(url, peer.name_of(url))
    path.write_text(text.replace(kinds["ingetrokken"], peer.name_of(kinds["ingetrokken"]).upper()))


def test_types_are_named_by_their_omschrijving(office: Office, peer: Peer) -> None:
    """The address of a type differs in each version of a zaaktype; its omschrijving is looked up in the catalogus."""
    writes_to(office, peer)
    path = office.settings.case_system_file
    assert path is not None
    _named(path, peer)
    zaak = peer.new_zaak()
    reference = refused_case(office, zaak)
    later(office, days=60)
    fire_terms(office, reference)
    assert tell_case_systems(office) == 1, link(office).last_result
    assert peer.statuses(zaak) == ["M3", "M4", "M6", "M6.BESCHIKT_GEWEIGERD", "einde"]
    (decision,) = peer.listed("besluiten/api/v1/besluiten", zaak)
    assert decision["besluittype"] == peer.kinds["besluittype"]
    (result,) = peer.listed("zaken/api/v1/resultaten", zaak)
    assert result["resultaattype"] == peer.kinds["geweigerd"]
    m6 = peer.name_of(peer.kinds["statussen"]["M6"])
    path.write_text(path.read_text().replace(f'"{m6}"', '"Stap die er niet is"'))
    assert tell_anew(office) == 0
    assert "geen van de statustypen" in str(link(office).last_result)


# --- what comes back ----------------------------------------------------------------------------------------


def test_news_of_what_we_wrote_ourselves_is_no_news(
    office: Office, api: TestClient, described: DescribedCaseSystem
) -> None:
    """A notification of a status that we made is dropped; one that somebody else made waits for a person."""
    writes_to(office, described)
    zaak = described.new_zaak()
    case_of(office, zaak)
    tell_case_systems(office)
    theirs = described.call(
        "POST", f"{described.adres}/zaken/api/v1/statussen",
        json={
            "zaak": zaak, "statustype": described.kinds["statussen"]["M6"],
            "datumStatusGezet": "2026-03-09T12:00:00+01:00",
        },
    )  # fmt: skip
    for url in (described.rows["statussen"][0]["url"], theirs["url"]):
        told = notification(hoofdObject=zaak, resourceUrl=url)
        assert api.post("/v1/notificaties", json=told).status_code == 204
    work_on_inbox(office)
    assert len(waiting(office)) == 1
