"""Write every generated file anew: `python tests/renew.py`. Tests say when that is due.

These are the pages of the definitions, the description of the API, the file for Prefect's own command, the schema and
the example of a policy, and the approved reports, messages and delivery.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from support import case_messages, delivered, prefect_file, reports

from adapters.api import create_api
from adapters.api.description import written
from adapters.office import open_office
from adapters.runtime.policy_file import written_example, written_schema
from adapters.runtime.settings import Settings
from adapters.storage.database import create_engine, migrate
from deployments import write_definitions

ROOT = Path(__file__).parents[1]
DESCRIPTION = ROOT / "docs" / "integration" / "openapi.json"
POLICY_SCHEMA = ROOT / "docs" / "gebruik" / "beleid.schema.json"
POLICY_EXAMPLE = ROOT / "deployments" / "voorbeeld_beleid.toml"


def main() -> None:
    """Write them all."""
    write_definitions.write()
    prefect_file.FILE.write_text(prefect_file.content(), encoding="utf-8")
    reports.write()
    POLICY_SCHEMA.write_text(written_schema(), encoding="utf-8")
    POLICY_EXAMPLE.write_text(written_example(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as home:
        database = Path(home) / "leeg.db"
        engine = create_engine(f"sqlite:///{database}")
        migrate(engine)
        engine.dispose()
        case_messages.write(Path(home), database)
        delivered.write(Path(home), database)
        api = create_api(open_office(Settings(home=Path(home))))
        DESCRIPTION.write_text(written(api), encoding="utf-8")
    from support import coordinator_day  # noqa: PLC0415 - it takes a Prefect server

    coordinator_day.write()


if __name__ == "__main__":
    main()
