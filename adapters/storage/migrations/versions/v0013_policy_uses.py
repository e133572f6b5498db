"""Which policy counted when, and who took it into use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_policy_uses"
down_revision = "0012_destruction"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "policy_uses",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("municipality", sa.String(4), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(80), nullable=False),
        sa.Column("put_forward_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("actor_code", sa.String(60), nullable=True),
        sa.Column("actor_way", sa.String(20), nullable=True),
        sa.Column("reason", sa.String(200), nullable=True),
        sa.Column("second_code", sa.String(60), nullable=True),
        sa.Column("in_use_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("municipality", "number"),
    )
    op.create_index("ix_policy_uses_in_use", "policy_uses", ["municipality", "in_use_at"])


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_table("policy_uses")
