"""What goes into and comes out of the API. Field names are Dutch, after DDAS and ZGW."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from adapters.cases.casework import check_reference
from adapters.cases.person_code import check_person
from adapters.exchange.signal_record import SignalResult
from adapters.runtime.actor import ActorKind, Way
from adapters.runtime.privacy import is_plain
from milestones.civil_dates import civil_date
from milestones.definition import FieldKind
from milestones.definitions import DEFINITIONS
from milestones.events import SPECS
from milestones.four_eyes import GIVEN
from milestones.process import NotPossible
from milestones.snapshot import TermOutcome


def _iso_day(value: object) -> object:
    """Take a date or a moment as text: pydantic would also read a number of seconds."""
    found = civil_date(value)
    if value is not None and found is None:
        raise ValueError("geen datum")
    return found


def _known_milestone(value: str) -> str:
    code, _, instance = value.partition("#")
    if code not in DEFINITIONS or (instance and not instance.isdecimal()):
        raise ValueError("geen mijlpaal")
    return value


def _own_reference(value: str) -> str:
    try:
        check_reference(value)
    except NotPossible as refusal:
        raise ValueError(refusal.reason) from None
    return value


def _person_code(value: str) -> str:
    try:
        return check_person(value)
    except NotPossible as refusal:
        raise ValueError(refusal.reason) from None


def _external_reference(value: str) -> str:
    if not is_plain(value.strip().rstrip("/")):
        raise ValueError("geen verwijzing")
    return value


CODES = list(DEFINITIONS)
STATES = sorted({state.code for item in DEFINITIONS.values() for state in item.states})
REPORTED = sorted({spec.name for spec in SPECS if not spec.by_timer} | {GIVEN})
_EXAMPLE = "FZ-2026-7K2M9QX"

Day = Annotated[date, BeforeValidator(_iso_day)]
_Milestone = Annotated[str, StringConstraints(max_length=20, strict=True), AfterValidator(_known_milestone)]
_Municipality = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$", strict=True)]
_EventName = Annotated[str, StringConstraints(min_length=1, max_length=60, strict=True)]
_Reference = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$", strict=True),
    AfterValidator(_own_reference),
]
ExternalReference = Annotated[
    str, StringConstraints(min_length=1, max_length=300, strict=True), AfterValidator(_external_reference)
]
Bsn = Annotated[str, StringConstraints(pattern=r"^[0-9]{8,9}$", strict=True)]
PersonCode = Annotated[str, StringConstraints(max_length=40, strict=True), AfterValidator(_person_code)]


def _without_default(schema: dict[str, Any]) -> None:
    """Leave the default out of a description: openapi-typescript makes a field with one obligatory."""
    schema.pop("default", None)


_Data = Annotated[dict[str, Any], Field(max_length=40, json_schema_extra=_without_default)]


# No enumeration: openapi-python-client makes one name of V and V*.
Sureness = Annotated[
    str, Field(description="V of V*: getoetst aan de wet; U of P: niet geverifieerd.", examples=["V"])
]


class Given(BaseModel):
    """What a caller sends: no unknown fields."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NewCase(Given):
    """Een zaak om te openen."""

    mijlpaal: Annotated[
        _Milestone,
        Field(description="De mijlpaal die begint.", examples=["M3"], json_schema_extra={"enum": CODES}),
    ]
    zaak: Annotated[
        _Reference | None,
        Field(description="Uw eigen nummer (ZAAK-2026-17), of dat van een zaak die er al is. Geen naam."),
    ] = None
    gemeentecode: Annotated[
        _Municipality | None, Field(description="De gemeente die verantwoordelijk is.")
    ] = None
    op: Annotated[
        Day | None,
        Field(description="De datum die telt voor de wet; anders vandaag.", examples=["2026-03-09"]),
    ] = None
    gegevens: Annotated[_Data, Field(description="Wat de mijlpaal bij de start moet weten.")] = {}
    burgerservicenummer: Annotated[
        Bsn | None,
        Field(
            description="Alleen om vroegsignalen te herkennen: wij bewaren er een versleuteld kenmerk van."
        ),
    ] = None
    verwijzingen: Annotated[
        list[ExternalReference],
        Field(
            max_length=20,
            description="Hoe andere systemen deze zaak noemen.",
            examples=[["ZAAK-2026-00000012"]],
            json_schema_extra=_without_default,
        ),
    ] = []


