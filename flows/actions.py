"""What a coordinator does beyond the form of one case: each action is a flow with a typed form of its own.

A refusal is an answer, and not green: the run fails as "Niet gedaan" with the reason, and nothing was written.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec

from prefect import Flow, State, flow, get_client
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import BaseModel, Field, ValidationError

from adapters.cases.cancellations import Decision, decide_cancellation, open_cancellations
from adapters.cases.caseload import Caseload
from adapters.cases.presentation import process_title
from adapters.office import Office, office
from adapters.runtime.actor import acts
from flows.answered_by import answerer_of, starter_of
from flows.display import NOT_TAKEN_UP
from flows.forms import (
    PROCESS,
    FormCode,
    FormDay,
    FormPerson,
    FormReference,
    choices_of_case,
    event_from,
    form_for_case,
)
from flows.intake import details_form, details_of
from flows.prefect_seam.parameter_forms import form_of_work, with_form
from flows.prefect_seam.parking import park, take_answer, this_run
from flows.refusals import NOT_DONE, refused_run, why_not
from flows.reports import refresh_tags
from milestones.case import closed, exactly, possible_now
from milestones.codes import codes_of
from milestones.counting import is_or_are, so_many
from milestones.definitions import DEFINITIONS, VERSIONS, definition_of
from milestones.event_fields import EXIT_REASONS
from milestones.four_eyes import waits_for
from milestones.process import InvalidData, NotPossible, Snapshot
from milestones.refusal import CaseRefusal
from milestones.steering import ASSIGN_REASONS, PUT_BACK, PUT_BACK_REASONS, earlier_states, reportable
from milestones.term_table import TERMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.cases.casework import CaseView
    from milestones.definition import Definition, EventSpec

_P = ParamSpec("_P")
_Work = Callable[_P, str]
ActionFlow = Flow[..., State[Any]]

_SUBJECTS = ("zaak", "medewerker", "van")  # the parameters that say in the run list what an action was about
_TERM = rf"^({'|'.join(TERMS)})(#\d{{1,3}})?$"

_Case = Annotated[
    FormReference,
    Field(
        title="Zaak", description="De referentie van de zaak, zoals FZ-2026-7K2M9QD. Geen BSN en geen naam."
    ),
]
_Milestone = Annotated[
    str | None,
    Field(
        title="Mijlpaal", description="Bijvoorbeeld M3. Leeg mag als er maar één open is.", pattern=PROCESS
    ),
]
_Person = Annotated[
    FormPerson, Field(title="Medewerker", description="De code van de medewerker, zoals mw-17.")
]
Motivation = Annotated[
    FormCode,
    Field(
        title="Code van de motivering",
        description="Een code uit de lijst van de gemeente, of een nummer zoals m-07.",
    ),
]
_Day = Annotated[
    FormDay | None, Field(title="Op welke datum?", description="De datum die telt. Leeg: vandaag.")
]

_FIRST = "M3 In contact"
_BEGINNINGS = MappingProxyType(
    {process_title(code, definition.name): code for code, definition in DEFINITIONS.items()}
)


def _events_of(definition: Definition) -> Iterator[EventSpec]:
    """Return what people may report in a process; what only time does is not among it."""
    return (spec for spec in reportable(definition) if not spec.by_timer)


_LABELS = tuple(dict.fromkeys(spec.label for definition in VERSIONS for spec in _events_of(definition)))
_STATES = [state for definition in DEFINITIONS.values() for state in definition.states]
# As people know a step, and for who calls Prefect's API also as the definition does.
_STEPS = tuple(dict.fromkeys([state.waits_for for state in _STATES] + [state.code for state in _STATES]))
EventDetails: Any = details_form(lambda spec: spec.label)


@dataclass(frozen=True)
class _Question:
    """What is asked in a form once the case is known, and what is done with the answer."""

    form: type[BaseModel]
    do: Callable[[BaseModel], str]


_Asking = Callable[["Office", "CaseView", str], _Question]


def _action(
    name: str, needs: tuple[str, ...] = (), asks: Callable[[_Work[Any]], _Asking] | None = None
) -> Callable[[_Work[_P]], ActionFlow]:
    """Make a flow of a function that does something and says what it did.

    With `asks` its form asks for the case alone; what else it needs is asked then, with what fits that case. A machine
    that gives what it needs at once is asked nothing.
    """

    def make(work: _Work[_P]) -> ActionFlow:
        ask = asks(work) if asks is not None else None

        @functools.wraps(work)
        def run(*args: _P.args, **kwargs: _P.kwargs) -> State[Any]:
            log = get_run_logger()
            given = inspect.signature(work).bind_partial(*args, **kwargs).arguments
            try:
                if ask is None or all(given.get(need) is not None for need in needs):
                    with acts(starter_of(this_run())):
                        said = work(*args, **kwargs)
                else:
                    said = _answered(name, str(given["zaak"]), ask)
            except CaseRefusal as refusal:
                return refused_run(refusal, NOT_DONE)
            log.info(said)
            return Completed(name="Gedaan", message=said)

        def run_name() -> str:
            given = this_run().parameters
            about = next((given[field] for field in _SUBJECTS if given.get(field)), None)
            return f"{name} · {about}" if about else name

        made = flow(name=name, flow_run_name=run_name, persist_result=False)(run)
        return with_form(made, ("zaak",) if ask is not None else ())

    return make


def _answered(name: str, reference: str, ask: _Asking) -> str:
    """Do what was answered, and say what was done; without an answer, or after a refused one, wait for the next."""
    here, run, log = office(), this_run(), get_run_logger()
    refused, values = "", dict[str, Any]()
    while (answer := take_answer()) is not None:
        if not answer.values:
            continue
        values, asked = answer.values, ask(here, here.casework.case(reference), "")
        try:
            with acts(answerer_of(run, values)):
                return asked.do(_read(asked.form, values))
        except CaseRefusal as refusal:
            refused = why_not(refusal)
    view = here.casework.case(reference)
    said = f"Je antwoord is niet overgenomen. {refused} " if refused else ""
    explanation = f"{said}Zaak {reference}."
    form = ask(here, view, explanation).form
    # Who may look at this case, and nobody else, may answer.
    tags = sorted({*run.tags, f"gemeente:{view.municipality}"})
    get_client(sync_client=True).update_flow_run(run.id, tags=tags)
    log.info("%s. %s Kies in het menu van deze run: Resume.", name, explanation)
    state = f"{NOT_TAKEN_UP} · {name}" if refused else f"{name}: vul aan"
    return park(state, explanation, form, reference, values)


def _read(form: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    try:
        return form.model_validate(values)
    except ValidationError as error:
        raise InvalidData("Een veld is niet goed ingevuld. Kijk vooral naar de datum.") from error


def _asks(
    *needs: str, choices: Callable[[Office, CaseView], Mapping[str, Sequence[str]]] = lambda *_: {}
) -> Callable[[_Work[Any]], _Asking]:
    """Ask for the rest of the parameters of an action; which process is meant, only where several are open."""

    def of(work: _Work[Any]) -> _Asking:
        def ask(here: Office, view: CaseView, explanation: str) -> _Question:
            running = [process.name for process in view.case.processes if not closed(process)]
            if not running:
                raise NotPossible(f"Zaak {view.reference} is afgesloten.")
            asked = [name for name in inspect.signature(work).parameters if name != "zaak"]
            policy = here.rules_for(view.municipality).policy
            lists = {name: codes for name in asked if (codes := codes_of(policy, name))}
            offered: dict[str, Sequence[str]] = {**lists, **choices(here, view)}
            if not all(offered.values()):
                raise NotPossible(f"In zaak {view.reference} is hier nu niets voor te kiezen.")
            needed = set(needs)
            if len(running) == 1:
                asked.remove("mijlpaal")
            else:
                offered["mijlpaal"] = running
                needed.add("mijlpaal")
            form = form_of_work(work, asked, needed, offered, explanation)
            return _Question(form, lambda answer: work(zaak=view.reference, **dict(answer)))

        return ask

    return of


def _key() -> str:
    """Return the id of this run, so that a run that is repeated does nothing twice."""
    return f"prefect:{this_run().id}"


def _known(here: Office, person: str) -> str:
    """Return the code of somebody to whom work can be given; who is not in the file of recipients is refused."""
    book, code = here.recipients.book(), person.strip()
    if book.configured and code not in book.people:
        raise NotPossible(f"Deze medewerker kennen we niet. Kies uit: {', '.join(sorted(book.people))}.")
    return code


def _process(here: Office, reference: str, milestone: str | None) -> Snapshot:
    """Return the process that is meant: the named one, or the only one that is open."""
    case = here.casework.case(reference).case
    if milestone:
        return case.process(milestone)
    running = [process for process in case.processes if not closed(process)]
    if len(running) == 1:
        return running[0]
    names = ", ".join(process.name for process in running) or "geen"
    raise NotPossible(f"Kies een mijlpaal. Open in zaak {reference}: {names}.")


def _report(
    reference: str, milestone: str | None, event: str, on: date | None, data: Mapping[str, object]
) -> str:
    here = office()
    process = _process(here, reference, milestone)
    known = {name: value for name, value in data.items() if value is not None}
    receipt = here.casework.report(
        reference, event, process=exactly(process.name), on=on, data=known, event_id=_key()
    )
    after = receipt.case.named(receipt.process)
    return f"Zaak {reference}, {after.name}: {waits_for(definition_of(after), after)}."


# --- who has what ---------------------------------------------------------------------------------------------


@_action("Caseload overdragen")
def caseload_overdragen(
    van: Annotated[_Person, Field(title="Van welke medewerker?")],
    naar: Annotated[_Person, Field(title="Naar welke medewerker?")],
    reden: Annotated[Literal[ASSIGN_REASONS], Field(title="Waarom?")] = "werkverdeling",  # type: ignore[valid-type]
    gemeente: Annotated[
        str | None, Field(title="Gemeentecode", description="Leeg: de eigen gemeente.", pattern=r"^[0-9]{4}$")
    ] = None,
) -> str:
    """Geef alle zaken van een medewerker aan een collega. Elke zaak krijgt daarvan een regel in haar journaal."""
    here = office()
    naar = _known(here, naar)
    caseload = Caseload(here.engine, here.casework)
    done, refused = 0, []
    for held, refusal in caseload.reassign(
        van.strip(), naar, gemeente or here.settings.municipality, reden, _key()
    ):
        if refusal is None:
            done += 1
        else:
            refused.append(f"{held.reference} {held.process}: {refusal}")
    for line in refused:
        get_run_logger().warning("Niet overgedragen: %s", line)
    if not done and not refused:
        raise NotPossible(f"{van} heeft geen open zaken in deze gemeente.")
    moved = f"{so_many(done, 'mijlpaal')} {is_or_are(done, 'ging', 'gingen')}"
    return f"{moved} van {van} naar {naar}. {len(refused)} niet: zie de log."


def _people(here: Office, _: CaseView) -> Mapping[str, Sequence[str]]:
    book = here.recipients.book()
    return {"medewerker": sorted(book.people)} if book.configured else {}


@_action("Zaak toewijzen", ("medewerker",), _asks("medewerker", choices=_people))
def zaak_toewijzen(
    zaak: _Case,
    medewerker: _Person | None = None,
    mijlpaal: _Milestone = None,
    reden: Annotated[Literal[ASSIGN_REASONS], Field(title="Waarom?")] = "toegewezen",  # type: ignore[valid-type]
) -> str:
    """Zet een zaak op naam van een medewerker."""
    here = office()
    medewerker = _known(here, medewerker or "")
    process = _process(here, zaak, mijlpaal)
    Caseload(here.engine, here.casework).assign(zaak, process.name, medewerker, reden, _key())
    return f"Zaak {zaak}, {process.name} staat op naam van {medewerker}."


@_action("Afwezigheid melden")
def afwezigheid_melden(
    medewerker: _Person,
    eerste_dag: Annotated[FormDay, Field(title="Eerste dag")],
    laatste_dag: Annotated[FormDay, Field(title="Laatste dag", description="Deze dag hoort erbij.")],
    vervanger: Annotated[
        FormPerson | None,
        Field(title="Wie neemt waar?", description="De code van een collega. Leeg: niemand."),
    ] = None,
    gemeente: Annotated[
        str | None, Field(title="Gemeentecode", description="Leeg: de eigen gemeente.", pattern=r"^[0-9]{4}$")
    ] = None,
) -> str:
    """Meld dat een medewerker er niet is. Zijn zaken krijgen het label van wie waarneemt."""
    here = office()
    vervanger = _known(here, vervanger) if vervanger else None
    Caseload(here.engine, here.casework).declare_absence(
        medewerker.strip(), gemeente or here.settings.municipality, eerste_dag, laatste_dag, vervanger
    )
    changed = refresh_tags(here, get_client(sync_client=True))
    return f"{medewerker} is afwezig. {so_many(changed, 'zaak')} {is_or_are(changed, 'kreeg', 'kregen')} andere labels."


# --- one case -------------------------------------------------------------------------------------------------


@_action("Zaak openen")
def zaak_openen(
    mijlpaal: Annotated[Literal[tuple(_BEGINNINGS)], Field(title="Waar begint de zaak?")] = _FIRST,  # type: ignore[valid-type]
    zaak: Annotated[
        FormReference | None,
        Field(
            title="Referentie",
            description="Je eigen zaaknummer, of dat van een zaak die er al is. Leeg: een nieuw nummer. "
            "Geen BSN en geen naam.",
        ),
    ] = None,
    bedreigende_situatie: Annotated[
        bool,
        Field(title="Is er een bedreigende situatie?", description="Bijvoorbeeld ontruiming of afsluiting."),
    ] = False,
    gemeente: Annotated[
        str | None, Field(title="Gemeentecode", description="Leeg: de eigen gemeente.", pattern=r"^[0-9]{4}$")
    ] = None,
    op: _Day = None,
) -> str:
    """Open een zaak in een mijlpaal. Haar run verschijnt vanzelf in de lijst."""
    here = office()
    receipt = here.casework.open(
        _BEGINNINGS[mijlpaal],
        municipality=gemeente or here.settings.municipality,
        reference=zaak,
        on=op,
        data={"bedreigende_situatie": True} if bedreigende_situatie else {},
        key=_key(),
    )
    return f"Zaak {receipt.reference} is geopend in {mijlpaal}."


def _asks_event(_work: _Work[Any]) -> _Asking:
    """Ask what happened, with only what can happen now in the case."""

    def ask(here: Office, view: CaseView, explanation: str) -> _Question:
        running = [process for process in view.case.processes if not closed(process)]
        able = choices_of_case(running)
        if not able:
            raise NotPossible(f"In zaak {view.reference} kan nu niets gemeld worden.")
        policy = here.rules_for(view.municipality).policy

        def report(answer: BaseModel) -> str:
            filled = answer.model_dump(mode="json", exclude_none=True)
            process, spec = able[filled["gebeurtenis"]]
            event, on, data = event_from(process, {**filled, "gebeurtenis": spec.label})
            return _report(view.reference, process.name, event, on, data)

        return _Question(form_for_case(running, explanation, policy), report)

    return ask


@_action("Gebeurtenis melden", ("gebeurtenis",), _asks_event)
def gebeurtenis_melden(
    zaak: _Case,
    gebeurtenis: Annotated[Literal[_LABELS] | None, Field(title="Wat is er gebeurd?")] = None,  # type: ignore[valid-type]
    mijlpaal: _Milestone = None,
    op: _Day = None,
    gegevens: Annotated[
        EventDetails | None,
        Field(title="Gegevens", description="Alleen wat bij deze gebeurtenis hoort."),
    ] = None,
) -> str:
    """Meld een gebeurtenis zonder de run van de zaak op te zoeken. Wat niet kan, wordt geweigerd met de reden."""
    process = _process(office(), zaak, mijlpaal)
    event = next(
        (spec.name for spec in _events_of(definition_of(process)) if spec.label == gebeurtenis), None
    )
    if event is None:
        raise NotPossible(f"'{gebeurtenis}' hoort niet bij {process.name}.")
    return _report(zaak, process.name, event, op, details_of(gegevens))


def _terms(here: Office, view: CaseView) -> Mapping[str, Sequence[str]]:
    """Return the terms that run and that can be extended, by code and name."""
    policy = here.rules_for(view.municipality).policy
    running = {term.term for process in view.case.processes for term in process.terms if term.runs}
    kinds = [policy.term(code) for code in sorted(running)]
    return {"termijn": [f"{kind.id} {kind.name}" for kind in kinds if kind.extension is not None]}


@_action("Termijn verlengen", ("termijn", "motivering"), _asks("termijn", "motivering", choices=_terms))
def termijn_verlengen(
    zaak: _Case,
    termijn: Annotated[
        str | None, Field(title="Termijn", description="De code van de termijn, zoals T12.", pattern=_TERM)
    ] = None,
    motivering: Motivation | None = None,
    mijlpaal: _Milestone = None,
    tot: Annotated[
        FormDay | None, Field(title="Nieuwe laatste dag", description="Of vul een aantal weken in.")
    ] = None,
    weken: Annotated[int | None, Field(title="Aantal weken erbij", ge=1, le=52)] = None,
    instemming: Annotated[bool, Field(title="Stemmen de anderen in?")] = False,
    verzoek_inwoner: Annotated[bool, Field(title="Vraagt de inwoner er zelf om?")] = False,
    op: _Day = None,
) -> str:
    """Geef een termijn meer tijd, met een reden. Dat kan alleen waar de wet of de module het toelaat."""
    data = {
        "termijn": (termijn or "").partition(" ")[0],
        "motivering": motivering,
        "tot": tot,
        "weken": weken,
        "instemming": instemming or None,
        "verzoek_inwoner": verzoek_inwoner or None,
    }
    return _report(zaak, mijlpaal, "termijn_verlengd", op, data)


def _steps_back(here: Office, view: CaseView, process: Snapshot) -> dict[str, str]:
    """Return the steps to which a process can go back, by what each waits for: where it was already."""
    definition = definition_of(process)
    been = {
        row.after
        for row in here.casework.case(view.reference).journal
        if row.process == process.name and row.after != process.state
    }
    return {
        definition.state(code).waits_for: code for code in earlier_states(definition, process) if code in been
    }


def _earlier(here: Office, view: CaseView) -> Mapping[str, Sequence[str]]:
    running = [process for process in view.case.processes if not closed(process)]
    return {"naar": tuple(dict.fromkeys(step for one in running for step in _steps_back(here, view, one)))}


@_action("Zaak terugzetten", ("naar", "reden"), _asks("naar", "reden", choices=_earlier))
def zaak_terugzetten(
    zaak: _Case,
    naar: Annotated[
        Literal[_STEPS] | None,  # type: ignore[valid-type]
        Field(title="Naar welke stap?", description="Waar de zaak in deze mijlpaal al eens stond."),
    ] = None,
    reden: Annotated[Literal[PUT_BACK_REASONS] | None, Field(title="Waarom?")] = None,  # type: ignore[valid-type]
    mijlpaal: _Milestone = None,
    op: _Day = None,
) -> str:
    """Zet een zaak terug naar een eerdere stap. Het journaal houdt alles; termijnen lopen weer zoals toen."""
    here = office()
    process = _process(here, zaak, mijlpaal)
    able = _steps_back(here, here.casework.case(zaak), process)
    target = ({code: code for code in able.values()} | able).get(naar or "")
    if target is None:
        can = "; ".join(able) or "nergens heen"
        raise NotPossible(f"Zaak {zaak} kan niet terug naar '{naar}'. Wel naar: {can}.")
    return _report(zaak, process.name, PUT_BACK, op, {"naar": target, "reden": reden})


@_action("Zaak sluiten", ("uitstroomreden", "motivering"), _asks("uitstroomreden", "motivering"))
def zaak_sluiten(
    zaak: _Case,
    uitstroomreden: Annotated[Literal[EXIT_REASONS] | None, Field(title="Reden van uitstroom (DDAS)")] = None,  # type: ignore[valid-type]
    motivering: Motivation | None = None,
    mijlpaal: _Milestone = None,
    overrulereden: Annotated[
        FormCode | None,
        Field(
            title="Toch sluiten terwijl een partner nog niet klaar is?",
            description="Dan is een code nodig van de reden van de coördinator.",
        ),
    ] = None,
    op: _Day = None,
) -> str:
    """Sluit een zaak met een uitstroomreden. Na het eerste gesprek kan dat alleen met een beschikking."""
    data = {"uitstroomreden": uitstroomreden, "motivering": motivering, "overrulereden": overrulereden}
    return _report(zaak, mijlpaal, "uitgestroomd", op, data)


_RELOCATION = MappingProxyType(
    {
        "Verhuisd, wij blijven uitvoeren": ("verhuizing", {"keuze": "behouden"}),
        "Verhuisd, de zaak gaat over": ("verhuizing", {"keuze": "overdragen"}),
        "De andere gemeente neemt de zaak over": ("overname_aanvaard", {}),
        "De andere gemeente neemt de zaak niet over": ("overname_geweigerd", {}),
    }
)


@_action("Verhuizing melden", ("wat",), _asks("wat"))
def verhuizing_melden(
    zaak: _Case,
    wat: Annotated[Literal[tuple(_RELOCATION)] | None, Field(title="Wat is er gebeurd?")] = None,  # type: ignore[valid-type]
    mijlpaal: _Milestone = None,
    motivering: Annotated[
        FormCode | None,
        Field(
            title="Code van de motivering",
            description="Nodig als de andere gemeente de zaak overneemt: dan eindigt de hulp hier.",
        ),
    ] = None,
    op: _Day = None,
) -> str:
    """Meld dat de inwoner verhuist. De termijnen lopen door tot de andere gemeente de zaak overneemt."""
    event, data = _RELOCATION[wat or ""]
    return _report(zaak, mijlpaal, event, op, {**data, "motivering": motivering})


# --- a request to cancel --------------------------------------------------------------------------------------

_CONFIRM, _REFUSE = "Bevestigen: de zaak sluit", "Weigeren: de zaak gaat door"
_ENDINGS = ("uitgestroomd", "geen_vervolg")


@_action("Annulering beoordelen", ("besluit",), _asks("besluit"))
def annulering_beoordelen(
    zaak: _Case,
    besluit: Annotated[Literal[_CONFIRM, _REFUSE] | None, Field(title="Wat besluit je?")] = None,  # type: ignore[valid-type]
    mijlpaal: _Milestone = None,
    uitstroomreden: Annotated[
        Literal[EXIT_REASONS], Field(title="Reden van uitstroom", description="Alleen bij bevestigen.")  # type: ignore[valid-type]
    ] = "Overig",
    motivering: Annotated[
        FormCode | None,
        Field(title="Code van de motivering", description="Alleen bij bevestigen."),
    ] = None,
) -> str:
    """Iemand drukte op Cancel bij een zaak. Bevestig dat, of weiger het. Tot dan loopt de zaak gewoon door."""
    here = office()
    asked = {(item.process_id, item.process) for item in open_cancellations(here.engine, zaak)}
    waiting = sorted(item for item in asked if mijlpaal in (None, "", item[1]))
    if not waiting:
        here.casework.case(zaak)
        raise NotPossible(f"Voor zaak {zaak} heeft niemand om annuleren gevraagd.")
    if len(waiting) > 1:
        raise NotPossible(f"Kies een mijlpaal: {', '.join(name for _, name in waiting)}.")
    process_id, name = waiting[0]
    if besluit == _REFUSE:
        decide_cancellation(here.engine, process_id, Decision.REFUSED)
        return f"Zaak {zaak}, {name} gaat door."
    said = _close(here, zaak, name, uitstroomreden, motivering)
    decide_cancellation(here.engine, process_id, Decision.CONFIRMED)
    return said


def _close(here: Office, reference: str, name: str, reason: str, motivation: str | None) -> str:
    process = here.casework.case(reference).case.named(name)
    able = possible_now(process)
    event = next((one for one in _ENDINGS if one in able), None)
    if event is None:
        raise NotPossible(
            f"{name} sluit niet zomaar. Meld wat er gebeurd is met het formulier van de zaak.", able
        )
    reasons = {"uitstroomreden": reason} if event == "uitgestroomd" else {}
    data = {**reasons, "motivering": motivation}
    return _report(reference, exactly(name), event, None, data)


ACTIONS: Mapping[str, ActionFlow] = MappingProxyType(
    {
        "zaak-openen": zaak_openen,
        "gebeurtenis-melden": gebeurtenis_melden,
        "zaak-toewijzen": zaak_toewijzen,
        "caseload-overdragen": caseload_overdragen,
        "afwezigheid-melden": afwezigheid_melden,
        "termijn-verlengen": termijn_verlengen,
        "zaak-terugzetten": zaak_terugzetten,
        "zaak-sluiten": zaak_sluiten,
        "verhuizing-melden": verhuizing_melden,
        "annulering-beoordelen": annulering_beoordelen,
    }
)
