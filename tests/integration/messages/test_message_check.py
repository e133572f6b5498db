"""What `controleer` and `start` say about the files behind messages."""

from __future__ import annotations

import os
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from sqlmodel import select

from adapters.messages.message_check import message_problems
from adapters.messages.texts import OWN_TEXTS
from adapters.office import Office
from adapters.runtime.settings import Settings
from adapters.storage.database import OutboxRow, reading
from adapters.storage.message_tables import DeliveryRow
from deployments import start
from deployments.cli.check import check
from deployments.environment import for_a_question

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from sqlalchemy import Engine

    from adapters.runtime.clock import SetClock

RECIPIENTS = """\
[standaard]
geen_berichten_aan = ["chain_partner", "signal_partner"]
[[persoon]]
code = "a"
vervanger = "b"
kanalen = { goed = "json://127.0.0.1:9/", fout = "onzin://x" }
[[persoon]]
code = "b"
vervanger = "a"
kanalen = { geheim = "{{ prefect.blocks.secret.bestaat-niet }}" }
[[persoon]]
code = "poort"
kanalen = { mail = "mailto://127.0.0.1?from=Schuldhulp@example.org&to=x@example.org" }
[[gemeente]]
code = "0518"
[gemeente.rollen]
case_worker = ["a"]
client = ["poort"]
"""


def _office(engine: Engine, clock: SetClock, tmp_path: Path) -> Office:
    (tmp_path / "ontvangers.toml").write_text(RECIPIENTS)
    texts = tmp_path / "teksten"
    texts.mkdir(exist_ok=True)
    own = (OWN_TEXTS / "taak.txt").read_text(encoding="utf-8")
    (texts / "taak.txt").write_text(own.replace("{taak}", "{naam}"))
    settings = Settings(home=tmp_path, recipients_file=tmp_path / "ontvangers.toml", texts_folder=texts)
    return Office(settings, engine, clock)


def test_everything_that_is_wrong_is_named_and_the_rest_works(
    engine: Engine, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channel, role, loop, field, secret and sender are named, with file and line where there is one."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setattr("adapters.messages.secrets_in_text._from_prefect", _no_prefect)
    office = _office(engine, clock, tmp_path)
    said = "\n".join(message_problems(office))
    for part in (
        "ontvangers.toml, regel 6: Kanaal 'fout' is geen bruikbaar Apprise-adres.",
        "ontvangers.toml, regel 5: De vervangers draaien in een kring: a → b → a.",
        "In gemeente 0518 heeft niemand de rol coördinator ('coordinator').",
        "taak.txt, regel 4: Het veld {naam} is hier niet bekend",
        "Kanaal 'geheim' van 'b' kan nu niet worden gebruikt: het Secret block 'bestaat-niet' is er niet",
        "Kanaal 'mail' van 'poort' stuurt naar inwoners, en de afzender toont het woord 'schuld'.",
    ):
        assert part in said, said
    assert "127.0.0.1" not in said
    office.casework.open("M3", municipality="0518")
    with reading(engine) as session:
        (effect,) = session.exec(select(OutboxRow.id)).all()
    office.deliveries.plan(effect)
    with reading(engine) as session:
        rows = session.exec(select(DeliveryRow)).all()
    assert [(row.recipient, row.channel, row.state) for row in rows] == [("a", "goed", "wacht")]


def test_a_municipality_with_cases_that_the_file_forgot_is_named(
    engine: Engine, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open cases in a municipality that stands nowhere in the file reach nobody, so that is said."""
    monkeypatch.setattr("adapters.messages.secrets_in_text._from_prefect", _no_prefect)
    office = _office(engine, clock, tmp_path)
    for municipality in ("0518", "0363"):
        office.casework.open("M3", municipality=municipality)
    named = [line for line in message_problems(office) if "heeft open zaken" in line]
    assert [line.partition(" heeft")[0] for line in named] == ["Gemeente 0363"]


def test_a_look_at_a_secret_goes_to_the_server_of_this_home_and_starts_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a command asks for a block, Prefect is told where our server is; afterwards all is as it was."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    before = dict(os.environ)
    with for_a_question(Settings(home=tmp_path, prefect_port=4321)):
        assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:4321/api"
        assert os.environ["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert dict(os.environ) == before


def _no_prefect(name: str) -> str:
    from adapters.messages.secrets_in_text import MissingSecretError  # noqa: PLC0415

    raise MissingSecretError(f"het Secret block '{name}' is er niet, of Prefect is niet bereikbaar")


def test_start_names_each_problem(
    engine: Engine, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the addresses, `start` prints what is wrong with file and line, and runs on."""
    monkeypatch.setattr("adapters.messages.secrets_in_text._from_prefect", _no_prefect)
    printed = StringIO()
    monkeypatch.setattr(start, "_out", Console(file=printed, width=300, soft_wrap=True))
    start._print_addresses(_office(engine, clock, tmp_path).settings)
    assert "Let op: ontvangers.toml, regel 5: De vervangers draaien in een kring" in printed.getvalue()
    assert "Let op: taak.txt, regel 4: Het veld {naam}" in printed.getvalue()
    assert "routekaart draait." in printed.getvalue()


def test_controleer_ends_with_1_and_prints_each_problem(
    engine: Engine,
    clock: SetClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command prints what to put right and its exit code tells that there is something."""
    monkeypatch.setattr("adapters.messages.secrets_in_text._from_prefect", _no_prefect)
    assert check(_office(engine, clock, tmp_path)) == 1
    assert "ontvangers.toml, regel 6: Kanaal 'fout'" in capsys.readouterr().err
