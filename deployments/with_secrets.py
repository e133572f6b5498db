"""For commands that are not ours: `python -m deployments.with_secrets prefect server services start`.

Gives the command the secrets that stand in files, as `routekaart` and our server take them by themselves.
"""

from __future__ import annotations

import os
import sys

from deployments.cli.answers import say_what_is_wrong
from deployments.cli.console import BAD_INPUT, complain
from deployments.secret_files import take_secret_files


def main(words: list[str]) -> int:
    """Become this command; give an exit code only when that does not happen."""
    if not words:
        complain("Schrijf erachter welke opdracht de geheimen krijgt.")
        return BAD_INPUT
    try:
        take_secret_files()
        os.execvp(words[0], words)  # noqa: S606 - who starts us says what
    except FileNotFoundError:
        complain(f"De opdracht {words[0]} bestaat niet.")
        return BAD_INPUT
    except Exception as error:  # noqa: BLE001
        return say_what_is_wrong(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
