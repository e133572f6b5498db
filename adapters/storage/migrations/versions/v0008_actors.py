"""Each row of the journal names who did it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_actors"
down_revision = "0007_peers"
branch_labels = None
depends_on = None

_COLUMNS = (("actor_kind", 20), ("actor_code", 60), ("actor_way", 20))


def upgrade() -> None:
    """Go to this schema; rows that are there keep their hash, and name nobody."""
    for name, length in _COLUMNS:
        op.add_column("journal", sa.Column(name, sa.String(length), nullable=True))


def downgrade() -> None:
    """Go back to the schema before it."""
    with op.batch_alter_table("journal", schema=None) as batch_op:
        for name, _ in reversed(_COLUMNS):
            batch_op.drop_column(name)
