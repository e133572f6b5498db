"""The figures of the monitor, as data: what each counts, exactly, and in which unit.

A figure without a legal goal is a product choice. No figure names a person or a case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its name, what it counts, and its unit."""

    code: str
    name: str
    definition: str
    unit: str


@dataclass(frozen=True, slots=True)
class InTime:
    """A figure about a term that was met in time or not."""

    figure: Figure
    term: str


_SHARE = "% op tijd"
IN_TIME = (
    InTime(
        Figure(
            "eerste-gesprek",
            "Eerste gesprek binnen vier weken",
            "Van alle termijnen T01 (Wgs art. 4 lid 1) met hun laatste dag in de periode: het deel waarin het "
            "eerste gesprek op of voor die dag is gevoerd. Een termijn die op tijd verviel of door T02 is "
            "vervangen, telt niet mee.",
            _SHARE,
        ),
        "T01",
    ),
    InTime(
        Figure(
            "crisis",
            "Gesprek bij een bedreigende situatie binnen drie werkdagen",
            "Van alle termijnen T02 (Wgs art. 4 lid 2) met hun laatste dag in de periode: het deel waarin het "
            "eerste gesprek op of voor die dag is gevoerd. Een termijn die op tijd verviel, telt niet mee.",
            _SHARE,
        ),
        "T02",
    ),
    InTime(
        Figure(
            "beschikking",
            "Beschikking binnen acht weken",
            "Van alle termijnen T03 (Wgs art. 4a) met hun laatste dag in de periode, opschorting meegeteld: het "
            "deel waarin op of voor die dag is beschikt. Een termijn die op tijd verviel, telt niet mee.",
            _SHARE,
        ),
        "T03",
    ),
    InTime(
        Figure(
            "overdracht",
            "Overdracht binnen vijf werkdagen aanvaard",
            "Van alle overdrachten met hun laatste dag (OVD) in de periode: het deel dat op of voor die dag is "
            "aanvaard. Een overdracht die op tijd is teruggegeven, telt niet mee. Dit is een productkeuze, geen wet.",
            _SHARE,
        ),
        "OVD",
    ),
)
LEAD_TIME = Figure(
    "doorlooptijd",
    "Doorlooptijd per mijlpaal",
    "Van alle mijlpalen die in de periode zijn afgerond: het aantal werkdagen van openen tot afronden. Een "
    "mijlpaal met een besluit is pas afgerond als het besluit vaststaat, dus na de bezwaartermijn. De mediaan is "
    "de middelste waarde; het 90e percentiel is de waarde waar negen van de tien niet boven komen.",
    "werkdagen",
)
WAITING = Figure(
    "wacht-op",
    "Op wie wordt gewacht",
    "Alle mijlpalen die nu open zijn, naar de rol die aan zet is. 'buiten de gemeente': de toestand wacht op een "
    "partner, een schuldeiser of de rechtbank.",
    "mijlpalen",
)
LATE_NOW = Figure(
    "te-laat",
    "Nu te laat",
    "Alle mijlpalen die nu open zijn: het deel met een termijn waarvan de laatste dag voorbij is.",
    "% te laat",
)
EXITS = Figure(
    "uitval",
    "Redenen van uitstroom",
    "Alle mijlpalen die in de periode zijn afgerond met een uitstroomreden (DDAS), naar reden. 'Afgerond' is "
    "geen uitval.",
    "mijlpalen",
)
RELAPSE = Figure(
    "terugval",
    "Terugval in de nazorg",
    "Van alle zaken met nazorg (M8) die op een dag in de periode open was: het deel met een signaal van terugval "
    "in de periode.",
    "% terugval",
)
QUALITY = Figure(
    "kwaliteit",
    "Oordeel uit de steekproef",
    "Het gemiddelde van de scores (1 tot en met 5) die kwaliteitstoetsers in de periode gaven, per vraag.",
    "score 1-5",
)
FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        figure.code: figure
        for figure in (
            *(item.figure for item in IN_TIME),
            LATE_NOW,
            LEAD_TIME,
            WAITING,
            EXITS,
            RELAPSE,
            QUALITY,
        )
    }
)
