"""M8 Nazorg (domain 4.9): stay in contact, treat signals as terugval, and end with a beschikking."""

from __future__ import annotations

from typing import Final

from milestones.definition import SAME, Arm, Definition, Opening, Report, Row, State
from milestones.definitions.shared import (
    ENDING_KEEPS,
    HANDOFF_STATES,
    IN_APPEAL,
    IN_OBJECTION,
    TRAJECT_FACTS,
    decision_rows,
    default_rows,
    handoff_rows,
    objection_rows,
    running_exit_rows,
)
from milestones.events import events_of

_BACK_AGAIN: Final = (*TRAJECT_FACTS, "terugval")
_GUIDANCE_ENDS = (Report("BEGELEIDING", "nazorg_afgerond"),)
_DECISION = (Arm("T20"), Arm("T61"))
_AFTERCARE: Final = ("T16", "T17", "T18")

M8 = Definition(
    code="M8",
    name="Nazorg",
    version=3,
    events=events_of("M8"),
    name_confidence="U",
    route_names=("nazorg",),
    starts_in="GESTART",
    on_open=(Arm("T16"), Arm("T17")),
    states=(
        State("GESTART", "Nazorg loopt: wacht op contactmoment", "budget_coach"),
        State("TERUGVAL", "Terugval: wacht op persoonlijk contact", "case_worker"),
        State("BEEINDIGING", "Wacht op beëindigingsbeschikking", "debt_counsellor"),
        State("AFGEROND", "Afgerond: wacht op einde bezwaartermijn", "debt_counsellor"),
        State("BEZWAAR", "Wacht op beslissing op bezwaar", "legal_officer"),
        State(IN_APPEAL, "Wacht op de bestuursrechter", "legal_officer", waits_on_partner=True),
        State("TERUG_NAAR_M5", "Terug naar rust en overzicht", "debt_counsellor", final=True),
        State("TERUG_NAAR_M6", "Terug naar het plan", "debt_counsellor", final=True),
        State("AFGESLOTEN", "Afgesloten", "debt_counsellor", final=True),
        *HANDOFF_STATES,
    ),
    rows=(
        Row(
            "GESTART",
            "contactmoment_gehouden",
            "GESTART",
            counts="nazorgcontacten",
            notifies=("budget_coach",),
        ),
        Row(
            ("GESTART", "BEEINDIGING"),
            "signaal_ontvangen",
            "TERUGVAL",
            guards=("extra_signals",),
            sets={"reden_terugval": "extra vroegsignalering"},
            arms=(Arm("T18"),),
            notifies=("case_worker",),
        ),
        Row(
            ("GESTART", "BEEINDIGING"),
            "signaal_ontvangen",
            "TERUGVAL",
            guards=("in_aftercare",),
            sets={"reden_terugval": "nazorgperiode"},
            arms=(Arm("T18"),),
            notifies=("case_worker",),
        ),
        Row(
            ("GESTART", "BEEINDIGING"),
            "signaal_ontvangen",
            "TERUGVAL",
            sets={"reden_terugval": "geen beëindigingsbeschikking"},
            arms=(Arm("T18"),),
            notifies=("case_worker",),
            because="zolang er geen beëindigingsbeschikking is, is het geen nieuwe zaak (element 10)",
        ),
        Row(
            "TERUGVAL",
            "signaal_ontvangen",
            SAME,
            notifies=("case_worker",),
            because="een tweede signaal hoort bij dezelfde terugval; T18 loopt door",
        ),
        Row(
            "TERUGVAL",
            "contact_gelegd",
            "GESTART",
            meets=("T18",),
            counts="nazorgcontacten",
            notifies=("client",),
        ),
        # The same traject: no new aanmelding, no T01, and T03 does not start again by itself.
        Row(
            ("TERUGVAL", "GESTART", "BEEINDIGING"),
            "hulp_nodig",
            "TERUG_NAAR_M5",
            guards=("to_m5",),
            sets={"terugval": True},
            meets=("T18",),
            opens=(Opening("M5", gives=_BACK_AGAIN),),
            notifies=("debt_counsellor",),
            because="de inwoner kan ook zelf om hulp vragen",
        ),
        Row(
            ("TERUGVAL", "GESTART", "BEEINDIGING"),
            "hulp_nodig",
            "TERUG_NAAR_M6",
            sets={"terugval": True},
            meets=("T18",),
            opens=(Opening("M6", gives=_BACK_AGAIN, event="plan_herzien"),),
            notifies=("debt_counsellor",),
            because="de inwoner kan ook zelf om hulp vragen",
        ),
        Row(
            "GESTART",
            "T17_verlopen",
            "BEEINDIGING",
            guards=("t17_over", "aftercare_contact_held"),
            notifies=("debt_counsellor",),
        ),
        # A person decides; the clock only leads to the decision.
        Row(
            "BEEINDIGING",
            "beeindigingsbeschikking_bekendgemaakt",
            "AFGEROND",
            guards=("motivated", "duty_of_care"),
            sets={"uitstroomreden": "Afgerond"},
            keeps=ENDING_KEEPS,
            cancels=_AFTERCARE,
            arms=_DECISION,
            reports=_GUIDANCE_ENDS,
            notifies=("client",),
        ),
        Row(
            ("GESTART", "TERUGVAL", "BEEINDIGING"),
            "inwoner_wil_geen_nazorg",
            "AFGEROND",
            guards=("duty_of_care",),
            sets={"uitstroomreden": "Afgerond"},
            keeps=ENDING_KEEPS,
            cancels=_AFTERCARE,
            arms=_DECISION,
            reports=_GUIDANCE_ENDS,
            notifies=("client",),
        ),
        *decision_rows("AFGEROND"),
        *objection_rows("BEEINDIGING", (("AFGEROND", (), ()),), revives=_AFTERCARE),
        *default_rows(IN_OBJECTION),
        *running_exit_rows(
            "AFGESLOTEN", ("GESTART", "TERUGVAL", "BEEINDIGING"), "AFGEROND", _AFTERCARE, Arm("T61")
        ),
        *handoff_rows("GESTART"),
    ),
)
