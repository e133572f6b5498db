"""The pages for coordinators as Markdown: the front page, the werkvoorraad and the monitor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from adapters.oversight.charts import bars
from adapters.oversight.disclosure import LEAST
from adapters.oversight.markdown import bullets, picture, short_date, table, text
from adapters.oversight.monitor_figures import GROWTH, IN_TIME, LATE_NOW, LEAD_TIME, QUALITY, WAITING
from flows.case_page import page_key
from flows.tags import (
    CRISIS_TAG,
    HANDOFF_TAG,
    LATE,
    OPEN,
    PARTNER,
    SCHEME,
    SECOND_OPINION_TAG,
    THIS_WEEK,
    UNOWNED,
)
from flows.views import BY_MILESTONE, VIEWS, address
from milestones.counting import so_many
from milestones.dutch import dutch_date
from milestones.four_eyes import WAITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from adapters.oversight.monitor import Cell, Monitor
    from adapters.oversight.monitor_figures import Figure
    from adapters.oversight.workload import WorkItem, Workload

OVERVIEW = "overzicht"
DESTRUCTION_LIST = "vernietigingslijst"
_MOST_LINES = 40


@dataclass(frozen=True, slots=True)
class Mail:
    """What waits in the postbak, and where that page is."""

    address: str
    number: int
    rulings: int


def overview_key(municipality: str) -> str:
    """Return the artifact key of the front page of a municipality, for who works for that one alone."""
    return f"{OVERVIEW}-{municipality}"


def workload_key(municipality: str) -> str:
    """Return the artifact key of the werkvoorraad of a municipality."""
    return f"werkvoorraad-{municipality}"


def monitor_key(municipality: str) -> str:
    """Return the artifact key of the monitor of a municipality."""
    return f"monitor-{municipality}"


# --- the front page -------------------------------------------------------------------------------------------


def overview_page(
    workloads: Sequence[Workload],
    actions: Mapping[str, tuple[str, str]],
    counted_at: datetime,
    questions: Mapping[str, int],
    stopped_zaken: int = 0,
    alarms: Sequence[str] = (),
    municipality: str | None = None,
    mail: Mail | None = None,
    own_pages: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the front page, of all municipalities or of one: what comes first, by due date, then the counts.

    It grows old until the next round, so it says from which moment it is.

    `actions` gives for each name of an action its explanation and its address; `questions` gives for the tag of a
    question that waits for a person how many there are. `stopped_zaken` are those that the zaaksysteem does not take.
    `alarms` stand above all else. `own_pages` are the addresses of ours where one acts.
    """
    counts: dict[tuple[str, ...], int] = {
        **{(tag,): number for tag, number in questions.items()},
        (LATE,): sum(len(work.late) for work in workloads),
        (THIS_WEEK,): sum(len(work.this_week) for work in workloads),
        (CRISIS_TAG,): sum(len(work.threatened) for work in workloads),
        (UNOWNED,): sum(len(work.unowned) for work in workloads),
        (HANDOFF_TAG,): sum(len(work.offered) for work in workloads),
        (PARTNER,): sum(item.waits_outside for work in workloads for item in work.items),
        (SECOND_OPINION_TAG,): sum(item.waits_for == WAITS for work in workloads for item in work.items),
        (OPEN,): sum(len(work.items) for work in workloads),
    }
    by_milestone: dict[str, int] = {}
    for work in workloads:
        for code, number in work.by_milestone.items():
            by_milestone[code] = by_milestone.get(code, 0) + number
    return text(
        f"# Overzicht van gemeente {municipality}" if municipality else "# Overzicht",
        *(f"**{alarm}**" for alarm in alarms),
        f"De stand van {dutch_date(counted_at)}, {counted_at:%H:%M} uur. "
        "Een klik op een naam toont altijd de stand van nu.",
        " · ".join(f"[{name}]({where})" for name, where in own_pages.items()),
        _mail(mail),
        "## Wat het eerst moet",
        _first([item for work in workloads for item in work.items], counted_at.date()),
        "## Kijk naar",
        table(
            ("kijk naar", "vraag", "aantal"),
            (
                (f"**[{view.name}]({address(*view.tags)})**", view.question, counts[view.tags])
                for view in VIEWS
            ),
        ),
        (
            stopped_zaken
            and f"**Niet in het zaaksysteem geschreven: {stopped_zaken}.** De postbak zegt waarom, en wat je kunt doen."
        )
        or "",
        "## Per mijlpaal",
        table(
            ("mijlpaal", "open"),
            (
                (f"[{view.name}]({address(*view.tags)})", by_milestone.get(view.tags[0], 0))
                for view in BY_MILESTONE
            ),
        ),
        "## Per gemeente",
        table(
            ("gemeente", "open", "te laat", "deze week", "werkvoorraad", "monitor"),
            (_municipality(work) for work in workloads),
        )
        or "Er is nog geen zaak.",
        "## Iets doen",
        "Een zaak verder helpen doe je op haar eigen pagina: kies rechtsboven de drie puntjes, en daarin **Resume**. "
        "Voor de rest zijn er acties: kies er een, vul in wat er staat, en druk onderaan op **Submit**. Een actie over "
        "één zaak vraagt eerst alleen het nummer. Open de run die dan ontstaat, en kies daar **Resume**.",
        table(
            ("actie", "waarvoor"),
            ((f"[{name}]({link})", why) for name, (why, link) in actions.items()),
        ),
        "## Wat de labels zeggen",
        "Elk label kun je intypen bij **Tags** in de lijst met runs. Zet daar ook de periode ruim genoeg: die lijst "
        "begint met de laatste zeven dagen.",
        table(("label", "betekenis"), ((f"`{tag.looks_like}`", tag.meaning) for tag in SCHEME)),
    )


