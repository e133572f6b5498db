"""M3 In contact (domain 4.4): from a hulpvraag to the eerste gesprek, in time.

T01 runs from the day of the hulpvraag, so from the opening: the crisis check decides whether T02 replaces it.
"""

from __future__ import annotations

from milestones.definition import ANY, SAME, Arm, Definition, Opening, Row, State, Task
from milestones.definitions.shared import (
    ARCHIVE_BROKEN_OFF,
    ENDING_KEEPS,
    EVERY_STATE,
    HANDOFF_STATES,
    LIGHT_HELP,
    RECEIPT,
    TRAJECT_FACTS,
    exit_rows,
    handoff_rows,
    profile_row,
    silence_rows,
)
from milestones.events import events_of

# From the signal whose offer was accepted, or else from the hulpvraag (Wgs art. 4 lid 1).
_FIRST_TALK = Arm("T01", from_earlier="signaal_ontvangen_op")
_CRISIS_TERM = Arm("T02", supersedes="T01")
_TO_M4 = (Opening("M4", gives=(*TRAJECT_FACTS, "aanvraag_op", "recidive_mogelijk")),)
_INTERPRETER = Task("case_worker", "tolk_regelen", target_group="anderstalig")

M3 = Definition(
    code="M3",
    name="In contact",
    version=3,
    events=events_of("M3"),
    route_names=("aanmelding",),
    starts_in="NIEUW",
    on_open=(_FIRST_TALK, Arm("T02", when="bedreigende_situatie")),
    states=(
        State("NIEUW", "Wacht op registratie aanmelding", "case_worker"),
        State("CRISISCHECK", "Wacht op crisischeck", "case_worker"),
        State("SPOED", "Spoed: wacht op afspraak", "case_worker"),
        State("AFSPRAAK_PLANNEN", "Wacht op afspraak", "case_worker"),
        State("AFSPRAAK_GEPLAND", "Wacht op eerste gesprek", "case_worker"),
        State("OVERGEDRAGEN", "Overgedragen", "case_worker", final=True),
        State("NIET_BEREIKT", "Afgesloten: niet bereikt", "case_worker", final=True),
        State("AFGESLOTEN", "Afgesloten", "case_worker", final=True),
        *HANDOFF_STATES,
    ),
    rows=(
        Row(
            "NIEUW",
            "aanmelding_geregistreerd",
            "CRISISCHECK",
            stamps=("aanvraag_op",),
            arms=(RECEIPT,),
            notifies=("case_worker",),
        ),
        # Wgs art. 4 lid 2, or the local list.
        Row(
            "CRISISCHECK",
            "bedreigend",
            "SPOED",
            sets={"bedreigende_situatie": True},
            arms=(_CRISIS_TERM,),
            notifies=("coordinator", "early_signal_worker"),
        ),
        Row(
            ("AFSPRAAK_PLANNEN", "AFSPRAAK_GEPLAND"),
            "bedreigend",
            "SPOED",
            sets={"bedreigende_situatie": True},
            arms=(_CRISIS_TERM,),
            notifies=("coordinator", "early_signal_worker"),
            because="een bedreigende situatie kan later blijken (domain 3.2)",
        ),
        Row(
            "CRISISCHECK",
            "niet_bedreigend",
            "AFSPRAAK_PLANNEN",
            sets={"bedreigende_situatie": False},
            cancels=("T02",),
            notifies=("case_worker",),
        ),
        Row(
            ("AFSPRAAK_PLANNEN", "SPOED"),
            "afspraak_gemaakt",
            "AFSPRAAK_GEPLAND",
            keeps=("afspraakdatum",),
            tasks=(_INTERPRETER,),
            notifies=("client",),
        ),
        Row(
            "AFSPRAAK_GEPLAND",
            "niet_verschenen",
            "NIET_BEREIKT",
            guards=("last_no_show", "all_channels_tried", "motivated", "duty_of_care"),
            counts="niet_verschenen",
            keeps=ENDING_KEEPS,
            sets={"uitstroomreden": "Nietverschenen"},
            arms=(ARCHIVE_BROKEN_OFF,),
            notifies=("chain_partner",),
        ),
        Row(
            "AFSPRAAK_GEPLAND",
            "niet_verschenen",
            "SPOED",
            guards=("threatened",),
            counts="niet_verschenen",
            notifies=("client",),
            because="de bedreigende situatie is er nog: de drie werkdagen lopen door",
        ),
        Row(
            "AFSPRAAK_GEPLAND",
            "niet_verschenen",
            "AFSPRAAK_PLANNEN",
            counts="niet_verschenen",
            notifies=("client",),
        ),
        Row(
            ("AFSPRAAK_GEPLAND", "AFSPRAAK_PLANNEN", "SPOED"),
            "eerste_gesprek_gevoerd",
            "OVERGEDRAGEN",
            meets=("T01", "T02"),
            opens=_TO_M4,
            notifies=("debt_counsellor",),
            because="een gesprek zonder afspraak (inloop) telt ook",
        ),
        Row(
            ANY,
            "doelgroep_bepaald",
            SAME,
            collects=("doelgroep",),
            keeps=("toestemming",),
            because="een tolk is nodig voor het eerste gesprek",
        ),
        Row(
            EVERY_STATE,
            "aanbod_aanvaard",
            SAME,
            guards=("not_threatened",),
            arms=(Arm("T01", from_earlier="signaal_ontvangen_op", supersedes="T01"),),
            because="een aanvaard aanbod telt vanaf het signaal, ook als de inwoner zich al had gemeld (Wgs 4 lid 1)",
        ),
        Row(
            ("AFSPRAAK_PLANNEN", "AFSPRAAK_GEPLAND"),
            "informatie_en_advies_gegeven",
            "AFGESLOTEN",
            guards=("resident_agrees", "not_threatened", "no_help_runs_beside", "duty_of_care"),
            keeps=ENDING_KEEPS,
            sets={"eindresultaat": LIGHT_HELP},
            arms=(ARCHIVE_BROKEN_OFF,),
            notifies=("client",),
            because="lichte hulp is ook hulp: de inwoner kan zelf verder (DDAS InformatieEnAdvies)",
        ),
        profile_row(ANY),
        *silence_rows(),
        *exit_rows("AFGESLOTEN", by_decision_only=False),
        *handoff_rows("NIEUW"),
    ),
)
