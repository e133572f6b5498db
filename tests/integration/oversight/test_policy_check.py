"""A policy beside the law, and the weekly watch: what is stricter, not allowed, unsure, undecided, or ends."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from prefect.logging import disable_run_logger

from adapters.api import create_api
from adapters.api.app import create_pages
from adapters.api.person import as_person
from adapters.messages.text_rules import PROFESSIONAL, readability, sentences_of
from adapters.office import Office
from adapters.oversight.basic_service import basic_service_report, read_basic_service
from adapters.oversight.council_report import council_report, read_council_figures
from adapters.oversight.document import Points, Words, as_html, as_markdown
from adapters.oversight.effect import YEAR, PolicyChange, effect_of
from adapters.oversight.effect_report import effect_report
from adapters.oversight.periods import quarter_of
from adapters.oversight.policies_that_wait import policies_that_wait
from adapters.oversight.policy_check import RemarkKind, checked_file, checked_now
from adapters.oversight.policy_report import check_json, check_report
from adapters.oversight.policy_watch import (
    ChangedTerm,
    changed_terms,
    remember_first_terms,
    remember_terms,
    remember_told,
    warnings_for,
)
from adapters.oversight.quality_trend import read_trend, trend_report
from adapters.runtime.actor import Actor, ActorKind, Way, acts
from adapters.runtime.clock import AMSTERDAM
from adapters.runtime.policies import policy_from, policy_in
from adapters.runtime.settings import Settings
from adapters.runtime.staff import operator_of_machine
from adapters.storage.database import SettingRow, writing
from flows import policy_watch
from milestones.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Engine

    from adapters.oversight.document import Block
    from adapters.oversight.policy_check import PolicyCheck
    from adapters.runtime.clock import SetClock
    from adapters.storage.policy_tables import PolicyUseRow

OWN = """
naam = "Proefstad"
contactpogingen = 4
[T03]
weken = 6
[T01.norm]
weken = 3
[elementen.8]
aan = true
[elementen.13]
aan = true
[herkomst.T03]
bron = "verordening art. 5"
op = 2024-01-01
"""


@pytest.fixture
def here(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    """Return an office of Den Haag."""
    return Office(Settings(home=tmp_path, municipality="0518"), engine, clock)


def _file_check(here: Office, folder: Path, text: str) -> PolicyCheck:
    path = folder / "nieuw.toml"
    path.write_text(text)
    return checked_file(here, "0518", path)


def _keys(check: PolicyCheck, kind: RemarkKind) -> set[str]:
    return {remark.key for remark in check.of(kind)}


def test_what_is_stricter_than_the_law_is_named_with_article_and_origin(here: Office, tmp_path: Path) -> None:
    """A shorter term and an own norm, each with what the law says and where the choice was made."""
    check = _file_check(here, tmp_path, OWN)
    found = {remark.key: remark for remark in check.of(RemarkKind.STRICTER)}
    assert set(found) == {"T01", "T03"}
    assert "6 weken, terwijl 8 weken mag" in found["T03"].sentence
    assert "Wgs art. 4a" in found["T03"].source
    assert "verordening art. 5, 1 januari 2024" in found["T03"].source
    assert "eigen norm van 3 weken, naast 4 weken" in found["T01"].sentence
    assert check.allowed


def test_what_the_law_does_not_allow_is_named_and_the_rest_is_checked(here: Office, tmp_path: Path) -> None:
    """A file outside the law is no reason to say nothing about the rest."""
    check = _file_check(here, tmp_path, "[T01]\nweken = 6\n")
    assert not check.allowed
    assert (
        "regel 2: de lengte van T01 staat vast op 4 weken (Wgs art. 4 lid 1)"
        in check.of(RemarkKind.NOT_ALLOWED)[0].sentence
    )
    assert check.of(RemarkKind.ENDS)


def test_what_the_law_does_not_allow_any_more_is_named_though_it_counts(here: Office) -> None:
    """A policy of before a bound was found in the law counts on; the check, `controleer` and the watch name it."""
    row = _kept_against_the_law(here)
    check = checked_now(here, "0518")
    (remark,) = check.of(RemarkKind.NOT_ALLOWED)
    assert (check.policy.name, check.allowed) == (row.policy, False)
    assert "ten hoogste 8 weken zijn (Wgs art. 4a" in remark.sentence
    assert any("ten hoogste 8 weken" in said for said in policies_that_wait(here))
    warning = warnings_for(here, "0518", [])
    assert warning is not None
    assert "ten hoogste 8 weken" in warning.sentences[0]


def _kept_against_the_law(here: Office) -> PolicyUseRow:
    """Take a policy into use as an older release did, for which the law was wider."""
    choices = {"T03": {"weken": 12}}
    row = here.policy_book.put_forward("0518", policy_from("0518-oud", choices, kept=True), choices)
    here.look_again()
    return row


def test_what_is_not_verified_is_never_shown_as_law(here: Office) -> None:
    """Every term marked U or P is on the list, and no other."""
    check = checked_now(here, "0518")
    assert {"T10", "T15"} <= _keys(check, RemarkKind.NOT_VERIFIED)
    assert not {"T01", "T20"} & _keys(check, RemarkKind.NOT_VERIFIED)


def test_what_is_not_decided_is_named(here: Office, tmp_path: Path) -> None:
    """Choices that nobody made, what the plan says by law, and choices without an origin."""
    default, own = checked_now(here, "0518"), _file_check(here, tmp_path, OWN)
    assert {
        "T01.norm", "doelen", "doelgroepen.gezin", "kwaliteitsvragen", "contactpogingen", "elementen.8",
    } <= _keys(default, RemarkKind.NOT_DECIDED)  # fmt: skip
    assert not {"T01.norm", "contactpogingen", "elementen.8", "herkomst.T03"} & _keys(
        own, RemarkKind.NOT_DECIDED
    )
    assert {"doelen", "herkomst.contactpogingen", "herkomst.T01"} <= _keys(own, RemarkKind.NOT_DECIDED)


def test_an_element_that_no_process_carries_is_named(here: Office, tmp_path: Path) -> None:
    """Element 8 has a process; of element 13 nobody knows what it is."""
    carried = _keys(_file_check(here, tmp_path, OWN), RemarkKind.NOT_CARRIED)
    assert "elementen.13" in carried
    assert "elementen.8" not in carried
    off = _file_check(here, tmp_path, "[elementen.13]\naan = false\n")
    assert "elementen.13" not in _keys(off, RemarkKind.NOT_CARRIED)


def test_what_runs_out_has_a_date(here: Office, tmp_path: Path) -> None:
    """The tables of days, the year after a law was checked, and the four years of a plan."""
    ends = {remark.key: remark.on for remark in _file_check(here, tmp_path, OWN).of(RemarkKind.ENDS)}
    assert ends["extra vrije dagen"] == date(2028, 12, 31)
    assert ends["Wgs"] == date(2027, 11, 28)
    assert ends["herkomst.T03"] == date(2028, 1, 1)


def test_the_report_is_the_same_in_every_form(here: Office, tmp_path: Path) -> None:
    """Markdown, HTML and JSON name the same things; what people typed is no mark-up in HTML."""
    check = _file_check(here, tmp_path, OWN.replace("verordening art. 5", "<b>besluit</b>"))
    blocks = check_report(check)
    assert "## Waar de gemeente strenger is voor zichzelf" in as_markdown(blocks)
    page = as_html("Beleid", blocks)
    assert "&lt;b&gt;besluit" in page
    assert "<b>besluit" not in page
    written = json.loads(json.dumps(check_json(check)))
    assert {item["soort"] for item in written["opmerkingen"]} == {
        str(kind) for kind in RemarkKind if kind is not RemarkKind.NOT_ALLOWED
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_council_reads_is_plain(here: Office, tmp_path: Path) -> None:
    """Each report is B1 by its readability, and of the check, the elements and the effect no sentence is long."""
    check = _file_check(here, tmp_path, OWN)
    quarter, today = quarter_of(here.clock.today()), here.clock.today()
    change = PolicyChange("0518", today - YEAR, today, Policy(), check.policy)
    short = (
        check_report(check),
        basic_service_report(read_basic_service(here, "0518", quarter)),
        effect_report(effect_of(here.engine, here.engine.url, None, change), change),
        trend_report(read_trend(here, "0518", quarter)),
    )
    council = council_report(read_council_figures(here, "0518", quarter))
    for report in (*short, council):
        words = _words(report)
        assert readability(words) >= PROFESSIONAL.readability
        if report is not council:
            assert [said for said in sentences_of(words) if len(said) > PROFESSIONAL.sentence] == []


def _words(report: Sequence[Block]) -> str:
    """Return what stands in paragraphs and lists."""
    lines = [block.words for block in report if isinstance(block, Words)]
    return "\n".join(lines + [line for block in report if isinstance(block, Points) for line in block.lines])


def test_the_page_shows_the_policy_that_counts(here: Office, tmp_path: Path) -> None:
    """Who may see a municipality sees its policy beside the law, and takes it along as a file."""
    here.casework.open("M3", municipality="0518")
    path = tmp_path / "nieuw.toml"
    path.write_text(OWN)
    here.policy_book.put_forward("0518", *policy_in(path, "0518"))
    here.look_again()
    client = TestClient(as_person(create_api(here), operator_of_machine("mw-1")))
    page = client.get("/beleid/0518")
    assert page.status_code == 200
    assert "eigen norm van 3 weken" in page.text
    assert client.get("/beleid/0518/bestand?soort=md").text.startswith("# Het beleid van gemeente 0518")
    assert client.get("/beleid/0518/bestand?soort=json").json()["mag"] is True
    assert client.get("/beleid/9999").status_code == 404


# --- the watch ------------------------------------------------------------------------------------------------


def test_nobody_is_warned_before_anything_ends(here: Office) -> None:
    """With fresh sources and long tables there is nothing to say."""
    assert warnings_for(here, "0518", changed_terms(here.engine)) is None


def test_a_source_that_was_not_checked_for_a_year_is_told_once_a_month(here: Office, clock: SetClock) -> None:
    """The same warning is not sent twice in a month; the next month it is."""
    clock.moment = datetime(2027, 11, 30, 10, tzinfo=AMSTERDAM)
    first = warnings_for(here, "0518", [])
    assert first is not None
    assert any(
        "Wet gemeentelijke schuldhulpverlening: had al nagekeken" in words for words in first.sentences
    )
    remember_told(here.engine, first)
    assert warnings_for(here, "0518", []) is None
    clock.moment = datetime(2027, 12, 1, 10, tzinfo=AMSTERDAM)
    assert warnings_for(here, "0518", []) is not None


def test_the_end_of_the_table_of_days_is_told_half_a_year_before(here: Office, clock: SetClock) -> None:
    """The day itself is in the warning."""
    clock.moment = datetime(2028, 7, 3, 10, tzinfo=AMSTERDAM)
    warning = warnings_for(here, "0518", [])
    assert warning is not None
    assert any("31 december 2028" in words for words in warning.sentences)


def test_a_release_that_changes_a_term_is_told_with_the_open_cases(here: Office) -> None:
    """What the release before had stands beside what it is now, and whom it touches in this municipality."""
    mine = here.casework.open("M3", municipality="0518").reference
    other = here.casework.open("M3", municipality="0344").reference
    remember_terms(here.engine)
    assert changed_terms(here.engine) == []
    with writing(here.engine) as session:
        row = session.get_one(SettingRow, "termen-van-release")
        row.value = {**row.value, "T01": "6 weken (Wgs art. 4 lid 1)"}
        session.add(row)
    warning = warnings_for(here, "0518", changed_terms(here.engine))
    assert warning is not None
    written = "\n".join(warning.sentences)
    assert "T01: was 6 weken" in written
    assert mine in written
    assert other not in written


def test_more_cases_than_a_message_names_are_on_a_page(here: Office) -> None:
    """The message names the first and the page; the page lists every open case of this municipality and no other."""
    mine = [here.casework.open("M3", municipality="0518").reference for _ in range(22)]
    other = here.casework.open("M3", municipality="0344").reference
    warning = warnings_for(here, "0518", [ChangedTerm("T01", "6 weken", "4 weken")])
    assert warning is not None
    assert warning.page == "/beleid/0518/zaken/T01"
    assert f"en nog 2 (allemaal: {warning.page})" in warning.sentences[-1]
    client = TestClient(as_person(create_pages(here), operator_of_machine("mw-1")))
    page = client.get(warning.page)
    assert [f'href="/zaak/{reference}"' in page.text for reference in (*mine, other)] == [True] * 22 + [False]
    assert client.get("/beleid/0518/zaken/T999").status_code == 404


def test_another_text_that_says_the_same_is_no_changed_term(here: Office) -> None:
    """The date of the text that was read may differ; the first release that works here is what the next is held to."""
    remember_first_terms(here.engine)
    with writing(here.engine) as session:
        row = session.get_one(SettingRow, "termen-van-release")
        row.value = {
            name: words.replace("tekst van 1 juli 2026", "tekst van 1 juli 2025")
            for name, words in row.value.items()
        }
        session.add(row)
    remember_first_terms(here.engine)
    assert changed_terms(here.engine) == []


def test_the_watch_tells_who_guards_the_policy_once(
    here: Office, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The jurist of each municipality hears it; a second round in the same month says nothing."""
    here.casework.open("M3", municipality="0518")
    monkeypatch.setattr(policy_watch, "office", lambda: here)
    with disable_run_logger():
        policy_watch.beleidswacht.fn()
        clock.moment = datetime(2027, 11, 30, 10, tzinfo=AMSTERDAM)
        lines = [policy_watch.beleidswacht.fn() for _ in range(2)]
    assert [line.split(".")[0] for line in lines] == [
        "Gewaarschuwd: 1 van 1 gemeenten",
        "Gewaarschuwd: 0 van 0 gemeenten",
    ]
    told = [json.loads(line) for line in here.settings.messages_file.read_text().splitlines()]
    assert [(item["rol"], item["titel"]) for item in told] == [
        ("legal_officer", "routekaart: kijk het beleid na")
    ]
    assert "had al nagekeken moeten zijn op 28 november 2027" in told[0]["tekst"]


def test_what_waits_in_a_folder_or_for_a_person_is_said(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """`controleer` names a file that differs from what counts, and a policy that waits for a person."""
    office = Office(Settings(home=tmp_path, municipality="0518", policy_folder=tmp_path), engine, clock)
    path = tmp_path / "0518.toml"
    path.write_text(OWN)
    with acts(Actor(ActorKind.PERSON, "mw-1", Way.COMMAND)):
        office.policy_book.put_forward("0518", *policy_in(path, "0518"))
    assert list(policies_that_wait(office)) == []
    path.write_text("tweede_persoon_beleid = true\n")
    assert "beleid gebruik" in "".join(policies_that_wait(office))
    with acts(Actor(ActorKind.PERSON, "mw-1", Way.COMMAND)):
        office.policy_book.put_forward("0518", *policy_in(path, "0518"))
    assert "beleid akkoord" in "".join(policies_that_wait(office))
