"""The worker's own source of work: processes of the case database whose flow run must be made or woken."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from httpx import HTTPStatusError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound
from prefect.states import Pending
from sqlalchemy.exc import DBAPIError

from adapters.cases.policy_moves import follow_what_was_asked
from adapters.cases.shown import ShownPage, ShownRuns, Shows
from adapters.operations.chain_heads import keep_heads
from adapters.oversight.policy_watch import remember_first_terms
from adapters.runtime.checkpoints import Checkpoint, reach
from adapters.storage.database import one_look
from adapters.storage.identity import identity_of
from adapters.storage.storage_trouble import trouble_of
from flows.display import show
from flows.effects import POSTMEN, deliver_what_is_left
from flows.fresh_pages import LOOK_SECONDS, FreshPages
from flows.outgoing import SOON_SECONDS, exchange_chores
from flows.processes import FLOWS
from flows.repair import Repair
from flows.wake_source import Chore, WakeUp, WakeUpResult
from flows.window import circumstances

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from adapters.cases.attention import Waiting
    from adapters.office import Office

DEPLOYMENT = "routekaart"  # the name of each flow's deployment
_NOT_FOUND = 404
_REFUSED = 409
SWEPT_TOGETHER = 200  # cases read in one look; when there are more, the next look comes at once
FIRED_TOGETHER = 25  # cases in one transaction: few enough that nobody waits long for it
LONGEST_SWEEP_SECONDS = 20.0  # a worker that stops need not wait longer
_POLICY_SECONDS = 60.0
WOKEN_FOR_EACH = 4  # processes woken at once for their messages, for each message that can go out
_HEADS_SECONDS = 3_600.0
_REST_AFTER_FAILURE = timedelta(seconds=5)
_REST_OF_A_FAILING_CASE_SECONDS = 60.0

log = structlog.get_logger("routekaart.case_queue")


class CaseQueue:
    """Tells the worker the processes that ask for attention; a process without a run gets one first."""

    def __init__(self, office: Office, deploy: Callable[[], object] | None = None) -> None:
        self._office = office
        self._identity = identity_of(office.engine)
        self._client: SyncPrefectClient = get_client(sync_client=True)
        self._deploy = deploy
        self._deployments: dict[str, UUID] = {}
        self._claimed: dict[UUID, Waiting] = {}
        self._failing: dict[str, float] = {}
        self._people: frozenset[str] | None = None
        # A client of its own: reconciling runs beside claiming, in another thread.
        self._repair = Repair(office, get_client(sync_client=True))
        self._pages = FreshPages(office, get_client(sync_client=True))

    def chores(self) -> Sequence[Chore]:
        """Return what is to be done beside waking: terms, messages, other systems, leases, and what Prefect shows."""
        office = self._office
        return (
            Chore("terms", SOON_SECONDS, self.fire_terms),
            Chore("messages", SOON_SECONDS, self.send_messages),
            *exchange_chores(office),
            Chore("leases", office.leases.processes.length.total_seconds() / 4, self.see_to_leases),
            Chore("repair", office.settings.reconcile_seconds, self._repair.look_around),
            Chore("pages", LOOK_SECONDS, self._pages.look),
            Chore("people", LOOK_SECONDS, self.follow_people),
            Chore("heads", _HEADS_SECONDS, lambda: keep_heads(office)),
            Chore("policies", _POLICY_SECONDS, self.mind_policies),
        )

    def follow_people(self) -> None:
        """Let the forms name the people of the file of recipients, when those changed."""
        people = frozenset(self._office.recipients.book().people)
        known, self._people = self._people, people
        if self._deploy is not None and self._office.settings.deploy_on_start and known not in (None, people):
            self._deploy()

    def claim(self, limit: int) -> Sequence[WakeUp]:
        """Claim up to `limit` processes, and make the flow runs that are not there yet."""
        wake_ups: list[WakeUp] = []
        for waiting in self._office.attention.claim(limit):
            reach(Checkpoint.CLAIMED, waiting.case_reference)
            try:
                flow_run_id = waiting.flow_run_id or self._make_run(waiting)
            except Exception:
                log.exception("flow_run_not_made", case=waiting.case_reference, process=waiting.name)
                self._rest(waiting)
                continue
            if flow_run_id is None:
                continue
            reach(Checkpoint.RUN_LINKED, waiting.case_reference)
            self._claimed[flow_run_id] = waiting
            wake_ups.append(WakeUp(flow_run_id))
        return wake_ups

    def done(self, wake_up: WakeUp, result: WakeUpResult) -> None:
        """Hand a process back. A run that is gone is replaced: deleting or cancelling it ends no case."""
        waiting = self._claimed.pop(wake_up.flow_run_id, None)
        if waiting is None:
            return
        try:
            if result is WakeUpResult.GONE:
                self._repair.replace(waiting.process_id, wake_up.flow_run_id, waiting.case_reference)
        except Exception:
            # A lease that is not given back would be renewed for as long as this worker lives.
            self._rest(waiting)
            raise
        rest = _REST_AFTER_FAILURE if result is WakeUpResult.FAILED else timedelta(0)
        self._office.attention.release(waiting, rest)

    def _rest(self, waiting: Waiting) -> None:
        """Hand a process back after a failure. When even that fails its lease runs out: it is renewed no more."""
        try:
            self._office.attention.release(waiting, _REST_AFTER_FAILURE)
        except DBAPIError as error:
            log.warning("lease_not_given_back", case=waiting.case_reference, error=type(error).__name__)

    def see_to_leases(self) -> None:
        """Renew the leases of all that this worker holds, and take back those of neighbours that died."""
        self._office.leases.renew()
        self._office.leases.release_dead()

    def send_messages(self) -> None:
        """Wake the processes that have a message to send, and send what belongs to none."""
        # With every postman held up by a receiver that hangs, waking would only keep forms waiting.
        if room := POSTMEN.room():
            self._office.deliveries.ask_attention(WOKEN_FOR_EACH * room)
            deliver_what_is_left(self._office)

    def mind_policies(self) -> None:
        """Let running terms follow a policy where that was asked, and keep what the next release is held against."""
        remember_first_terms(self._office.engine)
        follow_what_was_asked(self._office)

    def hand_back(self) -> None:
        """Let others have at once what was claimed and not run."""
        self._claimed.clear()
        POSTMEN.finish()
        if number := self._office.leases.release_all():
            log.info("claims_handed_back", number=number)

    # --- terms ----------------------------------------------------------------------------------------------

    def fire_terms(self) -> None:
        """Fire due terms in the database; nothing else happens on this thread."""
        if not self._office.terms_may_fire():
            return
        now = time.monotonic()
        self._failing = {reference: until for reference, until in self._failing.items() if until > now}
        while due := self._due():
            for begin in range(0, len(due), FIRED_TOGETHER):
                self._fire(due[begin : begin + FIRED_TOGETHER])
            if len(due) < SWEPT_TOGETHER or time.monotonic() - now > LONGEST_SWEEP_SECONDS:
                break

    def _due(self) -> list[str]:
        found = self._office.casework.cases_with_due_terms(SWEPT_TOGETHER + len(self._failing))
        return [reference for reference in found if reference not in self._failing]

    def _fire(self, references: Sequence[str]) -> None:
        """Fire what is due in some cases; when they cannot go together, one by one."""
        for reference in references:
            reach(Checkpoint.BEFORE_SWEEP, reference)
        try:
            self._office.casework.fire_due_together(references)
        except Exception as error:
            if trouble_of(error) is not None:
                raise  # no case is to blame: the next look tries again
            log.warning("terms_fired_one_by_one", cases=len(references), error=type(error).__name__)
            for reference in references:
                self._fire_alone(reference)
        for reference in references:
            reach(Checkpoint.AFTER_SWEEP, reference)

    def _fire_alone(self, reference: str) -> None:
        """Fire what is due in one case; a case that cannot be fired keeps no other from its terms."""
        try:
            self._office.casework.fire_due(reference)
        except Exception:
            log.exception("term_not_fired", case=reference)
            self._failing[reference] = time.monotonic() + _REST_OF_A_FAILING_CASE_SECONDS

    # --- flow runs ------------------------------------------------------------------------------------------

    def _make_run(self, waiting: Waiting) -> UUID | None:
        """Make the flow run of a process; making it twice gives the same run. None when the lease was lost."""
        office = self._office
        with one_look(office.engine):
            view = office.casework.case(waiting.case_reference)
            process = view.case.named(waiting.name)
            around = circumstances(office, view, process, waiting.process_id)
        policy = office.rules_for(waiting.municipality).policy
        today = office.clock.today()
        shown = show(waiting.case_reference, waiting.municipality, process, today, policy, around)
        try:
            run = self._client.create_flow_run_from_deployment(
                self._deployment(waiting.code),
                parameters={"zaak": waiting.case_reference, "proces": waiting.name},
                state=Pending(name="Wordt klaargezet"),
                name=shown.name,
                tags=shown.tags,
                # Two case databases may have one Prefect, and a case of the same name.
                idempotency_key=f"{self._identity}/{waiting.case_reference}/{waiting.name}/{waiting.runs_made}",
            )
        except HTTPStatusError as error:
            # Prefect lost what it knew, or its form does not take the reference of this case yet.
            if error.response.status_code in (_NOT_FOUND, _REFUSED):
                self._deployments.clear()
                self._deploy_again()
            raise
        if run.work_queue_id is None:  # somebody removed the work pool, and with it every queue
            self._deployments.clear()
            self._deploy_again()
        reach(Checkpoint.RUN_MADE, waiting.case_reference)
        if not office.attention.link(waiting, run.id):
            return None
        ShownRuns(office.engine).remember(waiting.process_id, Shows(shown.tags, ShownPage()))
        return run.id

    def _deployment(self, code: str) -> UUID:
        if code not in self._deployments:
            name = f"{FLOWS[code].name}/{DEPLOYMENT}"
            try:
                found = self._client.read_deployment_by_name(name)
            except ObjectNotFound:
                self._deploy_again()
                try:
                    found = self._client.read_deployment_by_name(name)
                except ObjectNotFound:
                    raise LookupError(
                        f"De deployment van {code} ontbreekt: start `routekaart deploy`."
                    ) from None
            self._deployments[code] = found.id
        return self._deployments[code]

    def _deploy_again(self) -> None:
        if self._deploy is not None:
            log.warning("deployments_put_back")
            self._deploy()
