"""The command line, as a person or a script uses it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.stack import run

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Command = Callable[..., subprocess.CompletedProcess[str]]

FIXTURES = Path(__file__).parents[2] / "fixtures"
BAD_INPUT = 2


def test_the_command_itself_exits_with_2_and_one_sentence(tmp_path: Path) -> None:
    """The installed command does what the tests below do inside this process, in a home that is not there yet."""
    refused = run(
        "zaak", "ONBEKEND", environment=os.environ | {"ROUTEKAART_HOME": str(tmp_path / "home")}, check=False
    )
    assert (refused.returncode, refused.stdout, refused.stderr) == (
        BAD_INPUT,
        "",
        "Er is geen zaak 'ONBEKEND'.\n",
    )


def test_open_meld_and_zaak_need_no_server(routekaart: Command) -> None:
    """A case is opened, moved and shown with nothing but the case database."""
    reference = routekaart("open", "--mijlpaal", "M3").stdout.strip()
    routekaart("meld", reference, "aanmelding_geregistreerd", "--id", "a")
    shown = json.loads(routekaart("zaak", reference, "--json").stdout)
    assert shown["toestanden"] == {"M3": "CRISISCHECK"}
    assert "crisischeck" in routekaart("zaak", reference).stdout


def test_a_refused_event_says_which_events_are_allowed(routekaart: Command) -> None:
    """An impossible event exits 2, names the possible events, and writes nothing."""
    reference = routekaart("open", "--mijlpaal", "M3").stdout.strip()
    before = routekaart("zaak", reference, "--json").stdout
    refused = routekaart("meld", reference, "bedreigend", check=False)
    assert refused.returncode == BAD_INPUT
    assert "aanmelding_geregistreerd" in refused.stderr
    assert refused.stdout == ""
    assert routekaart("zaak", reference, "--json").stdout == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("zaak", "ONBEKEND"), "Er is geen zaak 'ONBEKEND'."),
        (("meld", "ONBEKEND", "gematcht"), "Er is geen zaak 'ONBEKEND'."),
        (("open", "--mijlpaal", "M99"), "'M99' is geen mijlpaal"),
        (("open", "--mijlpaal", "M3", "--op", "2999-01-01"), "in de toekomst"),
        (("open", "--mijlpaal", "M3", "--op", "gisteren"), "is geen datum"),
        (("open", "--mijlpaal", "M3", "--gegevens", "{"), "geen geldige JSON"),
        (("open", "--mijlpaal", "M3", "--zaak", "123456782"), "iets over een persoon zeggen"),
        (("open",), "Er ontbreekt iets"),
        (("bestaat-niet",), "Deze opdracht bestaat niet"),
        (("open", "--mijlpaal", "M3", "--vreemd"), "De optie --vreemd bestaat niet"),
        (("termijn", "T99", "--vanaf", "2026-01-01"), "'T99' is geen termijn"),
        (("termijn", "T23", "--vanaf", "2026-01-01"), "geen vaste lengte"),
        (("termijn", "T01", "--vanaf", "2026-13-01"), "is geen datum"),
        (("definitie", "M99"), "'M99' is geen mijlpaal"),
        (("definitie", "M3", "--formaat", "pdf"), "is geen formaat"),
        (("simuleer", "bestaat-niet.json"), "niet te lezen"),
        (("importeer", "vroegsignalen", "bestaat-niet.json"), "kan niet worden gelezen"),
    ],
)
def test_bad_input_is_one_dutch_sentence_and_exit_2(
    routekaart: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    """Whatever is wrong, the answer is one line on stderr and exit 2."""
    refused = routekaart(*arguments, check=False)
    assert refused.returncode == BAD_INPUT
    assert sentence in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_file_that_is_no_delivery_is_refused(routekaart: Command, tmp_path: Path) -> None:
    """Another file than a delivery exits 2 and opens no case."""
    file = tmp_path / "vreemd.json"
    file.write_text('{"iets": "anders"}')
    refused = routekaart("importeer", "vroegsignalen", str(file), check=False)
    assert refused.returncode == BAD_INPUT
    assert "geen DDAS-levering" in refused.stderr


def test_one_bad_signal_does_not_stop_the_good_ones(routekaart: Command, tmp_path: Path) -> None:
    """The good signals are imported; the bad one is reported by its position, without personal data."""
    delivery = json.loads((FIXTURES / "een_vroegsignaal.json").read_text())
    signals = delivery["leveringen"][0]["vroegsignalen"]
    bad = signals[0] | {"ID": "PROEF-2", "signaaldatum": "morgen"}
    good = signals[0] | {"ID": "PROEF-3"}
    delivery["leveringen"][0]["vroegsignalen"] = [signals[0], bad, good]
    file = tmp_path / "levering.json"
    file.write_text(json.dumps(delivery))
    done = routekaart("importeer", "vroegsignalen", str(file))
    assert "1 geweigerd" in done.stdout
    assert "Signaal 2:" in done.stderr
    assert "111222334" not in done.stdout + done.stderr
    assert "Proefpersoon" not in done.stdout + done.stderr


def test_an_invalid_bsn_is_a_warning(routekaart: Command) -> None:
    """A BSN that fails the eleven test is imported with a warning."""
    imported = routekaart("importeer", "vroegsignalen", str(FIXTURES / "een_vroegsignaal.json"))
    assert "elfproef" in imported.stderr
    assert "1 geopend" in imported.stdout


def test_an_invalid_bsn_is_refused_by_setting(routekaart: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A BSN that fails the eleven test is refused where the setting asks for it."""
    monkeypatch.setenv("ROUTEKAART_REFUSE_INVALID_BSN", "true")
    refused = routekaart("importeer", "vroegsignalen", str(FIXTURES / "een_vroegsignaal.json"), check=False)
    assert refused.returncode == BAD_INPUT
    assert "0 geopend" in refused.stdout


