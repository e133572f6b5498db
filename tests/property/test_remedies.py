"""Random walks through rulings and decisions: nothing ends before nobody can attack it any more."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import Case, Step, apply, closed, possible_now, start
from milestones.definitions import definition_of
from milestones.policy import Policy, Rules
from milestones.process import Event, NotPossible, RungDue

RULES = Rules(dutch_calendar(), Policy(accept_by_hand=False))
BEGIN = date(2026, 1, 5)
# What may end a ruling or a decision before a term runs out.
ENDS_WSNP = {"cassatie_verworpen", "uitspraak_bekrachtigd", "beroep_ingetrokken", "overleden"}
ENDS_DECISION = {"beroep_ongegrond", "beroep_niet_ontvankelijk", "beroep_ingetrokken", "bezwaar_ingetrokken"}
QUIET = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def fire(case: Case, day: date) -> tuple[Case, list[Step]]:
    """Fire all that is due, in the order of the dates."""
    steps: list[Step] = []
    while due := [
        (rung.on, process.name, term.key, rung.name)
        for process in case.processes
        for term, rung in process.pending(day)
    ]:
        on, process, key, rung = min(due)
        case, more = apply(case, process, RungDue(key, rung), on, RULES)
        steps.extend(more)
    return case, steps


def say(case: Case, process: str, event: str, day: date, **data: object) -> Case:
    """Report an event that must be possible."""
    return apply(case, process, Event(event, day, data), day, RULES)[0]


def walk(draw: Any, case: Case, name: str, events: set[str], day: date, check: Any) -> None:
    """Report some of these events at some days, and check after every step until the process is closed."""
    for _ in range(draw(st.integers(3, 12))):
        if closed(case.process(name)):
            return  # what is still to be paid is warned of, and ends nothing
        day += timedelta(days=draw(st.sampled_from((0, 1, 5, 9, 21, 45))))
        case, steps = fire(case, day)
        if happened := {step.event for step in steps if step.process == name}:
            check(case, happened)
        able = sorted(events & set(possible_now(case.process(name))))
        if closed(case.process(name)) or not able:
            return
        event = draw(st.sampled_from(able))
        try:
            case, _ = apply(case, name, Event(event, day), day, RULES)
        except NotPossible:
            continue
        check(case, {event})


@QUIET
@given(data=st.data())
def test_a_wsnp_runs_on_until_its_ruling_is_final(data: st.DataObject) -> None:
    """T37 keeps its start and M7 stays with the Wsnp until the appeal, and the cassation after it, are over."""
    case, _ = start(Case(), "M7", BEGIN, BEGIN, RULES)
    case = say(case, "M7", "minnelijk_mislukt", BEGIN)
    case = say(case, "WSNP", "wsnp_toegelaten", BEGIN)

    def check(case: Case, happened: set[str]) -> None:
        wsnp, m7 = case.process("WSNP"), case.process("M7")
        assert {term.anchor for term in wsnp.terms if term.term == "T37"} == {BEGIN}
        if not closed(wsnp):
            assert m7.state == "WSNP"
            assert wsnp.running("T37") is not None
            assert not {process.code for process in case.processes} & {"M8"}
        else:
            assert happened & (ENDS_WSNP | {"T35_verlopen", "T35c_verlopen"})
            assert m7.state in {"NA_WSNP", "AFGEROND"}

    events = {
        "verslag_ontvangen", "zitting_gehouden", "wsnp_einde_geweigerd", "wsnp_beeindigd_zonder_schone_lei",
        "eindvonnis_schone_lei",
        "eindvonnis_tekortkoming", "hoger_beroep_ingesteld", "uitspraak_bekrachtigd", "beeindiging_vernietigd",
        "wsnp_toegelaten", "cassatie_ingesteld", "cassatie_verworpen", "zaak_terugverwezen", "beroep_ingetrokken",
    }  # fmt: skip
    walk(data.draw, case, "WSNP", events, BEGIN + timedelta(days=30), check)


@QUIET
@given(data=st.data())
def test_a_decision_is_definitive_when_no_remedy_is_left(data: st.DataObject) -> None:
    """While bezwaar, beroep or hoger beroep is possible or pending, a weigering is not definitive."""
    case, _ = start(Case(), "M6", BEGIN, BEGIN, RULES)
    case = say(case, "M6", "weigering_getoetst", BEGIN)
    case = say(case, "M6", "weigering_besloten", BEGIN, motivering="m-1")

    def check(case: Case, happened: set[str]) -> None:
        m6 = case.process("M6")
        if m6.state in {"BEZWAAR", "BEROEP"} or m6.state not in {"BESCHIKT_GEWEIGERD", "AFGESLOTEN"}:
            assert not closed(m6)
        if closed(m6) and m6.state == "BESCHIKT_GEWEIGERD":
            assert happened & (ENDS_DECISION | {"T20p_verlopen"})
        if m6.running("T25") is not None:
            assert not closed(m6)

    events = {
        "bezwaar_ontvangen", "ongegrond", "niet_ontvankelijk", "bezwaar_ingetrokken", "verzuim_gemeld",
        "verzuim_hersteld", "adviescommissie_ingesteld", "beroep_ingesteld", "beroep_gegrond", "beroep_ongegrond",
        "beroep_niet_ontvankelijk", "beroep_ingetrokken", "hoger_beroep_ingesteld", "voorziening_gevraagd",
        "voorziening_toegewezen", "ingebrekestelling_ontvangen",
    }  # fmt: skip
    walk(data.draw, case, "M6", events, BEGIN + timedelta(days=1), check)


@QUIET
@given(data=st.data())
def test_what_happens_to_who_stayed_touches_no_decision_about_who_left(data: st.DataObject) -> None:
    """Whatever M7 does, its end included, the bezwaar of who left counts on; only its own events and days change it."""
    case, _ = start(Case(), "M7", BEGIN, BEGIN, RULES, {"clienten": 2})
    case = say(case, "M7", "verhuizing", BEGIN, keuze="overdragen", wie_verhuist="tweede cliënt")
    case = say(case, "M7", "overname_aanvaard", BEGIN, motivering="m-1")
    if data.draw(st.booleans()):
        case = say(case, "BESLUIT", "bezwaar_ontvangen", BEGIN)
    reasons = {
        "motivering": "m-2",
        "uitstroomreden": "Zelf",
        "overrulereden": "o-1",
        "beslist_door": "teamleider",
    }
    day = BEGIN
    for _ in range(data.draw(st.integers(1, 8))):
        day += timedelta(days=data.draw(st.sampled_from((0, 1, 9, 30))))
        case, _ = fire(case, day)
        able = [item.name for item in case.processes if not closed(item) and item.code != "BESLUIT"]
        if not able:
            return
        name = data.draw(st.sampled_from(able))
        event = data.draw(st.sampled_from(sorted(possible_now(case.process(name))) or ["bestaat_niet"]))
        known = {field.name for field in definition_of(case.process(name)).event(event).fields}
        before = case.process("BESLUIT")
        given = Event(event, day, {key: value for key, value in reasons.items() if key in known})
        try:
            case, _ = apply(case, name, given, day, RULES)
        except NotPossible:
            continue
        assert case.process("BESLUIT") == before


@QUIET
@given(data=st.data())
def test_m7_waits_for_no_wsnp_that_is_over(data: st.DataObject) -> None:
    """Of two clients each Wsnp may be refused, lost, won or ended by a death: M7 waits while one is left, no longer."""
    case, _ = start(Case(), "M7", BEGIN, BEGIN, RULES, {"clienten": 2})
    case = say(case, "M7", "minnelijk_mislukt", BEGIN)
    also = {
        "overleden": {"partner_gaat_door": True},
        "wsnp_niet_aangevraagd": {"motivering": "m-1"},
        "inwoner_reageert_niet": {"pogingen": 3, "kanalen": 2},
    }
    events = {
        "M7": ("inwoner_reageert_niet", "contact_hersteld"),
        "WSNP": (
            "wsnp_niet_aangevraagd", "wsnp_toegelaten", "wsnp_afgewezen", "wsnp_beeindigd_zonder_schone_lei",
            "eindvonnis_schone_lei", "hoger_beroep_ingesteld", "beeindiging_vernietigd", "uitspraak_bekrachtigd",
            "cassatie_ingesteld", "cassatie_verworpen", "overleden",
        ),
    }  # fmt: skip
    day = BEGIN
    for _ in range(data.draw(st.integers(4, 14))):
        day += timedelta(days=data.draw(st.sampled_from((0, 5, 9, 30))))
        case, _ = fire(case, day)
        able = [
            (item.name, event)
            for item in case.processes
            if not closed(item)
            for event in events.get(item.code, ())
            if event in possible_now(item)
        ]
        if able:
            name, event = data.draw(st.sampled_from(able))
            with suppress(NotPossible):
                case, _ = apply(case, name, Event(event, day, also.get(event, {})), day, RULES)
        m7 = case.process("M7")
        waits = "WSNP" in (m7.state, m7.facts.get("vorige_toestand") if m7.state == "EVALUATIE" else None)
        assert not waits or any(item.code == "WSNP" and not closed(item) for item in case.processes)
