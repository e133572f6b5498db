"""Codes come from lists, or have a form that no name has: through the API, messages, forms and commands."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from support.api import caller, opened, rows
from support.marked_persons import BSN, CODE_FIELDS, DRESSED
from support.other_systems import event, send

from adapters.cases.caseload import Caseload
from adapters.cases.casework import Casework
from adapters.office import Office
from deployments import cli
from deployments.planned import planned
from flows.forms import REFERENCE, form_for, patterns
from milestones.code_forms import CODE_FIELDS as NAMED
from milestones.code_forms import takes_names
from milestones.codes import codes_of
from milestones.definition import FieldKind
from milestones.events import SPECS
from milestones.four_eyes import SECOND_OPINION
from milestones.policy import Policy, Rules, with_overrides
from milestones.policy_values import PolicyError
from milestones.process import InvalidData
from milestones.refusal import CaseRefusal

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

OWN = {
    "motiveringen": {"k-1": "afspraken niet nagekomen", "geen-huis": "woont hier niet meer"},
    "overruleredenen": {"o-9": "partner is gestopt"},
    "meetinstrumenten": {"ladder": "eigen ladder"},
    "medewerkercode": "P[0-9]{6}",
}


def with_policy(office: Office, choices: dict[str, object]) -> Casework:
    """Let an office decide under a policy with these choices."""
    rules = Rules(office.rules_for("0518").calendar, with_overrides(Policy(), choices))
    office.casework.rules_for = lambda _: rules
    return office.casework


@pytest.mark.parametrize(("code", "event_name", "field", "others"), CODE_FIELDS)
def test_a_mark_in_a_code_is_refused(
    office: Office, api: TestClient, code: str, event_name: str, field: str, others: dict[str, Any]
) -> None:
    """A name, a BSN in groups, a telephone or an IBAN in any field with a code is one sentence; nothing is written."""
    reference = opened(api, mijlpaal=code)
    before = rows(office)
    for mark in DRESSED:
        told = {"gebeurtenis": event_name, "mijlpaal": code, "gegevens": {**others, field: mark}}
        answer = api.post(f"/v1/zaken/{reference}/gebeurtenissen", json=told)
        assert answer.status_code in (400, 409), (mark, answer.text)
        assert mark not in answer.text
    assert rows(office) == before


@pytest.mark.parametrize("mark", DRESSED)
def test_a_mark_as_a_medewerker_is_refused(office: Office, api: TestClient, mark: str) -> None:
    """Nobody has a case in a name, or stands in for somebody under one."""
    reference = opened(api)
    told = {"gebeurtenis": "aanmelding_geregistreerd", "medewerker": mark}
    answer = api.post(f"/v1/zaken/{reference}/gebeurtenissen", json=told)
    assert (answer.status_code, mark in answer.text) == (400, False)
    caseload, day = Caseload(office.engine, office.casework), office.clock.today()
    with pytest.raises(CaseRefusal):
        caseload.assign(reference, "M3", mark, "toegewezen")
    with pytest.raises(CaseRefusal):
        list(caseload.reassign("mw-17", mark, "0518", "werkverdeling", "k"))
    for away, deputy in ((mark, None), ("mw-17", mark)):
        with pytest.raises(CaseRefusal):
            caseload.declare_absence(away, "0518", day, day, deputy)
    assert len(office.casework.case(reference).journal) == 1


@pytest.mark.parametrize("mark", DRESSED)
def test_no_command_takes_a_mark_as_a_code(
    office: Office,
    api: TestClient,
    mark: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A command that names somebody else than a medewerker ends with 2 and one sentence, and changes nothing."""
    reference = opened(api)
    monkeypatch.setattr("adapters.office.office", lambda: office)
    before = rows(office)
    for command in (
        ["meld", reference, "aanmelding_geregistreerd", "--medewerker", mark],
        ["meld", reference, "aanmelding_geregistreerd", "--door", mark],
        ["meld", reference, "ingetrokken", "--gegevens", json.dumps({"motivering": mark})],
        ["zaak", reference, "--door", mark],
        ["ui", "--medewerker", mark],
    ):
        assert cli.run(command) == 2, command
        said = capsys.readouterr()
        assert mark not in said.out + said.err
    assert rows(office) == before


def test_a_message_of_another_system_brings_no_code_of_its_own(
    office: Office, api: TestClient, tmp_path: Path
) -> None:
    """A foreign code waits for a person; so does a message whose rule names a code that the gemeente does not have."""
    reference = opened(api, mijlpaal="M7")
    for number, rule in enumerate(
        ('gegevens = { termijn = "data.reden" }', 'vast = { termijn = "Merkteken" }')
    ):
        table = tmp_path / f"{number}.toml"
        table.write_text(
            f'[[bericht]]\ntype = "nl.voorbeeld.brief"\ngebeurtenis = "saldoverzoek_beantwoord"\n{rule}\n'
        )
        other = Office(office.settings.model_copy(update={"events_file": table}), office.engine, office.clock)
        told = event("brief", f"id-{number}", data={"reden": "Merkteken", "zaak": reference})
        answer = send(caller(other), told)
        assert ("postbak" in answer.text, "Merkteken" in answer.text) == (True, False), answer.text
    assert len(office.casework.case(reference).journal) == 1


