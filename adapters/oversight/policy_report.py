"""The check of a policy as a report for the council, in plain words, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.oversight.document import Block, Grid, Heading, Points, Words
from adapters.oversight.policy_check import RemarkKind
from milestones.counting import so_many
from milestones.dutch import without_weekday

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.oversight.policy_check import PolicyCheck, Remark

_CHAPTERS: Mapping[RemarkKind, tuple[str, str, str]] = {
    RemarkKind.NOT_ALLOWED: (
        "Wat niet mag",
        "Dit mag niet van de wet, of het bestand klopt niet. Dit beleid kan zo niet (meer) in gebruik.",
        "Alles in dit beleid mag van de wet.",
    ),
    RemarkKind.STRICTER: (
        "Waar de gemeente strenger is voor zichzelf",
        "De gemeente belooft hier meer dan de wet vraagt. De termijn van de wet blijft gelden.",
        "De gemeente belooft nergens meer dan de wet vraagt.",
    ),
    RemarkKind.NOT_DECIDED: (
        "Wat nog niet is besloten",
        "Hier heeft de gemeente nog niet gekozen. Dan geldt wat er bij routekaart zit.",
        "Over alles is besloten.",
    ),
    RemarkKind.NOT_VERIFIED: (
        "Wat niet zeker is",
        "Van deze punten is de bron niet gelezen, of het is een voorstel. Dit is geen wet.",
        "Alles steunt op een bron die is gelezen.",
    ),
    RemarkKind.NOT_CARRIED: (
        "Elementen zonder proces",
        "Deze elementen van de basisdienstverlening staan nog in geen enkel proces van routekaart.",
        "Elk element dat de gemeente biedt, staat in een proces.",
    ),
    RemarkKind.ENDS: (
        "Wat afloopt of weer nagekeken moet worden",
        "De eerste datum staat bovenaan.",
        "Er loopt niets af.",
    ),
}


def check_report(check: PolicyCheck) -> tuple[Block, ...]:
    """Return the check as a report; no person and no case is named in it."""
    blocks: list[Block] = [
        Heading(f"Het beleid van gemeente {check.municipality} naast de wet", 1),
        Words(
            f"Nagekeken op {without_weekday(check.on)}. Het gaat om het beleid **{check.policy.name}**. "
            f"De gemeente maakte {so_many(len(check.choices), 'eigen keuze')}."
        ),
        Points([f"{_CHAPTERS[kind][0]}: **{len(check.of(kind))}**" for kind in _CHAPTERS]),
    ]
    for kind, (title, words, nothing) in _CHAPTERS.items():
        found = sorted(check.of(kind), key=lambda item: (item.on is None, item.on))
        blocks += [Heading(title), Words(words if found else nothing), _grid(kind, found)]
    return tuple(blocks)


def _grid(kind: RemarkKind, remarks: list[Remark]) -> Grid:
    if kind is RemarkKind.NOT_ALLOWED:
        return Grid(("wat er niet klopt",), [(item.sentence,) for item in remarks])
    if kind is RemarkKind.ENDS:
        return Grid(
            ("wanneer", "wat", "bron"),
            [(item.on and without_weekday(item.on), item.sentence, item.source) for item in remarks],
        )
    return Grid(("sleutel", "wat", "bron"), [(item.key, item.sentence, item.source) for item in remarks])


def check_json(check: PolicyCheck) -> dict[str, object]:
    """Return the check as JSON."""
    return {
        "gemeente": check.municipality,
        "beleid": check.policy.name,
        "op": check.on.isoformat(),
        "mag": check.allowed,
        "opmerkingen": [remark.as_json() for remark in check.remarks],
    }
