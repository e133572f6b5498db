"""What is wrong with the files behind messages: recipients, texts, and secrets. For `controleer` and at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from adapters.messages.channels import is_usable, revealing_word
from adapters.messages.message_writing import RESIDENT
from adapters.messages.recipients import EVERY_MUNICIPALITY
from adapters.messages.secrets_in_text import MissingSecretError, fill_in, has_block
from adapters.storage.database import ProcessRow, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.messages.message_office import MessageOffice
    from adapters.messages.recipients import Book


def message_problems(office: MessageOffice) -> Iterator[str]:
    """Yield a Dutch line for each thing that is wrong; what is right keeps working."""
    for problem in office.recipients.problems():
        yield str(problem)
    for problem in office.texts.problems():
        yield str(problem)
    book = office.recipients.book()
    yield from _forgotten_municipalities(office, book)
    yield from _missing_blocks(book)
    yield from _revealing_senders(book)


def _forgotten_municipalities(office: MessageOffice, book: Book) -> Iterator[str]:
    """Name the municipalities that have open cases and stand nowhere in the file."""
    if not book.roles or EVERY_MUNICIPALITY in book.roles:
        return
    with reading(office.engine) as session:
        found = session.exec(
            select(ProcessRow.municipality).where(~col(ProcessRow.finished)).distinct()
        ).all()
    for municipality in sorted(set(found) - book.roles.keys()):
        yield (
            f"Gemeente {municipality} heeft open zaken en staat niet in het bestand met ontvangers: over die zaken "
            "krijgt niemand een bericht."
        )


def _missing_blocks(book: Book) -> Iterator[str]:
    for recipient in (*book.people.values(), *book.teams.values()):
        for name, address in recipient.kanalen.items():
            if not has_block(address.get_secret_value()):
                continue
            try:
                usable = is_usable(fill_in(address.get_secret_value()))
            except MissingSecretError as error:
                yield f"Kanaal '{name}' van '{recipient.code}' kan nu niet worden gebruikt: {error}."
            else:
                if not usable:
                    yield f"Kanaal '{name}' van '{recipient.code}': in het Secret block staat geen Apprise-adres."


def _revealing_senders(book: Book) -> Iterator[str]:
    for municipality in book.roles:
        for recipient in book.holders(RESIDENT, municipality):
            for name, address in recipient.kanalen.items():
                try:
                    filled = fill_in(address.get_secret_value())
                except MissingSecretError:
                    continue  # named above
                if word := revealing_word(filled):
                    yield (
                        f"Kanaal '{name}' van '{recipient.code}' stuurt naar inwoners, en de afzender toont het woord "
                        f"'{word}'. Dit kanaal wordt voor inwoners niet gebruikt."
                    )
