"""The quality sample: each week some decided cases, chosen by a seed that anybody can use again."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_
from sqlmodel import col, select

from adapters.oversight.quality_questions import HIGHEST, LOWEST, QUESTIONS
from adapters.storage.database import JournalRow, ProcessRow, reading, writing
from adapters.storage.oversight_tables import ReviewRow
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine

    from adapters.runtime.clock import Clock

# One in ten of the decisions of the week, at least three, at most twenty.
SHARE, FEWEST, MOST = 0.1, 3, 20
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


class QualitySample:
    """Draw samples, and keep the scores."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def draw(self, municipality: str, week: Week) -> list[ReviewRow]:
        """Draw the sample of a week, once; drawing it again gives what was drawn."""
        with writing(self._engine) as session:
            known = session.exec(
                select(ReviewRow).where(ReviewRow.municipality == municipality, ReviewRow.week == week.name)
            ).all()
            if known:
                return self._plain(known)
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
            for reference, process in choose(list(decided), municipality, week.name):
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
        """Keep the scores of a review; the same scores again change nothing, other ones are NotPossible."""
        asked = {question.code for question in QUESTIONS}
        if set(scores) != asked or not all(LOWEST <= score <= HIGHEST for score in scores.values()):
            raise NotPossible(f"Geef op elke vraag een score van {LOWEST} tot en met {HIGHEST}.")
        with writing(self._engine) as session:
            row = session.get_one(ReviewRow, review_id)
            if row.reviewed_on is not None:
                if row.scores != dict(scores):
                    raise NotPossible("Deze zaak is al getoetst.")
                return
            row.scores = dict(scores)
            row.reviewed_on = self._clock.today()
            session.add(row)

    @staticmethod
    def _plain(rows: Sequence[ReviewRow]) -> list[ReviewRow]:
        return [ReviewRow(**row.model_dump()) for row in rows]
