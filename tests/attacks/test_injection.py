"""Text that wants to be more than text: in artifacts, pictures, pages, logs, spreadsheets, and paths."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import stat
import subprocess
import unicodedata
from contextlib import suppress
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
import structlog
from markdown_it import MarkdownIt
from openpyxl import Workbook, load_workbook
from pydantic import SecretStr
from sqlmodel import select
from starlette.testclient import TestClient
from support.api import caller
from support.stack import ROUTEKAART, home_with_keys

from adapters.api.app import create_pages
from adapters.api.person import as_person
from adapters.exchange.references import add_reference
from adapters.office import Office
from adapters.oversight.markdown import bullets, table, text
from adapters.oversight.workload import plain_cell, to_csv
from adapters.runtime.logs import set_up_logs
from adapters.runtime.persons import PersonKey
from adapters.runtime.settings import Settings
from adapters.runtime.staff import operator_of_machine
from adapters.storage.database import CaseRow, writing
from adapters.storage.exchange_tables import ExternalReferenceRow
from flows.pictures import Stage, Stop, route
from milestones.process import InvalidData, NotPossible

if TYPE_CHECKING:
    from pathlib import Path

    from httpx import Response
    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "</title></style><iframe src=//evil.example>",
    "<!--", "<a href=javascript:alert(1)>x</a>",
    "{{7*7}}", "{% raw %}", "${7*7}", "%(x)s", "{0.__class__}",
    "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\uff1d1+1", " =1+1", "\ufeff=1", "\u200b@SUM(1)", "\xa0+1", "\n=1", '=HYPERLINK("http://evil.example")',
    "a\r\nBcc: iemand@evil.example", "a\x1b[2J\x1b]0;x\x07", "a\u2028b\u2029c", "a\x00b", "\u202egpj.exe",
    "'; DROP TABLE cases; --", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "C:\\x", "~root",
    "|id", "$(id)", "`id`",
]  # fmt: skip
NAMES = [f"{number}" for number in range(len(EVIL))]


class _Seen(HTMLParser):
    """What a browser would make of a page: its elements, and what they would run."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.runs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and what would run."""
        self.elements.add(tag)
        for name, value in attrs:
            if name.startswith("on") or (value or "").strip().lower().startswith(
                ("javascript:", "data:text")
            ):
                self.runs.append(f"{tag} {name}={value}")


def _seen(page: str) -> _Seen:
    found = _Seen()
    found.feed(page)
    return found


