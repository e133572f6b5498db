"""Whatever is broken, every command answers with one sentence that points the right way, and with no traceback."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from support.stack import ROUTEKAART, free_port
from support.terminal import forget_settings, in_a_copy, run_here

from adapters.operations.sentences import ErrorKind, explain
from adapters.runtime.settings import Settings
from deployments import cli
from deployments.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Command = Callable[..., tuple[int, str, str]]

# Every command that reads settings or the case database, in a form that needs no more than those.
COMMANDS = [
    "open --mijlpaal M3",
    "meld ONBEKEND gematcht",
    "zaak ONBEKEND",
    "controleer",
    "herstel",
    "migreer database",
    "berichten",
    "client lijst",
    "postbak lijst",
    "sleutel vervang persoonssleutel --ja",
    "exporteer ddas --van 2026-01-01 --tot 2026-12-31",
    "backup /dev/full/x",
    "start",
    "worker",
    "api",
]
HEALTHY = ("Prefect", "PREFECT")


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Run a command in this process with an environment; give exit code, output and errors."""
    monkeypatch.setenv("ROUTEKAART_HOME", str(tmp_path / "home"))

    def run(words: str, **environment: str) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(f"ROUTEKAART_{name}", value)
            return run_here(capfd, *words.split())

    yield run
    forget_settings()


def _one_sentence(answer: tuple[int, str, str]) -> str:
    code, said, wrong = answer
    assert code in (1, 2), (code, wrong)
    assert "Traceback" not in said + wrong
    (line,) = wrong.splitlines()
    assert line.endswith((".", "?"))
    return line


# --- broken settings and environments -----------------------------------------------------------------------------

BROKEN = {
    "MUNICIPALITY": st.sampled_from(["518", "Leiden", "", "05188", "٠٥١٨"]),
    "PREFECT_PORT": st.sampled_from(["0", "70000", "abc", "", "4200.5"]),
    "LEASE_SECONDS": st.sampled_from(["nan", "1", "veel", "-3"]),
    "LOG_FORMAT": st.sampled_from(["xml", "JSON "]),
    "REFUSE_INVALID_BSN": st.sampled_from(["misschien", "2"]),
    "PERSON_KEYS_OLD": st.sampled_from(["oud", "{", "3"]),
    "DATABASE_SCHEMA": st.sampled_from(["a b", 'x";drop', "1a"]),
    "DATABASE_URL": st.sampled_from(
        [
            "niet een url",
            "",
            "mysql://u:geheim@h/d",
            "sqlite://",
            "sqlite:////a?b/c",
            "postgresql://u:geheim@h:x/d",
        ]
    ),
}


