"""Who works here and what each may do: the file of staff."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.runtime.settings import SettingsError
from adapters.runtime.staff import Right, StaffFile, StaffRole, operator_of_machine, read_staff

EXAMPLE = Path(__file__).parents[3] / "deployments" / "voorbeeld_medewerkers.toml"


def test_the_example_names_people_with_roles_in_each_gemeente() -> None:
    """A right counts in the gemeente where somebody has the role, and in no other."""
    book = read_staff(EXAMPLE)
    found = book.member("mw-03")
    assert found is not None
    assert found.may(Right.DIVIDE, "0518")
    assert not found.may(Right.ACT, "1916")
    assert found.sees("1916")
    assert not found.sees("0363")
    assert found.municipalities == {"0518", "1916"}
    assert found.has_role(StaffRole.COORDINATOR, "0518")
    assert book.member("mw-1") is None


def test_only_a_beheerder_manages() -> None:
    """No other role may change deployments or settings, or ask who looked."""
    book = read_staff(EXAMPLE)
    for role in StaffRole:
        member = book.with_roles("x", {"*": frozenset({role})})
        assert member.may(Right.MANAGE) is (role is StaffRole.OPERATOR)
        assert member.may(Right.LOOK)
    assert operator_of_machine("gebruiker-1").municipalities is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[mensen.mw-1]\n", "geen rollen"),
        ('[mensen.mw-1]\n"518" = ["lezer"]', "geen gemeentecode"),
        ('[mensen.mw-1]\n"٠٥١٨" = ["lezer"]', "geen gemeentecode"),
        ('[mensen.mw-1]\n"0518" = ["baas"]', "kies uit lezer"),
        ('[mensen.mw-1]\n"0518" = "lezer"', "een lijst"),
        ('[mensen."Jan Jansen"]\n"0518" = ["lezer"]', "geen code"),
        ('[rollen]\nlezer = ["alles"]', "kies uit zien"),
        ("[personen]\n", "bestaat niet"),
        ("[groepen]\n", "bestaat niet"),
        ('[rollen_van_groepen.a]\n"0518" = ["lezer"]', "waar de groepen staan"),
        ('[aanmelden]\ngroepen = "g"\n[rollen_van_groepen.a]\ngemeenten = ["lezer"]', "waar de gemeenten"),
        ('[aanmelden]\ngroepen = "g"\n[rollen_van_groepen.a]\n"0518" = ["baas"]', "kies uit lezer"),
        ('[aanmelden]\ngroepen = "g"\n[rollen_van_groepen.a]\n', "geen rollen"),
        ('[aanmelden]\nnaam = "name"', "wel: code, groepen, gemeenten"),
        ('[aanmelden]\ncode = ["sub"]', "schrijf een naam"),
        ('[mensen.mw-1]\ngemeenten = ["lezer"]', "geen gemeentecode"),
        ("mensen = 3", "moet een deel zijn"),
        ("x = ja", "tussen aanhalingstekens"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong is named with its file."""
    path = tmp_path / "medewerkers.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        StaffFile(path).book()


def test_groups_of_a_login_service_give_roles(tmp_path: Path) -> None:
    """Roles come from the file and from each known group; a group can count in the gemeenten that the service names."""
    path = tmp_path / "medewerkers.toml"
    path.write_text(
        '[mensen.mw-1]\n"1916" = ["jurist"]\n[aanmelden]\ngroepen = "groups"\ngemeenten = "gemeente"\n'
        '[rollen_van_groepen.lezers]\ngemeenten = ["lezer"]\n'
        '[rollen_van_groepen.teamleiders]\n"0518" = ["teamleider"]\n'
    )
    book = read_staff(path)
    found = book.member("mw-1", ["lezers", "teamleiders", "onbekend"], ["0363", "*", "Delft"])
    assert found is not None
    assert {place: sorted(roles) for place, roles in found.roles.items()} == {
        "0363": ["lezer"],
        "0518": ["teamleider"],
        "1916": ["jurist"],
    }
    assert book.member("mw-2", ["onbekend"], ["0363"]) is None
    assert book.member("mw-2", ["lezers"]) is None


def test_a_change_counts_at_once_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    """Who is taken out is out with the next question; a file that turned wrong lets nobody else in."""
    path = tmp_path / "medewerkers.toml"
    path.write_text('[mensen.mw-1]\n"0518" = ["lezer"]')
    file = StaffFile(path)
    assert file.book().member("mw-1")
    path.write_text("[mensen")
    assert file.book().member("mw-1")
    path.write_text('[mensen.mw-22]\n"0518" = ["lezer"]')
    assert file.book().member("mw-1") is None
