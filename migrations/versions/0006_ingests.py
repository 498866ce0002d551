"""Objects with updates, since when what is known of films is true, and how far imports are."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import BINARY, DATETIME, MEDIUMBLOB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# As in 0001.
_BYTEWISE: dict[str, Any] = {"mariadb_charset": "utf8mb4", "mariadb_collate": "utf8mb4_nopad_bin"}


def _datetime() -> sa.types.TypeEngine[dt.datetime]:
    return sa.DateTime().with_variant(DATETIME(fsp=6), "mariadb")


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _hash() -> sa.types.TypeEngine[bytes]:
    return sa.LargeBinary(32).with_variant(BINARY(32), "mariadb")


def upgrade() -> None:
    """Make the tables, empty."""
    counts = ("added", "changed", "unchanged", "late", "removed", "refused")
    op.create_table(
        "ingests",
        sa.Column("id", _id(), nullable=False),
        sa.Column("object_id", _hash(), nullable=False),
        sa.Column("source", sa.String(500), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("etag", sa.String(200), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", _datetime(), nullable=False),
        sa.Column("ingested_at", _datetime(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        *(sa.Column(count, sa.Integer(), nullable=False) for count in counts),
        sa.Column("faults", sa.LargeBinary().with_variant(MEDIUMBLOB, "mariadb"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ingests"),
        sa.UniqueConstraint("object_id", name="uq_ingests_object_id"),
        sqlite_autoincrement=True,
        **_BYTEWISE,
    )
    op.create_index("ix_ingests_by_state", "ingests", ["state", "id"])
    op.create_index("ix_ingests_by_time", "ingests", ["ingested_at"])
    op.create_table(
        "ingest_sources",
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("wanted_at", _datetime()),
        sa.Column("looked_at", _datetime()),
        sa.Column("problem", sa.Text()),
        sa.PrimaryKeyConstraint("name", name="pk_ingest_sources"),
        **_BYTEWISE,
    )
    op.create_table(
        "movie_marks",
        sa.Column("film_key", _hash(), nullable=False),
        sa.Column("updated_at", _datetime(), nullable=False),
        sa.PrimaryKeyConstraint("film_key", name="pk_movie_marks"),
        **_BYTEWISE,
    )
    op.create_table(
        "import_positions",
        sa.Column("import_key", _hash(), nullable=False),
        sa.Column("after", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("import_key", name="pk_import_positions"),
        **_BYTEWISE,
    )


def downgrade() -> None:
    """Drop the tables, and all that they hold."""
    for table in ("import_positions", "movie_marks", "ingest_sources", "ingests"):
        op.drop_table(table)
