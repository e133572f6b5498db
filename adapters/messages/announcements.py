"""Tell a role something about the system itself, apart from any case: a dead letter, a stopped worker."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.messages.channels import ChannelError, send_over

if TYPE_CHECKING:
    from adapters.messages.recipients import Recipient
    from adapters.office import Office


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is told, to which role in which municipality; the id lets a receiver drop a repeat."""

    id: str
    role: str
    municipality: str
    title: str
    body: str


def announce(office: Office, announcement: Announcement) -> bool:
    """Tell everyone with the role, each over the first of his channels that takes it; give whether all heard it.

    While nobody has the role, it goes to the local file of messages.
    """
    holders = office.recipients.book().holders(announcement.role, announcement.municipality)
    if not holders:
        _to_file(office, announcement)
        return True
    return all([_told(holder, announcement) for holder in holders])  # noqa: C419


def _told(holder: Recipient, announcement: Announcement) -> bool:
    for address in holder.kanalen.values():
        try:
            send_over(address.get_secret_value(), announcement.title, announcement.body)
        except ChannelError:
            continue
        return True
    return False


def _to_file(office: Office, announcement: Announcement) -> None:
    line = {
        "op": office.clock.now().isoformat(timespec="seconds"),
        "id": announcement.id,
        "rol": announcement.role,
        "titel": announcement.title,
        "tekst": announcement.body,
    }
    with office.settings.messages_file.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
