"""A help for a DPIA: what is processed in each part, on what ground, how long it is kept, and who receives it.

It is made from the definitions and the policy, so it says what the program does. Whether that is necessary and
proportionate, and which ground of the AVG it rests on, the municipality says itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.oversight.markdown import table
from milestones.definitions import DEFINITIONS
from milestones.roles import dutch_role
from milestones.vocabulary import ARCHIVE_TERMS, FORGETTING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from milestones.definition import Definition
    from milestones.policy import Policy
    from milestones.terms import Term

_INTRODUCTION = """\
# Hulp bij een DPIA

Wat routekaart verwerkt, uit de definities en het beleid. De gemeente vult zelf aan: de grondslag uit de AVG, of de
verwerking nodig is en niet meer dan nodig, wie verwerker is, en wat een inwoner ervan merkt. Wat niet geverifieerd
is, staat erbij; dat is geen wet. De maatregelen staan in [threats](../operation/threats.md).

## Wat er van een inwoner staat

"""
_HEADS = ("gegeven", "waar", "waarvoor", "hoe lang")
_WHOLE_CASE = "zolang de zaak er is"
_HELD = (
    (
        "pseudoniem (sleutelhash van het BSN); dat is een persoonsgegeven",
        "zakendatabase",
        "dezelfde inwoner herkennen",
        f"{_WHOLE_CASE}; bij een vroegsignaal zonder hulp: {{forgetting}}",
    ),
    (
        "sleutelhash van wie een signaal stuurde en van het bedrag",
        "vroegsignalen in de zakendatabase",
        "een herhaling herkennen",
        "als het pseudoniem",
    ),
    (
        "BSN",
        "nergens; alleen in het geheugen terwijl een bericht wordt gelezen",
        "het pseudoniem maken",
        "seconden",
    ),
    ("naam, adres, geboortedatum, bedrag, schuldeiser", "nergens leesbaar", "-", "-"),
    (
        "nummer van de zaak en van zaken in andere systemen",
        "zakendatabase, Prefect, berichten",
        "de zaak terugvinden",
        _WHOLE_CASE,
    ),
    (
        "wat er gebeurde, wanneer, en wie het meldde",
        "journaal in de zakendatabase",
        "termijnen, verantwoording",
        _WHOLE_CASE,
    ),
    ("wie in de zaak keek", "inzagelog", "controle op inzage", "`ROUTEKAART_KEEP_LOOKS_DAYS`"),
)
_PROTECTED = ("bedreiging", "doelgroep", "uitstroomreden", "overleden")


def as_dpia(policy: Policy) -> str:
    """Return the help for a DPIA as Markdown, with the terms of this policy."""
    held = table(_HEADS, _HELD).format(forgetting=_kept(policy.term(FORGETTING)))
    parts = [_INTRODUCTION + held, *_ends(policy)]
    for definition in DEFINITIONS.values():
        parts += ["", f"## {definition.code} {definition.name}", "", *_processing(definition, policy)]
    return "\n".join(parts) + "\n"


def _ends(policy: Policy) -> Iterator[str]:
    yield from (
        "",
        "## Hoe lang een zaak blijft",
        "",
        "| termijn | wat | lengte | bron |",
        "| --- | --- | --- | --- |",
    )
    for name in (FORGETTING, *ARCHIVE_TERMS):
        term = policy.term(name)
        variants = "".join(f"; {variant}: {length}" for variant, length in term.variants)
        yield f"| {term.id} | {term.name} | {term.length or 'per geval'}{variants} | {term.source_text} |"
    yield ""
    yield (
        "Daarna staat de zaak op de vernietigingslijst. Een medewerker keurt goed dat zij weg gaat; wie een zaak "
        "moet bewaren, zet een bewaarplicht. Van een vernietigde zaak blijft een ondertekende verklaring zonder "
        "gegevens van de inwoner, en blijven cijfers waarin kleine aantallen niet staan. Backups en logbestanden "
        "noemen haar nummer tot zij zelf verdwijnen."
    )


def _kept(term: Term) -> str:
    return f"{term.length or 'de termijn van de gemeente'} ({term.id}, {term.source_text})"


def _processing(definition: Definition, policy: Policy) -> Iterator[str]:
    """Yield the lines about one process."""
    events = sorted({row.event for row in definition.rows})
    fields = {field.name: field for event in events for field in definition.event(event).fields}
    said = [f"{field.label.rstrip('?')} (`{name}`)" for name, field in sorted(fields.items())]
    yield f"- **Handelingen**: {'; '.join(definition.event(event).label for event in events)}."
    yield f"- **Gegevens bij een handeling**: {'; '.join(said) or 'geen'}."
    sensitive = sorted(fields.keys() & set(_PROTECTED))
    if sensitive:
        named = ", ".join(f"`{name}`" for name in sensitive)
        yield f"- **Let op**: {named} kan iets gevoeligs zeggen; het komt uit een lijst."
    grounds = sorted({policy.term(name).source_text for name in definition.terms})
    yield f"- **Grond van de termijnen**: {'; '.join(grounds) or 'geen termijn'}."
    roles = {role for row in definition.rows for role in row.notifies}
    roles |= {task.role for row in definition.rows for task in row.tasks}
    roles |= {task.role for task in definition.tasks_on_open}
    receivers = sorted(dict.fromkeys(dutch_role(role) for role in roles))
    yield f"- **Ontvangers van berichten** (zonder gegevens van de inwoner): {', '.join(receivers) or 'niemand'}."
    opens = sorted({opening.code for row in definition.rows for opening in row.opens})
    yield f"- **Gaat verder in**: {', '.join(opens) or 'niets'}."
    kept = [name for name in (FORGETTING, *ARCHIVE_TERMS) if name in definition.terms]
    yield f"- **Bewaard tot**: {', '.join(kept) or 'het einde van de zaak waar dit bij hoort'}."
