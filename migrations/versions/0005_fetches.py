"""Wishes to have films fetched, when films are looked at again, and the state of the source."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import BINARY, DATETIME

revision = "0005"
down_revision = "0004"
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
    _create_fetches()
    op.create_table(
        "movie_checks",
        sa.Column("movie_id", _id(), nullable=False, autoincrement=False),
        sa.Column("checked_at", _datetime(), nullable=False),
        sa.Column("due_at", _datetime(), nullable=False),
        sa.PrimaryKeyConstraint("movie_id", name="pk_movie_checks"),
        sa.ForeignKeyConstraint(
            ["movie_id"], ["movies.id"], name="fk_movie_checks_movie_id", ondelete="CASCADE"
        ),
        **_BYTEWISE,
    )
    op.create_index("ix_movie_checks_by_due", "movie_checks", ["due_at", "movie_id"])
    op.create_table(
        "upstream",
        sa.Column("id", sa.String(10), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("spent", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("closed_until", _datetime()),
        sa.Column("error_code", sa.String(40)),
        sa.Column("error_message", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_upstream"),
        **_BYTEWISE,
    )


def downgrade() -> None:
    """Drop the tables, and all that they hold."""
    for table in ("upstream", "movie_checks", "fetches"):
        op.drop_table(table)


def _create_fetches() -> None:
    op.create_table(
        "fetches",
        sa.Column("id", _id(), nullable=False),
        sa.Column("wish_key", _hash(), nullable=False),
        sa.Column("open_key", _hash()),
        sa.Column("imdb_id", sa.String(20)),
        sa.Column("title", sa.String(500)),
        sa.Column("year", sa.Integer()),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("caller", sa.String(80), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("created_at", _datetime(), nullable=False),
        sa.Column("due_at", _datetime(), nullable=False),
        sa.Column("started_at", _datetime()),
        sa.Column("finished_at", _datetime()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("absences", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(32)),
        sa.Column("leased_until", _datetime()),
        sa.Column("film_id", sa.BigInteger()),
        sa.Column("error_code", sa.String(40)),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_retry_after_seconds", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_fetches"),
        sa.UniqueConstraint("open_key", name="uq_fetches_open_key"),
        sqlite_autoincrement=True,
        **_BYTEWISE,
    )
    for name, columns in {
        "wish": ["wish_key", "id"],
        "state": ["state", "id"],
        "due": ["state", "due_at", "id"],
        "end": ["finished_at"],
    }.items():
        op.create_index(f"ix_fetches_by_{name}", "fetches", columns)
