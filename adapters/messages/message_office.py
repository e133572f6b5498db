"""What messages need, put together: who receives, the texts, the links, the deliveries."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from adapters.cases.case_office import CaseOffice
from adapters.messages.absences import away_today, who_is_away
from adapters.messages.deliveries import Deliveries
from adapters.messages.delivery_planning import DeliveryPlanner
from adapters.messages.handoff_links import HandoffLinks
from adapters.messages.message_writing import MessageWriter
from adapters.messages.page_keys import PageKeys
from adapters.messages.page_links import PageLinks
from adapters.messages.recipients_file import RecipientsFile
from adapters.messages.texts import Texts
from adapters.storage.database import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from sqlmodel import Session

    from adapters.cases.caseload import Away, AwayToday


class MessageOffice(CaseOffice):
    """The part of the office that knows cases and messages."""

    @cached_property
    def recipients(self) -> RecipientsFile:
        """Who receives messages."""
        return RecipientsFile(self.settings.recipients_file)

    def known_workers(self) -> Collection[str]:
        """Return the codes of medewerkers that the file of staff or of recipients names."""
        return {*super().known_workers(), *self.recipients.book().people}

    def away(self, municipality: str, day: date) -> Mapping[str, Away]:
        """Return who is away on a day, and who stands in."""
        with reading(self.engine) as session:
            return who_is_away(session, self.recipients.book(), municipality, day)

    def away_today(self, session: Session) -> AwayToday:
        """Return who is away today in every municipality, and who stands in."""
        return away_today(session, self.recipients.book(), self.clock.today())

    @cached_property
    def texts(self) -> Texts:
        """The texts of messages."""
        return Texts(self.settings.texts_folder)

    @cached_property
    def handoff_links(self) -> HandoffLinks:
        """The links with which a hand-off is accepted or returned."""
        return HandoffLinks(
            self.engine,
            self.clock,
            self.casework,
            self.recipients,
            self.settings.link_secret(),
            self.settings.public_api,
        )

    @cached_property
    def page_keys(self) -> PageKeys:
        """The addresses that show something without a login."""
        return PageKeys(self.engine, self.clock)

    @cached_property
    def page_links(self) -> PageLinks:
        """The addresses of pages in messages."""
        return PageLinks(self.settings.link_secret(), self.settings.public_api)

    @cached_property
    def deliveries(self) -> Deliveries:
        """The deliveries of messages."""
        return Deliveries(
            self.engine,
            self.clock,
            self.recipients,
            DeliveryPlanner(self.engine, self.clock, self.recipients, self.rules_for),
            MessageWriter(self.texts, self.rules_for, self.page_links, self.clock),
            self.handoff_links,
            self.settings.messages_file,
            self.rules_for,
            self.leases.deliveries,
        )