@given(data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_broken_setting_is_one_sentence_that_names_it_in_every_command(
    command: Command, data: st.DataObject
) -> None:
    """Each command names the variable, says nothing of Prefect, repeats no secret, and makes no home folder."""
    name = data.draw(st.sampled_from(sorted(BROKEN)))
    words = data.draw(st.sampled_from(COMMANDS))
    sentence = _one_sentence(command(words, **{name: data.draw(BROKEN[name])}))
    assert f"ROUTEKAART_{name} " in sentence
    assert not any(word in sentence for word in HEALTHY if name != "PREFECT_PORT")
    assert "geheim" not in sentence


LINES = [
    ("municipality = 0518", 'regel 2: zet de waarde tussen aanhalingstekens: municipality = "0518".'),
    ("municipality = 518", 'regel 2: zet de waarde tussen aanhalingstekens: municipality = "518".'),
    ("database_url = postgres://u@h/d", "regel 2: zet de waarde tussen aanhalingstekens: database_url ="),
    ("prefect_port = 70000", "regel 2: de instelling prefect_port klopt niet: het mag hoogstens 65535 zijn."),
    ("prefect_prot = 4200", "regel 2: de instelling prefect_prot bestaat niet; bedoelt u prefect_port?"),
    ("log_format = ", "regel 2: dit is geen geldige TOML"),
    ("municipality 0518", "regel 2: dit is geen geldige TOML"),
]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(("line", "said"), LINES)
def test_a_wrong_line_in_the_file_is_named_with_what_to_write(
    command: Command, tmp_path: Path, line: str, said: str, mark: str, ends: str
) -> None:
    """File, line and what to write, however the file was saved."""
    home = tmp_path / "home"
    home.mkdir()
    content = ends.join(["# onze instellingen", line, ""])
    (home / "routekaart.toml").write_bytes(f"{mark}{content}".encode())
    sentence = _one_sentence(command("zaak X"))
    assert sentence.startswith("routekaart.toml, ")
    assert said in sentence
    assert [path.name for path in home.iterdir()] == ["routekaart.toml"]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_files_with_a_byte_order_mark_are_read(command: Command, tmp_path: Path, ends: str) -> None:
    """Settings, a case file and dates on standard input, as Windows saves them."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "routekaart.toml").write_bytes(f'\ufeffmunicipality = "0518"{ends}'.encode())
    assert command("open --mijlpaal M3")[0] == 0
    case = tmp_path / "zaak.json"
    text = json.dumps(
        {"zaak": "X", "stappen": [{"op": "2026-03-09", "mijlpaal": "M3", "open": True}]}, indent=1
    )
    case.write_bytes(("\ufeff" + text.replace("\n", ends)).encode())
    assert command(f"simuleer {case}")[0] == 0
    utf16 = tmp_path / "zaak16.json"
    utf16.write_bytes(text.encode("utf-16"))
    _one_sentence(command(f"simuleer {utf16}"))


# --- broken files and folders -------------------------------------------------------------------------------------


def test_a_home_that_cannot_be_is_named_by_its_path(command: Command, tmp_path: Path) -> None:
    """A file where the home belongs, or above it."""
    (tmp_path / "home").write_text("een bestand")
    for words in COMMANDS:
        assert str(tmp_path / "home") in _one_sentence(command(words)) or words.startswith("backup")
    sentence = _one_sentence(command("zaak X", HOME=str(tmp_path / "home" / "daaronder")))
    assert str(tmp_path / "home" / "daaronder") in sentence


def test_a_home_that_is_read_only_is_said(command: Command, tmp_path: Path) -> None:
    """A disk that may only be read gives the folder, and no hint about a server."""
    home = tmp_path / "home"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(home)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this user may mount no disk")
    try:
        for words in ("open --mijlpaal M3", "controleer", "start"):
            assert "schrij" in _one_sentence(command(words))
    finally:
        subprocess.run(["umount", str(home)], check=True)


@pytest.mark.parametrize(
    "content", [b"geen database, wel een bestand" * 100, b"SQLite format 3\0" + b"\xff" * 8000]
)
def test_a_broken_database_is_named_as_broken(command: Command, tmp_path: Path, content: bytes) -> None:
    """Every command says that the database is damaged and how to put a backup back; the file is left as it is."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "zaken.db").write_bytes(content)
    for words in COMMANDS:
        if not words.startswith("backup"):
            assert "routekaart terugzetten" in _one_sentence(command(words))
    assert (home / "zaken.db").read_bytes() == content


def test_no_file_descriptor_left_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may open no more files says so, and never shows a traceback."""
    monkeypatch.setenv("ROUTEKAART_HOME", str(tmp_path / "home"))
    cli.run(["zaak", "X"])  # so that all is imported

    def without_files() -> tuple[int, str]:
        said = io.StringIO()
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        with contextlib.redirect_stderr(said):
            return cli.run(["zaak", "X"]), said.getvalue()

    code, said = in_a_copy(without_files)
    assert code == 2
    assert said == "Er zijn te veel bestanden tegelijk open; verhoog de grens (ulimit -n).\n"


# --- networks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("postgresql://root@127.0.0.1:1/zaken", "niet bereikbaar"),
        ("postgresql://root@bestaat-niet.invalid/zaken", "niet bereikbaar"),
        ("{real}/bestaat_niet", "kent deze database niet"),
        ("{real_as_nobody}/postgres", "laat deze gebruiker niet toe"),
        ("{real}/postgres?sslmode=verify-full&sslrootcert=/bestaat/niet.pem", "beveiligde verbinding"),
    ],
)
def test_a_database_that_does_not_let_us_in_is_named(
    command: Command, postgresql_url: str, tmp_path: Path, address: str, sentence: str
) -> None:
    """Each cause has its own sentence in every command, and Prefect is never the culprit."""
    real = postgresql_url.rsplit("/", 1)[0]
    nobody = real.replace("root@", "bestaat_niet@")
    (tmp_path / "home").mkdir()
    url = address.format(real=real, real_as_nobody=nobody)
    for words in ("open --mijlpaal M3", "controleer", "start"):
        said = _one_sentence(command(words, DATABASE_URL=url, DATABASE_WAIT_SECONDS="2"))
        assert sentence in said
        assert "Prefect" not in said


def test_a_prefect_that_is_away_is_named_and_nothing_else(command: Command) -> None:
    """`deploy` names the Prefect server and not the database."""
    url = f"http://127.0.0.1:{free_port()}/api"
    # Prefect reads its address once in a process.
    with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}):
        said = _one_sentence(command("deploy", PREFECT_PORT=url.split(":")[2].partition("/")[0]))
    assert f"Prefect-server ({url})" in said
    assert "database" not in said


# --- output -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8"])
def test_output_never_fails_on_an_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """Help, a definition and JSON come through any pipe; JSON stays the same value."""
    monkeypatch.setenv("ROUTEKAART_HOME", str(tmp_path))

    def run(*words: str) -> bytes:
        forget_settings()
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run(list(words))
            err.flush()
        assert (code, err.buffer.getvalue()) == (0, b"")
        return out.buffer.getvalue()

    run("definitie", "M3")
    run("--help")
    value = json.loads(run("termijn", "T01", "--vanaf", "2026-03-09").decode(encoding))
    assert value["verschoven_door"] == "tweede Paasdag"


def test_a_reader_that_has_enough_is_no_fault(tmp_path: Path) -> None:
    """`routekaart ... | head -1` says nothing."""
    line = " ".join([*ROUTEKAART, "definitie", "M3"]) + " | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env=os.environ | {"ROUTEKAART_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


# --- a fault of ours ----------------------------------------------------------------------------------------------


def test_a_fault_of_ours_has_a_number_that_is_in_the_log(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It says that it is ours, asks to report it, and its traceback is in the log without what was sent."""
    (tmp_path / "home").mkdir()

    def broken() -> None:
        raise KeyError("geheim van iemand")

    monkeypatch.setattr(console, "the_office", broken)
    monkeypatch.setattr("deployments.cli.case_commands.the_office", broken)
    code, said, wrong = command("zaak X")
    assert (code, said) == (70, "")
    assert "fout van ons" in wrong
    assert "Meld het" in wrong
    (line,) = (tmp_path / "home" / "logs" / "fouten.log").read_text().splitlines()
    kept = json.loads(line)
    assert kept["number"] in wrong
    assert kept["error"] == "KeyError"
    assert any("broken" in place for place in kept["places"])
    assert "geheim" not in line + wrong


def test_what_is_wrong_below_is_found_in_its_causes(tmp_path: Path) -> None:
    """An error that was wrapped on its way up keeps the kind of its cause."""
    try:
        try:
            (tmp_path / "weg").read_text()
        except OSError as cause:
            raise ValueError("ergens hoger") from cause
    except ValueError as error:
        explained = explain(error)
    assert explained.kind is ErrorKind.FILES
    assert str(tmp_path / "weg") in explained.sentence
    assert Settings(home=tmp_path).home_folder == tmp_path
