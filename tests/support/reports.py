"""Reports for people as approved files, each made from figures that stand here: a person reads what changes in them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.oversight.basic_service import (
    BasicService,
    ElementLine,
    basic_service_json,
    basic_service_report,
)
from adapters.oversight.council_report import CouncilFigures, council_json, council_report
from adapters.oversight.document import as_fragment
from adapters.oversight.effect import PolicyChange
from adapters.oversight.effect_report import effect_json, effect_report
from adapters.oversight.goals import goal_lines, unmeasurable
from adapters.oversight.monitor import Cell, Monitor, monitor_csv
from adapters.oversight.monitor_figures import figures_of
from adapters.oversight.periods import period_from
from adapters.oversight.policy_check import check_policy
from adapters.oversight.policy_report import check_json, check_report
from adapters.oversight.quality_trend import QualityTrend, trend_json, trend_report
from adapters.oversight.workload import WorkItem, Workload, workload_csv
from adapters.runtime.policy_file import problems_of
from milestones.basic_service import ELEMENTS, carriers
from milestones.policy import Policy, with_overrides
from milestones.quality_questions import QUESTIONS
from milestones.rerun import Effect, TermEffect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.oversight.document import Block

FOLDER = Path(__file__).parents[1] / "fixtures" / "reports"
DAY = date(2026, 3, 9)
CHOICES = {
    "naam": "Proefstad",
    "contactpogingen": 4,
    "T03": {"weken": 6},
    "T01": {"norm": {"weken": 3}},
    "elementen": {
        "1": {"aan": True, "vanaf": "2026-07-01", "vinkje": "alle inwoners krijgen een brief"},
        "5": {"aan": True, "vanaf": "2026-05-01", "laag": "inspiratie"},
        "13": {"aan": False, "laag": "toekomst", "naam": "een naam uit de lijst"},
        "14": {"aan": True},
    },
    "doelen": [
        {"cijfer": "beschikking", "minstens": 90},
        {"cijfer": "uitval", "minstens": 5, "hoogstens": 25},
        {"cijfer": "groei", "onderdeel": "wonen", "minstens": 1.5, "per": "jaar"},
        {"cijfer": "geluk", "minstens": 8},
    ],
    "herkomst": {"T03": {"bron": "verordening art. 5", "op": "2024-01-31"}},
}


def every_report() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each approved file."""
    for name, blocks, told in (*_council(), _effect(), _service(), *_checks(), *_trends()):
        yield f"{name}.html", _in_lines(as_fragment(blocks))
        yield f"{name}.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    yield "monitor.csv", monitor_csv(_monitor("2026-K1", 12))
    yield "werkvoorraad.csv", workload_csv(_workload())


def _in_lines(written: str) -> str:
    """Return HTML with a line for each row and each bar."""
    for mark in ("<tr>", "<thead>", "<tbody>", "<li>", "<text ", "<rect ", "<svg "):
        written = written.replace(mark, f"\n{mark}")
    return "\n".join(line.rstrip() for line in written.split("\n")) + "\n"


_Report = tuple[str, "Sequence[Block]", object]


def _monitor(period: str, least: int) -> Monitor:
    """Return a monitor with a cell of each kind; `least` makes one period differ from another."""
    cells = (
        Cell("aantallen", "aanmeldingen", least, str(least)),
        Cell("aantallen", "geëindigd", None, "niet getoond"),
        Cell("geslaagd", "alle zaken die eindigden", 0.8, "80%", "40"),
        Cell("beschikking", "alle zaken", 0.92, "92%", str(least + 20)),
        Cell("crisis", "alle zaken", None, "meer dan 90%", "110"),
        Cell("doorlooptijd", "M3 mediaan", float(least), str(least), "20"),
        Cell("doorlooptijd", "M3 90e percentiel", 31.0, "31", "20"),
        Cell("uitval", "Afgerond", 32, "32"),
        Cell("uitval", f"Ingetrokken {period[:4]}", None, "niet getoond"),
        Cell("terugval", "alle zaken in nazorg", None, "minder dan 10", "minder dan 10"),
        Cell("wacht-op", "klantmanager", 14, "14"),
        Cell("groei", "wonen", 2.0, "+2,0", "10"),
        Cell("groei", "werk", 1.0, "+1,0", "10"),
    )
    whole = period_from(period)
    return Monitor("0518", whole.begin, whole.end, cells, figures_of(with_overrides(Policy(), CHOICES)))


def _council() -> Iterator[_Report]:
    """Yield the report of a quarter beside its year, and that of a year of a municipality without goals."""
    policy = with_overrides(Policy(), CHOICES)
    quarter, before, year = _monitor("2026-K1", 12), _monitor("2025-K4", 18), _monitor("2026", 40)
    goals = (*goal_lines(policy, quarter, "kwartaal"), *goal_lines(policy, year, "jaar"))
    hides = frozenset({("beschikking", "alle zaken"), ("uitval", "Afgerond")})
    found = CouncilFigures(
        period_from("2026-K1"), quarter, before, year, hides, goals, tuple(unmeasurable(policy))
    )
    yield "raadsrapport-kwartaal", council_report(found), council_json(found)
    found = CouncilFigures(period_from("2026"), year, replace(before, cells=()), None, frozenset(), (), ())
    yield "raadsrapport-jaar", council_report(found), council_json(found)


