"""What a run shows names the page of its case that is the newest, so that the next change writes over it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023_latest_page"
down_revision = "0022_past_terms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema; the next change of each case makes a page anew."""
    op.add_column("shown", sa.Column("page_id", sa.String(length=36), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_column("shown", "page_id")
