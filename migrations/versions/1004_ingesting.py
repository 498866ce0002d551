"""Ingestion: ingested objects, sources, update watermarks and import checkpoints."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import BYTEWISE, binary_key_type, datetime_type, document_type, id_type

revision = "1004"
down_revision = "1003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, empty."""
    counts = ("added", "changed", "unchanged", "stale", "removed", "rejected")
    op.create_table(
        "ingests",
        sa.Column("id", id_type(), primary_key=True),
        sa.Column("object_id", binary_key_type(), nullable=False, unique=True),
        sa.Column("source", sa.String(500), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("etag", sa.String(200), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", datetime_type(), nullable=False),
        sa.Column("ingested_at", datetime_type(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        *(sa.Column(count, sa.Integer(), nullable=False) for count in counts),
        sa.Column("errors", document_type(), nullable=False),
        sqlite_autoincrement=True,
        **BYTEWISE,
    )
    op.create_index("ix_ingests_by_state", "ingests", ["state", "id"])
    op.create_index("ix_ingests_by_time", "ingests", ["ingested_at"])
    op.create_table(
        "ingest_sources",
        sa.Column("name", sa.String(500), primary_key=True),
        sa.Column("scan_requested_at", datetime_type()),
        sa.Column("scanned_at", datetime_type()),
        sa.Column("last_error", sa.Text()),
        **BYTEWISE,
    )
    op.create_table(
        "update_watermarks",
        sa.Column("movie_key", binary_key_type(), primary_key=True),
        sa.Column("updated_at", datetime_type(), nullable=False),
        **BYTEWISE,
    )
    op.create_table(
        "import_checkpoints",
        sa.Column("import_key", binary_key_type(), primary_key=True),
        sa.Column("last_item", sa.String(40), nullable=False),
        **BYTEWISE,
    )


def downgrade() -> None:
    """Drop the tables with their content."""
    for table in ("import_checkpoints", "update_watermarks", "ingest_sources", "ingests"):
        op.drop_table(table)
