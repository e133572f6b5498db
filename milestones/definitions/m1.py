"""M1 Op zoek (domain 4.2): somebody looks for help, perhaps without a name yet."""

from __future__ import annotations

from typing import Final

from milestones.definition import ANY, Definition, Opening, Row, State
from milestones.definitions.shared import (
    ENDING_KEEPS,
    HANDOFF_STATES,
    bottleneck_row,
    death_rows,
    handoff_rows,
    withdrawal_row,
)
from milestones.events import events_of

_TO_M3 = (Opening("M3", gives=("bedreigende_situatie", "toestemming")),)
_KEEPS: Final = ("bedreigende_situatie",)

M1 = Definition(
    code="M1",
    name="Op zoek",
    version=3,
    events=events_of("M1"),
    starts_in="NIEUW",
    states=(
        State("NIEUW", "Wacht op eerste vraag", "case_worker"),
        State("INFORMATIE", "Wacht op hulpvraag", "case_worker"),
        State("CONTACT_GEPLAND", "Contact gepland", "case_worker", final=True),
        State("OVERGEDRAGEN", "Overgedragen", "case_worker", final=True),
        State("AFGESLOTEN", "Afgesloten", "case_worker", final=True),
        *HANDOFF_STATES,
    ),
    rows=(
        Row("NIEUW", "informatie_gegeven", "INFORMATIE"),
        Row(
            "INFORMATIE", "informatie_gegeven", "INFORMATIE", because="meer dan een keer informatie geven kan"
        ),
        # The four weeks (T01), or three working days (T02), start in M3 on this same day.
        Row(
            ("NIEUW", "INFORMATIE"),
            "hulpvraag_gesteld",
            "OVERGEDRAGEN",
            guards=("identified",),
            keeps=_KEEPS,
            opens=_TO_M3,
        ),
        Row(
            ("NIEUW", "INFORMATIE"),
            "verwijzing_ontvangen",
            "CONTACT_GEPLAND",
            guards=("consent",),
            keeps=(*_KEEPS, "toestemming"),
            opens=_TO_M3,
            notifies=("chain_partner",),
        ),
        Row(ANY, "geen_vervolg", "AFGESLOTEN", guards=("duty_of_care",), keeps=ENDING_KEEPS),
        *death_rows("AFGESLOTEN"),
        withdrawal_row("AFGESLOTEN"),
        bottleneck_row(),
        *handoff_rows("NIEUW"),
    ),
)
