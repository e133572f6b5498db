"""The events that every process of a traject knows: exits, a death, a move, a longer term (domain 4.1)."""

from __future__ import annotations

from milestones.definition import EventSpec
from milestones.event_fields import (
    BOTTLENECKS,
    DECIDED_BY,
    DIGITAL,
    ENDING,
    EXIT_REASON,
    MOTIVATION,
    MOTIVATION_OR_KNOWN,
    OVERRULE,
    PARTNER_WAITS,
    TERM_KEY,
    WEEKS,
    a_date,
    one_of,
    yes_no,
)
from milestones.roles import DECIDERS, HOLDERS, REVIEWERS

MOVERS = ("allebei", "eerste cliënt", "tweede cliënt")  # a traject has one or two clients (DDAS)

CASE_EVENTS = (
    EventSpec(
        "knelpunt_gemeld",
        "Knelpunt melden",
        (one_of("knelpunt", "Wat loopt vast?", BOTTLENECKS, required=True),),
    ),
    EventSpec(
        "overleden",
        "Inwoner is overleden",
        (yes_no("partner_gaat_door", "Gaat de partner door met het traject?"),),
    ),
    # What else ends a case, and what does not touch the zorgplicht: tests/property/test_endings.py.
    EventSpec(
        "ingetrokken",
        "Inwoner trekt de hulpvraag in, of wil met de hulp stoppen",
        ENDING,
        decision=True,
        decided_by=HOLDERS,
    ),
    EventSpec(
        "uitgestroomd",
        "Traject sluiten met een uitstroomreden",
        (EXIT_REASON, *ENDING),
        decision=True,
        decided_by=HOLDERS,
    ),
    EventSpec(
        "traject_beeindigd",
        "Het traject is beëindigd",
        (one_of("uitstroomreden", "Reden van uitstroom", EXIT_REASON.choices),),
        by_timer=True,
    ),
    EventSpec(
        "verhuizing",
        "Inwoner verhuist naar een andere gemeente",
        (
            one_of("keuze", "Wat gebeurt er met de uitvoering?", ("behouden", "overdragen")),
            one_of("wie_verhuist", "Wie verhuist er?", MOVERS),
        ),
    ),
    EventSpec(
        "overname_aanvaard",
        "De andere gemeente neemt de zaak over",
        (one_of("wie_verhuist", "Wie verhuist er?", MOVERS), MOTIVATION),
        decision=True,
        decided_by=HOLDERS,
    ),
    EventSpec("overname_geweigerd", "De andere gemeente neemt de zaak niet over"),
    EventSpec("vertrokken_client_overleden", "Wie vertrok, is overleden", process="BESLUIT"),
    EventSpec(
        "termijn_verlengd",
        "Termijn verlengen",
        (
            TERM_KEY,
            a_date("tot", "Nieuwe uiterste datum"),
            WEEKS,
            MOTIVATION,
            yes_no("instemming", "Stemmen de anderen in?"),
            yes_no("verzoek_inwoner", "Vraagt de inwoner er zelf om?"),
        ),
        decision=True,
    ),
    # Ending against the wish of the inwoner (Wgs art. 4a lid 6), and what follows a decision
    EventSpec(
        "beeindiging_voorgenomen",
        "Voornemen om te beëindigen verstuurd",
        ENDING,
        decision=True,
        decided_by=DECIDERS,
    ),
    EventSpec("zienswijze_ontvangen", "Zienswijze van de inwoner ontvangen", (DIGITAL,)),
    EventSpec("voornemen_ingetrokken", "Toch niet beëindigen", decision=True),
    EventSpec(
        "beeindigingsbeschikking_bekendgemaakt",
        "Beëindigingsbeschikking bekendgemaakt",
        (MOTIVATION_OR_KNOWN, PARTNER_WAITS, OVERRULE, DECIDED_BY),
        decision=True,
        decided_by=DECIDERS,
    ),
    EventSpec("T20_verlopen", "Bezwaartermijn verstreken", by_timer=True, at_expiry_of=("T20",)),
    EventSpec("T20p_verlopen", "Postweek voorbij", by_timer=True, at_expiry_of=("T20p",)),
    EventSpec(
        "bezwaar_ontvangen",
        "Bezwaar ontvangen",
        (
            yes_no("tijdig_verstuurd", "Is het op tijd verstuurd?"),
            yes_no("verschoonbaar", "Is de late verzending te verontschuldigen?"),
            yes_no("adviescommissie", "Adviseert een commissie?"),
        ),
    ),
    EventSpec("adviescommissie_ingesteld", "Een adviescommissie adviseert over het bezwaar"),
    EventSpec(
        "verzuim_gemeld",
        "Brief: het bezwaar is niet compleet",
        (a_date("hersteltermijn_tot", "Uiterste datum in de brief"),),
    ),
    EventSpec("verzuim_hersteld", "Het bezwaar is compleet", (DIGITAL,)),
    EventSpec("ontvangst_bevestigd", "Ontvangst bevestigd aan de inwoner"),
    EventSpec(
        "T20c_verlopen", "Hersteltermijn voor het bezwaar verstreken", by_timer=True, at_expiry_of=("T20c",)
    ),
    EventSpec("T25_verlopen", "Beroepstermijn verstreken", by_timer=True, at_expiry_of=("T25",)),
    EventSpec("T25b_verlopen", "Termijn voor hoger beroep verstreken", by_timer=True, at_expiry_of=("T25b",)),
    EventSpec("beroep_ingesteld", "Beroep bij de rechtbank ingesteld"),
    EventSpec(
        "beroep_gegrond",
        "De rechter verklaart het beroep gegrond",
        (a_date("beslissen_tot", "Uiterste datum voor het nieuwe besluit, volgens de uitspraak"),),
    ),
    EventSpec("beroep_ongegrond", "De rechter verklaart het beroep ongegrond"),
    EventSpec("beroep_niet_ontvankelijk", "De rechter verklaart het beroep niet-ontvankelijk"),
    EventSpec(
        "voorziening_gevraagd", "Voorlopige voorziening gevraagd bij de bestuursrechter (Awb art. 8:81)"
    ),
    EventSpec("voorziening_toegewezen", "De bestuursrechter schorst het besluit (Awb art. 8:81)"),
    EventSpec("voorziening_afgewezen", "De bestuursrechter wijst de voorlopige voorziening af"),
    EventSpec("beroep_ingetrokken", "Het beroep bij de rechter is ingetrokken"),
    EventSpec("gegrond", "Bezwaar gegrond", decision=True, decided_by=REVIEWERS),
    EventSpec("ongegrond", "Bezwaar ongegrond", (MOTIVATION_OR_KNOWN,), decision=True, decided_by=REVIEWERS),
    EventSpec(
        "niet_ontvankelijk",
        "Bezwaar niet-ontvankelijk",
        (MOTIVATION_OR_KNOWN,),
        decision=True,
        decided_by=REVIEWERS,
    ),
    EventSpec("bezwaar_ingetrokken", "Inwoner trekt het bezwaar in"),
    EventSpec("ingebrekestelling_ontvangen", "Ingebrekestelling ontvangen", (DIGITAL,)),
    EventSpec(
        "T21_verlopen", "Termijn na ingebrekestelling verstreken", by_timer=True, at_expiry_of=("T21",)
    ),
    EventSpec("T22_verlopen", "Dwangsom is volgelopen", by_timer=True, at_expiry_of=("T22",)),
    EventSpec("dwangsom_vastgesteld", "Hoogte van de dwangsom vastgesteld", decision=True),
)