class NewEvent(Given):
    """Een gebeurtenis om te melden."""

    gebeurtenis: Annotated[
        _EventName,
        Field(
            description="Wat er gebeurd is; een antwoord zegt in `mogelijke_gebeurtenissen` wat nu kan.",
            examples=["aanmelding_geregistreerd"],
            json_schema_extra={"enum": REPORTED},
        ),
    ]
    mijlpaal: Annotated[
        _Milestone | None, Field(description="De mijlpaal, als het er meer dan een kan zijn.")
    ] = None
    op: Annotated[
        Day | None,
        Field(description="De datum die telt voor de wet; anders vandaag.", examples=["2026-03-09"]),
    ] = None
    gegevens: Annotated[_Data, Field(description="De velden die bij de gebeurtenis horen.")] = {}
    medewerker: Annotated[
        PersonCode | None,
        Field(
            description="In wiens naam de mijlpaal hierna staat, bijvoorbeeld wie de overdracht aanvaardt."
        ),
    ] = None


class NewReference(Given):
    """Hoe een ander systeem een zaak noemt."""

    verwijzing: Annotated[
        ExternalReference,
        Field(description="Een nummer of een zaak-URL.", examples=["ZAAK-2026-00000012"]),
    ]


class Answered(BaseModel):
    """What we send: known fields, and perhaps more in a later version."""

    model_config = ConfigDict(extra="allow")


class SecondOpinion(Answered):
    """Een eerste antwoord dat op een tweede beoordeling wacht, en welke rollen die geven."""

    gebeurtenis: str
    op: date
    door: str
    rollen: list[str]


class MilestoneState(Answered):
    """Een mijlpaal van een zaak."""

    mijlpaal: str
    naam: str
    versie: int
    toestand: str
    wacht_op: str
    rol: str
    afgerond: bool
    geopend_op: date
    mogelijke_gebeurtenissen: list[str]
    eindresultaat: Annotated[str | None, Field(description="Alleen waar een mijlpaal er een heeft.")] = None
    uitstroomreden: str | None = None
    tweede_beoordeling: SecondOpinion | None = None


class LawReference(Answered):
    """Een plaats in een wet, en de datum van de tekst die is gelezen."""

    wet: str
    artikel: str
    lid: str | None = None
    tekst_van: date


class TermState(Answered):
    """Een termijn van een zaak."""

    id: str
    naam: str
    mijlpaal: str
    gestart_op: date
    nominaal: Annotated[date, Field(description="De laatste dag zonder opschorting en zonder verschuiving.")]
    uiterlijk: Annotated[date | None, Field(description="De laatste dag; leeg zolang de termijn stilstaat.")]
    verschoven_door: Annotated[str | None, Field(description="Waardoor de laatste dag verschoof.")]
    niet_verschoven_omdat: str | None
    opgeschort_dagen: int
    waarschuwingen: list[date]
    uitkomst: TermOutcome
    geeindigd_op: date | None
    te_laat: bool
    beleid: Annotated[str, Field(description="Het beleid waaronder de termijn begon.")]
    bron: str
    bron_voluit: str
    artikelen: list[LawReference]
    zekerheid: Sureness
    voorbehoud: Annotated[
        str | None, Field(description="Waarom de datum nog kan veranderen; anders leeg.")
    ] = None
    uiterlijk_atw: Annotated[
        date | None, Field(description="De laatste dag met de Algemene termijnenwet, als die een andere is.")
    ] = None


