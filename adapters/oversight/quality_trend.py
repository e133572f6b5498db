"""How colleagues judge the work over the last quarters: by question, by element, and how far two readers agree."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from adapters.oversight.disclosure import HIDDEN, LEAST, shown_share
from adapters.oversight.document import Block, Chart, Grid, Heading, Words
from adapters.oversight.goals import dutch_number
from adapters.oversight.monitor import Cell, kept_of
from adapters.oversight.quality import SECOND, findings, is_second
from adapters.storage.database import reading
from adapters.storage.oversight_tables import ReviewRow
from milestones.basic_service import ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.oversight.periods import Period
    from adapters.oversight.workload import WorkloadOffice
    from milestones.quality_questions import Question

QUARTERS = 4
_QUESTION, _ELEMENT, _FINDING, _AGREE, _REVIEWED = (
    f"kwaliteit/{name}" for name in ("vraag", "element", "knelpunt", "eens", "zaken")
)
_NEAR = 1  # two readers agree when no score differs by more than this


@dataclass(frozen=True)
class QualityTrend:
    """The scores of four quarters, the oldest first; a mean of few cases is None."""

    municipality: str
    periods: tuple[Period, ...]
    by_question: tuple[tuple[Question, tuple[float | None, ...]], ...]
    by_element: tuple[tuple[str, float | None], ...]
    agreement: str
    bottlenecks: tuple[tuple[str, str], ...]
    reviewed: str


def read_trend(office: WorkloadOffice, municipality: str, period: Period) -> QualityTrend:
    """Read the trend up to and including a quarter."""
    periods = [period]
    while len(periods) < QUARTERS:
        periods.insert(0, periods[0].before())
    questions = office.rules_for(municipality).policy.questions
    with reading(office.engine) as session:
        rows = [
            ReviewRow(**row.model_dump())
            for row in session.exec(
                select(ReviewRow).where(
                    ReviewRow.municipality == municipality,
                    col(ReviewRow.reviewed_on).between(periods[0].begin, period.end),
                )
            )
        ]
        kept = {one.name: kept_of(session, municipality, one.begin, one.end) for one in periods}
    per_question = {
        one.name: _means([row for row in rows if _within(row, one)], questions, kept[one.name])
        for one in periods
    }
    by_question = tuple(
        (question, tuple(per_question[one.name][question.code] for one in periods)) for question in questions
    )
    if of_quality := [cell for cell in kept[period.name] if cell.figure.startswith("kwaliteit/")]:
        parts = {name: [cell for cell in of_quality if cell.figure == name] for name in (_ELEMENT, _FINDING)}
        shown = {cell.figure: cell.shown for cell in of_quality}
        return QualityTrend(
            municipality,
            tuple(periods),
            by_question,
            tuple((cell.part, cell.value) for cell in parts[_ELEMENT]),
            shown[_AGREE],
            tuple((cell.part, cell.shown) for cell in parts[_FINDING]),
            shown[_REVIEWED],
        )
    latest = [row for row in rows if _within(row, period)]
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in latest:
        for name in findings(row.scores, questions):
            found[name].add(row.case_reference)
    cases = len({row.case_reference for row in latest})
    return QualityTrend(
        municipality,
        tuple(periods),
        by_question,
        tuple(
            (f"{element.code} {element.title}", _mean(latest, about))
            for element in ELEMENTS
            if (about := [item for item in questions if item.element == element.code])
        ),
        _agreement(rows),
        tuple((name, _few(len(those))) for name, those in sorted(found.items())),
        _few(cases),
    )


def _few(cases: int) -> str:
    return str(cases) if cases >= LEAST else HIDDEN


def trend_to_keep(trend: QualityTrend) -> list[Cell]:
    """Return the last quarter of a trend as cells, to read the same once a case of it was destroyed."""
    return [
        *(Cell(_QUESTION, question.code, means[-1], "") for question, means in trend.by_question),
        *(Cell(_ELEMENT, name, mean, "") for name, mean in trend.by_element),
        *(Cell(_FINDING, name, None, shown) for name, shown in trend.bottlenecks),
        Cell(_AGREE, "", None, trend.agreement),
        Cell(_REVIEWED, "", None, trend.reviewed),
    ]


def _means(
    rows: Sequence[ReviewRow], questions: Sequence[Question], kept: Sequence[Cell]
) -> dict[str, float | None]:
    """Return the mean of each question over a quarter: what was kept of it, or what its readings say."""
    known = {cell.part: cell.value for cell in kept if cell.figure == _QUESTION}
    return {
        question.code: known[question.code] if question.code in known else _mean(rows, [question])
        for question in questions
    }


def _within(row: ReviewRow, period: Period) -> bool:
    return row.reviewed_on is not None and period.begin <= row.reviewed_on <= period.end


def _mean(rows: Iterable[ReviewRow], questions: Sequence[Question]) -> float | None:
    """Return the mean score of some questions; None where fewer cases than may be shown have one."""
    codes = {question.code for question in questions}
    scored = [
        (row.case_reference, score) for row in rows for code, score in row.scores.items() if code in codes
    ]
    few = len({reference for reference, _ in scored}) < LEAST
    return None if few else statistics.fmean(score for _, score in scored)


def _agreement(rows: Sequence[ReviewRow]) -> str:
    """Return in which share of the cases that were read twice the two readers agree."""
    first = {(row.week, row.case_reference, row.process): row.scores for row in rows if not is_second(row)}
    agrees: dict[str, bool] = {}
    for row in rows:
        key = (row.week, row.case_reference, row.process.removesuffix(SECOND))
        if is_second(row) and (one := first.get(key)) is not None:
            near = all(abs(one[code] - row.scores[code]) <= _NEAR for code in one.keys() & row.scores.keys())
            agrees[row.case_reference] = agrees.get(row.case_reference, True) and near
    return shown_share(sum(agrees.values()), len(agrees))[1]


def trend_report(trend: QualityTrend) -> tuple[Block, ...]:
    """Return the trend in plain words; no worker and no case is named."""
    names = [period.name for period in trend.periods]
    return (
        Heading(f"Kwaliteit door collega's, gemeente {trend.municipality}", 1),
        Words(
            "Collega's lazen elkaars zaken en gaven scores van 1 tot en met 5. "
            f"In {names[-1]}: {trend.reviewed} {'zaak' if trend.reviewed == '1' else 'zaken'}. "
            f"Een gemiddelde van minder dan {LEAST} zaken wordt niet getoond."
        ),
        Grid(
            ("vraag", *names),
            [(question.label, *map(_said, means)) for question, means in trend.by_question],
        ),
        Chart(
            [
                (question.label, means[-1], _said(means[-1]))
                for question, means in trend.by_question
                if means[-1]
            ],
            5.0,
        ),
        Heading("Per element van de basisdienstverlening"),
        Grid(("element", names[-1]), [(name, _said(mean)) for name, mean in trend.by_element]),
        Heading("Twee lezers"),
        Words(
            f"Van de zaken die twee collega's lazen, verschilt geen score meer dan 1 punt: {trend.agreement}."
        ),
        Heading("Knelpunten uit lage scores"),
        Grid(("knelpunt", "in hoeveel zaken"), trend.bottlenecks),
        *([] if trend.bottlenecks else [Words("Geen.")]),
    )


def _said(mean: float | None) -> str:
    return HIDDEN if mean is None else dutch_number(mean)


def trend_json(trend: QualityTrend) -> dict[str, object]:
    """Return the trend as JSON."""
    return {
        "gemeentecode": trend.municipality,
        "kwartalen": [period.name for period in trend.periods],
        "zaken": trend.reviewed,
        "vragen": [
            {
                "code": question.code,
                "vraag": question.text,
                "element": question.element,
                "scores": list(means),
            }
            for question, means in trend.by_question
        ],
        "elementen": [{"element": name, "score": mean} for name, mean in trend.by_element],
        "twee_lezers_eens": trend.agreement,
        "knelpunten": [{"knelpunt": name, "aantal": shown} for name, shown in trend.bottlenecks],
    }
