"""Which policy counts in a municipality: taken into use by somebody, perhaps with a second person, and put back.

Each change is a row that stays. Cases keep their own record: a journal row and a running term name their policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from adapters.runtime.actor import acting
from adapters.runtime.policies import DEFAULT, policy_from
from adapters.runtime.privacy import may_tell_of_a_person
from adapters.storage.database import PolicyRow, reading, writing
from adapters.storage.policy_tables import PolicyUseRow
from milestones.policy_values import PolicyError
from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.runtime.clock import Clock
    from milestones.policy import Policy

LONGEST_REASON = 200


class PolicyUseError(Refusal):
    """A policy that cannot be taken into use: one Dutch sentence."""


class PolicyBook:
    """The policies that were in use, and the one that waits for a second person."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def in_force(self, municipality: str) -> Policy | None:
        """Return the policy that counts; None when nobody ever took one into use."""
        with reading(self._engine) as session:
            row = _last_in_use(session, municipality)
            return None if row is None else _policy(session, row.policy)

    def all_in_force(self) -> dict[str, Policy]:
        """Return the policy that counts in each municipality that took one into use."""
        used = (
            select(PolicyUseRow)
            .where(col(PolicyUseRow.in_use_at).is_not(None))
            .order_by(col(PolicyUseRow.number))
        )
        with reading(self._engine) as session:
            latest = {row.municipality: row.policy for row in session.exec(used)}
            return {municipality: _policy(session, name) for municipality, name in latest.items()}

    def choices(self, municipality: str) -> Mapping[str, Any]:
        """Return the choices that make the policy that counts; none for the default."""
        with reading(self._engine) as session:
            used = _last_in_use(session, municipality)
            kept = None if used is None else session.get(PolicyRow, used.policy)
            return {} if kept is None else dict(kept.choices)

    def history(self, municipality: str) -> Sequence[PolicyUseRow]:
        """Return every policy that was put forward, the newest first."""
        with reading(self._engine) as session:
            rows = session.exec(_of(municipality)).all()
            return [PolicyUseRow(**row.model_dump()) for row in rows]

    def named(self, name: str) -> tuple[Policy, Mapping[str, Any]]:
        """Return a policy that was put forward, with the choices that make it."""
        with reading(self._engine) as session:
            kept = session.get(PolicyRow, name)
            return _policy(session, name), {} if kept is None else dict(kept.choices)

    def waiting(self, municipality: str) -> PolicyUseRow | None:
        """Return the policy that waits for a second person, or None."""
        return next(iter(row for row in self.history(municipality)[:1] if row.in_use_at is None), None)

    def put_forward(
        self,
        municipality: str,
        policy: Policy,
        choices: Mapping[str, Any],
        reason: str | None = None,
        *,
        running: bool = False,
    ) -> PolicyUseRow:
        """Take a policy into use, or let it wait for a second person where the policy asks for one.

        The policy that counts decides about that, and so does the new one: nobody switches it on or off alone. With
        `running` the terms that run follow it as well. Raises PolicyUseError when this policy counts already, and when
        somebody else puts one forward at this moment.
        """
        if reason is not None and not 0 < len(reason.strip()) <= LONGEST_REASON:
            raise PolicyUseError(f"Een reden is een tekst van ten hoogste {LONGEST_REASON} tekens.")
        if reason is not None and may_tell_of_a_person(reason):
            raise PolicyUseError(
                "Schrijf in de reden niets over een persoon, zoals een BSN of een telefoonnummer."
            )
        try:
            return self._put_forward(municipality, policy, choices, reason, running=running)
        except IntegrityError:
            raise PolicyUseError(
                f"Iemand anders zette op dit moment ook beleid klaar in gemeente {municipality}. Kijk met "
                "'routekaart beleid versies' wat er nu geldt, en probeer het dan opnieuw."
            ) from None

    def _put_forward(
        self,
        municipality: str,
        policy: Policy,
        choices: Mapping[str, Any],
        reason: str | None,
        *,
        running: bool,
    ) -> PolicyUseRow:
        with writing(self._engine) as session:
            before = _last_in_use(session, municipality)
            if before is not None and before.policy == policy.name:
                raise PolicyUseError(f"Dit beleid ({policy.name}) geldt al in gemeente {municipality}.")
            now = DEFAULT if before is None else _policy(session, before.policy)
            if policy.name != DEFAULT.name:
                session.merge(PolicyRow(name=policy.name, choices=dict(choices)))
            row = self._add(session, municipality, policy.name, reason)
            row.running = running
            if not (now.changed_by_two or policy.changed_by_two):
                row.in_use_at = row.put_forward_at
            session.add(row)
            session.flush()
            return PolicyUseRow(**row.model_dump())

    def agree(self, municipality: str, number: int | None = None, *, running: bool = False) -> PolicyUseRow:
        """Take the policy that waits into use, as the second person; `number` is which one he looked at.

        Whether running terms follow was put forward with it. Raises PolicyUseError for the first person, for another
        policy than waits now, for more than was put forward, and for what the law does not allow any more.
        """
        actor = acting()
        with writing(self._engine) as session:
            row = session.exec(_of(municipality).limit(1).with_for_update()).first()
            if row is None or row.in_use_at is not None or number not in (None, row.number):
                raise PolicyUseError(f"In gemeente {municipality} wacht geen beleid op een tweede persoon.")
            if actor.code is None or actor.code == row.actor_code:
                raise PolicyUseError("Wie het beleid klaarzette, kan niet zelf de tweede persoon zijn.")
            if running and not row.running:
                raise PolicyUseError(
                    "Dit beleid is klaargezet zonder de termijnen die lopen. Laat het opnieuw klaarzetten, met "
                    "--ook-lopende."
                )
            _check_law(session, row.policy)
            row.second_code = actor.code
            row.in_use_at = self._clock.now()
            session.add(row)
            session.flush()
            return PolicyUseRow(**row.model_dump())

    def put_back(
        self, municipality: str, reason: str | None = None, *, running: bool = False
    ) -> PolicyUseRow:
        """Put forward the policy that counted before the one that counts now.

        Raises PolicyUseError without one, and for one that the law does not allow any more.
        """
        with reading(self._engine) as session:
            used = session.exec(
                _of(municipality).where(col(PolicyUseRow.in_use_at).is_not(None)).limit(2)
            ).all()
            if not used:
                raise PolicyUseError(f"In gemeente {municipality} is geen ander beleid in gebruik genomen.")
            earlier = used[1].policy if len(used) > 1 else DEFAULT.name
            policy = _check_law(session, earlier)
            kept = session.get(PolicyRow, earlier)
            choices = {} if kept is None else dict(kept.choices)
        return self.put_forward(municipality, policy, choices, reason, running=running)

    def to_follow(self) -> list[PolicyUseRow]:
        """Return the policies in use whose running terms still have to follow; of each municipality the last one."""
        with reading(self._engine) as session:
            asked = session.exec(
                select(PolicyUseRow)
                .where(col(PolicyUseRow.in_use_at).is_not(None), col(PolicyUseRow.running))
                .where(col(PolicyUseRow.followed_at).is_(None))
            ).all()
            last = [row for row in asked if row is _last_in_use(session, row.municipality)]
            return [PolicyUseRow(**row.model_dump()) for row in last]

    def followed(self, row: PolicyUseRow) -> None:
        """Remember that every running term follows this policy."""
        with writing(self._engine) as session:
            kept = session.get_one(PolicyUseRow, row.id)
            kept.followed_at = self._clock.now()
            session.add(kept)

    def take_from_file(self, municipality: str, policy: Policy, choices: Mapping[str, Any]) -> None:
        """Take the policy of a file into use at a start, as long as nobody took one into use with a name.

        Where another policy needs a second person, a file needs one too.
        """
        with reading(self._engine) as session:
            last = session.exec(_of(municipality).limit(1)).first()
            if last is not None and (last.policy == policy.name or last.actor_way is not None):
                return
            if last is not None and _policy(session, last.policy).changed_by_two:
                return
        try:
            with writing(self._engine) as session:
                session.merge(PolicyRow(name=policy.name, choices=dict(choices)))
                row = self._add(session, municipality, policy.name, "bestand in de map met beleid")
                row.actor_kind, row.actor_code, row.actor_way = "systeem", None, None
                row.in_use_at = row.put_forward_at
                session.add(row)
        except IntegrityError:
            return  # another process did the same at this moment

    def _add(self, session: Session, municipality: str, policy: str, reason: str | None) -> PolicyUseRow:
        actor = acting()
        last = session.exec(_of(municipality).limit(1)).first()
        return PolicyUseRow(
            municipality=municipality,
            number=1 if last is None else last.number + 1,
            policy=policy,
            put_forward_at=self._clock.now(),
            actor_kind=str(actor.kind),
            actor_code=actor.code,
            actor_way=None if actor.way is None else str(actor.way),
            reason=reason,
        )


def _of(municipality: str) -> Any:
    return (
        select(PolicyUseRow)
        .where(PolicyUseRow.municipality == municipality)
        .order_by(col(PolicyUseRow.number).desc())
    )


def _last_in_use(session: Session, municipality: str) -> PolicyUseRow | None:
    found: PolicyUseRow | None = session.exec(
        _of(municipality).where(col(PolicyUseRow.in_use_at).is_not(None)).limit(1)
    ).first()
    return found


def _check_law(session: Session, name: str) -> Policy:
    """Return a policy that was kept, if the law of now allows it. Raises PolicyUseError."""
    if name == DEFAULT.name:
        return DEFAULT
    try:
        return policy_from(name, session.get_one(PolicyRow, name).choices)
    except PolicyError as error:
        raise PolicyUseError(f"Dit beleid kan niet (meer) in gebruik. {error.sentence}") from None


def _policy(session: Session, name: str) -> Policy:
    if name == DEFAULT.name:
        return DEFAULT
    return policy_from(name, session.get_one(PolicyRow, name).choices, kept=True)
