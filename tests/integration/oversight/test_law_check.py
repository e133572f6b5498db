"""The laws on which terms rest, against texts in the two forms in which they are published."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.office import Office, office
from adapters.oversight import law_check
from adapters.oversight.law_check import cases_with, check_laws, checked_texts, record
from adapters.oversight.law_texts import LawTextError, letters, read_law, read_law_folder
from adapters.runtime.settings import Settings
from deployments.cli.application import run

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from adapters.oversight.law_check import LawCheck
    from adapters.runtime.clock import SetClock

# A law that we made up, in the words that our terms look for, as both publishers would write it.
_LIDS = (
    ("1", "De kat komt thuis binnen vier weken nadat zij zich tot het college wendt, of een signaal heeft geaccepteerd:"),  # noqa: E501
    ("2", "In een bedreigende situatie komt zij binnen drie werkdagen."),
    ("3", "Zij geeft inzicht in het aantal weken."),
)  # fmt: skip


@pytest.fixture(autouse=True)
def only_what_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare with no text but those of the test."""
    monkeypatch.setattr(law_check, "CHECKED_ARTICLES", {})


def _yaml(folder: Path, valid_from: str = "2026-07-01", first: str = _LIDS[0][1]) -> Path:
    paragraphs = [
        f"1 {first}",
        "a. de rode kat;",
        "b. de [witte kat][ref1].",
        *(f"{no} {text}" for no, text in _LIDS[1:]),
    ]
    body = "\n\n".join([*paragraphs, "\n[ref1]: https://example.org/kat"]).replace("\n", "\n      ")
    file = folder / f"wgs-{valid_from}.yaml"
    file.write_text(
        f"bwb_id: BWBR0031331\nvalid_from: '{valid_from}'\narticles:\n  - number: '4'\n    text: |-\n      {body}\n"
    )
    return file


def _xml(
    folder: Path, valid_from: str = "2026-07-01", first: str = _LIDS[0][1], bwb_id: str = "BWBR0031331"
) -> Path:
    rest = "".join(f"<lid><lidnr>{no}</lidnr>\n <al>{text}</al></lid>" for no, text in _LIDS[1:])
    file = folder / f"{bwb_id}_{valid_from}.xml"
    file.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<toestand bwb-id="{bwb_id}" inwerkingtreding="{valid_from}">'
        "<wetgeving><wet-besluit><wettekst><hoofdstuk><artikel label='Artikel 4'><kop><label>Artikel</label>"
        f"<nr status='officieel'>4</nr></kop><lid><lidnr>1</lidnr>\n <al>{first}</al><lijst><li><li.nr>a.</li.nr>"
        "<al>de rode kat;</al></li><li><li.nr>b.</li.nr><al>de <extref doc='x'>witte kat</extref>.</al></li></lijst>"
        f"</lid>{rest}<meta-data><jcis><jci verwijzing='x'/></jcis></meta-data></artikel></hoofdstuk></wettekst>"
        "</wet-besluit></wetgeving></toestand>"
    )
    return file


def _check(engine: Engine, clock: SetClock, folder: Path) -> LawCheck:
    return check_laws(Office(Settings(home=folder), engine, clock), read_law_folder(folder))


def _of_article_4(check: LawCheck) -> list[tuple[str, str]]:
    return [(item.article, item.what) for item in check.differences if item.article == "4"]


def test_both_forms_of_one_text_are_the_same_text(tmp_path: Path) -> None:
    """Numbers of lids, links, headings and publication data make no difference; words do."""
    yaml, xml = read_law(_yaml(tmp_path)), read_law(_xml(tmp_path))
    assert yaml.hash_of("4") == xml.hash_of("4")
    assert (yaml.valid_from, yaml.articles) == (xml.valid_from, xml.articles)
    assert set(yaml.lids) == set(xml.lids) == {("4", ""), ("4", "1"), ("4", "2"), ("4", "3")}
    other = read_law(_yaml(tmp_path, first=_LIDS[0][1].replace("kat", "hond")))
    assert other.hash_of("4") != xml.hash_of("4")
    assert letters("1 De [kat][ref2]\n\na. komt.") == "dekatkomt"


