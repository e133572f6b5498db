"""What `advance` and `apply` do: refusals, terms, hand-offs, timers, and the guards that protect people."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from support.effort import calls_in

from adapters.runtime.calendar_data import dutch_calendar
from milestones.case import Case, apply, closed, possible_now, process_for, start, traject_is_open
from milestones.definition import OFFERED, RETURNED
from milestones.definitions import current, definition_of
from milestones.event_fields import THEMES
from milestones.events import meanings_of
from milestones.four_eyes import GIVEN, asking
from milestones.policy import Policy, Rules, with_overrides
from milestones.process import (
    Event,
    InvalidData,
    NotPossible,
    RungDue,
    RunningTerm,
    TermOutcome,
    advance,
    open_process,
)
from milestones.term_table import TERMS
from milestones.terms import EXPIRY, describe

if TYPE_CHECKING:
    from milestones.case import Step

CALENDAR = dutch_calendar()
RULES = Rules(CALENDAR, Policy(accept_by_hand=False))
BY_HAND = Rules(CALENDAR, Policy())
MONDAY = date(2026, 3, 9)


class Run:
    """A case with the words of a test: open, say, tick."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.case = Case()
        self.steps: list[Step] = []

    def open(self, code: str, on: date = MONDAY, **facts: object) -> Run:
        """Open a process."""
        self.case, steps = start(self.case, code, on, on, self.rules, facts)
        self.steps.extend(steps)
        return self

    def say(
        self, name: str, event: str, on: date = MONDAY, *, today: date | None = None, **data: object
    ) -> Run:
        """Report an event."""
        self.case, steps = apply(self.case, name, Event(event, on, data), today or on, self.rules)
        self.steps.extend(steps)
        return self

    def tick(self, day: date) -> Run:
        """Fire all that is due up to a day."""
        while due := sorted(
            (rung.on, process.name, term.key, rung.name)
            for process in self.case.processes
            for term, rung in process.pending(day)
        ):
            on, process, key, rung = due[0]
            self.case, steps = apply(self.case, process, RungDue(key, rung), on, self.rules)
            self.steps.extend(steps)
        return self

    def state(self, name: str) -> str:
        """Return the state of a process."""
        return self.case.process(name).state

    def term(self, name: str, key: str) -> RunningTerm:
        """Return a term by its key."""
        return next(term for term in self.case.process(name).terms if term.key == key)

    def told(self, role: str) -> list[str]:
        """Return the kinds of messages that a role got."""
        return [message.kind for step in self.steps for message in step.messages if message.role == role]


def later(days: int, day: date = MONDAY) -> date:
    """Return a day some days on."""
    return day + timedelta(days=days)


def contact(rules: Rules = RULES) -> Run:
    """Return a case with a planned eerste gesprek."""
    return (
        Run(rules)
        .open("M3")
        .say("M3", "aanmelding_geregistreerd")
        .say("M3", "niet_bedreigend")
        .say("M3", "afspraak_gemaakt")
    )


def intake() -> Run:
    """Return a case in intake since Monday 16 March."""
    return (
        contact().say("M3", "eerste_gesprek_gevoerd", later(7)).say("M4", "hulpvraag_vastgesteld", later(7))
    )


def decided() -> Run:
    """Return a case with a toelating of Monday 30 March."""
    run = intake().say("M4", "beeld_compleet", later(14))
    for event in ("plan_opgesteld", "inwoner_akkoord", "goedgekeurd", "bekendgemaakt"):
        run.say("M6", event, later(21))
    return run


# --- refusals ---------------------------------------------------------------------------------------------


def test_an_event_that_cannot_happen_names_those_that_can() -> None:
    """A refusal carries the events that are possible now, and nothing changes."""
    run = Run().open("M3")
    before = run.case
    with pytest.raises(NotPossible) as refused:
        run.say("M3", "eerste_gesprek_gevoerd")
    assert "aanmelding_geregistreerd" in refused.value.allowed
    assert "M3 NIEUW" in refused.value.reason
    assert run.case is before


@pytest.mark.parametrize(
    ("event", "on", "word"),
    [
        ("bestaat_niet", MONDAY, "bestaat niet"),
        ("aanmelding_geregistreerd", later(1), "toekomst"),
        ("aanmelding_geregistreerd", later(-1), "voor de start"),
    ],
)
def test_an_unknown_event_and_an_impossible_date_are_refused(event: str, on: date, word: str) -> None:
    """A word that is no event, a date in the future and one before the process are refused."""
    with pytest.raises(NotPossible, match=re.escape(word)):
        Run().open("M3").say("M3", event, on, today=MONDAY)


