"""What work on cases needs, put together: settings, database, clock, rules, casework."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.cases.attention import Attention
from adapters.cases.casework import AfterSteps, Casework, nothing_more
from adapters.cases.clock_guard import ClockGuard
from adapters.cases.current_rules import CurrentRules
from adapters.cases.follow_ups import FollowUps
from adapters.cases.looks import Looks
from adapters.cases.person_code import is_worker
from adapters.cases.policy_book import PolicyBook
from adapters.runtime.actor import ActorKind
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.clock import SystemClock
from adapters.runtime.policies import DEFAULT, policy_files, policy_from, read_policy
from adapters.runtime.staff import StaffFile
from adapters.storage.database import PolicyRow, reading, writing
from adapters.storage.leases import AllLeases, all_leases
from milestones.policy import Rules
from milestones.policy_values import PolicyError

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Engine

    from adapters.runtime.actor import Actor
    from adapters.runtime.clock import Clock
    from adapters.runtime.settings import Settings


@dataclass
class CaseOffice:
    """The part of the office that knows cases, and nobody above them."""

    settings: Settings
    engine: Engine
    clock: Clock
    after_steps: AfterSteps = nothing_more
    """What else happens in the transaction of a term that fired; see `Casework`."""

    @cached_property
    def casework(self) -> Casework:
        """The service that changes cases."""
        self._keep_policies()  # before any transaction can name one
        self._rules.look()
        pattern = self.settings.reference_pattern
        return Casework(
            self.engine,
            self.clock,
            self.rules_for,
            self.after_steps,
            self.roles_of,
            pattern,
            self.known_workers,
            self.terms_may_fire,
        )

    @cached_property
    def staff(self) -> StaffFile:
        """Who works here, and with which roles."""
        return StaffFile(self.settings.staff_file)

    def known_workers(self) -> Collection[str]:
        """Return the codes of medewerkers that a file names."""
        return set(self.staff.book().people)

    def is_worker(self, code: str) -> bool:
        """Whether a code is that of a medewerker, in whichever gemeente."""
        policies = [
            self.rules_for(self.settings.municipality).policy,
            *self.policy_book.all_in_force().values(),
        ]
        return is_worker(code, policies, self.known_workers)

    def roles_of(self, actor: Actor, municipality: str) -> tuple[str, ...] | None:
        """Return the roles with which somebody decides in a gemeente; None where nobody says who works here.

        What the login service told of a person goes before the file. Whom a file that says who works here does not
        name has none, also where only groups of a login service have roles.
        """
        if actor.roles is not None:
            return actor.roles_in(municipality)
        if actor.kind is not ActorKind.PERSON or actor.code is None:
            return None
        book = self.staff.book()
        if not book.people and not book.groups:
            return None
        member = book.member(actor.code)
        return () if member is None else replace(actor, roles=member.decides_as).roles_in(municipality)

    @cached_property
    def looks(self) -> Looks:
        """Who looked at which case."""
        return Looks(self.engine, self.clock)

    @cached_property
    def clock_guard(self) -> ClockGuard:
        """Whether the clock of this machine may end terms."""
        return ClockGuard(self.engine, self.clock, timedelta(days=self.settings.clock_jump_days))

    def terms_may_fire(self) -> bool:
        """Whether terms may fire now: a clock that was set for a demo or a test is always right."""
        return not isinstance(self.clock, SystemClock) or self.clock_guard.trusts()

    @cached_property
    def follow_ups(self) -> FollowUps:
        """The days on which people want to look at a case again."""
        return FollowUps(self.engine, self.clock)

    @cached_property
    def attention(self) -> Attention:
        """Which processes need their flow run woken."""
        return Attention(self.engine, self.leases.processes)

    @cached_property
    def leases(self) -> AllLeases:
        """What this process works on, and nobody else meanwhile."""
        return all_leases(self.engine, timedelta(seconds=self.settings.lease_seconds))

    @cached_property
    def policy_book(self) -> PolicyBook:
        """Which policy counts where, and who took it into use."""
        return PolicyBook(self.engine, self.clock)

    @cached_property
    def _rules(self) -> CurrentRules:
        return CurrentRules(self._rules_in_use, self._rules_of_file)

    def rules_for(self, municipality: str) -> Rules:
        """Return the calendar and the policy of a municipality; a policy file that is wrong is a PolicyError.

        What was taken into use goes before the file; another process sees it within `RULES_SECONDS`.
        """
        return self._rules.of(municipality)

    def look_again(self) -> None:
        """Read the policies again, so that what was taken into use here counts at once."""
        self._rules.look()

    def _rules_in_use(self) -> dict[str, Rules]:
        return {
            municipality: Rules(dutch_calendar(), policy)
            for municipality, policy in self.policy_book.all_in_force().items()
        }

    def _rules_of_file(self, municipality: str) -> Rules:
        return Rules(dutch_calendar(), read_policy(self.settings.policy_folder, municipality)[0])

    def rules_named(self, policy: str) -> Rules:
        """Return the rules that a journal row names; a name that nobody kept is a LookupError."""
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
            self.policy_book.take_from_file(municipality, policy, choices)
            with writing(self.engine) as session:
                session.merge(PolicyRow(name=policy.name, choices=dict(choices)))
