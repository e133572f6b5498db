"""What work on cases needs, put together: settings, database, clock, rules, casework."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.cases.attention import Attention
from adapters.cases.casework import AfterSteps, Casework, nothing_more
from adapters.cases.looks import Looks
from adapters.runtime.calendar_data import dutch_calendar
from adapters.runtime.policies import DEFAULT, policy_files, policy_from, read_policy
from adapters.storage.database import PolicyRow, reading, writing
from adapters.storage.leases import AllLeases, all_leases
from milestones.policy import Rules
from milestones.policy_values import PolicyError

if TYPE_CHECKING:
    from sqlalchemy import Engine

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
        return Casework(self.engine, self.clock, self.rules_for, self.after_steps)

    @cached_property
    def looks(self) -> Looks:
        """Who looked at which case."""
        return Looks(self.engine, self.clock)

    @cached_property
    def attention(self) -> Attention:
        """Which processes need their flow run woken."""
        return Attention(self.engine, self.leases.processes)

    @cached_property
    def leases(self) -> AllLeases:
        """What this process works on, and nobody else meanwhile."""
        return all_leases(self.engine, timedelta(seconds=self.settings.lease_seconds))

    @cached_property
    def _rules(self) -> dict[str, Rules]:
        return {}

    def rules_for(self, municipality: str) -> Rules:
        """Return the calendar and the policy of a municipality; a policy file that is wrong is a PolicyError."""
        if municipality not in self._rules:
            policy, _ = read_policy(self.settings.policy_folder, municipality)
            self._rules[municipality] = Rules(dutch_calendar(), policy)
        return self._rules[municipality]

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
            self._rules[municipality] = Rules(dutch_calendar(), policy)
            with writing(self.engine) as session:
                session.merge(PolicyRow(name=policy.name, choices=dict(choices)))
