"""Write the description of the API anew: python tests/renew_openapi.py."""

from __future__ import annotations

import tempfile
from pathlib import Path

from adapters.api import create_api
from adapters.api.description import written
from adapters.office import open_office
from adapters.runtime.settings import Settings

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        api = create_api(open_office(Settings(home=Path(home))))
        target = Path(__file__).parents[1] / "docs" / "integration" / "openapi.json"
        target.write_text(written(api), encoding="utf-8")
