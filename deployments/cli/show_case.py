"""A case in the terminal."""

from __future__ import annotations

from datetime import date
from typing import Any

from rich.table import Table
from rich.text import Text

from deployments.cli.console import terminal
from milestones.dutch import dutch_date
from milestones.roles import dutch_role

_LAST_LINES = 15


def show_case(case: dict[str, Any]) -> None:
    """Print where a case is, who holds it and what can happen; its terms; and the end of its journal."""
    out = terminal()
    out.print(Text(f"Zaak {case['zaak']} (gemeente {case['gemeentecode']})", style="bold"))
    for item in case["mijlpalen"]:
        out.print(Text(f"\n{item['mijlpaal']} {item['naam']}: {item['toestand']}", style="bold"))
        if item["afgerond"]:
            reason = item.get("eindresultaat") or item.get("uitstroomreden")
            out.print(Text(f"  Afgerond{f': {reason}' if reason else ''}"))
            continue
        out.print(Text(f"  {item['wacht_op']}, bij: {dutch_role(item['rol'])}"))
        out.print(Text(f"  Nu kan: {', '.join(item['mogelijke_gebeurtenissen'])}"))
    if case["termijnen"]:
        out.print(_terms(case["termijnen"]))
    for owed in case["dwangsommen"]:
        out.print(Text(f"\nDwangsom in {owed['mijlpaal']}: {_owed(owed)}"))
    if case.get("groei"):
        out.print(_growth(case["groei"]))
    out.print(_journal(case["journaal"]))


def _owed(owed: dict[str, Any]) -> str:
    first, last = (
        dutch_date(date.fromisoformat(owed[key])) if owed[key] else None
        for key in ("eerste_dag", "laatste_dag")
    )
    until = f"tot en met {last}" if last else "loopt nog"
    return f"vanaf {first}, {until}; {owed['dagen']} dagen, {owed['bedrag_euro']} euro (Awb art. 4:17)."


def _terms(terms: list[dict[str, Any]]) -> Table:
    table = _table("\nTermijnen", "Termijn", "Bij", "Uiterlijk", "Uitkomst", "Bron en reden")
    for item in terms:
        due = dutch_date(date.fromisoformat(item["uiterlijk"])) if item["uiterlijk"] else "staat stil"
        source = item["bron_voluit"]
        if item["verschoven_door"]:
            source += f"; verschoven door {item['verschoven_door']}"
        if item["voorbehoud"]:
            source += f". {item['voorbehoud']}"
        table.add_row(f"{item['id']} {item['naam']}", item["mijlpaal"], due, item["uitkomst"], source)
    return table


def _growth(themes: list[dict[str, Any]]) -> Table:
    table = _table("\nGroei per thema", "Thema", "Scores", "Groei")
    for item in themes:
        scores = ", ".join(f"{score['score']} ({score['op']})" for score in item["scores"])
        table.add_row(item["thema"].replace("_", " "), scores, f"{item['groei']:+d}")
    return table


def _journal(lines: list[dict[str, Any]]) -> Table:
    table = _table("\nJournaal", "Nr", "Op", "Bij", "Gebeurtenis", "Naar", "Door")
    for line in lines[-_LAST_LINES:]:
        cells = str(line["nummer"]), line["op"], line["mijlpaal"], line["gebeurtenis"], line["naar"]
        table.add_row(*cells, " ".join(part for part in line["door"].values() if part))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(
        *columns,
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        header_style="dim",
        pad_edge=False,
    )
    for column in table.columns:
        column.overflow = "fold"
    return table
