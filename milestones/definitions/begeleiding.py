"""BEGELEIDING: guidance beside M4-M8, from the eerste gesprek to the end of nazorg (elements 2-4)."""

from __future__ import annotations

from milestones.definition import ANY, SAME, Definition, Report, Row, State
from milestones.definitions.shared import death_rows, extension_row
from milestones.event_fields import THEMES
from milestones.events import events_of

BEGELEIDING = Definition(
    code="BEGELEIDING",
    name="Begeleiding",
    version=2,
    events=events_of("BEGELEIDING"),
    route_names=("begeleiding",),
    starts_in="GESTART",
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
        Row(("GESTART", "LOOPT"), "meting_gedaan", SAME, keeps=THEMES, counts="metingen"),
        # The cycle (T15) belongs to the plan, so M7 counts it; the plan may go back to M6 from there.
        Row(
            ("GESTART", "LOOPT"),
            "evaluatie_gedaan",
            SAME,
            keeps=(*THEMES, "plan_herzien"),
            counts="evaluaties",
            reports=(Report("M7", "evaluatie_gedaan", passes=("plan_herzien",)),),
        ),
        Row(("GESTART", "LOOPT"), "contactpersoon_toegewezen", SAME, keeps=("contactpersoon",)),
        Row(
            ("GESTART", "LOOPT"),
            "contactpersoon_gewijzigd",
            SAME,
            keeps=("contactpersoon", "wijzigingsreden"),
            counts="contactpersoon_wisselingen",
            notifies=("client", "coordinator"),
        ),
        # The municipality keeps the regie when a ketenpartner takes over a part.
        Row(
            "LOOPT",
            "deel_overgedragen",
            SAME,
            collects=("onderdeel",),
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
