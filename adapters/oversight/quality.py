"""The quality sample: each week some decided cases, chosen by a seed that anybody can use again."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_
from sqlmodel import col, select

from adapters.runtime.actor import ActorKind, acting
from adapters.storage.database import JournalRow, ProcessRow, reading, writing
from adapters.storage.oversight_tables import ReviewRow
from milestones.basic_service import ELEMENTS
from milestones.case import closed, exactly
from milestones.process import NotPossible
from milestones.quality_questions import FINDING, HIGHEST, LOWEST, QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.cases.casework import Casework
    from adapters.runtime.clock import Clock
    from milestones.policy import Rules
    from milestones.quality_questions import Question

# One in ten of the decisions of the week, at least three, at most twenty.
SHARE, FEWEST, MOST = 0.1, 3, 20
# A second reading stands in the sample beside the first, as the same process with this mark behind it.
SECOND_SHARE, SECOND = 0.2, "~2"
# A case is decided when one of these was announced.
DECISIONS = (
    "bekendgemaakt",
    "weigering_besloten",
    "buiten_behandeling_gesteld",
    "beeindigingsbeschikking_bekendgemaakt",
)


@dataclass(frozen=True, slots=True)
class Week:
    """A calendar week, Monday to Sunday."""

    monday: date

    @property
    def name(self) -> str:
        """The week as in "2026-W11"."""
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02}"

    @property
    def sunday(self) -> date:
        """The last day of the week."""
        return self.monday + timedelta(days=6)


def last_week(today: date) -> Week:
    """Return the last whole week before a day."""
    return Week(today - timedelta(days=today.weekday() + 7))


def choose(decided: Sequence[tuple[str, str]], municipality: str, week: str) -> list[tuple[str, str]]:
    """Choose from decided (case, process) pairs: the same week, municipality and pairs give the same sample."""
    size = min(len(decided), MOST, max(FEWEST, math.ceil(SHARE * len(decided))))
    dice = random.Random(f"{week}/{municipality}")  # noqa: S311 - it has to be reproducible, not secret
    return sorted(dice.sample(sorted(decided), size))


def widen(
    chosen: Sequence[tuple[str, str]], groups: Mapping[str, Sequence[tuple[str, str]]], seed: str
) -> list[tuple[str, str]]:
    """Return a sample in which each group has at least one of its own: each worker, and each element.

    It grows to at most twice the largest sample; the same groups and seed give the same sample.
    """
    found = list(chosen)
    dice = random.Random(seed)  # noqa: S311 - it has to be reproducible, not secret
    for name in sorted(groups):
        group = sorted(groups[name])
        if len(found) < 2 * MOST and group and not set(group) & set(found):
            found.append(dice.choice(group))
    return sorted(found)


def read_twice(reference: str, process: str) -> bool:
    """Tell whether a second colleague reads the same case: one in five, by its reference."""
    return random.Random(f"tweede/{reference}/{process}").random() < SECOND_SHARE  # noqa: S311


def is_second(review: ReviewRow) -> bool:
    """Whether this is the second reading of a case."""
    return review.process.endswith(SECOND)


def findings(scores: Mapping[str, int], questions: Sequence[Question]) -> tuple[str, ...]:
    """Return the knelpunten that follow from low scores, each once."""
    low = (item.bottleneck for item in questions if scores.get(item.code, HIGHEST) <= FINDING)
    return tuple(dict.fromkeys(item for item in low if item is not None))


def report_findings(casework: Casework, review: ReviewRow, questions: Sequence[Question]) -> list[str]:
    """Report what scored low as a knelpunt of the case, each once; give why where that cannot be.

    Where the process that was judged has ended, it is a knelpunt of the one that the case is in now. A case that ended
    keeps its findings in its scores alone.
    """
    judged = review.process.removesuffix(SECOND)
    found = findings(review.scores, questions)
    if not found:
        return []
    going_on = [
        process.name for process in casework.case(review.case_reference).case.processes if not closed(process)
    ]
    if not going_on:
        return [f"Zaak {review.case_reference} is beëindigd."]
    process, refused = judged if judged in going_on else going_on[-1], []
    for bottleneck in found:
        try:
            casework.report(
                review.case_reference,
                "knelpunt_gemeld",
                process=exactly(process),
                data={"knelpunt": bottleneck},
                event_id=f"toets/{review.id}/{bottleneck}",
            )
        except NotPossible as refusal:
            refused.append(str(refusal))
    return refused


class QualitySample:
    """Draw samples, and keep the scores.

    `rules_for` knows the questions of a municipality; without it the standard ones are asked.
    """

    def __init__(self, engine: Engine, clock: Clock, rules_for: Callable[[str], Rules] | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._rules_for = rules_for

    def questions(self, municipality: str) -> tuple[Question, ...]:
        """Return what is asked of a case of a municipality."""
        return QUESTIONS if self._rules_for is None else self._rules_for(municipality).policy.questions

    def draw(self, municipality: str, week: Week) -> list[ReviewRow]:
        """Draw the sample of a week, once; drawing it again gives what was drawn."""
        with writing(self._engine) as session:
            known = session.exec(
                select(ReviewRow).where(ReviewRow.municipality == municipality, ReviewRow.week == week.name)
            ).all()
            if known:
                return self._plain([row for row in known if not is_second(row)])
            rows = session.execute(
                select(col(JournalRow.case_reference), col(JournalRow.process), col(JournalRow.on))
                .join(
                    ProcessRow,
                    and_(
                        col(ProcessRow.case_reference) == col(JournalRow.case_reference),
                        col(ProcessRow.name) == col(JournalRow.process),
                    ),
                )
                .where(
                    col(JournalRow.municipality) == municipality,
                    col(JournalRow.event).in_(DECISIONS),
                    col(JournalRow.on).between(week.monday, week.sunday),
                )
            ).all()
            decided = {(reference, process): on for reference, process, on in rows}
            groups = _groups(session, municipality, decided)
            drawn_by_lot = choose(list(decided), municipality, week.name)
            for reference, process in widen(drawn_by_lot, groups, f"{week.name}/{municipality}"):
                session.add(
                    ReviewRow(
                        municipality=municipality,
                        week=week.name,
                        case_reference=reference,
                        process=process,
                        decided_on=decided[reference, process],
                    )
                )
            session.flush()
            drawn = session.exec(
                select(ReviewRow).where(ReviewRow.municipality == municipality, ReviewRow.week == week.name)
            ).all()
            return self._plain(drawn)

    def waiting(self, municipality: str) -> list[ReviewRow]:
        """Return what nobody has reviewed yet."""
        with reading(self._engine) as session:
            return self._plain(
                session.exec(
                    select(ReviewRow).where(
                        ReviewRow.municipality == municipality, col(ReviewRow.reviewed_on).is_(None)
                    )
                ).all()
            )

    def get(self, review_id: int) -> ReviewRow:
        """Return one of the sample; an unknown one is NotPossible."""
        with reading(self._engine) as session:
            row = session.get(ReviewRow, review_id)
            if row is None:
                raise NotPossible("Deze toets bestaat niet (meer).")
            return self._plain([row])[0]

    def linked(self, review_id: int, flow_run_id: str) -> None:
        """Remember which flow run asks the questions."""
        with writing(self._engine) as session:
            row = session.get_one(ReviewRow, review_id)
            row.flow_run_id = flow_run_id
            row.runs_made += 1
            session.add(row)

    def record(self, review_id: int, scores: Mapping[str, int]) -> None:
        """Keep the scores of a review, in the name of who acts.

        The same scores again change nothing. Other ones are NotPossible, and so is a second reading by who read the
        case first, or by nobody known where the first is known.
        """
        reader = _reader()
        with writing(self._engine) as session:
            row = session.get_one(ReviewRow, review_id)
            if row.reviewed_on is not None and row.scores == dict(scores):
                return
            asked = {question.code for question in self.questions(row.municipality)}
            if set(scores) != asked or not all(LOWEST <= score <= HIGHEST for score in scores.values()):
                raise NotPossible(f"Geef op elke vraag een score van {LOWEST} tot en met {HIGHEST}.")
            if row.reviewed_on is not None:
                raise NotPossible("Deze zaak is al getoetst.")
            if is_second(row):
                _refuse_same_reader(session, row, reader)
            elif read_twice(row.case_reference, row.process):
                session.add(
                    ReviewRow(
                        municipality=row.municipality,
                        week=row.week,
                        case_reference=row.case_reference,
                        process=f"{row.process}{SECOND}",
                        decided_on=row.decided_on,
                    )
                )
            row.scores = dict(scores)
            row.reviewed_on, row.reviewed_by = self._clock.today(), reader
            session.add(row)

    @staticmethod
    def _plain(rows: Sequence[ReviewRow]) -> list[ReviewRow]:
        return [ReviewRow(**row.model_dump()) for row in rows]


def _reader() -> str | None:
    """Return the code of who acts, if it is a person: the user of a machine may be anybody."""
    actor = acting()
    return actor.code if actor.kind is ActorKind.PERSON else None


def _refuse_same_reader(session: Session, second: ReviewRow, reader: str | None) -> None:
    first = session.exec(
        select(ReviewRow.reviewed_by).where(
            ReviewRow.municipality == second.municipality,
            ReviewRow.week == second.week,
            ReviewRow.case_reference == second.case_reference,
            ReviewRow.process == second.process.removesuffix(SECOND),
        )
    ).first()
    if first is not None and reader == first:
        raise NotPossible("U las deze zaak al. Laat een collega de tweede keer lezen.")
    if first is not None and reader is None:
        raise NotPossible("Een bekende collega leest deze zaak de tweede keer. Log in onder uw eigen code.")


def _groups(
    session: Session, municipality: str, decided: Iterable[tuple[str, str]]
) -> dict[str, list[tuple[str, str]]]:
    """Return the decided cases by who holds them, and by the element of which their journal has a step."""
    wanted = set(decided)
    references = sorted({reference for reference, _ in wanted})
    elements = {(process, event): element.code for element in ELEMENTS for process, event in element.steps}
    groups: dict[str, set[tuple[str, str]]] = {}
    holders = session.execute(
        select(col(ProcessRow.case_reference), col(ProcessRow.name), col(ProcessRow.facts)).where(
            col(ProcessRow.municipality) == municipality, col(ProcessRow.case_reference).in_(references)
        )
    )
    for reference, name, facts in holders:
        if (reference, name) in wanted and (holder := facts.get("houder")):
            groups.setdefault(f"medewerker {holder}", set()).add((reference, name))
    steps = session.execute(
        select(col(JournalRow.case_reference), col(JournalRow.process), col(JournalRow.event))
        .where(
            col(JournalRow.case_reference).in_(references),
            col(JournalRow.event).in_(sorted({event for _, event in elements})),
        )
        .distinct()
    )
    for reference, process, event in steps:
        code = elements.get((process.split("#")[0], event))
        for pair in wanted if code is not None else ():
            if pair[0] == reference:
                groups.setdefault(f"element {code}", set()).add(pair)
    return {name: sorted(pairs) for name, pairs in groups.items()}
