"""VERTREK: the beschikking for one of two clients whom another municipality took over (Wgs art. 4a lid 6).

Who stayed has his help, and perhaps a decision of his own, in other processes of the case: nothing that ends there ends
the bezwaar or beroep of who left, and the other way round.
"""

from __future__ import annotations

from dataclasses import replace

from milestones.definition import ANY, Arm, Definition, Row, State, Task
from milestones.definitions.shared import (
    IN_APPEAL,
    IN_OBJECTION,
    TERMINATED,
    bottleneck_row,
    decision_rows,
    default_rows,
    extension_row,
    objection_rows,
    receipt_row,
)
from milestones.events import events_of

# The help of who left was ended wrongly: somebody sees to it that he gets help again, here or there.
_FOUNDED = (Task("coordinator", "hulp_hervatten"),)

VERTREK = Definition(
    code="VERTREK",
    name="Besluit voor wie vertrok",
    version=1,
    events=events_of("VERTREK"),
    several=True,
    starts_in=TERMINATED,
    on_open=(Arm("T20"),),
    states=(
        State(TERMINATED, "Besluit voor wie vertrok: wacht op einde bezwaar en beroep", "debt_counsellor"),
        State(IN_OBJECTION, "Wacht op beslissing op bezwaar van wie vertrok", "legal_officer"),
        State(
            IN_APPEAL, "Wacht op de bestuursrechter, voor wie vertrok", "legal_officer", waits_on_partner=True
        ),
        State("AFGESLOTEN", "Afgesloten", "debt_counsellor", final=True),
    ),
    rows=(
        *decision_rows(TERMINATED),
        *(
            replace(row, tasks=_FOUNDED) if row.event == "gegrond" else row
            for row in objection_rows(TERMINATED, ((TERMINATED, (), ()),))
        ),
        *default_rows(IN_OBJECTION),
        receipt_row(),
        bottleneck_row((ANY,)),
        extension_row(),
        # A death of who stayed is told to his own processes, and ends nothing here.
        Row(
            ANY,
            "vertrokken_client_overleden",
            "AFGESLOTEN",
            sets={"overleden": True},
            notifies=("coordinator", "legal_officer"),
            tasks=(Task("coordinator", "brieven_nakijken"),),
        ),
    ),
)
