"""Users, their sessions, what tokens are signed with; the audit; and answers that are kept."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import BINARY, DATETIME, MEDIUMBLOB, TINYBLOB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As in 0001.
_BYTEWISE: dict[str, Any] = {"mariadb_charset": "utf8mb4", "mariadb_collate": "utf8mb4_nopad_bin"}


def _datetime() -> sa.types.TypeEngine[dt.datetime]:
    return sa.DateTime().with_variant(DATETIME(fsp=6), "mariadb")


def _hash() -> sa.types.TypeEngine[bytes]:
    return sa.LargeBinary(32).with_variant(TINYBLOB, "mariadb")


def upgrade() -> None:
    """Make the tables, empty."""
    _create_users()
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("secret", _hash(), nullable=False),
        sa.Column("created_at", _datetime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
        **_BYTEWISE,
    )
    _create_audit_entries()
    op.create_table(
        "kept_answers",
        sa.Column("id", sa.LargeBinary(32).with_variant(BINARY(32), "mariadb"), nullable=False),
        sa.Column("request_hash", _hash(), nullable=False),
        sa.Column("held_until", _datetime(), nullable=False),
        sa.Column("expires_at", _datetime(), nullable=False),
        sa.Column("content", sa.LargeBinary().with_variant(MEDIUMBLOB, "mariadb")),
        sa.PrimaryKeyConstraint("id", name="pk_kept_answers"),
        **_BYTEWISE,
    )
    op.create_index("ix_kept_answers_by_end", "kept_answers", ["expires_at"])


def downgrade() -> None:
    """Drop the tables, and all that they hold."""
    for table in ("kept_answers", "audit_entries", "signing_keys", "sessions", "users"):
        op.drop_table(table)


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("password_hash", sa.String(300), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", _datetime(), nullable=False),
        sa.Column("disabled_at", _datetime()),
        sa.PrimaryKeyConstraint("username", name="pk_users"),
        **_BYTEWISE,
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("refresh_hash", _hash(), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("created_at", _datetime(), nullable=False),
        sa.Column("expires_at", _datetime(), nullable=False),
        sa.Column("ended_at", _datetime()),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(["username"], ["users.username"], name="fk_sessions_username"),
        **_BYTEWISE,
    )
    op.create_index("ix_sessions_by_user", "sessions", ["username"])
    op.create_index("ix_sessions_by_end", "sessions", ["expires_at"])


def _create_audit_entries() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", _datetime(), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("caller", sa.String(80), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entries"),
        sqlite_autoincrement=True,
        **_BYTEWISE,
    )
    for name in ("caller", "action", "subject"):
        op.create_index(f"ix_audit_entries_by_{name}", "audit_entries", [name, "id"])
