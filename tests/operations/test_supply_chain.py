"""What we depend on: pinned with hashes, under licences that go with EUPL-1.2, looked up, and listed."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from datetime import date
from importlib.machinery import SourceFileLoader
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.peers import virtual_environment

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", LOCK, re.MULTILINE))

# Permissive ones, and those that the appendix of EUPL-1.2 names, of libraries that we use as they are.
GOES_WITH_EUPL = {
    "0BSD", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python", "EUPL-1.2", "ISC",
    "LGPL-2.1-only", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "ZPL-2.1",
    # as older packages write them
    "Apache Software License", "BSD License", "ISC License", "MIT License",
    "Mozilla Public License 2.0", "Python Software Foundation License",
    "GNU Lesser General Public License v3",
}  # fmt: skip
EXCEPTIONS = {
    "text-unidecode": (
        "Artistic License or GPL-2.0-or-later, at our choice; it comes with Prefect (python-slugify), is installed as "
        "its makers publish it, and nothing of it is in our files"
    ),
}


def _installed(name: str, extras: frozenset[str], found: dict[str, str]) -> None:
    """Note the licence of a package and of all that it needs."""
    key = canonicalize_name(name)
    if key in found:
        return
    try:
        about = distribution(name)
    except PackageNotFoundError:
        return  # of an extra that is not installed here
    classifiers = about.metadata.get_all("Classifier") or []
    named = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")]
    found[key] = (
        about.metadata.get("License-Expression") or " OR ".join(named) or about.metadata.get("License") or ""
    )
    for written in about.requires or []:
        needed = Requirement(written)
        if needed.marker is None or any(needed.marker.evaluate({"extra": one}) for one in ("", *extras)):
            _installed(needed.name, frozenset(needed.extras), found)


def _goes_along(expression: str) -> bool:
    """Whether all of a licence expression goes with ours: of OR one part, of AND each."""
    plain = re.sub(r" \([A-Zv0-9. ]+\)", "", expression)  # a short name behind the long one
    choices = re.split(
        r"\s+OR\s+", re.sub(r"\s+AND\s+\(([^)]*)\)", lambda m: " AND " + m[1].split(" OR ")[0], plain)
    )
    return any(
        all(part.strip(" ()") in GOES_WITH_EUPL for part in re.split(r"\s+AND\s+", one)) for one in choices
    )


def test_every_pin_has_a_hash_and_every_dependency_a_pin() -> None:
    """An installation with `--require-hashes` takes nothing that was changed since."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())
    pins = [block for block in blocks if "==" in block.splitlines()[0]]
    assert len(pins) > 100
    assert [block.splitlines()[0] for block in pins if "--hash=sha256:" not in block] == []
    wanted = {canonicalize_name(Requirement(one).name) for one in PROJECT["dependencies"]}
    assert wanted <= {canonicalize_name(name) for name in PINS}


def test_the_pins_are_within_the_bounds_that_we_promise() -> None:
    """What was tested is what a plain installation may get."""
    for written in PROJECT["dependencies"]:
        needed = Requirement(written)
        pins = {canonicalize_name(name): version for name, version in PINS.items()}
        assert needed.specifier.contains(pins[canonicalize_name(needed.name)], prereleases=True), written


def test_every_licence_goes_with_eupl() -> None:
    """Of all that is installed with us; an exception has its reason, and is still there."""
    found: dict[str, str] = {}
    _installed("routekaart", frozenset({"cluster"}), found)
    assert len(found) > 60
    strange = {name: licence for name, licence in found.items() if not _goes_along(licence)}
    assert strange.keys() <= EXCEPTIONS.keys(), strange
    assert EXCEPTIONS.keys() <= found.keys()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("MIT AND PSF-2.0", True),
        ("GPL-3.0-only OR MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("AGPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_an_expression_is_read_as_it_is_meant(expression: str, expected: bool) -> None:
    """Without a licence nobody may use it."""
    assert _goes_along(expression) is expected


def _audit() -> ModuleType:
    loader = SourceFileLoader("audit", str(ROOT / ".ci" / "audit"))
    spec = spec_from_loader("audit", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


WEAK: dict[str, Any] = {
    "name": "h11",
    "version": "0.14.0",
    "vulns": [{"id": "PYSEC-2025-1", "aliases": ["CVE-2025-43859"], "fix_versions": ["0.16.0"]}],
}
FINE: dict[str, Any] = {"name": "idna", "version": "3.10", "vulns": []}
SKIPPED: dict[str, Any] = {"name": "x", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "ignored", "wrong", "word"),
    [
        ([WEAK, FINE], set(), True, "h11 0.14.0: PYSEC-2025-1, mended in 0.16.0"),
        ([WEAK, FINE], {"CVE-2025-43859"}, False, "2 of 2"),
        ([FINE, SKIPPED], set(), False, "1 of 2"),
        ([SKIPPED], set(), False, "nothing was looked up"),
    ],
)
def test_the_audit_fails_on_a_weakness_that_nobody_accepted(
    packages: list[dict[str, Any]], ignored: set[str], wrong: bool, word: str
) -> None:
    """By its id or another name of it; what could not be looked up is said, and is no fault."""
    said, found = _audit().judged({"dependencies": packages}, ignored)
    assert found is wrong
    assert word in said[0]


def test_what_is_accepted_has_a_reason_and_an_end() -> None:
    """After its last day it counts again; a line without a reason is refused."""
    audit = _audit()
    text = (ROOT / ".ci" / "audit-ignore").read_text(encoding="utf-8")
    audit.accepted(text, date(2026, 1, 1))
    line = "CVE-2025-43859 2026-06-30 only reached from inside"
    assert audit.accepted(line, date(2026, 6, 30)) == {"CVE-2025-43859"}
    assert audit.accepted(line, date(2026, 7, 1)) == set()
    with pytest.raises(ValueError, match="unpack"):
        audit.accepted("CVE-2025-43859 2026-06-30", date(2026, 1, 1))


@pytest.mark.long
def test_the_list_of_a_release_is_cyclonedx(tmp_path: Path) -> None:
    """The makers' own program writes and checks it: every pin is in it, with its hashes."""
    python = virtual_environment(tmp_path / "env", "cyclonedx-bom>=7,<8")
    made = tmp_path / "sbom.cdx.json"
    subprocess.run(
        [python.with_name("cyclonedx-py"), "requirements", ROOT / "requirements.lock", "--pyproject",
         ROOT / "pyproject.toml", "--of", "JSON", "-o", made],
        check=True, capture_output=True,
    )  # fmt: skip
    listed = json.loads(made.read_text())
    assert listed["bomFormat"] == "CycloneDX"
    assert listed["metadata"]["component"]["name"] == "routekaart"
    assert {canonicalize_name(one["name"]) for one in listed["components"]} >= {
        canonicalize_name(name) for name in PINS
    }
