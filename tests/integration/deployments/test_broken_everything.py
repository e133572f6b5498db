"""Broken words, settings, files and environments at every command that there is: an answer in Dutch, and no fault.

The commands come from the parser itself, the settings from their model, so that a new one is tried by itself.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.stack import ROUTEKAART
from support.terminal import forget_settings, in_a_copy

from adapters.office import open_office
from adapters.runtime.settings import Settings, SettingsError
from adapters.runtime.settings import settings as read_settings
from deployments import cli, prefect_server
from deployments.cli.application import app, run_application
from deployments.cli.dutch_help import in_dutch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CASE = "FZ-2026-7K2M9QX"


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command below this one, and every group that does something itself."""
    below = getattr(command, "commands", None)
    if below is None or getattr(command, "invoke_without_command", False):
        yield words, command
    for name, found in (below or {}).items():
        yield from _commands(found, (*words, name))


def _groups(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    for name, found in getattr(command, "commands", {}).items():
        yield from _groups(found, (*words, name))


ALL = list(_commands(in_dutch(app)))
# These go on until they are stopped, unless something is wrong.
SERVICES = {("start",), ("demo",), ("worker",), ("api",)}
# These ask Prefect, and may say that it is away.
ASK_PREFECT = {("deploy",), ("herstel",), ("terugzetten",), ("controleer",)}
AT_ONCE = [found for found in ALL if found[0] not in SERVICES | ASK_PREFECT]

# --- what people and machines write -------------------------------------------------------------------------------

WORDS = st.one_of(
    st.sampled_from(
        [
            "", " ", "M3", CASE, "0518", "-1", "0", "9" * 24, "nan", "1e400", "{", "[]", '{"a": 1}', '{"a": "\\ud800"}',
            '{"motivering": "\\u0000"}', "2026-13-01", "2026-02-03", "0001-01-01", "9999-12-31", "2026-K4", "2026-K9",
            "٠٥١٨", "mw-17", "T01", "persoonssleutel", "tabel", "json", "signalen", "123456782", "\udcff", "a" * 5000,
            "http://[::1", "http://h:99999/", "https://x.example/", "postgresql://", "../../etc", "-", "--", "/",
            "%s{0}", "vroeg\nsignaal", "é\u0301🙂",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
)  # fmt: skip
GOOD = '{"zaak": "X", "stappen": [{"op": "2026-03-09", "mijlpaal": "M3", "open": true}]}'
CONTENT = {
    "leeg": b"",
    "binair": bytes(range(256)) * 4,
    "bom": b"\xef\xbb\xbf" + GOOD.encode(),
    "utf16": GOOD.encode("utf-16"),
    "half": GOOD.encode()[:20],
    "crlf": GOOD.replace(",", ",\r\n").encode(),
    "latin": "café = 1".encode("latin1"),
    "nul": b"\0" * 1000,
    "lijst": b"[1, 2, 3]",
    "diep": b"[" * 100_000,
    "halve-letter": b'{"zaak": "\\ud800"}',
    "geen-getal": b'{"a": NaN}',
    "lang-getal": b"1" * 6000,
    "toml": b"[gemeente]\nnaam = 1\n[mensen]\nmw = 3\n[rollen]\nlezer = 2\n",
    "toml-datum": b"a.b.c = 1979-05-27T07:32:00Z\n[[x]]\n",
    "toml-lang-getal": b"a = " + b"1" * 6000 + b"\n",
    "toml-diep": b"a = " + b"[" * 50_000,
    "groot": b"# regel\n" * 200_000,
}
NOT_FILES = ["er-is-niets", "een-map", "lus", "leeg/onder-een-bestand", "n" * 300]
ENGLISH = re.compile(
    r"\b(Errno|None|Traceback|Usage|Options|Error|Invalid|Missing|Input should|must be|not a valid|expected|invalid)\b"
)


@dataclass
class Place:
    """A home to copy, files to name, and the home that a command gets."""

    template: Path
    files: Path
    home: Path

    def fresh(self) -> Path:
        """Make the home anew, and return it."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.template, self.home)
        return self.home


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A home with a case and its keys, and files with everything that a file can hold."""
    folder = tmp_path_factory.mktemp("stuk")
    found = Place(folder / "sjabloon", folder / "bestanden", folder / "huis")
    office = open_office(Settings(home=found.template))
    office.casework.open("M3", municipality="0000", reference=CASE)
    for kind in ("person", "link", "integration"):
        office.settings.secret(kind)
    office.engine.dispose()
    found.files.mkdir()
    for name, content in CONTENT.items():
        (found.files / name).write_bytes(content)
    (found.files / "een-map").mkdir()
    (found.files / "lus").symlink_to(found.files / "lus")
    yield found
    forget_settings()


def _run(words: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
    """Run a command in this process; give its exit code, output and errors."""
    return _here(partial(cli.run, words), environment)


def _here(command: Callable[[], int], environment: dict[str, str]) -> tuple[int, str, str]:
    out, err, before = io.StringIO(), io.StringIO(), dict(os.environ)
    clean = {
        name: value for name, value in before.items() if not name.startswith(("ROUTEKAART_", "PREFECT_"))
    }
    folder, given = Path.cwd(), sys.stdin
    forget_settings()
    os.environ.clear()
    os.environ.update(clean | environment)
    sys.stdin = io.StringIO("")
    try:
        os.chdir(environment["ROUTEKAART_HOME"])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = command()
    finally:
        os.chdir(folder)
        sys.stdin = given
        os.environ.clear()
        os.environ.update(before)
    return code, out.getvalue(), err.getvalue()


def _holds(answer: tuple[int, str, str], words: list[str]) -> str:
    """An answer is 0, 1, 2 or 130; a refusal is one line of Dutch that names no healthy service."""
    code, said, wrong = answer
    assert code in (0, 1, 2, 130), (words, answer)
    assert "Traceback" not in said + wrong
    if code == 2:
        assert len(wrong.strip().splitlines()) == 1, (words, wrong)
        repeated = wrong
        for word in sorted(words, key=len, reverse=True):  # what was given may be repeated
            repeated = repeated.replace(" ".join(word.split()), "") if word.strip() else repeated
        assert not ENGLISH.search(repeated), (words, wrong)
    return wrong


def _names_a_healthy_service(wrong: str) -> bool:
    return re.search(r"Prefect-server|niet bereikbaar|beschadigd|antwoordt niet|is vol", wrong) is not None


def _drawn(data: st.DataObject, found: tuple[tuple[str, ...], Any], files: Path) -> list[str]:
    """Return a command with all that it must have and some of what it may have."""
    words, command = [*found[0]], found[1]
    for parameter in command.params:
        option = parameter.param_type_name == "option"
        if option and not parameter.required and not data.draw(st.booleans()):
            continue
        if getattr(parameter, "is_flag", False):
            words.append(parameter.opts[0])
            continue
        file = st.sampled_from([*CONTENT, *NOT_FILES]).map(lambda name: str(files / name))
        value = data.draw(st.one_of(WORDS, file))
        words += [parameter.opts[0], value] if option else [value]
    return words


BOUNDS: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
    "derandomize": True,
}


def examples(number: int) -> list[Any]:
    """Return a few examples for every run, and twenty times as many for the long one."""
    return [
        pytest.param(number),
        pytest.param(20 * number, marks=[pytest.mark.long, pytest.mark.timeout(3000)]),
    ]


@pytest.mark.parametrize("number", examples(40))
def test_whatever_words_a_command_gets_it_answers(place: Place, number: int) -> None:
    """Any text and any file in any place of any command: no fault of ours, one Dutch sentence when it is refused."""

    @settings(max_examples=number, **BOUNDS)
    @given(data=st.data())
    def each(data: st.DataObject) -> None:
        words = _drawn(data, data.draw(st.sampled_from(AT_ONCE)), place.files)
        wrong = _holds(_run(words, {"ROUTEKAART_HOME": str(place.fresh())}), words)
        assert not _names_a_healthy_service(wrong) or words[0] in ("abonnement", "zaaksysteem")

    each()


FIELDS = sorted(set(Settings.model_fields) - {"home"})


@pytest.mark.parametrize("number", examples(30))
def test_a_setting_that_cannot_be_is_named_by_every_command(place: Place, number: int) -> None:
    """The model of the settings says what cannot be; then each command names the variable, and does nothing."""

    @settings(max_examples=number, **BOUNDS)
    @given(data=st.data())
    def each(data: st.DataObject) -> None:
        name = f"ROUTEKAART_{data.draw(st.sampled_from(FIELDS)).upper()}"
        value = data.draw(WORDS)
        environment = {"ROUTEKAART_HOME": str(place.fresh()), name: value}
        with pytest.MonkeyPatch.context() as patch:
            for variable, said in environment.items():
                patch.setenv(variable, said)
            forget_settings()
            try:
                read_settings()
                broken = False
            except SettingsError:
                broken = True
        found = data.draw(st.sampled_from([item for item in ALL if broken or item in AT_ONCE]))
        words = _drawn(data, found, place.files)
        answer = _run(words, environment)
        wrong = _holds(answer, [*words, value])
        assert not _names_a_healthy_service(wrong) or words[0] in ("abonnement", "zaaksysteem")
        if broken and answer[0] == 2 and "--help" not in wrong and found in AT_ONCE:
            assert (place.home / "zaken.db").read_bytes() == (place.template / "zaken.db").read_bytes()

    each()


FILE_SETTINGS = [name for name in FIELDS if "Path" in str(Settings.model_fields[name].annotation)]
IN_HOME = [
    "routekaart.toml", "persoonssleutel", "overdrachtsleutel", "integratiesleutel", "persoonssleutel.oud",
    "integratiesleutel.oud", "wachtwoorden.json", "api-sleutel", "prefect-sleutel", "journaalkoppen.jsonl",
    "vernietigd.jsonl", "berichten.jsonl", "logs", "prefect", "binnen", "start.lock", "zaken.db-wal", "zaken.db",
]  # fmt: skip


@pytest.mark.parametrize("number", examples(40))
def test_whatever_is_in_a_file_a_command_answers(place: Place, number: int) -> None:
    """Each file that a setting names and each file of the home, with content that does not belong there."""

    @settings(max_examples=number, **BOUNDS)
    @given(data=st.data())
    def each(data: st.DataObject) -> None:
        home = place.fresh()
        environment = {"ROUTEKAART_HOME": str(home)}
        content = data.draw(st.sampled_from([*CONTENT, *NOT_FILES]))
        if data.draw(st.booleans()):
            name = data.draw(st.sampled_from(FILE_SETTINGS))
            environment[f"ROUTEKAART_{name.upper()}"] = str(place.files / content)
        else:
            name = data.draw(st.sampled_from(IN_HOME))
            _put(place.files / content, home / name)
        words = _drawn(data, data.draw(st.sampled_from(AT_ONCE)), place.files)
        wrong = _holds(_run(words, environment), words)
        assert "Prefect-server" not in wrong
        if not name.startswith("zaken.db"):
            assert "database met zaken" not in wrong

    each()


def _put(source: Path, target: Path) -> None:
    """Put a file in the place of what is there; a folder or a loop where the source is one."""
    shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    if source.name == "lus":
        target.symlink_to(target)
    elif source.name == "een-map":
        target.mkdir()
    elif source.name in CONTENT:
        shutil.copy(source, target)


# --- processes ----------------------------------------------------------------------------------------------------


def _started(words: list[str], environment: dict[str, str], **more: Any) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("ROUTEKAART_", "PREFECT_"))
    }
    return subprocess.run(
        words, env=clean | environment, capture_output=True, check=False, text=True, timeout=250, **more
    )


SERVER = [sys.executable, "-m", "deployments.prefect_server", "server", "start"]
SERVER_HERE = (prefect_server.server_commands, "server", ["server", "start"])
DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
CREDENTIAL = f"machine:{'x' * 40}"


@pytest.mark.parametrize(
    ("words", "variable", "value"),
    [
        (partial(run_application, *SERVER_HERE), "PREFECT_SERVER_API_PORT", "veel"),
        (partial(cli.run, ["start"]), "PREFECT_API_URL", "http://[::1"),
        ([*ROUTEKAART, "worker"], "PREFECT_LOGGING_LEVEL", "zomaar"),
        pytest.param(SERVER, "PREFECT_LOGGING_LEVEL", "zomaar", marks=pytest.mark.long),
        pytest.param([*ROUTEKAART, "controleer"], "PREFECT_API_URL", "geen-adres", marks=pytest.mark.long),
        pytest.param([*ROUTEKAART, "deploy"], "PREFECT_PROFILES_PATH", "{files}/binair", marks=pytest.mark.long),
        pytest.param([*ROUTEKAART, "start"], DATABASE, "postgresql+asyncpg://u:geheim@h:x/d", marks=pytest.mark.long),
        pytest.param(SERVER, DATABASE, "niets", marks=pytest.mark.long),
    ],
)  # fmt: skip
def test_a_setting_of_prefect_that_cannot_be_is_named(
    place: Place, words: list[str] | Callable[[], int], variable: str, value: str
) -> None:
    """One sentence with the variable, exit 2, and none of what Prefect itself would print of it.

    Prefect reads its settings once in a process; what refuses before that needs none of its own.
    """
    environment = {
        "ROUTEKAART_HOME": str(place.fresh()),
        "PREFECT_SERVER_API_AUTH_STRING": CREDENTIAL,
        variable: value.format(files=place.files),
    }
    if isinstance(words, list):
        done = _started(words, environment)
        answer = done.returncode, done.stdout, done.stderr
    else:
        answer = _here(words, environment)
    assert answer[:2] == (2, "")
    (line,) = answer[2].splitlines()
    assert variable in line
    assert "geheim" not in line


ODD = {
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
    "TZ": "Nergens/Niets",
    "HTTP_PROXY": "geen adres",
    "NO_PROXY": "[",
    "PREFECT_API_URL": "http://[::1",
    "COLUMNS": "nul",
    "TERM": "x",
}


def test_an_odd_environment_changes_no_answer(place: Place) -> None:
    """A terminal, a time zone or a proxy that makes no sense is no reason to fail."""
    done = _started([*ROUTEKAART, "zaak", CASE], ODD | {"ROUTEKAART_HOME": str(place.fresh())})
    assert (done.returncode, done.stderr) == (0, "")
    assert CASE in done.stdout


def test_a_user_without_a_home_is_told_what_to_set(place: Place) -> None:
    """A user id that the machine does not know, as containers give one, is no fault."""
    if os.getuid() != 0:
        pytest.skip("only root can be another user")

    def without_a_home() -> tuple[int, str]:
        os.setuid(54321)
        del os.environ["HOME"]
        os.environ.pop("ROUTEKAART_HOME", None)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return cli.run(["zaak", CASE]), err.getvalue()

    _run(["zaak", CASE], {"ROUTEKAART_HOME": str(place.fresh())})  # so all is imported that he may not read
    code, said = in_a_copy(without_a_home)
    assert code == 2
    assert said.strip().endswith("Zet in ROUTEKAART_HOME een map die hij mag schrijven.")


def test_streams_that_are_closed_are_no_fault(place: Place) -> None:
    """Who closed standard input, output and errors gets the exit code, and no file of ours has their numbers."""
    home = place.fresh()
    line = f"{' '.join(ROUTEKAART)} zaak {CASE} <&- >&- 2>&-"
    assert _started(["bash", "-c", line], {"ROUTEKAART_HOME": str(home)}).returncode == 0


# --- help ---------------------------------------------------------------------------------------------------------

OURS = [(app, "routekaart"), (prefect_server.server_commands, "server")]


@pytest.mark.parametrize(
    ("application", "words"),
    [(made, words) for made, _ in OURS for words in _groups(in_dutch(made))],
    ids=lambda given: " ".join(given) or "routekaart" if isinstance(given, tuple) else "",
)
def test_help_is_dutch_in_every_word(
    application: typer.Typer, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage, options, arguments, what must be there, defaults and types: none stays in English."""
    in_dutch(application)(args=[*words, "--help"], prog_name="routekaart", standalone_mode=False)
    said = capsys.readouterr().out
    assert said.startswith("Gebruik: ")
    assert "Toon deze uitleg." in said
    assert not re.search(r"Usage|Options|OPTIONS|Arguments|ARGS|Commands|COMMAND|Show this", said)
    assert not re.search(r"required|default|env var|<(str|int|float|path|text)", said)
