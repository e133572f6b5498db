"""One wake-up of one process, the same for every mijlpaal.

Wake, take the answers that people gave, apply what is due, carry out effects as tasks, and park again. All that
matters is in the case database; this flow run can be thrown away and made anew at any point.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
from prefect.exceptions import Abort, Pause
from prefect.logging import get_run_logger
from prefect.states import Completed
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from adapters.cases.shown import ShownRuns
from adapters.messages.handoff_links import ACCEPTED
from adapters.office import Office, office
from adapters.runtime.actor import ActorKind, acts
from adapters.runtime.checkpoints import Checkpoint, reach
from adapters.storage.database import one_look
from adapters.storage.storage_trouble import trouble_of, waits_out_trouble
from flows.answered_by import answerer_of
from flows.case_page import page_key
from flows.display import not_taken_up, show
from flows.effects import POSTMEN, plan
from flows.forms import HOLDER, event_from, form_for
from flows.prefect_seam.parking import is_passing, park, take_answer, this_run
from flows.refusals import why_not
from flows.window import bring_up_to_date, circumstances
from milestones.case import closed, exactly
from milestones.refusal import CaseRefusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect.client.schemas.objects import FlowRun, State

    from adapters.cases.attention import Waiting
    from adapters.runtime.actor import Actor
    from adapters.storage.database import OutboxRow
    from flows.prefect_seam.parking import Answer

_REST_AFTER_FAILURE = timedelta(seconds=5)
_TRIES = 10
_BETWEEN_TRIES_SECONDS = 0.3


def run_process(reference: str, name: str) -> State[Any]:
    """Bring one process up to date; park until something happens, or give its final state."""
    here, run = office(), this_run()
    held = _hold(here, run, reference, name)
    if held is None and not here.attention.knows(reference, name):
        return _of_another_database(reference)
    if held is None:
        where = here.settings.own_page(f"/zaak/{reference}")
        said = f"Een andere run toont dit proces. Zaak {reference} gaat daar verder: {where}"
        get_run_logger().info(said)
        return Completed(name="Vervangen", message=said)
    reach(Checkpoint.RUN_STARTED, reference)
    rest = _REST_AFTER_FAILURE
    try:
        refused, given = _apply_answers(here, reference, name)
        plan(here, _effects(here, reference, held.process_id))
        _still_ours(here, held)  # a worker that lost its lease sends nothing more
        POSTMEN.send(here, here.deliveries.due(held.process_id))
        with one_look(here.engine):
            view = here.casework.case(reference)
            process = view.case.named(name)
            around = circumstances(here, view, process, held.process_id)
            pages = ShownRuns(here.engine).pages_of([row.id or 0 for row in view.rows.values()])
        policy = here.rules_for(view.municipality).policy
        shown = show(reference, view.municipality, process, here.clock.today(), policy, around)
        if refused and not closed(process):
            shown = not_taken_up(shown, refused)
        _still_ours(here, held)
        shows = bring_up_to_date(here, run, held.process_id, shown, view, policy, pages, refused)
        # The UI shows a state's message only in a corner; the run's log is what a coordinator reads.
        get_run_logger().info(
            "%s. %s De zaak: %s", shown.state, shown.message, _case_address(here, reference)
        )
        if closed(process):
            reach(Checkpoint.BEFORE_FINISH, reference)
            here.attention.shown(held, process.sequence, shows, finished=True)
            reach(Checkpoint.AFTER_FINISH, reference)
            rest = timedelta(0)
            return Completed(name=shown.state, message=shown.message)
        reach(Checkpoint.BEFORE_PARK, reference)
        _still_ours(here, held)
        try:
            form = form_for(process, f"{shown.state}. {shown.message}", _people(here), policy)
            park(shown.state, shown.message, form, reference, given if refused else {})
        except Pause:
            reach(Checkpoint.AFTER_PARK, reference)
            here.attention.shown(held, process.sequence, shows)
            reach(Checkpoint.SHOWN, reference)
            rest = timedelta(0)
            raise
    except (DBAPIError, PoolTimeoutError, httpx.HTTPError) as error:
        # Not a fault of the process: nobody has to see a run that failed. The worker takes it up again.
        if (why := _why_later(error)) is None:
            raise
        raise Abort(why) from error
    finally:
        here.attention.release(held, rest)


def _effects(here: Office, reference: str, process_id: int) -> Sequence[OutboxRow]:
    """Return what was not carried out yet, after what is due now was fired."""
    with one_look(here.engine):
        is_due, effects = here.casework.is_due(reference), here.attention.open_effects(process_id)
    if is_due and here.terms_may_fire():
        waits_out_trouble(here.casework.fire_due)(reference)
        return here.attention.open_effects(process_id)
    return effects


def _of_another_database(reference: str) -> State[Any]:
    """End a run of a case that is not here: Prefect and the case database do not belong together.

    It ends as a run that may be made anew, so that nothing is lost when the right database comes back.
    """
    lost = take_answer() is not None
    why = "Deze zaak staat niet in de database met zaken: Prefect en die database horen niet bij elkaar."
    if lost:
        why += (
            " Het antwoord op deze run is niet verwerkt; geef het opnieuw als de goede database er weer is."
        )
    get_run_logger().error("%s (%s)", why, reference)
    return Completed(name="Hoort niet bij deze database", message=why)


def _why_later(error: Exception) -> str | None:
    """Return which of the two did not answer, database or server; None where trying again does not help."""
    if (trouble := trouble_of(error)) is not None:
        return str(trouble)
    return f"De Prefect-server antwoordt niet ({type(error).__name__})." if is_passing(error) else None


def _hold(here: Office, run: FlowRun, reference: str, name: str) -> Waiting | None:
    """Take this process for this run; None when another run shows it or it is not here, so that this one can go.

    The run that parked a moment ago may still be busy letting go: that takes milliseconds, so we wait a while.
    """
    for _ in range(_TRIES):
        held = here.attention.claim_run(run.id)
        if held is not None:
            return held
        showing = here.attention.run_of(reference, name)
        if (showing or run.id) != run.id or not here.attention.knows(reference, name):
            return None
        time.sleep(_BETWEEN_TRIES_SECONDS)
    raise Abort("Een andere worker werkt aan deze zaak.")


def _still_ours(here: Office, held: Waiting) -> None:
    """Leave when this worker stood still for so long that another took the process over."""
    if not here.attention.keep(held):
        raise Abort("Een andere worker heeft dit proces overgenomen.")


def _apply_answers(here: Office, reference: str, name: str) -> tuple[str, dict[str, Any]]:
    """Report what people filled in; return why the last answer was not taken up, or nothing, and what it said.

    The id of the answer makes a second reading harmless.
    """
    log = get_run_logger()
    why, given = "", dict[str, Any]()
    while (answer := take_answer()) is not None:
        if not answer.values:
            log.info("Hervat zonder antwoord: de zaak blijft waar hij is.")
            continue
        given = answer.values
        reach(Checkpoint.ANSWER_READ, reference)
        process = here.casework.case(reference).case.named(name)
        chosen = answer.values.get("gebeurtenis", "een leeg antwoord")
        try:
            event, on, data = event_from(process, answer.values)
            with acts(who := answerer_of(this_run(), answer.values)):
                waits_out_trouble(here.casework.report)(
                    reference,
                    event,
                    process=exactly(name),
                    on=on,
                    data=data,
                    event_id=answer.id,
                    # Who accepts has the process in his name.
                    person=_who_accepts(here, answer, who) if event == ACCEPTED else None,
                )
        except CaseRefusal as refusal:
            why = why_not(refusal, process, chosen)
        else:
            why = ""
            log.info("Verwerkt: %s.", chosen)
    return why, given


def _case_address(here: Office, reference: str) -> str:
    """Return the address in Prefect that always shows the newest page of a case; the log makes a link of it."""
    return here.settings.prefect_page(f"artifacts/key/{page_key(reference)}")


def _people(here: Office) -> Sequence[str]:
    """Return to whom work can be given; nobody while there is no file of recipients."""
    book = here.recipients.book()
    return sorted(book.people) if book.configured else ()


def _who_accepts(here: Office, answer: Answer, who: Actor) -> str | None:
    """Return in whose name the process is: who was chosen, or else who answered; only somebody in the file counts."""
    person, book = str(answer.values.get(HOLDER) or "").strip(), here.recipients.book()
    if not person:
        return who.code if who.kind == ActorKind.PERSON and who.code in book.people else None
    if person and book.configured and person not in book.people:
        get_run_logger().warning("Deze medewerker kennen we niet: de zaak staat op niemands naam.")
        return None
    return person or None
