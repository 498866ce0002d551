"""Accounts: API keys, users, sessions, signing keys, the audit log, idempotency records."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import (
    BYTEWISE,
    binary_key_type,
    datetime_type,
    document_type,
    hash_type,
    id_type,
)

revision = "1002"
down_revision = "1001"
branch_labels = None
depends_on = None

_TABLES = (
    "idempotency_records",
    "audit_entries",
    "signing_keys",
    "sessions",
    "users",
    "api_keys",
)


def upgrade() -> None:
    """Create the tables, empty."""
    _create_api_keys()
    _create_users()
    _create_sessions()
    _create_signing_keys()
    _create_audit_entries()
    _create_idempotency_records()


def downgrade() -> None:
    """Drop the tables with their content."""
    for table in _TABLES:
        op.drop_table(table)


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", id_type(), primary_key=True),
        sa.Column("name", sa.String(300), nullable=False, unique=True),
        sa.Column("prefix", sa.String(20), nullable=False, unique=True),
        sa.Column("secret_hash", hash_type(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", datetime_type(), nullable=False),
        sa.Column("expires_at", datetime_type()),
        sa.Column("revoked_at", datetime_type()),
        sa.Column("previous_hash", hash_type()),
        sa.Column("previous_until", datetime_type()),
        sa.Column("last_used_at", datetime_type()),
        **BYTEWISE,
    )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("username", sa.String(64), primary_key=True),
        sa.Column("password_hash", sa.String(300), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", datetime_type(), nullable=False),
        sa.Column("disabled_at", datetime_type()),
        **BYTEWISE,
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("username", sa.String(64), sa.ForeignKey("users.username"), nullable=False),
        sa.Column("refresh_hash", hash_type(), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("created_at", datetime_type(), nullable=False),
        sa.Column("expires_at", datetime_type(), nullable=False),
        sa.Column("ended_at", datetime_type()),
        **BYTEWISE,
    )
    op.create_index("ix_sessions_by_user", "sessions", ["username"])
    op.create_index("ix_sessions_by_expiry", "sessions", ["expires_at"])


def _create_signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("secret", hash_type(), nullable=False),
        sa.Column("created_at", datetime_type(), nullable=False),
        **BYTEWISE,
    )


def _create_audit_entries() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", id_type(), primary_key=True),
        sa.Column("at", datetime_type(), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("caller", sa.String(80), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sqlite_autoincrement=True,
        **BYTEWISE,
    )
    for name in ("caller", "action", "subject"):
        op.create_index(f"ix_audit_entries_by_{name}", "audit_entries", [name, "id"])


def _create_idempotency_records() -> None:
    op.create_table(
        "idempotency_records",
        sa.Column("id", binary_key_type(), primary_key=True),
        sa.Column("request_fingerprint", hash_type(), nullable=False),
        sa.Column("locked_until", datetime_type(), nullable=False),
        sa.Column("expires_at", datetime_type(), nullable=False),
        sa.Column("response", document_type()),
        **BYTEWISE,
    )
    op.create_index("ix_idempotency_records_by_expiry", "idempotency_records", ["expires_at"])
