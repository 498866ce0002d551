"""Sessions: time, address and salt of the last refresh."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import datetime_type, hash_type

revision = "1006"
down_revision = "1005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty."""
    op.add_column("sessions", sa.Column("refreshed_at", datetime_type()))
    op.add_column("sessions", sa.Column("refreshed_from", sa.String(64)))
    op.add_column("sessions", sa.Column("refresh_salt", hash_type()))


def downgrade() -> None:
    """Drop the columns with their content."""
    for column in ("refresh_salt", "refreshed_from", "refreshed_at"):
        op.drop_column("sessions", column)
