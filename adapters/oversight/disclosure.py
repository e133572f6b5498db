"""Small numbers point at people. What is under the threshold is not shown, nor what would give it away."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

LEAST = 10
HIDDEN = f"minder dan {LEAST}"


def shown_counts(counts: Mapping[str, int], least: int = LEAST) -> dict[str, int | None]:
    """Return counts that may be shown together with their total; None is a cell that is not shown.

    A single hidden cell would follow from the total, and so would several that are together very small, or as large
    as small cells can be. So cells are hidden, the smallest first, until nobody can work them out.
    """
    hidden = {name for name, count in counts.items() if count < least}
    if hidden:
        for name in sorted(counts, key=lambda name: (counts[name], name)):
            if not _follow_from_their_sum([counts[one] for one in hidden], least):
                break
            hidden.add(name)
    return {name: None if name in hidden else count for name, count in counts.items()}


def _follow_from_their_sum(hidden: Collection[int], least: int) -> bool:
    """Tell whether who knows their sum, and takes them all for small, could work them out."""
    together = sum(hidden)
    return len(hidden) == 1 or together < least or together in _made_in_one_way(len(hidden), least)


def _made_in_one_way(cells: int, least: int) -> tuple[int, int]:
    """Return the sums that so many small cells can make in one way only: all as small, or all as large as can be."""
    return cells, (least - 1) * cells


def total_may_be_shown(counts: Mapping[str, int], least: int = LEAST) -> bool:
    """Tell whether the total may stand beside the cells of `shown_counts`.

    Where some cells are shown, they hide enough of the others. Where none is, the total could give all of them.
    """
    total = sum(counts.values())
    if any(count is not None for count in shown_counts(counts, least).values()):
        return True
    return total >= least and total not in _made_in_one_way(len(counts), least)


def shown_share(part: int, whole: int, least: int = LEAST) -> tuple[float | None, str]:
    """Return a share as a number and as people read it; None where it may not be shown exactly.

    A share of a known whole gives both its parts away. Where one of them is under the threshold, a bound is
    shown that says no more than that.
    """
    if whole < least:
        return None, HIDDEN
    bound = least / whole
    if whole - part < least and part < least:
        return None, "te weinig om te tonen"
    if whole - part < least:
        return None, f"meer dan {math.floor(100 * (1 - bound))}%"
    if part < least:
        return None, f"minder dan {math.ceil(100 * bound)}%"
    return part / whole, f"{100 * part / whole:.0f}%"
