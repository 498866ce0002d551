"""Keys that rotate: the secret before, for as long as it still opens; and when a key was used."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, TINYBLOB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = ("previous_hash", "previous_until", "last_used_at")


def upgrade() -> None:
    """Add the columns; a key that never rotated has nothing in them."""
    moment = sa.DateTime().with_variant(DATETIME(fsp=6), "mariadb")
    digest = sa.LargeBinary(32).with_variant(TINYBLOB, "mariadb")
    with op.batch_alter_table("api_keys") as table:
        table.add_column(sa.Column("previous_hash", digest))
        table.add_column(sa.Column("previous_until", moment))
        table.add_column(sa.Column("last_used_at", moment))


def downgrade() -> None:
    """Drop the columns: what was rotated away opens nothing any more."""
    with op.batch_alter_table("api_keys") as table:
        for column in _COLUMNS:
            table.drop_column(column)