def _mail(mail: Mail | None) -> str:
    if mail is None or not mail.number:
        return ""
    rulings = f", waarvan {mail.rulings} van de rechtbank" if mail.rulings else ""
    messages = so_many(mail.number, "bericht")
    return f"**[In de postbak]({mail.address}): {messages}{rulings}.**"


def _first(items: Sequence[WorkItem], today: date) -> str:
    """Return what comes first: a crisis, then what ends first."""
    order = sorted(items, key=lambda item: (not item.threatened, item.due or date.max, item.reference))
    shown = table(_HEADS, (_item(item, today) for item in order[:_MOST_LINES])) or "Er is geen open werk."
    more = len(order) - _MOST_LINES
    return text(shown, f"En nog {more}: zie de werkvoorraad van de gemeente.").strip() if more > 0 else shown


def _municipality(work: Workload) -> tuple[object, ...]:
    tag = f"gemeente:{work.municipality}"
    return (
        f"[{work.municipality}]({address(tag)})",
        len(work.items),
        # The run list of the second UI cannot ask for a question and a municipality at once.
        f"[{len(work.late)}]({workload_key(work.municipality)})",
        f"[{len(work.this_week)}]({workload_key(work.municipality)})",
        f"[werkvoorraad]({workload_key(work.municipality)})",
        f"[monitor]({monitor_key(work.municipality)})",
    )


# --- the werkvoorraad -----------------------------------------------------------------------------------------


def workload_page(work: Workload) -> str:
    """Return the werkvoorraad of a municipality."""
    numbers = (
        ("te laat", len(work.late)),
        ("deze week", len(work.this_week)),
        ("crisis", len(work.threatened)),
        ("zonder eigenaar", len(work.unowned)),
        ("wacht op overdracht", len(work.offered)),
        ("alles wat open is", len(work.items)),
    )
    said = ", ".join(f"{name}: {number}" for name, number in numbers)
    return text(
        f"# Werkvoorraad gemeente {work.municipality}",
        f"{dutch_date(work.on).capitalize()}. [Terug naar het overzicht]({OVERVIEW})",
        picture(bars([(name, number, str(number)) for name, number in numbers]), said),
        "## Wie heeft wat?",
        table(
            ("medewerker", "open", "te laat", "deze week", "afwezig"),
            (
                (
                    f"[{row.person}]({address(f'contact:{row.person}')})",
                    row.open,
                    f"**{row.late}**" if row.late else 0,
                    row.this_week,
                    _absence(away=row.away, deputy=row.deputy),
                )
                for row in work.loads
            ),
        )
        or "Nog niemand heeft een zaak op naam.",
        "## Te laat",
        _items(work.late, work, LATE) or "Niets is te laat.",
        "## Deze week",
        _items(work.this_week, work, THIS_WEEK) or "Deze week eindigt geen termijn.",
        "## Zonder eigenaar",
        _items(work.unowned, work, UNOWNED) or "Elke zaak heeft een eigenaar.",
        "## Wacht op overdracht",
        _items(work.offered, work, HANDOFF_TAG) or "Alle overdrachten zijn aanvaard.",
    )


def _absence(*, away: bool, deputy: str | None) -> str:
    if not away:
        return ""
    return f"ja, waarnemer {deputy}" if deputy else "**ja, geen waarnemer**"


_HEADS = ("uiterlijk", "zaak", "mijlpaal", "wacht op", "bij")


