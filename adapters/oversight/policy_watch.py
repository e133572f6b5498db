"""What a policy officer must know in time: what ends, what was not checked for a year, what a release changed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.oversight.law_check import cases_with, checked_texts
from adapters.oversight.policy_check import RemarkKind, checked_now, due_soon, ending
from adapters.storage.database import SettingRow, reading, writing
from milestones.term_table import TERMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine

    from adapters.oversight.policy_check import CheckOffice
    from milestones.terms import Term

_TERMS, _TOLD = "termen-van-release", "beleidswacht"
_MOST_CASES = 20
_TEXT_DATE = re.compile(r"; tekst van [^)]*")


@dataclass(frozen=True, slots=True)
class PolicyWarning:
    """What a municipality is told: the sentences, and an id that stays the same while they do."""

    id: str
    municipality: str
    sentences: tuple[str, ...]
    page: str = ""  # where all cases are, when there are more than a message names


@dataclass(frozen=True, slots=True)
class ChangedTerm:
    """A term that is not as the release before had it."""

    id: str
    before: str | None
    now: str | None

    def __str__(self) -> str:
        return f"{self.id}: was {self.before or 'er niet'}, is nu {self.now or 'er niet meer'}"


def warnings_for(
    office: CheckOffice, municipality: str, changed: Sequence[ChangedTerm]
) -> PolicyWarning | None:
    """Return what to tell a municipality now; None when there is nothing, or it was told already."""
    today = office.clock.today()
    policy = office.rules_for(municipality).policy
    sentences = [
        f"Dit mag niet (meer) in het beleid dat geldt. {item.sentence}"
        for item in checked_now(office, municipality).of(RemarkKind.NOT_ALLOWED)
    ]
    sentences += [
        item.sentence for item in due_soon(tuple(ending(policy, today, checked_texts(office.engine))), today)
    ]
    page = ""
    if changed:
        sentences += [f"Een nieuwe versie van routekaart wijzigt een termijn. {item}." for item in changed]
        terms = [item.id for item in changed]
        cases = list(dict.fromkeys(case.reference for case in cases_with(office.engine, terms, municipality)))
        more = ""
        if len(cases) > _MOST_CASES:
            page = f"/beleid/{municipality}/zaken/{','.join(terms)}"
            more = f" en nog {len(cases) - _MOST_CASES} (allemaal: {page})"
        sentences.append(f"Open zaken met zo'n termijn: {', '.join(cases[:_MOST_CASES]) or 'geen'}{more}.")
    if not sentences:
        return None
    written = hashlib.sha256("\n".join(sentences).encode()).hexdigest()[:16]
    found = PolicyWarning(
        f"{_TOLD}/{municipality}/{today:%Y-%m}/{written}", municipality, tuple(sentences), page
    )
    with reading(office.engine) as session:
        row = session.get(SettingRow, f"{_TOLD}/{municipality}")
        return None if row is not None and row.value.get("id") == found.id else found


def remember_told(engine: Engine, warning: PolicyWarning) -> None:
    """Remember that it was told: it is told again next month, or when something is different."""
    with writing(engine) as session:
        session.merge(SettingRow(name=f"{_TOLD}/{warning.municipality}", value={"id": warning.id}))


def changed_terms(engine: Engine) -> list[ChangedTerm]:
    """Return the terms that are not as they were when `remember_terms` last ran; none the first time.

    That a text of a later date was read, and says the same, is no change.
    """
    with reading(engine) as session:
        row = session.get(SettingRow, _TERMS)
    if row is None:
        return []
    now = _described()
    return [
        ChangedTerm(name, row.value.get(name), now.get(name))
        for name in sorted({*row.value, *now})
        if _differ(row.value.get(name), now.get(name))
    ]


def _differ(before: str | None, now: str | None) -> bool:
    """Whether a term is another one. Of the terms of 0.1.0 only the lengths were kept (migration 0007)."""
    if before is None or now is None:
        return before != now
    return _TEXT_DATE.sub("", before) != _TEXT_DATE.sub("", now) and before != now.partition(" (")[0]


def remember_terms(engine: Engine) -> None:
    """Keep the terms as this release has them."""
    with writing(engine) as session:
        session.merge(SettingRow(name=_TERMS, value=dict(_described())))


def remember_first_terms(engine: Engine) -> None:
    """Keep the terms of the first release that works with a database, so that the next one is held against it."""
    with reading(engine) as session:
        if session.get(SettingRow, _TERMS) is not None:
            return
    remember_terms(engine)


def _described() -> Mapping[str, str]:
    return {name: _words(term) for name, term in TERMS.items()}


def _words(term: Term) -> str:
    return f"{term.length or 'zonder lengte'} ({term.source_text})"
