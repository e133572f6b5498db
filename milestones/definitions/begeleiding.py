"""BEGELEIDING: guidance beside M4-M8, from the eerste gesprek to the end of nazorg (elements 2-4)."""

from __future__ import annotations

from milestones.definition import ANY, SAME, Definition, Report, State, row
from milestones.definitions.shared import death_rows, extension_row
from milestones.event_fields import THEMES

BEGELEIDING = Definition(
    code="BEGELEIDING",
    name="Begeleiding",
    version=1,
    route_names=("begeleiding",),
    starts_in="GESTART",
    states=(
        State("GESTART", "Wacht op begeleidingsplan", "budget_coach"),
        State("LOOPT", "Begeleiding loopt", "budget_coach"),
        State("AFGEROND", "Afgerond", "budget_coach", final=True),
        State("AFGESLOTEN", "Afgesloten", "budget_coach", final=True),
    ),
    rows=(
        row(
            ("GESTART", "LOOPT"),
            "begeleidingsplan_vastgesteld",
            "LOOPT",
            keeps=("doelen", "begeleidingssoort"),
            notifies=("client",),
        ),
        row("LOOPT", "doel_behaald", SAME, collects=("doel",)),
        row(("GESTART", "LOOPT"), "meting_gedaan", SAME, keeps=THEMES, counts="metingen"),
        # The cycle (T15) belongs to the plan, so M7 counts it; the plan may go back to M6 from there.
        row(
            ("GESTART", "LOOPT"),
            "evaluatie_gedaan",
            SAME,
            keeps=(*THEMES, "plan_herzien"),
            counts="evaluaties",
            reports=(Report("M7", "evaluatie_gedaan", passes=("plan_herzien",)),),
        ),
        row(("GESTART", "LOOPT"), "contactpersoon_toegewezen", SAME, keeps=("contactpersoon",)),
        row(
            ("GESTART", "LOOPT"),
            "contactpersoon_gewijzigd",
            SAME,
            keeps=("contactpersoon", "wijzigingsreden"),
            counts="contactpersoon_wisselingen",
            notifies=("client", "coordinator"),
        ),
        # The municipality keeps the regie when a ketenpartner takes over a part.
        row(
            "LOOPT",
            "deel_overgedragen",
            SAME,
            collects=("onderdeel",),
            notifies=("chain_partner", "coordinator"),
        ),
        row(
            "LOOPT",
            "deel_teruggekomen",
            SAME,
            counts="teruggekomen",
            notifies=("budget_coach", "coordinator"),
        ),
        row(ANY, "nazorg_afgerond", "AFGEROND", because="de begeleiding eindigt met de nazorg"),
        extension_row(),
        row(
            ANY,
            "traject_beeindigd",
            "AFGESLOTEN",
            keeps=("uitstroomreden",),
            because="het traject is beëindigd",
        ),
        *death_rows("AFGESLOTEN", source=(ANY,)),
    ),
)