@pytest.mark.parametrize(
    ("event", "data", "word"),
    [
        ("bedreigend", {"kleur": "rood"}, "veld"),
        ("bedreigend", {"bedreiging": "onweer"}, "bedreiging"),
        ("verhuizing", {"keuze": 3}, "keuze"),
        ("overleden", {"partner_gaat_door": "ja"}, "partner_gaat_door"),
        ("termijn_verlengd", {"termijn": "T01", "tot": "morgen", "motivering": "x1"}, "tot"),
        ("termijn_verlengd", {"termijn": "T01", "weken": -1, "motivering": "x1"}, "weken"),
        ("termijn_verlengd", {"termijn": "T01", "weken": True, "motivering": "x1"}, "weken"),
        ("termijn_verlengd", {"termijn": "T01", "weken": 1}, "motivering"),
        ("termijn_verlengd", {"termijn": "T01", "weken": 1, "motivering": "123456782"}, "motivering"),
        ("termijn_verlengd", {"termijn": "T01", "weken": 1, "motivering": "Jan de Vries"}, "motivering"),
        ("doelgroep_bepaald", {}, "doelgroep"),
    ],
)
def test_data_that_do_not_fit_are_refused_without_repeating_them(
    event: str, data: dict[str, Any], word: str
) -> None:
    """A wrong field is named, its value is not: it could be personal."""
    run = Run().open("M3").say("M3", "aanmelding_geregistreerd")
    with pytest.raises(InvalidData) as refused:
        run.say("M3", event, **data)
    assert word in refused.value.reason
    assert all(
        str(value) not in refused.value.reason for value in ("rood", "onweer", "123456782", "Jan de Vries")
    )


def test_an_event_of_the_engine_cannot_be_reported() -> None:
    """A person cannot let a term lapse by hand."""
    run = intake().say("M4", "gegevens_ontbreken", later(8))
    with pytest.raises(NotPossible, match="systeem zelf"):
        run.say("M4", "T04_verlopen", later(9))


def test_an_event_for_a_closed_process_is_refused() -> None:
    """What has ended does not move again."""
    run = Run().open("M3").say("M3", "ingetrokken", motivering="m-1")
    with pytest.raises(NotPossible, match="al afgerond"):
        run.say("M3", "aanmelding_geregistreerd")
    assert possible_now(run.case.process("M3")) == ()


def test_a_mijlpaal_that_runs_cannot_be_opened_again() -> None:
    """One traject has one M3 at a time; an unknown mijlpaal is refused as well."""
    with pytest.raises(NotPossible, match="loopt al"):
        Run().open("M3").open("M3")
    with pytest.raises(NotPossible, match="geen mijlpaal"):
        Run().open("M9")


def test_an_event_finds_its_process_or_asks_for_it() -> None:
    """An event that only one open process knows needs no mijlpaal; one that several know does."""
    case = decided().case
    assert process_for(case, "overeenkomst_getekend") == "M7"
    assert process_for(case, "evaluatie_gedaan") == "M7"  # BEGELEIDING would only pass it on
    with pytest.raises(NotPossible, match="kies er een"):
        process_for(case, "verhuizing")
    with pytest.raises(NotPossible, match="kan nu niet"):
        process_for(case, "hulpvraag_gesteld")


# --- terms ------------------------------------------------------------------------------------------------


def test_a_suspended_term_has_no_date_and_cannot_be_overdue() -> None:
    """T03 stands still while data are awaited, and its end moves by the days in between (R13)."""
    run = intake().say("M4", "gegevens_ontbreken", later(10), hersteltermijn_tot=later(24))
    term = run.term("M4", "T03")
    assert (term.due, term.outcome(date.max)) == (None, TermOutcome.SUSPENDED)
    assert not term.is_overdue(date.max)
    assert term.next_rung() is None
    run.say("M4", "gegevens_ontvangen", later(17))
    term = run.term("M4", "T03")
    assert (term.suspended_days, term.due) == (6, date(2026, 5, 17))
    assert term.due_atw == date(2026, 5, 18)
    assert run.term("M4", "T04").stopped is TermOutcome.MET


def test_an_unused_cure_term_ends_the_suspension_and_asks_a_person() -> None:
    """When T04 lapses, T03 runs on and somebody decides whether to treat the aanvraag."""
    run = intake().say("M4", "gegevens_ontbreken", later(10), hersteltermijn_tot=later(24)).tick(later(25))
    assert run.state("M4") == "BESLUIT_BUITEN_BEHANDELING"
    assert run.term("M4", "T03").due is not None
    assert run.term("M4", "T05").anchor == later(24)


def test_a_suspension_longer_than_the_term_itself_is_refused() -> None:
    """A hersteltermijn cannot make T03 stand still for longer than T03 lasts (Awb 4:5, 4:15)."""
    with pytest.raises(NotPossible, match=re.escape("Awb art. 4:5 en 4:15")):
        intake().say("M4", "gegevens_ontbreken", later(10), hersteltermijn_tot=later(200))


def test_a_crisis_supersedes_the_four_weeks_but_never_ends_later() -> None:
    """A threat that is found on the last day of T01 leaves that day as the last one (domain 3.2)."""
    run = contact().say("M3", "bedreigend", date(2026, 4, 7))
    assert run.term("M3", "T01").stopped is TermOutcome.SUPERSEDED
    assert run.term("M3", "T02").due == date(2026, 4, 7)
    early = contact().say("M3", "bedreigend", later(1))
    assert early.term("M3", "T02").due == date(2026, 3, 13)


def test_a_term_armed_late_only_fires_what_still_matters() -> None:
    """A signal of five weeks ago gives no warnings of the past, only that it is overdue."""
    run = Run()
    run.case, _ = start(Case(), "M2", later(-35), MONDAY, RULES)
    run.tick(MONDAY)
    fired = [step for step in run.steps if step.term == "T10"]
    assert [step.rung for step in fired] == [EXPIRY]
    assert run.told("coordinator") == ["termijn_gemist"]