class PenaltyState(Answered):
    """Een dwangsom van een zaak (Awb art. 4:17), over de dagen die voorbij zijn."""

    mijlpaal: str
    eerste_dag: date
    laatste_dag: Annotated[date | None, Field(description="Leeg zolang de dwangsom loopt.")]
    uiterlijk_tot_en_met: date
    dagen: int
    bedrag_euro: int
    tarief: LawReference


class CaseState(Answered):
    """Waar een zaak is. Wie niet mag lezen, krijgt de referentie en wat hij nu zelf kan melden."""

    zaak: Annotated[str, Field(examples=[_EXAMPLE], description="Leeg voor wie opent en niet mag lezen.")]
    gemeentecode: str
    toestanden: Annotated[dict[str, str], Field(examples=[{"M3": "CRISISCHECK"}])]
    mijlpalen: list[MilestoneState]
    termijnen: list[TermState]
    dwangsommen: list[PenaltyState]
    mogelijke_gebeurtenissen: list[str]
    opmerkingen: list[str] = []


class Page(Answered):
    """Een bladzijde van een lijst."""

    count: int
    next: str | None
    previous: str | None


class CaseLine(Answered):
    """Een zaak in een lijst."""

    zaak: str
    gemeentecode: str
    geopend_op: datetime


class CasePage(Page):
    """Een bladzijde van zaken."""

    results: list[CaseLine]


class ActorShown(Answered):
    """Wie het deed, met een code en nooit een naam, en langs welke weg het binnenkwam."""

    soort: ActorKind
    code: str | None
    weg: Way | None


class JournalLine(Answered):
    """Een regel van het journaal."""

    nummer: int
    op: date
    vastgelegd_op: datetime
    mijlpaal: str
    van: str | None
    gebeurtenis: str
    naar: str
    id: str | None
    door: ActorShown
    beleid: str


class JournalPage(Page):
    """Een bladzijde van het journaal."""

    zaak: str
    journaal: list[JournalLine]


class LookLine(Answered):
    """Wie wanneer in een zaak keek."""

    op: datetime
    zaak: str
    gemeente: str
    door: ActorShown
    doel: str | None


class LookPage(Page):
    """Een bladzijde van de inzagelog."""

    results: list[LookLine]


class ScoreLine(Answered):
    """Een score op een dag."""

    op: date
    score: int


class GrowthLine(Answered):
    """De scores van een thema van het meetinstrument, de oudste eerst."""

    thema: str
    scores: list[ScoreLine]
    groei: Annotated[int, Field(description="Hoeveel de laatste score hoger is dan de eerste.")]


class GrowthReport(Answered):
    """De groei per thema; leeg als er nog niet is gemeten."""

    zaak: str
    groei: list[GrowthLine]


class WorkLine(Answered):
    """Een mijlpaal die open is."""

    zaak: str
    mijlpaal: str
    wacht_op: str
    rol: str
    medewerker: str | None
    vervanger: str | None
    uiterlijk: date | None
    termijn: str | None
    dagen_te_laat: int
    deze_week: bool
    crisis: bool
    wacht_op_overdracht: bool
    geopend_op: date
    voorbehoud: Annotated[
        str | None, Field(description="Waarom de laatste dag nog kan veranderen; anders leeg.")
    ]


class WorkloadPage(Page):
    """Een bladzijde van de werkvoorraad."""

    gemeentecode: str
    op: date
    aantallen: dict[str, int]
    results: list[WorkLine]


class FigureLine(Answered):
    """Een cijfer van de monitor; een klein aantal staat er niet in."""

    cijfer: str
    onderdeel: str
    waarde: str
    eenheid: str
    over_aantal: str
    definitie: str


class MonitorReport(Answered):
    """De monitor van een gemeente over een periode."""

    gemeentecode: str
    van: date
    tot_en_met: date
    cijfers: list[FigureLine]


class References(Answered):
    """Hoe andere systemen een zaak noemen."""

    zaak: str
    verwijzingen: list[str]
    opmerkingen: list[str] = []