def test_a_gemeente_has_its_own_codes(office: Office, api: TestClient) -> None:
    """With a list only what is in it counts, with a form only such a medewerker; the refusal names the list."""
    casework = with_policy(office, OWN)
    reference = opened(api)
    with pytest.raises(InvalidData, match="wel: k-1, geen-huis"):
        casework.report(reference, "ingetrokken", data={"motivering": "m-1"})
    with pytest.raises(InvalidData, match="die we kennen"):
        casework.report(reference, "aanmelding_geregistreerd", person="mw-17")
    assert casework.report(reference, "aanmelding_geregistreerd", person="P004711").new
    assert casework.report(reference, "ingetrokken", data={"motivering": "geen-huis"}).new


def test_whom_a_file_names_is_a_medewerker(office: Office, api: TestClient, tmp_path: Path) -> None:
    """A code in the file of staff or of recipients counts whatever its form."""
    staff = tmp_path / "medewerkers.toml"
    staff.write_text('[mensen.teamnoord]\n"0518" = ["klantmanager"]\n')
    other = Office(office.settings.model_copy(update={"staff_file": staff}), office.engine, office.clock)
    reference = opened(api)
    told = {"gebeurtenis": "aanmelding_geregistreerd", "medewerker": "teamnoord"}
    assert api.post(f"/v1/zaken/{reference}/gebeurtenissen", json=told).status_code == 400
    assert caller(other).post(f"/v1/zaken/{reference}/gebeurtenissen", json=told).status_code < 300


def test_what_stands_in_a_journal_is_read_as_it_was(office: Office, api: TestClient) -> None:
    """A list that a gemeente sets later changes nothing about a decision of before, nor about a repeat of it."""
    reference = opened(api)
    office.casework.report(reference, "ingetrokken", data={"motivering": "m-1"}, event_id="een")
    casework = with_policy(office, OWN)
    assert not casework.report(reference, "ingetrokken", data={"motivering": "m-1"}, event_id="een").new
    assert any(row.data.get("motivering") == "m-1" for row in casework.case(reference).journal)


@pytest.mark.parametrize("mark", DRESSED)
def test_no_form_of_prefect_takes_a_mark(office: Office, api: TestClient, mark: str) -> None:
    """Prefect keeps what its check lets through, so its forms know the codes: of a case, and of every deployment."""
    policies = (Policy(), with_overrides(Policy(), OWN))
    taken = [pattern for pattern in patterns(policies).values() if re.search(pattern, mark)]
    assert taken == ([REFERENCE] if mark == f"mw-{BSN}" else [])  # the door sees it: named_cases.py
    reference = opened(api)
    shown = form_for(office.casework.case(reference).case.process("M3"))["properties"]
    assert not re.search(shown["motivering"]["pattern"], mark)
    assert shown["levensfase"]["enum"] == list(codes_of(Policy(), "levensfase") or ())


def test_the_forms_of_prefect_take_the_codes_of_a_gemeente() -> None:
    """What a gemeente chose can be filled in: as a choice in the form of a case, as a pattern in a deployment."""
    chosen = with_overrides(Policy(), OWN)
    deployed = json.dumps([item.whole_form((), (Policy(), chosen)) for item in planned()])
    assert "geen\\\\-huis" in deployed
    assert "P[0-9]{6}" in deployed
    assert "geen\\\\-huis" not in json.dumps([item.whole_form() for item in planned()])


def test_every_field_with_a_code_is_known() -> None:
    """A new field with a code has a list or a form, or this fails."""
    specs = (*SPECS, *SECOND_OPINION.values())
    asked = {item.name for spec in specs for item in spec.fields if item.kind is FieldKind.CODE}
    assert asked | {"houder"} == set(NAMED)


@pytest.mark.parametrize(
    "form", ["[A-Za-z]+", ".*", "[a-z.]{2,40}", "[A-Za-z]+[0-9]*", "[a-zA-Z-]+-[0-9]{4}"]
)
def test_a_form_that_takes_names_is_refused(form: str) -> None:
    """A policy whose form for medewerkers takes a name is one Dutch sentence; so is one that could look for ever."""
    assert takes_names(form)
    with pytest.raises(PolicyError, match="laat ook namen toe"):
        with_overrides(Policy(), {"medewerkercode": form})


@pytest.mark.parametrize("form", ["(P[0-9]+)+", "[0-9", "", 7, "P" * 200])
def test_a_form_that_is_none_is_refused(form: object) -> None:
    """What is no regular expression, or repeats a group and so could look for ever, is one Dutch sentence."""
    with pytest.raises(PolicyError, match="reguliere expressie"):
        with_overrides(Policy(), {"medewerkercode": form})


@pytest.mark.parametrize(
    "choices", [{"motiveringen": {}}, {"motiveringen": {"Jan Jansen": "x"}}, {"overruleredenen": ["a"]}]
)
def test_a_list_of_codes_that_is_none_is_refused(choices: dict[str, object]) -> None:
    """A list of codes is a table of short codes in small letters, each with what it means."""
    with pytest.raises(PolicyError, match=r"Beleid: '(motiveringen|overruleredenen)'"):
        with_overrides(Policy(), choices)
