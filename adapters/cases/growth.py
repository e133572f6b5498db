"""How the scores of the meetinstrument grew: every measurement of the journal, theme by theme.

A score says something about a person: it is shown to who may see the case, never in Prefect or in a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from milestones.event_fields import THEMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from adapters.storage.database import JournalRow


@dataclass(frozen=True, slots=True)
class Growth:
    """The scores of one theme, the oldest first; there is at least one."""

    theme: str
    scores: tuple[tuple[date, int], ...]

    @property
    def difference(self) -> int:
        """By how much the latest score is higher than the first."""
        return self.scores[-1][1] - self.scores[0][1]


def growth_of(journal: Sequence[JournalRow]) -> tuple[Growth, ...]:
    """Return the growth of each theme over intake and evaluations; nothing where nobody measured."""
    measured = sorted(
        (row for row in journal if not row.derived and all(theme in row.data for theme in THEMES)),
        key=lambda row: row.on,
    )
    if not measured:
        return ()
    return tuple(Growth(theme, tuple((row.on, row.data[theme]) for row in measured)) for theme in THEMES)


def growth_rows(journal: Sequence[JournalRow]) -> Iterator[dict[str, Any]]:
    """Yield the growth as JSON: each theme with every score and its day, and the difference."""
    for item in growth_of(journal):
        yield {
            "thema": item.theme,
            "scores": [{"op": day.isoformat(), "score": score} for day, score in item.scores],
            "groei": item.difference,
        }
