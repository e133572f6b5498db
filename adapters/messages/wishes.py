"""How somebody wants each kind of message, as he said on his page; it goes before what the file says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import delete
from sqlmodel import col, select

from adapters.messages.message_kinds import CANNOT_BE_SWITCHED_OFF, CRISIS, MESSAGE_KINDS
from adapters.messages.recipients import Wish
from adapters.storage.database import writing
from adapters.storage.page_tables import WishRow
from milestones.process import InvalidData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.messages.recipients import Book

CHOOSABLE = tuple(kind for kind in (*MESSAGE_KINDS, CRISIS) if kind not in CANNOT_BE_SWITCHED_OFF)


def keep_wishes(engine: Engine, recipient: str, wishes: Mapping[str, str]) -> None:
    """Keep what somebody wants of each kind; a kind or wish that does not exist is InvalidData, nothing is written."""
    for kind, wish in wishes.items():
        if kind not in CHOOSABLE or wish not in set(Wish):
            raise InvalidData("Kies bij elk soort bericht: meteen, in de lijst van de dag, of niet.")
    with writing(engine) as session:
        session.execute(delete(WishRow).where(col(WishRow.recipient) == recipient))
        session.add_all(WishRow(recipient=recipient, kind=kind, wish=wish) for kind, wish in wishes.items())


def with_wishes(session: Session, book: Book) -> Book:
    """Return the recipients with what they said on their page."""
    said: dict[str, dict[str, Wish]] = {}
    for row in session.exec(select(WishRow)):
        said.setdefault(row.recipient, {})[row.kind] = Wish(row.wish)
    people = {
        code: person.model_copy(update={"voorkeur": {**person.voorkeur, **said[code]}})
        if code in said
        else person
        for code, person in book.people.items()
    }
    return replace(book, people=people) if said else book
