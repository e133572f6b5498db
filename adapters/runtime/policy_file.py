"""The policy file of a municipality as pydantic reads it: every key, with what it means and what is allowed.

What the law allows is checked by `milestones`; here stands the form of the file. Everything that is wrong is named,
each thing with its line.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from adapters.runtime.policy_words import (
    CODE_LISTS,
    ESCALATION,
    NUMBER_WORDS,
    SWITCH_WORDS,
    WARNINGS,
    WORKER_WORDS,
    term_schema,
    term_words,
)
from adapters.runtime.problems import WrongLine
from adapters.runtime.toml_lines import TomlLines
from milestones.civil_dates import civil_date
from milestones.event_fields import BOTTLENECKS
from milestones.policy import KEYS, NUMBERS, Policy, unknown_key, with_overrides
from milestones.policy_plans import ALL, ELEMENT_CODES, LONGEST_CRITERION, ElementCode, FigureCode, Layer, Per
from milestones.policy_values import (
    LISTED_CODE,
    LONGEST_FORM,
    LONGEST_NAME,
    LONGEST_SENTENCE,
    PROCESS_CODES,
    PolicyError,
    check_role,
)
from milestones.roles import OUTSIDE, ROLES
from milestones.target_groups import TARGET_GROUPS
from milestones.term_table import TERMS
from milestones.vocabulary import JudgedKind

if TYPE_CHECKING:
    from collections.abc import Sequence

INSIDE = tuple(role for role in ROLES if role not in OUTSIDE)
_ALL_KEYS = tuple(sorted(KEYS))


def _inside(role: str) -> str:
    check_role("rol", role)
    return role


def _day(written: object) -> object:
    """Take a date between quotes too, as people write it; any other text stays, and is refused."""
    return civil_date(written) or written if isinstance(written, str) else written


_Day = Annotated[date, BeforeValidator(_day)]
_InsideRole = Annotated[
    str, AfterValidator(_inside), WithJsonSchema({"type": "string", "enum": list(INSIDE)})
]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)]
_Sentence = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_SENTENCE)
]
_Code = Annotated[str, StringConstraints(pattern=rf"^{LISTED_CODE}$")]
_Asks = Annotated[
    dict[_InsideRole, _Sentence],
    Field(description="Wat het van welke rol vraagt, in woorden. Die rol krijgt dan een taak."),
]


class _Entry(BaseModel):
    """A part of the file: no other keys than its own, and no value that is read as another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ProfileEntry(_Entry):
    """Een levensfase of persona."""

    naam: Annotated[_Name, Field(description="Hoe zij heet in lijsten en formulieren.")]
    taken: _Asks = {}


class OfferEntry(_Entry):
    """Wat de gemeente een doelgroep biedt."""

    aanbod: Annotated[_Sentence, Field(description="Wat de gemeente deze doelgroep biedt.")]
    taken: _Asks = {}


class ElementEntry(_Entry):
    """Wat de gemeente koos voor een element van de basisdienstverlening."""

    aan: Annotated[bool, Field(description="Of de gemeente dit element biedt.")]
    vanaf: Annotated[_Day | None, Field(description="Sinds wanneer, of vanaf wanneer.")] = None
    laag: Annotated[Layer, Field(description="In welke laag het hoort.")] = "basis"
    vinkje: Annotated[
        str | None,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_CRITERION),
        Field(description="Wanneer het vinkje gezet kan worden, in eigen woorden."),
    ] = None
    naam: Annotated[_Sentence | None, Field(description="De naam, als onze naam niet is geverifieerd.")] = (
        None
    )


class TargetEntry(_Entry):
    """Een doel dat te meten is."""

    cijfer: Annotated[FigureCode, Field(description="De code van het cijfer in de monitor.")]
    onderdeel: Annotated[_Sentence | None, Field(description="Een onderdeel van dat cijfer, zoals M4.")] = (
        None
    )
    minstens: Annotated[float | None, Field(ge=0, description="De laagste waarde die goed is.")] = None
    hoogstens: Annotated[float | None, Field(ge=0, description="De hoogste waarde die goed is.")] = None
    per: Annotated[Per, Field(description="Over welke periode.")] = "kwartaal"


