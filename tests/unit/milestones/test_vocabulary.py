"""The closed vocabulary: each name has one table, one meaning per process, and mypy refuses any other word."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
from mypy import api

from adapters.cases.definition_json import definition_as_json
from adapters.cases.journal_words import event_label
from adapters.storage.database import JournalRow
from milestones.defects import defects
from milestones.definition import Arm, Opening, Report, Row, Task
from milestones.definitions import DEFINITIONS, VERSIONS, m1, m2, m3, m5
from milestones.events import EVENT_NAMES, SPECS, events_of
from milestones.facts import FACTS
from milestones.four_eyes import DECISION_KINDS
from milestones.guards import GUARDS
from milestones.policy import Policy
from milestones.roles import ROLES
from milestones.steering import STEERING
from milestones.term_table import TERMS
from milestones.vocabulary import (
    EventName,
    FactName,
    GuardName,
    JudgedKind,
    PolicySwitch,
    ProcessCode,
    Role,
    TermId,
)

if TYPE_CHECKING:
    from milestones.definition import Definition

ROOT = Path(__file__).parents[3]
OPENED = "geopend"


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (EventName, {*EVENT_NAMES, *STEERING, OPENED}),
        (FactName, FACTS),
        (GuardName, GUARDS),
        (TermId, TERMS),
        (Role, ROLES),
        (ProcessCode, DEFINITIONS),
        (JudgedKind, DECISION_KINDS),
    ],
    ids=["events", "facts", "guards", "terms", "roles", "processes", "four eyes"],
)
def test_the_names_are_those_of_their_table(names: object, table: object) -> None:
    """No name without an explanation, and no explanation without a name."""
    assert set(get_args(names)) == set(table)  # type: ignore[call-overload]


def test_a_switch_of_the_policy_is_a_yes_or_no() -> None:
    """Every setting that a row may ask for is one of the policy."""
    assert all(isinstance(getattr(Policy(), name), bool) for name in get_args(PolicySwitch))


def test_a_name_means_one_thing_in_a_process() -> None:
    """No event has two meanings in one process, and what means something in one process alone is not elsewhere."""
    for process in get_args(ProcessCode):
        meant = [spec.name for spec in SPECS if spec.process in (None, process)]
        assert len(set(meant)) == len(meant)
    assert "toegewezen" not in events_of("M3")


def test_an_assigned_signal_is_no_ruling() -> None:
    """`toegewezen` is the work of a vroegsignaleerder in M2 and a ruling in M5, wherever it is looked up."""
    labels = {
        code: next(
            row["label"]
            for row in definition_as_json(DEFINITIONS[code])["gebeurtenissen"]
            if row["gebeurtenis"] == "toegewezen"
        )
        for code in ("M2", "M5")
    }
    assert labels == {
        "M2": "Toegewezen aan een vroegsignaleerder",
        "M5": "Rechtbank wijst het moratorium toe",
    }
    for code, version in (("M2", 1), ("M2", 2), ("M5", 1), ("M5", 2)):
        line = JournalRow(process=code, version=version, event="toegewezen")
        assert event_label(line, Policy()) == labels[code]
    assert m2.M2.event("toegewezen").fields == ()


def test_an_earlier_version_keeps_its_words() -> None:
    """The events and terms of version 1 come from its own data."""
    old = next(item for item in VERSIONS if (item.code, item.version) == ("M7", 1))
    assert old.event("eerste_aflossing_gedaan").label == "Eerste aflossing gedaan"
    assert old.old_terms["T12"].length == TERMS["T12"].length
    assert old.own_facts({"eerste_aflossing": 1}) == {"first_repayment_on": 1}
    assert DEFINITIONS["M7"].own_facts({"first_repayment_on": 1}) == {"eerste_aflossing": 1}


def _with(definition: Definition, row: Row) -> list[str]:
    others = [item for item in DEFINITIONS.values() if item.code != definition.code]
    return list(defects([*others, replace(definition, rows=(*definition.rows, row))]))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Row("NIEUW", "geen_vervolg", "AFGESLOTEN", sets={"advise": "x"}), "staat niet in de tabel"),  # type: ignore[dict-item]
        (Row("NIEUW", "geen_vervolg", "AFGESLOTEN", sets={"clienten": "twee"}), "is getal, niet 'twee'"),
        (Row("NIEUW", "geen_vervolg", "AFGESLOTEN", counts="verhuizing"), "is keuze, niet getal"),
        (Row("NIEUW", "geen_vervolg", "AFGESLOTEN", stamps=("te_laat",)), "is ja/nee, niet datum"),
        (Row("NIEUW", "geen_vervolg", "AFGESLOTEN", keeps=("grond",)), "veld 'grond' hoort niet"),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", arms=(Arm("T01", anchor="signaaldatum"),)),
            "'signaaldatum'",
        ),
        (Row("NIEUW", "geen_vervolg", "AFGESLOTEN", arms=(Arm("T01", when="advies"),)), "wordt nergens"),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", opens=(Opening("M3", gives=("advies",)),)),
            "wordt nergens",
        ),
        (Row("NIEUW", "geen_vervolg", "AFGESLOTEN", guards=("admitted",)), "'beschikking' wordt nergens"),
        (Row("NIEUW", "geen_vervolg", "AFGESLOTEN", guards=("reached",)), "telt voor"),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", reports=(Report("M2", "afgesloten_met_resultaat"),)),
            "heeft 'eindresultaat' nodig",
        ),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", reports=(Report("M3", "in_balans"),)),
            "kent 'in_balans' niet",
        ),
        (Row("NIEUW", "geen_vervolg", "NERGENS"), "toestand 'NERGENS' bestaat niet"),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", opens=(Opening("M3", for_each="advies"),)),
            "'advies' wordt nergens",
        ),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", opens=(Opening("M3", carries=("T99",)),)),  # type: ignore[arg-type]
            "termijn 'T99'",
        ),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", opens=(Opening("M3", counts_from=("dag", "T10")),)),  # type: ignore[arg-type]
            "feit 'dag' bestaat niet",
        ),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", arms=(Arm("T75", without="werk"),)),
            "veld 'werk' hoort niet",
        ),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", tasks=(Task("coordinator", "x", unless="werk"),)),
            "veld 'werk' hoort niet",
        ),
        (
            Row("NIEUW", "geen_vervolg", "AFGESLOTEN", reports=(Report("M3", "bedreigend", when="werk"),)),
            "veld 'werk' hoort niet",
        ),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_a_row_that_lies_is_a_defect(row: Row, said: str) -> None:
    """What is read and never written, written with another kind, or given to who cannot take it, is named."""
    found = _with(m1.M1, row)
    assert len(found) == 1
    assert said in found[0]


def test_a_fact_that_nobody_writes_is_a_defect() -> None:
    """Without the row that writes it, a fact of the table is named."""
    rows = tuple(row for row in m5.M5.rows if "wacht_op_partner" not in row.sets)
    others = [item for item in DEFINITIONS.values() if item.code != "M5"]
    found = list(defects([*others, replace(m5.M5, rows=rows)]))
    assert "feit 'wacht_op_partner' wordt door geen regel geschreven" in found


def test_an_unknown_switch_of_the_policy_is_a_defect() -> None:
    """A term that waits for a setting that no policy has would never start."""
    wrong = replace(m3.M3, on_open=(Arm("T01", policy="own_norm"),))  # type: ignore[arg-type]
    assert any("'own_norm'" in line for line in defects([wrong]))


def test_what_a_process_opens_with_is_looked_up_as_well() -> None:
    """A term or a role that does not exist, and that a process would start or tell when it opens, is a defect."""
    wrong = replace(
        m3.M3,
        on_open=(Arm("T99"),),  # type: ignore[arg-type]
        notifies_on_open=("clerk",),
        tasks_on_open=(Task("porter", "x"),),  # type: ignore[arg-type]
    )
    found = [line for line in defects([wrong]) if line.startswith("M3 geopend")]
    assert found == [
        "M3 geopend: termijn 'T99' bestaat niet",
        "M3 geopend: rol 'clerk' bestaat niet",
        "M3 geopend: rol 'porter' bestaat niet",
    ]


# Where the law stands as data, or where a term is what a row of data is about; elsewhere a term has a name.
DATA = (
    "milestones/definitions/", "milestones/term_table.py", "milestones/vocabulary.py",
    "milestones/events.py", "milestones/case_events.py", "milestones/traject_events.py", "milestones/side_events.py",
    "milestones/basic_service.py",
)  # fmt: skip


def test_no_logic_knows_a_term_by_a_literal() -> None:
    """Outside the tables a term is called by the name that the vocabulary gives it."""
    terms = set(get_args(TermId))
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for floor in ("milestones", "adapters", "flows", "deployments")
        for path in sorted((ROOT / floor).rglob("*.py"))
        if not str(path.relative_to(ROOT)).startswith(DATA)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in terms
    ]
    assert found == []


def test_nothing_of_the_law_is_hidden_from_the_type_checker() -> None:
    """No `type: ignore`, no `Any` among the words of a row, and no keyword that takes whatever comes."""
    for path in sorted((ROOT / "milestones").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert "type: ignore" not in text, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.args.kwarg is not None:
                assert (path.name, node.name) == ("replacing.py", "replace"), f"{path}: {node.name}"


SNIPPETS = """
from milestones.definition import Arm, EventSpec, Row
from milestones.guards import Guard
Row("NIEUW", "geen_vervolg", "AFGESLOTEN", meets=("T01",), sets={"te_laat": True}, guards=("identified",))
Row("NIEUW", "geen_vervolg", "AFGESLOTEN", meet=("T01",))
Row("NIEUW", "geen_vervolg", "AFGESLOTEN", meets="T01")
Row("NIEUW", "geen_vervolg", "AFGESLOTEN", meets=("T99",))
Row("NIEUW", "geen_vervolg", "AFGESLOTEN", guards=("identifed",))
Row("NIEUW", "geen_vervolgg", "AFGESLOTEN")
Row("NIEUW", "geen_vervolg", "AFGESLOTEN", sets={"telaat": True})
Row("NIEUW", "geen_vervolg", "AFGESLOTEN", notifies=("clerk",))
Arm("T01", when="bedreigend")
Arm("T01", policy="own_norm")
Guard(lambda s: s.fact("beschiking") == "x", "", facts=("beschikking",))
EventSpec("geen_gevolg", "Geen gevolg")
"""


def test_mypy_refuses_a_word_that_is_not_in_the_vocabulary(tmp_path: Path) -> None:
    """A misspelt keyword, a text for a tuple, an unknown term, guard, event, fact or role is an error of mypy."""
    code = tmp_path / "snippet.py"
    code.write_text(SNIPPETS)
    cache = ROOT / ".mypy_cache"
    found, trouble, _ = api.run(
        [
            "--config-file",
            "",
            "--cache-dir",
            str(cache),
            "--hide-error-context",
            "--no-error-summary",
            str(code),
        ]
    )
    wrong = {int(line.split(":")[1]) for line in found.splitlines() if ": error:" in line}
    lines = SNIPPETS.splitlines()
    first = 1 + lines.index(next(line for line in lines if "meet=" in line))
    assert wrong == set(range(first, len(lines) + 1)), (found, trouble)
