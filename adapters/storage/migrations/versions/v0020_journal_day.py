"""Each row of the journal names the civil day on which it was written: data of time zones change afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020_journal_day"
down_revision = "0019_reviewed_by"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema; rows that are there keep their hash, and their day follows from their moment."""
    op.add_column("journal", sa.Column("day", sa.Date(), nullable=True))


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_column("journal", "day")
