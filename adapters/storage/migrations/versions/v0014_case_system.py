"""How far each zaak of the zaaksysteem was told of its case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_case_system"
down_revision = "0013_policy_uses"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "case_system_links",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("municipality", sa.String(4), nullable=False),
        sa.Column(
            "case_reference", sa.String(60), sa.ForeignKey("cases.reference"), nullable=False, index=True
        ),
        sa.Column("zaak", sa.String(300), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wrote", sa.JSON(), nullable=False),
        sa.Column("last_result", sa.String(200), nullable=True),
        sa.Column("leased_by", sa.String(80), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("case_reference", "zaak"),
    )


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_table("case_system_links")
