"""Every event that can be reported, with its Dutch label and the few data that it may carry.

What a name means is asked of a definition (`Definition.event`), which knows its process and its version.

The date that counts for the law is the date of the event itself; only a second date or a choice travels
along. Here stand the events of M1-M4 and of a hand-off; the others are in the modules beside this one.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from milestones.case_events import CASE_EVENTS
from milestones.definition import EventSpec
from milestones.event_fields import (
    CONSENT,
    CONTACT_KINDS,
    DAY_PARTS,
    DECIDED_BY,
    DIFFERING_DATA,
    DIGITAL,
    ENDING,
    GROUND,
    MOTIVATION,
    MOTIVATION_OR_KNOWN,
    OTHER_RESULTS,
    OVERRULE,
    PARTNER_WAITS,
    READER,
    SIGNAL_PARTS,
    TARGET_GROUP_CODES,
    THREAT,
    THREATENED,
    WEEKS,
    a_date,
    code,
    one_of,
    some_of,
    yes_no,
)
from milestones.roles import DECIDERS, HOLDERS
from milestones.side_events import SIDE_EVENTS
from milestones.traject_events import TRAJECT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.vocabulary import ProcessCode

_ROWS = (
    # Hand-off (domain 4.1)
    EventSpec("overdracht_aanvaard", "Ik aanvaard de overdracht"),
    EventSpec(
        "overdracht_teruggegeven",
        "Ik geef de overdracht terug",
        (
            one_of(
                "reden",
                "Waarom",
                ("geen ruimte", "niet mijn taak", "gegevens ontbreken", "anders"),
                required=True,
            ),
        ),
    ),
    EventSpec("overdracht_aangeboden", "De overdracht is opnieuw aangeboden"),
    # M1 Op zoek
    EventSpec("informatie_gegeven", "Informatie gegeven"),
    EventSpec(
        "hulpvraag_gesteld",
        "De inwoner stelt een hulpvraag",
        (yes_no("geidentificeerd", "Is bekend wie de inwoner is?"), THREATENED, THREAT),
    ),
    EventSpec(
        "verwijzing_ontvangen",
        "Verwijzing van een ketenpartner ontvangen",
        (CONSENT, THREATENED, THREAT),
    ),
    EventSpec("geen_vervolg", "Geen vervolg nodig", ENDING, decision=True, decided_by=HOLDERS),
    # M2 In beeld
    EventSpec("geen_inwoner", "Persoon is geen inwoner (meer)"),
    EventSpec("onterecht", "Onterecht signaal"),
    EventSpec(
        "herhaald", "Herhaalde melding", (yes_no("bedrag_hoger", "Is het bedrag hoger dan de vorige keer?"),)
    ),
    EventSpec("bekend_bij_shv", "Al bekend bij schuldhulpverlening"),
    EventSpec(
        "gematcht",
        "Signaal gematcht tot een vroegsignaalzaak",
        (a_date("signaaldatum", "Oudste signaaldatum"), a_date("matchingsdatum", "Matchingsdatum")),
    ),
    EventSpec(
        "signaal_toegevoegd",
        "Nog een signaal over dezelfde inwoner",
        (a_date("oudste_signaaldatum", "Oudste signaaldatum, als die eerder ligt"),),
    ),
    EventSpec(
        "signaal_gecorrigeerd",
        "De aanleveraar corrigeert een signaal",
        (
            some_of("gewijzigd", "Wat er anders is", SIGNAL_PARTS),
            a_date("oudste_signaaldatum", "Oudste signaaldatum, als die eerder ligt"),
        ),
    ),
    EventSpec(
        "afgesloten_met_resultaat",
        "Vroegsignaalzaak afgesloten met een ander resultaat",
        (one_of("eindresultaat", "Eindresultaat", OTHER_RESULTS, required=True),),
    ),
    EventSpec(
        "contactpoging_gedaan",
        "Contactpoging gedaan",
        (
            one_of("soort", "Soort contact", CONTACT_KINDS),
            one_of("dagdeel", "Dagdeel", DAY_PARTS),
            yes_no("bereikt", "Is de inwoner bereikt?"),
        ),
    ),
    EventSpec("bereikt", "Inwoner bereikt", (one_of("soort", "Soort contact", CONTACT_KINDS),)),
    EventSpec("toegewezen", "Toegewezen aan een vroegsignaleerder", process="M2"),
    EventSpec("T10_verlopen", "Geen contact gekregen: zaak sluiten", decision=True),
    EventSpec("hulp_geweigerd", "Inwoner wil geen hulp"),
    EventSpec("quick_fix", "Opgelost met advies of een quick fix"),
    EventSpec(
        "hulp_aanvaard",
        "Inwoner wil hulp",
        (
            a_date(
                "signaal_ontvangen_op", "Dag waarop het college het signaal ontving, als dat een andere was"
            ),
        ),
    ),
    EventSpec("aanbod_aanvaard", "Aanbod na een vroegsignaal aanvaard", by_timer=True),
    EventSpec(
        "crisissignaal",
        "Crisissignaal ontvangen",
        (a_date("einddatum_levering", "Geplande einddatum van de levering"), THREAT),
    ),
    # M3 In contact
    EventSpec("aanmelding_geregistreerd", "Aanmelding geregistreerd", (DIGITAL,)),
    EventSpec("bedreigend", "Er is een bedreigende situatie", (THREAT,)),
    EventSpec("niet_bedreigend", "Er is geen bedreigende situatie"),
    EventSpec(
        "afspraak_gemaakt",
        "Afspraak voor het eerste gesprek gemaakt",
        (a_date("afspraakdatum", "Datum afspraak"),),
    ),
    EventSpec(
        "niet_verschenen",
        "Inwoner is niet verschenen",
        (
            yes_no(
                "alle_kanalen_geprobeerd", "Zijn alle manieren van contact geprobeerd, ook een huisbezoek?"
            ),
            # Only the last no-show ends the case: without a motivation there is a new appointment.
            MOTIVATION_OR_KNOWN,
            PARTNER_WAITS,
            OVERRULE,
            DECIDED_BY,
        ),
        decided_by=HOLDERS,
    ),
    EventSpec("eerste_gesprek_gevoerd", "Eerste gesprek gevoerd"),
    # M4 In gesprek
    EventSpec(
        "ziet_af", "Inwoner ziet in het eerste gesprek af van hulp", ENDING, decision=True, decided_by=HOLDERS
    ),
    EventSpec("hulpvraag_vastgesteld", "Hulpvraag vastgesteld"),
    EventSpec(
        "doorlooptijd_medegedeeld",
        "Inwoner weet hoe lang het duurt",
        (WEEKS,),
    ),
    EventSpec("vish_gemeld", "Gemeld in VISH"),
    EventSpec(
        "gegevens_ontbreken",
        "Brief: gegevens ontbreken",
        (a_date("hersteltermijn_tot", "Uiterste datum in de brief"),),
    ),
    EventSpec(
        "uitstel_ingestemd",
        "Inwoner stemt schriftelijk in met uitstel",
        (a_date("tot", "Tot welke dag", required=True),),
    ),
    EventSpec("T04b_verlopen", "Afgesproken uitstel is voorbij", by_timer=True, at_expiry_of=("T04b",)),
    EventSpec(
        "opschorting_gemeld",
        "De beslistermijn staat stil: de inwoner weet dat",
        (
            one_of(
                "reden", "Waardoor", ("inwoner", "overmacht", "informatie uit het buitenland"), required=True
            ),
        ),
        decision=True,
    ),
    EventSpec("opschorting_geeindigd", "De beslistermijn loopt weer: de inwoner weet tot wanneer"),
    EventSpec(
        "te_laat_gemeld",
        "Inwoner weet dat de beschikking later komt, en wanneer",
        (a_date("nieuwe_datum", "Nieuwe datum, zo vroeg als het kan", required=True),),
    ),
    EventSpec("digitale_weg_gestoord", "De digitale weg werkte niet voor het einde van de termijn"),
    EventSpec("gegevens_ontvangen", "Gegevens ontvangen", (DIGITAL,)),
    EventSpec("T04_verlopen", "Hersteltermijn verstreken", by_timer=True, at_expiry_of=("T04",)),
    EventSpec(
        "buiten_behandeling_gesteld",
        "Besluit: aanvraag niet behandelen",
        (*ENDING, GROUND),
        decision=True,
        decided_by=DECIDERS,
    ),
    EventSpec("alsnog_in_behandeling", "Aanvraag toch behandelen", decision=True),
    EventSpec(
        "doelgroep_bepaald",
        "Doelgroep bepaald",
        (one_of("doelgroep", "Doelgroep", TARGET_GROUP_CODES, required=True), CONSENT),
    ),
    EventSpec(
        "informatie_en_advies_gegeven",
        "Informatie en advies is genoeg: geen traject",
        (yes_no("inwoner_stemt_in", "Is de inwoner het ermee eens?", required=True), *ENDING),
        decision=True,
        decided_by=HOLDERS,
    ),
    EventSpec(
        "profiel_bepaald",
        "Levensfase of persona bepaald",
        (
            code("levensfase", "Code van de levensfase, uit de eigen lijst"),
            code("persona", "Code van de persona, uit de eigen lijst"),
        ),
    ),
    EventSpec("rust_nodig", "Rust en overzicht is nu al nodig (M5)"),
    EventSpec(
        "weigeringsgrond_gevonden",
        "Mogelijke grond voor weigering gevonden",
        (MOTIVATION, GROUND, DIFFERING_DATA, READER),
        decision=True,
    ),
    EventSpec(
        "beeld_compleet",
        "Het beeld is compleet",
        (yes_no("stabilisatie_nodig", "Is eerst rust en overzicht nodig (M5)?"),),
    ),
)

SPECS: tuple[EventSpec, ...] = (*_ROWS, *TRAJECT_EVENTS, *SIDE_EVENTS, *CASE_EVENTS)
EVENT_NAMES: frozenset[str] = frozenset(spec.name for spec in SPECS)


def events_of(process: ProcessCode) -> Mapping[str, EventSpec]:
    """Return what each event name means in a process: what it means there alone, or else everywhere."""
    meant: dict[str, EventSpec] = {spec.name: spec for spec in SPECS if spec.process is None}
    meant |= {spec.name: spec for spec in SPECS if spec.process == process}
    return MappingProxyType(meant)


def meanings_of(name: str) -> tuple[EventSpec, ...]:
    """Return every meaning of an event name; one that does not exist has none."""
    return tuple(spec for spec in SPECS if spec.name == name)
