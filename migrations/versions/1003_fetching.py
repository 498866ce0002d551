"""Fetching: seeds, the fetch queue, movie refreshes and the upstream state."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import BYTEWISE, binary_key_type, datetime_type, id_type

revision = "1003"
down_revision = "1002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, empty."""
    _create_seeds()
    _create_fetches()
    _create_movie_refreshes()
    _create_upstream_state()


def downgrade() -> None:
    """Drop the tables with their content."""
    for table in ("upstream_state", "movie_refreshes", "fetches", "seeds"):
        op.drop_table(table)


def _create_seeds() -> None:
    op.create_table(
        "seeds",
        sa.Column("position", sa.Integer(), autoincrement=False, primary_key=True),
        sa.Column("imdb_id", sa.String(20), nullable=False, unique=True),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text()),
        **BYTEWISE,
    )


def _create_fetches() -> None:
    op.create_table(
        "fetches",
        sa.Column("id", id_type(), primary_key=True),
        sa.Column("deduplication_key", binary_key_type(), nullable=False),
        sa.Column("active_key", binary_key_type(), unique=True),
        sa.Column("imdb_id", sa.String(20)),
        sa.Column("title", sa.String(500)),
        sa.Column("year", sa.Integer()),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("caller", sa.String(80), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("created_at", datetime_type(), nullable=False),
        sa.Column("due_at", datetime_type(), nullable=False),
        sa.Column("started_at", datetime_type()),
        sa.Column("finished_at", datetime_type()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_found_count", sa.Integer(), nullable=False),
        sa.Column("lease_holder", sa.String(32)),
        sa.Column("lease_expires_at", datetime_type()),
        sa.Column("movie_id", sa.BigInteger()),
        sa.Column("error_code", sa.String(40)),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_retry_after_seconds", sa.Integer()),
        sqlite_autoincrement=True,
        **BYTEWISE,
    )
    for name, columns in {
        "deduplication_key": ["deduplication_key", "id"],
        "state": ["state", "id"],
        "due": ["state", "due_at", "id"],
        "finish": ["finished_at"],
    }.items():
        op.create_index(f"ix_fetches_by_{name}", "fetches", columns)


def _create_movie_refreshes() -> None:
    movie = sa.ForeignKey("movies.id", ondelete="CASCADE")
    op.create_table(
        "movie_refreshes",
        sa.Column("movie_id", id_type(), movie, primary_key=True),
        sa.Column("fetched_at", datetime_type(), nullable=False),
        sa.Column("due_at", datetime_type(), nullable=False),
        **BYTEWISE,
    )
    op.create_index("ix_movie_refreshes_by_due", "movie_refreshes", ["due_at", "movie_id"])


def _create_upstream_state() -> None:
    op.create_table(
        "upstream_state",
        sa.Column("id", sa.String(10), primary_key=True),
        sa.Column("quota_day", sa.Date(), nullable=False),
        sa.Column("quota_used", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("circuit_open_until", datetime_type()),
        sa.Column("error_code", sa.String(40)),
        sa.Column("error_message", sa.Text()),
        **BYTEWISE,
    )
