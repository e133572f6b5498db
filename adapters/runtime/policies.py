"""The policy of each municipality: one TOML file per gemeentecode, over the defaults of the domain reference.

A policy is named after its municipality and its content, so that each running term can name the policy that it
started under. What was ever used is kept in the database: replaying a journal needs it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adapters.runtime.toml_files import TomlError, read_toml
from milestones.policy import Policy, with_overrides
from milestones.policy_values import PolicyError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = Policy()


def read_policy(folder: Path | None, municipality: str) -> tuple[Policy, Mapping[str, Any]]:
    """Return the policy of a municipality and the choices it was made from.

    Without a folder, or without a file for this gemeentecode, the defaults hold. A file that cannot be used is
    a PolicyError that names the file, the key and the article.
    """
    if folder is None:
        return DEFAULT, {}
    path = folder / f"{municipality}.toml"
    if not path.exists():
        return DEFAULT, {}
    return policy_in(path, municipality)


def policy_in(path: Path, municipality: str) -> tuple[Policy, Mapping[str, Any]]:
    """Return the policy that a file would make for a municipality, and its choices; PolicyError as `read_policy`."""
    try:
        choices = read_toml(path)[0]
    except TomlError as error:
        raise PolicyError(error.sentence) from None
    except FileNotFoundError:
        raise PolicyError(f"Het bestand {path.name} bestaat niet.") from None
    except OSError as error:
        raise PolicyError(f"{path.name} is niet te lezen ({error.strerror}).") from None
    try:
        return policy_from(policy_name(municipality, choices), choices), choices
    except PolicyError as error:
        raise PolicyError(f"{path.name}: {error}") from None


def policy_from(name: str, choices: Mapping[str, Any], *, kept: bool = False) -> Policy:
    """Return the policy with this name that these choices make; one that was `kept` counts as it did then."""
    return replace(with_overrides(DEFAULT, choices, kept=kept), name=name)


def policy_name(municipality: str, choices: Mapping[str, Any]) -> str:
    """Return a name that says whose policy it is and changes with its content."""
    written = json.dumps(choices, sort_keys=True, ensure_ascii=False)
    return f"{municipality}-{hashlib.sha256(written.encode()).hexdigest()[:8]}"


def policy_files(folder: Path | None) -> list[str]:
    """Return the gemeentecodes that have a policy file."""
    return [path.stem for path in sorted(folder.glob("*.toml"))] if folder else []


def policy_problems(folder: Path | None) -> list[str]:
    """Return what is wrong with the policy files, one Dutch sentence each."""
    problems: list[str] = []
    for municipality in policy_files(folder):
        try:
            read_policy(folder, municipality)
        except PolicyError as error:
            problems.append(str(error))
    if folder is not None and not folder.is_dir():
        problems.append(f"De map met beleid {folder.name} bestaat niet.")
    return problems
