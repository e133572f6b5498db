"""Which keys belong to a case database. It keeps a fingerprint of each; a process with another key does not start.

With another person key somebody who is known gets a second case, with another link key the links in messages do not
work, with another integration key no client and no subscriber is understood.
"""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from adapters.runtime.persons import KEY_NAME_LENGTH, key_name
from adapters.runtime.settings import KEY_FILES, SettingsError
from adapters.storage.database import CaseRow, SettingRow, reading, writing
from milestones.counting import so_many

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Engine
    from sqlmodel import Session

    from adapters.runtime.settings import KeyName, Settings

_ROW = "sleutels"
_LOST = "verloren"  # names of person keys that a person declared lost
_LENGTH = 16

COSTS: Mapping[KeyName, str] = MappingProxyType(
    {
        "person": (
            "Wie nu in de database staat, wordt niet meer herkend: een nieuw signaal over diezelfde inwoner opent een "
            "tweede zaak."
        ),
        "link": "De links in berichten die al verstuurd zijn, werken niet meer.",
        "integration": (
            "De geheimen van alle clients en abonnementen veranderen: geef elk systeem zijn nieuwe geheim. Een bericht "
            "dat opnieuw komt, wordt niet als herhaling herkend."
        ),
    }
)


class WrongKeyError(SettingsError):
    """A key that does not belong to this case database: one Dutch sentence that says what to do."""


def fingerprint(kind: KeyName, secret: bytes) -> str:
    """Return what a database may know of a key."""
    return hashlib.sha256(f"vingerafdruk:{kind}:".encode() + secret).hexdigest()[:_LENGTH]


def check_keys(engine: Engine, settings: Settings) -> None:
    """Refuse keys that do not belong to this database; a database without fingerprints takes those of now.

    A new person key whose predecessor is among the earlier keys takes its place. Raises SettingsError.
    """
    with reading(engine) as session:
        known = _known(session)
        found = {kind: _checked(session, settings, kind, known.get(kind)) for kind in KEY_FILES}
    if all(known.get(kind) == print_ for kind, print_ in found.items()):
        return
    try:
        with writing(engine) as session:
            row = session.get(SettingRow, _ROW, with_for_update=True)
            now = dict(row.value) if row is not None else {}
            if {kind: now.get(kind) for kind in KEY_FILES} != {kind: known.get(kind) for kind in KEY_FILES}:
                raise IntegrityError("keys", None, RuntimeError())  # noqa: TRY301 - another process was first
            session.merge(SettingRow(name=_ROW, value=now | found))
    except IntegrityError:
        check_keys(engine, settings)


def key_problems(engine: Engine, settings: Settings) -> Iterator[str]:
    """Say how many cases stand under a person key that this machine does not have."""
    with reading(engine) as session:
        lost = set(_known(session).get(_LOST, ()))
        strange = {
            name: count for name, count in _person_names(session).items() if name not in _own(settings) | lost
        }
    if strange:
        yield (
            f"Bij {so_many(sum(strange.values()), 'zaak')} staat een inwoner onder een sleutel die deze machine niet "
            "heeft: die inwoners worden niet herkend. Zet die sleutel bij de eerdere (ROUTEKAART_PERSON_KEYS_OLD)."
        )


def replace_key(engine: Engine, settings: Settings, kind: KeyName) -> None:
    """Let the key of this machine take the place of the one that the database knows; make one where it may.

    Raises SettingsError.
    """
    file, given = settings.key_file(kind), getattr(settings, f"{kind}_key") is not None
    with reading(engine) as session:
        known = _known(session).get(kind)
    if known is not None and (given or file.exists()) and fingerprint(kind, settings.secret(kind)) == known:
        if given:
            raise SettingsError(
                f"Deze sleutel hoort al bij de database; zet eerst een nieuwe in ROUTEKAART_{kind.upper()}_KEY."
            )
        if kind == "person":
            raise SettingsError(
                "De persoonssleutel is er nog. Vernieuw hem zonder iemand te verliezen: routekaart persoonssleutel "
                "vernieuw."
            )
        file.unlink()
    found = fingerprint(kind, settings.secret(kind))
    with writing(engine) as session:
        row = session.get(SettingRow, _ROW, with_for_update=True)
        value: dict[str, Any] = dict(row.value) if row is not None else {}
        if kind == "person":
            value[_LOST] = sorted({*value.get(_LOST, ()), *(_person_names(session).keys() - _own(settings))})
        session.merge(SettingRow(name=_ROW, value=value | {kind: found}))


def _known(session: Session) -> dict[str, Any]:
    row = session.get(SettingRow, _ROW)
    return {} if row is None else dict(row.value)


def _checked(session: Session, settings: Settings, kind: KeyName, known: str | None) -> str:
    """Return the fingerprint of the key of this machine; a WrongKeyError when it is not that of the database."""
    given = getattr(settings, f"{kind}_key") is not None
    there = given or settings.key_file(kind).exists()
    if known is None:
        strange = kind == "person" and _only_strangers(session, settings, there=there)
        if not strange:
            return fingerprint(kind, settings.secret(kind))
    elif there:
        found = fingerprint(kind, settings.secret(kind))
        earlier = settings.old_person_secrets() if kind == "person" else ()
        if found == known or known in {fingerprint(kind, secret) for secret in earlier}:
            return found
    name = KEY_FILES[kind]
    what = f"Deze machine heeft een andere {name} dan" if there else f"Deze machine mist de {name} van"
    place = f"in ROUTEKAART_{kind.upper()}_KEY of in {settings.key_file(kind)}"
    raise WrongKeyError(
        f"{what} de zakendatabase. Zet de goede sleutel terug ({place}). Is hij voorgoed weg, dan zegt `routekaart "
        f"sleutel vervang {name}` wat dat kost."
    )


def _only_strangers(session: Session, settings: Settings, *, there: bool) -> bool:
    """Whether a database from before the fingerprints knows people, and none under a key of this machine."""
    names = _person_names(session)
    return bool(names) and not (there and names.keys() & _own(settings))


def _own(settings: Settings) -> set[str]:
    return {key_name(secret) for secret in (settings.person_secret(), *settings.old_person_secrets())}


def _person_names(session: Session) -> dict[str, int]:
    """Count the cases under each person key, by the name of the key."""
    name = func.substr(col(CaseRow.person_key), 1, KEY_NAME_LENGTH)
    query = select(name, func.count()).where(col(CaseRow.person_key).like("________.%")).group_by(name)
    return dict(session.exec(query).all())
