"""M2 In beeld, vroegsignalering (domain 4.3): one process for each vroegsignaalzaak.

The closing states carry the eindresultaat of DDAS as the fact `eindresultaat`.
"""

from __future__ import annotations

from milestones.definition import ANY, EVERYWHERE, SAME, Arm, Definition, Opening, Report, State, Task, row
from milestones.definitions.shared import EVERY_STATE, HANDOFF_STATES, extension_row, handoff_rows

_FORGET_LATER = (Arm("T11"),)


def _result(text: str) -> dict[str, object]:
    return {"eindresultaat": text}


M2 = Definition(
    code="M2",
    name="In beeld",
    version=1,
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
        row(
            "ONTVANGEN",
            "geen_inwoner",
            "AFGESLOTEN",
            sets=_result("Persoon is geen inwoner (meer) in de gemeente"),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
        ),
        row(
            EVERY_STATE,
            "overleden",
            "AFGESLOTEN",
            sets=_result("Inwoner is overleden") | {"overleden": True},
            arms=_FORGET_LATER,
            reports=(Report(EVERYWHERE, "overleden"),),
            notifies=("signal_partner",),
            tasks=(Task("coordinator", "brieven_nakijken"),),
            because="een overlijden kan in elke toestand blijken (domain 4.1)",
        ),
        row(
            ANY,
            "verhuizing",
            "AFGESLOTEN",
            sets=_result("Persoon is geen inwoner (meer) in de gemeente"),
            cancels=("T10",),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
            because="bij een verhuizing sluit T10 met dit resultaat (domain 3.2)",
        ),
        row(
            "ONTVANGEN",
            "onterecht",
            "AFGESLOTEN",
            sets=_result("Niet opgepakt: onterecht signaal"),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
        ),
        row(
            "ONTVANGEN",
            "herhaald",
            "AFGESLOTEN",
            guards=("amount_not_higher",),
            sets=_result("Niet opgepakt: herhaalde melding"),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
        ),
        row(
            "ONTVANGEN",
            "bekend_bij_shv",
            "AFGESLOTEN",
            sets=_result("Inwoner al bekend bij schuldhulpverlening"),
            arms=_FORGET_LATER,
            # During nazorg the signal is a terugval.
            reports=(Report("M8", "signaal_ontvangen"),),
            notifies=("debt_counsellor",),
        ),
        row(
            "ONTVANGEN",
            "gematcht",
            "GEMATCHT",
            arms=(Arm("T10", anchor="signaaldatum", restart=True),),
            notifies=("early_signal_worker",),
        ),
        row("GEMATCHT", "toegewezen", "TOEGEWEZEN", notifies=("early_signal_worker",)),
        row(
            ("TOEGEWEZEN", "IN_BENADERING"),
            "contactpoging_gedaan",
            "CONTACT",
            guards=("reached",),
            counts="contactpogingen",
            meets=("T10",),
            because="een poging waarbij de inwoner is bereikt, is meteen contact (DDAS Contactpoging)",
        ),
        row("TOEGEWEZEN", "contactpoging_gedaan", "IN_BENADERING", counts="contactpogingen"),
        row(
            "IN_BENADERING",
            "contactpoging_gedaan",
            "IN_BENADERING",
            counts="contactpogingen",
            because="er zijn meer pogingen nodig (domain 9, case C)",
        ),
        row(
            ("TOEGEWEZEN", "IN_BENADERING"),
            "bereikt",
            "CONTACT",
            meets=("T10",),
            because="de eerste poging kan raak zijn",
        ),
        # A person closes, never the clock by itself: three failed contacts do not end a case.
        row(
            "IN_BENADERING",
            "T10_verlopen",
            "AFGESLOTEN",
            guards=("t10_over", "enough_attempts"),
            sets=_result("Definitief geen contact kunnen krijgen"),
            arms=_FORGET_LATER,
            notifies=("coordinator",),
        ),
        row(
            "CONTACT",
            "hulp_geweigerd",
            "AFGESLOTEN",
            sets=_result("Inwoner hoeft geen hulp vanuit vroegsignalering"),
            arms=_FORGET_LATER,
            notifies=("signal_partner",),
        ),
        row(
            "CONTACT",
            "quick_fix",
            "AFGESLOTEN",
            sets=_result("(Budget)advies en/of quick fix"),
            arms=(Arm("T10c"), *_FORGET_LATER),
        ),
        row(
            "CONTACT",
            "hulp_aanvaard",
            "OVERGEDRAGEN",
            sets=_result("Vervolghulp en/of verwijzing financieel"),
            opens=(Opening("M3", carries=("T02",), gives=("bedreigende_situatie",)),),
        ),
        row(
            ANY,
            "crisissignaal",
            "IN_BENADERING",
            sets={"bedreigende_situatie": True},
            arms=(Arm("T02"), Arm("T02c", anchor="einddatum_levering")),
            notifies=("coordinator",),
        ),
        row(
            ANY,
            "signaal_toegevoegd",
            SAME,
            arms=(Arm("T10", anchor="oudste_signaaldatum", restart=True),),
            notifies=("early_signal_worker",),
            because="een signaal binnen de matchingperiode hoort bij de lopende zaak; T10 telt vanaf het oudste (4.3)",
        ),
        row(
            ANY,
            "signaal_gecorrigeerd",
            SAME,
            arms=(Arm("T10", anchor="oudste_signaaldatum", restart=True),),
            notifies=("early_signal_worker",),
            because="een aanleveraar verbetert wat hij eerder stuurde; T10 telt vanaf het oudste signaal (4.3)",
        ),
        row(
            ANY,
            "afgesloten_met_resultaat",
            "AFGESLOTEN",
            keeps=("eindresultaat",),
            arms=_FORGET_LATER,
            because="de overige resultaten van DDAS EnumEindresultaat",
        ),
        extension_row(),
        *handoff_rows("ONTVANGEN"),
    ),
)