def _effect() -> _Report:
    effect = Effect(cases=30, open_cases=12, not_replayed=2)
    effect.other_way = Counter({"plan_opgesteld": 3, "ingetrokken": 4})
    effect.terms = {
        "T03": TermEffect(counted=20, moved=9, late_before=1, late_after=5),
        "T04": TermEffect(counted=7, added=3),
        "T20": TermEffect(counted=6, dropped=2),
        "T01": TermEffect(counted=30),
    }
    effect.running = Counter(
        {("T03", date(2026, 4, day % 28 + 1), date(2026, 3, 20)): day for day in range(1, 29)}
        | {("T04", date(2026, 5, day % 28 + 1), date(2026, 6, 1)): 1 for day in range(15)}
    )
    effect.work_before = Counter(
        {("case_worker", date(2026, 3, 2)): 6, ("case_worker", DAY): 4, ("team_lead", DAY): 2}
    )
    effect.work_after = Counter({("case_worker", date(2026, 3, 2)): 3, ("case_worker", DAY): 9})
    change = PolicyChange(
        "0518", date(2026, 2, 10), DAY, Policy(), replace(Policy(), name="nieuw", terms=_six_weeks())
    )
    return "beleid-effect", effect_report(effect, change), effect_json(effect, change)


def _six_weeks() -> dict[str, object]:
    return dict(with_overrides(Policy(), {"T03": {"weken": 6}}).terms)


def _service() -> _Report:
    policy = with_overrides(Policy(), CHOICES)
    shown = {"5": (0.55, "55%", "22"), "6": (None, "minder dan 10", "minder dan 10"), "7": (0.9, "90%", "50")}
    lines = tuple(
        ElementLine(
            element, policy.elements.get(element.code), carriers(element),
            *shown.get(element.code, (None, "geen maat", "")),
            f"Wat {element.code} telt." if element.code in shown else "",
        )
        for element in ELEMENTS
    )  # fmt: skip
    service = BasicService("0518", period_from("2026-K1"), lines)
    return "basisdienstverlening", basic_service_report(service), basic_service_json(service)


def _checks() -> Iterator[_Report]:
    policy = with_overrides(Policy(), CHOICES)
    check = check_policy("0518", policy, CHOICES, DAY)
    yield "beleid-eigen", check_report(check), check_json(check)
    wrong = {"T03": {"weken": 12}}
    check = check_policy("0599", Policy(), {}, date(2028, 12, 31), problems_of("oud", wrong, ""))
    yield "beleid-standaard", check_report(check), check_json(check)


def _trends() -> Iterator[_Report]:
    first = period_from("2026-K1")
    periods = (first.before().before().before(), first.before().before(), first.before(), first)
    by_question = tuple(
        (question, (None, 3.0, 3.5, 4.25 if place else None)) for place, question in enumerate(QUESTIONS)
    )
    trend = QualityTrend(
        "0518", periods, by_question, (("5 Intake en triage", 4.0), ("6 Aanbod", None)), "meer dan 80%",
        (("anders", "12"), ("systeem", "minder dan 10")), "24",
    )  # fmt: skip
    yield "kwaliteit", trend_report(trend), trend_json(trend)
    trend = replace(trend, bottlenecks=(), reviewed="minder dan 10")
    yield "kwaliteit-zonder-knelpunten", trend_report(trend), trend_json(trend)


def _workload() -> Workload:
    """Return open work of each kind: late, of today, of this week and of the next, held and not."""
    plain = WorkItem(
        reference="FZ-1", process="M3", waits_for="het eerste gesprek", role="klantmanager", holder="mw-1",
        deputy="mw-2", due=date(2026, 3, 6), term="T01", threatened=False, offered=False, waits_outside=False,
        flow_run_id="r-1", opened_on=date(2026, 2, 6), municipality="0518",
    )  # fmt: skip
    items = (
        plain,
        replace(plain, reference="=FZ-2", due=DAY, holder=None, deputy=None, threatened=True),
        replace(plain, reference="FZ-3", due=date(2026, 3, 15), offered=True, reservation="kan verschuiven"),
        replace(plain, reference="FZ-4", due=date(2026, 3, 16)),
        replace(plain, reference="FZ-5", due=None, term=None),
    )
    return Workload("0518", DAY, items, frozenset({"mw-1"}))


def write() -> None:
    """Write every report anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, written in every_report():
        (FOLDER / name).write_text(written, encoding="utf-8", newline="")