class QuestionEntry(_Entry):
    """Een vraag die collega's over elkaars zaken beantwoorden, met een score van 1 tot en met 5."""

    code: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z][a-z_]{0,23}$"),
        Field(
            description="Een korte code, die in de antwoorden staat. Maak van een andere vraag een andere code."
        ),
    ]
    label: Annotated[_Name, Field(description="Hoe de vraag in de monitor heet.")]
    vraag: Annotated[_Sentence, Field(description="Wat er wordt gevraagd.")]
    element: Annotated[
        ElementCode | None, Field(description="Over welk element van de basisdienstverlening het gaat.")
    ] = None
    knelpunt: Annotated[
        Annotated[str, WithJsonSchema({"type": "string", "enum": list(BOTTLENECKS)})] | None,
        Field(description="Welk knelpunt een score van 1 of 2 meldt."),
    ] = None


class OriginEntry(_Entry):
    """Waar een eigen keuze vandaan komt."""

    bron: Annotated[
        _Sentence, Field(description="Zoals een raadsbesluit, een verordening of een werkafspraak.")
    ]
    op: Annotated[_Day, Field(description="De datum van die bron.")]


_FOUR_EYES = "tweede_beoordeling"


def _described(kind: Any, default: object, words: str) -> Any:
    return (kind, Field(default=default, description=words))


def _term_fields() -> dict[str, Any]:
    """Return a field for each term: `milestones` reads the value, the schema says what the law allows."""
    return {
        term.id: (
            Annotated[Any, PlainValidator(_reader_of(term.id)), WithJsonSchema(dict(term_schema(term)))],
            Field(default=None),
        )
        for term in TERMS.values()
        if term.norm_of is None
    }


def _reader_of(term_id: str) -> Any:
    def read(value: object) -> object:
        with_overrides(Policy(), {term_id: value})
        return value

    return read


@cache
def policy_model() -> type[BaseModel]:
    """Return the model of the whole file."""
    fields: dict[str, Any] = {
        "naam": _described(_Name, "standaard", "De naam van dit beleid, voor mensen."),
        "gemeente": _described(
            Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")],
            None,
            "De gemeentecode. Alleen nodig als het bestand zelf anders heet.",
        ),
        **{
            key: _described(Annotated[int, Field(ge=1)], getattr(Policy(), NUMBERS[key]), words)
            for key, words in NUMBER_WORDS.items()
        },
        **{key: _described(bool, default, words) for key, (default, words) in SWITCH_WORDS.items()},
        _FOUR_EYES: _described(
            list[JudgedKind], [],
            "Welke besluiten op een tweede mens wachten: 'toelating', 'weigering', 'beeindiging', en 'overrulen' (toch "
            "beëindigen terwijl een partner de oorzaak is). Een werkafspraak: geen wet vraagt het.",
        ),
        "namen": _described(
            dict[Annotated[str, WithJsonSchema({"type": "string", "enum": list(PROCESS_CODES)})], _Name], {},
            'Hoe de mijlpalen hier heten, zoals M6 = "Plan van aanpak".',
        ),
        "rollen": _described(
            dict[_InsideRole, _InsideRole], {}, "Welke rol het werk van een andere rol doet (Wgs art. 3a)."
        ),
        "bezette_rollen": _described(
            list[_InsideRole], [], "De rollen die hier bezet zijn. Ontbreekt er een, dan wordt het beleid geweigerd."
        ),
        "levensfasen": _described(
            dict[_Code, ProfileEntry], None, "De eigen lijst van levensfasen, in de plaats van de lijst die erbij zit."
        ),
        "personas": _described(
            dict[_Code, ProfileEntry], None, "De eigen lijst van persona's, in de plaats van de lijst die erbij zit."
        ),
        **{
            key: _described(dict[_Code, _Sentence], None, words) for key, words in CODE_LISTS.items()
        },
        "medewerkercode": _described(
            Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_FORM)], None, WORKER_WORDS
        ),
        "doelgroepen": _described(
            dict[Annotated[str, WithJsonSchema({"type": "string", "enum": list(TARGET_GROUPS)})], OfferEntry], {},
            "Het eigen aanbod per doelgroep (basisdienstverlening element 6; Wgs art. 2 lid 4 onder e voor gezinnen).",
        ),
        "elementen": _described(
            dict[ElementCode, ElementEntry], {},
            "Welke elementen van de basisdienstverlening de gemeente biedt, met nummer 1 tot en met 20.",
        ),
        "doelen": _described(
            list[TargetEntry], [], "Doelen die te meten zijn (Wgs art. 2 lid 4 onder a)."
        ),
        "kwaliteitsvragen": _described(
            list[QuestionEntry], None, "De eigen vragen bij kwaliteit, in de plaats van de lijst die erbij zit."
        ),
        "herkomst": _described(
            dict[str, OriginEntry], {},
            f"Waar elke eigen keuze vandaan komt: per sleutel van dit bestand, of '{ALL}'.",
        ),
        **_term_fields(),
    }  # fmt: skip
    return create_model("Beleid", __base__=_Entry, **fields)


