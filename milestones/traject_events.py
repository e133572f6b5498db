"""The events of M5-M8 (domain 4.6-4.9)."""

from __future__ import annotations

from milestones.definition import EventSpec
from milestones.event_fields import (
    DIFFERING_DATA,
    GROUND,
    INSTRUMENT,
    MESSAGE_KEY,
    MOTIVATION_OR_KNOWN,
    OWN_ADMINISTRATION,
    SCORES,
    THREAT,
    a_date,
    number,
    one_of,
    yes_no,
)

_TO = one_of("naar", "Naar welke mijlpaal?", ("M5", "M6", "M7"))
_ANSWER = (MESSAGE_KEY,)

TRAJECT_EVENTS = (
    # M5 Rust en overzicht
    EventSpec("crisis_actief", "Er is een crisis", (THREAT,)),
    EventSpec("stabilisatie_gestart", "Stabilisatie gestart"),
    EventSpec("afgewend", "De crisis is afgewend"),
    EventSpec("moratorium_verzocht", "Moratorium verzocht bij de rechtbank"),
    EventSpec("voorlopige_voorziening_verzocht", "Voorlopige voorziening in spoed verzocht"),
    EventSpec("zitting_gehouden", "Zitting gehouden"),
    EventSpec(
        "toegewezen",
        "Rechtbank wijst het moratorium toe",
        (
            one_of("moratorium", "Welk moratorium?", ("bedreigende situatie", "breed")),
            a_date("einddatum", "Einddatum in de uitspraak"),
            yes_no("lopende_lasten_betaald", "Worden de lopende lasten betaald?"),
        ),
        process="M5",
    ),
    EventSpec("afgewezen", "Rechtbank wijst het verzoek af"),
    EventSpec("budgetbeheer_aangevraagd", "Budgetbeheer aangevraagd"),
    EventSpec("budgetbeheer_gestart", "Budgetbeheer gestart"),
    EventSpec("bewind_aangevraagd", "Beschermingsbewind aangevraagd"),
    EventSpec("bewind_ingesteld", "Beschermingsbewind ingesteld"),
    EventSpec("bewindvoerder_gestart", "Beschermingsbewindvoerder is begonnen"),
    EventSpec("bewind_gemeld", "Melding van de beschermingsbewindvoerder ontvangen"),
    EventSpec("bewindstukken_ontvangen", "Boedelbeschrijving en plan van de bewindvoerder ontvangen"),
    EventSpec(
        "bewindadvies_gegeven",
        "Advies over het schuldenbewind gegeven",
        (
            one_of(
                "bewindadvies",
                "Wat is het advies?",
                ("voortzetten", "minder ingrijpende voorziening"),
            ),
        ),
    ),
    EventSpec("bewind_voortgezet", "De rechter zet het bewind voort"),
    EventSpec("bewind_beeindigd", "De rechter beëindigt het bewind"),
    EventSpec("kennisgeving_verstuurd", "Kennisgeving aan schuldeisers verstuurd"),
    EventSpec("in_balans", "Inkomsten en uitgaven zijn in balans", (_TO,)),
    EventSpec("niet_haalbaar", "Een schuldregeling is nu niet haalbaar"),
    EventSpec("termijn_loopt_af", "Het moratorium loopt af", at_expiry_of=("T30", "T31")),
    EventSpec("herbeoordeeld", "De situatie is opnieuw beoordeeld"),
    EventSpec("nieuwe_schulden", "Er zijn nieuwe schulden"),
    # M6 Plan
    EventSpec(
        "plan_opgesteld",
        "Plan van aanpak opgesteld",
        (yes_no("beslagvrije_voet", "Is rekening gehouden met de beslagvrije voet?"),),
    ),
    EventSpec("inwoner_akkoord", "Inwoner is akkoord met het plan"),
    EventSpec("inwoner_niet_akkoord", "Inwoner is niet akkoord met het plan"),
    EventSpec("goedgekeurd", "Plan goedgekeurd", decision=True),
    EventSpec("afgekeurd", "Plan terug naar de schuldhulpverlener", decision=True),
    EventSpec("bekendgemaakt", "Beschikking bekendgemaakt", decision=True),
    EventSpec(
        "weigering_voorgenomen",
        "Voornemen om te weigeren verstuurd",
        (MOTIVATION_OR_KNOWN, GROUND, DIFFERING_DATA),
        decision=True,
    ),
    EventSpec("weigering_getoetst", "Weigering getoetst door een tweede paar ogen: akkoord", decision=True),
    EventSpec(
        "weigering_besloten",
        "Weigering besloten en bekendgemaakt",
        (MOTIVATION_OR_KNOWN, GROUND, DIFFERING_DATA),
        decision=True,
    ),
    EventSpec("T03_overschreden", "De beslistermijn is voorbij", at_expiry_of=("T03", "T03b")),
    EventSpec("plan_herzien", "Het plan wordt herzien"),
    # M7 Uitvoering: schuldregeling
    EventSpec("overeenkomst_getekend", "Schuldregelingsovereenkomst getekend"),
    EventSpec("saldoverzoek_verstuurd", "Saldoverzoek verstuurd"),
    EventSpec("saldoverzoek_beantwoord", "Antwoord op een saldoverzoek ontvangen", _ANSWER),
    EventSpec("bericht_klaargezet", "Er staat een bericht klaar in het Schuldenknooppunt"),
    EventSpec("bericht_opgehaald", "Bericht opgehaald", _ANSWER),
    EventSpec("vooraf_akkoord", "Schuldeisers zijn vooraf akkoord (collectief schuldregelen)"),
    EventSpec("betaalvoorstel_verstuurd", "Betaalvoorstel verstuurd"),
    EventSpec("betaalvoorstel_beantwoord", "Antwoord op een betaalvoorstel ontvangen", _ANSWER),
    EventSpec("akkoord_allen", "Alle schuldeisers zijn akkoord"),
    EventSpec("geweigerd_deels", "Niet alle schuldeisers zijn akkoord"),
    EventSpec("heroverweging_gevraagd", "Heroverweging gevraagd"),
    EventSpec("heroverweging_beantwoord", "Antwoord op een heroverweging ontvangen", _ANSWER),
    EventSpec("geen_afloscapaciteit", "Er is geen afloscapaciteit"),
    EventSpec("betalingsregeling_getroffen", "Betalingsregeling getroffen"),
    EventSpec("herfinanciering_verstrekt", "Herfinanciering verstrekt"),
    EventSpec("dwangakkoord_verzocht", "Dwangakkoord verzocht"),
    EventSpec("dwangakkoord_toegewezen", "Dwangakkoord toegewezen"),
    EventSpec("dwangakkoord_afgewezen", "Dwangakkoord afgewezen"),
    EventSpec("eerste_aflossing_gedaan", "Eerste aflossing gedaan"),
    EventSpec("regeling_gestart", "Schuldregeling gestart"),
    EventSpec(
        "krediet_uitbetaald",
        "Saneringskrediet uitbetaald",
        (a_date("einddatum", "Einddatum van het krediet"),),
    ),
    EventSpec("hercontrole_gedaan", "Hercontrole van het inkomen gedaan"),
    EventSpec("minnelijk_mislukt", "De minnelijke regeling is mislukt"),
    EventSpec("faillissementsaanvraag_gemeld", "Brief van de griffier over een faillissementsaanvraag"),
    EventSpec(
        "evaluatie_gedaan",
        "Plan van aanpak geëvalueerd",
        (
            yes_no("plan_herzien", "Moet het plan worden herzien?"),
            OWN_ADMINISTRATION,
            INSTRUMENT,
            *SCORES,
        ),
    ),
    EventSpec(
        "inwoner_reageert_niet",
        "Inwoner reageert niet",
        (number("pogingen", "Aantal pogingen"), number("kanalen", "Aantal manieren van contact")),
    ),
    EventSpec("contact_hersteld", "Er is weer contact met de inwoner"),
    EventSpec("wsnp_hervat", "De Wsnp loopt (weer)", by_timer=True),
    EventSpec("wsnp_geen_toelating", "Geen van de cliënten is toegelaten tot de Wsnp", by_timer=True),
    EventSpec("wsnp_beeindiging_definitief", "De beëindiging van de Wsnp zonder schone lei is definitief"),
    EventSpec("persoonlijk_gesprek_gehouden", "Persoonlijk gesprek na de Wsnp gehouden"),
    EventSpec(
        "vervolg_gekozen",
        "Vervolg na de Wsnp gekozen",
        (
            one_of(
                "vervolg",
                "Wat volgt?",
                ("nieuwe aanvraag", "lange termijn begeleiding", "bewind"),
                required=True,
            ),
        ),
    ),
    EventSpec("oplossing_afgerond", "De oplossing is afgerond"),
    # M8 Nazorg
    EventSpec("contactmoment_gehouden", "Contactmoment gehouden"),
    EventSpec("signaal_ontvangen", "Signaal van terugval ontvangen"),
    EventSpec("contact_gelegd", "Contact gelegd en opgelost"),
    EventSpec("hulp_nodig", "Er is weer hulp nodig", (_TO,)),
    EventSpec("T17_verlopen", "De nazorgperiode is voorbij", at_expiry_of=("T17",)),
    EventSpec("inwoner_wil_geen_nazorg", "Inwoner wil geen nazorg", (MOTIVATION_OR_KNOWN,), decision=True),
)
