"""Wishes about messages, and addresses that show something without a login."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_pages"
down_revision = "0009_leases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "message_wishes",
        sa.Column("recipient", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(40), primary_key=True),
        sa.Column("wish", sa.String(10), nullable=False),
    )
    op.create_table(
        "page_keys",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(60), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_page_keys_subject", "page_keys", ["kind", "subject"])


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_table("page_keys")
    op.drop_table("message_wishes")
