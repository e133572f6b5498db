"""BEGELEIDING: guidance beside M4-M8, from the eerste gesprek to the end of nazorg (elements 2-4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from milestones.definition import ANY, SAME, Arm, Definition, Report, Row, State, Task
from milestones.definitions.shared import MEASURE_LATER, bottleneck_row, death_rows, extension_row
from milestones.event_fields import THEMES
from milestones.events import events_of

if TYPE_CHECKING:
    from milestones.vocabulary import FactName

# The nine scores, the instrument, and what each evaluation asks.
_EVALUATED: tuple[FactName, ...] = (*THEMES, "meetinstrument", "administratie_zelf", "plan_herzien")
_MEASURE = (Task("budget_coach", "meting_invullen", unless="werk"),)
_SCORES: tuple[FactName, ...] = (*THEMES, "meetinstrument")
_TO_THE_PLAN = (Report("M7", "evaluatie_gedaan", passes=(*_SCORES, "plan_herzien")),)

BEGELEIDING = Definition(
    code="BEGELEIDING",
    name="Begeleiding",
    version=3,
    events=events_of("BEGELEIDING"),
    route_names=("begeleiding",),
    starts_in="GESTART",
    # Nobody is without somebody to ring.
    on_open=(Arm("T73"),),
    tasks_on_open=(Task("coordinator", "contactpersoon_toewijzen"),),
    states=(
        State("GESTART", "Wacht op begeleidingsplan", "budget_coach"),
        State("LOOPT", "Begeleiding loopt", "budget_coach"),
        State("AFGEROND", "Afgerond", "budget_coach", final=True),
        State("AFGESLOTEN", "Afgesloten", "budget_coach", final=True),
    ),
    rows=(
        Row(
            ("GESTART", "LOOPT"),
            "begeleidingsplan_vastgesteld",
            "LOOPT",
            keeps=("doelen", "begeleidingssoort"),
            notifies=("client",),
        ),
        Row("LOOPT", "doel_behaald", SAME, collects=("doel",)),
        Row(
            ("GESTART", "LOOPT"),
            "meting_gedaan",
            SAME,
            guards=("same_instrument",),
            keeps=_SCORES,
            counts="metingen",
            meets=("T75",),
            reports=(Report("M7", "meting_gedaan", passes=_SCORES),),
        ),
        # The cycle (T15) belongs to the plan, so M7 counts it; the plan may go back to M6 from there.
        Row(
            ("GESTART", "LOOPT"),
            "evaluatie_gedaan",
            SAME,
            guards=("administration_own", "scores_whole", "instrument_named", "same_instrument"),
            keeps=_EVALUATED,
            stamps=("administratie_zelf_op",),
            counts="evaluaties",
            arms=MEASURE_LATER,
            tasks=_MEASURE,
            reports=_TO_THE_PLAN,
        ),
        Row(
            ("GESTART", "LOOPT"),
            "evaluatie_gedaan",
            SAME,
            guards=("scores_whole", "instrument_named", "same_instrument"),
            keeps=_EVALUATED,
            counts="evaluaties",
            arms=MEASURE_LATER,
            tasks=_MEASURE,
            reports=_TO_THE_PLAN,
        ),
        Row(
            ("GESTART", "LOOPT"),
            "administratie_weer_zelf",
            SAME,
            sets={"administratie_zelf": True},
            stamps=("administratie_zelf_op",),
            notifies=("budget_coach",),
            because="elke evaluatie vraagt ernaar; het kan ook eerder worden gemeld",
        ),
        Row(
            ("GESTART", "LOOPT"),
            "contactpersoon_toegewezen",
            SAME,
            keeps=("contactpersoon",),
            meets=("T73",),
        ),
        Row(
            ("GESTART", "LOOPT"),
            "contactpersoon_gewijzigd",
            SAME,
            keeps=("contactpersoon", "wijzigingsreden"),
            meets=("T73",),
            counts="contactpersoon_wisselingen",
            notifies=("client", "coordinator"),
        ),
        # The municipality keeps the regie when a ketenpartner takes over a part.
        Row(
            "LOOPT",
            "deel_overgedragen",
            SAME,
            collects=("onderdeel",),
            keeps=("toestemming",),
            notifies=("chain_partner", "coordinator"),
        ),
        Row(
            "LOOPT",
            "deel_teruggekomen",
            SAME,
            counts="teruggekomen",
            notifies=("budget_coach", "coordinator"),
        ),
        Row(ANY, "nazorg_afgerond", "AFGEROND", because="de begeleiding eindigt met de nazorg"),
        bottleneck_row((ANY,)),
        extension_row(),
        Row(
            ANY,
            "traject_beeindigd",
            "AFGESLOTEN",
            keeps=("uitstroomreden",),
            because="het traject is beëindigd",
        ),
        *death_rows("AFGESLOTEN", source=(ANY,)),
    ),
)
