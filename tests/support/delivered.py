"""What is delivered of some cases as DDAS, as somebody approved it: each date of a traject in its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from adapters.exchange.ddas_export import SUPPLIER, DeliveryKind, export
from support.case_messages import Reader

APPROVED = Path(__file__).parents[1] / "fixtures" / "ddas" / "geleverd.json"
CASES = (
    "B", "C", "C-herhaald", "D", "D-zonder-aflossing", "E", "beeindigen-hersteld", "bewind-rechter",
    "bewind-rechter-en-vertrek", "buiten-behandeling", "dwangakkoord-hoger-beroep", "lichte-hulp",
    "niet-verschenen-met-motivering", "verhuizing-overdragen", "weigering-ongegrond",
)  # fmt: skip


def delivered(folder: Path, database: Path) -> str:
    """Return the trajects and the vroegsignaalzaken of the cases, those of some years and those of ten days."""
    reader = Reader(folder, database)
    reader.tells = False
    for number, name in enumerate(CASES, 1):
        reader.run(name, f"ZAAK-{number}")
    reader.clock.moment = reader.clock.moment.replace(year=2030, month=1, day=1)
    parts = [
        "".join(export(reader.office, kind, begin, end))
        for kind in DeliveryKind
        for begin, end in ((date(2026, 1, 1), date(2029, 12, 31)), (date(2026, 5, 10), date(2026, 5, 20)))
    ]
    return "".join(parts).replace(SUPPLIER, "routekaart")


def write(folder: Path, database: Path) -> None:
    """Write the approved file anew."""
    APPROVED.write_text(delivered(folder, database), encoding="utf-8")
