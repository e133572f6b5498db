"""A message of another system becomes an event of one case, or waits for a person.

It is led to a case by our reference, by another system's own number or by a zaak URL. Whatever points at no
case, at more than one, or at an event that is not possible now goes to the postbak: it is never dropped and
never guessed. Of the message itself nothing is kept but its id, its kind and the event that it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, select

from adapters.cases.casework import ConflictError
from adapters.cases.outgoing import TEST, TYPES, sending_municipality
from adapters.exchange.event_mapping import (
    USUAL_PLACES,
    IfUnknown,
    UnreadableError,
    data_of,
    day_of,
    read_rules,
    texts_at,
)
from adapters.exchange.references import add_reference, find_cases, forms_of, kept_word, renew_marks
from adapters.runtime.persons import keyed_hash
from adapters.runtime.privacy import is_plain
from adapters.storage.database import CaseRow, reading
from adapters.storage.exchange_tables import PostbakRow
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.cases.case_office import CaseOffice
    from adapters.cases.casework import Receipt

NOT_OURS = "Dit bericht gaat niet over een zaak van ons."
NO_RULE = "Voor dit soort bericht staat er niets in de tabel."
_NO_CASE = "Geen zaak gevonden bij dit bericht."
MORE_CASES = "Meer dan een zaak past bij dit bericht."
BY_HAND = "Voor dit soort bericht kiest een mens wat het betekent."
ANOTHER = "Dit bericht kwam al eerder, met een andere inhoud."
_HIDDEN = "(niet bewaard)"
_MOST_CANDIDATES = 20


@dataclass(frozen=True)
class Prepared:
    """What we keep of a message: enough to act on it later, and nothing about a person."""

    kind: str
    source: str
    subject: str | None
    message_hash: str
    references: tuple[str, ...] = ()
    event: str | None = None
    process: str | None = None
    on: date | None = None
    data: dict[str, object] = field(default_factory=dict)
    reason: str | None = None
    ignored: bool = False
    if_unknown: IfUnknown = IfUnknown.WAIT
    opens: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it for a row."""
        return {
            "kind": self.kind,
            "source": self.source,
            "subject": self.subject,
            "message_hash": self.message_hash,
            "references": list(self.references),
            "event": self.event,
            "process": self.process,
            "on": self.on.isoformat() if self.on else None,
            "data": self.data,
            "reason": self.reason,
            "ignored": self.ignored,
            "if_unknown": self.if_unknown,
            "opens": self.opens,
        }

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Prepared:
        """Return it back from a row."""
        on = date.fromisoformat(row["on"]) if row["on"] else None
        unknown = IfUnknown(row.get("if_unknown", IfUnknown.WAIT))
        return cls(**{**row, "references": tuple(row["references"]), "on": on, "if_unknown": unknown})


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message: an event of a case, or a line in the postbak."""

    receipt: Receipt | None = None
    postbak: int | None = None
    reason: str = ""

    @property
    def outcome(self) -> str:
        """What is noted of it."""
        if self.receipt is not None:
            return "gemeld"
        return f"postbak {self.postbak}" if self.postbak else NOT_OURS


def prepare(office: CaseOffice, values: Mapping[str, Any], received: date | None = None) -> Prepared:
    """Look up what a message stands for; `values` are its CloudEvents attributes and its data.

    `received` is the day on which it came, today by default. What cannot be read of it is the reason to wait.
    """
    kind, source = str(values.get("type", "")), str(values.get("source", ""))
    base: dict[str, Any] = {
        "kind": _shown(office, kind),
        "source": _shown(office, source),
        "message_hash": keyed_hash(office.settings.integration_secret(), source, values.get("id")),
    }
    if _is_own(office, kind, source):
        return Prepared(**base, subject=None, ignored=True)
    rule = read_rules(office.settings.events_file).rule_for(kind, source)
    places = rule.zaak if rule is not None else USUAL_PLACES
    references = tuple(
        dict.fromkeys(
            form
            for text in texts_at(values, places)
            if is_plain(text.rstrip("/"))
            for form in forms_of(office.settings, text)
        )
    )[:_MOST_CANDIDATES]
    base |= {"references": references, "subject": references[0] if references else None}
    if rule is None:
        return Prepared(**base, reason=NO_RULE)
    base |= {"ignored": rule.negeer, "if_unknown": rule.onbekend, "opens": rule.opent}
    if rule.negeer or (rule.gebeurtenis is None and rule.opent is None):
        return Prepared(**base, reason=BY_HAND)
    try:
        base |= {"data": data_of(rule, values) if rule.gebeurtenis else {}}
        base |= {"event": rule.gebeurtenis, "process": rule.mijlpaal}
        base |= {"on": day_of(rule, values, received or office.clock.today())}
    except (
        UnreadableError
    ) as unread:  # without its event when a field of it cannot be read: a person says it anew
        return Prepared(**base, reason=str(unread))
    # Of a case that is there already, a person says what a message means that only opens one.
    return Prepared(**base, reason=None if rule.gebeurtenis else BY_HAND)


def _is_own(office: CaseOffice, kind: str, source: str) -> bool:
    """Whether this is an event of ours, which a broker that we send to gives back."""
    municipality = sending_municipality(source)
    if municipality is None or kind not in (*TYPES, TEST):
        return False
    if municipality == office.settings.municipality:
        return True
    with reading(office.engine) as session:
        here = select(CaseRow.reference).where(CaseRow.municipality == municipality).limit(1)
        return session.exec(here).first() is not None


def take_in(session: Session, office: CaseOffice, message: Prepared, municipalities: Sequence[str]) -> Taken:
    """Report the event in its one case, or put the message in the postbak."""
    renew_marks(session, message.references)
    cases = find_cases(session, office, message.references, municipalities)
    if not cases and message.if_unknown is not IfUnknown.WAIT:
        return _not_ours(session, office, message, municipalities)
    reason = message.reason or (_NO_CASE if not cases else MORE_CASES if len(cases) > 1 else None)
    if reason is None and message.event is not None:
        try:
            with session.begin_nested():
                return Taken(_report(session, office, message, cases[0]))
        except NotPossible as refusal:
            reason = refusal.reason
        except ConflictError:
            reason = ANOTHER
    return _to_postbak(session, office, message, cases, reason or NO_RULE, municipalities)


def _not_ours(
    session: Session, office: CaseOffice, message: Prepared, municipalities: Sequence[str]
) -> Taken:
    """Leave a message alone that is about no case of ours, or open the case that its rule says."""
    if message.if_unknown is IfUnknown.IGNORE or message.opens is None:
        return Taken(reason=NOT_OURS)
    if message.on is None:
        return _to_postbak(session, office, message, (), message.reason or _NO_CASE, municipalities)
    one = _municipality(session, (), municipalities) or office.settings.municipality
    try:
        with session.begin_nested():
            opened = office.casework.open(
                message.opens,
                municipality=one,
                on=message.on,
                event_id=f"bericht:{message.message_hash[:32]}:openen",
                session=session,
            )
            case = session.get_one(CaseRow, opened.reference)
            for reference in message.references:
                add_reference(session, office, case, reference, office.clock.now())
            if message.event is None:
                return Taken(opened)
            return Taken(_report(session, office, message, opened.reference))
    except NotPossible as refusal:
        return _to_postbak(session, office, message, (), refusal.reason, municipalities)


def _report(session: Session, office: CaseOffice, message: Prepared, reference: str) -> Receipt:
    return office.casework.report(
        reference,
        message.event or "",
        process=message.process,
        on=message.on,
        data=message.data,
        event_id=f"bericht:{message.message_hash[:32]}",
        whole=True,
        session=session,
    )


def _to_postbak(
    session: Session,
    office: CaseOffice,
    message: Prepared,
    cases: Sequence[str],
    reason: str,
    municipalities: Sequence[str],
) -> Taken:
    known = session.exec(select(PostbakRow).where(PostbakRow.message_hash == message.message_hash)).first()
    if known is None:
        known = PostbakRow(
            municipality=_municipality(session, cases, municipalities),
            message_hash=message.message_hash,
            kind=message.kind,
            source=message.source,
            subject=message.subject,
            reason=reason[:200],
            candidates=list(cases[:_MOST_CANDIDATES]),
            event=message.event,
            process=message.process,
            on=message.on,
            data=message.data,
            received_at=office.clock.now(),
        )
        session.add(known)
        session.flush()
    return Taken(postbak=known.id, reason=known.reason)


def _municipality(session: Session, cases: Sequence[str], municipalities: Sequence[str]) -> str | None:
    if cases:
        return session.get_one(CaseRow, cases[0]).municipality
    return municipalities[0] if len(municipalities) == 1 and municipalities[0] != "*" else None


def _shown(office: CaseOffice, text: str) -> str:
    return kept_word(office.settings, text)[:255] if is_plain(text) else _HIDDEN
