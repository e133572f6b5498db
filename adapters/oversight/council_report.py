"""The report for the gemeenteraad and the cliëntenraad: goals, figures and what they mean, over a quarter or a year.

What a quarter hides, the year beside it may not give away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.oversight.disclosure import HIDDEN, LEAST
from adapters.oversight.document import Block, Chart, Grid, Heading, Points, Words
from adapters.oversight.goals import goal_lines, unmeasurable
from adapters.oversight.monitor import read_period
from adapters.oversight.monitor_figures import (
    EXITS,
    GROWTH,
    IN_TIME,
    LATE_NOW,
    LEAD_TIME,
    QUALITY,
    RELAPSE,
    SIGNAL_RESULTS,
    STUCK,
    SUCCESS,
    VOLUMES,
    WAITING,
)
from adapters.oversight.periods import quarter_of, year_of
from milestones.dutch import without_weekday

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.oversight.goals import GoalLine
    from adapters.oversight.monitor import Cell, Monitor
    from adapters.oversight.monitor_figures import Figure
    from adapters.oversight.periods import Period
    from adapters.oversight.workload import WorkloadOffice

NOT_YET = "niet getoond"
_EXTREME = LEAST - 1
_NOW = (WAITING.code, LATE_NOW.code)  # of today, and no figure of a period
_PARTS = (
    ("Hoeveel inwoners", "Hoeveel inwoners hulp vroegen en kregen.", (VOLUMES, SUCCESS)),
    ("Op tijd", "De wet en onze eigen afspraken zeggen hoe snel wij moeten zijn.", tuple(x.figure for x in IN_TIME)),
    ("Hoe lang het duurt", "In werkdagen. De middelste waarde, en de waarde voor negen van de tien.", (LEAD_TIME,)),
    ("Hoe het afliep", "Waarom de hulp eindigde, en hoe vaak schulden terugkwamen.", (EXITS, RELAPSE)),
    ("Vroegsignalen", "Wat er gebeurde na een bericht over een achterstand.", (SIGNAL_RESULTS,)),
    ("Groei van inwoners", "Hoeveel punten het beter gaat, per onderwerp.", (GROWTH,)),
    ("Wat vastliep", "Knelpunten die medewerkers meldden.", (STUCK,)),
    ("Hoe goed het werk is", "Collega's keken elkaars zaken na.", (QUALITY,)),
)  # fmt: skip


@dataclass(frozen=True)
class CouncilFigures:
    """The figures of a period, of the one before it, and where it is a quarter, of its year so far."""

    period: Period
    now: Monitor
    earlier: Monitor
    year: Monitor | None
    year_hides: frozenset[tuple[str, str]]
    goals: tuple[GoalLine, ...]
    problems: tuple[str, ...]


def read_council_figures(office: WorkloadOffice, municipality: str, period: Period) -> CouncilFigures:
    """Read the figures of a period with what stands beside them."""
    policy = office.rules_for(municipality).policy
    now = read_period(office, municipality, period.begin, period.end)
    before = period.before()
    earlier = read_period(office, municipality, before.begin, before.end)
    year, whole = None, year_of(period.begin)
    quarters = _quarters(office, municipality, whole)
    of_year = now if period.is_year else read_period(office, municipality, whole.begin, period.end)
    if not period.is_year:
        quarters = [item for item in quarters if item.begin <= period.begin]
        year = of_year
    hides = hidden_in_the_year(of_year, quarters)
    goals = tuple(goal_lines(policy, now, "jaar" if period.is_year else "kwartaal"))
    if year is not None:
        goals += tuple(goal_lines(policy, _without(year, hides), "jaar"))
    else:
        now = _without(now, hides)
        goals = tuple(goal_lines(policy, now, "jaar"))
    return CouncilFigures(period, now, earlier, year, hides, goals, tuple(unmeasurable(policy)))


def _quarters(office: WorkloadOffice, municipality: str, year: Period) -> list[Monitor]:
    """Return the figures of each quarter of a year that has begun."""
    found, quarter, today = [], quarter_of(year.end), office.clock.today()
    while quarter.begin >= year.begin:
        if quarter.begin <= today:
            found.append(read_period(office, municipality, quarter.begin, quarter.end))
        quarter = quarter.before()
    return found


def hidden_in_the_year(year: Monitor, quarters: Sequence[Monitor]) -> frozenset[tuple[str, str]]:
    """Return the cells of a year that would give away what a quarter hides.

    Where some quarters show a cell and others hide it, the year minus the shown ones says what is hidden. Where all
    hide it, a year says nothing, unless each of them must be as large as a small number can be.
    """
    hidden: set[tuple[str, str]] = set()
    for cell in year.cells:
        if cell.figure in _NOW:
            continue
        found = [_same(quarter, cell) for quarter in quarters]
        # A quarter without the cell shows that there is nothing to count.
        values = [one is None or one.value is not None for one in found]
        wholes = [one is None or one.of != HIDDEN for one in found]
        count = cell.value if not cell.of else None
        if (cell.value is not None and _gives_away(values, count)) or (
            cell.of.isdigit() and _gives_away(wholes, float(cell.of))
        ):
            hidden.add((cell.figure, cell.part))
    return frozenset(hidden)


def _gives_away(shown: Sequence[bool], total: float | None) -> bool:
    """Whether a shown year says what a quarter hides; `shown` is which quarters show it."""
    small = shown.count(False)
    return small > 0 and (any(shown) or small == 1 or total == small * _EXTREME)


def _same(monitor: Monitor, cell: Cell) -> Cell | None:
    return next((one for one in monitor.cells if (one.figure, one.part) == (cell.figure, cell.part)), None)


def _without(monitor: Monitor, hides: frozenset[tuple[str, str]]) -> Monitor:
    """Return a monitor in which some cells say nothing."""
    cells = tuple(
        replace(cell, value=None, shown=NOT_YET, of="") if (cell.figure, cell.part) in hides else cell
        for cell in monitor.cells
    )
    return replace(monitor, cells=cells)


# --- as a report and as JSON ------------------------------------------------------------------------------


def council_report(figures: CouncilFigures) -> tuple[Block, ...]:
    """Return the report in plain Dutch; no person and no case can be found in it."""
    now, period = figures.now, figures.period
    kind = "jaar" if period.is_year else "kwartaal"
    blocks: list[Block] = [
        Heading(f"Hulp bij schulden in gemeente {now.municipality}: {period.name}", 1),
        Words(
            f"Dit verslag is voor de gemeenteraad en de cliëntenraad. Het gaat over {without_weekday(period.begin)} "
            f"tot en met {without_weekday(period.end)}. Het laat zien of de gemeente haar doelen haalt."
        ),
        Words(
            f"Kleine aantallen wijzen een inwoner aan. Daarom staan aantallen onder {LEAST} er niet in, en ook niet "
            "wat zo'n aantal zou verraden. Onderaan staat wat elk cijfer betekent."
        ),
        Heading("Halen wij onze doelen?"),
        *_goals(figures),
    ]
    for title, why, wanted in _PARTS:
        rows = [row for figure in wanted for row in _rows(figures, figure)]
        heads = (
            "cijfer",
            f"dit {kind}",
            f"vorig {kind}",
            *(("dit jaar",) if figures.year else ()),
            "eenheid",
        )
        blocks += [Heading(title), Words(why), Grid(heads, rows), *_charts(figures, wanted)]
        if not rows:
            blocks.append(Words("Hierover valt in deze periode niets te tellen."))
    blocks += [
        Heading("Wat de cijfers betekenen"),
        Points([f"**{item.name}** ({item.unit}). {item.definition}" for item in _wanted(figures)]),
    ]
    return tuple(blocks)


def _goals(figures: CouncilFigures) -> list[Block]:
    found: list[Block] = [
        Grid(
            ("doel", "wij willen", "het is", "eenheid", "per", "gehaald?"),
            [
                (line.name, line.wanted, line.shown, line.unit, line.target.per, str(line.verdict))
                for line in figures.goals
            ],
        ),
        *(Words(problem) for problem in figures.problems),
    ]
    if not figures.goals and not figures.problems:
        found.append(Words("De gemeente heeft voor deze periode geen doelen vastgelegd."))
    return found


def _wanted(figures: CouncilFigures) -> list[Figure]:
    return [figures.now.figures[item.code] for _, _, wanted in _PARTS for item in wanted]


def _rows(figures: CouncilFigures, figure: Figure) -> list[tuple[str, ...]]:
    """Return a row for each part of a figure that has one now or had one before."""
    named = figures.now.figures[figure.code]
    columns = [
        figures.now,
        figures.earlier,
        *([_without(figures.year, figures.year_hides)] if figures.year else []),
    ]
    parts = dict.fromkeys(cell.part for monitor in columns for cell in monitor.of(figure))
    rows = []
    for part in parts:
        shown = [
            next((_said(cell) for cell in monitor.of(figure) if cell.part == part), "") for monitor in columns
        ]
        label = named.name if part.startswith("alle zaken") else f"{named.name}: {part}"
        rows.append((label, *shown, named.unit))
    return rows


def _said(cell: Cell) -> str:
    return f"{cell.shown} (van {cell.of})" if cell.of.isdigit() else cell.shown


def _charts(figures: CouncilFigures, wanted: Sequence[Figure]) -> list[Block]:
    """Return a chart of the figures in percents, and one for each other figure that has more than one bar."""
    percents: list[tuple[str, float, str]] = []
    found: list[Block] = []
    for figure in wanted:
        named = figures.now.figures[figure.code]
        bars = [
            (named.name if cell.part.startswith("alle zaken") else cell.part, cell.value, cell.shown)
            for cell in figures.now.of(figure)
            if cell.value is not None
        ]
        if figure.unit.startswith("%"):
            percents.extend(bars)
        elif len(bars) > 1:
            found.append(Chart(bars))
    return [*found, *([Chart(percents, 1.0)] if percents else [])]


def council_json(figures: CouncilFigures) -> dict[str, object]:
    """Return the same as JSON: each goal and each figure with its definition."""
    return {
        "gemeentecode": figures.now.municipality,
        "periode": figures.period.name,
        "van": figures.period.begin.isoformat(),
        "tot_en_met": figures.period.end.isoformat(),
        "doelen": [
            {
                "cijfer": line.target.figure,
                "onderdeel": line.target.part,
                "per": line.target.per,
                "doel": line.wanted,
                "waarde": line.shown,
                "eenheid": line.unit,
                "oordeel": str(line.verdict),
            }
            for line in figures.goals
        ],
        "opmerkingen": list(figures.problems),
        "cijfers": [
            {
                "cijfer": figure.code,
                "onderdeel": row[0],
                "deze_periode": row[1],
                "vorige_periode": row[2],
                "dit_jaar": row[3] if figures.year else None,
                "eenheid": figure.unit,
                "definitie": figure.definition,
            }
            for figure in _wanted(figures)
            for row in _rows(figures, figure)
        ],
    }
