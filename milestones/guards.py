"""The conditions that a row may name: each a small test and the sentence that a refusal shows.

A condition that only the reporter can know (is the inwoner identified? does he consent?) holds unless
the report says that it does not. A guard declares what it reads; `milestones.defects` compares that with what
there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from milestones.event_fields import THEMES
from milestones.roles import OVERRULERS, dutch_role
from milestones.running import target_groups
from milestones.vocabulary import (
    ADMITTED,
    AFTERCARE,
    APPEAL,
    APPEAL_IN_WSNP,
    APPEAL_TO_THE_COURT,
    CASSATION,
    DECISION,
    DECISION_ON_OBJECTION,
    DECISION_WITHOUT_ORDINANCE,
    DELAY,
    EXTRA_SIGNALS,
    FIXING_PENALTY,
    FOLLOW_UP,
    FURTHER_APPEAL,
    OBJECTION,
    POST_WEEK,
    REJECTED,
    REPAIR,
    REPAIR_OF_OBJECTION,
    VIEW,
    WITH_CLEAN_SLATE,
    WITHOUT_CLEAN_SLATE,
    WSNP_TERM,
    WSNP_YEAR,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from milestones.calendar import Calendar
    from milestones.policy import Policy
    from milestones.snapshot import Snapshot
    from milestones.vocabulary import FactName, FieldName, GuardName, TermId


@dataclass(frozen=True, slots=True)
class Situation:
    """What a guard may look at: the process before the event, the event's data and date, the policy."""

    snapshot: Snapshot
    data: Mapping[str, object]
    on: date
    policy: Policy
    beside: tuple[Snapshot, ...] = ()
    by: tuple[str, ...] | None = None
    calendar: Calendar | None = None

    def fact(self, name: FactName) -> object:
        """Return a fact of this process."""
        return self.snapshot.facts.get(name)

    def said(self, name: FieldName) -> object:
        """Return what the event says; None when it does not say it."""
        return self.data.get(name)

    def number(self, fact: FactName) -> int:
        """Return a counted fact, 0 when it was never counted."""
        value = self.snapshot.facts.get(fact, 0)
        return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition, the Dutch sentence for when it does not hold, and what it reads.

    With `hides` it looks at the process alone, and an event for which it does not hold is not offered at all.
    """

    holds: Callable[[Situation], bool]
    refusal: str
    hides: bool = False
    facts: tuple[FactName, ...] = ()
    data: tuple[FieldName, ...] = ()
    terms: tuple[TermId, ...] = ()
    beside: tuple[FactName, ...] = ()  # facts of any process of the case


def _term_over(situation: Situation, term: TermId) -> bool:
    running = situation.snapshot.running(term)
    return running is not None and running.due is not None and situation.on >= running.due


def _enough_attempts(situation: Situation) -> bool:
    return situation.number("contactpogingen") >= situation.policy.attempts_before_closing


def _last_no_show(situation: Situation) -> bool:
    return situation.number("niet_verschenen") + 1 >= situation.policy.no_shows_before_closing


def _duty_of_care(situation: Situation) -> bool:
    """Tell whether no partner is the cause, or whether who may do so decided otherwise with a reason (domain 4.6)."""
    return _overruled(situation) or _no_partner_waits(situation)


def _no_partner_waits(situation: Situation) -> bool:
    here = situation.fact("wacht_op_partner")
    waits = here or any(snapshot.facts.get("wacht_op_partner") for snapshot in situation.beside)
    return not waits and situation.said("wachttijd_partner") is not True


def _overruled(situation: Situation) -> bool:
    """Tell whether a coordinator or team leader overrules: by the roles that are known, or else by what is stated."""
    if situation.by is not None:
        able = {situation.policy.role(role) for role in OVERRULERS}
        by_right_role = bool(able & set(situation.by))
    else:
        by_right_role = _said_or_known(situation, "beslist_door") in [dutch_role(role) for role in OVERRULERS]
    return by_right_role and isinstance(_said_or_known(situation, "overrulereden"), str)


def _said_or_known(
    situation: Situation, name: Literal["beslist_door", "overrulereden", "motivering"]
) -> object:
    said = situation.said(name)
    return situation.fact(name) if said is None else said


def _within(situation: Situation, term: TermId) -> bool:
    """Tell whether the day of the event lies in a term, whether or not it was ended since."""
    latest = situation.snapshot.latest(term)
    return latest is not None and latest.due is not None and situation.on <= latest.due


def _motivated(situation: Situation) -> bool:
    return isinstance(_said_or_known(situation, "motivering"), str)


def _ground_allowed(situation: Situation) -> bool:
    groups = target_groups({"doelgroep": situation.fact("doelgroep")})
    return not ("statushouder" in groups and situation.said("grond") in ("BRP", "toeslagen"))


def _another_reader(situation: Situation) -> bool:
    return situation.said("beoordelaar") is None or situation.said("beoordelaar") != situation.fact(
        "beoordelaar"
    )


def _who_moved(situation: Situation) -> object:
    said = situation.said("wie_verhuist")
    return situation.fact("wie_verhuist") if said is None else said


def _instruments(situation: Situation) -> tuple[object, ...]:
    """Return the meetinstrument with which was measured before, in any process of the case."""
    every = (situation.snapshot, *situation.beside)
    return tuple(item.facts["meetinstrument"] for item in every if item.facts.get("meetinstrument"))


def _first_objection(situation: Situation) -> bool:
    """Whether no bezwaar against this decision was handled before: its T20b comes after its T20."""
    kinds = {OBJECTION, DECISION_ON_OBJECTION}
    order = [item.term for item in situation.snapshot.terms if item.term in kinds]
    return not order or order[-1] != DECISION_ON_OBJECTION


_REMEDIES = {OBJECTION, APPEAL, FURTHER_APPEAL}


def _stands_open_for(situation: Situation) -> str | None:
    """Return the term of the last remedy against the decision that now counts; it may have run out."""
    order = [item.term for item in situation.snapshot.terms if item.term in _REMEDIES]
    return order[-1] if order else None


def _objection_period_over(situation: Situation) -> bool:
    running = (situation.snapshot.running(term) for term in (OBJECTION, POST_WEEK))
    return all(item is None or item.is_overdue(situation.on) for item in running)


def _objection_in_time(situation: Situation) -> bool:
    if situation.said("verschoonbaar") is True:
        return True
    if situation.said("tijdig_verstuurd") is False:
        return False
    return _within(situation, OBJECTION) or _within(situation, POST_WEEK)


def _post_week_over(situation: Situation) -> bool:
    """Tell whether the bezwaartermijn and the post week are over on the day of the event, whatever fired by then."""
    period = situation.snapshot.latest(OBJECTION)
    if period is None or period.due is None:
        return True
    week = situation.policy.term(POST_WEEK)
    if situation.calendar is None or week.length is None:
        return situation.on > period.due
    return situation.on > situation.calendar.deadline(period.due, week.length, week.basis).due


def _objection_too_late(situation: Situation) -> bool:
    if situation.said("verschoonbaar") is True:
        return False
    return situation.said("tijdig_verstuurd") is False or _post_week_over(situation)


def _decision_overdue(situation: Situation) -> bool:
    terms = (situation.snapshot.running(term) for term in _OWED)
    return any(term is not None and term.is_overdue(situation.on) for term in terms)


def _enough_silence(situation: Situation) -> bool:
    attempts, ways = situation.said("pogingen"), situation.said("kanalen")
    return (not isinstance(attempts, int) or attempts >= situation.policy.attempts_before_closing) and (
        not isinstance(ways, int) or ways >= situation.policy.channels_before_closing
    )


def _exit_motivated(situation: Situation) -> bool:
    return situation.said("uitstroomreden") in _OWN_CHOICE or _motivated(situation)


def _aftercare_over(situation: Situation) -> bool:
    term = situation.snapshot.latest(AFTERCARE)
    return term is not None and term.due is not None and situation.on >= term.due


def _to_m7(situation: Situation) -> bool:
    if (to := situation.said("naar")) is not None:
        return to == "M7"
    return any(item.code == "M7" and not _ended_by_decision(item) for item in situation.beside)


def _ended_by_decision(process: Snapshot) -> bool:
    """Whether the help of a process has ended, though what stands against that decision still runs."""
    return process.facts.get("uitstroomreden") is not None


def _wsnp_in_force(situation: Situation) -> bool:
    """Whether the Wsnp was granted: until a ruling that ends it is final, its term runs (Fw art. 350 and 356)."""
    return situation.snapshot.latest(WSNP_TERM) is not None


def _a_year_of_wsnp(situation: Situation) -> bool:
    year = situation.snapshot.latest(WSNP_YEAR)
    return year is None or year.due is None or situation.on >= year.due


def _open_wsnps(situation: Situation) -> tuple[Snapshot, ...]:
    return tuple(item for item in situation.beside if item.code == "WSNP")


# A Wsnp that was refused, and what runs against that: nobody loses time while it does.
_REJECTED = {REJECTED, "HOGER_BEROEP", "CASSATIE"}

# The reasons of uitstroom that are the inwoner's own, or no more than a fact.
_OWN_CHOICE = {"Ingetrokken", "Zelf", "Afgerond"}

_OWED: tuple[TermId, ...] = (DECISION, DECISION_WITHOUT_ORDINANCE, DECISION_ON_OBJECTION)
# Where help runs once it is granted, or before that in a crisis.
_HELP = {"M5", "M7", "M8"}
_GRANTED = "BESCHIKT_TOEGELATEN"

_GUARDS: dict[GuardName, Guard] = {
    "identified": Guard(
        lambda s: s.said("geidentificeerd") is not False,
        "Een hulpvraag kan pas verder als bekend is wie de inwoner is.",
        data=("geidentificeerd",),
    ),
    "consent": Guard(
        lambda s: s.said("toestemming") is not False,
        "Een verwijzing kan pas verder als de inwoner toestemming geeft.",
        data=("toestemming",),
    ),
    "reached": Guard(
        lambda s: s.said("bereikt") is True,
        "De inwoner is niet bereikt.",
        data=("bereikt",),
    ),
    "amount_not_higher": Guard(
        lambda s: s.said("bedrag_hoger") is not True,
        "Een hoger bedrag is geen herhaalde melding (DDAS, T10b).",
        data=("bedrag_hoger",),
    ),
    "t10_over": Guard(
        lambda s: _term_over(s, FOLLOW_UP),
        "De opvolgtermijn (T10) loopt nog: doe nog een contactpoging.",
        terms=(FOLLOW_UP,),
    ),
    "enough_attempts": Guard(
        _enough_attempts,
        "Er zijn nog niet genoeg contactpogingen gedaan.",
        facts=("contactpogingen",),
    ),
    "last_no_show": Guard(
        _last_no_show,
        "De inwoner krijgt eerst een nieuwe afspraak.",
        facts=("niet_verschenen",),
    ),
    "all_channels_tried": Guard(
        lambda s: s.said("alle_kanalen_geprobeerd") is True,
        "Eerst zijn alle manieren van contact nodig, ook een huisbezoek.",
        data=("alle_kanalen_geprobeerd",),
    ),
    "threatened": Guard(
        lambda s: s.fact("bedreigende_situatie") is True,
        "Er is geen bedreigende situatie bekend.",
        facts=("bedreigende_situatie",),
    ),
    "no_help_runs_beside": Guard(
        lambda s: (
            s.snapshot.state != _GRANTED
            and not any(item.code in _HELP and not _ended_by_decision(item) for item in s.beside)
        ),
        "De hulp loopt al en eindigt alleen bij beschikking (Wgs art. 4a lid 6): meld het bij die mijlpaal.",
        beside=("uitstroomreden",),
    ),
    "term_counts": Guard(
        lambda s: any(
            (term := s.snapshot.running(name)) is not None and term.suspended_since is None for name in _OWED
        ),
        "Er loopt geen beslistermijn die stil kan staan (Awb art. 4:15).",
        hides=True,
    ),
    "decision_not_overdue": Guard(
        lambda s: not _decision_overdue(s),
        "De beslistermijn is al voorbij en kan niet meer stilstaan (Awb art. 4:15).",
        terms=(DECISION, DECISION_WITHOUT_ORDINANCE, DECISION_ON_OBJECTION),
    ),
    "no_other_standstill": Guard(
        lambda s: s.fact("opschorting") is not True and s.snapshot.running(DELAY) is None,
        "De beslistermijn staat ook om een andere reden stil (Awb art. 4:15).",
        facts=("opschorting",),
        terms=(DELAY,),
    ),
    "no_repair_runs": Guard(
        lambda s: all(s.snapshot.running(name) is None for name in (REPAIR, REPAIR_OF_OBJECTION)),
        "De beslistermijn staat ook stil omdat er gegevens ontbreken (Awb art. 4:15).",
        terms=(REPAIR, REPAIR_OF_OBJECTION),
    ),
    "stands_still": Guard(
        lambda s: s.fact("opschorting") is True,
        "De beslistermijn staat niet stil door een mededeling van de gemeente (Awb art. 4:15).",
        facts=("opschorting",),
        hides=True,
    ),
    "no_digital_failure": Guard(
        lambda s: s.fact("storing_digitaal") is not True,
        "De digitale weg werkte niet: dat wordt de inwoner niet tegengeworpen (Awb art. 2:21 lid 3). Geef hem opnieuw "
        "de gelegenheid.",
        facts=("storing_digitaal",),
    ),
    "no_view_needed": Guard(
        lambda s: True not in (s.said("afwijkende_gegevens"), s.fact("afwijkende_gegevens")),
        "De weigering steunt op gegevens die afwijken van wat de inwoner gaf: eerst een voornemen en zijn zienswijze "
        "(Awb art. 4:7 lid 1).",
        data=("afwijkende_gegevens",),
        facts=("afwijkende_gegevens",),
    ),
    "view_heard": Guard(
        lambda s: s.fact("zienswijze_gehoord") is True or s.snapshot.running(VIEW) is None,
        "De inwoner kan zijn zienswijze nog geven (Awb art. 4:7 lid 1).",
        facts=("zienswijze_gehoord",),
    ),
    "refusal_checked": Guard(
        lambda s: s.fact("weigering_akkoord") is True,
        "Een tweede paar ogen toetst de weigering eerst ('weigering_getoetst').",
        facts=("weigering_akkoord",),
    ),
    # What M4 found and handed over, M6 decides: two people, of whom neither can do both.
    "refusal_read_twice": Guard(
        lambda s: (
            s.fact("weigering_akkoord") is True or (s.fact("advies") == "weigering" and _another_reader(s))
        ),
        "Een tweede paar ogen toetst de weigering eerst ('weigering_getoetst').",
        facts=("weigering_akkoord", "advies", "beoordelaar"),
        data=("beoordelaar",),
    ),
    "another_reader": Guard(
        _another_reader,
        "Wie de grond voor de weigering vond, kan niet ook het tweede paar ogen zijn.",
        facts=("beoordelaar",),
        data=("beoordelaar",),
    ),
    "late_without_failure": Guard(
        lambda s: (
            s.fact("storing_digitaal") is not True
            or (s.fact("bezwaar_te_laat") is not True and s.snapshot.latest(REPAIR_OF_OBJECTION) is None)
        ),
        "De digitale weg werkte niet: dat het te laat is, wordt de inwoner niet tegengeworpen (Awb art. 2:21 lid 3).",
        facts=("storing_digitaal", "bezwaar_te_laat"),
        terms=(REPAIR_OF_OBJECTION,),
    ),
    "one_of_two_moved": Guard(
        lambda s: _who_moved(s) in ("eerste cliënt", "tweede cliënt"),
        "Er verhuist niet maar een van de twee cliënten.",
        facts=("wie_verhuist",),
        data=("wie_verhuist",),
    ),
    "departure_decided": Guard(
        lambda s: any(
            item.facts.get("besluit_over") == "wie vertrok"
            and item.facts.get("wie_verhuist") == _who_moved(s)
            for item in s.beside
        ),
        "Over wie vertrok is nog niet beslist.",
        data=("wie_verhuist",),
        beside=("besluit_over", "wie_verhuist"),
    ),
    "two_clients": Guard(
        lambda s: s.fact("clienten") != 1, "Deze zaak heeft nog maar een cliënt.", facts=("clienten",)
    ),
    "of_who_left": Guard(
        lambda s: s.fact("besluit_over") == "wie vertrok",
        "Dit besluit gaat niet over wie vertrok.",
        hides=True,
        facts=("besluit_over",),
    ),
    "of_who_stayed": Guard(
        lambda s: s.fact("besluit_over") != "wie vertrok",
        "Dit besluit gaat over wie vertrok: meld zijn overlijden met 'vertrokken_client_overleden'.",
        hides=True,
        facts=("besluit_over",),
    ),
    # Of version 2, in which the bezwaar of who left stood in the process of who stayed.
    "left_behind": Guard(
        lambda s: s.fact("vertrokken_client") is True,
        "Er is geen cliënt die naar een andere gemeente is vertrokken.",
        facts=("vertrokken_client",),
        hides=True,
    ),
    "objection_pending": Guard(
        lambda s: s.snapshot.running(DECISION_ON_OBJECTION) is not None,
        "Er loopt geen bezwaar waarop nog moet worden beslist (Awb art. 7:10).",
        hides=True,
        terms=(DECISION_ON_OBJECTION,),
    ),
    "departed_appeals": Guard(
        lambda s: s.fact("beroep_vertrokken") is True,
        "Er loopt geen beroep van een cliënt die naar een andere gemeente is vertrokken.",
        facts=("beroep_vertrokken",),
        hides=True,
    ),
    "same_instrument": Guard(
        lambda s: s.said("meetinstrument") in (None, *_instruments(s)) or not _instruments(s),
        "Gebruik in het hele traject hetzelfde meetinstrument: alleen dan is groei te zien.",
        data=("meetinstrument",),
        beside=("meetinstrument",),
    ),
    "not_threatened": Guard(
        lambda s: s.fact("bedreigende_situatie") is not True,
        "Er is een bedreigende situatie: dan gelden de drie werkdagen (Wgs art. 4 lid 2).",
        facts=("bedreigende_situatie",),
    ),
    "consented": Guard(
        lambda s: s.said("toestemming") is True,
        "De inwoner heeft geen toestemming gegeven.",
        data=("toestemming",),
    ),
    "partner_goes_on": Guard(
        lambda s: s.said("partner_gaat_door") is True,
        "De partner gaat niet door.",
        data=("partner_gaat_door",),
    ),
    "transfers": Guard(
        lambda s: s.said("keuze") == "overdragen",
        "De uitvoering wordt niet overgedragen.",
        data=("keuze",),
    ),
    "keeps_execution": Guard(
        lambda s: s.said("keuze") == "behouden", "De uitvoering blijft niet hier.", data=("keuze",)
    ),
    "silent": Guard(
        lambda s: s.fact("reageert_niet") is True,
        "Er is niet gemeld dat de inwoner niet reageert.",
        hides=True,
        facts=("reageert_niet",),
    ),
    "resident_agrees": Guard(
        lambda s: s.said("inwoner_stemt_in") is True,
        "Zonder traject stoppen kan alleen als de inwoner het ermee eens is (Wgs art. 4a lid 2).",
        data=("inwoner_stemt_in",),
    ),
    "under_administration": Guard(
        lambda s: s.fact("bewind") is True, "Er is geen beschermingsbewindvoerder.", facts=("bewind",)
    ),
    "administration_own": Guard(
        lambda s: s.said("administratie_zelf") is True,
        "De inwoner doet de administratie nog niet zelf.",
        data=("administratie_zelf",),
    ),
    "scores_whole": Guard(
        lambda s: len(set(THEMES) & set(s.data)) in (0, len(THEMES)),
        "Geef alle negen scores van het meetinstrument, of geen.",
        data=THEMES,
    ),
    "instrument_named": Guard(
        lambda s: s.said("meetinstrument") is not None or not set(THEMES) & set(s.data),
        "Zeg bij de scores met welk meetinstrument is gemeten ('meetinstrument').",
        data=("meetinstrument", *THEMES),
    ),
    "on_own_list": Guard(
        lambda s: (
            s.said("levensfase") in {None, *s.policy.life_phases}
            and s.said("persona") in {None, *s.policy.personas}
        ),
        "Deze levensfase of persona staat niet in de lijst van de gemeente (beleid: 'levensfasen', 'personas').",
        data=("levensfase", "persona"),
    ),
    "relocation_offered": Guard(
        lambda s: s.fact("verhuizing") == "aangeboden",
        "De zaak is niet aangeboden aan een andere gemeente.",
        facts=("verhuizing",),
    ),
    "no_event_of_its_own": Guard(
        lambda s: s.said("uitstroomreden") not in {"Overleden", "Verhuisd"},
        "Meld een overlijden met 'overleden' en een verhuizing met 'verhuizing'.",
        data=("uitstroomreden",),
    ),
    "own_choice": Guard(
        lambda s: s.said("uitstroomreden") in _OWN_CHOICE,
        "Tegen de wens van de inwoner eindigt een traject alleen bij beschikking (Wgs art. 4a).",
        data=("uitstroomreden",),
    ),
    "duty_of_care": Guard(
        _duty_of_care,
        "De oorzaak ligt bij het wachten op een partner: de zorgplicht loopt door. Alleen een coördinator of "
        "teamleider kan anders beslissen, met zijn rol ('beslist_door') en een reden ('overrulereden').",
        facts=("overrulereden", "beslist_door"),
        beside=("wacht_op_partner",),
        data=("overrulereden", "beslist_door", "wachttijd_partner"),
    ),
    # Of version 1, in which no role was asked for and the inwoner's own reasons needed no motivation.
    "no_partner_keeps_waiting": Guard(
        lambda s: isinstance(s.said("overrulereden"), str) or _no_partner_waits(s),
        "De oorzaak ligt bij het wachten op een partner: de zorgplicht loopt door. Alleen een "
        "coördinator kan dit met een reden anders beslissen ('overrulereden').",
        beside=("wacht_op_partner",),
        data=("overrulereden", "wachttijd_partner"),
    ),
    "exit_motivated": Guard(
        _exit_motivated,
        "Bij deze uitstroomreden is een code van de motivering nodig ('motivering').",
        facts=("motivering",),
        data=("uitstroomreden", "motivering"),
    ),
    "motivated": Guard(
        _motivated,
        "Er is een code van de motivering nodig ('motivering').",
        facts=("motivering",),
        data=("motivering",),
    ),
    "ground_allowed": Guard(
        _ground_allowed,
        "Bij een statushouder zijn ontbrekende gegevens van BRP of toeslagen nooit een grond voor weigering.",
        facts=("doelgroep",),
        data=("grond",),
    ),
    # Of versions 1 and 2, in which this hung on what had fired.
    "objection_in_time": Guard(
        _objection_in_time,
        "Het bezwaar is te laat (Awb art. 6:7 en 6:9), en niet verontschuldigd (Awb art. 6:11).",
        data=("verschoonbaar", "tijdig_verstuurd"),
        terms=(OBJECTION, POST_WEEK),
    ),
    "objection_received_in_time": Guard(
        lambda s: not _objection_too_late(s),
        "Het bezwaar is te laat (Awb art. 6:7 en 6:9), en niet verontschuldigd (Awb art. 6:11).",
        data=("verschoonbaar", "tijdig_verstuurd"),
        terms=(OBJECTION, POST_WEEK),
    ),
    "no_objection_to_come": Guard(
        lambda s: (
            _post_week_over(s) or all(s.snapshot.running(name) is None for name in (OBJECTION, POST_WEEK))
        ),
        "Tot de postweek voorbij is, kan er nog een bezwaar komen (Awb art. 6:9 lid 2).",
        terms=(OBJECTION, POST_WEEK),
    ),
    "first_objection": Guard(
        _first_objection,
        "Op een bezwaar tegen dit besluit is al beslist; daarna staat beroep open bij de rechtbank "
        "(Awb art. 8:1).",
        hides=True,
        terms=(OBJECTION, DECISION_ON_OBJECTION),
    ),
    "penalty_to_be_fixed": Guard(
        lambda s: s.snapshot.running(FIXING_PENALTY) is not None,
        "Er is geen dwangsom waarvan de hoogte nog moet worden vastgesteld (Awb art. 4:18).",
        hides=True,
        terms=(FIXING_PENALTY,),
    ),
    "decision_overdue": Guard(
        _decision_overdue,
        "De beslistermijn is nog niet voorbij (Awb art. 4:17 en 6:12).",
        terms=(DECISION, DECISION_WITHOUT_ORDINANCE, DECISION_ON_OBJECTION),
    ),
    "t03_over": Guard(
        lambda s: _term_over(s, DECISION) or _term_over(s, DECISION_WITHOUT_ORDINANCE),
        "De beslistermijn (T03) loopt nog.",
        terms=(DECISION, DECISION_WITHOUT_ORDINANCE),
    ),
    "t17_over": Guard(
        _aftercare_over,
        "De nazorgperiode (T17) loopt nog.",
        terms=(AFTERCARE,),
    ),
    "aftercare_contact_held": Guard(
        lambda s: s.number("nazorgcontacten") >= s.policy.aftercare_contacts,
        "In de nazorgperiode is eerst een contactmoment nodig.",
        facts=("nazorgcontacten",),
    ),
    "exempt_amount_counted": Guard(
        lambda s: s.said("beslagvrije_voet") is not False,
        "Het plan houdt rekening met de beslagvrije voet (Wgs art. 4a lid 5).",
        data=("beslagvrije_voet",),
    ),
    "general_moratorium": Guard(
        lambda s: s.said("moratorium") == "breed",
        "Het is geen breed moratorium.",
        data=("moratorium",),
    ),
    "running_costs_paid": Guard(
        lambda s: s.said("lopende_lasten_betaald") is not False,
        "Een moratorium kan alleen als de lopende lasten worden betaald (Fw art. 287b).",
        data=("lopende_lasten_betaald",),
    ),
    "to_m5": Guard(
        lambda s: s.said("naar") == "M5",
        "De zaak gaat niet naar M5.",
        data=("naar",),
    ),
    "to_m7": Guard(
        _to_m7,
        "De zaak gaat niet naar M7.",
        data=("naar",),
        beside=("uitstroomreden",),
    ),
    "plan_revised": Guard(
        lambda s: s.said("plan_herzien") is True,
        "Het plan wordt niet herzien.",
        data=("plan_herzien",),
    ),
    "enough_silence": Guard(
        _enough_silence,
        "Er zijn eerst meer pogingen nodig, op meer dan een manier.",
        data=("pogingen", "kanalen"),
    ),
    "new_request": Guard(
        lambda s: s.said("vervolg") == "nieuwe aanvraag",
        "De inwoner kiest iets anders.",
        data=("vervolg",),
    ),
    "admitted": Guard(
        lambda s: s.fact("beschikking") == "toegelaten",
        "Er is geen toelating.",
        facts=("beschikking",),
    ),
    "extra_signals": Guard(
        lambda s: _within(s, EXTRA_SIGNALS),
        "Het extra vroegsignaleren (T16) is voorbij.",
        terms=(EXTRA_SIGNALS,),
    ),
    "in_aftercare": Guard(
        lambda s: _within(s, AFTERCARE),
        "De nazorgperiode (T17) is voorbij.",
        terms=(AFTERCARE,),
    ),
    "before_repayment": Guard(
        lambda s: isinstance(s.said("eerste_aflossing"), date),
        "Er is geen eerdere aflossing gemeld.",
        data=("eerste_aflossing",),
    ),
    "not_decided_on_objection": Guard(
        lambda s: _stands_open_for(s) in (None, OBJECTION),
        "Op een bezwaar tegen dit besluit is al beslist; daarna staat beroep open bij de rechtbank "
        "(Awb art. 8:1).",
        hides=True,
        terms=(OBJECTION, APPEAL, FURTHER_APPEAL),
    ),
    "decided_on_objection": Guard(
        lambda s: _stands_open_for(s) == APPEAL,
        "Beroep staat pas open na een beslissing op bezwaar (Awb art. 7:1 en 8:1).",
        hides=True,
        terms=(OBJECTION, APPEAL, FURTHER_APPEAL),
    ),
    "decided_on_appeal": Guard(
        lambda s: _stands_open_for(s) == FURTHER_APPEAL,
        "Hoger beroep staat pas open na een uitspraak van de rechtbank (Awb art. 8:104).",
        hides=True,
        terms=(OBJECTION, APPEAL, FURTHER_APPEAL),
    ),
    "first_further_appeal": Guard(
        lambda s: s.fact("hoger_beroep") is not True,
        "Op het hoger beroep is al beslist: daarna staat bij de bestuursrechter niets meer open.",
        hides=True,
        facts=("hoger_beroep",),
    ),
    "last_appeal": Guard(
        lambda s: s.fact("hoger_beroep") is True, "Er is geen hoger beroep.", facts=("hoger_beroep",)
    ),
    # Of versions 1 and 2.
    "objection_period_over": Guard(
        _objection_period_over,
        "De bezwaartermijn loopt nog.",
        terms=(OBJECTION, POST_WEEK),
    ),
    "guardianship_goes_on": Guard(
        lambda s: s.said("bewindadvies") == "voortzetten",
        "De rechter beslist nog over het bewind (BW art. 1:432a lid 6).",
        data=("bewindadvies",),
    ),
    "wsnp_in_force": Guard(_wsnp_in_force, "Er is geen Wsnp van kracht.", terms=(WSNP_TERM,)),
    "wsnp_not_in_force": Guard(
        lambda s: not _wsnp_in_force(s),
        "Na de toelating beëindigt alleen de rechter de Wsnp (Fw art. 350).",
        terms=(WSNP_TERM,),
    ),
    "wsnp_a_year": Guard(
        _a_year_of_wsnp,
        "De Wsnp kan pas na een jaar zo worden beëindigd (Fw art. 354a lid 1).",
        terms=(WSNP_YEAR,),
    ),
    "wsnp_over": Guard(
        lambda s: all(item.latest(WSNP_TERM) is None for item in _open_wsnps(s)),
        "Er loopt nog een Wsnp: pas als een uitspraak definitief is, eindigt zij iets (Fw art. 350 en 356).",
        terms=(WSNP_TERM,),
    ),
    "one_wsnp": Guard(
        lambda s: len(_open_wsnps(s)) <= 1,
        "Elke cliënt heeft een eigen Wsnp: meld dit bij die van de cliënt zelf (WSNP of WSNP#2).",
        terms=(WSNP_TERM,),
    ),
    "with_the_wsnp": Guard(
        lambda s: "WSNP" in (s.snapshot.state, s.fact("vorige_toestand")),
        "M7 wacht niet op de Wsnp.",
        facts=("vorige_toestand",),
    ),
    "clean_slate": Guard(
        lambda s: s.fact("schone_lei") is True, "Niemand heeft een schone lei.", facts=("schone_lei",)
    ),
    "lost_wsnp": Guard(
        lambda s: s.fact("recidive_mogelijk") is True,
        "Er is geen Wsnp zonder schone lei geëindigd.",
        facts=("recidive_mogelijk",),
    ),
    "no_wsnp_to_wait_for": Guard(
        lambda s: all(item.state in _REJECTED and item.latest(WSNP_TERM) is None for item in _open_wsnps(s)),
        "De Wsnp van de andere cliënt loopt nog.",
        terms=(WSNP_TERM,),
    ),
    "may_appeal": Guard(
        lambda s: s.snapshot.running(APPEAL_IN_WSNP) is not None,
        "De termijn voor hoger beroep (T35) loopt niet.",
        hides=True,
        terms=(APPEAL_IN_WSNP,),
    ),
    "may_appeal_to_the_court": Guard(
        lambda s: s.snapshot.running(APPEAL_TO_THE_COURT) is not None,
        "De termijn voor beroep tegen de rechter-commissaris (T35d) loopt niet.",
        hides=True,
        terms=(APPEAL_TO_THE_COURT,),
    ),
    "changed_by_the_court": Guard(
        lambda s: s.said("wijziging_door") == "rechtbank",
        "De rechtbank wijzigde de termijn niet.",
        data=("wijziging_door",),
    ),
    "about_the_term": Guard(
        lambda s: s.fact("vorige_toestand") == ADMITTED,
        "Het hoger beroep gaat niet over de termijn of over een einde dat is geweigerd.",
        facts=("vorige_toestand",),
    ),
    "may_go_to_cassation": Guard(
        lambda s: s.snapshot.running(CASSATION) is not None,
        "De termijn voor cassatie (T35c) loopt niet.",
        hides=True,
        terms=(CASSATION,),
    ),
    "without_clean_slate": Guard(
        lambda s: s.fact("vorige_toestand") in WITHOUT_CLEAN_SLATE,
        "De uitspraak gaat niet over een einde zonder schone lei.",
        facts=("vorige_toestand",),
    ),
    "with_clean_slate": Guard(
        lambda s: s.fact("vorige_toestand") in WITH_CLEAN_SLATE,
        "De uitspraak gaat niet over een schone lei.",
        facts=("vorige_toestand",),
    ),
}

GUARDS: Mapping[str, Guard] = MappingProxyType({str(name): guard for name, guard in _GUARDS.items()})
