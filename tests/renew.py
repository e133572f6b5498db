"""Write every generated file anew: `python tests/renew.py`. Tests say when that is due.

These are the pages of the definitions, the description of the API, and the file for Prefect's own command.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from support import prefect_file

from adapters.api import create_api
from adapters.api.description import written
from adapters.office import open_office
from adapters.runtime.settings import Settings
from deployments import write_definitions

DESCRIPTION = Path(__file__).parents[1] / "docs" / "integration" / "openapi.json"


def main() -> None:
    """Write them all."""
    write_definitions.write()
    prefect_file.FILE.write_text(prefect_file.content(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as home:
        api = create_api(open_office(Settings(home=Path(home))))
        DESCRIPTION.write_text(written(api), encoding="utf-8")


if __name__ == "__main__":
    main()