@pytest.fixture
def office(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    """An office with its keys."""
    return Office(Settings(home=home_with_keys(tmp_path / "home"), municipality="0518"), engine, clock)


@pytest.mark.parametrize("evil", EVIL, ids=NAMES)
def test_an_artifact_runs_nothing(evil: str) -> None:
    """Also for a reader of Markdown that lets HTML through: in a heading, a table and a list."""
    page = text(f"# {evil}", table(("a", "b"), [(evil, "x")]), bullets([evil]))
    seen = _seen(MarkdownIt("commonmark", {"html": True}).enable("table").render(page))
    assert seen.runs == []
    assert not seen.elements & {"script", "img", "svg", "iframe", "a", "style"}


@pytest.mark.parametrize("evil", [one for one in EVIL if one.isprintable()])
def test_a_picture_is_xml_with_nothing_that_runs(evil: str) -> None:
    """A name in an SVG is its letters."""
    drawn = route([Stop(evil, evil, Stage.RUNNING)], [Stop(evil, evil, Stage.TO_COME)])
    elements = {element.tag.rpartition("}")[2] for element in ET.fromstring(drawn).iter()}  # noqa: S314 - ours
    assert elements <= {"svg", "rect", "text", "path", "title", "g"}


@SQLITE
def test_a_page_shows_what_was_typed_as_letters(office: Office) -> None:
    """In the search, in inzage and vernietiging: no element more than without it, and nothing runs."""
    member = operator_of_machine("mw-17")
    page = TestClient(as_person(create_pages(office), member), headers={"sec-fetch-site": "same-origin"})
    for evil in EVIL:
        for path, sent in (
            ("/inzage", {"wat": evil}),
            ("/vernietiging", {"keuze": "bewaren", "zaak": evil, "reden": evil}),
            ("/inzage", {"keuze": evil, "nummer": evil, "gemeente": evil}),
        ):
            _shows_letters(page.post(path, data=sent), evil)
        _shows_letters(page.get("/zoeken", params={"q": evil}), evil)
        _shows_letters(page.get(f"/zaak/{quote(evil, safe='')}"), evil)


def _shows_letters(answer: Response, evil: str) -> None:
    assert answer.status_code in (200, 404, 405, 422), evil
    seen = _seen(answer.text)
    assert seen.runs == [], evil
    assert not seen.elements & {"script", "img", "svg", "iframe"}, evil
    assert "script-src" not in answer.headers.get("content-security-policy", "")


@pytest.mark.parametrize("evil", EVIL, ids=NAMES)
def test_a_spreadsheet_reckons_with_nothing(evil: str) -> None:
    """In CSV and in a workbook a text is a text, whatever its first sign; a number stays one."""
    rows = list(csv.reader(io.StringIO(to_csv(("a", "b"), iter([{"a": evil, "b": -3}]))), delimiter=";"))
    seen = unicodedata.normalize("NFKC", rows[1][0]).lstrip("\ufeff\u200b \t\r\n")
    assert not seen.startswith(("=", "+", "-", "@"))
    assert rows[1][1] == "-3"
    if evil.isprintable():
        book, out = Workbook(write_only=True), io.BytesIO()
        book.create_sheet("x").append([plain_cell(evil)])
        book.save(out)
        sheet = load_workbook(io.BytesIO(out.getvalue())).active
        assert sheet is not None
        assert sheet["A1"].data_type == "s"


@pytest.mark.parametrize("form", ["json", "tekst"])
@pytest.mark.parametrize("evil", EVIL, ids=NAMES)
def test_a_line_of_the_log_stays_one_line(
    tmp_path: Path, evil: str, form: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether we wrote it or a library: no second line, and nothing that a terminal obeys."""
    set_up_logs(Settings(home=tmp_path, log_format=form, log_level="info"))
    structlog.get_logger("routekaart.test").warning(evil, value=evil)
    logging.getLogger("somebody").warning("%s", evil)
    lines = capsys.readouterr().err.split("\n")
    assert len(lines) == 3
    assert not any(sign in line for line in lines for sign in "\x1b\x00\x07\r")
    if form == "json":
        assert json.loads(lines[0])["value"] == evil


@SQLITE
def test_a_code_reference_or_person_is_no_text(office: Office) -> None:
    """What is kept readable has a form in which nothing of this fits; the rest is refused, and nothing is written."""
    for evil in EVIL:
        with pytest.raises((NotPossible, InvalidData, ValueError)):
            office.casework.open("M3", municipality="0518", reference=evil)
    reference = office.casework.open("M3", municipality="0518").reference
    office.casework.report(reference, "aanmelding_geregistreerd")
    for evil in EVIL:
        with pytest.raises((NotPossible, InvalidData, ValueError)):
            office.casework.report(reference, "niet_bedreigend", person=evil)
    with writing(office.engine) as session:
        case = session.get_one(CaseRow, reference)
        for evil in EVIL:
            with suppress(InvalidData):
                add_reference(session, office, case, evil, office.clock.now())
        session.flush()
        for kept in session.exec(select(ExternalReferenceRow.value)):
            assert not set(kept) & set("<>\"'\r\n\x00{}"), kept


@SQLITE
def test_an_address_with_tricks_reaches_no_file(office: Office) -> None:
    """Every way in that has a name in its address answers as for a name that is not there."""
    api = caller(office)
    for evil in EVIL:
        for path in ("/v1/zaken/{}", "/v1/definities/{}", "/overdracht/{}", "/agenda/{}.ics", "/v1/{}"):
            answer = api.get(path.format(quote(evil, safe="/%")))
            assert answer.status_code in (200, 307, 400, 404, 405, 410, 422), (path, evil)
            assert "root:" not in answer.text


# --- secrets --------------------------------------------------------------------------------------------------


def test_no_secret_stands_in_a_repr(tmp_path: Path) -> None:
    """Settings, keys and their errors name no value of a secret."""
    secret = "geheim-dat-niemand-ziet-0123456789"
    chosen = Settings(
        home=tmp_path,
        person_key=SecretStr(secret),
        link_key=SecretStr(secret),
        integration_key=SecretStr(secret),
        person_keys_old=(SecretStr(secret),),
        database_url=f"postgresql://u:{secret}@db/x",
    )
    shown = [repr(PersonKey(secret.encode(), "0518")), str(chosen.database), repr(chosen.database)]
    shown += [repr(getattr(chosen, name)) for name in ("person_key", "person_keys_old", "link_key")]
    assert not any(secret in one for one in shown)


def test_with_umask_000_every_file_is_for_this_user_alone(tmp_path: Path) -> None:
    """Database, keys, backup, records and logs: nobody else reads any of them."""
    home, backup = tmp_path / "huis", tmp_path / "zaken.backup"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("ROUTEKAART_", "PREFECT_"))
    }
    environment["ROUTEKAART_HOME"] = str(home)
    for words in (
        ("open", "--mijlpaal", "M3"),
        ("backup", str(backup)),
        ("client", "nieuw", "x", "--mag", "lezen"),
    ):
        subprocess.run([*ROUTEKAART, *words], env=environment, check=True, capture_output=True, umask=0)
    files = [backup, home, *home.rglob("*")]
    assert len(files) > 5
    open_to_others = [path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []
