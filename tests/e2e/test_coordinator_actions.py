"""What coordinators do beyond the form of a case, by a real worker: actions, and answers that are wrong or too late."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient
from support.stack import wait_until

from adapters.cases.cancellations import ask_cancellation, open_cancellations
from adapters.cases.caseload import Caseload
from adapters.oversight.quality import QualitySample, last_week
from adapters.runtime.clock import SystemClock
from flows.old_pages import end_unanswered, forget_forms, forget_tasks, forget_versions
from flows.prefect_seam.parking import FORM_PREFIX
from milestones.quality_questions import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.stack import Stack

    from adapters.office import Office

TODAY = SystemClock().today()  # the stack runs on the clock of this machine, by Dutch dates

pytestmark = pytest.mark.prefect


@pytest.fixture(scope="module")
def office(stack: Stack) -> Office:
    """The office of the stack."""
    return stack.office()


def opened(office: Office, reference: str, code: str = "M3", *events: str, on: date | None = None) -> str:
    """Open a case and report events in it."""
    office.casework.open(code, municipality="0000", reference=reference, on=on)
    for event in events:
        office.casework.report(reference, event, process=code, on=on)
    return reference


def states(office: Office, reference: str) -> dict[str, str]:
    """Return where the processes of a case are."""
    return {process.name: process.state for process in office.casework.case(reference).case.processes}


def refusals(stack: Stack, run: dict[str, Any], number: int) -> list[str]:
    """Wait until the log of a run explains so many refused answers, and give what it says."""

    def look() -> list[str]:
        found = [line for line in stack.log_of(run) if line.startswith("Niet verwerkt")]
        return found if len(found) >= number else []

    return wait_until(look, 30, lambda: f"in the log: {stack.log_of(run)}")


def asked_to_cancel(stack: Stack, office: Office, reference: str) -> str:
    """Open a case whose run somebody cancelled."""
    opened(office, reference)
    run = stack.wait_for_state(f"{reference} · M3", "Wacht op registratie aanmelding")
    row = office.casework.case(reference).rows["M3"]
    ask_cancellation(office.engine, row.id or 0, UUID(run["id"]))
    return reference


ACTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "ACT1-A": ("zaak-openen", {"mijlpaal": "M3 In contact", "zaak": "ACT1-A", "bedreigende_situatie": True}),
    "ACT1-B": ("gebeurtenis-melden", {
        "zaak": "ACT1-B", "gebeurtenis": "Doelgroep bepaald", "gegevens": {"doelgroep": "jongere"},
    }),
    "ACT1-C": ("zaak-toewijzen", {"zaak": "ACT1-C", "medewerker": "mw-31"}),
    "ACT1-D": ("caseload-overdragen", {"van": "mw-41", "naar": "mw-42", "reden": "uit dienst"}),
    "ACT1-E": ("afwezigheid-melden", {
        "medewerker": "mw-51", "vervanger": "mw-52", "eerste_dag": TODAY.isoformat(), "laatste_dag": TODAY.isoformat(),
    }),
    "ACT1-F": ("termijn-verlengen", {"zaak": "ACT1-F", "termijn": "T10", "motivering": "adv-1", "weken": 2}),
    "ACT1-G": ("zaak-terugzetten", {"zaak": "ACT1-G", "naar": "Wacht op crisischeck", "reden": "verkeerd gemeld"}),
    "ACT1-H": ("zaak-sluiten", {"zaak": "ACT1-H", "uitstroomreden": "Overig", "motivering": "adv-2"}),
    "ACT1-I": ("verhuizing-melden", {"zaak": "ACT1-I", "wat": "Verhuisd, wij blijven uitvoeren"}),
    "ACT1-J": ("annulering-beoordelen", {"zaak": "ACT1-J", "besluit": "Weigeren: de zaak gaat door"}),
    "ACT1-K": ("annulering-beoordelen", {
        "zaak": "ACT1-K", "besluit": "Bevestigen: de zaak sluit", "motivering": "adv-3",
    }),
}  # fmt: skip


def _last_day(office: Office, reference: str, code: str, term: str) -> date:
    (due,) = (one.due for one in office.casework.case(reference).case.process(code).terms if one.term == term)
    assert due is not None
    return due


@pytest.fixture(scope="module")
def acted(stack: Stack, office: Office) -> dict[str, dict[str, Any]]:
    """Run every action at once by its deployment in a real worker, and return how its run ended."""
    caseload = Caseload(office.engine, office.casework)
    for reference in ("ACT1-B", "ACT1-C", "ACT1-D1", "ACT1-D2", "ACT1-E", "ACT1-H", "ACT1-I"):
        opened(office, reference)
    opened(office, "ACT1-F", "M2")
    opened(office, "ACT1-G", "M3", "aanmelding_geregistreerd", "niet_bedreigend")
    for reference, person in (("ACT1-D1", "mw-41"), ("ACT1-D2", "mw-41"), ("ACT1-E", "mw-51")):
        caseload.assign(reference, "M3", person, "toegewezen")
    for reference in ("ACT1-J", "ACT1-K"):
        asked_to_cancel(stack, office, reference)
    before = _last_day(office, "ACT1-F", "M2", "T10")
    started = {case: stack.start_action(name, **given) for case, (name, given) in ACTIONS.items()}
    ended = {case: stack.ended(run) for case, run in started.items()}
    ended["ACT1-F"]["before"] = before
    return ended


@pytest.mark.parametrize("case", ACTIONS, ids=[f"{case}-{name}" for case, (name, _) in ACTIONS.items()])
def test_an_action_ends_as_done(acted: dict[str, dict[str, Any]], case: str) -> None:
    """Its run is green and says in Dutch what it did."""
    assert acted[case]["state_name"] == "Gedaan", acted[case]["state"]["message"]
    assert acted[case]["state"]["message"].endswith(".")


def test_the_run_list_says_what_an_action_was_about(acted: dict[str, dict[str, Any]]) -> None:
    """Its case, or its colleague."""
    names = {run["name"] for run in acted.values()}
    assert {"Zaak toewijzen · ACT1-C", "Caseload overdragen · mw-41", "Zaak openen · ACT1-A"} <= names


def test_a_case_is_opened(acted: dict[str, dict[str, Any]], office: Office) -> None:
    """With the term of a bedreigende situatie."""
    assert acted["ACT1-A"]["state"]["message"] == "Zaak ACT1-A is geopend in M3 In contact."
    assert "T02" in {term.term for term in office.casework.case("ACT1-A").case.process("M3").terms}


@pytest.mark.usefixtures("acted")
def test_an_event_is_reported(office: Office) -> None:
    """With what was filled in."""
    assert office.casework.case("ACT1-B").journal[-1].data == {"doelgroep": "jongere"}


@pytest.mark.usefixtures("acted")
def test_a_case_is_assigned(office: Office) -> None:
    """It stands in the name of who was chosen."""
    assert office.casework.case("ACT1-C").case.process("M3").facts.get("houder") == "mw-31"


def test_a_caseload_is_handed_over(acted: dict[str, dict[str, Any]], office: Office) -> None:
    """All of it, and the run says how much."""
    assert acted["ACT1-D"]["state"]["message"].startswith("2 mijlpalen gingen van mw-41 naar mw-42")
    for reference in ("ACT1-D1", "ACT1-D2"):
        assert office.casework.case(reference).case.process("M3").facts.get("houder") == "mw-42"


@pytest.mark.usefixtures("acted")
def test_an_absence_labels_the_runs(stack: Stack) -> None:
    """With the deputy of who is away."""
    wait_until(
        lambda: "vervanger:mw-52" in (stack.run_of("ACT1-E · M3") or {"tags": []})["tags"],
        30,
        lambda: "the run has no label of the deputy",
    )


def test_a_term_is_extended(acted: dict[str, dict[str, Any]], office: Office) -> None:
    """By as many weeks as was said."""
    assert _last_day(office, "ACT1-F", "M2", "T10") - acted["ACT1-F"]["before"] >= timedelta(weeks=2)


@pytest.mark.usefixtures("acted")
def test_a_case_is_put_back(office: Office) -> None:
    """The journal says so."""
    assert office.casework.case("ACT1-G").journal[-1].event == "teruggezet"
    assert states(office, "ACT1-G") == {"M3": "CRISISCHECK"}


@pytest.mark.usefixtures("acted")
def test_a_case_is_closed(office: Office) -> None:
    """For the reason that was chosen."""
    assert states(office, "ACT1-H") == {"M3": "AFGESLOTEN"}


@pytest.mark.usefixtures("acted")
def test_a_move_to_another_gemeente_is_reported(office: Office) -> None:
    """As an event of the case."""
    assert office.casework.case("ACT1-I").journal[-1].event == "verhuizing"


@pytest.mark.usefixtures("acted")
@pytest.mark.parametrize(("case", "state"), [("ACT1-J", "NIEUW"), ("ACT1-K", "AFGESLOTEN")])
def test_a_cancellation_is_judged(office: Office, case: str, state: str) -> None:
    """The case goes on or closes, and nobody is asked any more."""
    assert states(office, case) == {"M3": state}
    assert not [row for row in open_cancellations(office.engine) if row.case_reference == case]


def form_of(stack: Stack, run: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the form that a run asks to fill in."""
    key = run["state"]["state_details"]["run_input_keyset"]["schema"]
    stored = stack.prefect("GET", f"/flow_runs/{run['id']}/input/{key}")
    return dict((stored if isinstance(stored, dict) else json.loads(stored))["properties"])


def test_an_action_with_a_case_alone_asks_for_what_fits_it(
    stack: Stack, office: Office, client: SyncPrefectClient
) -> None:
    """Steps, terms and processes are choices of that case; what nobody fills in is ended and changed nothing."""
    opened(office, "ACT1-2", "M3", "aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd")
    office.casework.open("M2", municipality="0000", reference="ACT1-2")
    opened(office, "ACT1-3", "M3", "aanmelding_geregistreerd", "niet_bedreigend")
    for name in ("termijn-verlengen", "zaak-toewijzen", "gebeurtenis-melden"):
        stack.start_action(name, zaak="ACT1-2")
    stack.start_action("zaak-terugzetten", zaak="ACT1-3")

    def waiting(title: str, reference: str = "ACT1-2") -> tuple[dict[str, Any], dict[str, Any]]:
        run = stack.wait_for_state(f"{title} · {reference}", f"{title}: vul aan")
        assert {"actie", "gemeente:0000"} <= set(run["tags"])
        return run, form_of(stack, run)

    back, form = waiting("Zaak terugzetten", "ACT1-3")
    assert set(form["naar"]["enum"]) == {"Wacht op crisischeck", "Wacht op registratie aanmelding"}
    assert "mijlpaal" not in form  # only one is open
    extend, form = waiting("Termijn verlengen")
    assert form["mijlpaal"]["enum"] == ["M4", "M2"]
    term = next(choice for choice in form["termijn"]["enum"] if choice.startswith("T10 "))
    stack.answer(extend, termijn=term, motivering="adv-1", weken=1, mijlpaal="M2")
    give, _ = waiting("Zaak toewijzen")
    stack.answer(give, medewerker="mw-61", mijlpaal="M2")
    event, form = waiting("Gebeurtenis melden")
    assert {choice.partition(": ")[0] for choice in form["gebeurtenis"]["enum"]} == {"M4", "M2"}
    stack.answer(event, gebeurtenis="M4: Ik geef de overdracht terug", op=TODAY.isoformat())
    for name in ("Termijn verlengen", "Zaak toewijzen"):
        assert stack.ended(stack.run_of(f"{name} · ACT1-2") or {})["state_name"] == "Gedaan"
    ended = stack.wait_for_state("Gebeurtenis melden · ACT1-2", "Niet overgenomen · Gebeurtenis melden")
    assert "'Waarom' nodig" in ended["state"]["message"]
    assert form_of(stack, ended)["op"]["default"] == TODAY.isoformat()  # he finds back what he filled in
    assert office.casework.case("ACT1-2").case.process("M2").facts["houder"] == "mw-61"
    lines = len(office.casework.case("ACT1-2").journal)
    assert end_unanswered(client, datetime.now(UTC)) >= 2
    assert stack.prefect("GET", f"/flow_runs/{back['id']}")["state_name"] == "Niet ingevuld"
    assert len(office.casework.case("ACT1-2").journal) == lines


def test_an_action_that_cannot_be_done_says_why(stack: Stack, office: Office) -> None:
    """A refusal is not green: its state says why in one sentence, and nothing was written."""
    opened(office, "ACT1-R")
    before = len(office.casework.case("ACT1-R").journal)
    refusals = {
        "termijn-verlengen": {"zaak": "ACT1-R", "termijn": "T01", "motivering": "adv-1", "weken": 2},
        "gebeurtenis-melden": {"zaak": "ACT1-R", "gebeurtenis": "Eerste gesprek gevoerd"},
        "zaak-terugzetten": {"zaak": "ACT1-R", "naar": "Wacht op afspraak", "reden": "verkeerd gemeld"},
        "zaak-toewijzen": {"zaak": "WEG-404", "medewerker": "mw-17"},
        "annulering-beoordelen": {"zaak": "ACT1-R", "besluit": "Weigeren: de zaak gaat door"},
    }
    runs = [stack.start_action(name, **parameters) for name, parameters in refusals.items()]
    for run in map(stack.ended, runs):
        assert (run["state_type"], run["state_name"]) == ("FAILED", "Niet gedaan")
        assert run["state"]["message"].endswith(".")
    assert len(office.casework.case("ACT1-R").journal) == before
    # A number that may be a BSN does not even become a parameter.
    with pytest.raises(httpx.HTTPStatusError):
        stack.start_action("zaak-toewijzen", zaak="123456782", medewerker="mw-17")


def test_a_wrong_answer_is_explained_and_the_form_comes_back(stack: Stack, office: Office) -> None:
    """What misses or what is no date stands in state, message and log in the form's words; the case waits as it did."""
    opened(office, "ACT1-W")
    run = stack.wait_for_state("ACT1-W · M3", "Wacht op registratie aanmelding")
    form = run["state"]["state_details"]["run_input_keyset"]["schema"]
    answers = (
        {"gebeurtenis": "Doelgroep bepaald"},
        {"gebeurtenis": "Aanmelding geregistreerd", "op": "2026-02-30"},
    )
    text = {
        "gebeurtenis": "Aanmelding geregistreerd",
        "op": "morgen",
    }  # may be anything: Prefect keeps it not at all
    assert stack.prefect("POST", f"/flow_runs/{run['id']}/resume", run_input=text)["status"] == "REJECT"
    for number, wrong in enumerate(answers, 1):
        stack.answer(run, **wrong)
        lines = refusals(stack, run, number)
        run = stack.wait_for_state("ACT1-W · M3", "Niet overgenomen · Wacht op registratie aanmelding")
        assert run["state"]["message"].startswith(
            f"Je antwoord is niet overgenomen. {wrong['gebeurtenis']}: "
        )
        assert (
            run["state"]["state_details"]["run_input_keyset"]["schema"] != form
        )  # it says why, and asks again
    assert "Bij 'Doelgroep bepaald' is 'Doelgroep' nodig." in lines[0]
    assert "geen datum" in lines[1]
    assert len(office.casework.case("ACT1-W").journal) == 1
    stack.answer(run, gebeurtenis="Aanmelding geregistreerd")
    stack.wait_for_state("ACT1-W · M3", "Wacht op crisischeck")


def test_the_second_of_two_answers_to_one_form_is_refused(stack: Stack, office: Office) -> None:
    """Two people opened the same form: the first answer counts, the second is refused and writes nothing."""
    opened(office, "ACT1-T")
    run = stack.wait_for_state("ACT1-T · M3", "Wacht op registratie aanmelding")
    key = run["state"]["state_details"]["run_input_keyset"]["schema"]
    form = stack.prefect("GET", f"/flow_runs/{run['id']}/input/{key}")
    stand = (form if isinstance(form, dict) else json.loads(form))["properties"]["stand"]["const"]
    answer = {"gebeurtenis": "Doelgroep bepaald", "stand": stand}
    stack.answer(run, **answer, doelgroep="jongere")
    at_once = stack.prefect(
        "POST", f"/flow_runs/{run['id']}/resume", run_input=answer | {"doelgroep": "gezin"}
    )
    assert at_once["status"] in ("ABORT", "REJECT")
    wait_until(
        lambda: "doelgroep:jongere" in (stack.run_of("ACT1-T · M3") or {"tags": []})["tags"],
        30,
        lambda: "the first answer was not handled",
    )
    stack.wait_for_state("ACT1-T · M3", "Wacht op registratie aanmelding")
    later = stack.prefect("POST", f"/flow_runs/{run['id']}/resume", run_input=answer | {"doelgroep": "gezin"})
    assert later["status"] == "REJECT"
    groups = [row.data for row in office.casework.case("ACT1-T").journal if row.event == "doelgroep_bepaald"]
    assert groups == [{"doelgroep": "jongere"}]


