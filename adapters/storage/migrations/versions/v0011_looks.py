"""Who looked at which case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011_looks"
down_revision = "0010_pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "looks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_reference", sa.String(60), nullable=False),
        sa.Column("municipality", sa.String(4), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("actor_code", sa.String(60), nullable=False),
        sa.Column("actor_way", sa.String(20), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(200), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("case_reference", "actor_kind", "actor_code", "actor_way", "slot"),
    )
    op.create_index("ix_looks_actor_code", "looks", ["actor_code"])
    op.create_index("ix_looks_at", "looks", ["at"])


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_table("looks")
