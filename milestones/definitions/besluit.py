"""BESLUIT: a decision beside the case, with a bezwaar and beroep of its own.

For one of two clients whom another municipality took over (Wgs art. 4a lid 6), and about the height of a dwangsom (Awb
art. 4:18). Nothing that ends elsewhere in the case ends its terms, and the other way round.
"""

from __future__ import annotations

from dataclasses import replace

from milestones.definition import ANY, Arm, Definition, Row, State, Task
from milestones.definitions.shared import (
    IN_APPEAL,
    IN_OBJECTION,
    TERMINATED,
    bottleneck_row,
    death_rows,
    decision_rows,
    default_rows,
    extension_row,
    objection_rows,
    receipt_row,
)
from milestones.events import events_of

# Somebody sees to what follows: help again for who left, or another amount.
_FOUNDED = (Task("coordinator", "besluit_herzien"),)

BESLUIT = Definition(
    code="BESLUIT",
    name="Besluit met eigen bezwaar",
    version=1,
    events=events_of("BESLUIT"),
    several=True,
    starts_in=TERMINATED,
    on_open=(Arm("T20"),),
    states=(
        State(TERMINATED, "Besluit bekendgemaakt: wacht op einde bezwaar en beroep", "debt_counsellor"),
        State(IN_OBJECTION, "Wacht op beslissing op bezwaar", "legal_officer"),
        State(IN_APPEAL, "Wacht op de bestuursrechter", "legal_officer", waits_on_partner=True),
        State("AFGESLOTEN", "Afgesloten", "debt_counsellor", final=True),
    ),
    rows=(
        *decision_rows(TERMINATED),
        *(
            replace(row, tasks=_FOUNDED) if row.event == "gegrond" else row
            for row in objection_rows(TERMINATED, ((TERMINATED, (), ()),))
        ),
        # A dwangsom about this decision is about the same client.
        *(
            replace(row, sets={}) if row.event == "dwangsom_vastgesteld" else row
            for row in default_rows(IN_OBJECTION)
        ),
        receipt_row(),
        bottleneck_row((ANY,)),
        extension_row(),
        # The death of who stayed ends no decision about who left, and the other way round.
        *death_rows("AFGESLOTEN", source=(ANY,), guards=("of_who_stayed",)),
        Row(
            ANY,
            "vertrokken_client_overleden",
            "AFGESLOTEN",
            guards=("of_who_left",),
            sets={"overleden": True},
            notifies=("coordinator", "legal_officer"),
            tasks=(Task("coordinator", "brieven_nakijken"),),
        ),
    ),
)
