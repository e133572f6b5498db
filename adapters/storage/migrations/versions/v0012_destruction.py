"""Legal holds, approvals and records of destruction, figures that stay, and requests of people about themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_destruction"
down_revision = "0011_looks"
branch_labels = None
depends_on = None

_OPEN = sa.text("lifted_at IS NULL")


def upgrade() -> None:
    """Go to this schema."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("case_reference", sa.String(60), sa.ForeignKey("cases.reference"), nullable=False),
        sa.Column("municipality", sa.String(4), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("set_at", moment, nullable=False),
        sa.Column("set_by", sa.String(90), nullable=False),
        sa.Column("lifted_at", moment, nullable=True),
        sa.Column("lifted_by", sa.String(90), nullable=True),
        sa.Column("lifted_because", sa.String(200), nullable=True),
    )
    op.create_index("ix_legal_holds_case_reference", "legal_holds", ["case_reference"])
    op.create_index(
        "ix_legal_holds_open",
        "legal_holds",
        ["case_reference"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "destruction_approvals",
        sa.Column("case_reference", sa.String(60), sa.ForeignKey("cases.reference"), primary_key=True),
        sa.Column("approved_at", moment, nullable=False),
        sa.Column("approved_by", sa.String(90), nullable=False),
    )
    op.create_table(
        "destroyed_cases",
        sa.Column("mark", sa.String(40), primary_key=True),
        sa.Column("municipality", sa.String(4), nullable=False),
        sa.Column("term", sa.String(20), nullable=False),
        sa.Column("over_on", sa.Date(), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(64), nullable=False),
        sa.Column("approved_at", moment, nullable=False),
        sa.Column("approved_by", sa.String(90), nullable=False),
        sa.Column("destroyed_at", moment, nullable=False),
        sa.Column("signature", sa.String(64), nullable=False),
    )
    op.create_table(
        "kept_figures",
        sa.Column("municipality", sa.String(4), primary_key=True),
        sa.Column("end_date", sa.Date(), primary_key=True),
        sa.Column("weeks", sa.Integer(), primary_key=True),
        sa.Column("cells", sa.JSON(), nullable=False),
    )
    op.create_table(
        "access_requests",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("municipality", sa.String(4), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("extended", sa.Boolean(), nullable=False),
        sa.Column("noted_by", sa.String(90), nullable=False),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("answered_by", sa.String(90), nullable=True),
        sa.Column("warned", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    """Go back to the schema before it."""
    for table in (
        "access_requests", "kept_figures", "destroyed_cases", "destruction_approvals", "legal_holds",
    ):  # fmt: skip
        op.drop_table(table)
