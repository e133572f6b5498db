"""The file that says to which zaaksysteem we write back, and what stands for which statustype and resultaattype."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from adapters.exchange.references import normal
from adapters.exchange.refusals import IntegrationError
from adapters.exchange.subscriber_authorization import Authorization, read_authorization
from adapters.exchange.webhook_addresses import HTTPS_OR_HERE
from adapters.runtime.toml_files import TomlError, read_toml
from adapters.runtime.toml_lines import Place, TomlLines
from milestones.definitions import DEFINITIONS, VERSIONS
from milestones.event_fields import EXIT_REASONS, OTHER_RESULTS
from milestones.term_table import TERMS
from milestones.vocabulary import DECISION, DECISION_WITHOUT_ORDINANCE

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

CASE_ENDS = "einde"
"""The key of the status with which a zaak ends: when every process of its case has ended."""

_STATES = frozenset(f"{item.code}.{state.code}" for item in VERSIONS for state in item.states)
_EVENTS = frozenset(f"{item.code}.{row.event}" for item in VERSIONS for row in item.rows)
_RESULTS = frozenset(
    (
        *EXIT_REASONS,
        *OTHER_RESULTS,
        *(
            value
            for item in VERSIONS
            for row in item.rows
            for name in ("uitstroomreden", "eindresultaat")
            if isinstance(value := row.sets.get(name), str)
        ),
    )
)


class CaseSystemFileError(IntegrationError):
    """A file that cannot be used: one Dutch sentence with the line."""


def _mijlpaal(key: str) -> str:
    if key not in DEFINITIONS and key not in _STATES and key != CASE_ENDS:
        raise ValueError(f"'{key}' is geen mijlpaal (M3), geen toestand (M4.INTAKE) en niet '{CASE_ENDS}'")
    return key


def _result(key: str) -> str:
    if key not in _RESULTS and key not in _STATES:
        raise ValueError(f"'{key}' is geen uitstroomreden, geen eindresultaat en geen toestand")
    return key


def _decision(key: str) -> str:
    if key not in _EVENTS:
        raise ValueError(f"'{key}' is geen gebeurtenis van een mijlpaal, zoals M6.bekendgemaakt")
    return key


def _term(key: str) -> str:
    if key not in TERMS:
        raise ValueError(f"termijn '{key}' bestaat niet")
    return key


Url = Annotated[
    str,
    StringConstraints(
        pattern=HTTPS_OR_HERE + r"(/[^\s?#]*)?$",
        max_length=500,
        strip_whitespace=True,
    ),
    AfterValidator(lambda value: value.rstrip("/")),
]
_LONGEST_NAME = 80  # of an omschrijving in a catalogus
_Place = TypeAdapter(Url)


def _type(value: str) -> str:
    """Return the address of a type in the catalogus, or its omschrijving there; no other address."""
    if "://" in value:
        try:
            return _Place.validate_python(value)
        except ValidationError:
            raise PydanticCustomError("string_pattern_mismatch", "geen adres") from None
    name = value.strip()
    if not 0 < len(name) <= _LONGEST_NAME:
        raise ValueError(f"een omschrijving heeft 1 tot {_LONGEST_NAME} tekens")
    return name


TypeName = Annotated[str, AfterValidator(_type)]
StatusKey = Annotated[str, AfterValidator(_mijlpaal)]
ResultKey = Annotated[str, AfterValidator(_result)]
DecisionKey = Annotated[str, AfterValidator(_decision)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseType(_Part):
    """What we write in a zaak of one zaaktype, in one or more versions of it."""

    zaaktype: Annotated[tuple[Url, ...], Field(min_length=1)]
    termijnen: tuple[Annotated[str, AfterValidator(_term)], ...] = (DECISION, DECISION_WITHOUT_ORDINANCE)
    statussen: dict[StatusKey, TypeName] = {}
    resultaten: dict[ResultKey, TypeName] = {}
    besluiten: dict[DecisionKey, TypeName] = {}


class CaseSystem(_Part):
    """One zaaksysteem, of one municipality."""

    gemeente: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    adres: Url
    autorisatie: Path
    vanaf: date
    besluiten_adres: Url | None = None
    rsin: Annotated[str, Field(pattern=r"^[0-9]{9}$")] | None = None
    zaaktype: Annotated[tuple[CaseType, ...], Field(min_length=1)]

    @property
    def zaken(self) -> str:
        """What the reference to a zaak of this system begins with, as references are kept."""
        return normal(f"{self.adres}/zaken/x").removesuffix("x")

    def url_of(self, reference: str) -> str:
        """Return the address of a zaak as the system itself writes it."""
        return f"{self.adres}/zaken/{reference.removeprefix(self.zaken)}"

    def case_type(self, url: str) -> CaseType | None:
        """Return what we write in zaken of this zaaktype; None where the file does not name it."""
        return next((item for item in self.zaaktype if url.rstrip("/") in item.zaaktype), None)


class _File(_Part):
    zaaksysteem: Annotated[tuple[CaseSystem, ...], Field(min_length=1)]


def read_case_systems(path: Path | None) -> tuple[CaseSystem, ...]:
    """Read the file; none without a path. A wrong one is a CaseSystemFileError with the line.

    A change counts at once: a file is read again when it is another one than before.
    """
    if path is None:
        return ()
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        raise CaseSystemFileError(f"Het bestand {path.name} met het zaaksysteem is niet te lezen.") from None


@cache
def _read(path: Path, changed: int) -> tuple[CaseSystem, ...]:
    del changed
    try:
        content, text = read_toml(path)
    except TomlError as error:
        raise CaseSystemFileError(error.sentence) from None
    try:
        systems = _File.model_validate(content).zaaksysteem
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        wrong = [part for part in first["loc"] if part != "[key]"]
        raise CaseSystemFileError(_sentence(path, TomlLines(text).of(wrong), _what(first))) from None
    lines = TomlLines(text)
    for number, system in enumerate(systems):
        place: Place = ("zaaksysteem", number)
        if any(other.gemeente == system.gemeente for other in systems[:number]):
            raise CaseSystemFileError(
                _sentence(path, lines.of((*place, "gemeente")), f"gemeente {system.gemeente} staat er al")
            )
        if any(item.besluiten for item in system.zaaktype) and not (system.besluiten_adres and system.rsin):
            raise CaseSystemFileError(
                _sentence(path, lines.of(place), "bij besluiten horen 'besluiten_adres' en 'rsin'")
            )
    return systems


def _sentence(path: Path, line: int | None, what: str) -> str:
    return f"{path.name}{'' if line is None else f', regel {line}'}: {what}."


def _what(first: ErrorDetails) -> str:
    """Say what is wrong, by the kind of error; a value is never repeated."""
    names = [part for part in first["loc"] if isinstance(part, str) and part != "[key]"]
    name = names[-1] if names else ""
    if first["type"] == "value_error":
        return first["msg"].removeprefix("Value error, ")
    if first["type"] == "string_pattern_mismatch":
        return _FORMS.get(name, f"'{name}' is geen adres met https:// (http:// kan alleen op deze machine)")
    return _WRONG.get(first["type"], "de waarde van '{0}' kan hier niet").format(name)


_FORMS = {
    "gemeente": "een gemeentecode heeft vier cijfers, zoals 0518",
    "rsin": "een RSIN heeft negen cijfers",
}
_WRONG = {
    "missing": "'{0}' ontbreekt",
    "extra_forbidden": "'{0}' hoort hier niet",
    "too_short": "'{0}' is leeg",
    "date_type": "'{0}' is geen datum; schrijf {0} = 2026-12-01",
    "date_parsing": "'{0}' is geen datum; schrijf {0} = 2026-12-01",
    "date_from_datetime_parsing": "'{0}' is geen datum; schrijf {0} = 2026-12-01",
}


def system_of(systems: tuple[CaseSystem, ...], municipality: str) -> CaseSystem | None:
    """Return the zaaksysteem of a municipality; None where it has none."""
    return next((item for item in systems if item.gemeente == municipality), None)


def authorization_of(path: Path, system: CaseSystem) -> Authorization:
    """Read with what we make ourselves known; its file lies beside the file itself. Raises AuthorizationError."""
    return read_authorization(path.parent / system.autorisatie)