def test_the_articles_of_an_annex_are_not_those_of_the_law(tmp_path: Path) -> None:
    """An annex, and a law that is changed by this one, have an article 4 of their own; article 4 stays what it is."""
    plain = read_law(_xml(tmp_path))
    other = "<artikel><kop><nr>4</nr></kop><al>Van de bijlage.</al></artikel>"
    written = _xml(tmp_path).read_text()
    for inside in (
        f"</wet-besluit><bijlage>{other}</bijlage>",
        f"<wijzig-artikel><wat>{other}</wat></wijzig-artikel></wet-besluit>",
    ):
        file = tmp_path / "met-bijlage.xml"
        file.write_text(written.replace("</wet-besluit>", inside))
        assert read_law(file).lids == plain.lids


def test_a_changed_article_is_named_with_its_terms_and_open_cases(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """Beside the text that was checked stands a newer one in which the length is another."""
    here = Office(Settings(home=tmp_path), engine, clock)
    reference = here.casework.open("M3", municipality="0518").reference
    _yaml(tmp_path)
    _xml(tmp_path, "2027-01-01", _LIDS[0][1].replace("vier weken", "zes weken"))
    found = next(item for item in _check(engine, clock, tmp_path).differences if item.article == "4")
    assert found.what == "in lid 1 staat niet meer: vier weken"
    assert {"T01", "T02", "T10"} <= set(found.terms)
    assert (reference, "0518", "T01") in {
        (case.reference, case.municipality, case.term) for case in found.cases
    }
    assert found.as_json()["tekst_van"] == "2027-01-01"


def test_a_suspended_term_is_a_term_of_an_open_case(engine: Engine, clock: SetClock, tmp_path: Path) -> None:
    """It runs on under the law, so its case is on the list too; a case of elsewhere and a closed one are not."""
    here = Office(Settings(home=tmp_path), engine, clock)
    mine, other, closed = (
        here.casework.open("M4", municipality=code).reference for code in ("0518", "0344", "0518")
    )
    for reference in (mine, other, closed):
        here.casework.report(reference, "hulpvraag_vastgesteld", process="M4")
        here.casework.report(reference, "gegevens_ontbreken", process="M4")
    here.casework.report(closed, "ingetrokken", process="M4", data={"motivering": "m-1"})
    term = here.casework.case(mine).case.processes[0].running("T03")
    assert term is not None
    assert term.due is None
    assert [(case.reference, case.term) for case in cases_with(engine, ["T03"], "0518")] == [(mine, "T03")]
    assert {case.municipality for case in cases_with(engine, ["T03"])} == {"0518", "0344"}


def test_a_change_elsewhere_in_the_article_is_named_as_such(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """The words on which a term rests may still stand there while the article says more."""
    _yaml(tmp_path)
    _yaml(tmp_path, "2027-01-01", _LIDS[0][1].replace("komt thuis", "moet thuiskomen"))
    assert _of_article_4(_check(engine, clock, tmp_path)) == [
        ("4", "de tekst is anders; de woorden waarop de termijn rust, staan er nog")
    ]


def test_without_the_checked_text_only_the_words_are_looked_up(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """That is said, so that nobody takes it for more than it is; what is not in the folder is named."""
    _xml(tmp_path, "2027-01-01")
    check = _check(engine, clock, tmp_path)
    assert _of_article_4(check) == []
    assert "Wgs art. 4" in check.by_words_only
    assert "Faillissementswet (BWBR0001860)" in check.missing
    assert ("Wgs", "2") in {
        (item.law.code, item.article) for item in check.differences
    }  # it is not in this text


def test_what_a_person_recorded_is_compared_without_the_text(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """Only a hash is kept: the old text need not be there any more."""
    here = Office(Settings(home=tmp_path), engine, clock)
    old = _xml(tmp_path, "2027-01-01")
    assert record(here, read_law_folder(tmp_path))[0].startswith("Wet gemeentelijke schuldhulpverlening")
    assert checked_texts(engine)["Wgs"].checked_on == clock.today()
    old.unlink()
    _yaml(tmp_path, "2028-01-01")
    assert _of_article_4(_check(engine, clock, tmp_path)) == []
    _yaml(tmp_path, "2029-01-01", _LIDS[0][1].replace("thuis", "naar huis"))
    assert len(_of_article_4(_check(engine, clock, tmp_path))) == 1


def test_recording_a_text_does_not_hide_that_a_term_lost_its_words(
    engine: Engine, clock: SetClock, tmp_path: Path
) -> None:
    """Whoever records a law of six weeks still hears that our term of four rests on it; the date is of that text."""
    here = Office(Settings(home=tmp_path), engine, clock)
    _xml(tmp_path, "2027-01-01", _LIDS[0][1].replace("vier weken", "zes weken"))
    record(here, read_law_folder(tmp_path))
    check = _check(engine, clock, tmp_path)
    assert _of_article_4(check) == [("4", "in lid 1 staat niet meer: vier weken")]
    found = next(item for item in check.differences if item.article == "4")
    assert found.as_json()["nagekeken_tekst_van"] == "2027-01-01"


def test_an_article_that_we_checked_is_known_by_its_hash(
    engine: Engine, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to record it first, and the old text need not be in the folder."""
    checked = {("Wgs", "4"): read_law(_xml(tmp_path, "2027-01-01")).hash_of("4")}
    monkeypatch.setattr(law_check, "CHECKED_ARTICLES", checked)
    check = _check(engine, clock, tmp_path)
    assert _of_article_4(check) == []
    assert "Wgs art. 4" not in check.by_words_only
    _xml(tmp_path, "2028-01-01", _LIDS[0][1].replace("thuis", "naar huis"))
    assert len(_of_article_4(_check(engine, clock, tmp_path))) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xml", "<toestand", "regel 1: dit is geen geldige XML"),
        ("a.xml", "<html>\n<br>\n</html>", "regel 3: dit is geen geldige XML"),
        ("a.xml", "<wti bwb-id='BWBR0031331'/>", "<wti>, geen <toestand>"),
        ("a.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "geen DOCTYPE"),
        ("a.xml", "<toestand bwb-id='BWBR1' inwerkingtreding='2026-01-01'/>", "geen artikel"),
        ("a.yaml", "articles: [\n", "regel 2: dit is geen geldige YAML"),
        ("a.yaml", "- boodschappen", "geen 'articles'"),
        ("a.yaml", "articles: []\nbwb_id: BWBR1", "geen artikelen"),
        pytest.param("a.yaml", "[" * 50_000, "dit is geen wettekst", id="deep YAML"),
        pytest.param("a.xml", "<a>" * 50_000 + "</a>" * 50_000, "dit is geen wettekst", id="deep XML"),
        ("a.xml", "<toestand>caf\xe9</toestand>", "geen tekst in UTF-8; een wettekst is de XML"),
        ("a.yaml", "bwb_id: B\narticles:\n- {number: '1', text: x}\n", "vanaf welke dag"),
    ],
)
def test_a_file_that_is_no_text_of_a_law_is_refused(
    tmp_path: Path, name: str, content: str, says: str
) -> None:
    """The refusal names the file, the line, and what a text of a law is."""
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(LawTextError) as refused:
            read_law_folder(path)
        assert says in refused.value.sentence
        assert re.search(rf"{name}, regel \d+: ", refused.value.sentence)


def test_other_files_beside_a_text_are_named_and_left_out(tmp_path: Path) -> None:
    """A download has more in it than texts; what is left out is said."""
    _yaml(tmp_path)
    (tmp_path / "wti.xml").write_text("<wti/>")
    (tmp_path / "leesmij.txt").write_text("x")
    folder = read_law_folder(tmp_path)
    assert len(folder.texts) == 1
    assert [other.split(",")[0] for other in folder.others] == ["wti.xml"]


def test_the_command_gives_it_as_json_and_ends_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script sees by the exit code that something differs."""
    monkeypatch.setenv("ROUTEKAART_HOME", str(tmp_path / "thuis"))
    office.cache_clear()
    texts = tmp_path / "wetten"
    texts.mkdir()
    _yaml(texts)
    assert run(["wet", "toets", str(texts), "--json"]) == 1  # article 2 of this law is not there
    assert json.loads(capsys.readouterr().out)["verschillen"][0]["wet"] == "Wgs"
    assert run(["wet", "toets", str(tmp_path / "weg")]) == 2
    assert "bestaat niet" in capsys.readouterr().err
    office.cache_clear()
