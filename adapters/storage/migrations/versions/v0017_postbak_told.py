"""When somebody was told that a message waits in the postbak."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017_postbak_told"
down_revision = "0016_worklists"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.add_column("postbak", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_column("postbak", "told_at")
