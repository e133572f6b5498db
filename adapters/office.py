"""All parts of one process put together: settings, database, clock, casework, messages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from adapters.cases.attention import Attention
from adapters.cases.casework import Casework
from adapters.messages.absences import who_is_away
from adapters.messages.deliveries import Deliveries
from adapters.messages.delivery_planning import DeliveryPlanner
from adapters.messages.handoff_links import HandoffLinks
from adapters.messages.message_writing import MessageWriter
from adapters.messages.recipients_file import RecipientsFile
from adapters.messages.texts import Texts
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import AcceleratedClock, Clock, SystemClock
from adapters.runtime.policies import DEFAULT, policy_files, policy_from, read_policy
from adapters.runtime.settings import Settings, settings
from adapters.storage.database import PolicyRow, SettingRow, create_engine, migrate, reading, writing
from adapters.storage.keys import check_keys
from milestones.policy import PolicyError, Rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

    from adapters.messages.absences import Away

_CLOCK = "klok"


@dataclass
class Office:
    """What a worker, the API or a command needs to work on cases."""

    settings: Settings
    engine: Engine
    clock: Clock

    @cached_property
    def casework(self) -> Casework:
        """The service that changes cases."""
        self._keep_policies()  # before any transaction can name one
        return Casework(self.engine, self.clock, self.rules_for)

    @cached_property
    def attention(self) -> Attention:
        """Which processes need their flow run woken."""
        return Attention(self.engine, lease=timedelta(seconds=self.settings.lease_seconds))

    @cached_property
    def recipients(self) -> RecipientsFile:
        """Who receives messages."""
        return RecipientsFile(self.settings.recipients_file)

    def away(self, municipality: str, day: date) -> Mapping[str, Away]:
        """Give who is away on a day, and who stands in."""
        with reading(self.engine) as session:
            return who_is_away(session, self.recipients.book(), municipality, day)

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
    def deliveries(self) -> Deliveries:
        """The deliveries of messages."""
        return Deliveries(
            self.engine,
            self.clock,
            self.recipients,
            DeliveryPlanner(self.engine, self.clock, self.recipients, self.rules_for),
            MessageWriter(self.texts, self.rules_for, self.settings.prefect_ui, self.clock),
            self.handoff_links,
            self.settings.messages_file,
            self.rules_for,
        )

    @cached_property
    def _rules(self) -> dict[str, Rules]:
        return {}

    def rules_for(self, municipality: str) -> Rules:
        """Give the calendar and the policy of a municipality; a policy file that is wrong is a PolicyError."""
        if municipality not in self._rules:
            policy, _ = read_policy(self.settings.policy_folder, municipality)
            self._rules[municipality] = Rules(dutch_calendar(), policy)
        return self._rules[municipality]

    def rules_named(self, policy: str) -> Rules:
        """Give the rules that a journal row names; a name that nobody kept is a LookupError."""
        if policy == DEFAULT.name:
            return Rules(dutch_calendar(), DEFAULT)
        with reading(self.engine) as session:
            row = session.get(PolicyRow, policy)
        if row is None:
            raise LookupError(f"Het beleid '{policy}' staat niet in de database.")
        return Rules(dutch_calendar(), policy_from(policy, row.choices, kept=True))

    def _keep_policies(self) -> None:
        """Keep every policy that can be used; a changed file counts from the next start."""
        for municipality in policy_files(self.settings.policy_folder):
            try:
                policy, choices = read_policy(self.settings.policy_folder, municipality)
            except PolicyError:
                continue  # its own municipality is told when it is used, and `controleer` names it
            self._rules[municipality] = Rules(dutch_calendar(), policy)
            with writing(self.engine) as session:
                session.merge(PolicyRow(name=policy.name, choices=dict(choices)))


def open_office(
    given: Settings | None = None, clock: Clock | None = None, *, any_keys: bool = False
) -> Office:
    """Open the case database of these settings, brought to the newest schema, and give the office.

    Keys that do not belong to the database are a SettingsError, unless `any_keys`.
    """
    chosen = given or settings()
    if chosen.database_url is None:
        chosen.ensure_home()
    engine = create_engine(chosen.database, chosen.database_wait_seconds, chosen.database_schema)
    migrate(engine, chosen.database_schema)
    if not any_keys:
        check_keys(engine, chosen)
    return Office(chosen, engine, clock or _clock_of(engine))


@cache
def office() -> Office:
    """Give the one office of this process."""
    return open_office()


def _clock_of(engine: Engine) -> Clock:
    """Give the clock of this database: that of the machine, unless a demo set another."""
    return SystemClock() if _read_clock(engine) is None else DemoClock(engine)


class DemoClock:
    """The clock that a demo set in its database; looked up again now and then, since the demo may change it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read_at = 0.0
        self._clock: Clock = SystemClock()

    def now(self) -> datetime:
        """Give the demo's moment."""
        if time.monotonic() - self._read_at > 1:
            self._clock = _read_clock(self._engine) or SystemClock()
            self._read_at = time.monotonic()
        return self._clock.now()

    def today(self) -> date:
        """Give the demo's date."""
        return self.now().date()


def _read_clock(engine: Engine) -> AcceleratedClock | None:
    with reading(engine) as session:
        row = session.get(SettingRow, _CLOCK)
    if row is None:
        return None
    value: dict[str, Any] = row.value
    return AcceleratedClock(
        datetime.fromisoformat(value["start"]), datetime.fromisoformat(value["began"]), float(value["speed"])
    )


def set_clock(engine: Engine, clock: AcceleratedClock) -> None:
    """Give this database an accelerated clock."""
    value = {"start": clock.start.isoformat(), "began": clock.began.isoformat(), "speed": clock.speed}
    with writing(engine) as session:
        session.merge(SettingRow(name=_CLOCK, value=value))
