"""The figures of the monitor, as data: what each counts, exactly, and in which unit.

Every figure counts cases, never mijlpalen: a person is in a case, and small numbers point at persons. A figure without
a legal goal is a product choice. No figure names a person or a case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from milestones.policy import Policy
    from milestones.terms import Term

from milestones.vocabulary import (
    DECISION,
    DECISION_NORM,
    DECISION_WITHOUT_ORDINANCE,
    FIRST_TALK,
    FIRST_TALK_NORM,
    HANDOFF_TERM,
    URGENT_TALK,
    URGENT_TALK_NORM,
    TermId,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its name, what it counts, and its unit. {lengte} is a length of the municipality itself."""

    code: str
    name: str
    definition: str
    unit: str


@dataclass(frozen=True, slots=True)
class InTime:
    """A figure about a term that was met in time or not."""

    figure: Figure
    term: TermId


_SHARE = "% op tijd"
_WHOLE = (
    "Een zaak telt een keer. Zij is op tijd als elke termijn van deze soort op tijd was. Wat op tijd verviel of is "
    "vervangen, telt niet mee."
)
IN_TIME = (
    InTime(
        Figure(
            "eerste-gesprek",
            "Eerste gesprek binnen {lengte}",
            "Alle zaken met een termijn T01 (Wgs art. 4 lid 1) die in de periode eindigt. "
            f"Het deel waarin het eerste gesprek op of voor de laatste dag is gevoerd. {_WHOLE}",
            _SHARE,
        ),
        FIRST_TALK,
    ),
    InTime(
        Figure(
            "crisis",
            "Gesprek bij een bedreigende situatie binnen {lengte}",
            "Alle zaken met een termijn T02 (Wgs art. 4 lid 2) die in de periode eindigt. "
            f"Het deel waarin het eerste gesprek op of voor de laatste dag is gevoerd. {_WHOLE}",
            _SHARE,
        ),
        URGENT_TALK,
    ),
    InTime(
        Figure(
            "beschikking",
            "Beschikking binnen {lengte} na het eerste gesprek",
            "Alle zaken met een termijn T03 (Wgs art. 4a; gemeentelijke verordening) die in de periode eindigt. "
            "Opschorting telt mee. Het deel waarin op of voor de laatste dag is beschikt. "
            f"{_WHOLE}",
            _SHARE,
        ),
        DECISION,
    ),
    InTime(
        Figure(
            "beschikking-awb",
            "Beschikking binnen {lengte} na de aanvraag",
            "Hetzelfde voor de termijn T03b (Awb art. 4:13 en 4:14). Die geldt als de verordening geen termijn stelt. "
            f"{_WHOLE}",
            _SHARE,
        ),
        DECISION_WITHOUT_ORDINANCE,
    ),
    InTime(
        Figure(
            "norm-eerste-gesprek",
            "Eerste gesprek binnen de eigen norm{lengte}",
            "De gemeente bindt zich hier aan minder dan de wet. Alle eigen normen bij T01 die in de periode eindigen. "
            "Het deel waarin het eerste gesprek is gevoerd op of voor de laatste dag. Leeg zonder eigen norm.",
            _SHARE,
        ),
        FIRST_TALK_NORM,
    ),
    InTime(
        Figure(
            "norm-crisis",
            "Gesprek bij een bedreigende situatie binnen de eigen norm{lengte}",
            "De gemeente bindt zich hier aan minder dan de wet. Alle eigen normen bij T02 die in de periode eindigen. "
            "Het deel waarin het eerste gesprek is gevoerd op of voor de laatste dag. Leeg zonder eigen norm.",
            _SHARE,
        ),
        URGENT_TALK_NORM,
    ),
    InTime(
        Figure(
            "norm-beschikking",
            "Beschikking binnen de eigen norm{lengte}",
            "De gemeente bindt zich hier aan minder dan de wet. Alle eigen normen bij T03 die in de periode eindigen. "
            "Het deel waarin is beschikt op of voor de laatste dag. Leeg zonder eigen norm.",
            _SHARE,
        ),
        DECISION_NORM,
    ),
    InTime(
        Figure(
            "overdracht",
            "Overdracht binnen {lengte} aanvaard",
            "Alle zaken met een overdracht waarvan de termijn (OVD) in de periode eindigt. Het deel waarin die op tijd "
            "is aanvaard. In een crisis is dat dezelfde dag. Dit is een productkeuze, geen wet. "
            f"{_WHOLE}",
            _SHARE,
        ),
        HANDOFF_TERM,
    ),
)
VOLUMES = Figure(
    "aantallen",
    "Hoeveel zaken",
    "Wat er in de periode was. Vroegsignalen: zaken waarin een vroegsignaal binnenkwam (M2). Aanmeldingen: zaken met "
    "een hulpvraag (M3). Gestart: zaken waarin een toelating is bekendgemaakt. Geëindigd: zaken waarvan het traject "
    "(M3 tot en met M8, Wsnp) helemaal eindigde. Een zaak telt in elk onderdeel ten hoogste een keer.",
    "zaken",
)
SIGNALS, REQUESTS, STARTED, FINISHED = "vroegsignalen", "aanmeldingen", "gestart", "geëindigd"
SUCCESS = Figure(
    "geslaagd",
    "Geslaagd",
    "Alle zaken waarvan het traject in de periode helemaal eindigde. Het deel met uitstroomreden 'Afgerond'.",
    "% geslaagd",
)
LEAD_TIME = Figure(
    "doorlooptijd",
    "Doorlooptijd per mijlpaal",
    "Alle zaken met een mijlpaal die in de periode is afgerond. Het aantal werkdagen van openen tot afronden. "
    "Had een zaak dezelfde mijlpaal meer keer, dan tellen alle dagen samen. Een mijlpaal met een besluit is pas "
    "afgerond als het besluit vaststaat. Dat is na de bezwaartermijn. De mediaan is de middelste waarde. Negen van de "
    "tien zaken komen niet boven het 90e percentiel.",
    "werkdagen",
)
WAITING = Figure(
    "wacht-op",
    "Op wie wordt gewacht",
    "Alle zaken die nu open zijn, elk een keer. Een zaak telt bij de rol die als eerste aan zet is. Dat is de rol met "
    "de termijn die het eerst eindigt. 'buiten de gemeente': de zaak wacht op een partner, een schuldeiser of de "
    "rechtbank.",
    "zaken",
)
LATE_NOW = Figure(
    "te-laat",
    "Nu te laat",
    "Alle zaken die nu open zijn: het deel met een termijn waarvan de laatste dag voorbij is.",
    "% te laat",
)
EXITS = Figure(
    "uitval",
    "Redenen van uitstroom",
    "Alle zaken waarvan het traject in de periode helemaal eindigde, elk een keer. De reden (DDAS) is die van het deel "
    "dat het laatst eindigde. 'Afgerond' is geen uitval. Een weigering heeft geen uitstroomreden.",
    "zaken",
)
RELAPSE = Figure(
    "terugval",
    "Terugval in de nazorg",
    "Alle zaken met nazorg (M8) die op een dag in de periode open was. Het deel met een signaal van terugval in die "
    "periode.",
    "% terugval",
)
STUCK = Figure(
    "knelpunten",
    "Gemelde knelpunten",
    "Zaken waarin in de periode een knelpunt is gemeld, naar wat er vastliep. Een zaak telt bij elk knelpunt een keer.",
    "zaken",
)
SIGNAL_RESULTS = Figure(
    "signalen",
    "Wat er uit vroegsignalen kwam",
    "Alle zaken waarin in de periode een vroegsignaal is afgerond (M2), elk een keer. Het eindresultaat (DDAS) is dat "
    "van het vroegsignaal dat het laatst is afgerond.",
    "zaken",
)
GROWTH = Figure(
    "groei",
    "Groei per thema van het meetinstrument",
    "Alle zaken met een meting in de periode en een eerdere meting. Hoeveel punten is de laatste meting gemiddeld "
    "hoger dan de eerste, per thema? Een meting geeft 0 tot en met 10 punten. Over hoeveel: het aantal zaken. Een "
    "gemiddelde van minder dan 10 zaken wordt niet getoond.",
    "punten",
)
QUALITY = Figure(
    "kwaliteit",
    "Oordeel uit de steekproef",
    "Het gemiddelde van de scores die kwaliteitstoetsers in de periode gaven, per vraag (1 tot en met 5). Over "
    "hoeveel: het aantal zaken.",
    "score 1-5",
)
FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        figure.code: figure
        for figure in (
            VOLUMES,
            SUCCESS,
            *(item.figure for item in IN_TIME),
            LATE_NOW,
            LEAD_TIME,
            WAITING,
            EXITS,
            RELAPSE,
            SIGNAL_RESULTS,
            STUCK,
            GROWTH,
            QUALITY,
        )
    }
)


def _length(term: Term) -> str:
    """Return the length of a term as its figure names it; of an own norm only where there is one."""
    if term.norm_of is None:
        return str(term.length)
    return f" ({term.length})" if term.length else ""


def figures_of(policy: Policy) -> Mapping[str, Figure]:
    """Return the figures with the lengths that a municipality has itself."""
    lengths = {item.figure.code: _length(policy.term(item.term)) for item in IN_TIME}
    return MappingProxyType(
        {
            code: replace(figure, name=figure.name.format(lengte=lengths.get(code)))
            for code, figure in FIGURES.items()
        }
    )
