"""The definitions, one file each. A change of a definition is a new version; the old one becomes data (`earlier`)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from milestones.definitions import begeleiding, besluit, m1, m2, m3, m4, m5, m6, m7, m8, wsnp
from milestones.definitions.earlier import earlier_versions
from milestones.process import NotPossible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from milestones.definition import Definition
    from milestones.process import Snapshot

VERSIONS: tuple[Definition, ...] = (
    *earlier_versions(),
    m1.M1,
    m2.M2,
    m3.M3,
    m4.M4,
    m5.M5,
    m6.M6,
    m7.M7,
    m8.M8,
    begeleiding.BEGELEIDING,
    wsnp.WSNP,
    besluit.BESLUIT,
)

_BY_VERSION: Mapping[tuple[str, int], Definition] = MappingProxyType(
    {(item.code, item.version): item for item in VERSIONS}
)
DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {item.code: item for item in sorted(VERSIONS, key=lambda item: item.version)}
)


def known_versions() -> tuple[tuple[str, int], ...]:
    """Return code and version of every definition of this release."""
    return tuple(_BY_VERSION)


def current(code: str, version: int | None = None) -> Definition:
    """Return the newest version of a definition, or the one that is asked for; an unknown code is NotPossible."""
    if code not in DEFINITIONS:
        raise NotPossible(f"'{code}' is geen mijlpaal (wel: {', '.join(DEFINITIONS)}).")
    return DEFINITIONS[code] if version is None else version_of(code, version)


def version_of(code: str, version: int) -> Definition:
    """Return one version of a definition; one that does not exist is NotPossible."""
    if (code, version) not in _BY_VERSION:
        raise NotPossible(f"{code} heeft geen versie {version}.")
    return _BY_VERSION[code, version]


def definition_of(process: Snapshot) -> Definition:
    """Return the version that a process started with (decision 10)."""
    return _BY_VERSION[process.code, process.version]


def kept_definition(code: str, version: int) -> Definition:
    """Return a version of a definition; one that never was is a KeyError."""
    return _BY_VERSION[code, version]
