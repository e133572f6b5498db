"""The twenty elements of the basisdienstverlening as data, and which part of the processes carries each (domain 2).

Ten names are verified, two contents are known without their name, and of eight nothing is known: those stay open
until a municipality that has the document fills in the name. What carries an element is read from the definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from milestones.definition import ANY
from milestones.definitions import current
from milestones.terms import Confidence

if TYPE_CHECKING:
    from milestones.definition import Definition, Row
    from milestones.policy_plans import ElementCode
    from milestones.vocabulary import EventName, ProcessCode, TermId

V, U = Confidence.VERIFIED, Confidence.UNVERIFIED
AT_OPENING = "geopend"
EVERY_OPEN_STATE = "elke open toestand"


@dataclass(frozen=True, slots=True)
class Moment:
    """An event in a process; `OPENED` is its opening."""

    process: ProcessCode
    event: str


@dataclass(frozen=True, slots=True)
class TermScore:
    """The score of an element: the share of the cases in which a term was met in time."""

    term: TermId


@dataclass(frozen=True, slots=True)
class StepScore:
    """The score of an element: of the cases with a first moment, the share that had a second one as well."""

    of: Moment
    done: Moment


@dataclass(frozen=True, slots=True)
class Element:
    """One element. `name` is None where nobody read it; `subject` says what is known, which is not the name."""

    code: ElementCode
    name: str | None
    subject: str
    confidence: Confidence
    steps: tuple[tuple[ProcessCode, EventName], ...] = ()
    terms: tuple[tuple[ProcessCode, TermId], ...] = ()
    score: TermScore | StepScore | None = None

    @property
    def title(self) -> str:
        """The name, or that it is not verified."""
        return self.name or f"Element {self.code}: naam niet geverifieerd"


_KNOWN = (
    Element(
        "1",
        "Toegang zonder drempels",
        "aanmelden kan vormvrij en zonder papieren; elke geldzorg is welkom",
        V,
        steps=(("M1", "hulpvraag_gesteld"), ("M3", "aanmelding_geregistreerd"), ("M3", "afspraak_gemaakt")),
        score=TermScore("T01"),
    ),
    Element(
        "2",
        "Begeleiding start direct",
        "het eerste gesprek gaat over contact en vertrouwen",
        V,
        steps=(("M3", "eerste_gesprek_gevoerd"), ("BEGELEIDING", "contactpersoon_toegewezen")),
        terms=(("BEGELEIDING", "T73"),),
        score=TermScore("T73"),
    ),
    Element(
        "3",
        "Begeleidingstraject",
        "financiële begeleiding en hulp daarnaast, uitgewerkt in een begeleidingsplan",
        V,
        steps=(("BEGELEIDING", "begeleidingsplan_vastgesteld"), ("BEGELEIDING", "doel_behaald")),
        score=StepScore(Moment("M6", "bekendgemaakt"), Moment("BEGELEIDING", "begeleidingsplan_vastgesteld")),
    ),
    Element(
        "4",
        "Ook begeleiding bij Wsnp",
        "begeleiding naar en tijdens de Wsnp als schuldregelen niet lukt",
        V,
        steps=(("WSNP", "verklaring_afgegeven"), ("M7", "persoonlijk_gesprek_gehouden")),
        terms=(("M7", "T70"),),
        score=TermScore("T70"),
    ),
    Element(
        "5",
        "Intake en triage",
        "een vaste intake met steeds dezelfde thema's en een meetinstrument",
        V,
        steps=(("M4", "hulpvraag_vastgesteld"), ("M4", "meting_gedaan"), ("M4", "beeld_compleet")),
        score=StepScore(Moment("M4", "hulpvraag_vastgesteld"), Moment("M4", "meting_gedaan")),
    ),
    Element(
        "6",
        "Hulpaanbod per doelgroep",
        "een eigen aanbod, bijvoorbeeld voor ondernemers en jongeren",
        V,
        steps=(("M3", "doelgroep_bepaald"), ("M4", "doelgroep_bepaald")),
        score=StepScore(Moment("M4", "hulpvraag_vastgesteld"), Moment("M4", "doelgroep_bepaald")),
    ),
    Element(
        "7",
        "Beschikking en Plan van aanpak",
        "een plan dat past bij de eigen doelen, als deel van de beschikking",
        V,
        steps=(("M6", "plan_opgesteld"), ("M6", "inwoner_akkoord"), ("M6", "bekendgemaakt")),
        score=TermScore("T03"),
    ),
    Element(
        "8",
        "Evalueren en herzien Plan van aanpak",
        "begeleiden en evalueren met hetzelfde meetinstrument; het plan kan daarna anders",
        V,
        steps=(("M7", "evaluatie_gedaan"), ("BEGELEIDING", "evaluatie_gedaan"), ("M6", "plan_herzien")),
        terms=(("M7", "T15"),),
        score=TermScore("T15"),
    ),
    Element(
        "9",
        "Contact bij terugval",
        "persoonlijk contact als er weer schulden dreigen, en contact in de nazorg",
        V,
        steps=(("M8", "contactmoment_gehouden"), ("M8", "contact_gelegd")),
        terms=(("M8", "T18"),),
        score=TermScore("T18"),
    ),
    Element(
        "10",
        "Nog 6 maanden vroegsignaleren",
        "een signaal in de nazorg telt als terugval; de zaak is dan nog niet beëindigd",
        V,
        steps=(("M8", "signaal_ontvangen"),),
        terms=(("M8", "T16"),),
        score=StepScore(Moment("M8", "signaal_ontvangen"), Moment("M8", "contact_gelegd")),
    ),
    Element(
        "11",
        None,
        "saneringskrediet als het gewone aanbod",
        U,
        steps=(("M7", "krediet_uitbetaald"),),
        terms=(("M7", "T14b"),),
        score=StepScore(Moment("M7", "akkoord_allen"), Moment("M7", "krediet_uitbetaald")),
    ),
    Element(
        "12",
        None,
        "nazorg wordt aangeboden",
        U,
        steps=(("M7", "oplossing_afgerond"),),
        terms=(("M8", "T17"),),
        score=StepScore(Moment("M7", "oplossing_afgerond"), Moment("M8", AT_OPENING)),
    ),
)
_OPEN: tuple[ElementCode, ...] = ("13", "14", "15", "16", "17", "18", "19", "20")
ELEMENTS: tuple[Element, ...] = (
    *_KNOWN,
    *(Element(code, None, "niet bekend; de lijst is niet gelezen", U) for code in _OPEN),
)


@dataclass(frozen=True, slots=True)
class Carrier:
    """A part of a process that carries an element: where it happens, which terms go with it, and who is told."""

    process: ProcessCode
    event: str
    states: tuple[str, ...]
    terms: tuple[str, ...]
    messages: tuple[tuple[str, str], ...]  # the role, and the task that it gets or "kennisgeving"


def carriers(element: Element) -> tuple[Carrier, ...]:
    """Return what carries an element in the newest definitions: its events, and its terms without an event."""
    found = [_of_rows(code, event, current(code)) for code, event in element.steps]
    known = {(item.process, term) for item in found for term in item.terms}
    found.extend(
        Carrier(code, "", (), (term,), ()) for code, term in element.terms if (code, term) not in known
    )
    return tuple(found)


def _of_rows(code: ProcessCode, event: EventName, definition: Definition) -> Carrier:
    rows = [row for row in definition.rows if row.event == event]
    return Carrier(
        code,
        event,
        tuple(dict.fromkeys(state for row in rows for state in _states(row))),
        tuple(dict.fromkeys(term for row in rows for term in _terms(row))),
        tuple(dict.fromkeys(message for row in rows for message in _messages(row))),
    )


def _states(row: Row) -> tuple[str, ...]:
    return tuple(EVERY_OPEN_STATE if state == ANY else state for state in row.sources)


def _terms(row: Row) -> tuple[str, ...]:
    return (*(arm.term for arm in row.arms), *row.meets, *row.meets_one)


def _messages(row: Row) -> tuple[tuple[str, str], ...]:
    return (
        *((task.role, task.subject) for task in row.tasks),
        *((role, "kennisgeving") for role in row.notifies),
    )
