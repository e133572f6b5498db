"""The quality sample in Prefect: each week a form with fixed questions for each case that was drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from prefect import State, flow, get_client
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import BaseModel, ConfigDict, Field, create_model

from adapters.office import office
from adapters.oversight.quality import SECOND, QualitySample, is_second, last_week, report_findings
from adapters.oversight.workload import municipalities
from adapters.runtime.actor import acts
from flows.answered_by import answerer_of
from flows.case_page import page_key
from flows.prefect_seam.parameter_forms import with_form
from flows.prefect_seam.parking import park, take_answer, this_run
from flows.refusals import NOT_TAKEN_IN, why_not
from flows.tags import DONE
from flows.views import REVIEW_TAG
from milestones.counting import so_many
from milestones.dutch import dutch_date
from milestones.process import NotPossible
from milestones.quality_questions import HIGHEST, LOWEST, QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.storage.oversight_tables import ReviewRow
    from milestones.quality_questions import Question

REVIEW = "Kwaliteitstoets"
SAMPLE = "Kwaliteitssteekproef"
_TAG = REVIEW_TAG
_SECOND_READER = (
    " Een collega las deze zaak al. Oordeel zelf; bent u die collega, laat het dan aan een ander."
)
_SCORES = tuple(str(score) for score in range(LOWEST, HIGHEST + 1))


def review_form(explanation: str, questions: Sequence[Question] = QUESTIONS) -> type[BaseModel]:
    """Return the form with the questions of the municipality, each with a score to choose."""
    fields: dict[str, Any] = {
        question.code: (
            Literal[_SCORES],
            Field(
                title=question.text,
                description=explanation if number == 0 else None,
                json_schema_extra={"position": number},
            ),
        )
        for number, question in enumerate(questions)
    }
    config = ConfigDict(title="Toets deze zaak", extra="forbid")
    return create_model("Kwaliteitsformulier", __config__=config, **fields)


@with_form
@flow(name=REVIEW, persist_result=False)
def kwaliteitstoets(
    toets: Annotated[int, Field(title="Nummer van de toets", description="Uit de steekproef.")],
) -> State[Any]:
    """Een kwaliteitstoetser beoordeelt een zaak uit de steekproef, met een score per vraag."""
    here = office()
    sample = QualitySample(here.engine, here.clock, here.rules_for)
    review = sample.get(toets)
    log, refused = get_run_logger(), ""
    while review.reviewed_on is None and (answer := take_answer()) is not None:
        if not answer.values:
            continue
        try:
            with acts(answerer_of(this_run(), answer.values)):
                sample.record(toets, {code: int(score) for code, score in answer.values.items()})
        except NotPossible as refusal:
            refused = f"{NOT_TAKEN_IN}: {why_not(refusal)} "
        review = sample.get(toets)
    if review.reviewed_on is not None:
        for why in report_findings(here.casework, review, sample.questions(review.municipality)):
            log.info("Geen knelpunt in de zaak: %s", why)
        _leave_the_view(review)
        return Completed(name="Getoetst", message=f"Zaak {review.case_reference} is getoetst.")
    process = review.process.removesuffix(SECOND)
    explanation = (
        f"{refused}Zaak {review.case_reference}, {process}. Besloten op {dutch_date(review.decided_on)}. "
        "Lees het dossier in het zaaksysteem en de "
        f"[zaakpagina](../../artifacts/key/{page_key(review.case_reference)}). "
        f"Geef elke vraag een score: {LOWEST} is onvoldoende, {HIGHEST} is goed."
        f"{_SECOND_READER if is_second(review) else ''}"
    )
    log.info("Wacht op de kwaliteitstoetser. %s", explanation)
    return park(
        "Wacht op kwaliteitstoets",
        explanation,
        review_form(explanation, sample.questions(review.municipality)),
    )


def _leave_the_view(review: ReviewRow) -> None:
    """Take the tag of open reviews from this run, so that the view shows what waits and nothing else."""
    tags = [DONE, f"gemeente:{review.municipality}"]
    get_client(sync_client=True).update_flow_run(this_run().id, tags=tags)


@with_form
@flow(name=SAMPLE, flow_run_name=SAMPLE, persist_result=False)
def kwaliteitssteekproef() -> str:
    """Trek de steekproef van vorige week en zet voor elke zaak een formulier klaar."""
    here = office()
    sample = QualitySample(here.engine, here.clock, here.rules_for)
    week = last_week(here.clock.today())
    made = 0
    for municipality in municipalities(here):
        sample.draw(municipality, week)
        made += sum(_put_forward(sample, review) for review in sample.waiting(municipality))
    line = f"Week {week.name}: {so_many(made, 'formulier')} klaargezet."
    get_run_logger().info(line)
    return line


def _put_forward(sample: QualitySample, review: ReviewRow) -> bool:
    """Make the flow run of a review, unless it has one; one that was deleted or cancelled is made anew."""
    client = get_client(sync_client=True)
    if review.flow_run_id and _waits(review.flow_run_id):
        return False
    deployment = client.read_deployment_by_name(f"{REVIEW}/{REVIEW.lower()}")
    run = client.create_flow_run_from_deployment(
        deployment.id,
        parameters={"toets": review.id},
        name=f"{review.case_reference} · toets {review.week}",
        tags=[_TAG, "rol:kwaliteitstoetser", f"gemeente:{review.municipality}"],
        idempotency_key=f"toets/{review.id}/{review.runs_made}",
    )
    sample.linked(review.id or 0, str(run.id))
    return True


def _waits(flow_run_id: str) -> bool:
    try:
        run = get_client(sync_client=True).read_flow_run(UUID(flow_run_id))
    except ObjectNotFound:
        return False
    return run.state is not None and not run.state.is_final()
