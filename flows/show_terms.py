"""Every term of the table on one page, for a jurist: what it is, how long, since when, and where it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from milestones.definitions import DEFINITIONS
from milestones.roles import dutch_role
from milestones.term_table import TERMS
from milestones.terms import Kind
from milestones.watching import not_watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from milestones.calendar import Length
    from milestones.terms import Term

_INTRODUCTION = """\
Dit zijn alle termijnen die routekaart kent. Een gemeente kan afwijken waar 'instelbaar' staat.

Zekerheid: **V** is nagelezen in de bron, **V\\*** in een oudere tekst of een samenvatting. **U** en **P** zijn niet
geverifieerd: **U** is algemene kennis, **P** is een keuze van het product.
"""
_UNITS: Mapping[str, tuple[str, str]] = {
    "d": ("dag", "dagen"),
    "wd": ("werkdag", "werkdagen"),
    "w": ("week", "weken"),
    "m": ("maand", "maanden"),
}
_NAMED: Mapping[str, str] = {
    "start": "op de eerste dag",
    "0": "op de laatste dag",
    "-0wd": "op de laatste werkdag",
}
_STEP = re.compile(r"([+-])(\d+)(d|wd|w|m)")


def as_page() -> str:
    """Return the page of all terms as Markdown: an overview, and each term with all that is known of it."""
    used = processes_by_term()
    lines = ["# Alle termijnen", "", _INTRODUCTION]
    lines += ["| termijn | naam | lengte | in | bron | zekerheid |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [
        f"| [{term.id}](#{anchor(term)}) | {term.name} | {_length(term.length)} "
        f"| {', '.join(used.get(term.id, ())) or '-'} | {term.source} | {_escaped(term)} |"
        for term in TERMS.values()
    ]
    for term in TERMS.values():
        lines += ["", f"## {term.id} {term.name}", "", *_facts(term, used.get(term.id, ()))]
    return "\n".join(lines) + "\n"


def processes_by_term() -> Mapping[str, tuple[str, ...]]:
    """Return for each term the processes that can start it; a term that no process watches is left out."""
    found: dict[str, list[str]] = {}
    for code, definition in DEFINITIONS.items():
        for term in definition.terms:
            found.setdefault(term, []).append(code)
    return {term: tuple(codes) for term, codes in found.items()}


def anchor(term: Term) -> str:
    """Return the place of a term on the page, as Markdown makes it from its heading."""
    return re.sub(r"[^\w -]", "", f"{term.id} {term.name}".lower()).replace(" ", "-")


def rung_text(step: str) -> str:
    """Return one step of a ladder in words; a step that is none is a ValueError."""
    if step in _NAMED:
        return _NAMED[step]
    match = _STEP.fullmatch(step)
    if match is None:
        raise ValueError(step)
    sign, amount, unit = match.groups()
    when = "na de start" if sign == "+" else "voor de laatste dag"
    return f"{amount} {_UNITS[unit][amount != '1']} {when}"


def _facts(term: Term, used: tuple[str, ...]) -> Iterator[str]:
    yield f"- Begint: {term.trigger}."
    yield f"- Lengte: {_length(term.length)}{_counting(term)}."
    for variant, length in term.variants:
        yield f"- Lengte bij '{variant}': {_length(length)}."
    if term.longest is not None:
        yield f"- Ten hoogste: {term.longest}."
    yield f"- Soort: {_KINDS[term.kind]}; regel uit: {term.basis}."
    yield f"- Na afloop: {term.at_expiry}."
    if term.kind is Kind.DUTY:
        yield f"- Te laat gaat naar: {', '.join(dutch_role(role) for role in term.escalates_to)}."
    if term.ladder:
        yield f"- Waarschuwingen: {', '.join(rung_text(step) for step in term.ladder)}."
    yield f"- Verlengen: {term.extendable}."
    yield f"- Instelbaar door de gemeente: {'ja' if term.norm_of or (term.configurable and term.length) else 'nee'}."
    beside = f"waar {term.norm_of} loopt" if term.norm_of else "elke overdracht"
    watched = f"Bewaakt in: {', '.join(used) or beside}."
    yield f"- {not_watched(term.id) or watched}"
    yield f"- Bron: {term.source_text} ({_escaped(term)})."


_KINDS = {Kind.DUTY: "plicht, kan te laat zijn", Kind.WINDOW: "periode, loopt gewoon af"}


def _counting(term: Term) -> str:
    if term.starts_next_day:
        return ", vanaf de dag erna"
    if term.length is not None and term.length.includes_first_day:
        return ", de eerste dag telt mee"
    return ""


def _length(length: Length | None) -> str:
    if length is None:
        return "geen vaste lengte"
    return str(length) if length.amount else "dezelfde dag"


def _escaped(term: Term) -> str:
    return str(term.confidence).replace("*", "\\*")