def test_missed_warnings_fire_in_order_and_once() -> None:
    """After days without a clock the ladder fires in the order of its dates, each rung once."""
    run = contact().tick(later(60)).tick(later(90))
    rungs = [(step.on, step.rung) for step in run.steps if step.term == "T01"]
    assert rungs == sorted(rungs)
    assert [rung for _, rung in rungs] == ["-14d", "-7d", "-2wd", EXPIRY]
    with pytest.raises(NotPossible, match="aan de orde"):
        apply(run.case, "M3", RungDue("T01", EXPIRY), later(90), RULES)


def test_a_missed_term_never_blocks_the_case() -> None:
    """The eerste gesprek can still be held when T01 is over; it stays visible as missed."""
    run = contact().tick(later(60)).say("M3", "eerste_gesprek_gevoerd", later(60))
    assert run.term("M3", "T01").outcome(later(61)) is TermOutcome.MISSED
    assert run.state("M4") == "EERSTE_GESPREK"


def test_a_window_simply_elapses() -> None:
    """Nobody is late when the bezwaartermijn runs out: the holder is told, no one is escalated to."""
    run = decided().tick(date(2026, 5, 12))
    assert run.term("M6", "T20").outcome(date(2026, 5, 12)) is TermOutcome.ELAPSED
    assert run.term("M6", "T20p").due == date(2026, 5, 18)
    assert not closed(run.case.process("M6"))
    run.tick(date(2026, 5, 19))
    assert closed(run.case.process("M6"))
    assert run.state("M6") == "BESCHIKT_TOEGELATEN"


def test_a_closed_process_ends_its_terms_and_retention_survives() -> None:
    """Closing cancels what runs; the term for deletion starts and fires after the end."""
    run = Run().open("M2").say("M2", "onterecht")
    assert run.term("M2", "T10").stopped is TermOutcome.CANCELLED
    assert run.term("M2", "T11").runs
    run.tick(date(2026, 9, 10))
    assert run.term("M2", "T11").stopped is TermOutcome.ELAPSED


def test_several_messages_have_a_term_each() -> None:
    """Each saldoverzoek has its own T13; an answer meets the one it names, or the oldest."""
    run = Run().open("M7").say("M7", "overeenkomst_getekend")
    for day in (1, 2, 3):
        run.say("M7", "saldoverzoek_verstuurd", later(day))
    run.say("M7", "saldoverzoek_beantwoord", later(4), termijn="T13#3").say(
        "M7", "saldoverzoek_beantwoord", later(5)
    )
    assert [run.term("M7", key).stopped for key in ("T13", "T13#2", "T13#3")] == [
        TermOutcome.MET,
        None,
        TermOutcome.MET,
    ]
    with pytest.raises(NotPossible, match="T13#9"):
        run.say("M7", "saldoverzoek_beantwoord", later(6), termijn="T13#9")


def test_an_evaluation_starts_the_next_cycle() -> None:
    """T15 is met by an evaluation and counts again from there."""
    run = decided().say("M7", "evaluatie_gedaan", date(2026, 9, 1))
    assert run.term("M7", "T15").stopped is TermOutcome.MET
    assert run.term("M7", "T15#2").due == date(2027, 3, 1)


NINE = {**dict.fromkeys(THEMES, 4), "meetinstrument": "zrm"}


def test_an_evaluation_in_begeleiding_counts_for_the_plan_as_well() -> None:
    """BEGELEIDING passes its evaluation on to M7, and a plan that must change is made anew in an M6 of its own."""
    run = decided().say("BEGELEIDING", "evaluatie_gedaan", date(2026, 9, 1), plan_herzien=True, **NINE)
    assert run.term("M7", "T15#2").runs
    assert (run.state("M6#1"), run.state("M6#2")) == ("BESCHIKT_TOEGELATEN", "CONCEPT")
    assert run.case.process("BEGELEIDING").facts["schulden"] == 4


def test_a_plan_that_is_revised_twice_is_one_revision() -> None:
    """The first beschikking keeps its bezwaartermijn, and what is being revised takes what comes after."""
    run = decided().say("M7", "evaluatie_gedaan", later(22), plan_herzien=True)
    run.say("M7", "evaluatie_gedaan", later(23), plan_herzien=True)
    plans = {item.name: item.state for item in run.case.processes if item.code == "M6"}
    assert plans == {"M6": "BESCHIKT_TOEGELATEN", "M6#2": "CONCEPT"}
    assert run.say("M6", "bezwaar_ontvangen", later(24)).state("M6#1") == "BEZWAAR"


def test_a_date_before_the_term_began_is_refused() -> None:
    """A term cannot be met before its trigger."""
    run = Run().open("M7").say("M7", "overeenkomst_getekend", later(10))
    run.say("M7", "saldoverzoek_verstuurd", later(11))
    with pytest.raises(NotPossible, match="T13"):
        run.say("M7", "vooraf_akkoord", later(9), today=later(12))


