"""What several processes have: a hand-off, the exits of a traject, what follows a decision (domain 4.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from milestones.definition import (
    ANY,
    BACK,
    EVERYWHERE,
    OFFERED,
    RETURNED,
    SAME,
    Arm,
    Opening,
    Report,
    Row,
    State,
    Task,
)

if TYPE_CHECKING:
    from milestones.definition import FactValue
    from milestones.vocabulary import EventName, FactName, GuardName, Role, TermId

# The role of these states is a fall-back: while a hand-off is open, the sender holds the case.
HANDOFF_STATES: tuple[State, ...] = (
    State(OFFERED, "Wacht op aanvaarden overdracht", "coordinator"),
    State(RETURNED, "Overdracht teruggegeven", "coordinator"),
)
INTENDED = "VOORNEMEN_BEEINDIGING"
TERMINATED = "BEEINDIGD"
IN_OBJECTION = "BEZWAAR"
IN_APPEAL = "BEROEP"

# The beslistermijn on a bezwaar counts from the end of the bezwaartermijn (Awb art. 7:10 lid 1).
OBJECTION_RECEIVED: Final = (
    Arm("T20b", from_term="T20", variant="adviescommissie", when="adviescommissie", not_past=True),
    Arm("T20b", from_term="T20", not_past=True),
)
# An evaluation without the nine scores is not whole: they are asked for, and that is watched.
MEASURE_LATER: Final = (Arm("T75", without="werk"),)
# A bezwaar is confirmed in writing (Awb art. 6:14 lid 1), what came in digitally as well (2:17 lid 1).
RECEIPT_ALWAYS = Arm("T74", several=True)
RECEIPT = Arm("T74", when="digitaal", several=True)

# What each process of a traject needs to know of the one before it.
TRAJECT_FACTS: Final = (
    "bedreigende_situatie",
    "doelgroep",
    "clienten",
    "toestemming",
    "bewind",
    "levensfase",
    "persona",
    "meetinstrument",
)
LIGHT_HELP: Final = "Informatie en advies"  # the result of a case that needs no traject (DDAS)
ENDING_KEEPS: Final = ("motivering", "overrulereden", "beslist_door")
ARCHIVE = Arm("T62")  # ended or refused: five years
ARCHIVE_BROKEN_OFF = Arm("T62", variant="afgebroken")  # one year
DECISION_TERMS: Final = ("T03", "T03b", "T03c", "T04b", "T21", "T22", "T22b")
# A decision ends the dwangsom; its height is then fixed within two weeks (Awb art. 4:18).
PENALTY = Arm("T22b", if_cancelled="T22", several=True)
# A decision beside the case, with its bezwaar and beroep, is a process of its own: for who left, and about a dwangsom
# (Awb art. 4:18). What happens to the help, or to another decision, touches it in nothing.
_DECISION_FOR_WHO_LEFT = Opening("BESLUIT", gives=("wie_verhuist", "besluit_over"), handoff=False, own=True)
_DECISION_ON_PENALTY = Opening("BESLUIT", gives=("besluit_over",), handoff=False, own=True)
EVERY_STATE = (ANY, OFFERED, RETURNED)
THE_REST_ENDS = (Report(EVERYWHERE, "traject_beeindigd", passes=("uitstroomreden",)),)


def handoff_rows(starts_in: str) -> tuple[Row, ...]:
    """Return the rows of a hand-off for a process that starts in this state."""
    return (
        Row(OFFERED, "overdracht_aanvaard", starts_in, meets=("OVD",)),
        Row(OFFERED, "overdracht_teruggegeven", RETURNED, cancels=("OVD",), notifies=("coordinator",)),
        Row(
            RETURNED,
            "overdracht_aangeboden",
            OFFERED,
            arms=(Arm("OVD", variant="bedreigend", when="bedreigende_situatie"), Arm("OVD")),
            notifies=("coordinator",),
        ),
        Row(RETURNED, "overdracht_aanvaard", starts_in),
    )


def death_rows(
    closed: str,
    *arms: Arm,
    source: tuple[str, ...] = EVERY_STATE,
    guards: tuple[GuardName, ...] = (),
    tells: tuple[Role, ...] = (),
) -> tuple[Row, ...]:
    """Return the rows for a death: letters stop, and all terms but those of the archive end (domain 3.2).

    With `guards` they hold only then; `tells` are others who must know, such as a bewindvoerder.
    """
    return (
        Row(
            source,
            "overleden",
            SAME,
            guards=("partner_goes_on", *guards),
            sets={"clienten": 1},
            notifies=("coordinator", *tells),
            because="een traject kan twee cliënten hebben (DDAS); de partner gaat door",
        ),
        Row(
            source,
            "overleden",
            closed,
            guards=guards,
            sets={"uitstroomreden": "Overleden", "overleden": True},
            arms=arms,
            reports=(Report(EVERYWHERE, "overleden"),),
            notifies=("coordinator", *tells),
            tasks=(Task("coordinator", "brieven_nakijken"),),
        ),
    )


def withdrawal_row(
    closed: str,
    sources: tuple[str, ...] = EVERY_STATE,
    guards: tuple[GuardName, ...] = ("duty_of_care",),
    owed: tuple[Arm, ...] = (),
) -> Row:
    """Return the row for an inwoner who withdraws while no help runs yet: there is nothing to end by beschikking."""
    return Row(
        sources,
        "ingetrokken",
        closed,
        guards=guards,
        keeps=ENDING_KEEPS,
        sets={"uitstroomreden": "Ingetrokken"},
        cancels=_no_longer_counts(owed),
        arms=(ARCHIVE_BROKEN_OFF, *owed),
        reports=THE_REST_ENDS,
        notifies=("client",),
    )


def exit_rows(closed: str, *, by_decision_only: bool, sources: tuple[str, ...] = (ANY,)) -> tuple[Row, ...]:
    """Return the exits of a process in which no help runs that must end by beschikking (domain 4.1).

    `by_decision_only`: after the eerste gesprek the municipality ends a traject only by beschikking (Wgs 4a); the days
    on which it was too late with its decision stay owed. `sources` are the states before a decision: where one was
    announced, bezwaar is the way.
    """
    bound: tuple[GuardName, ...] = ("own_choice",) if by_decision_only else ()
    owed = (PENALTY,) if by_decision_only else ()
    free: tuple[GuardName, ...] = ("no_help_runs_beside", "duty_of_care")
    return (
        withdrawal_row(closed, (*sources, OFFERED, RETURNED), free, owed),
        Row(
            sources,
            "uitgestroomd",
            closed,
            guards=("no_event_of_its_own", *bound, *free),
            keeps=("uitstroomreden", *ENDING_KEEPS),
            cancels=_no_longer_counts(owed),
            arms=(ARCHIVE_BROKEN_OFF, *owed),
            reports=THE_REST_ENDS,
            notifies=("client",),
        ),
        one_moved_row(sources, ("no_help_runs_beside",)),
        Row(
            sources,
            "overname_aanvaard",
            closed,
            guards=("relocation_offered", "no_help_runs_beside"),
            keeps=("motivering",),
            sets={"uitstroomreden": "Verhuisd"},
            meets=("OVD",),
            cancels=_no_longer_counts(owed),
            arms=(ARCHIVE, *owed),
            reports=THE_REST_ENDS,
            notifies=("client",),
        ),
        *_other_exits(closed, owed),
    )


def _no_longer_counts(owed: tuple[Arm, ...]) -> tuple[TermId, ...]:
    return ("T22",) if owed else ()


def running_exit_rows(
    closed: str, sources: tuple[str, ...], ended: str, terms: tuple[TermId, ...], archive: Arm
) -> tuple[Row, ...]:
    """Return the exits of a process in which help runs: each of them is a beschikking with T20 (Wgs art. 4a lid 6).

    Also at the inwoner's own request, and when another municipality takes over. `ended` is the state in which the
    bezwaartermijn runs; `terms` end with the decision.
    """
    decision = (Arm("T20", restart=True), archive)
    lapses: tuple[TermId, ...] = (*terms, "T24")
    return (
        Row(
            (*sources, OFFERED, RETURNED),
            "ingetrokken",
            ended,
            guards=("duty_of_care",),
            keeps=ENDING_KEEPS,
            sets={"uitstroomreden": "Ingetrokken"},
            cancels=(*lapses, "OVD"),
            arms=decision,
            reports=THE_REST_ENDS,
            notifies=("client",),
            because="ook op eigen verzoek eindigt hulp bij beschikking (Wgs 4a lid 6; motivering: Awb 3:48)",
        ),
        Row(
            sources,
            "uitgestroomd",
            ended,
            guards=("no_event_of_its_own", "own_choice", "duty_of_care"),
            keeps=("uitstroomreden", *ENDING_KEEPS),
            cancels=lapses,
            arms=decision,
            reports=THE_REST_ENDS,
            notifies=("client",),
            because="hulp eindigt bij beschikking (Wgs 4a lid 6)",
        ),
        # Told in M5 and in M7 of one case, it is one takeover and one decision.
        one_moved_row(sources, ("departure_decided",)),
        one_moved_row(sources, (), _DECISION_FOR_WHO_LEFT),
        Row(
            sources,
            "overname_aanvaard",
            ended,
            guards=("relocation_offered",),
            keeps=("motivering",),
            sets={"uitstroomreden": "Verhuisd"},
            meets=("OVD",),
            cancels=lapses,
            arms=decision,
            reports=THE_REST_ENDS,
            notifies=("client",),
            because="ook wie verhuist krijgt een beschikking tot beëindiging (Wgs 4a lid 6)",
        ),
        decided_row((ended, IN_OBJECTION, IN_APPEAL)),
        *_other_exits(closed),
    )


def decided_row(states: tuple[str, ...], *keeps: FactName) -> Row:
    """Return the row for the end of the traject elsewhere, in states in which a decision stands or is attacked.

    It ends nothing there: who may object may still do so, and what was brought is decided.
    """
    return Row(
        states,
        "traject_beeindigd",
        SAME,
        keeps=keeps,
        cancels=("OVD", "T71", "T72"),
        because="bezwaar en beroep tegen een besluit eindigen niet met het traject (Awb art. 6:7, 6:21 en 7:10)",
    )


def one_moved_row(sources: tuple[str, ...], guards: tuple[GuardName, ...], *opens: Opening) -> Row:
    """Return the row for one of two clients who is taken over: the traject of the other goes on here."""
    about: dict[FactName, FactValue] = {"besluit_over": "wie vertrok"} if opens else {}
    return Row(
        sources,
        "overname_aanvaard",
        SAME,
        guards=("relocation_offered", "two_clients", "one_of_two_moved", *guards),
        keeps=("wie_verhuist", "motivering"),
        sets={"clienten": 1, "verhuizing": "een overgenomen", "vertrokken_client": True, **about},
        meets=("OVD",),
        opens=opens,
        notifies=("client", "coordinator"),
        because="een traject kan twee cliënten hebben (DDAS); wie blijft, houdt zijn hulp hier",
    )


def _other_exits(closed: str, owed: tuple[Arm, ...] = ()) -> tuple[Row, ...]:
    return (
        *death_rows(closed, ARCHIVE, guards=("under_administration",), tells=("protective_administrator",)),
        *death_rows(closed, ARCHIVE),
        *relocation_rows(),
        receipt_row(),
        bottleneck_row(),
        extension_row(),
        Row(
            EVERY_STATE,
            "traject_beeindigd",
            closed,
            keeps=("uitstroomreden",),
            cancels=_no_longer_counts(owed),
            arms=owed,
            because="een ander proces van dit traject is beëindigd",
        ),
    )


def relocation_rows() -> tuple[Row, ...]:
    """Return the rows for a move: the terms run on until the other municipality accepts (domain 3.2).

    While nobody chose, keeping or handing over is a task with a date.
    """
    return (
        Row(
            ANY,
            "verhuizing",
            SAME,
            guards=("transfers",),
            sets={"verhuizing": "aangeboden"},
            keeps=("wie_verhuist",),
            meets=("T72",),
            arms=(Arm("OVD"),),
            notifies=("client", "coordinator"),
        ),
        Row(
            ANY,
            "verhuizing",
            SAME,
            guards=("keeps_execution",),
            sets={"verhuizing": "behouden"},
            keeps=("wie_verhuist",),
            meets=("T72",),
            notifies=("client",),
        ),
        Row(
            ANY,
            "verhuizing",
            SAME,
            sets={"verhuizing": "te kiezen"},
            keeps=("wie_verhuist",),
            arms=(Arm("T72"),),
            tasks=(Task("coordinator", "verhuizing_kiezen"),),
            because="een verhuizing uit de BRP zegt niet wie het traject uitvoert (DDAS gemeentecode)",
        ),
        Row(
            ANY,
            "overname_geweigerd",
            SAME,
            guards=("relocation_offered",),
            sets={"verhuizing": "geweigerd"},
            cancels=("OVD",),
            notifies=("coordinator",),
        ),
    )


def silence_rows() -> tuple[Row, ...]:
    """Return the rows for an inwoner who does not answer: a task for the coordinator, and never an end by itself."""
    return (
        Row(
            ANY,
            "inwoner_reageert_niet",
            SAME,
            sets={"reageert_niet": True},
            arms=(Arm("T71"),),
            tasks=(Task("coordinator", "stilte_bespreken"),),
            because="stilte beëindigt niets: dat kan alleen een mens, bij besluit (Wgs art. 4a lid 6)",
        ),
        Row(
            ANY,
            "contact_hersteld",
            SAME,
            guards=("silent",),
            sets={"reageert_niet": False},
            meets=("T71",),
            notifies=("coordinator",),
            because="er is weer contact",
        ),
    )


def profile_row(source: str | tuple[str, ...]) -> Row:
    """Return the row that notes life phase and persona; the policy of the municipality hangs tasks on them."""
    return Row(
        source,
        "profiel_bepaald",
        SAME,
        guards=("on_own_list",),
        keeps=("levensfase", "persona"),
        because="gemeenten doorlopen de mijlpalen met eigen persona's en levensfasen",
    )


def bottleneck_row(source: tuple[str, ...] = EVERY_STATE) -> Row:
    """Return the row with which any professional says what holds a case up, by code."""
    return Row(
        source,
        "knelpunt_gemeld",
        SAME,
        collects=("knelpunt",),
        because="knelpunten tellen mee in de monitor; ze veranderen niets aan de zaak",
    )


def extension_row() -> Row:
    """Return the row for a longer term, where the source of that term allows it."""
    return Row(
        ANY, "termijn_verlengd", SAME, extends=True, because="alleen waar de bron van de termijn het toelaat"
    )


# --- a decision against which the inwoner may object ------------------------------------------------------


def decision_rows(state: str, *, ends: tuple[Report, ...] = ()) -> tuple[Row, ...]:
    """Return what follows a beschikking: each remedy with its term, the post week, and then it is definitive.

    A late bezwaar opens it again: the jurist sees it, and niet-ontvankelijk is a decision (Awb art. 6:11).
    `ends` are the reports to other processes once nobody can attack it any more.
    """
    late = (
        Row(
            state,
            "bezwaar_ontvangen",
            IN_OBJECTION,
            guards=guards,
            afterwards=True,
            keeps=("adviescommissie",),
            sets={"bezwaar_te_laat": not in_time, "opschorting": False},
            arms=(*OBJECTION_RECEIVED, RECEIPT_ALWAYS),
            notifies=("legal_officer",),
            because="Awb art. 7:10"
            if in_time
            else "ook op een te laat bezwaar wordt beslist (Awb art. 6:11)",
        )
        for in_time, guards in _OBJECTIONS
    )
    return (
        *(Row(state, over, SAME, arms=(Arm("T20p"),), because="Awb art. 6:9 lid 2") for over in _REMEDY_OVER),
        Row(
            state,
            "T20p_verlopen",
            SAME,
            ends=True,
            reports=ends,
            because="definitief als ook de postweek voorbij is (Awb art. 6:9)",
        ),
        *late,
        Row(
            state,
            "beroep_ingesteld",
            IN_APPEAL,
            guards=("decided_on_objection",),
            afterwards=True,
            sets={"hoger_beroep": False},
            meets=("T25",),
            cancels=("T20p",),
            notifies=("legal_officer",),
            because="Awb art. 8:1; of het op tijd is, beoordeelt de rechtbank",
        ),
        Row(
            state,
            "hoger_beroep_ingesteld",
            IN_APPEAL,
            guards=("decided_on_appeal", "first_further_appeal"),
            afterwards=True,
            sets={"hoger_beroep": True},
            meets=("T25b",),
            cancels=("T20p",),
            notifies=("legal_officer",),
            because="Awb art. 8:104",
        ),
    )


_OBJECTIONS: tuple[tuple[bool, tuple[GuardName, ...]], ...] = (
    (True, ("not_decided_on_objection", "objection_received_in_time")),
    (False, ("not_decided_on_objection",)),
)
_REMEDY_OVER: Final = ("T20_verlopen", "T25_verlopen", "T25b_verlopen")
# After these the decision stands.
_DECIDED_AGAINST: tuple[tuple[EventName, tuple[GuardName, ...]], ...] = (
    ("ongegrond", ()),
    ("niet_ontvankelijk", ("late_without_failure",)),
)
_PROVISIONAL: Final = ("voorziening_gevraagd", "voorziening_toegewezen", "voorziening_afgewezen")
_WITHDRAWN_APPEAL: tuple[tuple[TermId, tuple[GuardName, ...]], ...] = (
    ("T25b", ("last_appeal",)),
    ("T25", ()),
)
_APPEAL_LOST: Final = ("beroep_ongegrond", "beroep_niet_ontvankelijk")
# What a decision on bezwaar meets and ends, and what its withdrawal ends.
_OBJECTION_MET: Final = ("T20b", "T21", "T03c")
_OBJECTION_LAPSES: Final = ("T20", "T20p", "T20c", "T22")
_OBJECTION_WITHDRAWN: Final = ("T20b", "T20c", "T03c", "T21", "T22")

# The states in which a decision stands, with the guard that tells which, and the reports once it is definitive.
Stands = tuple[tuple[str, "tuple[GuardName, ...]", "tuple[Report, ...]"], ...]


def objection_rows(back_to: str, stands: Stands, *, revives: tuple[TermId, ...] = ()) -> tuple[Row, ...]:
    """Return the rows of a bezwaar and of what follows it: beroep, hoger beroep, voorlopige voorziening.

    `revives` are terms that lapsed with the decision and count on when the bezwaar is founded.
    """
    return (
        *_handling_rows(),
        Row(
            IN_OBJECTION,
            "gegrond",
            back_to,
            sets={
                "uitstroomreden": None,
                "besluit_geschorst": False,
                "storing_digitaal": False,
                "opschorting": False,
            },
            meets=_OBJECTION_MET,
            cancels=(*_OBJECTION_LAPSES, "T61", "T62"),
            revives=revives,
            arms=(PENALTY, Arm("T25", restart=True)),
            notifies=("client", "debt_counsellor"),
        ),
        *(row for state, guards, ends in stands for row in _standing(state, guards, ends)),
        Row(
            IN_APPEAL,
            "beroep_gegrond",
            IN_OBJECTION,
            sets={"besluit_geschorst": False, "opschorting": False},
            arms=(Arm("T20b", until="beslissen_tot", restart=True),),
            notifies=("client", "legal_officer", "debt_counsellor"),
            because="de gemeente beslist opnieuw op het bezwaar (Awb art. 8:72)",
        ),
        Row(
            (IN_OBJECTION, IN_APPEAL),
            "voorziening_gevraagd",
            SAME,
            notifies=("legal_officer",),
            because="Awb art. 8:81",
        ),
        Row(
            (IN_OBJECTION, IN_APPEAL),
            "voorziening_toegewezen",
            SAME,
            sets={"besluit_geschorst": True},
            notifies=("client", "legal_officer", "debt_counsellor", "coordinator"),
            because="het besluit werkt niet zolang het is geschorst (Awb art. 8:81 en 8:85)",
        ),
        Row(
            (IN_OBJECTION, IN_APPEAL),
            "voorziening_afgewezen",
            SAME,
            notifies=("client",),
            because="Awb art. 8:81",
        ),
    )


def _handling_rows() -> tuple[Row, ...]:
    """Return the rows of a bezwaar that is handled: its term, a verzuim, what makes it stand still or late."""
    return (
        Row(
            IN_OBJECTION,
            "T20_verlopen",
            SAME,
            arms=(Arm("T20p"),),
            because="ook naast een bezwaar kan nog een bezwaar op tijd zijn verstuurd (Awb art. 6:9 lid 2)",
        ),
        Row(
            IN_OBJECTION,
            "adviescommissie_ingesteld",
            SAME,
            guards=("not_decided_on_objection", "decision_not_overdue"),
            sets={"adviescommissie": True},
            arms=(
                Arm(
                    "T20b",
                    from_term="T20",
                    same_anchor=True,
                    variant="adviescommissie",
                    restart=True,
                    not_past=True,
                ),
            ),
            because="met een adviescommissie is de termijn twaalf weken (Awb art. 7:10 en 7:13)",
        ),
        Row(
            IN_OBJECTION,
            "adviescommissie_ingesteld",
            SAME,
            sets={"adviescommissie": True},
            because="wat voorbij is of wat de rechter noemde, wordt er niet langer van (Awb art. 7:10 en 8:72)",
        ),
        *while_it_counts(
            Row(
                IN_OBJECTION,
                "verzuim_gemeld",
                SAME,
                suspends=("T20b",),
                arms=(Arm("T20c", until="hersteltermijn_tot"),),
                notifies=("client",),
                because="de termijn staat stil tot het verzuim is hersteld (Awb art. 7:10 lid 2)",
            )
        ),
        *unless_still(
            Row(
                IN_OBJECTION,
                "verzuim_hersteld",
                SAME,
                meets=("T20c",),
                resumes=("T20b",),
                arms=(RECEIPT,),
                because="Awb art. 7:10 lid 2",
            )
        ),
        *unless_still(
            Row(
                IN_OBJECTION,
                "T20c_verlopen",
                SAME,
                resumes=("T20b",),
                notifies=("legal_officer",),
                because="of tot de hersteltermijn ongebruikt is verstreken (Awb art. 7:10 lid 2)",
            )
        ),
        *suspension_rows(IN_OBJECTION, ("T20b",)),
        late_notice_row(IN_OBJECTION),
        digital_failure_row(IN_OBJECTION, "legal_officer"),
    )


def while_it_counts(row: Row) -> tuple[Row, Row]:
    """Return a row that lets a term stand still, and the same for one that is over: that stands still no more."""
    over = replace(row, suspends=(), because="een termijn die voorbij is, staat niet meer stil")
    return replace(row, guards=(*row.guards, "decision_not_overdue")), over


def unless_still(row: Row, guard: GuardName = "no_other_standstill") -> tuple[Row, Row]:
    """Return a row that lets a term run on, and the same for when it stands still for another cause as well."""
    still = replace(row, resumes=(), because="de termijn staat ook om een andere reden nog stil")
    return replace(row, guards=(*row.guards, guard)), still


def _standing(state: str, guards: tuple[GuardName, ...], ends: tuple[Report, ...]) -> tuple[Row, ...]:
    """Return the rows after which a decision stands in a state; it is definitive when no remedy is left."""
    lost: dict[FactName, FactValue] = {"besluit_geschorst": False}
    decided = (
        Row(
            IN_OBJECTION,
            event,
            state,
            guards=(*also, *guards),
            keeps=("motivering",),
            sets={"besluit_geschorst": False, "storing_digitaal": False},
            meets=_OBJECTION_MET,
            cancels=_OBJECTION_LAPSES,
            arms=(PENALTY, Arm("T25", restart=True)),
            notifies=("client",),
            because="tegen de beslissing op bezwaar staat beroep open (Awb art. 8:1)",
        )
        for event, also in _DECIDED_AGAINST
    )
    return (
        *decided,
        Row(
            IN_OBJECTION,
            "bezwaar_ingetrokken",
            state,
            guards=("no_objection_to_come", *guards),
            cancels=_OBJECTION_WITHDRAWN,
            arms=(PENALTY,),
            notifies=("client",),
            reports=ends,
            ends=True,
        ),
        Row(
            IN_OBJECTION,
            "bezwaar_ingetrokken",
            state,
            guards=guards,
            cancels=_OBJECTION_WITHDRAWN,
            arms=(PENALTY,),
            notifies=("client",),
            because="de bezwaartermijn loopt nog: definitief is het besluit pas daarna",
        ),
        *(
            Row(
                IN_APPEAL,
                event,
                state,
                guards=("last_appeal", *guards),
                sets=lost,
                notifies=("client", "legal_officer"),
                reports=ends,
                ends=True,
                because="na het hoger beroep kan niemand het besluit meer bestrijden",
            )
            for event in _APPEAL_LOST
        ),
        *(
            Row(
                IN_APPEAL,
                event,
                state,
                guards=guards,
                sets=lost,
                arms=(Arm("T25b", restart=True),),
                notifies=("client", "legal_officer"),
                because="tegen de uitspraak staat hoger beroep open (Awb art. 8:104)",
            )
            for event in _APPEAL_LOST
        ),
        # Who withdraws in time may come back in time: the term counts on, and then it is definitive by itself.
        *(
            Row(
                IN_APPEAL,
                "beroep_ingetrokken",
                state,
                guards=(*which, *guards),
                sets={**lost, "hoger_beroep": False},
                arms=(Arm(term, same_anchor=True, restart=True),),
                notifies=("client", "legal_officer"),
                because="definitief als de termijn en de postweek voorbij zijn (Awb art. 6:7 en 6:9)",
            )
            for term, which in _WITHDRAWN_APPEAL
        ),
    )


def default_rows(deciding: str = ANY) -> tuple[Row, ...]:
    """Return the rows of an ingebrekestelling: two weeks, then the dwangsom runs (Awb art. 4:17 and 4:18).

    `deciding` is the state in which the municipality owes a decision.
    """
    return (
        Row(
            deciding,
            "ingebrekestelling_ontvangen",
            SAME,
            guards=("decision_overdue",),
            arms=(Arm("T21"), RECEIPT),
            notifies=("legal_officer", "coordinator"),
            because="Awb art. 4:17 lid 3",
        ),
        Row(
            deciding,
            "T21_verlopen",
            SAME,
            arms=(Arm("T22"),),
            because="de dwangsom gaat lopen (Awb art. 4:17)",
        ),
        Row(
            deciding,
            "T22_verlopen",
            SAME,
            arms=(Arm("T22b", several=True),),
            notifies=("legal_officer", "coordinator", "team_leader"),
            because="de hoogte volgt binnen twee weken na de laatste dag van de dwangsom (Awb art. 4:18)",
        ),
        Row(
            ANY,
            "dwangsom_vastgesteld",
            SAME,
            guards=("penalty_to_be_fixed",),
            afterwards=True,
            sets={"besluit_over": "dwangsom"},
            meets_one=("T22b",),
            opens=(_DECISION_ON_PENALTY,),
            notifies=("client",),
            because="een beschikking met een eigen bezwaartermijn (Awb art. 4:18 en 4:19)",
        ),
    )


def suspension_rows(states: str | tuple[str, ...], terms: tuple[TermId, ...]) -> tuple[Row, ...]:
    """Return the rows of a decision term that stands still for another cause than missing data (Awb art. 4:15)."""
    return (
        Row(
            states,
            "opschorting_gemeld",
            SAME,
            guards=("term_counts", "decision_not_overdue"),
            sets={"opschorting": True},
            suspends=terms,
            notifies=("client",),
            because="Awb art. 4:15 lid 1 onder b, lid 2 onder b en c, lid 3; in bezwaar: 7:14",
        ),
        *suspension_end_rows(states, terms),
    )


def suspension_end_rows(states: str | tuple[str, ...], terms: tuple[TermId, ...]) -> tuple[Row, ...]:
    """Return the rows of the end of such a standstill; where data are awaited as well, the term stands still on."""
    return unless_still(
        Row(
            states,
            "opschorting_geeindigd",
            SAME,
            guards=("stands_still",),
            sets={"opschorting": False},
            resumes=terms,
            notifies=("client",),
            because="Awb art. 4:15 lid 4",
        ),
        "no_repair_runs",
    )


def delay_rows(states: str | tuple[str, ...]) -> tuple[Row, ...]:
    """Return the rows of a beschikking that comes later: with consent, for another cause, or late and told so."""
    terms: tuple[TermId, ...] = ("T03", "T03b")
    return (
        Row(
            states,
            "uitstel_ingestemd",
            SAME,
            guards=("term_counts", "decision_not_overdue"),
            arms=(Arm("T04b", until="tot", restart=True),),
            suspends=terms,
            notifies=("client",),
            because="Awb art. 4:15 lid 2 onder a: schriftelijk, en niet langer dan de inwoner instemt",
        ),
        Row(states, "T04b_verlopen", SAME, resumes=terms, because="Awb art. 4:15 lid 2 onder a"),
        *suspension_rows(states, terms),
        late_notice_row(states),
    )


def late_notice_row(states: str | tuple[str, ...]) -> Row:
    """Return the row of the notice that a decision comes later, with the day on which it will be there."""
    return Row(
        states,
        "te_laat_gemeld",
        SAME,
        arms=(Arm("T03c", until="nieuwe_datum", restart=True),),
        notifies=("client", "coordinator"),
        because="Awb art. 4:14 lid 1, in bezwaar door 7:14; de beslistermijn zelf wordt er niet langer van",
    )


def digital_failure_row(states: str | tuple[str, ...], *tells: Role) -> Row:
    """Return the row of a digital way that did not work before a term ended."""
    return Row(
        states,
        "digitale_weg_gestoord",
        SAME,
        sets={"storing_digitaal": True},
        notifies=tells,
        because="een storing van de gemeente wordt de inwoner niet tegengeworpen (Awb art. 2:21 lid 3)",
    )


def receipt_row(states: str | tuple[str, ...] = ANY) -> Row:
    """Return the row of a confirmation that something was received."""
    return Row(
        states,
        "ontvangst_bevestigd",
        SAME,
        meets_one=("T74",),
        because="Awb art. 2:17 lid 1 en 6:14 lid 1",
    )


# --- ending against the wish of the inwoner ---------------------------------------------------------------

ENDING_STATES: tuple[State, ...] = (
    State(INTENDED, "Wacht op zienswijze of besluit over beëindigen", "coordinator", aside=True),
    State(TERMINATED, "Beëindigd: wacht op einde bezwaartermijn", "debt_counsellor", aside=True),
    State(IN_OBJECTION, "Wacht op beslissing op bezwaar", "legal_officer", aside=True),
    State(IN_APPEAL, "Wacht op de bestuursrechter", "legal_officer", waits_on_partner=True, aside=True),
)


def ending_rows(source: tuple[str, ...], terms: tuple[TermId, ...]) -> tuple[Row, ...]:
    """Return the way to a beëindigingsbeschikking (Wgs art. 4a lid 6) from the states of a running process.

    `terms` end with the decision.
    """
    return (
        Row(
            source,
            "beeindiging_voorgenomen",
            INTENDED,
            guards=("duty_of_care",),
            keeps=ENDING_KEEPS,
            arms=(Arm("T24"),),
            notifies=("client", "coordinator"),
            because="eindigen kan alleen bij beschikking, na een zienswijze (Wgs 4a lid 6; Awb 4:7 en 4:8)",
        ),
        Row(
            INTENDED,
            "zienswijze_ontvangen",
            SAME,
            meets=("T24",),
            arms=(RECEIPT,),
            notifies=("coordinator",),
        ),
        Row(
            INTENDED,
            "voornemen_ingetrokken",
            BACK,
            sets={"overrulereden": None, "beslist_door": None},
            cancels=("T24",),
            notifies=("client",),
        ),
        Row(
            INTENDED,
            "beeindigingsbeschikking_bekendgemaakt",
            TERMINATED,
            guards=("motivated", "duty_of_care"),
            keeps=ENDING_KEEPS,
            sets={"uitstroomreden": "Voldoet niet"},
            meets=("T24",),
            cancels=terms,
            arms=(Arm("T20"), ARCHIVE),
            reports=THE_REST_ENDS,
            notifies=("client",),
        ),
        *decision_rows(TERMINATED),
        *objection_rows(BACK, ((TERMINATED, (), ()),), revives=terms),
        *default_rows(IN_OBJECTION),
    )
