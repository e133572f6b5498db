"""Webhooks and notifications are worked on under a lease, as processes and messages are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_leases"
down_revision = "0008_actors"
branch_labels = None
depends_on = None

_TABLES = ("webhook_deliveries", "inbox")


def upgrade() -> None:
    """Go to this schema; nobody works on the rows that are there."""
    for table in _TABLES:
        op.add_column(table, sa.Column("leased_by", sa.String(80), nullable=True))
        op.add_column(table, sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back to the schema before it."""
    for table in _TABLES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("leased_until")
            batch_op.drop_column("leased_by")
