"""Days on which somebody wants to look at a case again, and indexes for lists of open work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_worklists"
down_revision = "0014_case_system"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this schema."""
    op.create_table(
        "follow_ups",
        sa.Column("person", sa.String(40), primary_key=True),
        sa.Column("case_reference", sa.String(60), sa.ForeignKey("cases.reference"), primary_key=True),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_follow_ups_case_reference", "follow_ups", ["case_reference"])
    on_postgresql = op.get_context().dialect.name == "postgresql"

    for name, fact in (("ix_processes_holder", "houder"), ("ix_processes_contact", "contactpersoon")):
        kept = f"(facts ->> '{fact}')" if on_postgresql else f"json_extract(facts, '$.{fact}')"
        op.create_index(
            name,
            "processes",
            [sa.text(kept)],
            sqlite_where=sa.text("closed IS 0"),
            postgresql_where=sa.text("closed IS false"),
        )
    returned = sa.text("state = 'TERUGGEGEVEN'")
    op.create_index(
        "ix_processes_returned",
        "processes",
        ["municipality"],
        sqlite_where=returned,
        postgresql_where=returned,
    )


def downgrade() -> None:
    """Go back to the schema before it."""
    for name in ("ix_processes_returned", "ix_processes_contact", "ix_processes_holder"):
        op.drop_index(name, "processes")
    op.drop_table("follow_ups")
