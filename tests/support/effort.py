"""How much work something is, whatever the speed of the machine."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MORE, _CLOCK_STEP = 8, 0.01


def calls_in(work: Callable[[], object]) -> int:
    """Count the calls of functions in Python while this work is done."""
    counted = 0

    def heard(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event == "call"

    before = sys.getprofile()
    sys.setprofile(heard)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def grows_in_step(work: Callable[[int], object], size: int) -> bool:
    """Whether this size takes about eight times the CPU of an eighth of it, and not the square of that."""

    def taken(much: int) -> float:
        began = time.process_time()
        work(much)
        return max(time.process_time() - began, _CLOCK_STEP)

    return taken(size) < taken(size // _MORE) * _MORE * _MORE / 2