def problems_of(file: str, content: Mapping[str, Any], text: str) -> tuple[WrongLine, ...]:
    """Return everything that is wrong with the content of a policy file, each with its line in the text."""
    lines = TomlLines(text)
    try:
        policy_model().model_validate(content)
        with_overrides(Policy(), plain(content))
    except ValidationError as error:
        found = [_wrong(item) for item in error.errors(include_url=False)]
    except PolicyError as error:
        found = [(error.place, error.sentence)]
    else:
        return ()
    wrong = {WrongLine(file, lines.of(place), sentence) for place, sentence in found}
    return tuple(sorted(wrong, key=lambda item: (item.line or 0, item.sentence)))


def plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content as JSON has it: a date is its text."""
    return {str(key): _plain_value(value) for key, value in content.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return plain(value)
    if isinstance(value, list):
        return [_plain_value(item) for item in value]
    return value


# --- what is wrong, in Dutch ---------------------------------------------------------------------------------


def _wrong(item: Any) -> tuple[tuple[str | int, ...], str]:
    """Return the place and the sentence of what pydantic found."""
    place = tuple(part for part in item["loc"] if part != "[key]")
    said = item.get("ctx", {}).get("error")
    if isinstance(said, PolicyError):
        return (said.place or place), said.sentence.replace("'rol'", f"'{_named(place)}'")
    if item["type"] == "extra_forbidden":
        return place, _unknown(place, _known_beside(place))
    return place, f"Beleid: '{_named(place)}': {_in_dutch(item)}."


def _named(place: Sequence[str | int]) -> str:
    """Return a place as people read it: doelen[1].per."""
    words = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place)
    return words.removeprefix(".")


def _known_beside(place: Sequence[str | int]) -> Sequence[str]:
    """Return the keys that are known where an unknown one stands."""
    entries: Mapping[str, type[BaseModel]] = {
        "levensfasen": ProfileEntry,
        "personas": ProfileEntry,
        "doelgroepen": OfferEntry,
        "elementen": ElementEntry,
        "doelen": TargetEntry,
        "kwaliteitsvragen": QuestionEntry,
        "herkomst": OriginEntry,
    }
    return tuple(entries[str(place[0])].model_fields) if len(place) > 1 else _ALL_KEYS


def _unknown(place: Sequence[str | int], known: Sequence[str]) -> str:
    near = get_close_matches(str(place[-1]), known, n=3, cutoff=0.6)
    if len(place) > 1:
        return f"Beleid: '{_named(place)}' is hier niet bekend (wel: {', '.join(known)})."
    return unknown_key(_named(place), near)


def _in_dutch(item: Any) -> str:
    about = item.get("ctx", {})
    kind = item["type"]
    if kind == "missing":
        return "dit ontbreekt"
    if kind in ("greater_than_equal", "int_type", "int_from_float"):
        least = about.get("ge", 1)
        return f"dit is een {'geheel ' if least == 1 else ''}getal van {least:g} of meer"
    if kind == "literal_error":
        words = str(about["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return (
            "dit is geen element; wel: 1 tot en met 20"
            if len(words) == len(ELEMENT_CODES)
            else f"kies uit {', '.join(words)}"
        )
    return _DUTCH.get(kind) or next(
        (words for start, words in _DUTCH_START.items() if kind.startswith(start)), "dit klopt niet"
    )


_DUTCH = {
    "string_too_short": "dit is een tekst van een of meer tekens",
    "string_pattern_mismatch": "deze code heeft niet de goede vorm: kort, met kleine letters, cijfers en streepjes",
    "bool_type": "dit is true of false",
    "float_type": "dit is een getal",
    "list_type": "dit is een lijst; schrijf [[doelen]] met dubbele haken, of [ ... ]",
    "string_too_long": f"dit is een tekst van ten hoogste {LONGEST_SENTENCE} tekens",
}
_DUTCH_START = {
    "string": "dit is een tekst",
    "date": "dit is een datum: jjjj-mm-dd",
    "model": "dit is een tabel",
    "dict": "dit is een tabel",
}


_SHARED: Mapping[str, Mapping[str, Any]] = {"Waarschuwingen": WARNINGS, "Escalatie": ESCALATION}


def written_schema() -> str:
    """Return the JSON schema with which an editor helps and checks."""
    schema = _with_shared_parts(policy_model().model_json_schema())
    schema["$defs"] |= {name: dict(part) for name, part in _SHARED.items()}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["description"] = "Het beleid van een gemeente voor routekaart. De wet gaat altijd voor."
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def _with_shared_parts(value: Any) -> Any:
    """Return a schema in which what many terms share stands once."""
    if isinstance(value, list):
        return [_with_shared_parts(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    for name, part in _SHARED.items():
        if value == part:
            return {"$ref": f"#/$defs/{name}"}
    return {key: _with_shared_parts(item) for key, item in value.items()}


def written_example() -> str:
    """Return a policy file in which nothing is chosen yet: each key with its default and what it means."""
    lines = [_EXAMPLE_HEAD]
    tables = [_EXAMPLE_TAIL]
    for name, field in policy_model().model_fields.items():
        if name in NUMBERS or name in SWITCH_WORDS or name == _FOUR_EYES:
            lines += [*_comment(field.description or ""), f"# {name} = {json.dumps(field.default)}", ""]
    lines += [*_comment(WORKER_WORDS), '# medewerkercode = "P[0-9]{6}"', ""]
    for term in TERMS.values():
        if term.norm_of is None:
            length = (
                f"{term.length.unit} = {term.length.amount}" if term.length else 'waarschuwingen = ["-7d"]'
            )
            lines += [*_comment(term_words(term)), f"# {term.id} = {{ {length} }}", ""]
    return "\n".join([*lines, *tables])


def _comment(words: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(words, 112)]


_EXAMPLE_HEAD = """\
#:schema ../docs/gebruik/beleid.schema.json
# Beleid van een gemeente. Noem dit bestand naar de gemeentecode (zoals 0518.toml) en haal een # weg om te kiezen.
# Wat er niet staat, is zoals hieronder. De regel #:schema laat een editor helpen: zet er de plaats van het schema in
# (routekaart beleid schema > beleid.schema.json).

