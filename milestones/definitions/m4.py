"""M4 In gesprek (domain 4.5): the eerste gesprek fixes the hulpvraag, the intake completes the picture.

The day on which M4 opens is the day of the eerste gesprek: T03 counts from it.
"""

from __future__ import annotations

from typing import Final

from milestones.definition import SAME, Arm, Definition, Opening, Row, State
from milestones.definitions.shared import (
    ARCHIVE,
    ARCHIVE_BROKEN_OFF,
    DECISION_TERMS,
    ENDING_KEEPS,
    HANDOFF_STATES,
    LIGHT_HELP,
    PENALTY,
    RECEIPT,
    THE_REST_ENDS,
    TRAJECT_FACTS,
    decided_row,
    decision_rows,
    default_rows,
    delay_rows,
    digital_failure_row,
    exit_rows,
    handoff_rows,
    objection_rows,
    profile_row,
    silence_rows,
    suspension_end_rows,
    unless_still,
    while_it_counts,
)
from milestones.event_fields import THEMES
from milestones.events import events_of

# T03 is the same running term in M4 and in M6.
_GIVES: Final = (*TRAJECT_FACTS, "aanvraag_op", "opschorting")
_UNDECIDED = ("EERSTE_GESPREK", "INTAKE", "HERSTEL", "BESLUIT_BUITEN_BEHANDELING")

