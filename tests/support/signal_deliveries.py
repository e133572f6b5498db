"""Deliveries of vroegsignalen for tests; every person in them is made up."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.exchange.ddas import check_structure
from adapters.exchange.history import take_over
from adapters.exchange.signal_record import SignalReport
from adapters.exchange.signals import import_signals
from adapters.runtime.privacy import eleven_test

if TYPE_CHECKING:
    from adapters.office import Office


def valid_bsn(start: str) -> str:
    """Complete seven digits to a BSN that passes the eleven test."""
    return next(bsn for tail in range(100) if eleven_test(bsn := f"{start}{tail:02}"))


SAMIRA, DENNIS = valid_bsn("9000001"), valid_bsn("9000002")


def signal(id_: str, bsn: str | None = SAMIRA, **changes: Any) -> dict[str, Any]:
    """Make a signal as it stands in a delivery."""
    members: dict[str, Any] = {
        "ID": id_,
        "crisissignaal": False,
        "warmeOverdracht": False,
        "bedrag": 450,
        "ontstaansdatum": "2025-12-10",
        "signaaldatum": "2026-01-06",
        "status": "Nog niet opgepakt",
        "signaalpartner": {"type": changes.pop("partner", "Zorg")},
        "client": {"burgerservicenummer": bsn} if bsn else {},
    }
    return members | changes


def delivery(
    *signals: dict[str, Any], cases: list[dict[str, Any]] | None = None, code: str = "0518"
) -> dict[str, Any]:
    """Make a delivery of one municipality."""
    part: dict[str, Any] = {
        "teller": 1,
        "gemeentecode": code,
        "aanleverendeOrganisatie": {"naam": "Gemeente Zandkasteel"},
        "vroegsignalen": list(signals),
    }
    if cases is not None:
        part["vroegsignaalzaken"] = cases
    return {
        "codeGegevensleverancier": "PROEF",
        "startdatumLevering": "2026-01-01",
        "einddatumLevering": "2026-01-31",
        "aanleverdatumEnTijd": "2026-02-02T08:00:00Z",
        "leveringen": [part],
    }


def take_in(office: Office, content: dict[str, Any], *, with_history: bool = False) -> list[SignalReport]:
    """Take in a delivery and give the report."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(content, file)
        file.flush()
        path = Path(file.name)
        found = (take_over if with_history else import_signals)(path, check_structure(path), office)
        return sorted(found, key=lambda report: report.position)


def attempt(day: str, *, reached: bool = False, kind: str = "Telefoon") -> dict[str, Any]:
    """Make a contactpoging as it stands in a delivery."""
    return {"soort": kind, "bereikt": reached, "datum": day, "dagdeel": "Middag"}


def case(
    result: str | None, *ids: str, attempts: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    """Make a vroegsignaalzaak as it stands in a delivery."""
    found = {
        "matchingsdatum": "2026-01-12",
        "datum_opgepakt": "2026-01-13",
        "vroegsignalen": [{"ID": id_} for id_ in ids],
        "contactpogingen": attempts or [],
        **more,
    }
    return found if result is None else {"resultaat": result, **found}
