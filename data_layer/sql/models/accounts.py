"""Tables of accounts, the audit log and idempotency records."""

import datetime as dt

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from data_layer.entities.api_key import NAME_MAX_CHARACTERS
from data_layer.sql.column_types import Binary, Document, Hash, Id, UtcDateTime
from data_layer.sql.models.base import Base


class ApiKey(Base):
    """API key; see `data_layer.entities.api_key`."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS), unique=True)
    prefix: Mapped[str] = mapped_column(String(20), unique=True)
    secret_hash: Mapped[bytes] = mapped_column(Hash)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    previous_hash: Mapped[bytes | None] = mapped_column(Hash)
    previous_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class User(Base):
    """User; see `data_layer.entities.user`."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(64), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class Session(Base):
    """Login session of a user; see `data_layer.entities.session`."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    username: Mapped[str] = mapped_column(ForeignKey("users.username"))
    refresh_hash: Mapped[bytes] = mapped_column(Hash)
    address: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    refreshed_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    refreshed_from: Mapped[str | None] = mapped_column(String(64))
    refresh_salt: Mapped[bytes | None] = mapped_column(Hash)

    __table_args__ = (
        Index("ix_sessions_by_user", "username"),
        Index("ix_sessions_by_expiry", "expires_at"),
    )


class SigningKey(Base):
    """A secret of the service; see `data_layer.entities.signing_key`."""

    __tablename__ = "signing_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret: Mapped[bytes] = mapped_column(Hash)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class AuditEntry(Base):
    """Entry of the audit log; see `data_layer.entities.audit_entry`."""

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
    caller: Mapped[str] = mapped_column(String(80))
    address: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    fields: Mapped[list[str]] = mapped_column(JSON)

    __table_args__ = (
        Index("ix_audit_entries_by_caller", "caller", "id"),
        Index("ix_audit_entries_by_action", "action", "id"),
        Index("ix_audit_entries_by_subject", "subject", "id"),
        {"sqlite_autoincrement": True},
    )


class IdempotencyRecord(Base):
    """Idempotency key with the stored response; see `data_layer.entities.idempotency_record`."""

    __tablename__ = "idempotency_records"

    id: Mapped[bytes] = mapped_column(Binary, primary_key=True)
    request_fingerprint: Mapped[bytes] = mapped_column(Hash)
    locked_until: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    response: Mapped[bytes | None] = mapped_column(Document)

    __table_args__ = (Index("ix_idempotency_records_by_expiry", "expires_at"),)
