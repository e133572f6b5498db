"""The events of the two processes that run beside the mijlpalen: BEGELEIDING and WSNP."""

from __future__ import annotations

from milestones.definition import EventSpec
from milestones.event_fields import (
    ALL_SCORES,
    CONSENT,
    ENDING,
    NAMED_INSTRUMENT,
    a_date,
    code,
    one_of,
    some_of,
)
from milestones.roles import HOLDERS

# The goals of a begeleidingsplan, as codes; a municipality's own words stay in the case system.
GOALS = (
    "overzicht",
    "vaste-lasten",
    "geen-nieuwe-schulden",
    "inkomen-op-orde",
    "administratie",
    "budgetteren",
    "sparen",
    "werk",
    "opleiding",
    "wonen",
    "gezin",
    "gezondheid",
    "netwerk",
)
GUIDANCE_KINDS = (
    "Budgetcoaching",
    "Budgetbeheer",
    "Beschermingsbewind",
    "Lange Termijn Begeleiding (DFD)",
    "Budgetbegeleiding",
)
_PART = one_of(
    "onderdeel",
    "Welk deel?",
    ("budgetcoaching", "budgetbeheer", "flankerende hulp", "schuldregeling"),
    required=True,
)
_FIRST_REPAYMENT = a_date("eerste_aflossing", "Eerste aflossing in de minnelijke regeling")

SIDE_EVENTS = (
    # BEGELEIDING
    EventSpec(
        "contactpersoon_toegewezen",
        "Vaste contactpersoon toegewezen",
        (code("contactpersoon", "Code van de contactpersoon", required=True),),
    ),
    EventSpec(
        "contactpersoon_gewijzigd",
        "Vaste contactpersoon gewijzigd",
        (
            code("contactpersoon", "Code van de contactpersoon", required=True),
            one_of(
                "wijzigingsreden",
                "Waarom",
                ("op verzoek van de inwoner", "ziekte", "uit dienst", "andere rol", "werkverdeling"),
                required=True,
            ),
        ),
    ),
    EventSpec(
        "begeleidingsplan_vastgesteld",
        "Begeleidingsplan vastgesteld",
        (
            some_of("doelen", "Doelen", GOALS),
            one_of("begeleidingssoort", "Soort begeleiding", GUIDANCE_KINDS),
        ),
    ),
    EventSpec("doel_behaald", "Doel behaald", (one_of("doel", "Welk doel?", GOALS, required=True),)),
    EventSpec("meting_gedaan", "Meetinstrument ingevuld", (*ALL_SCORES, NAMED_INSTRUMENT)),
    EventSpec("administratie_weer_zelf", "De inwoner doet de administratie weer zelf"),
    EventSpec("deel_overgedragen", "Een deel overgedragen aan een ketenpartner", (_PART, CONSENT)),
    EventSpec("deel_teruggekomen", "Een deel teruggekomen van een ketenpartner", (_PART,)),
    EventSpec("nazorg_afgerond", "De nazorg is afgerond", by_timer=True),
    # WSNP
    EventSpec("verklaring_afgegeven", "Verklaring artikel 285 afgegeven"),
    EventSpec("verzoek_ingediend", "Wsnp-verzoek ingediend"),
    EventSpec(
        "aanvulling_gevraagd",
        "Rechtbank geeft tijd om stukken aan te vullen",
        (a_date("aanvullen_tot", "Uiterste datum van de rechtbank"),),
    ),
    EventSpec("stukken_aangevuld", "Stukken aangevuld"),
    EventSpec(
        "wsnp_toegelaten",
        "Rechtbank laat toe tot de Wsnp",
        (_FIRST_REPAYMENT, a_date("einddatum", "Einddatum in de uitspraak")),
    ),
    EventSpec("wsnp_afgewezen", "Rechtbank wijst het Wsnp-verzoek af"),
    EventSpec("hoger_beroep_ingesteld", "Hoger beroep ingesteld"),
    EventSpec("uitspraak_bekrachtigd", "Gerechtshof laat de uitspraak in stand"),
    EventSpec("beeindiging_vernietigd", "Gerechtshof vernietigt de beëindiging: de Wsnp loopt door"),
    EventSpec("cassatie_ingesteld", "Beroep in cassatie ingesteld"),
    EventSpec("cassatie_verworpen", "Hoge Raad verwerpt het beroep in cassatie"),
    EventSpec("zaak_terugverwezen", "Hoge Raad vernietigt en wijst de zaak terug naar een gerechtshof"),
    EventSpec("T35c_verlopen", "Termijn voor cassatie verstreken", by_timer=True, at_expiry_of=("T35c",)),
    EventSpec(
        "eindverslag_ontvangen", "Verslag van de bewindvoerder voor het einde van de termijn ontvangen"
    ),
    EventSpec("verzoek_354a_ingediend", "Verzoek om de Wsnp eerder te beëindigen ingediend (Fw art. 354a)"),
    EventSpec(
        "wsnp_niet_aangevraagd",
        "Deze cliënt vraagt geen Wsnp aan",
        ENDING,
        decision=True,
        decided_by=HOLDERS,
    ),
    EventSpec("T35_verlopen", "Termijn voor hoger beroep verstreken", by_timer=True, at_expiry_of=("T35",)),
    EventSpec("verslag_ontvangen", "Verslag van de bewindvoerder ontvangen"),
    EventSpec("eindzitting_bepaald", "Datum van de eindzitting bepaald"),
    EventSpec(
        "wsnp_termijn_gewijzigd",
        "Rechter wijzigt de Wsnp-termijn",
        (
            a_date("einddatum", "Einddatum in de uitspraak", required=True),
            one_of("wijziging_door", "Wie wijzigt de termijn?", ("rechter-commissaris", "rechtbank")),
        ),
    ),
    EventSpec("wsnp_einde_geweigerd", "Rechtbank weigert de Wsnp te beëindigen"),
    EventSpec("wsnp_beeindigd_zonder_schone_lei", "Wsnp beëindigd zonder schone lei"),
    EventSpec("wsnp_beeindigd_354a", "Wsnp eerder beëindigd met schone lei (Fw art. 354a)"),
    EventSpec("eindvonnis_schone_lei", "Eindvonnis: schone lei"),
    EventSpec("eindvonnis_tekortkoming", "Eindvonnis: tekortkoming, geen schone lei"),
)