class SignalLine(Answered):
    """Wat er met een vroegsignaal gebeurde. Wie niet mag lezen, hoort alleen of het is ontvangen."""

    nummer: int
    resultaat: SignalResult | Literal["ontvangen"]
    zaak: str | None
    opmerkingen: list[str]


class DeliveryAnswer(Answered):
    """Wat er met een levering gebeurde."""

    versie: str
    aantal: int
    opmerkingen: list[str]
    vroegsignalen: list[SignalLine]


class BatchLine(Answered):
    """Wat er met een bericht van een batch gebeurde."""

    id: str
    source: str
    status: Literal[201, 202]
    zaak: str | None
    postbak: int | None
    reden: str | None


class MessageAnswer(Answered):
    """De zaak (201), waarom een bericht wacht op een mens (202), of een regel per bericht van een batch (200)."""

    zaak: str | None = None
    gemeentecode: str | None = None
    toestanden: dict[str, str] | None = None
    mijlpalen: list[MilestoneState] | None = None
    termijnen: list[TermState] | None = None
    dwangsommen: list[PenaltyState] | None = None
    mogelijke_gebeurtenissen: list[str] | None = None
    postbak: Annotated[int | None, Field(description="Het nummer in de postbak; 0 als er niets wacht.")] = (
        None
    )
    reden: str | None = None
    berichten: Annotated[
        list[BatchLine] | None, Field(description="Een regel per bericht, in de volgorde van de batch.")
    ] = None


class TriedOut(Answered):
    """Wat een abonnee van een testbericht vond."""

    abonnement: str
    gelukt: bool
    resultaat: str


class Health(Answered):
    """Of dit proces werkt."""

    status: str


class DefinitionLine(Answered):
    """Een mijlpaal."""

    code: str
    naam: str
    versie: int
    url: str


class DefinitionList(Answered):
    """Alle mijlpalen."""

    results: list[DefinitionLine]


class DefinitionState(Answered):
    """Een toestand van een mijlpaal."""

    toestand: str
    wacht_op: str
    rol: str
    eindtoestand: bool
    gebeurtenissen: list[str]


class DefinitionField(Answered):
    """Een veld van een gebeurtenis."""

    veld: str
    soort: FieldKind
    label: str
    verplicht: bool
    keuzes: list[str]


class DefinitionEvent(Answered):
    """Een gebeurtenis van een mijlpaal, met haar velden."""

    gebeurtenis: str
    label: str
    alleen_door_termijn: bool
    besluit_van_mens: bool
    velden: list[DefinitionField]


class DefinitionTerm(Answered):
    """Een termijn van een mijlpaal, met haar bron."""

    id: str
    naam: str
    lengte: str | None
    bron: str
    artikelen: list[LawReference]
    zekerheid: Sureness


class DefinitionShown(Answered):
    """Een mijlpaal: toestanden, gebeurtenissen en termijnen."""

    mijlpaal: str
    naam: str
    naam_zekerheid: Sureness
    versie: int
    begint_in: str
    toestanden: list[DefinitionState]
    gebeurtenissen: list[DefinitionEvent]
    termijnen: list[DefinitionTerm]


class ProblemLine(Answered):
    """Een soort weigering."""

    type: str
    status: int
    betekenis: str


class ProblemList(Answered):
    """Alle soorten weigeringen."""

    results: list[ProblemLine]


class ProblemDetails(Answered):
    """Een weigering (RFC 9457)."""

    type: Annotated[str, Field(description="De soort; zie /v1/problemen.")]
    title: str
    status: int
    detail: str
    velden: Annotated[list[str] | None, Field(description="Welke velden of parameters niet kloppen.")] = None
    mogelijke_gebeurtenissen: Annotated[
        list[str] | None, Field(description="Wat nu wel kan (409), voor zover deze client het mag weten.")
    ] = None
    vroegsignalen: Annotated[
        list[SignalLine] | None, Field(description="Waarom elk signaal is geweigerd.")
    ] = None
    nummer: Annotated[str | None, Field(description="Waaronder een fout bij ons in het logboek staat.")] = (
        None
    )
