"""Who reviewed a case of the quality sample, so that another reads it the second time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019_reviewed_by"
down_revision = "0018_reference_endings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.add_column("reviews", sa.Column("reviewed_by", sa.String(60), nullable=True))


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_column("reviews", "reviewed_by")
