"""What the flow runs show now, and which of them time itself has made out of date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import update
from sqlmodel import col, select

from adapters.storage.database import ProcessRow, TimerRow, reading, writing
from adapters.storage.oversight_tables import ShownRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from sqlalchemy import Engine
    from sqlmodel import Session

_BATCH = 500
_CONTACT = "contact:"


@dataclass(frozen=True, slots=True)
class Dated:
    """An open process as its flow run shows it, with the dates that its tags hang on."""

    process_id: int
    reference: str
    name: str
    municipality: str
    flow_run_id: str
    contact: str | None
    tags: frozenset[str]
    dues: tuple[tuple[str, date], ...]


@dataclass(frozen=True, slots=True)
class ShownPage:
    """The page of its case that a process wrote last: a hash of what it says, and its id while it is the newest."""

    mark: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Shows:
    """What a flow run shows: its tags, and its page; without a page the known page stays."""

    tags: Sequence[str]
    page: ShownPage | None = None


def remember(session: Session, process_id: int, shows: Shows) -> None:
    """Remember what a run shows now, in a transaction of the caller."""
    row = session.get(ShownRow, process_id) or ShownRow(process_id=process_id)
    row.tags = sorted(shows.tags)
    if shows.page is not None:
        row.page, row.page_id = shows.page.mark, shows.page.id
    session.add(row)


class ShownRuns:
    """Remember what runs show."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def pages_of(self, process_ids: Sequence[int]) -> dict[int, ShownPage]:
        """Return the case page that each process wrote last; an empty one when it wrote none."""
        with reading(self._engine) as session:
            query = select(ShownRow.process_id, ShownRow.page, ShownRow.page_id).where(
                col(ShownRow.process_id).in_(process_ids)
            )
            found = {
                process_id: ShownPage(mark, page_id) for process_id, mark, page_id in session.exec(query)
            }
        return dict.fromkeys(process_ids, ShownPage()) | found

    def remember(self, process_id: int, shows: Shows) -> None:
        """Remember what a run shows now."""
        with writing(self._engine) as session:
            remember(session, process_id, shows)

    def no_longer_newest(self, process_ids: Sequence[int]) -> None:
        """Remember that what these processes wrote is not the newest page of their case any more."""
        with writing(self._engine) as session:
            session.execute(
                update(ShownRow).where(col(ShownRow.process_id).in_(process_ids)).values(page_id="")
            )

    def dated(self) -> Iterator[Dated]:
        """Yield every open process that has a run, with the ends of its running terms, batch by batch."""
        last = 0
        while True:
            with reading(self._engine) as session:
                rows = session.exec(
                    select(ProcessRow, ShownRow.tags)
                    .join(ShownRow, col(ShownRow.process_id) == col(ProcessRow.id))
                    .where(
                        col(ProcessRow.id) > last,
                        col(ProcessRow.closed).is_(False),
                        # One that asks for attention is shown anew anyway.
                        col(ProcessRow.attention).is_(False),
                        col(ProcessRow.flow_run_id).is_not(None),
                    )
                    .order_by(col(ProcessRow.id))
                    .limit(_BATCH)
                ).all()
                ids = [row.id or 0 for row, _ in rows]
                dues: dict[int, list[tuple[str, date]]] = {}
                running = select(col(TimerRow.process_id), col(TimerRow.term), col(TimerRow.due)).where(
                    col(TimerRow.process_id).in_(ids),
                    col(TimerRow.stopped).is_(None),
                    col(TimerRow.due).is_not(None),
                )
                for process_id, term, due in session.exec(running):
                    if due is not None:
                        dues.setdefault(process_id, []).append((term, due))
            if not rows:
                return
            for row, tags in rows:
                last = row.id or 0
                contact = next((tag[len(_CONTACT) :] for tag in tags if tag.startswith(_CONTACT)), None)
                yield Dated(
                    last, row.case_reference, row.name, row.municipality, row.flow_run_id or "",
                    contact, frozenset(tags), tuple(dues.get(last, ())),
                )  # fmt: skip
