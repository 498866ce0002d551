"""Tables of fetch jobs, movie refreshes and the upstream state."""

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from data_layer.entities.movie_fields import TITLE_MAX_CHARACTERS
from data_layer.sql.column_types import Binary, Id, UtcDateTime
from data_layer.sql.models.base import Base


class Fetch(Base):
    """Fetch job; see `data_layer.entities.fetch`."""

    __tablename__ = "fetches"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    deduplication_key: Mapped[bytes] = mapped_column(Binary)
    active_key: Mapped[bytes | None] = mapped_column(Binary, unique=True)
    """The deduplication key while the job is open, else NULL; at most one open job per key."""
    imdb_id: Mapped[str | None] = mapped_column(String(20))
    title: Mapped[str | None] = mapped_column(String(TITLE_MAX_CHARACTERS))
    year: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(10))
    caller: Mapped[str] = mapped_column(String(80))
    address: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int]
    not_found_count: Mapped[int]
    is_seed: Mapped[bool]
    lease_holder: Mapped[str | None] = mapped_column(String(32))
    lease_expires_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    movie_id: Mapped[int | None] = mapped_column(BigInteger)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_retry_after_seconds: Mapped[int | None]

    __table_args__ = (
        Index("ix_fetches_by_deduplication_key", "deduplication_key", "id"),
        Index("ix_fetches_by_state", "state", "id"),
        Index("ix_fetches_by_due", "state", "due_at", "id"),
        Index("ix_fetches_by_finish", "finished_at"),
        Index("ix_fetches_by_seed", "is_seed", "id"),
        {"sqlite_autoincrement": True},
    )


class MovieRefresh(Base):
    """Refresh schedule of a movie; see `data_layer.entities.movie_refresh`."""

    __tablename__ = "movie_refreshes"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    fetched_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_movie_refreshes_by_due", "due_at", "movie_id"),)


class UpstreamState(Base):
    """Quota and circuit breaker of OMDb; see `data_layer.entities.upstream_state`."""

    __tablename__ = "upstream_state"

    id: Mapped[str] = mapped_column(String(10), primary_key=True)
    quota_day: Mapped[dt.date]
    quota_used: Mapped[int]
    failures: Mapped[int]
    circuit_open_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
