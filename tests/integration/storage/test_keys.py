"""The keys that belong to a case database, on SQLite and on the real PostgreSQL."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select
from support.stack import home_with_keys
from support.terminal import forget_settings, run_here

from adapters.office import open_office
from adapters.runtime.persons import person_key
from adapters.runtime.settings import KEY_FILES, Settings, SettingsError
from adapters.storage.database import CaseRow, SettingRow, reading, writing
from adapters.storage.keys import WrongKeyError, check_keys, key_problems, replace_key
from deployments.cli.answers import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Command = Callable[..., tuple[int, str, str]]

BSN = "111222333"
KINDS = list(KEY_FILES)


@pytest.fixture
def machine(tmp_path: Path, database_url: str) -> Callable[..., Settings]:
    """Return the settings of a machine with a home of its own on the one database."""

    def make(name: str, **more: Any) -> Settings:
        home = home_with_keys(tmp_path / name)
        return Settings(home=home, database_url=database_url, municipality="0518", **more)

    return make


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run `routekaart` as the machine with these settings."""

    def run(settings: Settings, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("ROUTEKAART_HOME", str(settings.home))
        monkeypatch.setenv("ROUTEKAART_DATABASE_URL", str(settings.database_url))
        return run_here(capfd, *arguments)

    yield run
    forget_settings()


def _open_for_person(settings: Settings) -> str:
    office = open_office(settings)
    key = person_key(BSN, settings.person_secret())
    return office.casework.open("M1", municipality="0518", person_key=key).reference


def _take_key(settings: Settings, of: Settings, kind: Any) -> None:
    settings.key_file(kind).write_bytes(of.key_file(kind).read_bytes())


def test_a_second_machine_with_its_own_keys_does_not_start(machine: Callable[..., Settings]) -> None:
    """The database belongs to the keys it began with; each other key is refused with what to do, and none is made."""
    first, second = machine("een"), machine("twee")
    _open_for_person(first)
    for kind in KINDS:
        with pytest.raises(
            WrongKeyError, match=f"andere {KEY_FILES[kind]} .*sleutel vervang {KEY_FILES[kind]}"
        ):
            open_office(second)
        _take_key(second, first, kind)
    open_office(second)
    open_office(first)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_is_gone_is_never_made_anew(machine: Callable[..., Settings], kind: Any) -> None:
    """A home that lost a key is told so; the file stays away until a person puts it back."""
    settings = machine("een")
    open_office(settings)
    kept = settings.key_file(kind).read_bytes()
    settings.key_file(kind).unlink()
    with pytest.raises(WrongKeyError, match=f"mist de {KEY_FILES[kind]}"):
        open_office(settings)
    assert not settings.key_file(kind).exists()
    settings.key_file(kind).write_bytes(kept)
    open_office(settings)


def test_a_missing_key_is_made_for_a_database_of_this_machine_only(tmp_path: Path, database_url: str) -> None:
    """SQLite: made on first use. PostgreSQL: refused by the name of the setting, and no file is made."""
    settings = Settings(home=tmp_path / "leeg", database_url=database_url)
    if database_url.startswith("sqlite"):
        open_office(settings)
        assert {path.name for path in settings.home_folder.iterdir()} >= set(KEY_FILES.values())
        return
    with pytest.raises(SettingsError, match="ROUTEKAART_PERSON_KEY ontbreekt"):
        open_office(settings)
    assert not any(settings.home_folder.glob("*sleutel"))


def test_a_new_person_key_takes_over_when_the_old_one_is_given_with_it(
    machine: Callable[..., Settings],
) -> None:
    """The new key and the old one among the earlier: accepted, and a machine with the old one alone is refused."""
    first = machine("een")
    open_office(first)
    old = first.person_secret().decode()
    renewed = machine("twee", person_key="n" * 40, person_keys_old=(old,))
    for kind in ("link", "integration"):
        _take_key(renewed, first, kind)
    open_office(renewed)
    with pytest.raises(WrongKeyError):
        open_office(first)


def test_a_database_of_before_knows_its_person_key_by_its_people(machine: Callable[..., Settings]) -> None:
    """Without fingerprints, as before 0.2.0: who has the key of nobody in the database does not start."""
    first, second = machine("een"), machine("twee")
    _open_for_person(first)
    engine = open_office(first).engine
    with writing(engine) as session:
        session.delete(session.get_one(SettingRow, "sleutels"))
    with pytest.raises(WrongKeyError, match="andere persoonssleutel"):
        open_office(second)
    open_office(first)
    check_keys(engine, first)


def test_a_key_lost_on_purpose_is_replaced_by_a_command_that_says_what_it_costs(
    machine: Callable[..., Settings], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sleutel vervang` names the cost, asks, and lets the machine in; who still has the old key is out."""
    first, second = machine("een"), machine("twee")
    _open_for_person(first)
    code, said, wrong = command(second, "zaak", "X")
    assert (code, said) == (2, "")
    assert wrong.count("\n") == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert command(second, "sleutel", "vervang", "persoonssleutel")[0] == INTERRUPTED  # the answer is no
    for kind in KINDS:
        code, said, wrong = command(second, "sleutel", "vervang", KEY_FILES[kind], "--ja")
        assert (code, wrong) == (0, "")
        assert "Wie nu in de database staat" in said or kind != "person"
    open_office(second)
    with pytest.raises(WrongKeyError):
        open_office(first)
    assert list(key_problems(open_office(second).engine, second)) == []  # that was the choice


def test_the_person_key_that_is_still_there_is_renewed_instead(machine: Callable[..., Settings]) -> None:
    """Replacing loses people; a key that is there is renewed by the command that keeps them."""
    settings = machine("een")
    engine = open_office(settings).engine
    with pytest.raises(SettingsError, match="persoonssleutel vernieuw"):
        replace_key(engine, settings, "person")


def test_controleer_counts_who_stands_under_a_strange_key(
    machine: Callable[..., Settings], command: Command
) -> None:
    """People who were written by a machine with another key are counted in one sentence, with what to do."""
    settings = machine("een")
    office = open_office(settings)
    strange = os.urandom(20)
    _open_for_person(settings)
    for code in ("111222333", "999990019"):
        key = person_key(code, strange)
        office.casework.open("M1", municipality="0518", person_key=key)
    with reading(office.engine) as session:
        assert len(session.exec(select(CaseRow)).all()) == 3
    (problem,) = key_problems(office.engine, settings)
    assert problem.startswith("Bij 2 zaken")
    assert problem in command(settings, "controleer")[2]


def test_controleer_names_a_wrong_key(machine: Callable[..., Settings], command: Command) -> None:
    """A key of another database is what `controleer` says, with exit 1."""
    open_office(machine("een"))
    code, _, wrong = command(machine("twee"), "controleer")
    assert code == 1
    assert "andere persoonssleutel" in wrong
    assert "ROUTEKAART_PERSON_KEY" in wrong
