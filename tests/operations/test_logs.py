"""What is logged: one JSON line for each event, with its case, and nothing about a person."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from adapters.runtime.logs import LEFT_OUT, set_up_logs
from adapters.runtime.settings import Settings
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adapters.cases.casework import Casework

BSN = "123456782"  # passes the eleven test and belongs to nobody


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Logs as a service writes them, and the lines so far as data."""
    root = logging.getLogger()
    before = (root.handlers, root.level)
    set_up_logs(Settings(home=tmp_path, log_format="json"))
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    root.handlers, root.level = before


def test_an_accepted_event_is_one_line_with_its_case(
    lines: Callable[[], list[dict[str, Any]]], casework: Casework
) -> None:
    """Each input that was committed is one line with case, process, event and id; a refused one says so too."""
    reference = casework.open("M3", municipality="0518").reference
    casework.report(reference, "aanmelding_geregistreerd", event_id="een")
    with pytest.raises(NotPossible):
        casework.report(reference, "Jansen belde op")
    opened, accepted, refused = lines()
    assert (opened["event"], opened["reported"], opened["case"]) == ("event_accepted", "geopend", reference)
    assert (accepted["process"], accepted["event_id"], accepted["state"]) == ("M3", "een", "CRISISCHECK")
    assert accepted["level"] == "info"
    assert accepted["timestamp"].endswith("Z")
    assert (refused["event"], refused["reported"]) == ("event_refused", "onbekend")
    assert "Jansen" not in json.dumps(refused)


def test_what_was_rolled_back_is_not_told(
    lines: Callable[[], list[dict[str, Any]]], casework: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that fails at its end leaves no line that says it was accepted."""

    def breaks(*_: object) -> None:
        raise OSError

    reference = casework.open("M3", municipality="0518").reference
    lines()
    monkeypatch.setattr("adapters.cases.case_writing.reach", breaks)
    with pytest.raises(OSError):  # noqa: PT011 - it has no text
        casework.report(reference, "aanmelding_geregistreerd")
    assert lines() == []


def test_the_text_of_an_exception_is_left_out(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """An exception is its kind and its places: its text may quote what somebody sent."""
    try:
        raise ValueError(f"Jansen, {BSN}")  # noqa: TRY301
    except ValueError:
        structlog.get_logger("routekaart.proef").exception("went_wrong", case="A-1")
        logging.getLogger("prefect.proef").exception("went wrong too")
    ours, theirs = lines()
    assert (ours["error"], theirs["error"]) == ("ValueError", "ValueError")
    assert ours["places"][-1].startswith("test_logs.py:")
    assert "Jansen" not in json.dumps([ours, theirs])


def test_a_number_that_may_be_a_bsn_is_left_out_whoever_wrote_it(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """A BSN in a field or in a line of a library is left out; dates, ids and other numbers stay."""
    structlog.get_logger("routekaart.proef").info("said", text=f"bel {BSN} op 2026-03-09", port=4200)
    logging.getLogger("some.library").warning("cannot read %s of %s", BSN, "FZ-2026-7K2M9QX")
    ours, theirs = lines()
    assert (ours["text"], ours["port"]) == (f"bel {LEFT_OUT} op 2026-03-09", 4200)
    assert theirs["event"] == f"cannot read {LEFT_OUT} of FZ-2026-7K2M9QX"


@pytest.mark.long
@pytest.mark.parametrize(
    ("level", "expected"),
    [("info", ["event_accepted"]), (None, [])],
)
def test_a_command_logs_when_it_is_asked_to(level: str | None, expected: list[str], tmp_path: Path) -> None:
    """A command says little by itself; ROUTEKAART_LOG_LEVEL lets it log as a service does, on standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROUTEKAART_")}
    environment |= {"ROUTEKAART_HOME": str(tmp_path)}
    if level:
        environment["ROUTEKAART_LOG_LEVEL"] = level
    command = [sys.executable, "-m", "deployments.cli", "open", "--mijlpaal", "M3"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("FZ-")
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == expected