def test_the_quality_sample_is_answered_in_a_form(stack: Stack, office: Office) -> None:
    """A decision of last week becomes a form with the fixed questions; its scores are kept, a low one is a knelpunt."""
    week = last_week(TODAY)
    opened(office, "ACT1-Q", "M6", on=week.monday)
    for event, data in (
        ("plan_opgesteld", {"beslagvrije_voet": True}),
        ("inwoner_akkoord", {}),
        ("goedgekeurd", {}),
        ("bekendgemaakt", {}),
    ):
        office.casework.report("ACT1-Q", event, process="M6", on=week.monday, data=data)
    assert stack.run_action("kwaliteitssteekproef")["state_type"] == "COMPLETED"
    run = stack.wait_for_state(f"ACT1-Q · toets {week.name}", "Wacht op kwaliteitstoets")
    assert {"kwaliteitstoets", "rol:kwaliteitstoetser", "gemeente:0000"} <= set(run["tags"])
    key = run["state"]["state_details"]["run_input_keyset"]["schema"]
    stored = stack.prefect("GET", f"/flow_runs/{run['id']}/input/{key}")
    form = stored if isinstance(stored, dict) else json.loads(stored)
    asked = sorted(form["properties"].values(), key=lambda field: field["position"])
    assert [field["title"] for field in asked] == [item.text for item in QUESTIONS]
    scores = {item.code: "4" for item in QUESTIONS} | {"termijn": "2"}
    for wrong in ({"plan": "4"}, scores | {"plan": "6"}, scores | {"naam": "x"}):
        refused = stack.prefect("POST", f"/flow_runs/{run['id']}/resume", run_input=wrong)
        assert refused["status"] == "REJECT"
    stack.answer(run, **scores)
    done = stack.wait_for_state(f"ACT1-Q · toets {week.name}", "Getoetst")
    assert set(done["tags"]) == {"afgerond", "gemeente:0000"}
    sample = QualitySample(office.engine, office.clock)
    (review,) = (row for row in sample.draw("0000", week) if row.case_reference == "ACT1-Q")
    assert (review.scores, review.reviewed_on) == (
        {item.code: 4 for item in QUESTIONS} | {"termijn": 2},
        TODAY,
    )
    found = [row.data for row in office.casework.case("ACT1-Q").journal if row.event == "knelpunt_gemeld"]
    assert found == [{"knelpunt": "anders"}]
    # Drawing again makes no second form.
    stack.run_action("kwaliteitssteekproef")
    assert (
        len(stack.prefect("POST", "/flow_runs/filter", flow_runs={"name": {"like_": "ACT1-Q · toets"}})) == 1
    )


# --- what Prefect keeps -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[SyncPrefectClient]:
    """A client of the Prefect server of the stack."""
    with SyncPrefectClient(
        f"http://127.0.0.1:{stack.prefect_port}/api", auth_string=stack.credential.auth_string
    ) as made:
        yield made


def test_old_versions_of_a_page_go_and_the_newest_stay(stack: Stack, client: SyncPrefectClient) -> None:
    """Of five versions the newest two are kept, and the page shows the newest; a second round finds nothing."""
    for number in range(5):
        stack.prefect("POST", "/artifacts/", key="zaak-act-v", type="markdown", data=f"versie {number}")
    assert [forget_versions(client, "zaak-act-v", 2) for _ in range(2)] == [3, 0]
    left = stack.prefect("POST", "/artifacts/filter", artifacts={"key": {"any_": ["zaak-act-v"]}})
    assert {item["data"] for item in left} == {"versie 3", "versie 4"}
    assert stack.prefect("GET", "/artifacts/zaak-act-v/latest")["data"] == "versie 4"


def test_old_forms_go_and_the_form_that_is_asked_stays(
    stack: Stack, office: Office, client: SyncPrefectClient
) -> None:
    """A run that was in three states keeps the form of the last, which can still be answered, and no old tasks."""
    opened(office, "ACT1-X")
    run = stack.wait_for_state("ACT1-X · M3", "Wacht op registratie aanmelding")
    stack.answer(run, gebeurtenis="Aanmelding geregistreerd")
    run = stack.wait_for_state("ACT1-X · M3", "Wacht op crisischeck")
    stack.answer(run, gebeurtenis="Er is geen bedreigende situatie")
    run = stack.wait_for_state("ACT1-X · M3", "Wacht op afspraak")
    asked, now = run["state"]["state_details"]["run_input_keyset"]["schema"], datetime.now(UTC)
    assert forget_forms(client, UUID(run["id"]), now - timedelta(hours=1)) == 0
    assert forget_forms(client, UUID(run["id"]), now + timedelta(hours=1)) == 2
    kept = client.filter_flow_run_input(UUID(run["id"]), FORM_PREFIX, 100, set())
    assert [item.key for item in kept] == [asked]
    assert forget_tasks(client, now - timedelta(days=1)) == 0
    assert forget_tasks(client, now + timedelta(hours=1)) >= 1
    # Prefect writes task runs a little later than they ran.
    wait_until(lambda: forget_tasks(client, now) == 0, 30, lambda: "old task runs stay")
    stack.answer(run, gebeurtenis="Afspraak voor het eerste gesprek gemaakt")
    stack.wait_for_state("ACT1-X · M3", "Wacht op eerste gesprek")
    tidied = stack.run_action("oude-paginas-opruimen")
    assert tidied["state_type"] == "COMPLETED"
    wait_until(
        lambda: any(line.startswith("Opgeruimd: ") for line in stack.log_of(tidied)),
        30,
        lambda: f"in the log: {stack.log_of(tidied)}",
    )
