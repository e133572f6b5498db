"""Work goes to people who are in the file of recipients; a process that ended says where its case goes on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.messages.recipients_file import RecipientsFile
from adapters.runtime.actor import Actor, ActorKind, Way
from flows.actions import _known
from flows.display import Circumstances, closing_line
from flows.forms import HOLDER
from flows.prefect_seam.parking import Answer
from flows.process_run import _who_accepts
from milestones.process import NotPossible

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path) -> Any:
    """What an action knows of people."""
    file = tmp_path / "ontvangers.toml"
    file.write_text('[[persoon]]\ncode = "mw-17"\nkanalen = { x = "json://127.0.0.1:9/" }\n')
    return SimpleNamespace(recipients=RecipientsFile(file))


def test_somebody_who_is_not_in_the_file_gets_no_case(here: Any) -> None:
    """The refusal names who can be chosen, and never repeats what was typed; spaces around a code do no harm."""
    assert _known(here, " mw-17 ") == "mw-17"
    with pytest.raises(NotPossible, match=r"^Deze medewerker kennen we niet\. Kies uit: mw-17\.$"):
        _known(here, "Jansen")


def test_an_accepted_case_gets_no_name_that_the_file_does_not_know(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The acceptance counts all the same; the log says so, and never repeats what was typed."""
    said: list[str] = []
    log = SimpleNamespace(warning=lambda words, *values: said.append(words % values))
    monkeypatch.setattr("flows.process_run.get_run_logger", lambda: log)
    typed = ("Jansen", " mw-17 ", "", None)
    nobody, known = (Actor(ActorKind.PERSON, code, Way.FORM) for code in ("mw-99", "mw-17"))
    answers = [Answer("1", {HOLDER: name}, None) for name in typed]
    assert [_who_accepts(here, answer, nobody) for answer in answers] == [None, "mw-17", None, None]
    assert _who_accepts(here, answers[2], known) == "mw-17"  # who answers takes it himself
    assert said == ["Deze medewerker kennen we niet: de zaak staat op niemands naam."]


def test_without_a_file_any_code_can_be_given_work() -> None:
    """Who has not set up recipients yet can still divide the work."""
    assert _known(SimpleNamespace(recipients=RecipientsFile(None)), "mw-71") == "mw-71"  # type: ignore[arg-type]


def test_a_process_that_ended_says_where_the_case_goes_on() -> None:
    """The last line of a run names the processes that are open, and nothing when there are none."""
    process: Any = SimpleNamespace(facts={"eindresultaat": "hulp aanvaard"})
    said = closing_line(process, Circumstances(others=("M4", "BEGELEIDING")))
    assert said == "Afgerond: hulp aanvaard. De zaak gaat verder in M4 en BEGELEIDING."
    assert closing_line(process, Circumstances()) == "Afgerond: hulp aanvaard."