# Every term that a process starts and that no case file in tests/cases shows: a way to it, and its last day.
_SCHULDREGELING: tuple[tuple[Any, ...], ...] = (
    ("M7", "overeenkomst_getekend", 0),
    ("M7", "saldoverzoek_verstuurd", 1),
    ("M7", "vooraf_akkoord", 2),
)
_BEHEER: tuple[tuple[Any, ...], ...] = (("M5", "stabilisatie_gestart", 0), ("M5", "bewind_ingesteld", 7))
_WSNP: tuple[tuple[Any, ...], ...] = (("WSNP", "verzoek_ingediend", 1),)


@pytest.mark.parametrize(
    ("term", "opened", "story", "due"),
    [
        ("T04", "M4", (("M4", "hulpvraag_vastgesteld", 0), ("M4", "gegevens_ontbreken", 1)), "2026-03-24"),
        (
            "T05",
            "M4",
            (
                ("M4", "hulpvraag_vastgesteld", 0),
                ("M4", "gegevens_ontbreken", 1),
                ("M4", "gegevens_ontvangen", 2),
            ),
            "2026-04-08",
        ),
        ("T06", "M4", (), "2026-03-16"),
        ("T07", "M4", (("M4", "hulpvraag_vastgesteld", 0),), "2026-03-11"),
        (
            "T10c",
            "M2",
            (
                ("M2", "gematcht", 0),
                ("M2", "toegewezen", 0),
                ("M2", "bereikt", 1),
                ("M2", "quick_fix", 1),
            ),
            "2026-04-09",
        ),
        ("T12b", "M5", _BEHEER[:1], "2026-06-09"),
        ("T13b", "M7", (("M7", "bericht_klaargezet", 0),), "2026-03-16"),
        ("T14", "M7", (*_SCHULDREGELING, ("M7", "regeling_gestart", 3)), "2027-09-11"),
        (
            "T14",
            "M7",
            (("M7", "eerste_aflossing_gedaan", 0), *_SCHULDREGELING, ("M7", "regeling_gestart", 3)),
            "2027-09-08",
        ),
        ("T14b", "M7", (*_SCHULDREGELING, ("M7", "krediet_uitbetaald", 3)), "2027-09-12"),
        ("T14c", "M7", (*_SCHULDREGELING, ("M7", "regeling_gestart", 3)), "2026-12-12"),
        (
            "T30",
            "M5",
            (("M5", "moratorium_verzocht", 0), ("M5", "toegewezen", 7, {"moratorium": "breed"})),
            "2026-09-16",
        ),
        ("T34", "WSNP", (*_WSNP, ("WSNP", "aanvulling_gevraagd", 2)), "2026-04-13"),  # Sat 11 April
        ("T35", "WSNP", (*_WSNP, ("WSNP", "wsnp_afgewezen", 2)), "2026-03-19"),
        ("T36", "WSNP", (), "2026-03-23"),
        ("T40", "M7", (("M7", "faillissementsaanvraag_gemeld", 0),), "2026-03-23"),
        ("T50", "M5", _BEHEER, "2026-03-30"),
        ("T50b", "M5", _BEHEER, "2026-06-16"),
        ("T51", "M5", (*_BEHEER, ("M5", "bewindstukken_ontvangen", 8)), "2026-04-14"),
    ],
)
def test_a_process_starts_its_terms(
    term: str, opened: str, story: tuple[tuple[Any, ...], ...], due: str
) -> None:
    """Each term is started by what the timer table says, and ends on the day that follows from it."""
    run = Run().open(opened)
    for name, event, day, *data in story:
        run.say(name, event, later(day), **(data[0] if data else {}))
    assert str(run.term(opened, term).due) == due


@pytest.mark.parametrize(
    ("term", "due"),
    [
        ("T60", "2026-04-09"),
        ("T61", "2031-03-09"),
        ("T62", "2031-03-09"),
        ("T63", "2030-03-09"),
        ("T41", "2023-03-09"),
    ],
)
def test_a_term_outside_a_process_can_be_computed(term: str, due: str) -> None:
    """The terms of the archive, of a request and of a look-back can be counted from any date."""
    kind = TERMS[term]
    row = describe(kind, CALENDAR.deadline(MONDAY, kind.length_for(), kind.basis), CALENDAR)
    assert row["uiterlijk"] == due


def test_the_bezwaar_term_stands_still_while_an_omission_is_repaired() -> None:
    """T20b is suspended until the bezwaar is complete (Awb 7:10 lid 2), from its own start on."""
    run = decided().say("M6", "bezwaar_ontvangen", later(40)).say("M6", "verzuim_gemeld", later(70))
    run.say("M6", "verzuim_hersteld", later(77))
    term = run.term("M6", "T20b")
    assert (term.anchor, term.suspended_days) == (date(2026, 5, 11), 6)
    early = decided().say("M6", "bezwaar_ontvangen", later(30)).say("M6", "verzuim_gemeld", later(31))
    early.say("M6", "verzuim_hersteld", later(35))
    assert early.term("M6", "T20b").suspended_days == 0


def test_a_committee_that_comes_later_makes_it_twelve_weeks() -> None:
    """With an adviescommissie T20b counts twelve weeks from the same day (Awb 7:10, 7:13)."""
    run = decided().say("M6", "bezwaar_ontvangen", later(40))
    assert run.term("M6", "T20b").due == date(2026, 6, 22)
    run.say("M6", "adviescommissie_ingesteld", later(45))
    assert run.term("M6", "T20b#2").due == date(2026, 8, 3)


