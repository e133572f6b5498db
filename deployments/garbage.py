"""Python's cyclic garbage collector, set for processes that live long and hold much."""

from __future__ import annotations

import gc

NEW_OBJECTS = 50_000  # before the young ones are looked at; Python's own number is 700


def collect_less() -> None:
    """Leave what was imported so far alone, and look at the rest far less often.

    Prefect's server knows hundreds of thousands of objects that never go, and makes thousands for one request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
