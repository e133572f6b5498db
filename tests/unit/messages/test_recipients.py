"""The file of recipients: what is wrong is named with its line, and the rest keeps working."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from adapters.messages.addressing import addressees, next_moment, willing
from adapters.messages.recipients import Book, Wish, WorkingHours
from adapters.messages.recipients_file import RecipientsFile
from adapters.messages.recipients_reading import read_book
from adapters.messages.secrets_in_text import MissingSecretError, fill_in
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import AMSTERDAM

if TYPE_CHECKING:
    from adapters.runtime.problems import WrongLine

MONDAY = date(2026, 3, 9)
PEOPLE = """\
[[team]]
code = "noord"
kanalen = { postbus = "json://127.0.0.1:9/noord" }

[[persoon]]
code = "p1"
team = "noord"
kanalen = { mail = "json://127.0.0.1:9/p1" }
{p1}

[[persoon]]
code = "p2"
kanalen = { mail = "json://127.0.0.1:9/p2" }
{p2}

[[persoon]]
code = "chef"
kanalen = { mail = "json://127.0.0.1:9/chef" }

[standaard]
geen_berichten_aan = [
  "client", "chain_partner", "signal_partner", "creditor", "protective_administrator", "wsnp_trustee",
]

[[gemeente]]
code = "0518"
[gemeente.rollen]
case_worker = ["p1"]
debt_counsellor = ["p1", "p2"]
early_signal_worker = ["noord"]
coordinator = ["chef"]
team_leader = ["chef"]
quality_reviewer = ["chef"]
legal_officer = ["chef"]
budget_coach = ["p1"]
settlement_officer = ["p1"]
"""


def _read(tmp_path: Path, text: str) -> tuple[Book, list[WrongLine]]:
    path = tmp_path / "ontvangers.toml"
    path.write_text(text)
    book, problems = read_book(path)
    assert book is not None
    return book, list(problems)


def _people(tmp_path: Path, p1: str = "", p2: str = "") -> Book:
    text = PEOPLE.replace("{p1}", p1).replace("{p2}", p2)
    return _read(tmp_path, text)[0]


def _codes(book: Book, role: str = "case_worker", **more: object) -> list[str]:
    found = addressees(book, role, "0518", MONDAY, **more)  # type: ignore[arg-type]
    return [item.recipient.code for item in found]


def test_a_good_file_has_no_problems(tmp_path: Path) -> None:
    """A complete file is taken as it stands."""
    _, problems = _read(tmp_path, PEOPLE.replace("{p1}", "").replace("{p2}", ""))
    assert problems == []


def test_the_example_is_a_good_file() -> None:
    """The example that we ship has nothing wrong with it."""
    book, problems = read_book(Path("deployments/voorbeeld_ontvangers.toml"))
    assert book is not None
    assert problems == ()


@pytest.mark.parametrize(
    ("wrong", "line", "sentence"),
    [
        ('[[persoon]]\ncode = "a"\nkanalen = { mail = "onzin://x" }', 3, "Kanaal 'mail' is geen bruikbaar"),
        ('[[persoon]]\ncode = "a"\n[persoon.kanalen]\nweb = "json://x/"\nmail = "json://${BESTAAT_NIET}/"', 5,
         "Kanaal 'mail' kan niet worden gebruikt: de omgevingsvariabele BESTAAT_NIET bestaat niet of is leeg."),
        ('[[persoon]]\ncode = "a"\nkleur = "rood"', 3, "kleur: dit veld is hier niet bekend."),
        ('[[persoon]]\ncode = "a"\nkanalen = {w = "json://x/"}\nteam = "weg"', 4, "Het team 'weg' staat niet in"),
        ('[[gemeente]]\ncode = "0518"\n[gemeente.rollen]\nkoning = []', 4, "De rol 'koning' bestaat niet"),
        ('[[gemeente]]\ncode = "0518"\n[gemeente.rollen]\ncoordinator = ["x"]', 4, "'x' staat niet in dit bestand."),
        ('[[gemeente]]\ncode = "0518"', 1, "In gemeente 0518 heeft niemand de rol coördinator ('coordinator')."),
        ('[[gemeente]]\ncode = "٠٥١٨"', 2, "code: "),  # digits, but none of a gemeentecode
        ("[standaard]\ncrisis_uren = 0", 2, "crisis_uren: dit getal is te klein."),
        ('[standaard]\n\nwerktijden = { van = "17:00", tot = "08:00" }', 3, "'van' ligt voor 'tot'"),
        ('[standaard]\nbundel_om = "24:00"', 2, "bundel_om: schrijf een tijd als 08:30."),
        ('[standaard]\nwerktijden = { van = "08:00+02:00" }', 2, "werktijden.van: schrijf een tijd als 08:30."),
        ('[[persoon]]\ncode = "a"\nvoorkeur = { onzin = "niet" }', 3, "voorkeur.onzin: deze keuze bestaat niet."),
        ('[ladder]\n"²" = ["persoon"]', 2, "De sport '²' is een nummer"),
        ('[ladder]\n1 = ["koning"]', 2, "De sport '1' is een nummer met een lijst van rollen"),
        ('naam = "x"', 1, "'naam' is geen onderdeel van dit bestand."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_and_line(
    tmp_path: Path, wrong: str, line: int, sentence: str
) -> None:
    """Each kind of mistake gives a sentence that starts with the file and the line."""
    _, problems = _read(tmp_path, wrong)
    named = [str(problem) for problem in problems]
    assert any(text.startswith(f"ontvangers.toml, regel {line}: ") and sentence in text for text in named), (
        named
    )


def test_a_file_without_any_municipality_is_named(tmp_path: Path) -> None:
    """An empty file, which gives nobody a message, is not called good; the mark that Windows puts in front is."""
    _, problems = _read(tmp_path, "\ufeff")
    assert [str(problem) for problem in problems] == [
        "ontvangers.toml: Dit bestand noemt geen gemeente met rollen: niemand krijgt een bericht."
    ]


def test_a_deputy_loop_is_named_once_with_everyone_in_it(tmp_path: Path) -> None:
    """Two people who stand in for each other are named as a loop, on the line of the first."""
    text = PEOPLE.replace("{p1}", 'vervanger = "p2"').replace("{p2}", 'vervanger = "p1"')
    _, problems = _read(tmp_path, text)
    assert [str(problem) for problem in problems] == [
        "ontvangers.toml, regel 9: De vervangers draaien in een kring: p1 → p2 → p1."
    ]


def test_switching_off_what_must_arrive_is_named_and_not_followed(tmp_path: Path) -> None:
    """When everyone with a role wants no overdue messages, all of them get them, and the file is called wrong."""
    text = PEOPLE.replace("{p1}", 'voorkeur = { termijn_gemist = "niet", kennisgeving = "niet" }').replace(
        "{p2}", ""
    )
    book, problems = _read(tmp_path, text)
    assert any("heeft 'termijn_gemist' uitgezet" in problem.sentence for problem in problems)
    found = addressees(book, "case_worker", "0518", MONDAY)
    assert [wish for _, wish in willing(found, "termijn_gemist", urgent=False)] == [Wish.DIRECT]
    assert willing(found, "kennisgeving", urgent=False) == []


def test_one_of_two_may_switch_off_overdue_messages(tmp_path: Path) -> None:
    """As long as somebody with the role gets them, one person may do without."""
    book = _people(tmp_path, p1='voorkeur = { termijn_gemist = "niet" }')
    found = addressees(book, "debt_counsellor", "0518", MONDAY)
    assert [item.recipient.code for item, _ in willing(found, "termijn_gemist", urgent=False)] == ["p2"]


def test_a_crisis_is_never_put_in_a_digest(tmp_path: Path) -> None:
    """A wish for a digest does not hold in a threatening situation."""
    book = _people(tmp_path, p1='voorkeur = { overdracht = "bundel" }')
    found = addressees(book, "case_worker", "0518", MONDAY)
    assert willing(found, "overdracht", urgent=False)[0][1] is Wish.DIGEST
    assert willing(found, "overdracht", urgent=True)[0][1] is Wish.DIRECT


def test_one_wrong_person_does_not_stop_the_others(tmp_path: Path) -> None:
    """A person with a mistake is left out; the others still get their messages."""
    book = _people(tmp_path, p1='kleur = "rood"')
    assert _codes(book, "debt_counsellor") == ["p2"]


def test_a_wrong_channel_leaves_the_others(tmp_path: Path) -> None:
    """Only the wrong channel of a person is taken off."""
    text = '[[persoon]]\ncode = "a"\n[persoon.kanalen]\nfout = "onzin://x"\ngoed = "json://x/"'
    book, _ = _read(tmp_path, text)
    assert list(book.people["a"].kanalen) == ["goed"]


def test_no_address_is_ever_printed(tmp_path: Path) -> None:
    """A book that is printed, in a log or an error, shows no address."""
    assert "127.0.0.1" not in repr(_people(tmp_path))


def test_an_absent_person_has_his_deputy(tmp_path: Path) -> None:
    """During an absence messages go to the deputy."""
    book = _people(tmp_path, p1='afwezig = [{ van = 2026-03-09, tot = 2026-03-13 }]\nvervanger = "p2"')
    assert _codes(book) == ["p2"]


def test_a_role_without_a_person_goes_to_the_team_and_then_to_the_coordinator(tmp_path: Path) -> None:
    """An absent person without a deputy leaves the team; a role that nobody has leaves the coordinator."""
    book = _people(tmp_path, p1="afwezig = [{ van = 2026-03-09, tot = 2026-03-13 }]")
    assert _codes(book) == ["noord"]
    assert [item.reason for item in addressees(book, "wsnp_x", "0518", MONDAY)] == ["vangnet: coordinator"]


def test_while_the_people_of_a_role_are_away_its_team_is_asked(tmp_path: Path) -> None:
    """A coordinator who is away leaves the team that is coordinator too, before the teamleider."""
    text = PEOPLE.replace("{p1}", "afwezig = [{ van = 2026-03-09, tot = 2026-03-09 }]").replace("{p2}", "")
    book, _ = _read(tmp_path, text.replace('coordinator = ["chef"]', 'coordinator = ["p1", "noord"]'))
    assert _codes(book, "coordinator") == ["noord"]
    assert [item.recipient.code for item in addressees(book, "wsnp_x", "0518", MONDAY)] == ["noord"]


def test_the_person_who_took_the_case_gets_its_messages(tmp_path: Path) -> None:
    """Of two people with a role, only the one who accepted the hand-off is told."""
    assert _codes(_people(tmp_path), "debt_counsellor", responsible="p2") == ["p2"]


def test_a_higher_rung_reaches_more_people(tmp_path: Path) -> None:
    """The first warning is for the person, the second for the team too, the third for the coordinator too."""
    book = _people(tmp_path)
    reached = [_codes(book, levels=book.levels(rung)) for rung in (1, 2, 3, 4)]
    assert reached == [["p1"], ["p1", "noord"], ["p1", "noord", "chef"], ["p1", "noord", "chef"]]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-09T10:00", "2026-03-09T10:00"),
        ("2026-03-09T07:00", "2026-03-09T08:00"),
        ("2026-03-09T18:00", "2026-03-10T08:00"),
        ("2026-03-13T18:00", "2026-03-16T08:00"),
        ("2026-04-02T20:00", "2026-04-07T08:00"),  # Good Friday, the weekend, Easter Monday
    ],
)
def test_outside_working_hours_a_message_waits_for_the_next_working_morning(
    moment: str, expected: str
) -> None:
    """Evenings, weekends and holidays are passed over."""
    given = datetime.fromisoformat(moment).replace(tzinfo=AMSTERDAM)
    assert next_moment(WorkingHours(), given, dutch_calendar()).strftime("%Y-%m-%dT%H:%M") == expected


def test_a_change_is_picked_up_without_a_restart(tmp_path: Path) -> None:
    """The next look at the file sees what was written; an unreadable version is logged and leaves the last good one."""
    path = tmp_path / "ontvangers.toml"
    path.write_text('[[persoon]]\ncode = "a"\nkanalen = { w = "json://x/" }\n')
    file = RecipientsFile(path)
    assert list(file.book().people) == ["a"]
    path.write_text('[[persoon]]\ncode = "nieuw"\nkanalen = { w = "json://x/" }\n')
    assert list(file.book().people) == ["nieuw"]
    path.write_text("[[persoon]\n")
    with structlog.testing.capture_logs() as said:
        assert list(file.book().people) == ["nieuw"]
        assert str(file.problems()[0]).startswith("ontvangers.toml, regel 1: ")
    assert [line["problem"] for line in said] == [
        "ontvangers.toml, regel 1: Dit is geen geldige TOML; schrijf naam = waarde, met aanhalingstekens om tekst."
    ]


def test_a_secret_inside_an_address_is_made_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs with a meaning in an address are escaped, unless the secret is the whole address."""
    monkeypatch.setenv("PROEFGEHEIM", "a/b@c")
    assert fill_in("mailtos://u:${PROEFGEHEIM}@mail") == "mailtos://u:a%2Fb%40c@mail"
    assert fill_in("${PROEFGEHEIM}") == "a/b@c"
    with pytest.raises(MissingSecretError, match="BESTAAT_NIET"):
        fill_in("${BESTAAT_NIET}")