def test_a_late_bezwaar_is_recorded_all_the_same() -> None:
    """A bezwaar that was posted too late goes to the jurist, who decides on it (Awb 6:11)."""
    for excused in (False, True):
        run = decided().tick(date(2026, 5, 14))
        day = date(2026, 5, 14)
        run.say("M6", "bezwaar_ontvangen", day, tijdig_verstuurd=False, verschoonbaar=excused)
        process = run.case.process("M6")
        assert (process.state, process.facts["bezwaar_te_laat"]) == ("BEZWAAR", not excused)


def test_a_very_late_bezwaar_counts_from_its_receipt() -> None:
    """When the six weeks of Awb 7:10 were over at receipt, they count from the receipt: no decision is late before."""
    run = decided().tick(date(2026, 9, 1)).say("M6", "bezwaar_ontvangen", date(2026, 9, 1))
    assert run.term("M6", "T20b").due == date(2026, 10, 13)


def test_a_case_may_have_several_vroegsignaalzaken_and_one_traject() -> None:
    """A second M2 stands beside the first; whether a traject is open is told apart from it."""
    run = Run().open("M2").open("M2", later(1))
    assert [process.name for process in run.case.processes] == ["M2", "M2#2"]
    assert not traject_is_open(run.case)
    assert traject_is_open(decided().case)
    assert not traject_is_open(decided().say("M7", "ingetrokken", later(50), motivering="m-01").case)


# --- extension --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ({"termijn": "T03", "weken": 1}, "Wgs art. 4a"),
        ({"termijn": "T03", "tot": date(2026, 3, 1)}, "niet na de huidige"),
        ({"termijn": "T20", "weken": 1}, "loopt geen termijn"),
        ({"termijn": "T03"}, "datum"),
        ({"termijn": "T06", "weken": 1}, "kan niet worden verlengd"),
    ],
)
def test_an_extension_that_the_law_does_not_allow_is_refused(data: dict[str, Any], word: str) -> None:
    """T03 ends after eight weeks at the latest, and other terms have no extension at all."""
    with pytest.raises(NotPossible, match=re.escape(word)):
        intake().say("M4", "termijn_verlengd", later(7), motivering="m-01", **data)


def test_a_term_below_the_maximum_may_grow_to_it() -> None:
    """With six weeks in the verordening, T03 may be extended to eight, not to nine."""
    short = replace(TERMS["T03"], length=TERMS["T20"].length)
    run = Run(Rules(CALENDAR, replace(RULES.policy, terms={**TERMS, "T03": short}))).open("M4")
    with pytest.raises(NotPossible, match=re.escape("Wgs art. 4a")):
        run.say("M4", "termijn_verlengd", later(1), termijn="T03", weken=3, motivering="m-01")
    run.say("M4", "termijn_verlengd", later(1), termijn="T03", weken=2, motivering="m-01")
    assert run.term("M4", "T03").due == later(56)


def test_an_extended_term_warns_again() -> None:
    """Warnings that were given before the extension are given again before the new end."""
    run = Run().open("M7").say("M7", "overeenkomst_getekend").tick(later(115))
    run.say("M7", "termijn_verlengd", later(116), termijn="T12", tot=later(180), motivering="m-01").tick(
        later(175)
    )
    assert [step.rung for step in run.steps if step.term == "T12"] == ["-30d", "-14d", "-7d"] * 2


def test_the_settlement_phase_may_be_extended_after_it_lapsed() -> None:
    """T12 is a module's term: a motivated extension is possible when it is over (case D)."""
    run = Run().open("M7").say("M7", "overeenkomst_getekend").tick(later(130))
    run.say("M7", "termijn_verlengd", later(130), termijn="T12", tot=later(160), motivering="m-01")
    assert not run.term("M7", "T12").is_overdue(later(150))


# --- hand-offs --------------------------------------------------------------------------------------------


def test_the_sender_holds_the_case_until_the_receiver_accepts() -> None:
    """An offered M4 is still with the case worker of M3; its legal terms run already."""
    run = contact(BY_HAND).say("M3", "eerste_gesprek_gevoerd", later(7))
    process = run.case.process("M4")
    assert (process.state, process.role(definition_of(process))) == (OFFERED, "case_worker")
    assert process.running("T03") is not None
    run.say("M4", "overdracht_aanvaard", later(8))
    process = run.case.process("M4")
    assert (process.state, process.role(definition_of(process))) == ("EERSTE_GESPREK", "debt_counsellor")
    assert run.term("M4", "OVD").stopped is TermOutcome.MET


def test_while_a_second_opinion_waits_everything_else_goes_on() -> None:
    """Of what was possible only the answer that waits is not, and the second opinion is."""
    run = intake()
    before = possible_now(run.case.process("M4"))
    asked = asking(Event("ingetrokken", later(8), {"motivering": "m-1"}), "beeindiging", "mw-1")
    run.case, _ = apply(run.case, "M4", asked, later(8), RULES)
    now = possible_now(run.case.process("M4"))
    assert set(now) == {GIVEN, *before} - {"ingetrokken"}


