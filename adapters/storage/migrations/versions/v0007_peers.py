"""Keys and secrets of which two are valid at a time, subscriptions with an authorization, events in order.

References of other systems are put in the one form in which they are compared.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0007_peers"
down_revision = "0006_operations"
branch_labels = None
depends_on = None

_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE)
_PORTS = {"http": ":80", "https": ":443"}


def upgrade() -> None:
    """Go to this schema."""
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.add_column(sa.Column("previous_key_hash", sa.String(64), nullable=True))
        batch_op.add_column(sa.Column("previous_salt", sa.String(32), nullable=True))
    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("previous_salt", sa.String(32), nullable=True))
        batch_op.add_column(sa.Column("authorization", sa.Text(), nullable=True))
    # Who subscribed before now knows a secret in the old form; its messages get that signature as well.
    op.execute("UPDATE subscriptions SET previous_salt = 'oude-vorm'")
    with op.batch_alter_table("outgoing_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sequence", sa.Integer(), nullable=True))
    _put_references_in_one_form()
    _keep_the_terms_of_before()


def downgrade() -> None:
    """Go back to the schema before it; references stay in their one form, which was as good."""
    with op.batch_alter_table("outgoing_events", schema=None) as batch_op:
        batch_op.drop_column("sequence")
    with op.batch_alter_table("subscriptions", schema=None) as batch_op:
        batch_op.drop_column("authorization")
        batch_op.drop_column("previous_salt")
        batch_op.drop_column("paused_at")
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.drop_column("previous_salt")
        batch_op.drop_column("previous_key_hash")


def _put_references_in_one_form() -> None:
    table = sa.table(
        "external_references",
        sa.column("id", sa.Integer),
        sa.column("municipality", sa.String),
        sa.column("value", sa.String),
        sa.column("case_reference", sa.String),
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(table).order_by(table.c.id)).all()
    seen = {(row.municipality, row.value, row.case_reference) for row in rows}
    for row in rows:
        written = _one_form(row.value)
        if written == row.value:
            continue
        name = (row.municipality, written, row.case_reference)
        if name in seen:
            connection.execute(sa.delete(table).where(table.c.id == row.id))
        else:
            seen.add(name)
            connection.execute(sa.update(table).where(table.c.id == row.id).values(value=written))


def _one_form(value: str) -> str:
    text = _UUID.sub(lambda found: found[0].lower(), value)
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in _PORTS:
        return text
    host, slash, path = rest.partition("/")
    return f"https://{host.lower().removesuffix(_PORTS[scheme.lower()])}{slash}{path}"


# How long each term was in 0.1.0, so that whoever guards a policy hears what changed since.
_TERMS_OF_BEFORE = Path(__file__).parents[1] / "terms_of_0_1_0.json"


def _keep_the_terms_of_before() -> None:
    connection = op.get_bind()
    processes = sa.table("processes", sa.column("id", sa.Integer))
    if connection.execute(sa.select(processes).limit(1)).first() is None:
        return
    settings = sa.table("settings", sa.column("name", sa.String), sa.column("value", sa.JSON))
    connection.execute(
        sa.insert(settings).values(name="termen-van-release", value=json.loads(_TERMS_OF_BEFORE.read_text()))
    )