def _items(items: Sequence[WorkItem], work: Workload, tag: str) -> str:
    shown = table(_HEADS, (_item(item, work.on) for item in items[:_MOST_LINES]))
    more = len(items) - _MOST_LINES
    link = address(tag, f"gemeente:{work.municipality}")
    return (
        text(shown, f"En nog {more}, in de [lijst van alle gemeenten]({link}).").strip()
        if more > 0
        else shown
    )


def _item(item: WorkItem, today: date) -> tuple[str, ...]:
    if item.due is None:
        until = f"geen uiterste datum in {item.process}"
    else:
        until = f"{short_date(item.due)} ({item.term})" + (", **te laat**" if item.due < today else "")
        until += f", {item.caution}" if item.caution else ""
    case = f"[{item.reference}]({page_key(item.reference)})"
    process = (
        f"[{item.process}](../../runs/flow-run/{item.flow_run_id})" if item.flow_run_id else item.process
    )
    marks = (item.threatened and "**crisis**", item.returned and "**teruggegeven**", item.waits_for)
    return until, case, process, ", ".join(mark for mark in marks if mark), _who(item)


def _who(item: WorkItem) -> str:
    """Return who has it, or to whom it was offered, and who stands in."""
    who = " ".join((item.role, item.holder or "")).strip()
    deputy = f" (waarnemer {item.deputy})" if item.deputy else ""
    return f"{'aangeboden aan ' if item.offered else ''}{who}{deputy}"


# --- the monitor ----------------------------------------------------------------------------------------------


def monitor_page(monitor: Monitor) -> str:
    """Return the monitor of a municipality: a picture where one says more than numbers, and every definition."""
    in_time = [monitor.of(item.figure)[0] for item in IN_TIME]
    period = f"Van {dutch_date(monitor.begin)} tot en met {dutch_date(monitor.end)}"
    parts = [
        f"# Monitor gemeente {monitor.municipality}",
        f"{period}. [Terug naar het overzicht]({OVERVIEW})",
        f"Aantallen onder {LEAST} worden niet getoond, en ook niet wat zo'n aantal zou verraden.",
        "## Op tijd",
        _bars([(monitor.figures[cell.figure].name, cell) for cell in in_time], percent=True),
        table(
            ("cijfer", "op tijd", "over hoeveel"),
            ((monitor.figures[cell.figure].name, cell.shown, cell.of) for cell in in_time),
        ),
    ]
    for code, figure in monitor.figures.items():
        if code in {cell.figure for cell in in_time}:
            continue
        cells = monitor.of(figure)
        rows = _lead_times(cells) if code == LEAD_TIME.code else _cells(figure, cells)
        parts += [f"## {figure.name}", _chart(code, cells), rows or "Er is in deze periode niets te tellen."]
    parts += [
        "## Wat de cijfers betekenen",
        bullets(
            f"**{figure.name}** ({figure.unit}). {figure.definition}" for figure in monitor.figures.values()
        ),
    ]
    return text(*parts)


def _cells(figure: Figure, cells: Sequence[Cell]) -> str:
    over = any(cell.of for cell in cells)
    heads = ("onderdeel", figure.unit, "over hoeveel") if over else ("onderdeel", figure.unit)
    return table(heads, ((cell.part, cell.shown, cell.of)[: len(heads)] for cell in cells))


def _lead_times(cells: Sequence[Cell]) -> str:
    """Return one row for each mijlpaal: the middle of its cases, and what nine of ten do not exceed."""
    rows: dict[str, list[Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.part.split()[0], []).append(cell)
    return table(
        ("mijlpaal", "middelste, in werkdagen", "negen van de tien binnen", "over hoeveel"),
        ((code, middle.shown, most.shown, middle.of) for code, (middle, most) in rows.items()),
    )


def _chart(code: str, cells: Iterable[Cell]) -> str:
    if code == LEAD_TIME.code:
        return _bars(
            [(f"{cell.part}, in werkdagen", cell) for cell in cells if cell.part.endswith("mediaan")]
        )
    if code in (WAITING.code, QUALITY.code, GROWTH.code):
        return _bars([(cell.part, cell) for cell in cells])
    if code == LATE_NOW.code:
        return _bars([(cell.part, cell) for cell in cells], percent=True)
    return ""


def _bars(rows: Sequence[tuple[str, Cell]], *, percent: bool = False) -> str:
    """Return a picture of the cells that may be shown; with one bar or none, the table says it all."""
    known = [(name, cell.value, cell.shown) for name, cell in rows if cell.value is not None]
    if not known or (len(known) == 1 and not percent):
        return ""
    said = "; ".join(f"{name}: {shown}" for name, _, shown in known)
    return picture(bars(known, most=1 if percent else None), said)
