"""Tell a role something about the system itself, apart from any case: a dead letter, a stopped worker."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.messages.absences import book_of_the_day
from adapters.messages.addressing import addressees
from adapters.messages.channels import ChannelError, send_over
from adapters.messages.letters import Written
from adapters.runtime.files import append_line
from adapters.storage.database import reading

if TYPE_CHECKING:
    from adapters.messages.message_office import MessageOffice
    from adapters.messages.recipients import Recipient


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is told, to which role in which municipality; the id lets a receiver drop a repeat.

    `page` is the path of the page of ours where one acts on it.
    """

    id: str
    role: str
    municipality: str
    title: str
    body: str
    page: str = ""


def announce(office: MessageOffice, announcement: Announcement) -> bool:
    """Tell everyone with the role who is there, each over the first channel that takes it; give whether all heard it.

    While nobody can be told, it goes to the local file of messages.
    """
    today = office.clock.today()
    with reading(office.engine) as session:
        book = book_of_the_day(session, office.recipients.book(), announcement.municipality, today)
    found = addressees(book, announcement.role, announcement.municipality, today)
    if not found:
        return _to_file(office, announcement)
    return all([_told(office, item.recipient, announcement) for item in found])  # noqa: C419


def _told(office: MessageOffice, holder: Recipient, announcement: Announcement) -> bool:
    body = announcement.body
    if announcement.page:
        body += f"\n{office.page_links.page(announcement.page, holder.code)}"
    message = Written(announcement.id, announcement.title, body, municipality=announcement.municipality)
    for address in holder.kanalen.values():
        try:
            send_over(address.get_secret_value(), message)
        except ChannelError:
            continue
        return True
    return False


def _to_file(office: MessageOffice, announcement: Announcement) -> bool:
    line = {
        "op": office.clock.now().isoformat(timespec="seconds"),
        "id": announcement.id,
        "rol": announcement.role,
        "titel": announcement.title,
        "tekst": announcement.body,
    }
    try:
        office.settings.ensure_home()
        append_line(office.settings.messages_file, json.dumps(line, ensure_ascii=False))
    except OSError:
        return False
    return True
