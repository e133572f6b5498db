"""Since when a process waits to be shown, and an index for the terms that are overdue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_operations"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    with op.batch_alter_table("processes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_timers_running_due",
        "timers",
        ["due"],
        sqlite_where=sa.text("due IS NOT NULL AND stopped IS NULL"),
        postgresql_where=sa.text("due IS NOT NULL AND stopped IS NULL"),
    )


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_index("ix_timers_running_due", "timers")
    with op.batch_alter_table("processes", schema=None) as batch_op:
        batch_op.drop_column("asked_at")
