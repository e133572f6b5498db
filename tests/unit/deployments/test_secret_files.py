"""Secrets as files, as containers, Kubernetes and systemd give them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployments import cli
from deployments.secret_files import SecretFileError, take_secret_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which systemd puts what a unit may know."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def test_a_file_stands_for_the_variable_of_its_name(folder: Path) -> None:
    """Without the end of its line; a variable that is set goes first, an empty file and one of no setting are none."""
    for name, content in {
        "ROUTEKAART_PERSON_KEY": b"\xef\xbb\xbfgeheim\r\n",
        "PREFECT_API_AUTH_STRING": b"uit het bestand",
        "ROUTEKAART_PROXY_SECRET": b"",
        "REDIS_PASSWORD": b"van een ander",
        "ROUTEKAART_LINK_KEY.oud": b"x",
    }.items():
        (folder / name).write_bytes(content)
    (folder / "..data").mkdir()  # Kubernetes has such a folder beside its files
    given = {"CREDENTIALS_DIRECTORY": str(folder), "PREFECT_API_AUTH_STRING": "eerst"}
    take_secret_files(given)
    assert given == {
        "CREDENTIALS_DIRECTORY": str(folder),
        "PREFECT_API_AUTH_STRING": "eerst",
        "ROUTEKAART_PERSON_KEY": "geheim",
    }


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"ge\0heim"])
def test_a_file_that_is_no_text_is_one_sentence_without_what_is_in_it(
    folder: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command names the file, and exits with 2."""
    file = folder / "ROUTEKAART_PERSON_KEY"
    file.write_bytes(content)
    with pytest.raises(SecretFileError):
        take_secret_files()
    assert cli.run(["zaak", "X"]) == 2
    assert capsys.readouterr().err == f"In {file} staat geen tekst in UTF-8: zet daar alleen het geheim in.\n"


def test_a_command_takes_its_settings_from_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong in a file is named as if it stood in a variable, and never said."""
    (folder / "ROUTEKAART_DATABASE_URL").write_text("mysql://u:geheim@h/d\n")
    assert cli.run(["zaak", "X"]) == 2
    said = capsys.readouterr().err
    assert "ROUTEKAART_DATABASE_URL" in said
    assert "geheim" not in said


def test_a_command_of_another_gets_them_too(folder: Path) -> None:
    """`python -m deployments.with_secrets COMMAND` becomes that command; without one it says so."""
    (folder / "PREFECT_SERVER_API_AUTH_STRING").write_text("naam:geheim\n")
    ours = [sys.executable, "-m", "deployments.with_secrets"]
    done = subprocess.run([*ours, "env"], env=os.environ, capture_output=True, text=True, check=True)
    assert "PREFECT_SERVER_API_AUTH_STRING=naam:geheim\n" in done.stdout
    for words in ([], ["bestaat-niet"]):
        refused = subprocess.run([*ours, *words], env=os.environ, capture_output=True, text=True, check=False)
        assert refused.returncode == 2
        (line,) = refused.stderr.splitlines()
        assert line.endswith(".")
