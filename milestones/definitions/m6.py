"""M6 Plan (domain 4.7): the beschikking with a plan van aanpak, or a weigering, and bezwaar against it.

T03 runs since the eerste gesprek: M4 carries it here as the same running term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from milestones.definition import SAME, Arm, Definition, Opening, Report, Row, State
from milestones.definitions.shared import (
    ARCHIVE,
    HANDOFF_STATES,
    IN_APPEAL,
    PENALTY,
    RECEIPT,
    TRAJECT_FACTS,
    decided_row,
    decision_rows,
    default_rows,
    delay_rows,
    exit_rows,
    handoff_rows,
    objection_rows,
    silence_rows,
)
from milestones.events import events_of

if TYPE_CHECKING:
    from milestones.vocabulary import GuardName

# After a definitive weigering there is no traject to guide.
_GUIDANCE_ENDS = (Report("BEGELEIDING", "traject_beeindigd"),)
_DECIDED: Final = ("T03", "T03b", "T03c", "T21")
_WORKING = ("CONCEPT", "VOORNEMEN_WEIGERING", "AFSTEMMEN", "TOETS", "BESCHIKKING_GEMAAKT")

# From the concept only where no zienswijze is needed.
_REFUSED_FROM: tuple[tuple[str, tuple[GuardName, ...]], ...] = (
    ("CONCEPT", ("no_view_needed", "refusal_read_twice")),
    ("VOORNEMEN_WEIGERING", ("view_heard", "refusal_checked")),
)

M6 = Definition(
    code="M6",
    name="Plan",
    version=3,
    events=events_of("M6"),
    name_confidence="U",
    route_names=("intake",),
    starts_in="CONCEPT",
    states=(
        State("CONCEPT", "Wacht op plan van aanpak", "debt_counsellor"),
        State("VOORNEMEN_WEIGERING", "Wacht op zienswijze en toets van de weigering", "quality_reviewer"),
        State("AFSTEMMEN", "Wacht op akkoord van de inwoner", "debt_counsellor"),
        State("TOETS", "Wacht op toets van het plan", "quality_reviewer"),
        State("BESCHIKKING_GEMAAKT", "Wacht op bekendmaking van de beschikking", "debt_counsellor"),
        State("BESCHIKT_TOEGELATEN", "Toegelaten: wacht op einde bezwaartermijn", "debt_counsellor"),
        State("BESCHIKT_GEWEIGERD", "Geweigerd: wacht op einde bezwaartermijn", "debt_counsellor"),
        State("BEZWAAR", "Wacht op beslissing op bezwaar", "legal_officer"),
        State(IN_APPEAL, "Wacht op de bestuursrechter", "legal_officer", waits_on_partner=True),
        State("AFGESLOTEN", "Afgesloten", "debt_counsellor", final=True),
        *HANDOFF_STATES,
    ),
    rows=(
        Row(
            "CONCEPT", "plan_opgesteld", "AFSTEMMEN", guards=("exempt_amount_counted",), notifies=("client",)
        ),
        Row("AFSTEMMEN", "inwoner_akkoord", "TOETS", notifies=("quality_reviewer",)),
        Row(
            "AFSTEMMEN",
            "inwoner_niet_akkoord",
            "CONCEPT",
            notifies=("debt_counsellor",),
            because="het plan sluit aan op eigen doelen: zonder akkoord komt er een nieuw concept",
        ),
        Row("TOETS", "goedgekeurd", "BESCHIKKING_GEMAAKT", notifies=("debt_counsellor",)),
        Row(
            "TOETS", "afgekeurd", "CONCEPT", notifies=("debt_counsellor",), because="de toets kan iets missen"
        ),
        Row(
            "BESCHIKKING_GEMAAKT",
            "bekendgemaakt",
            "BESCHIKT_TOEGELATEN",
            sets={"beschikking": "toegelaten", "nazorg_toegezegd": True},
            meets=_DECIDED,
            cancels=("T22", "T04b"),
            arms=(PENALTY, Arm("T20", restart=True)),
            # M7 does not wait for the end of the bezwaartermijn.
            opens=(Opening("M7", gives=(*TRAJECT_FACTS, "nazorg_toegezegd")),),
            notifies=("client", "settlement_officer", "budget_coach"),
        ),
        # Where the refusal rests on other data than the inwoner gave, he is heard first (Awb art. 4:7).
        Row(
            "CONCEPT",
            "weigering_voorgenomen",
            "VOORNEMEN_WEIGERING",
            guards=("motivated", "ground_allowed"),
            keeps=("motivering", "grond", "afwijkende_gegevens", "beoordelaar"),
            sets={"zienswijze_gehoord": False, "weigering_akkoord": False},
            arms=(Arm("T24", restart=True),),
            notifies=("client", "quality_reviewer"),
            because="zienswijze (Awb art. 4:7) en een tweede paar ogen",
        ),
        Row(
            "VOORNEMEN_WEIGERING",
            "zienswijze_ontvangen",
            SAME,
            sets={"zienswijze_gehoord": True},
            meets=("T24",),
            arms=(RECEIPT,),
            notifies=("quality_reviewer",),
        ),
        Row(
            ("CONCEPT", "VOORNEMEN_WEIGERING"),
            "weigering_getoetst",
            SAME,
            guards=("another_reader",),
            sets={"weigering_akkoord": True},
            because="een tweede paar ogen, ook als geen zienswijze nodig is",
        ),
        Row(
            "VOORNEMEN_WEIGERING",
            "voornemen_ingetrokken",
            "CONCEPT",
            sets={"advies": None, "weigering_akkoord": False},
            cancels=("T24",),
            notifies=("client",),
        ),
        *(
            Row(
                state,
                "weigering_besloten",
                "BESCHIKT_GEWEIGERD",
                guards=("motivated", "ground_allowed", *heard),
                keeps=("motivering", "grond"),
                sets={"beschikking": "geweigerd", "advies": None, "weigering_akkoord": False},
                meets=_DECIDED,
                cancels=("T22", "T24", "T04b"),
                arms=(PENALTY, Arm("T20", restart=True), ARCHIVE),
                notifies=("client", "chain_partner"),
            )
            for state, heard in _REFUSED_FROM
        ),
        # Overdue, but never blocked: the inwoner may send an ingebrekestelling (T21).
        Row(
            _WORKING,
            "T03_overschreden",
            SAME,
            guards=("t03_over",),
            sets={"te_laat": True},
            notifies=("team_leader",),
        ),
        Row(
            "BESCHIKT_TOEGELATEN",
            "plan_herzien",
            SAME,
            opens=(Opening("M6", gives=TRAJECT_FACTS, handoff=False),),
            because="de gewijzigde beschikking heeft een eigen bezwaartermijn; tegen deze kan hij nog opkomen (4.8)",
        ),
        *delay_rows(_WORKING),
        *decision_rows("BESCHIKT_TOEGELATEN"),
        *decision_rows("BESCHIKT_GEWEIGERD", ends=_GUIDANCE_ENDS),
        *objection_rows(
            "CONCEPT",
            (("BESCHIKT_TOEGELATEN", ("admitted",), ()), ("BESCHIKT_GEWEIGERD", (), _GUIDANCE_ENDS)),
        ),
        *default_rows(),
        *silence_rows(),
        decided_row(("BESCHIKT_TOEGELATEN", "BESCHIKT_GEWEIGERD", "BEZWAAR", IN_APPEAL), "uitstroomreden"),
        *exit_rows("AFGESLOTEN", by_decision_only=True, sources=(*_WORKING, "BESCHIKT_TOEGELATEN")),
        *handoff_rows("CONCEPT"),
    ),
)
