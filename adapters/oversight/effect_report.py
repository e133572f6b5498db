"""The effect of a change of policy as a report and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from adapters.oversight.document import Block, Chart, Grid, Heading, Points, Words
from adapters.oversight.markdown import short_date
from milestones.counting import is_or_are, so_many
from milestones.dutch import without_weekday
from milestones.roles import ROLES, dutch_role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from adapters.oversight.effect import PolicyChange
    from milestones.rerun import Effect

_MOST_LINES = 40
_WEEK = 7


def effect_report(effect: Effect, change: PolicyChange) -> tuple[Block, ...]:
    """Return what a change of policy does, in plain words; no case is named in it."""
    moved = sum(item.moved for item in effect.terms.values())
    late_now = sum(item.late_before for item in effect.terms.values())
    running = sum(effect.running.values())
    late_then = sum(item.late_after for item in effect.terms.values())
    return (
        Heading(f"Wat doet het nieuwe beleid? Gemeente {change.municipality}", 1),
        Words(
            f"Dit is een berekening. Er is niets veranderd. Van {without_weekday(change.begin)} tot en met "
            f"{without_weekday(change.today)} {is_or_are(effect.cases)} {so_many(effect.cases, 'zaak')} opnieuw "
            f"doorlopen. Eerst met het beleid van nu, en dan met het nieuwe. Nog open zijn er {effect.open_cases}."
        ),
        Points(
            [
                f"**{so_many(moved, 'termijn')}** {is_or_are(moved, 'kreeg', 'kregen')} een andere laatste dag.",
                f"**{so_many(running, 'lopende termijn')}** {is_or_are(running, 'zou', 'zouden')} verschuiven.",
                f"Te laat: **{late_now}** met het beleid van nu, **{late_then}** met het nieuwe.",
                *_troubles(effect),
            ]
        ),
        Heading("Termijnen"),
        Grid(
            ("termijn", "aantal", "verschoven", "te laat nu", "te laat straks", "erbij", "vervalt"),
            [
                (
                    f"{name} {change.after.term(name).name}", item.counted, item.moved, item.late_before,
                    item.late_after, item.added, item.dropped,
                )
                for name, item in sorted(effect.terms.items())
                if item.moved or item.added or item.dropped or item.late_before != item.late_after
            ],
        ),
        *([] if moved else [Words("Geen enkele termijn verschuift.")]),
        Chart(
            [
                (f"{name} te laat {when}", float(number), str(number))
                for name, item in sorted(effect.terms.items())
                if item.late_before != item.late_after
                for when, number in (("nu", item.late_before), ("straks", item.late_after))
            ]
        ),
        Heading("Termijnen die nu lopen"),
        Words(
            "Een termijn die loopt, houdt het beleid waaronder hij begon, tenzij u bij het invoeren anders kiest. "
            "Kiest u anders, dan verschuiven deze."
        ),
        Grid(("termijn", "van", "naar", "aantal"), _moves(effect)),
        *_more(len(effect.running)),
        Heading("Werk per rol"),
        Words("Hoe vaak een rol per week iets te doen krijgt: een taak, een zaak of een waarschuwing."),
        Grid(
            ("rol", "per week nu", "per week straks", "drukste week nu", "drukste week straks"),
            _work(effect, change),
        ),
        Chart(_work_chart(effect, change)),
        Heading("Wat u hierbij moet weten"),
        Points(
            [
                "Wat mensen deden, blijft op de dag staan waarop zij het deden.",
                "Dat zij met een kortere termijn misschien eerder handelen, is niet meegerekend.",
                "Te laat is wat op de dag na de laatste dag nog niet klaar was.",
                "Getelde termijnen liepen op een dag in de periode, en iemand moest iets doen.",
            ]
        ),
    )  # fmt: skip


def _troubles(effect: Effect) -> list[str]:
    lines = []
    if effect.other_way:
        steps = ", ".join(f"{_said(name)} ({number})" for name, number in effect.other_way.most_common())
        lines.append(
            f"In **{so_many(sum(effect.other_way.values()), 'zaak')}** kan een stap die is gezet, niet meer: {steps}. "
            "Daarvan telt alleen wat daarvoor gebeurde."
        )
    if effect.not_replayed:
        lines.append(
            f"**{so_many(effect.not_replayed, 'zaak')}** {is_or_are(effect.not_replayed, 'telt', 'tellen')} niet mee: "
            "het verloop hoort bij een eerder beleid."
        )
    return lines


def _said(event: str) -> str:
    return event.replace("_", " ")


def _moves(effect: Effect) -> list[Sequence[object]]:
    found = sorted(effect.running.items(), key=lambda item: (-item[1], item[0]))[:_MOST_LINES]
    return [
        (term, short_date(before), short_date(after), number)
        for (term, before, after), number in sorted(found, key=lambda item: item[0])
    ]


def _more(number: int) -> list[Block]:
    return [Words(f"En nog {number - _MOST_LINES} andere data.")] if number > _MOST_LINES else []


def _weeks(change: PolicyChange) -> float:
    return ((change.today - change.begin).days + 1) / _WEEK


def _by_role(work: Counter[tuple[str, date]]) -> dict[str, tuple[int, int]]:
    """Return for each role all its work, and that of its busiest week."""
    totals: Counter[str] = Counter()
    busiest: dict[str, int] = {}
    for (role, _), number in work.items():
        totals[role] += number
        busiest[role] = max(busiest.get(role, 0), number)
    return {role: (total, busiest[role]) for role, total in totals.items()}


def _work(effect: Effect, change: PolicyChange) -> list[Sequence[object]]:
    now, then = _by_role(effect.work_before), _by_role(effect.work_after)
    weeks = _weeks(change)
    return [
        (
            dutch_role(role),
            _short(now.get(role, (0, 0))[0] / weeks),
            _short(then.get(role, (0, 0))[0] / weeks),
            now.get(role, (0, 0))[1],
            then.get(role, (0, 0))[1],
        )
        for role in ROLES
        if role in now or role in then
    ]


def _work_chart(effect: Effect, change: PolicyChange) -> list[tuple[str, float, str]]:
    now, then = _by_role(effect.work_before), _by_role(effect.work_after)
    weeks = _weeks(change)
    return [
        (f"{dutch_role(role)} {when}", found[role][0] / weeks, _short(found[role][0] / weeks))
        for role in ROLES
        for when, found in (("nu", now), ("straks", then))
        if role in found
    ]


def _short(number: float) -> str:
    return f"{number:.1f}".replace(".", ",")


def effect_json(effect: Effect, change: PolicyChange) -> dict[str, object]:
    """Return the effect as JSON: every count, no case by name."""
    work: dict[tuple[date, str], list[int]] = {}
    for place, counted in enumerate((effect.work_before, effect.work_after)):
        for (role, monday), number in counted.items():
            work.setdefault((monday, role), [0, 0])[place] = number
    return {
        "gemeentecode": change.municipality,
        "van": change.begin.isoformat(),
        "tot_en_met": change.today.isoformat(),
        "beleid_nu": change.before.name,
        "beleid_nieuw": change.after.name,
        "zaken": effect.cases,
        "open_zaken": effect.open_cases,
        "niet_na_te_spelen": effect.not_replayed,
        "stap_kan_niet_meer": dict(effect.other_way),
        "termijnen": [
            {
                "id": name,
                "naam": change.after.term(name).name,
                "aantal": item.counted,
                "verschoven": item.moved,
                "te_laat_nu": item.late_before,
                "te_laat_nieuw": item.late_after,
                "erbij": item.added,
                "vervalt": item.dropped,
            }
            for name, item in sorted(effect.terms.items())
        ],
        "lopend": [
            {"id": term, "van": before.isoformat(), "naar": after.isoformat(), "aantal": number}
            for (term, before, after), number in sorted(effect.running.items())
        ],
        "werk": [
            {"week_van": monday.isoformat(), "rol": role, "nu": now, "nieuw": then}
            for (monday, role), (now, then) in sorted(work.items())
        ],
    }
