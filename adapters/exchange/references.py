"""Which case another system means: by our reference, by its own number, or by a zaak URL. Never a guess."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, func, literal_column, or_
from sqlmodel import Session, col, select

from adapters.exchange.event_mapping import read_rules
from adapters.runtime.persons import NO_DIGITS, keyed_hash
from adapters.runtime.privacy import (
    REGISTER_WORDS,
    is_plain,
    may_tell_of_a_person,
    names_nobody,
    shows_nobody,
)
from adapters.storage.database import CaseRow
from adapters.storage.exchange_tables import ExternalReferenceRow
from milestones.events import SPECS
from milestones.process import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from adapters.cases.case_office import CaseOffice
    from adapters.runtime.settings import Settings


KEPT_AS_MARK = (
    "Een verwijzing die iets over een persoon kan zeggen, bewaren wij alleen als kenmerk; "
    "komt zij terug, dan herkennen wij haar."
)
_MARK = "kenmerk:"
_TAIL = re.compile(r"[0-9]{1,4}$")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_HOST = re.compile(r"https?://[^/#]*", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE)
_LAST = len("4f693a3c-212f-4ed5-bdb0-192df06c085e")


def add_reference(session: Session, office: CaseOffice, case: CaseRow, value: str, at: datetime) -> bool:
    """Remember another system's reference to a case, and say whether it is kept as a mark only.

    The same one twice changes nothing; one that is no number and no address is InvalidData.
    """
    check_form(value)
    forms = forms_of(office.settings, value)
    written = forms[0]
    renew_marks(session, forms)
    query = select(ExternalReferenceRow).where(
        ExternalReferenceRow.value == written, ExternalReferenceRow.case_reference == case.reference
    )
    if session.exec(query).first() is None:
        session.add(
            ExternalReferenceRow(
                municipality=case.municipality, value=written, case_reference=case.reference, added_at=at
            )
        )
    return written.startswith(_MARK)


def check_form(value: str) -> None:
    """Raise InvalidData for what is no number and no address."""
    if not is_plain(normal(value)):
        raise InvalidData("Een verwijzing is een nummer of adres zonder spaties en zonder vraagteken.")


def renew_marks(session: Session, forms: Iterable[str]) -> None:
    """Add to a mark of an earlier release the UUID of its reference, now that this is here again."""
    with_uuid = {
        form.partition("-")[0]: form
        for form in forms
        if form.startswith(_MARK) and ending_of(form) is not None
    }
    if not with_uuid:
        return
    kept_as = col(ExternalReferenceRow.value)
    rows = session.exec(
        select(ExternalReferenceRow).where(kept_as.in_([*with_uuid, *with_uuid.values()]))
    ).all()
    there = {(row.value, row.case_reference) for row in rows}
    for row in rows:
        renewed = with_uuid.get(row.value, row.value)
        if renewed != row.value and (renewed, row.case_reference) in there:
            session.delete(row)
        row.value = renewed


def references_of(session: Session, reference: str) -> Sequence[str]:
    """Return what other systems call a case."""
    query = (
        select(ExternalReferenceRow.value)
        .where(ExternalReferenceRow.case_reference == reference)
        .order_by(col(ExternalReferenceRow.id))
    )
    return session.exec(query).all()


def find_cases(
    session: Session, office: CaseOffice, values: Iterable[str], municipalities: Sequence[str]
) -> list[str]:
    """Return the cases that any of these values points at, within these municipalities (`*` is all)."""
    wanted = [form for value in values for form in forms_of(office.settings, value)]
    if not wanted:
        return []
    own = select(CaseRow.reference).where(col(CaseRow.reference).in_(wanted))
    other = select(ExternalReferenceRow.case_reference).where(known_as(wanted))
    if "*" not in municipalities:
        own = own.where(col(CaseRow.municipality).in_(municipalities))
        other = other.where(col(ExternalReferenceRow.municipality).in_(municipalities))
    return sorted({*session.exec(own), *session.exec(other)})


def known_as(forms: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a reference has one of these forms, or the same UUID where one of the two is no more.

    Two addresses that end in the same UUID are not the same: a copy of a register for tests has the UUIDs of the other.
    """
    value = col(ExternalReferenceRow.value)
    endings = {form: ending for form in forms if (ending := ending_of(form)) is not None}
    of_longer = {ending for form, ending in endings.items() if form != ending}
    alone = [form for form, ending in endings.items() if form == ending and form not in of_longer]
    found = value.in_([*forms, *of_longer])
    if not alone:
        return found
    last = func.substr(value, func.length(value) - literal_column(str(_LAST - 1)))  # as in its index
    return or_(found, last.in_(alone))


def ending_of(reference: str) -> str | None:
    """Return the UUID with which a reference ends, if it does."""
    found = _UUID.fullmatch(reference[-_LAST:])
    return None if found is None or reference[-_LAST - 1 : -_LAST].isalnum() else found[0].lower()


def normal(value: str) -> str:
    """Return a reference without what makes the same one look different.

    Of an address these are its scheme, its default port, the case of its host and of a UUID, and a slash at its end.
    """
    text = value.strip().rstrip("/")
    text = text[len("urn:uuid:") :] if text.lower().startswith("urn:uuid:") else text
    text = _UUID.sub(lambda found: found[0].lower(), text)
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in _DEFAULT_PORTS:
        return text
    host, slash, path = rest.partition("/")
    return f"https://{host.lower().removesuffix(f':{_DEFAULT_PORTS[scheme.lower()]}')}{slash}{path}"


def kept(settings: Settings, value: str) -> str:
    """Return a reference as we keep it: as it stands, or as a keyed hash where it may tell of a person."""
    return forms_of(settings, value)[0]


def forms_of(settings: Settings, value: str) -> list[str]:
    """Return a reference in every form in which it may have been kept, the present one first."""
    written = normal(value)
    if written.startswith(_MARK) or shows_nobody(written, settings.reference_pattern):
        return [written]
    marks = [
        _MARK + keyed_hash(secret, "verwijzing", written).translate(NO_DIGITS)
        for secret in settings.integration_secrets()
    ]
    # A short tail lets a person recognise it, a UUID also lets a message find it; a release before this one kept less.
    tails = [] if (ending := ending_of(written)) is None else [ending]
    if (last := _TAIL.search(written)) is not None and not may_tell_of_a_person(written):
        tails.append(last[0])
    return [*(f"{mark}-{tail}" for tail in tails for mark in marks), *marks]


def kept_word(settings: Settings, value: str) -> str:
    """Return a type or a source as we keep it: readable for who writes a rule for it, without what may be a name.

    Words stay that are short or known: in the table of messages, in ours, and in those of registers (`known_words`). So
    does what has the form that the municipality set.
    """
    if may_tell_of_a_person(value):
        return kept(settings, value)
    if shows_nobody(value, settings.reference_pattern):
        return value
    host = found[0] if (found := _HOST.match(value)) else ""
    known = known_words(settings.events_file)
    return host + _WORD.sub(
        lambda word: word[0] if names_nobody(word[0], known) else "…",
        value[len(host) :],
    )


@cache
def known_words(path: Path | None) -> frozenset[str]:
    """Return the words of types and sources that name no person: of this table, of our events, and of registers."""
    texts = [text for rule in read_rules(path).bericht for text in (rule.type, rule.bron)]
    ours = [item.name for item in SPECS]
    return (
        frozenset(word.lower() for text in (*texts, *ours) for word in _WORD.findall(text)) | REGISTER_WORDS
    )