def test_what_goes_along_to_two_that_are_open_goes_to_the_first() -> None:
    """The letter of the griffier goes with the first of two Wsnp's, whoever is told last."""
    run = Run().open("M7", clienten=2).say("M7", "minnelijk_mislukt")
    for name in ("WSNP", "WSNP#2"):
        run.say(name, "wsnp_afgewezen", later(1)).say(name, "hoger_beroep_ingesteld", later(2))
    run.say("M7", "faillissementsaanvraag_gemeld", later(3)).say("M7", "minnelijk_mislukt", later(4))
    held = {process.name: process.running("T40") is not None for process in run.case.processes}
    assert held == {"M7": False, "WSNP": True, "WSNP#2": False}


def test_a_process_of_an_earlier_version_is_told_in_its_own_words() -> None:
    """M7 of version 1 knows no definitive end of a Wsnp: it hears the end itself."""
    run = Run(replace(RULES, versions={"M7": 1})).open("M7").say("M7", "minnelijk_mislukt")
    run.say("WSNP", "wsnp_toegelaten", later(1)).say("WSNP", "wsnp_beeindigd_zonder_schone_lei", later(30))
    assert run.state("M7") == "WSNP"
    assert run.tick(later(60)).state("M7") == "NA_WSNP"


def untreated() -> Run:
    """Return a case that was not treated, for want of data."""
    run = intake().say("M4", "gegevens_ontbreken", later(9)).tick(later(30))
    return run.say("M4", "buiten_behandeling_gesteld", later(30), motivering="m-1")


def refused() -> Run:
    """Return a case with a weigering."""
    run = intake().say("M4", "beeld_compleet", later(8)).say("M6", "weigering_getoetst", later(9))
    return run.say("M6", "weigering_besloten", later(9), motivering="m-1")


@pytest.mark.parametrize(("run", "code"), [(untreated(), "M4"), (refused(), "M6")], ids=["M4", "M6"])
def test_what_a_decision_ended_opens_anew(run: Run, code: str) -> None:
    """While bezwaar runs, the process of that decision takes no new request: another opens beside it."""
    day = later(40)
    run.say(code, "bezwaar_ontvangen", later(31)).open("M3", day)
    for event in ("aanmelding_geregistreerd", "niet_bedreigend", "eerste_gesprek_gevoerd"):
        run.say("M3#2", event, day)
    run.say("M4#2", "hulpvraag_vastgesteld", day)
    if code == "M6":
        run.say("M4#2", "beeld_compleet", day)
    assert run.state(code) == "BEZWAAR"
    assert run.case.process(f"{code}#2").running("T03") is not None


def test_a_returned_hand_off_comes_back_to_the_sender() -> None:
    """Returning needs a reason, tells the coordinator, and the sender can offer again."""
    run = contact(BY_HAND).say("M3", "eerste_gesprek_gevoerd", later(7))
    with pytest.raises(InvalidData, match="reden"):
        run.say("M4", "overdracht_teruggegeven", later(8))
    run.say("M3", "overdracht_teruggegeven", later(8), reden="geen ruimte")
    assert run.state("M4") == RETURNED
    assert "kennisgeving" in run.told("coordinator")
    run.say("M3", "overdracht_aangeboden", later(9))
    assert run.state("M4") == OFFERED


def test_working_on_an_offered_case_accepts_it() -> None:
    """Who reports work on an offered case has taken it over."""
    run = contact(BY_HAND).say("M3", "eerste_gesprek_gevoerd", later(7))
    run.say("M4", "hulpvraag_vastgesteld", later(7))
    assert run.state("M4") == "INTAKE"
    assert [step.event for step in run.steps][-3:] == [
        "overdracht_aanvaard",
        "hulpvraag_vastgesteld",
        "geopend",
    ]


def test_an_offer_that_nobody_accepts_reaches_the_coordinator() -> None:
    """After five working days the coordinator is told; in a crisis the next day."""
    run = contact(BY_HAND).say("M3", "eerste_gesprek_gevoerd", later(7)).tick(later(15))
    assert "termijn_gemist" in run.told("coordinator")
    urgent = Run(BY_HAND).open("M3").say("M3", "aanmelding_geregistreerd").say("M3", "bedreigend")
    urgent.say("M3", "eerste_gesprek_gevoerd", later(1))
    assert urgent.term("M4", "OVD").due == later(1)


def test_t03_is_one_running_term_in_m4_and_m6() -> None:
    """The decision term moves along with the case, with its anchor and its suspended days."""
    run = intake().say("M4", "gegevens_ontbreken", later(8)).say("M4", "gegevens_ontvangen", later(12))
    before = run.term("M4", "T03")
    run.say("M4", "beeld_compleet", later(13), stabilisatie_nodig=True)
    assert run.term("M6", "T03") == before
    assert all(term.term != "T03" for term in run.case.process("M4").terms)
    assert run.state("M5") == "START"


# --- the guards that protect people -----------------------------------------------------------------------


def test_a_refusal_is_a_decision_of_a_person_with_a_motivation() -> None:
    """A weigering needs a motivation code, and is marked as a decision in the events themselves."""
    run = intake().say("M4", "beeld_compleet", later(8))
    with pytest.raises(NotPossible, match="motivering"):
        run.say("M6", "weigering_besloten", later(9))
    decisions = (
        "weigering_besloten",
        "weigeringsgrond_gevonden",
        "buiten_behandeling_gesteld",
        "uitgestroomd",
        "beeindiging_voorgenomen",
        "beeindigingsbeschikking_bekendgemaakt",
        "T10_verlopen",
    )
    assert all(spec.decision and not spec.by_timer for name in decisions for spec in meanings_of(name))


