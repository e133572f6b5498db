"""What goes into and comes out of the API. Field names are Dutch, after DDAS and ZGW."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from adapters.cases.caseload import check_person
from adapters.cases.casework import check_reference
from adapters.runtime.actor import ActorKind, Way
from adapters.runtime.privacy import is_plain
from milestones.civil_dates import civil_date
from milestones.definitions import DEFINITIONS
from milestones.process import NotPossible


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


Day = Annotated[date, BeforeValidator(_iso_day)]
Milestone = Annotated[str, StringConstraints(max_length=20, strict=True), AfterValidator(_known_milestone)]
Municipality = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$", strict=True)]
EventName = Annotated[str, StringConstraints(min_length=1, max_length=60, strict=True)]
Reference = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$", strict=True),
    AfterValidator(_own_reference),
]
ExternalReference = Annotated[
    str, StringConstraints(min_length=1, max_length=300, strict=True), AfterValidator(_external_reference)
]
Bsn = Annotated[str, StringConstraints(pattern=r"^[0-9]{8,9}$", strict=True)]
PersonCode = Annotated[str, StringConstraints(max_length=40, strict=True), AfterValidator(_person_code)]
Data = Annotated[dict[str, Any], Field(max_length=40)]


class Given(BaseModel):
    """What a caller sends: no unknown fields."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NewCase(Given):
    """Een zaak om te openen."""

    mijlpaal: Annotated[Milestone, Field(description="De mijlpaal die begint, bijvoorbeeld M3.")]
    zaak: Annotated[
        Reference | None, Field(description="Uw eigen referentie, of die van een zaak die er al is.")
    ] = None
    gemeentecode: Annotated[
        Municipality | None, Field(description="De gemeente die verantwoordelijk is.")
    ] = None
    op: Annotated[Day | None, Field(description="De datum die telt voor de wet; anders vandaag.")] = None
    gegevens: Annotated[Data, Field(description="Wat de mijlpaal bij de start moet weten.")] = {}
    burgerservicenummer: Annotated[
        Bsn | None,
        Field(
            description="Alleen om vroegsignalen te herkennen: wij bewaren er een versleuteld kenmerk van."
        ),
    ] = None
    verwijzingen: Annotated[
        list[ExternalReference], Field(max_length=20, description="Hoe andere systemen deze zaak noemen.")
    ] = []


class NewEvent(Given):
    """Een gebeurtenis om te melden."""

    gebeurtenis: Annotated[EventName, Field(description="Wat er gebeurd is, bijvoorbeeld hulp_aanvaard.")]
    mijlpaal: Annotated[
        Milestone | None, Field(description="De mijlpaal, als het er meer dan een kan zijn.")
    ] = None
    op: Annotated[Day | None, Field(description="De datum die telt voor de wet; anders vandaag.")] = None
    gegevens: Annotated[Data, Field(description="De velden die bij de gebeurtenis horen.")] = {}
    medewerker: Annotated[
        PersonCode | None,
        Field(
            description="In wiens naam de mijlpaal hierna staat, bijvoorbeeld wie de overdracht aanvaardt."
        ),
    ] = None


class NewReference(Given):
    """Hoe een ander systeem een zaak noemt."""

    verwijzing: ExternalReference


class Answered(BaseModel):
    """What we send: known fields, and perhaps more in a later version."""

    model_config = ConfigDict(extra="allow")


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


class LawReference(Answered):
    """Een plaats in een wet, en de datum van de tekst die is gelezen."""

    wet: str
    artikel: str
    lid: str | None = None
    tekst_van: date


class TermState(Answered):
    """Een termijn van een zaak."""

    id: str
    mijlpaal: str
    uiterlijk: date | None
    uitkomst: str
    bron: str
    artikelen: list[LawReference]
    zekerheid: str
    voorbehoud: Annotated[
        str | None, Field(description="Waarom de datum nog kan veranderen; anders leeg.")
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
    """Waar een zaak is."""

    zaak: str
    gemeentecode: str
    toestanden: dict[str, str]
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


class JournalPage(Page):
    """Een bladzijde van het journaal."""

    zaak: str
    journaal: list[JournalLine]


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
    """Wat er met een vroegsignaal gebeurde."""

    nummer: int
    resultaat: str
    zaak: str | None
    opmerkingen: list[str]


class DeliveryAnswer(Answered):
    """Wat er met een levering gebeurde."""

    versie: str
    aantal: int
    opmerkingen: list[str]
    vroegsignalen: list[SignalLine]


class Kept(Answered):
    """Een bericht dat wacht op een mens."""

    postbak: int
    reden: str


class BatchLine(Answered):
    """Wat er met een bericht van een batch gebeurde."""

    id: str
    source: str
    status: int
    zaak: str | None
    postbak: int | None
    reden: str | None


class BatchAnswer(Answered):
    """Wat er met een batch gebeurde, in de volgorde van de batch."""

    berichten: list[BatchLine]


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
    velden: list[str] | None = None
    mogelijke_gebeurtenissen: list[str] | None = None
    vroegsignalen: list[SignalLine] | None = None
