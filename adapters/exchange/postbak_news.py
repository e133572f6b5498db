"""Tell the coordinator that a ruling of the court waits in the postbak: its days run whether somebody looks or not."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import or_
from sqlmodel import col, select

from adapters.exchange.event_mapping import read_rules
from adapters.messages.announcements import Announcement, announce
from adapters.runtime.clock import AMSTERDAM
from adapters.storage.database import writing
from adapters.storage.exchange_tables import PostbakRow

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlmodel import Session

    from adapters.messages.message_office import MessageOffice

_COURT = "nl.rechtspraak."
_ONE = "Er ligt een uitspraak van de rechtbank in de postbak. Wij weten niet bij welke zaak zij hoort."
_MORE = (
    "Er liggen {number} uitspraken van de rechtbank in de postbak. Wij weten niet bij welke zaak zij horen."
)
_WHAT_TO_DO = "Koppel haar vandaag aan een zaak: na een uitspraak lopen termijnen."


@cache
def _events_of_the_court() -> frozenset[str]:
    rules = read_rules(None).bericht
    return frozenset(rule.gebeurtenis for rule in rules if rule.gebeurtenis and rule.type.startswith(_COURT))


def is_ruling(row: PostbakRow) -> bool:
    """Whether a message is a ruling: by who sent it, or by what it stands for."""
    return _is_ruling(row.kind, row.event)


def _is_ruling(kind: str, event: str | None) -> bool:
    return kind.startswith(_COURT) or event in _events_of_the_court()


_WAITING = select(PostbakRow.municipality, PostbakRow.kind, PostbakRow.event).where(
    col(PostbakRow.closed_at).is_(None)
)


def count_waiting(session: Session, sees: Callable[[str | None], bool]) -> tuple[int, int]:
    """Return how many messages wait in the postbak for who sees those of a municipality, and how many are rulings."""
    rulings = [_is_ruling(kind, event) for place, kind, event in session.execute(_WAITING) if sees(place)]
    return len(rulings), sum(rulings)


def tell_of_rulings(office: MessageOffice) -> int:
    """Tell the coordinator of each gemeente of rulings that wait, at once and then once a day; give how many wait.

    What nobody could be told is told again in the next round.
    """
    now = office.clock.now()
    midnight = now.astimezone(AMSTERDAM).replace(hour=0, minute=0, second=0, microsecond=0)
    told_at = col(PostbakRow.told_at)
    query = (
        select(PostbakRow)
        .where(
            col(PostbakRow.closed_at).is_(None),
            or_(told_at.is_(None), told_at < midnight),
            or_(col(PostbakRow.kind).startswith(_COURT), col(PostbakRow.event).in_(_events_of_the_court())),
        )
        .order_by(col(PostbakRow.id))
        .with_for_update(skip_locked=True)
    )
    found: dict[str, list[int]] = {}
    with writing(office.engine) as session:
        for row in session.exec(query):
            found.setdefault(row.municipality or office.settings.municipality, []).append(row.id or 0)
            row.told_at = now
            session.add(row)
    for municipality, numbers in found.items():
        if not _told(office, municipality, numbers, now):
            _forget(office, numbers)
    return sum(map(len, found.values()))


def _told(office: MessageOffice, municipality: str, numbers: list[int], now: datetime) -> bool:
    said = _ONE if len(numbers) == 1 else _MORE.format(number=len(numbers))
    return announce(
        office,
        Announcement(
            id=f"postbak-{municipality}-{numbers[-1]}-{now.date().isoformat()}",
            role="coordinator",
            municipality=municipality,
            title="Uitspraak van de rechtbank in de postbak",
            body=f"{said}\n{_WHAT_TO_DO}",
            page="/postbak",
        ),
    )


def _forget(office: MessageOffice, numbers: list[int]) -> None:
    with writing(office.engine) as session:
        for row in session.exec(select(PostbakRow).where(col(PostbakRow.id).in_(numbers))):
            row.told_at = None
            session.add(row)