M4 = Definition(
    code="M4",
    name="In gesprek",
    version=3,
    events=events_of("M4"),
    route_names=("intake",),
    starts_in="EERSTE_GESPREK",
    on_open=(
        Arm("T03", policy="ordinance_sets_term"),
        Arm("T03b", from_earlier="aanvraag_op", policy="no_ordinance_term"),
        Arm("T06"),
    ),
    states=(
        State("EERSTE_GESPREK", "Wacht op vaststellen hulpvraag", "debt_counsellor"),
        State("INTAKE", "Wacht op volledig beeld", "debt_counsellor"),
        State("HERSTEL", "Wacht op gegevens van de inwoner", "debt_counsellor"),
        State("BESLUIT_BUITEN_BEHANDELING", "Wacht op besluit: wel of niet behandelen", "quality_reviewer"),
        State("BUITEN_BEHANDELING", "Buiten behandeling: wacht op einde bezwaartermijn", "debt_counsellor"),
        State("BEZWAAR", "Wacht op beslissing op bezwaar", "legal_officer"),
        State("BEROEP", "Wacht op de bestuursrechter", "legal_officer", waits_on_partner=True),
        State("ADVIES_WEIGERING", "Overgedragen met advies tot weigering", "debt_counsellor", final=True),
        State("OVERGEDRAGEN", "Overgedragen", "debt_counsellor", final=True),
        State("AFGESLOTEN", "Afgesloten", "debt_counsellor", final=True),
        *HANDOFF_STATES,
    ),
    rows=(
        # Wgs art. 4a lid 2: no beschikking is needed, unless help runs already (lid 6).
        Row(
            "EERSTE_GESPREK",
            "ziet_af",
            "AFGESLOTEN",
            guards=("no_help_runs_beside", "duty_of_care"),
            keeps=ENDING_KEEPS,
            cancels=("T03", "T03b", "T22"),
            arms=(ARCHIVE_BROKEN_OFF, PENALTY),
            sets={"uitstroomreden": "Ingetrokken"},
            notifies=("client",),
        ),
        Row(
            "EERSTE_GESPREK",
            "hulpvraag_vastgesteld",
            "INTAKE",
            arms=(Arm("T06"), Arm("T07")),
            # Begeleiding starts directly, beside the mijlpalen (element 2).
            opens=(Opening("BEGELEIDING", gives=TRAJECT_FACTS, handoff=False),),
            notifies=("debt_counsellor",),
        ),
        Row("INTAKE", "doorlooptijd_medegedeeld", "INTAKE", meets=("T06",), keeps=("weken",)),
        Row("INTAKE", "vish_gemeld", "INTAKE", meets=("T07",)),
        *while_it_counts(
            Row(
                "INTAKE",
                "gegevens_ontbreken",
                "HERSTEL",
                arms=(Arm("T04", until="hersteltermijn_tot"),),
                suspends=("T03", "T03b"),
                notifies=("client",),
            )
        ),
        *unless_still(
            Row(
                "HERSTEL",
                "gegevens_ontvangen",
                "INTAKE",
                meets=("T04",),
                resumes=("T03", "T03b"),
                arms=(Arm("T05"), RECEIPT),
                notifies=("debt_counsellor",),
            )
        ),
        # T03 runs on from the day on which the term lapsed unused (Awb art. 4:15).
        *unless_still(
            Row(
                "HERSTEL",
                "T04_verlopen",
                "BESLUIT_BUITEN_BEHANDELING",
                resumes=("T03", "T03b"),
                arms=(Arm("T05"),),
                notifies=("quality_reviewer",),
            )
        ),
        *suspension_end_rows("HERSTEL", ("T03", "T03b")),
        Row(
            "BESLUIT_BUITEN_BEHANDELING",
            "gegevens_ontvangen",
            "INTAKE",
            arms=(RECEIPT,),
            because="gegevens die te laat komen, mogen nog meetellen",
            notifies=("debt_counsellor",),
        ),
        Row(
            "BESLUIT_BUITEN_BEHANDELING",
            "alsnog_in_behandeling",
            "INTAKE",
            cancels=("T05",),
            notifies=("debt_counsellor",),
        ),
        Row(
            "BESLUIT_BUITEN_BEHANDELING",
            "buiten_behandeling_gesteld",
            "BUITEN_BEHANDELING",
            meets=("T03", "T03b", "T03c", "T05", "T21"),
            cancels=("T22", "T04b"),
            arms=(PENALTY, Arm("T20", restart=True), ARCHIVE),
            guards=("ground_allowed", "no_digital_failure", "no_help_runs_beside", "duty_of_care"),
            keeps=ENDING_KEEPS,
            sets={"uitstroomreden": "Voldoet niet"},
            reports=THE_REST_ENDS,
            notifies=("client",),
            because="Awb art. 4:5 lid 1 en 4",
        ),
        Row(
            ("EERSTE_GESPREK", "INTAKE", "HERSTEL"),
            "doelgroep_bepaald",
            SAME,
            collects=("doelgroep",),
            keeps=("toestemming",),
            notifies=("chain_partner",),
            because="een inwoner kan bij meer dan een doelgroep horen; zonder toestemming hoort de ketenpartner niets",
        ),
        Row(
            ("EERSTE_GESPREK", "INTAKE", "HERSTEL"),
            "rust_nodig",
            SAME,
            opens=(Opening("M5", gives=TRAJECT_FACTS),),
            notifies=("debt_counsellor",),
            because="bij een crisis wacht M5 niet op de intake (domain 1.3)",
        ),
        # A person finds a possible ground; the decision itself is taken in M6.
        Row(
            "INTAKE",
            "weigeringsgrond_gevonden",
            "ADVIES_WEIGERING",
            guards=("ground_allowed",),
            keeps=("motivering", "grond", "afwijkende_gegevens", "beoordelaar"),
            sets={"advies": "weigering"},
            opens=(
                Opening(
                    "M6",
                    carries=DECISION_TERMS,
                    gives=(*_GIVES, "motivering", "grond", "advies", "afwijkende_gegevens", "beoordelaar"),
                ),
            ),
            notifies=("quality_reviewer", "client"),
        ),
        Row(
            "INTAKE",
            "beeld_compleet",
            "OVERGEDRAGEN",
            opens=(
                Opening("M5", gives=TRAJECT_FACTS, when="stabilisatie_nodig"),
                Opening("M6", carries=DECISION_TERMS, gives=_GIVES),
            ),
            notifies=("debt_counsellor",),
        ),
        Row(
            ("EERSTE_GESPREK", "INTAKE"),
            "informatie_en_advies_gegeven",
            "AFGESLOTEN",
            guards=("resident_agrees", "not_threatened", "no_help_runs_beside", "duty_of_care"),
            keeps=ENDING_KEEPS,
            sets={"eindresultaat": LIGHT_HELP},
            cancels=("T03", "T03b", "T22"),
            arms=(ARCHIVE_BROKEN_OFF, PENALTY),
            reports=THE_REST_ENDS,
            notifies=("client",),
            because="ziet de inwoner af van een traject, dan is geen beschikking nodig (Wgs art. 4a lid 2)",
        ),
        Row(
            "INTAKE",
            "meting_gedaan",
            SAME,
            guards=("same_instrument",),
            keeps=(*THEMES, "meetinstrument"),
            counts="metingen",
            because="de intake meet met hetzelfde meetinstrument als de evaluaties (element 5 en 8)",
        ),
        profile_row(("EERSTE_GESPREK", "INTAKE", "HERSTEL")),
        *silence_rows(),
        digital_failure_row(("HERSTEL", "BESLUIT_BUITEN_BEHANDELING"), "quality_reviewer"),
        *delay_rows(("INTAKE", "BESLUIT_BUITEN_BEHANDELING")),
        *decision_rows("BUITEN_BEHANDELING"),
        *objection_rows("INTAKE", (("BUITEN_BEHANDELING", (), ()),)),
        *default_rows(),
        decided_row(("BUITEN_BEHANDELING", "BEZWAAR", "BEROEP")),
        *exit_rows("AFGESLOTEN", by_decision_only=True, sources=_UNDECIDED),
        *handoff_rows("EERSTE_GESPREK"),
    ),
)