def test_no_bsn_reaches_the_database(routekaart: Command, tmp_path: Path) -> None:
    """After an import the database file holds neither BSN, nor name, nor amount."""
    routekaart("importeer", "vroegsignalen", str(FIXTURES / "een_vroegsignaal.json"))
    with sqlite3.connect(tmp_path / "home" / "zaken.db") as database:
        dump = "\n".join(database.iterdump())
    assert "PROEF-1" in dump
    for mark in ("111222334", "Proefpersoon", "310"):
        assert f"'{mark}'" not in dump
        assert mark not in dump or mark == "310"


def test_a_term_is_explained_as_json(routekaart: Command) -> None:
    """The answer names the nominal end, the due date, why it shifted, the warnings and the source."""
    term = json.loads(routekaart("termijn", "T01", "--vanaf", "2026-03-09").stdout)
    assert (term["nominaal"], term["uiterlijk"]) == ("2026-04-06", "2026-04-07")
    assert term["verschoven_door"] == "tweede Paasdag"
    assert term["waarschuwingen"] == ["2026-03-24", "2026-03-31", "2026-04-01"]
    assert (term["bron"], term["zekerheid"]) == ("Wgs art. 4 lid 1", "V")


def test_a_simulation_runs_a_case_file(routekaart: Command, tmp_path: Path) -> None:
    """A case file gives states, journal, terms, messages and refusals."""
    file = tmp_path / "zaak.json"
    steps = [
        {"op": "2026-03-09", "mijlpaal": "M3", "open": True},
        {"op": "2026-03-09", "mijlpaal": "M3", "gebeurtenis": "aanmelding_geregistreerd"},
        {"op": "2026-03-10", "mijlpaal": "M3", "gebeurtenis": "afspraak_gemaakt"},
        {"tot": "2026-05-01"},
    ]
    file.write_text(json.dumps({"zaak": "X", "stappen": steps}))
    result = json.loads(routekaart("simuleer", str(file)).stdout)
    assert result["toestanden"] == {"M3": "CRISISCHECK"}
    assert result["termijnen"][0]["uitkomst"] == "gemist"
    assert result["geweigerd"][0]["gebeurtenis"] == "afspraak_gemaakt"


@pytest.mark.parametrize(
    ("form", "mark"), [("tabel", "| van |"), ("mermaid", "stateDiagram-v2"), ("json", '"code"')]
)
def test_a_definition_is_shown_in_three_forms(routekaart: Command, form: str, mark: str) -> None:
    """A definition can be read as a table, a diagram or JSON."""
    assert mark in routekaart("definitie", "M3", "--formaat", form).stdout


def test_a_healthy_installation_passes_the_check(routekaart: Command) -> None:
    """`controleer` on a new database exits 0."""
    routekaart("open", "--mijlpaal", "M2")
    assert routekaart("controleer").returncode == 0


def test_who_let_a_clock_count_is_shown(routekaart: Command) -> None:
    """`klok --wie` names each who said that a clock is right, with the machine and the moment."""
    assert "Niemand" in routekaart("klok", "--wie").stdout
    routekaart("klok", "--klopt")
    (line,) = routekaart("klok", "--wie").stdout.splitlines()
    assert re.search(r"^\d{4}-\d\d-\d\dT.* beheerder gebruiker-\d+ \(opdracht\)$", line)
