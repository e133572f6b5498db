"""The basisdienstverlening of a municipality on one page: what it chose, what carries each element, and its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from adapters.oversight.disclosure import HIDDEN, LEAST, shown_share
from adapters.oversight.document import Block, Chart, Grid, Heading, Points, Words
from adapters.oversight.monitor import Cell, kept_of, met_in_time
from adapters.storage.database import JournalRow, reading
from milestones.basic_service import AT_OPENING, ELEMENTS, Carrier, Moment, StepScore, TermScore, carriers
from milestones.definitions import current
from milestones.dutch import without_weekday
from milestones.roles import dutch_role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlmodel import Session

    from adapters.oversight.periods import Period
    from adapters.oversight.workload import WorkloadOffice
    from milestones.basic_service import Element
    from milestones.policy import Policy
    from milestones.policy_plans import ElementChoice

NO_SCORE = "geen maat"
NOTHING_CHOSEN = "nog niet besloten"
_MOST_STATES = 3
_KEPT = "element"


@dataclass(frozen=True, slots=True)
class ElementLine:
    """One element as a municipality has it in a period."""

    element: Element
    choice: ElementChoice | None
    carriers: tuple[Carrier, ...]
    value: float | None
    shown: str
    of: str
    definition: str

    @property
    def title(self) -> str:
        """The verified name, or else the one that the municipality read itself, or that there is none."""
        own = self.choice.name if self.choice is not None else None
        return self.element.name or own or self.element.title


@dataclass(frozen=True, slots=True)
class BasicService:
    """The twenty elements of a municipality over a period."""

    municipality: str
    period: Period
    lines: tuple[ElementLine, ...]


def read_basic_service(office: WorkloadOffice, municipality: str, period: Period) -> BasicService:
    """Read the elements with their score in a period; a score of few cases is not shown."""
    policy = office.rules_for(municipality).policy
    with reading(office.engine) as session:
        kept = kept_of(session, municipality, period.begin, period.end)
        lines = tuple(
            _line(session, policy, element, municipality, period, _of_element(kept, element))
            for element in ELEMENTS
        )
    return BasicService(municipality, period, lines)


def scores_to_keep(service: BasicService) -> list[Cell]:
    """Return the scores of a period as cells, to read the same once a case of it was destroyed."""
    return [
        Cell(_KEPT, line.element.code, line.value, line.shown, line.of)
        for line in service.lines
        if line.element.score is not None
    ]


def _of_element(kept: Iterable[Cell], element: Element) -> Cell | None:
    return next((cell for cell in kept if (cell.figure, cell.part) == (_KEPT, element.code)), None)


def _line(
    session: Session, policy: Policy, element: Element, municipality: str, period: Period, kept: Cell | None
) -> ElementLine:
    if element.score is None:
        value, shown, of, definition = None, NO_SCORE, "", ""
    elif kept is not None:
        value, shown, of, definition = kept.value, kept.shown, kept.of, _definition(policy, element.score)
    else:
        part, whole = _counted(session, element.score, municipality, period)
        value, shown = shown_share(part, whole)
        of, definition = str(whole) if whole >= LEAST else HIDDEN, _definition(policy, element.score)
    choice = policy.elements.get(element.code)
    return ElementLine(element, choice, carriers(element), value, shown, of, definition)


def _counted(
    session: Session, score: TermScore | StepScore, municipality: str, period: Period
) -> tuple[int, int]:
    """Return how many cases did it, of how many."""
    if isinstance(score, TermScore):
        met = met_in_time(session, municipality, [score.term], period.begin, period.end)
        return sum(met.values()), len(met)
    asked = _cases_with(session, score.of, municipality, period)
    done = _cases_with(session, score.done, municipality, None)
    return len(asked & done), len(asked)


def _cases_with(session: Session, moment: Moment, municipality: str, period: Period | None) -> set[str]:
    process = col(JournalRow.process)
    query = select(JournalRow.case_reference).where(
        col(JournalRow.municipality) == municipality,
        col(JournalRow.event) == moment.event,
        (process == moment.process) | process.like(f"{moment.process}#%"),
    )
    if period is not None:
        query = query.where(col(JournalRow.on).between(period.begin, period.end))
    return set(session.exec(query.distinct()))


def _definition(policy: Policy, score: TermScore | StepScore) -> str:
    if isinstance(score, TermScore):
        term = policy.term(score.term)
        return (
            "Het deel van de zaken dat op tijd was. "
            f"Het gaat om termijn {term.id} ({term.name}) met de laatste dag in de periode."
        )
    return (
        f"Het deel van de zaken waarin ook '{_label(score.done)}' is vastgelegd. "
        f"Het gaat om zaken met '{_label(score.of)}' in de periode."
    )


def _label(moment: Moment) -> str:
    if moment.event == AT_OPENING:
        return f"{moment.process} geopend"
    return current(moment.process).event(moment.event).label


# --- as a report and as JSON ------------------------------------------------------------------------------


def basic_service_report(service: BasicService) -> tuple[Block, ...]:
    """Return the page: first what is chosen and how it goes, then what carries each element."""
    scored = [
        (f"{line.element.code} {line.title}", line.value, line.shown)
        for line in service.lines
        if line.value is not None
    ]
    return (
        Heading(f"Basisdienstverlening gemeente {service.municipality}", 1),
        Words(
            f"De twintig elementen die in maart 2024 landelijk zijn afgesproken. De score is van "
            f"{without_weekday(service.period.begin)} tot en met {without_weekday(service.period.end)}. "
            f"Aantallen onder {LEAST} worden niet getoond."
        ),
        Words(
            "Tien namen zijn nagekeken. De andere tien zijn **niet geverifieerd**: vul bij uw beleid zelf de naam in "
            "als u de lijst hebt."
        ),
        Grid(
            ("nr", "element", "naam", "aan", "vanaf", "laag", "score", "over"),
            [
                (
                    line.element.code, line.title, "nagekeken" if line.element.name else "niet geverifieerd",
                    _on(line), _from_on(line), line.choice.layer if line.choice else "", line.shown, line.of,
                )
                for line in service.lines
            ],
        ),
        Chart(scored, 1.0),
        Heading("Wanneer kan het vinkje worden gezet?"),
        Points(
            [
f"**{line.element.code} {line.title}**: {_criterion(line)}"
                for line in service.lines
                if line.choice is not None or line.element.name
            ]
        ),
        Heading("Wanneer voert de gemeente wat in?"),
        *_scenario(service),
        Heading("Wat draagt welk element?"),
        Grid(
            ("nr", "proces", "stap", "toestand", "termijnen", "wie krijgt bericht"),
            [
                (
                    line.element.code, item.process, item.event.replace("_", " "), _states(item),
                    ", ".join(item.terms), ", ".join(dict.fromkeys(dutch_role(role) for role, _ in item.messages)),
                )
                for line in service.lines
                for item in line.carriers
            ],
        ),
        Words(
            "Door geen proces gedragen: "
            f"{', '.join(line.element.code for line in service.lines if not line.carriers) or 'geen'}."
        ),
        Heading("Wat de scores betekenen"),
        Points(
            [f"**{line.element.code} {line.title}**. {line.definition}" for line in service.lines if line.definition]
        ),
    )  # fmt: skip


def _on(line: ElementLine) -> str:
    return NOTHING_CHOSEN if line.choice is None else "ja" if line.choice.on else "nee"


def _criterion(line: ElementLine) -> str:
    return (line.choice.criterion if line.choice is not None else None) or "nog niet ingevuld"


def _from_on(line: ElementLine) -> str:
    return line.choice.from_on.isoformat() if line.choice and line.choice.from_on else ""


def _states(item: Carrier) -> str:
    shown, more = item.states[:_MOST_STATES], len(item.states) - _MOST_STATES
    return ", ".join(shown) + (f" en nog {more}" if more > 0 else "")


def _scenario(service: BasicService) -> list[Block]:
    """Return which element comes when, the first first."""
    planned = sorted(
        (line.choice.from_on, int(line.element.code), line)
        for line in service.lines
        if line.choice is not None and line.choice.from_on is not None
    )
    if not planned:
        return [Words("In het beleid staat bij geen element een datum ('vanaf').")]
    return [
        Grid(
            ("vanaf", "element", "laag"),
            [(day.isoformat(), line.title, line.choice.layer) for day, _, line in planned if line.choice],
        )
    ]


def basic_service_json(service: BasicService) -> dict[str, object]:
    """Return the page as JSON, with all that carries each element."""
    return {
        "gemeentecode": service.municipality,
        "periode": service.period.name,
        "van": service.period.begin.isoformat(),
        "tot_en_met": service.period.end.isoformat(),
        "elementen": [_as_json(line) for line in service.lines],
    }


def _as_json(line: ElementLine) -> dict[str, object]:
    choice = line.choice
    return {
        "nummer": line.element.code,
        "naam": line.title,
        "naam_geverifieerd": line.element.name is not None,
        "onderwerp": line.element.subject,
        "zekerheid": str(line.element.confidence),
        "aan": None if choice is None else choice.on,
        "vanaf": choice.from_on.isoformat() if choice is not None and choice.from_on else None,
        "laag": None if choice is None else choice.layer,
        "vinkje": None if choice is None else choice.criterion,
        "score": line.shown,
        "over_aantal": line.of,
        "definitie": line.definition,
        "gedragen_door": [
            {
                "proces": item.process,
                "gebeurtenis": item.event or None,
                "toestanden": list(item.states),
                "termijnen": list(item.terms),
                "berichten": [{"rol": role, "onderwerp": subject} for role, subject in item.messages],
            }
            for item in line.carriers
        ],
    }
