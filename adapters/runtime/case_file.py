"""A case file for the simulator, read once and whole (contract 2): what is wrong is one sentence with its step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from milestones.simulation import CaseFile, CaseFileError, CaseStep

_NO_DATE = "'op' of 'tot' moet een datum zijn (jjjj-mm-dd)."
_NO_STEPS = "Een zaakbestand heeft een lijst 'stappen' met minstens één stap."
_SENTENCES = {
    "stappen": _NO_STEPS,
    "beleid": "'beleid' moet een object zijn.",
    "overdrachten": '\'overdrachten\' is "vanzelf" of "met de hand".',
    "gegevens": "'gegevens' moet een object zijn.",
    "op": _NO_DATE,
    "tot": _NO_DATE,
    "open": "'open' is true of false.",
    "mijlpaal": "'mijlpaal' is de code van een mijlpaal.",
    "gebeurtenis": "'gebeurtenis' is de naam van een gebeurtenis.",
}


def _moment(written: object) -> object:
    """Let through a date or a local date-time, as it was written."""
    if not isinstance(written, str):
        raise PydanticCustomError("step", _NO_DATE)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise PydanticCustomError("step", _NO_DATE) from None
    if moment.tzinfo is not None:
        raise PydanticCustomError("step", "schrijf een lokale tijd, zonder tijdzone.")
    return written


def _or_nothing(given: object) -> object:
    return {} if given is None else given


_Moment = Annotated[str, BeforeValidator(_moment)]
_Values = Annotated[Mapping[str, Any], BeforeValidator(_or_nothing)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StepEntry(_Entry):
    """A step as it was written: an opening, an event, or a date up to which the clock runs."""

    op: _Moment | None = None
    tot: _Moment | None = None
    mijlpaal: StrictStr | None = None
    open: StrictBool = False
    gebeurtenis: StrictStr | None = None
    gegevens: _Values = Field(default_factory=dict)

    @model_validator(mode="after")
    def _does_something(self) -> StepEntry:
        if self.tot is None and self.op is None:
            raise PydanticCustomError("step", _NO_DATE)
        if self.tot is None and not self.open and self.gebeurtenis is None:
            raise PydanticCustomError("step", "geef 'open', 'gebeurtenis' of 'tot'.")
        return self

    def as_step(self) -> CaseStep:
        """Return the step as the simulator takes it."""
        written = self.tot or self.op or ""
        event = None if self.open else self.gebeurtenis
        return CaseStep(
            datetime.fromisoformat(written).date(),
            written,
            self.mijlpaal,
            event,
            self.gegevens,
            only_waits=bool(self.tot),
        )


class CaseFileEntry(_Entry):
    """A whole case file; `omschrijving` and `verwacht` are for people and tests."""

    zaak: Any = None
    omschrijving: Any = None
    beleid: _Values = Field(default_factory=dict)
    overdrachten: Literal["vanzelf", "met de hand"] = "vanzelf"
    stappen: Annotated[list[StepEntry], Field(min_length=1)]
    verwacht: Any = None


def read_case_file(content: object) -> CaseFile:
    """Return a case file that can be run; what cannot be is a CaseFileError that names the place."""
    if not isinstance(content, dict):
        raise CaseFileError("Een zaakbestand is een JSON-object met 'zaak' en 'stappen'.")
    try:
        entry = CaseFileEntry.model_validate(content)
    except ValidationError as error:
        raise CaseFileError(_sentence(error.errors())) from None
    steps = tuple(step.as_step() for step in entry.stappen)
    last: date | None = None
    for number, step in enumerate(steps, start=1):
        if last is not None and step.day < last:
            raise CaseFileError(f"Stap {number}: {step.day} ligt voor de vorige stap ({last}).")
        last = step.day
    return CaseFile(entry.zaak, steps, entry.beleid, by_hand=entry.overdrachten == "met de hand")


def _sentence(errors: list[ErrorDetails]) -> str:
    """Return one sentence about the first thing that is wrong; of unknown keys in one place all."""
    first = errors[0]
    *_, name = place = first["loc"]
    step = place[1] + 1 if len(place) > 1 and isinstance(place[1], int) else None
    unknown = [
        str(one["loc"][-1])
        for one in errors
        if one["type"] == first["type"] and one["loc"][:-1] == place[:-1]
    ]
    if first["type"] == "extra_forbidden" and step is None:
        return f"Onbekende sleutel in het zaakbestand: {', '.join(sorted(unknown))}."
    if first["type"] == "extra_forbidden":
        return f"Stap {step}: onbekende sleutel {', '.join(sorted(unknown))}."
    if first["type"] == "step":
        return f"Stap {step}: {first['msg']}"
    if isinstance(name, int):
        return f"Stap {step} is geen object."
    said = _SENTENCES.get(str(name), "het zaakbestand is niet te lezen.")
    return said if step is None else f"Stap {step}: {said}"
