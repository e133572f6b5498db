"""M7 Uitvoering (domain 4.8): the plan is carried out; the states are those of the schuldregeling.

When the amicable route fails, M7 waits in `WSNP` while the process of that name runs beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from milestones.definition import BACK, SAME, Arm, Definition, Opening, Report, Row, State, Task
from milestones.definitions.shared import (
    ARCHIVE_BROKEN_OFF,
    ENDING_STATES,
    HANDOFF_STATES,
    IN_APPEAL,
    IN_OBJECTION,
    INTENDED,
    MEASURE_LATER,
    TERMINATED,
    TRAJECT_FACTS,
    ending_rows,
    handoff_rows,
    running_exit_rows,
)
from milestones.event_fields import THEMES
from milestones.events import events_of

if TYPE_CHECKING:
    from milestones.definition import FactValue
    from milestones.vocabulary import EventName, FactName, GuardName

_REQUESTED = ("OVEREENKOMST_GETEKEND", "INVENTARISATIE")
_AGREED = ("AKKOORD_ALLEN", "VOORAF_AKKOORD")
_PAID_IN_FULL = ("BETALINGSREGELING", "HERFINANCIERING")
_BEFORE_THE_END = (
    "START",
    *_REQUESTED,
    "VOORSTEL",
    "GEEN_AFLOSCAPACITEIT",
    "GEWEIGERD_DEELS",
    "HEROVERWEGING",
    "DWANGAKKOORD",
    *_AGREED,
    *_PAID_IN_FULL,
    "LOOPT",
)
_RUNNING = (*_BEFORE_THE_END, "WSNP", "NA_WSNP", "EVALUATIE")
_AMICABLE: Final = ("T12", "T13", "T13b", "T14", "T14b", "T14c", "T33", "T35", "T35b", "T35c")
_STANDS: tuple[EventName, ...] = ("cassatie_verworpen", "beroep_ingetrokken")
_TERMS: Final = (*_AMICABLE, "T15", "T40", "T70", "T75")
# T14 counts from the first aflossing, T14c from the start of the schuldbemiddeling.
_REGELING = (Arm("T14", from_earlier="eerste_aflossing"), Arm("T14c"))
_GIVES: Final = (*TRAJECT_FACTS, "eerste_aflossing")

_WITH_WSNP = ("WSNP", "EVALUATIE")
# Ended by a decision that bezwaar or beroep may undo: then it goes on where it was.
_DECIDED = (TERMINATED, IN_OBJECTION, IN_APPEAL)
_AFTERCARE: Final = (Opening("M8", gives=TRAJECT_FACTS),)
# Where it goes when no Wsnp is left to wait for: by what became of that of the other client.
_WITHOUT_WSNP: tuple[
    tuple[str, tuple[GuardName, ...], dict[FactName, FactValue], tuple[Opening, ...]], ...
] = (
    ("AFGEROND", ("clean_slate",), {"uitstroomreden_oplossing": "Afgerond"}, _AFTERCARE),
    ("NA_WSNP", ("lost_wsnp",), {}, ()),
    ("GEWEIGERD_DEELS", (), {}, ()),
)

_SCORES: tuple[FactName, ...] = (*THEMES, "meetinstrument")
_EVALUATED: tuple[FactName, ...] = (*THEMES, "meetinstrument", "administratie_zelf")
_MEASURE = (Task("budget_coach", "meting_invullen", unless="werk"),)
_OWN_ADMINISTRATION = (Report("BEGELEIDING", "administratie_weer_zelf", when="administratie_zelf"),)

M7 = Definition(
    code="M7",
    name="Uitvoering",
    version=3,
    events=events_of("M7"),
    name_confidence="U",
    starts_in="START",
    on_open=(Arm("T15"),),
    states=(
        State("START", "Wacht op schuldregelingsovereenkomst", "settlement_officer"),
        State("OVEREENKOMST_GETEKEND", "Wacht op saldoverzoeken", "settlement_officer"),
        State(
            "INVENTARISATIE", "Wacht op saldo van schuldeisers", "settlement_officer", waits_on_partner=True
        ),
        State("VOORSTEL", "Wacht op antwoord op het voorstel", "settlement_officer", waits_on_partner=True),
        State("VOORAF_AKKOORD", "Vooraf akkoord: wacht op start", "settlement_officer"),
        State("AKKOORD_ALLEN", "Iedereen akkoord: wacht op start", "settlement_officer"),
        State("GEWEIGERD_DEELS", "Deels geweigerd: wacht op volgende stap", "settlement_officer"),
        State("HEROVERWEGING", "Wacht op heroverweging", "settlement_officer", waits_on_partner=True),
        State("DWANGAKKOORD", "Wacht op uitspraak dwangakkoord", "settlement_officer", waits_on_partner=True),
        State("GEEN_AFLOSCAPACITEIT", "Wacht op 0%-aanbod", "settlement_officer"),
        State("BETALINGSREGELING", "Betalingsregeling loopt", "settlement_officer"),
        State("HERFINANCIERING", "Herfinanciering loopt", "settlement_officer"),
        State("LOOPT", "Schuldregeling loopt", "settlement_officer"),
        State("WSNP", "Wettelijke schuldsanering: zie WSNP", "coordinator", waits_on_partner=True),
        State("NA_WSNP", "Wacht op persoonlijk gesprek", "case_worker"),
        State("EVALUATIE", "Wacht op evaluatie", "coordinator", aside=True),
        State("AFGEROND", "Afgerond", "settlement_officer", final=True),
        State("OVERGEDRAGEN", "Overgedragen", "settlement_officer", final=True),
        State("AFGESLOTEN", "Afgesloten", "settlement_officer", final=True),
        *ENDING_STATES,
        *HANDOFF_STATES,
    ),
    rows=(
        Row(
            "START",
            "overeenkomst_getekend",
            "OVEREENKOMST_GETEKEND",
            arms=(Arm("T12"),),
            notifies=("client",),
        ),
        Row(
            _REQUESTED,
            "saldoverzoek_verstuurd",
            "INVENTARISATIE",
            arms=(Arm("T13", several=True),),
            notifies=("creditor",),
        ),
        Row("INVENTARISATIE", "saldoverzoek_beantwoord", SAME, meets_one=("T13",)),
        Row(
            _BEFORE_THE_END,
            "bericht_klaargezet",
            SAME,
            arms=(Arm("T13b", several=True),),
            because="een bericht verdwijnt na vijf werkdagen (Schuldenknooppunt)",
        ),
        Row(_BEFORE_THE_END, "bericht_opgehaald", SAME, meets_one=("T13b",), because="T13b"),
        # Collectief schuldregelen: the voorstel step falls away.
        Row("INVENTARISATIE", "vooraf_akkoord", "VOORAF_AKKOORD", meets=("T13",)),
        Row(
            "INVENTARISATIE",
            "geen_afloscapaciteit",
            "GEEN_AFLOSCAPACITEIT",
            meets=("T13",),
            sets={"oplossing": "0%-aanbod"},
        ),
        Row(
            "INVENTARISATIE",
            "betalingsregeling_getroffen",
            "BETALINGSREGELING",
            meets=("T12", "T13"),
            sets={"oplossing": "Betalingsregeling"},
            notifies=("client",),
        ),
        Row(
            "INVENTARISATIE",
            "herfinanciering_verstrekt",
            "HERFINANCIERING",
            meets=("T12", "T13"),
            sets={"oplossing": "Herfinanciering"},
            notifies=("client",),
        ),
        Row(
            ("INVENTARISATIE", "GEEN_AFLOSCAPACITEIT", "GEWEIGERD_DEELS"),
            "betaalvoorstel_verstuurd",
            "VOORSTEL",
            # The inventory is done: a saldoverzoek that nobody answered is not waited for any longer.
            cancels=("T13",),
            arms=(Arm("T13"),),
            notifies=("creditor",),
        ),
        Row(
            "VOORSTEL",
            "betaalvoorstel_verstuurd",
            SAME,
            arms=(Arm("T13", several=True),),
            notifies=("creditor",),
            because="voor elke schuldeiser loopt een eigen termijn",
        ),
        Row("VOORSTEL", "betaalvoorstel_beantwoord", SAME, meets_one=("T13",)),
        Row(
            ("VOORSTEL", "HEROVERWEGING"),
            "akkoord_allen",
            "AKKOORD_ALLEN",
            meets=("T12", "T13"),
            notifies=("client",),
        ),
        Row("VOORSTEL", "geweigerd_deels", "GEWEIGERD_DEELS", meets=("T13",)),
        Row(
            "GEWEIGERD_DEELS",
            "heroverweging_gevraagd",
            "HEROVERWEGING",
            arms=(Arm("T13"),),
            notifies=("creditor",),
        ),
        Row(
            "HEROVERWEGING",
            "heroverweging_gevraagd",
            SAME,
            arms=(Arm("T13", several=True),),
            notifies=("creditor",),
            because="voor elke schuldeiser loopt een eigen termijn",
        ),
        Row("HEROVERWEGING", "heroverweging_beantwoord", SAME, meets_one=("T13",)),
        Row(
            ("GEWEIGERD_DEELS", "HEROVERWEGING"),
            "dwangakkoord_verzocht",
            "DWANGAKKOORD",
            meets=("T12",),
            cancels=("T13",),
            notifies=("client",),
        ),
        Row(
            "DWANGAKKOORD",
            "zitting_gehouden",
            SAME,
            arms=(Arm("T33", restart=True),),
            meets=("T35b",),
            because="Fw art. 287a lid 4; in hoger beroep 292 lid 4",
        ),
        Row(
            "DWANGAKKOORD",
            "dwangakkoord_toegewezen",
            "AKKOORD_ALLEN",
            meets=("T33",),
            arms=(Arm("T35"),),
            notifies=("client", "creditor"),
        ),
        Row(
            "DWANGAKKOORD",
            "dwangakkoord_afgewezen",
            "GEWEIGERD_DEELS",
            meets=("T33", "T35b"),
            notifies=("client",),
            because="een dwangakkoord kan worden geweigerd, ook in hoger beroep",
        ),
        # Creditors can attack a dwangakkoord that was granted: it is final only after that (Fw art. 292).
        Row(
            ("AKKOORD_ALLEN", "LOOPT"),
            "hoger_beroep_ingesteld",
            "DWANGAKKOORD",
            guards=("may_appeal",),
            meets=("T35",),
            arms=(Arm("T35b"),),
            notifies=("client", "coordinator"),
            because="Fw art. 292 lid 1 en 4",
        ),
        Row(
            ("AKKOORD_ALLEN", "LOOPT"),
            "cassatie_ingesteld",
            "DWANGAKKOORD",
            guards=("may_go_to_cassation",),
            meets=("T35c",),
            notifies=("client", "coordinator"),
            because="Fw art. 292 lid 6",
        ),
        Row(
            "DWANGAKKOORD",
            "uitspraak_bekrachtigd",
            "AKKOORD_ALLEN",
            meets=("T33", "T35b"),
            arms=(Arm("T35c", restart=True),),
            notifies=("client", "coordinator", "creditor"),
            because="het gerechtshof laat het dwangakkoord in stand; daarna staat cassatie open (Fw art. 292 lid 6)",
        ),
        *(
            Row(
                "DWANGAKKOORD",
                event,
                "AKKOORD_ALLEN",
                meets=("T33", "T35b"),
                notifies=("client", "coordinator", "creditor"),
                because="het dwangakkoord is daarmee definitief (Fw art. 292)",
            )
            for event in _STANDS
        ),
        Row(
            _AGREED,
            "eerste_aflossing_gedaan",
            "LOOPT",
            stamps=("eerste_aflossing",),
            meets=("T12",),
            arms=_REGELING,
        ),
        Row(
            _BEFORE_THE_END,
            "eerste_aflossing_gedaan",
            SAME,
            stamps=("eerste_aflossing",),
            because="een eerdere aflossing telt mee voor de Wsnp (Fw art. 349a lid 1)",
        ),
        Row(_AGREED, "regeling_gestart", "LOOPT", meets=("T12",), arms=_REGELING, notifies=("client",)),
        Row(
            _AGREED,
            "krediet_uitbetaald",
            "LOOPT",
            sets={"oplossing": "Saneringskrediet"},
            meets=("T12",),
            arms=(Arm("T14b", until="einddatum"),),
            notifies=("client",),
        ),
        Row("LOOPT", "hercontrole_gedaan", SAME, meets=("T14c",), arms=(Arm("T14c"),)),
        Row(
            _RUNNING,
            "evaluatie_gedaan",
            SAME,
            guards=("plan_revised", "scores_whole", "instrument_named", "same_instrument"),
            keeps=_EVALUATED,
            meets=("T15",),
            arms=(Arm("T15"), *MEASURE_LATER),
            tasks=_MEASURE,
            reports=_OWN_ADMINISTRATION,
            opens=(Opening("M6", gives=TRAJECT_FACTS, handoff=False, event="plan_herzien"),),
            notifies=("client",),
        ),
        Row(
            "EVALUATIE",
            "evaluatie_gedaan",
            BACK,
            guards=("scores_whole", "instrument_named", "same_instrument"),
            keeps=_EVALUATED,
            meets=("T15",),
            arms=(Arm("T15"), *MEASURE_LATER),
            tasks=_MEASURE,
            reports=_OWN_ADMINISTRATION,
            notifies=("client",),
        ),
        Row(
            _RUNNING,
            "evaluatie_gedaan",
            SAME,
            guards=("scores_whole", "instrument_named", "same_instrument"),
            keeps=_EVALUATED,
            meets=("T15",),
            arms=(Arm("T15"), *MEASURE_LATER),
            tasks=_MEASURE,
            reports=_OWN_ADMINISTRATION,
            notifies=("client",),
        ),
        Row(
            _RUNNING,
            "meting_gedaan",
            SAME,
            guards=("same_instrument",),
            keeps=_SCORES,
            counts="metingen",
            meets=("T75",),
            reports=(Report("BEGELEIDING", "meting_gedaan", passes=_SCORES),),
            because="scores die bij de evaluatie nog ontbraken (element 8)",
        ),
        # Silence never ends a case by itself: the coordinator evaluates (Wgs art. 4a lid 6).
        Row(
            _RUNNING,
            "inwoner_reageert_niet",
            "EVALUATIE",
            guards=("enough_silence",),
            notifies=("coordinator",),
        ),
        Row("EVALUATIE", "contact_hersteld", BACK, because="er is weer contact"),
        Row(
            _BEFORE_THE_END,
            "faillissementsaanvraag_gemeld",
            SAME,
            arms=(Arm("T40"),),
            notifies=("client", "coordinator"),
            because="binnen veertien dagen kan een Wsnp-verzoek (Fw art. 3 lid 1)",
        ),
        Row(
            _BEFORE_THE_END,
            "minnelijk_mislukt",
            "WSNP",
            cancels=_AMICABLE,
            # Each client has a Wsnp of his own (Fw art. 284).
            opens=(Opening("WSNP", carries=("T40",), gives=_GIVES, for_each="clienten"),),
            notifies=("client", "budget_coach"),
            because="een eerdere poging is niet nodig als een regeling onaannemelijk is (Stb. 2023, 87)",
        ),
        Row(
            "WSNP",
            "wsnp_toegelaten",
            SAME,
            guards=("one_wsnp",),
            reports=(Report("WSNP", "wsnp_toegelaten"),),
            because="WSNP houdt de termijnen bij",
        ),
        Row(
            "WSNP",
            "wsnp_afgewezen",
            "GEWEIGERD_DEELS",
            guards=("one_wsnp",),
            reports=(Report("WSNP", "wsnp_afgewezen"),),
            notifies=("client", "budget_coach"),
            because="terug naar A, of 0%-aanbod of DFD (domain 4.8); het hoger beroep loopt daarnaast",
        ),
        *(
            Row(
                _WITH_WSNP,
                "wsnp_geen_toelating",
                to,
                guards=("with_the_wsnp", "no_wsnp_to_wait_for", *known),
                sets=sets,
                opens=opens,
                notifies=("budget_coach", "coordinator"),
                because="zolang de Wsnp van een andere cliënt loopt, wacht M7 daarop",
            )
            for to, known, sets, opens in _WITHOUT_WSNP
        ),
        Row(
            (INTENDED, *_DECIDED),
            "wsnp_geen_toelating",
            SAME,
            guards=("with_the_wsnp", "no_wsnp_to_wait_for", "clean_slate"),
            sets={"vorige_toestand": "WSNP"},
            notifies=("budget_coach", "coordinator"),
            because="de andere cliënt heeft een schone lei: een mens meldt dat de oplossing is afgerond",
        ),
        *(
            Row(
                (INTENDED, *_DECIDED),
                "wsnp_geen_toelating",
                SAME,
                guards=("with_the_wsnp", "no_wsnp_to_wait_for", *known),
                sets={"vorige_toestand": to},
                notifies=("budget_coach", "coordinator"),
                because="gaat het na het voornemen of het besluit verder, dan zonder de Wsnp",
            )
            for to, known, _, opens in _WITHOUT_WSNP
            if not opens
        ),
        Row(
            (*_WITH_WSNP, INTENDED, *_DECIDED),
            "wsnp_schone_lei_definitief",
            SAME,
            guards=("with_the_wsnp",),
            sets={"schone_lei": True},
            because="ook als de andere cliënt zijn Wsnp later verliest, volgt hierna nazorg",
        ),
        Row(
            "WSNP",
            "wsnp_beeindigd_zonder_schone_lei",
            SAME,
            guards=("one_wsnp",),
            reports=(Report("WSNP", "wsnp_beeindigd_zonder_schone_lei"),),
            notifies=("case_worker",),
            because="de uitspraak eindigt pas iets als zij definitief is (Fw art. 350 lid 4 en 5)",
        ),
        Row(
            _WITH_WSNP,
            "wsnp_beeindiging_definitief",
            "NA_WSNP",
            guards=("with_the_wsnp", "wsnp_over"),
            # Recidive is a possible ground for a weigering later, never more than that.
            sets={"recidive_mogelijk": True},
            arms=(Arm("T70", restart=True),),
            opens=(Opening("M8", gives=TRAJECT_FACTS, when="schone_lei"),),
            notifies=("case_worker", "budget_coach", "coordinator"),
        ),
        Row(
            _WITH_WSNP,
            "wsnp_beeindiging_definitief",
            SAME,
            guards=("with_the_wsnp",),
            sets={"recidive_mogelijk": True},
            arms=(Arm("T70", restart=True),),
            notifies=("case_worker", "budget_coach", "coordinator"),
            because="de Wsnp van de andere cliënt loopt nog",
        ),
        Row(
            (INTENDED, *_DECIDED),
            "wsnp_beeindiging_definitief",
            SAME,
            guards=("with_the_wsnp", "wsnp_over"),
            sets={"recidive_mogelijk": True, "vorige_toestand": "NA_WSNP"},
            notifies=("case_worker", "budget_coach", "coordinator"),
            because="gaat het na het voornemen of het besluit verder, dan na de Wsnp (Fw art. 350 lid 4 en 5)",
        ),
        Row(
            (INTENDED, *_DECIDED),
            "wsnp_beeindiging_definitief",
            SAME,
            guards=("with_the_wsnp",),
            sets={"recidive_mogelijk": True},
            notifies=("case_worker", "budget_coach", "coordinator"),
            because="de Wsnp van de andere cliënt loopt nog",
        ),
        Row(("WSNP", "NA_WSNP"), "persoonlijk_gesprek_gehouden", SAME, meets=("T70",), because="T70"),
        Row(
            (*_BEFORE_THE_END, "NA_WSNP"),
            "wsnp_hervat",
            "WSNP",
            cancels=(*_AMICABLE, "T70"),
            notifies=("client", "budget_coach", "coordinator"),
            because="het gerechtshof laat alsnog toe, of laat de Wsnp doorlopen (Fw art. 292 en 351)",
        ),
        Row(
            ("EVALUATIE", INTENDED, *_DECIDED),
            "wsnp_hervat",
            SAME,
            sets={"vorige_toestand": "WSNP"},
            cancels=(*_AMICABLE, "T70"),
            notifies=("client", "budget_coach", "coordinator"),
            because="gaat het later verder, dan met de Wsnp (Fw art. 292 en 351)",
        ),
        Row(
            "NA_WSNP",
            "vervolg_gekozen",
            "OVERGEDRAGEN",
            guards=("new_request",),
            meets=("T70",),
            keeps=("vervolg",),
            opens=(Opening("M3", gives=(*TRAJECT_FACTS, "recidive_mogelijk")),),
            notifies=("client",),
        ),
        Row(
            "NA_WSNP",
            "vervolg_gekozen",
            "OVERGEDRAGEN",
            meets=("T70",),
            keeps=("vervolg",),
            opens=(Opening("M5", gives=TRAJECT_FACTS),),
            notifies=("client",),
        ),
        Row(
            _BEFORE_THE_END,
            "niet_haalbaar",
            "OVERGEDRAGEN",
            opens=(Opening("M5", gives=TRAJECT_FACTS),),
            notifies=("budget_coach", "client"),
            because="lange termijn begeleiding (DFD) loopt in M5",
        ),
        Row(
            INTENDED,
            "oplossing_afgerond",
            "AFGEROND",
            guards=("with_the_wsnp", "wsnp_over"),
            sets={"uitstroomreden_oplossing": "Afgerond"},
            cancels=("T24",),
            opens=_AFTERCARE,
            notifies=("client", "budget_coach", "creditor"),
            because="met een schone lei is er niets meer om te beëindigen (Fw art. 356 en 358)",
        ),
        Row(
            _WITH_WSNP,
            "oplossing_afgerond",
            "AFGEROND",
            guards=("with_the_wsnp", "wsnp_over"),
            sets={"uitstroomreden_oplossing": "Afgerond"},
            opens=_AFTERCARE,
            notifies=("client", "budget_coach", "creditor"),
            because="de schone lei is pas definitief als niemand haar nog kan bestrijden (Fw art. 355 en 356)",
        ),
        Row(
            _BEFORE_THE_END,
            "oplossing_afgerond",
            "AFGEROND",
            meets=("T12", "T14", "T14c"),
            sets={"uitstroomreden_oplossing": "Afgerond"},
            opens=_AFTERCARE,
            notifies=("client", "budget_coach", "creditor"),
        ),
        *ending_rows(_RUNNING, _TERMS),
        *running_exit_rows("AFGESLOTEN", (*_RUNNING, INTENDED), TERMINATED, _TERMS, ARCHIVE_BROKEN_OFF),
        *handoff_rows("START"),
    ),
)
