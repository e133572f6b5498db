"""The files of migrations are one row, from the first schema to the newest."""

from __future__ import annotations

from collections import Counter

from alembic.config import Config
from alembic.script import ScriptDirectory

from adapters.storage.database import MIGRATIONS, newest_revision


def test_the_last_file_of_migrations_is_the_newest_schema() -> None:
    """Its name tells whether a database is up to date; Alembic, who follows the links between them, says the same."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [newest_revision()]
    walked = [script.revision for script in scripts.walk_revisions()]
    assert walked == sorted(walked, reverse=True)


def test_no_two_migrations_have_one_number() -> None:
    """Two people who each add one notice it before a database does."""
    numbers = Counter(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/v*.py"))
    assert len(numbers) > 10
    assert [number for number, times in numbers.items() if times > 1] == []
