"""M2 In beeld, vroegsignalering (domain 4.3): one process for each vroegsignaalzaak.

The closing states carry the eindresultaat of DDAS as the fact `eindresultaat`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from milestones.definition import ANY, EVERYWHERE, SAME, Arm, Definition, Opening, Report, Row, State, Task
from milestones.definitions.shared import (
    EVERY_STATE,
    HANDOFF_STATES,
    bottleneck_row,
    extension_row,
    handoff_rows,
)
from milestones.events import events_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.definition import FactValue
    from milestones.vocabulary import FactName

_FORGET_LATER = (Arm("T11"),)
# T01 counts from the day on which the college received the signal (Wgs art. 4 lid 1 onder b): of several signals the
# first. Where that day was not told, it is the oldest signaaldatum, from which T10 counts.
_TO_M3 = Opening(
    "M3",
    carries=("T02",),
    gives=("bedreigende_situatie", "signaal_ontvangen_op"),
    counts_from=("signaal_ontvangen_op", "T10"),
    event="aanbod_aanvaard",
)


def _result(text: str) -> Mapping[FactName, FactValue]:
    return {"eindresultaat": text}


M2 = Definition(
    code="M2",
    name="In beeld",
    version=2,
    events=events_of("M2"),
    route_names=("vroegsignalering",),
    several=True,
    starts_in="ONTVANGEN",
    # The term counts from the signaaldatum: the date on which the process opens for the law.
    # What its sender has closed is kept without being pursued.
    on_open=(Arm("T10", unless="gesloten_bij_aanleveraar"),),
    states=(
        State("ONTVANGEN", "Wacht op matchen van het signaal", "early_signal_worker"),
        State("GEMATCHT", "Wacht op toewijzen", "early_signal_worker"),
        State("TOEGEWEZEN", "Wacht op eerste contactpoging", "early_signal_worker"),
        State("IN_BENADERING", "Wacht op contact met de inwoner", "early_signal_worker"),
        State("CONTACT", "Wacht op keuze van de inwoner", "early_signal_worker"),
        State("OVERGEDRAGEN", "Overgedragen", "early_signal_worker", final=True),
        State("AFGESLOTEN", "Afgesloten", "early_signal_worker", final=True),
        *HANDOFF_STATES,
    ),
    rows=(
        Row(
            "ONTVANGEN",
            "geen_inwoner",
            "AFGESLOTEN",
            sets=_result("Persoon is geen inwoner (meer) in de gemeente"),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
        ),
        Row(
            EVERY_STATE,
            "overleden",
            "AFGESLOTEN",
            sets={"eindresultaat": "Inwoner is overleden", "overleden": True},
            arms=_FORGET_LATER,
            reports=(Report(EVERYWHERE, "overleden"),),
            notifies=("signal_partner",),
            tasks=(Task("coordinator", "brieven_nakijken"),),
            because="een overlijden kan in elke toestand blijken (domain 4.1)",
        ),
        Row(
            ANY,
            "verhuizing",
            "AFGESLOTEN",
            sets=_result("Persoon is geen inwoner (meer) in de gemeente"),
            cancels=("T10",),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
            because="bij een verhuizing sluit T10 met dit resultaat (domain 3.2)",
        ),
        Row(
            "ONTVANGEN",
            "onterecht",
            "AFGESLOTEN",
            sets=_result("Niet opgepakt: onterecht signaal"),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
        ),
        Row(
            "ONTVANGEN",
            "herhaald",
            "AFGESLOTEN",
            guards=("amount_not_higher",),
            sets=_result("Niet opgepakt: herhaalde melding"),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
        ),
        Row(
            "ONTVANGEN",
            "bekend_bij_shv",
            "AFGESLOTEN",
            sets=_result("Inwoner al bekend bij schuldhulpverlening"),
            arms=_FORGET_LATER,
            # During nazorg the signal is a terugval.
            reports=(Report("M8", "signaal_ontvangen"),),
            notifies=("debt_counsellor",),
        ),
        Row(
            "ONTVANGEN",
            "gematcht",
            "GEMATCHT",
            arms=(Arm("T10", anchor="signaaldatum", restart=True),),
            notifies=("early_signal_worker",),
        ),
        Row("GEMATCHT", "toegewezen", "TOEGEWEZEN", notifies=("early_signal_worker",)),
        Row(
            ("TOEGEWEZEN", "IN_BENADERING"),
            "contactpoging_gedaan",
            "CONTACT",
            guards=("reached",),
            counts="contactpogingen",
            meets=("T10",),
            because="een poging waarbij de inwoner is bereikt, is meteen contact (DDAS Contactpoging)",
        ),
        Row("TOEGEWEZEN", "contactpoging_gedaan", "IN_BENADERING", counts="contactpogingen"),
        Row(
            "IN_BENADERING",
            "contactpoging_gedaan",
            "IN_BENADERING",
            counts="contactpogingen",
            because="er zijn meer pogingen nodig (domain 9, case C)",
        ),
        Row(
            ("TOEGEWEZEN", "IN_BENADERING"),
            "bereikt",
            "CONTACT",
            meets=("T10",),
            because="de eerste poging kan raak zijn",
        ),
        # A person closes, never the clock by itself: three failed contacts do not end a case.
        Row(
            "IN_BENADERING",
            "T10_verlopen",
            "AFGESLOTEN",
            guards=("t10_over", "enough_attempts"),
            sets=_result("Definitief geen contact kunnen krijgen"),
            arms=_FORGET_LATER,
            notifies=("coordinator",),
        ),
        Row(
            "CONTACT",
            "hulp_geweigerd",
            "AFGESLOTEN",
            sets=_result("Inwoner hoeft geen hulp vanuit vroegsignalering"),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
        ),
        Row(
            "CONTACT",
            "quick_fix",
            "AFGESLOTEN",
            sets=_result("(Budget)advies en/of quick fix"),
            arms=(Arm("T10c"), *_FORGET_LATER),
        ),
        Row(
            "CONTACT",
            "hulp_aanvaard",
            "OVERGEDRAGEN",
            sets=_result("Vervolghulp en/of verwijzing financieel"),
            keeps=("signaal_ontvangen_op",),
            opens=(_TO_M3,),
        ),
        Row(
            ANY,
            "crisissignaal",
            "IN_BENADERING",
            sets={"bedreigende_situatie": True},
            arms=(Arm("T02"), Arm("T02c", anchor="einddatum_levering")),
            notifies=("coordinator",),
        ),
        Row(
            ANY,
            "signaal_toegevoegd",
            SAME,
            arms=(Arm("T10", anchor="oudste_signaaldatum", restart=True),),
            notifies=("early_signal_worker",),
            because="een signaal binnen de matchingperiode hoort bij de lopende zaak; T10 telt vanaf het oudste (4.3)",
        ),
        Row(
            ANY,
            "signaal_gecorrigeerd",
            SAME,
            arms=(Arm("T10", anchor="oudste_signaaldatum", restart=True),),
            notifies=("early_signal_worker",),
            because="een aanleveraar verbetert wat hij eerder stuurde; T10 telt vanaf het oudste signaal (4.3)",
        ),
        Row(
            ANY,
            "afgesloten_met_resultaat",
            "AFGESLOTEN",
            keeps=("eindresultaat",),
            arms=_FORGET_LATER,
            because="de overige resultaten van DDAS EnumEindresultaat",
        ),
        bottleneck_row(),
        extension_row(),
        *handoff_rows("ONTVANGEN"),
    ),
)