def test_a_partners_waiting_time_protects_unless_a_coordinator_overrules() -> None:
    """While a bewindvoerder has not begun, ending is refused; a reason of a coordinator overrules that."""
    run = (
        decided()
        .open("M5", later(30))
        .say("M5", "stabilisatie_gestart", later(30))
        .say("M5", "bewind_ingesteld", later(31))
    )
    for name in ("M7", "M5"):
        with pytest.raises(NotPossible, match="zorgplicht"):
            run.say(name, "beeindiging_voorgenomen", later(40), motivering="m-01")
    with pytest.raises(NotPossible, match="zorgplicht"):
        run.say("M7", "uitgestroomd", later(40), uitstroomreden="Zelf", motivering="m-01")
    with pytest.raises(NotPossible, match="beslist_door"):
        run.say("M7", "beeindiging_voorgenomen", later(41), motivering="m-01", overrulereden="c-07")
    overruled = {"overrulereden": "c-07", "beslist_door": "teamleider"}
    run.say("M7", "beeindiging_voorgenomen", later(41), motivering="m-01", **overruled)
    assert run.state("M7") == "VOORNEMEN_BEEINDIGING"
    run.say("M7", "voornemen_ingetrokken", later(42))
    assert run.state("M7") == "START"


def test_silence_never_ends_a_case() -> None:
    """Three attempts without an answer lead to an evaluation, and that leads back."""
    run = decided().say("M7", "inwoner_reageert_niet", later(60), pogingen=3, kanalen=2).tick(later(400))
    assert run.state("M7") == "EVALUATIE"
    run.say("M7", "contact_hersteld", later(401))
    assert run.state("M7") == "START"


def test_a_bezwaar_that_is_founded_takes_an_ending_back() -> None:
    """After a founded bezwaar against the ending, M7 is back where it was and the traject is open again."""
    run = decided().say("M7", "overeenkomst_getekend", later(30))
    run.say("M7", "beeindiging_voorgenomen", later(40), motivering="m-01")
    run.say("M7", "beeindigingsbeschikking_bekendgemaakt", later(60))
    assert run.state("M7") == "BEEINDIGD"
    assert not traject_is_open(run.case)
    run.say("M7", "bezwaar_ontvangen", later(70)).say("M7", "gegrond", later(90))
    assert run.state("M7") == "OVEREENKOMST_GETEKEND"
    assert traject_is_open(run.case)


def test_a_death_stops_every_letter_and_every_term_but_the_archive() -> None:
    """At a death all processes close, only archive terms run, and no message goes to the client."""
    run = decided()
    run.steps.clear()
    run.say("M7", "overleden", later(40)).tick(later(800))
    assert all(closed(process) for process in run.case.processes)
    running = {term.term for process in run.case.processes for term in process.terms if term.runs}
    assert running == {"T62"}
    assert run.told("client") == []
    assert "taak" in run.told("coordinator")


def test_a_partner_may_go_on_after_a_death() -> None:
    """A traject of two clients goes on with one."""
    run = Run().open("M7", clienten=2).say("M7", "overleden", later(1), partner_gaat_door=True)
    assert (run.state("M7"), run.case.process("M7").facts["clienten"]) == ("START", 1)


def test_who_died_does_not_come_back_with_a_hand_over() -> None:
    """M5 knows of two clients still; what it hands over to M7, that knows of one, makes them no two again."""
    run = Run().open("M7", clienten=2).open("M5", clienten=2).say("M5", "stabilisatie_gestart")
    run.say("M7", "overleden", later(1), partner_gaat_door=True).say("M5", "in_balans", later(2))
    assert run.case.process("M7").facts["clienten"] == 1


def test_withdrawing_ends_the_whole_traject() -> None:
    """When the inwoner withdraws, all beside it ends with the same uitstroomreden; what he can attack stays."""
    run = decided().say("M7", "ingetrokken", later(50), motivering="m-01")
    assert {process.name: process.facts.get("uitstroomreden") for process in run.case.processes}[
        "BEGELEIDING"
    ] == "Ingetrokken"
    stand = {process.name: process for process in run.case.processes if not closed(process)}
    assert {name: item.state for name, item in stand.items()} == {
        "M6": "BESCHIKT_TOEGELATEN",
        "M7": "BEEINDIGD",
    }
    assert all(item.running("T20") for item in stand.values())
    assert not traject_is_open(run.case)


def test_a_contact_person_changes_with_a_reason() -> None:
    """The fixed contact person is a code, and a change needs a reason."""
    run = intake().say("BEGELEIDING", "contactpersoon_toegewezen", later(8), contactpersoon="mw-17")
    with pytest.raises(InvalidData, match="wijzigingsreden"):
        run.say("BEGELEIDING", "contactpersoon_gewijzigd", later(9), contactpersoon="mw-18")
    run.say(
        "BEGELEIDING", "contactpersoon_gewijzigd", later(9), contactpersoon="mw-18", wijzigingsreden="ziekte"
    )
    assert run.case.process("BEGELEIDING").facts["contactpersoon"] == "mw-18"


