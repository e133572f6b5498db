"""Terms that no rule looks at any more are marked, so that an event does not read them.

None is marked yet: the next change of a process marks what is past in it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022_past_terms"
down_revision = "0021_running_terms_follow"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.add_column("timers", sa.Column("past", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("processes", sa.Column("past", sa.JSON(), nullable=False, server_default="{}"))
    op.create_index(
        "ix_timers_not_past",
        "timers",
        ["process_id"],
        sqlite_where=sa.text("past IS 0"),
        postgresql_where=sa.text("past IS false"),
    )


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_index("ix_timers_not_past", "timers")
    op.drop_column("processes", "past")
    op.drop_column("timers", "past")
