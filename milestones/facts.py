"""What a process can know: each fact with its kind and its Dutch label. A row names no other fact."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from milestones.definition import FieldKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.vocabulary import FactName

DATE, YES_NO, NUMBER = FieldKind.DATE, FieldKind.YES_NO, FieldKind.NUMBER
CHOICE, CHOICES, CODE = FieldKind.CHOICE, FieldKind.CHOICES, FieldKind.CODE


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact: what kind of value it has, and how people call it.

    `by_engine`: no row writes it; the engine does. `at_opening`: it may also be given when a process opens.
    `earlier`: only a version that is not the newest writes it.
    """

    name: FactName
    kind: FieldKind
    label: str
    by_engine: bool = False
    at_opening: bool = False
    earlier: bool = False


_ROWS = (
    # The client and the traject
    Fact("clienten", NUMBER, "Aantal cliënten", at_opening=True),
    Fact("doelgroep", CHOICES, "Doelgroep", at_opening=True),
    Fact("bedreigende_situatie", YES_NO, "Er is een bedreigende situatie", at_opening=True),
    Fact("aanvraag_op", DATE, "Dag van de aanvraag"),
    Fact("signaal_ontvangen_op", DATE, "Dag waarop het college het vroegsignaal ontving", at_opening=True),
    Fact("toestemming", YES_NO, "De ketenpartner mag bericht krijgen", at_opening=True),
    Fact("levensfase", CODE, "Levensfase, uit de lijst van de gemeente"),
    Fact("persona", CODE, "Persona, uit de lijst van de gemeente"),
    Fact("reageert_niet", YES_NO, "De inwoner reageert niet"),
    Fact("knelpunt", CHOICES, "Gemelde knelpunten"),
    Fact("wie_verhuist", CHOICE, "Wie er verhuist"),
    Fact("verhuizing", CHOICE, "Wat er bij de verhuizing met de uitvoering gebeurt"),
    Fact("overleden", YES_NO, "De inwoner is overleden"),
    Fact("uitstroomreden", CHOICE, "Reden van uitstroom"),
    Fact("uitstroomreden_oplossing", CHOICE, "Reden van uitstroom na de oplossing"),
    Fact("motivering", CODE, "Code van de motivering"),
    Fact("overrulereden", CODE, "Reden waarom de coördinator toch beëindigt"),
    Fact("beslist_door", CHOICE, "Rol van wie besliste dat het toch doorging"),
    Fact("vertrokken_client", YES_NO, "Een van de twee cliënten is door een andere gemeente overgenomen"),
    Fact("beroep_vertrokken", YES_NO, "Loopt er beroep van een cliënt die vertrok", earlier=True),
    Fact("recidive_mogelijk", YES_NO, "Recidive is een mogelijke grond"),
    Fact("schone_lei", YES_NO, "Een cliënt heeft een schone lei"),
    # M2 and M3
    Fact("eindresultaat", CHOICE, "Eindresultaat van de vroegsignaalzaak"),
    Fact("gesloten_bij_aanleveraar", YES_NO, "De aanleveraar sloot het signaal al", at_opening=True),
    Fact("contactpogingen", NUMBER, "Aantal contactpogingen"),
    Fact("afspraakdatum", DATE, "Datum van de afspraak"),
    Fact("niet_verschenen", NUMBER, "Aantal keren niet verschenen"),
    # M4 and M6
    Fact("opschorting", YES_NO, "De beslistermijn staat stil (Awb 4:15)"),
    Fact("storing_digitaal", YES_NO, "De digitale weg werkte niet"),
    Fact(
        "afwijkende_gegevens", YES_NO, "De weigering steunt op gegevens die afwijken van die van de inwoner"
    ),
    Fact("zienswijze_gehoord", YES_NO, "De inwoner gaf zijn zienswijze over de weigering"),
    Fact("weigering_akkoord", YES_NO, "Een tweede paar ogen keurde de weigering goed"),
    Fact("beoordelaar", CODE, "Code van wie de grond voor de weigering vond"),
    Fact("weken", NUMBER, "Aantal weken dat het duurt"),
    Fact("grond", CHOICE, "Grond voor de weigering"),
    Fact("advies", CHOICE, "Advies uit de intake"),
    Fact("beschikking", CHOICE, "Wat is beschikt"),
    Fact("nazorg_toegezegd", YES_NO, "Nazorg is toegezegd"),
    Fact("te_laat", YES_NO, "De beslistermijn is overschreden"),
    Fact("adviescommissie", YES_NO, "Een adviescommissie adviseert over het bezwaar"),
    Fact("bezwaar_te_laat", YES_NO, "Het bezwaar is te laat"),
    Fact("hoger_beroep", YES_NO, "Er is hoger beroep ingesteld"),
    Fact("besluit_over", CHOICE, "Waar het besluit over gaat"),
    Fact("besluit_geschorst", YES_NO, "De rechter heeft het besluit geschorst"),
    # M5
    Fact("wacht_op_partner", CHOICE, "Op welke partner de zaak wacht"),
    Fact("bewind", YES_NO, "Er is een beschermingsbewindvoerder", at_opening=True),
    # M7 and WSNP
    Fact("eerste_aflossing", DATE, "Eerste aflossing in de minnelijke regeling", at_opening=True),
    Fact("oplossing", CHOICE, "Soort oplossing"),
    Fact("vervolg", CHOICE, "Vervolg na de Wsnp"),
    # M8
    Fact("nazorgcontacten", NUMBER, "Aantal contactmomenten in de nazorg"),
    Fact("terugval", YES_NO, "Er is terugval"),
    Fact("reden_terugval", CHOICE, "Waarom een signaal als terugval telt"),
    # BEGELEIDING
    Fact("contactpersoon", CODE, "Code van de vaste contactpersoon"),
    Fact("contactpersoon_wisselingen", NUMBER, "Aantal wisselingen van contactpersoon"),
    Fact("wijzigingsreden", CHOICE, "Waarom de contactpersoon wisselde"),
    Fact("begeleidingssoort", CHOICE, "Soort begeleiding"),
    Fact("doelen", CHOICES, "Doelen van de begeleiding"),
    Fact("doel", CHOICES, "Behaalde doelen"),
    Fact("onderdeel", CHOICES, "Delen die een ketenpartner deed"),
    Fact("teruggekomen", NUMBER, "Aantal delen dat terugkwam"),
    Fact("metingen", NUMBER, "Aantal metingen"),
    Fact("meetinstrument", CODE, "Code van het meetinstrument"),
    Fact("administratie_zelf", YES_NO, "De inwoner doet de administratie weer zelf"),
    Fact("administratie_zelf_op", DATE, "Sinds wanneer de inwoner de administratie weer zelf doet"),
    Fact("evaluaties", NUMBER, "Aantal evaluaties"),
    Fact("plan_herzien", YES_NO, "Het plan moet worden herzien"),
    Fact("werk", NUMBER, "Score werk"),
    Fact("inkomen", NUMBER, "Score inkomen"),
    Fact("opleiding", NUMBER, "Score opleiding"),
    Fact("spaargeld", NUMBER, "Score spaargeld"),
    Fact("schulden", NUMBER, "Score schulden"),
    Fact("wonen", NUMBER, "Score wonen"),
    Fact("gezin", NUMBER, "Score gezin"),
    Fact("gezondheid", NUMBER, "Score gezondheid"),
    Fact("sociaal_netwerk", NUMBER, "Score sociaal netwerk"),
    # What the engine keeps for itself
    Fact("definitief", YES_NO, "Het besluit is definitief", by_engine=True),
    Fact("vorige_toestand", CODE, "Toestand waarheen de zaak teruggaat", by_engine=True),
    Fact("houder", CODE, "Code van de medewerker die de zaak heeft", by_engine=True),
    Fact(
        "tweede_beoordeling",
        CHOICES,
        "Een eerste antwoord dat op een tweede beoordeling wacht",
        by_engine=True,
    ),
    Fact("overdracht_van", CODE, "Proces dat de zaak overdroeg", by_engine=True),
    Fact("overdracht_van_rol", CODE, "Rol die de zaak overdroeg", by_engine=True),
    # With the key of the term behind it: verlengd_T20b.
    Fact("verlengd", NUMBER, "Aantal keren dat een termijn is verlengd", by_engine=True),
)

FACTS: Mapping[str, Fact] = MappingProxyType({fact.name: fact for fact in _ROWS})
