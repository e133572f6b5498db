"""Whether the running terms follow a policy that is taken into use, and since when they do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021_running_terms_follow"
down_revision = "0020_journal_day"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.add_column(
        "policy_uses", sa.Column("running", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("policy_uses", sa.Column("followed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_column("policy_uses", "followed_at")
    op.drop_column("policy_uses", "running")
