"""Who can hold a case. Codes are those of domain 4.1; the Dutch names are what people read."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.vocabulary import Role

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "case_worker": "klantmanager",
        "debt_counsellor": "schuldhulpverlener",
        "budget_coach": "budgetcoach",
        "settlement_officer": "schuldregelaar",
        "early_signal_worker": "vroegsignaleerder",
        "coordinator": "coördinator",
        "team_leader": "teamleider",
        "quality_reviewer": "kwaliteitstoetser",
        "legal_officer": "jurist",
        "wsnp_trustee": "bewindvoerder Wsnp",
        "protective_administrator": "beschermingsbewindvoerder",
        "chain_partner": "ketenpartner",
        "signal_partner": "signaalpartner",
        "creditor": "schuldeiser",
        "client": "inwoner",
    }
)

# Roles outside the municipality: they may be told something, but never hold a state.
OUTSIDE: frozenset[str] = frozenset(
    {"wsnp_trustee", "protective_administrator", "chain_partner", "signal_partner", "creditor", "client"}
)

# Who may decide otherwise where the zorgplicht protects: with a reason.
OVERRULERS: tuple[Role, ...] = ("coordinator", "team_leader")
# Who holds a case may note what the inwoner wants; who leads may as well.
HOLDERS: tuple[Role, ...] = (
    "case_worker",
    "debt_counsellor",
    "budget_coach",
    "settlement_officer",
    *OVERRULERS,
)
# Who may decide against the wish of the inwoner.
DECIDERS: tuple[Role, ...] = ("debt_counsellor", "quality_reviewer", *OVERRULERS)
REVIEWERS: tuple[Role, ...] = ("quality_reviewer", "legal_officer", "team_leader")


def dutch_role(role: str) -> str:
    """Return the Dutch name of a role code; an unknown code is a KeyError."""
    return ROLES[role]
