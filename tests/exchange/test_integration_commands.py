"""The commands around other systems, and what they say when something is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.api import caller
from support.other_systems import event, send
from support.signal_deliveries import case, delivery, signal
from support.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.office import Office


def test_a_client_is_made_listed_and_revoked(terminal: Terminal, office: Office) -> None:
    """The key of a new client works, until the client is revoked."""
    code, printed = terminal("client", "nieuw", "balie", "--gemeente", "0518", "--mag", "lezen")
    key = next(line.split()[-1] for line in printed.splitlines() if line.startswith("API-sleutel"))
    assert code == 0
    assert caller(office, key).get("/v1/zaken").status_code == 200
    assert key not in terminal("client", "lijst")[1]
    assert terminal("client", "intrekken", "balie")[0] == 0
    assert caller(office, key).get("/v1/zaken").status_code == 401


def test_the_postbak_from_the_terminal(terminal: Terminal, office: Office) -> None:
    """A person sees what waits, couples it to a case, and puts another aside."""
    office.casework.open("M3", municipality="0518", reference="A-1")
    api = caller(office)
    send(api, event("balie", "1", subject="ZAAK-88"))
    send(api, event("iets", "2"))
    listed = terminal("postbak", "lijst")[1]
    assert "ZAAK-88" in listed
    assert len(listed.splitlines()) == 2
    couple = ("postbak", "koppel", "1", "A-1", "--gebeurtenis", "aanmelding_geregistreerd", "--onthoud")
    assert terminal(*couple) == (0, "A-1 M3: CRISISCHECK\n")
    assert terminal("postbak", "verwerp", "2")[0] == 0
    assert terminal("postbak", "lijst")[1] == "De postbak is leeg.\n"


def test_history_from_the_terminal(terminal: Terminal, tmp_path: Path) -> None:
    """--met-historie takes over the vroegsignaalzaken of a file."""
    path = tmp_path / "levering.json"
    path.write_text(json.dumps(delivery(signal("A"), cases=[case("Inwoner is overleden", "A")])))
    code, printed = terminal("importeer", "vroegsignalen", str(path), "--met-historie")
    assert code == 0
    assert printed.startswith("Levering v1.2 of later: 1 vroegsignaal.")
    assert "1 geopend" in printed


@pytest.mark.parametrize(
    "command",
    [
        "client nieuw Balie",
        "client nieuw standaard2 --gemeente 51",
        "client intrekken niemand",
        "abonnement nieuw dash http://voorbeeld.nl",
        "abonnement intrekken niemand",
        "abonnement opnieuw niemand",
        "postbak koppel 7 A",
        "postbak verwerp 7",
        "postbak verwerp zeven",
        "exporteer ddas --van 2026-01-01 --tot morgen",
        "exporteer ddas --van 2026-01-01 --tot 2025-01-01",
        "exporteer ddas --van 2026-01-01 --tot 2026-12-31 --soort iets",
        "exporteer ddas --van 2026-01-01 --tot 2026-12-31 --uit /bestaat/niet.json",
    ],
)
def test_bad_input_is_one_dutch_sentence_and_exit_2(terminal: Terminal, command: str) -> None:
    """Whatever is wrong: one line, exit 2."""
    code, printed = terminal(*command.split())
    assert code == 2
    assert len(printed.splitlines()) == 1
    assert printed.strip()[-1] == "."


def test_the_person_key_is_renewed(terminal: Terminal, office: Office) -> None:
    """The command makes a new key and keeps the old one beside it, both for this user alone."""
    before = office.settings.person_secret()
    assert terminal("persoonssleutel", "vernieuw")[0] == 0
    assert office.settings.person_secret() != before
    assert office.settings.old_person_secrets() == (before,)
    modes = {path.stat().st_mode & 0o777 for path in office.settings.home_folder.glob("persoonssleutel*")}
    assert modes == {0o600}


def test_who_accepts_on_the_command_line_has_the_case(terminal: Terminal, office: Office) -> None:
    """`meld --medewerker` puts the mijlpaal in the name of who accepts it; what is no code is refused, all of it."""
    reference = office.casework.open("M3", municipality="0518").reference
    for step in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        office.casework.report(reference, step)
    words = ("meld", reference, "overdracht_aanvaard", "--mijlpaal", "M4", "--medewerker")
    code, printed = terminal(*words, "Jan de Vries")
    assert (code, "code van een medewerker" in printed) == (2, True)
    assert office.casework.case(reference).case.process("M4").state == "OVERDRACHT_AANGEBODEN"
    assert terminal(*words, "mw-17")[0] == 0
    assert office.casework.case(reference).case.process("M4").facts["houder"] == "mw-17"
