"""An index on the last 36 characters of a reference: the UUID at the end of the address of a zaak."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018_reference_endings"
down_revision = "0017_postbak_told"
branch_labels = None
depends_on = None

_NAME = "ix_external_references_ending"


def upgrade() -> None:
    """Go to this schema."""
    op.create_index(_NAME, "external_references", [sa.text("substr(value, length(value) - 35)")])


def downgrade() -> None:
    """Go back to the schema before it."""
    op.drop_index(_NAME, "external_references")