naam = "Voorbeeld"
"""
_EXAMPLE_TAIL = """\
# Hoe de mijlpalen hier heten.
# [namen]
# M6 = "Plan van aanpak"

# Welke rol het werk van een andere rol doet.
# [rollen]
# quality_reviewer = "coordinator"

# Het eigen aanbod voor een doelgroep, en wat het van welke rol vraagt.
# [doelgroepen.jongere]
# aanbod = "jongerenteam"
# taken = { budget_coach = "bel het jongerenteam" }

# Eigen codes, elk met wat zij betekent: een eigen lijst vervangt wat erbij zit. Waarmee een besluit wordt gemotiveerd.
# [motiveringen]
# m7 = "afspraken niet nagekomen"

# Waarom een zaak toch eindigt terwijl een partner de oorzaak is.
# [overruleredenen]
# ov1 = "de partner kan niet meer leveren"

# Meetinstrumenten.
# [meetinstrumenten]
# zrm = "Zelfredzaamheid-Matrix"

# Levensfasen en persona's: een eigen lijst vervangt de lijst die erbij zit.
# [levensfasen.scheiding]
# naam = "uit elkaar"
# taken = { case_worker = "vraag naar de kinderen" }

# Elementen van de basisdienstverlening, met nummer 1 tot en met 20.
# [elementen.8]
# aan = true
# vanaf = 2026-07-01
# laag = "basis"
# vinkje = "Elk plan is binnen een half jaar met de inwoner besproken."

# Kwaliteit: eigen vragen, met een score van 1 tot en met 5. Zij vervangen de lijst die erbij zit.
# [[kwaliteitsvragen]]
# code = "uitleg"
# label = "Uitleg"
# vraag = "Is de brief duidelijk voor de inwoner?"
# element = "7"
# knelpunt = "anders"

# Doelen: een cijfer van de monitor met minstens of hoogstens.
# [[doelen]]
# cijfer = "eerste-gesprek"
# minstens = 95

# Waar elke keuze vandaan komt. "alles" geldt voor wat hier niet staat.
# [herkomst]
# alles = { bron = "beleidsplan schuldhulpverlening", op = 2026-01-01 }
"""
