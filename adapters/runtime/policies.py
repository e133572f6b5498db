"""The policy of each municipality: one TOML file per gemeentecode, over the defaults of the domain reference.

A policy is named after its municipality and its content, so that each running term can name the policy that it
started under. What was ever used is kept in the database: replaying a journal needs it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adapters.runtime.policy_file import plain, problems_of
from adapters.runtime.problems import WrongLine
from adapters.runtime.toml_files import TomlError, read_toml
from adapters.runtime.toml_lines import TomlLines
from milestones.policy import Policy, with_overrides
from milestones.policy_values import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DEFAULT = Policy()
_MUNICIPALITY = re.compile(r"[0-9]{4}", re.ASCII)


class PolicyFileError(PolicyError):
    """A policy file that cannot be used: the first thing that is wrong, and all of it as lines."""

    def __init__(self, *problems: WrongLine) -> None:
        more = f" (en nog {len(problems) - 1})" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = problems


def read_policy(folder: Path | None, municipality: str) -> tuple[Policy, Mapping[str, Any]]:
    """Return the policy of a municipality and the choices it was made from.

    Without a folder, or without a file for this gemeentecode, the defaults hold. A file that cannot be used, and
    two files for one municipality, are a PolicyError that names the file, the line, the key and the article.
    """
    paths = _paths(folder).get(municipality, [])
    if not paths:
        return DEFAULT, {}
    if len(paths) > 1:
        raise PolicyFileError(_one_too_many(paths, municipality))
    return policy_in(paths[0], municipality)


def _one_too_many(paths: Sequence[Path], municipality: str) -> WrongLine:
    """Say which files are for the same municipality, at the line where one says so."""
    named = ((path, _line_of_municipality(path)) for path in reversed(paths))
    path, line = next((found for found in named if found[1] is not None), (paths[-1], None))
    names = f"{', '.join(item.name for item in paths[:-1])} en {paths[-1].name}"
    number = "twee" if not paths[2:] else str(len(paths))
    return WrongLine(
        path.name,
        line,
        f"Gemeente {municipality} heeft {number} bestanden met beleid: {names}. Laat er één staan: de raad stelt een "
        "plan vast (Wgs art. 2 lid 1).",
    )


def _line_of_municipality(path: Path) -> int | None:
    try:
        return TomlLines(read_toml(path)[1]).of(("gemeente",))
    except (TomlError, OSError):
        return None


def policy_in(path: Path, municipality: str) -> tuple[Policy, Mapping[str, Any]]:
    """Return the policy that a file makes for a municipality, and its choices. Raises PolicyError as `read_policy`."""
    try:
        content, text = read_toml(path)
    except TomlError as error:
        raise PolicyFileError(WrongLine(path.name, error.line, error.what)) from None
    except FileNotFoundError:
        raise PolicyFileError(WrongLine(path.name, None, "Dit bestand bestaat niet.")) from None
    except OSError as error:
        raise PolicyFileError(WrongLine(path.name, None, f"Niet te lezen ({error.strerror}).")) from None
    if problems := problems_of(path.name, content, text):
        raise PolicyFileError(*problems)
    choices = plain(content)
    if choices.get("gemeente", municipality) != municipality:
        sentence = f"Beleid: 'gemeente' is {choices['gemeente']}, maar dit is het beleid van {municipality}."
        raise PolicyFileError(WrongLine(path.name, TomlLines(text).of(("gemeente",)), sentence))
    return policy_from(policy_name(municipality, choices), choices), choices


def policy_from(name: str, choices: Mapping[str, Any], *, kept: bool = False) -> Policy:
    """Return the policy with this name that these choices make; one that was `kept` counts as it did then."""
    return replace(with_overrides(DEFAULT, choices, kept=kept), name=name)


def policy_name(municipality: str, choices: Mapping[str, Any]) -> str:
    """Return a name that says whose policy it is and changes with its content."""
    written = json.dumps(choices, sort_keys=True, ensure_ascii=False)
    return f"{municipality}-{hashlib.sha256(written.encode()).hexdigest()[:8]}"


def policy_files(folder: Path | None) -> list[str]:
    """Return the gemeentecodes that have a policy file."""
    return list(_paths(folder))


def _paths(folder: Path | None) -> dict[str, list[Path]]:
    """Return the policy files by gemeentecode: that of the key `gemeente`, else the name of the file."""
    found: dict[str, list[Path]] = {}
    if folder is None or not folder.is_dir():
        return found
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == ".toml":
            found.setdefault(_municipality_of(path), []).append(path)
    return found


def _municipality_of(path: Path) -> str:
    try:
        named = read_toml(path)[0].get("gemeente")
    except (TomlError, OSError):
        named = None  # what is wrong is said when it is read
    return named if isinstance(named, str) and _MUNICIPALITY.fullmatch(named) else path.stem


def policy_problems(folder: Path | None) -> list[str]:
    """Return what is wrong with the policy files, one Dutch sentence each."""
    problems: list[str] = []
    for municipality, paths in _paths(folder).items():
        try:
            read_policy(folder, municipality)
        except PolicyFileError as error:
            problems += [str(problem) for problem in error.problems]
            continue
        if not _MUNICIPALITY.fullmatch(municipality):
            problems.append(
                f"{paths[0].name}: noem het bestand naar de gemeentecode, zoals 0518.toml, of zet er 'gemeente' in."
            )
    if folder is not None and not folder.is_dir():
        problems.append(f"De map met beleid {folder.name} bestaat niet.")
    return problems