def test_the_measurement_has_the_same_themes_each_time() -> None:
    """A measurement has a score from 0 to 10 for all nine themes, or it is refused."""
    scores: dict[str, Any] = dict.fromkeys(
        (
            "werk",
            "inkomen",
            "opleiding",
            "spaargeld",
            "schulden",
            "wonen",
            "gezin",
            "gezondheid",
            "sociaal_netwerk",
        ),
        5,
    )
    with pytest.raises(InvalidData, match="meetinstrument"):
        intake().say("BEGELEIDING", "meting_gedaan", later(8), **scores)
    scores["meetinstrument"] = "zrm"
    run = intake().say("BEGELEIDING", "meting_gedaan", later(8), **scores)
    with pytest.raises(InvalidData, match="werk"):
        run.say("BEGELEIDING", "meting_gedaan", later(9), **{**scores, "werk": 11})
    with pytest.raises(InvalidData, match="gezin"):
        run.say("BEGELEIDING", "meting_gedaan", later(9), **{k: v for k, v in scores.items() if k != "gezin"})


def test_a_wsnp_that_was_granted_is_only_ended_by_the_court() -> None:
    """When the inwoner withdraws from the traject, an admitted Wsnp runs on."""
    run = decided().say("M7", "minnelijk_mislukt", later(60)).say("M7", "wsnp_toegelaten", later(90))
    assert run.state("WSNP") == "TOEGELATEN"
    run.say("M7", "ingetrokken", later(100), motivering="m-01")
    assert run.state("WSNP") == "TOEGELATEN"
    with pytest.raises(NotPossible):
        run.say("WSNP", "ingetrokken", later(100))


def test_a_clean_slate_leads_to_nazorg() -> None:
    """The eindvonnis with schone lei ends M7 and opens M8, and the ruling becomes definitive."""
    run = decided().say("M7", "minnelijk_mislukt", later(60)).say("WSNP", "wsnp_toegelaten", later(90))
    run.say("WSNP", "eindvonnis_schone_lei", later(700)).tick(later(710))
    assert (run.state("M7"), run.state("M8")) == ("AFGEROND", "GESTART")
    assert closed(run.case.process("WSNP"))


def test_a_second_answer_at_the_court_does_not_go_round() -> None:
    """A report that was already made is not made again."""
    run = decided().say("M7", "minnelijk_mislukt", later(60)).say("M7", "wsnp_toegelaten", later(90))
    run.say("M7", "wsnp_beeindigd_zonder_schone_lei", later(200))
    assert (run.state("M7"), run.state("WSNP")) == ("WSNP", "BEEINDIGD_ZONDER_SCHONE_LEI")
    assert sum(step.event == "wsnp_beeindigd_zonder_schone_lei" for step in run.steps) == 2


# --- the function itself ----------------------------------------------------------------------------------


def test_advance_changes_nothing_that_it_was_given() -> None:
    """The snapshot before stays as it was; the sequence goes up by one."""
    definition = current("M3")
    snapshot, _ = open_process(definition, MONDAY, MONDAY, RULES)
    outcome = advance(definition, snapshot, Event("aanmelding_geregistreerd", MONDAY), MONDAY, RULES)
    assert (snapshot.state, outcome.after.state) == ("NIEUW", "CRISISCHECK")
    assert outcome.before == snapshot
    assert outcome.after.sequence == snapshot.sequence + 1


def test_a_term_is_computed_in_few_steps() -> None:
    """Wherever in the year it begins, a deadline and its warnings take less than a hundred calls."""
    term = TERMS["T01"]
    for number in range(365):
        started = MONDAY + timedelta(days=number)
        deadline = CALENDAR.deadline(started, term.length_for(), term.basis)
        assert calls_in(partial(CALENDAR.deadline, started, term.length_for(), term.basis)) < 100
        assert calls_in(partial(describe, term, deadline, CALENDAR)) < 100


def test_a_death_is_told_once() -> None:
    """In a case with four open processes the coordinator and the bewindvoerder each hear of a death once."""
    run = Run().open("M5").say("M5", "stabilisatie_gestart").say("M5", "bewind_ingesteld")
    run.open("M6").open("M7").open("BEGELEIDING")
    before = len(run.steps)
    run.say("M7", "overleden", later(3))
    told = [(message.role, message.kind) for step in run.steps[before:] for message in step.messages]
    assert sorted(told) == [
        ("coordinator", "kennisgeving"),
        ("coordinator", "taak"),
        ("protective_administrator", "kennisgeving"),
    ]


def test_a_warning_while_a_case_is_offered_goes_to_who_must_go_on() -> None:
    """On the day of the hand-off the sender hears nothing more of the work; later both hear of it."""
    policy = with_overrides(Policy(), {"T06": {"waarschuwingen": ["start", "+2wd"]}})
    run = contact(Rules(CALENDAR, policy)).say("M3", "eerste_gesprek_gevoerd", later(7))
    assert run.state("M4") == OFFERED
    before = len(run.steps)
    warned = [
        [message.role for step in run.tick(later(day)).steps[before:] for message in step.messages]
        for day in (7, 9)
    ]
    assert warned == [["debt_counsellor"], ["debt_counsellor", "debt_counsellor", "case_worker"]]
