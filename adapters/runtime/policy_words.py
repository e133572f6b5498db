"""What the keys of a policy file mean, in Dutch, and what the law allows: for the schema and for the example."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from milestones.policy_terms import UNITS, most_of, units_of
from milestones.roles import OUTSIDE, ROLES
from milestones.term_table import NORMS
from milestones.terms import RUNG_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.calendar import Length
    from milestones.terms import Term

NUMBER_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "contactpogingen": "Hoe vaak een inwoner wordt benaderd voordat een vroegsignaal sluit. "
        "De wet noemt geen aantal.",
        "niet_verschenen": "Hoe vaak iemand niet verschijnt voordat een zaak sluit. De wet noemt geen aantal.",
        "kanalen": "Over hoeveel kanalen een inwoner wordt benaderd voordat een vroegsignaal sluit.",
        "nazorgcontacten": "Hoeveel contacten er in de nazorg ten minste zijn (basisdienstverlening element 9).",
    }
)
SWITCH_WORDS: Mapping[str, tuple[bool, str]] = MappingProxyType(
    {
        "verordening_stelt_termijn": (
            True,
            (
                "Of de verordening de termijn van de beschikking stelt (Wgs art. 4a lid 3). "
                "Zo niet, dan geldt Awb art. 4:13."
            ),
        ),
        "tweede_persoon_beleid": (
            False,
            "Of een tweede persoon nodig is om ander beleid in gebruik te nemen.",
        ),
    }
)
CODE_LISTS: Mapping[str, str] = MappingProxyType(
    {
        "motiveringen": "De codes waarmee een besluit wordt gemotiveerd, elk met wat zij betekent. Zonder deze lijst: "
        "een nummer, zoals m-07 of dossier-7, of een code die erbij zit, zoals geen-medewerking.",
        "overruleredenen": "De codes waarom een zaak toch eindigt terwijl een partner de oorzaak is. "
        "Zonder deze lijst: een nummer, zoals ov-3.",
        "meetinstrumenten": "De codes van de meetinstrumenten. Zonder deze lijst: zrm, zelfredzaamheid-9 en ander.",
    }
)
WORKER_WORDS = (
    "De vorm (reguliere expressie) van de code van een medewerker die niet in het bestand met medewerkers of "
    "ontvangers staat. Zonder deze keuze: hooguit drie letters en een nummer, zoals mw-17."
)


WARNINGS: Mapping[str, Any] = MappingProxyType(
    {
        "type": "array",
        "description": "Wanneer er wordt gewaarschuwd, zoals -14d, -2wd of +1w.",
        "items": {"type": "string", "pattern": RUNG_PATTERN},
        "uniqueItems": True,
    }
)
ESCALATION: Mapping[str, Any] = MappingProxyType(
    {
        "type": "array",
        "description": "Wie het hoort als de termijn voorbij is.",
        "items": {"enum": [role for role in ROLES if role not in OUTSIDE]},
        "minItems": 1,
    }
)


def term_words(term: Term) -> str:
    """Say what a term is, how long it is, and what the law allows, with the article."""
    parts = [f"{term.id} {term.name}. Begint: {term.trigger}."]
    parts.append(f"Standaard: {term.length}." if term.length else "De bron noemt geen lengte.")
    parts.append(f"Mag: {allowed_words(term)} ({term.source_text}).")
    return " ".join(parts)


def allowed_words(term: Term) -> str:
    """Say which length a municipality may choose."""
    norm = "; korter mag als eigen norm ernaast" if term.id in NORMS else ""
    if term.length is None:
        return "alleen andere waarschuwingen"
    if not term.configurable:
        return f"geen andere lengte dan {term.length}{norm}"
    if term.longest is not None:
        return f"ten minste 1 dag en ten hoogste {term.longest}{norm}"
    return f"elke lengte, met een reden{norm}" if term.needs_reason else f"elke lengte{norm}"


def term_schema(term: Term) -> Mapping[str, Any]:
    """Return the JSON schema of what a municipality may write for a term."""
    more: dict[str, Any] = {"waarschuwingen": WARNINGS, "escaleert_naar": ESCALATION}
    lengths = _lengths(term.longest, fixed=None if term.configurable else term.length)
    forms: list[dict[str, Any]] = []
    required: dict[str, Any] = {}
    if term.length is not None:
        whole = dict(more)
        whole["lengte"] = lengths
        whole["reden"] = {
            "type": "string", "minLength": 1, "maxLength": 40, "description": "Waarom deze lengte.",
        }  # fmt: skip
        required = {"dependentRequired": {"reden": ["lengte"]}}
        if term.needs_reason:
            required["dependentRequired"]["lengte"] = ["reden"]
            forms.append(_lengths(None, fixed=term.length))
        else:
            forms.append(_lengths(term.longest) if term.id in NORMS else lengths)
        more = whole
    if term.id in NORMS:
        norm = {**more, "lengte": _lengths(term.longest or term.length)}
        more["norm"] = {
            "description": "Een eigen norm, korter dan de termijn. De termijn zelf blijft staan.",
            "anyOf": [
                norm["lengte"],
                {"type": "object", "properties": norm, "required": ["lengte"], "additionalProperties": False},
            ],
        }
    forms.append(
        {"type": "object", "properties": more, "minProperties": 1, "additionalProperties": False} | required
    )
    schema: dict[str, Any] = {
        "title": f"{term.id} {term.name}",
        "description": term_words(term),
        "anyOf": forms,
    }
    if term.length is not None:
        schema["default"] = {str(term.length.unit): term.length.amount}
    return schema


def _lengths(longest: Length | None, fixed: Length | None = None) -> dict[str, Any]:
    """Return the schema of one length: one unit with an amount within the law."""
    if fixed is not None:
        return {
            "type": "object",
            "properties": {str(fixed.unit): {"const": fixed.amount}},
            "required": [str(fixed.unit)],
            "additionalProperties": False,
        }
    properties: dict[str, Any] = {}
    for name, unit in (UNITS if longest is None else units_of(longest)).items():
        most = None if longest is None else most_of(longest, unit)
        if most is None:
            properties[name] = {"type": "integer", "minimum": 1}
        elif most > 0:
            properties[name] = {"type": "integer", "minimum": 1, "maximum": most}
    return {
        "type": "object",
        "properties": properties,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
