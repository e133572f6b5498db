"""What this process counts, for Prometheus. No label names a case, a person or a text that somebody sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import event as sqlalchemy_event
from sqlmodel import Session

from milestones.steering import REPORTABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from milestones.case import Step

REGISTRY = CollectorRegistry()
UNKNOWN = "onbekend"
OPENED = "geopend"
_TO_TELL = "routekaart.to_tell"  # what a session tells once its work is safe
_NAMES = REPORTABLE | {OPENED}
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)

ACCEPTED = Counter(
    "routekaart_events_accepted",
    "Gebeurtenissen die dit proces vastlegde; een termijn die afgaat is er ook een.",
    ["gebeurtenis"],
    registry=REGISTRY,
)
REFUSED = Counter(
    "routekaart_events_refused",
    "Gebeurtenissen die dit proces weigerde; er is dan niets vastgelegd.",
    ["gebeurtenis"],
    registry=REGISTRY,
)
WAKE_UPS = Counter(
    "routekaart_wake_ups",
    "Wake-ups van flow runs door deze worker, naar hoe ze eindigden.",
    ["result"],
    registry=REGISTRY,
)
WAKE_UP_SECONDS = Histogram(
    "routekaart_wake_up_seconds",
    "Hoe lang een flow run draaide, van begin tot weer geparkeerd.",
    registry=REGISTRY,
    buckets=_SECONDS,
)
SHOWN_AFTER_SECONDS = Histogram(
    "routekaart_shown_after_seconds",
    "Van het vastleggen van een gebeurtenis tot de flow run haar toont.",
    registry=REGISTRY,
    buckets=_SECONDS,
)
SOURCE_FAILURES = Counter(
    "routekaart_worker_failures",
    "Keren dat een bron van werk van deze worker faalde.",
    ["source"],
    registry=REGISTRY,
)
IN_HAND = Gauge("routekaart_worker_runs_in_hand", "Flow runs die deze worker nu heeft.", registry=REGISTRY)
LAST_ROUND = Gauge(
    "routekaart_worker_last_round_timestamp_seconds",
    "Wanneer deze worker voor het laatst om werk vroeg.",
    registry=REGISTRY,
)

log = structlog.get_logger("routekaart.casework")


def tell_when_committed(
    session: Session, reference: str, steps: Sequence[Step], event_id: str | None
) -> None:
    """Log and count an input once it is safe; a transaction that fails tells nothing."""
    first = steps[0]

    def told() -> None:
        ACCEPTED.labels(first.event if first.event in _NAMES else UNKNOWN).inc()
        log.info(
            "event_accepted",
            case=reference,
            process=first.process,
            reported=first.event,
            term=first.term,
            state=first.after,
            event_id=event_id,
        )

    session.info.setdefault(_TO_TELL, []).append(told)


@sqlalchemy_event.listens_for(Session, "after_commit")
def _tell(session: Session) -> None:
    for told in session.info.pop(_TO_TELL, ()):
        told()


@sqlalchemy_event.listens_for(Session, "after_rollback")
def _tell_nothing(session: Session) -> None:
    session.info.pop(_TO_TELL, None)


def tell_refused(reported: str, reference: str | None = None) -> None:
    """Log and count an input that was refused.

    A name that is not ours is not repeated, and `reference` is only that of a case that exists: a caller may have
    sent anything.
    """
    known = reported if reported in _NAMES else UNKNOWN
    REFUSED.labels(known).inc()
    log.info("event_refused", case=reference, reported=known)
