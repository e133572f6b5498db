"""Secrets as files: what containers, Kubernetes and systemd put in a file stands for the variable of that name."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from milestones.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import MutableMapping

# Where systemd and our manifests of Kubernetes say that they are, and where containers have them.
_SAID_IN, _OF_CONTAINERS = "CREDENTIALS_DIRECTORY", "/run/secrets"
_VARIABLE = re.compile(r"(ROUTEKAART|PREFECT)_[A-Z_]+")


class SecretFileError(Refusal):
    """A file with a secret that cannot be used: one Dutch sentence, without what is in it."""


def take_secret_files(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set each variable of ours or of Prefect that stands in a file and is not set; an empty file sets nothing.

    Raises SecretFileError for a file that is no text, and OSError for one that this user may not read.
    """
    folders = [environment.get(_SAID_IN)]
    if os.access(_OF_CONTAINERS, os.R_OK | os.X_OK):  # that of another is none of ours
        folders.append(_OF_CONTAINERS)
    for folder in folders:
        if not folder or not Path(folder).is_dir():
            continue
        for file in sorted(Path(folder).iterdir()):
            if _VARIABLE.fullmatch(file.name) and file.name not in environment and (secret := _read(file)):
                environment[file.name] = secret


def _read(file: Path) -> str:
    try:
        secret = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        secret = None
    if secret is None or "\0" in secret:  # no variable can hold that
        raise SecretFileError(f"In {file} staat geen tekst in UTF-8: zet daar alleen het geheim in.")
    return secret.strip()
