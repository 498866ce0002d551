"""Tables of ingested objects, ingest sources, update watermarks and import checkpoints."""

import datetime as dt

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from data_layer.sql.column_types import Binary, Document, Id, UtcDateTime
from data_layer.sql.models.base import Base

SOURCE_MAX_CHARACTERS = 500
"""Maximum length of the URL of an ingest source."""


class Ingest(Base):
    """Ingested version of an object; see `data_layer.entities.ingest`."""

    __tablename__ = "ingests"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    object_id: Mapped[bytes] = mapped_column(Binary, unique=True)
    source: Mapped[str] = mapped_column(String(SOURCE_MAX_CHARACTERS))
    object_key: Mapped[str] = mapped_column(Text)
    etag: Mapped[str] = mapped_column(String(200))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    modified_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ingested_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(10))
    added: Mapped[int]
    changed: Mapped[int]
    unchanged: Mapped[int]
    stale: Mapped[int]
    removed: Mapped[int]
    rejected: Mapped[int]
    errors: Mapped[bytes] = mapped_column(Document)
    """JSON array of `IngestError`."""

    __table_args__ = (
        Index("ix_ingests_by_state", "state", "id"),
        Index("ix_ingests_by_time", "ingested_at"),
        {"sqlite_autoincrement": True},
    )


class IngestSource(Base):
    """Scan state of an ingest source; see `data_layer.entities.ingest`."""

    __tablename__ = "ingest_sources"

    name: Mapped[str] = mapped_column(String(SOURCE_MAX_CHARACTERS), primary_key=True)
    scan_requested_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    scanned_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Text)


class UpdateWatermark(Base):
    """Time of the newest applied update of a movie; see `data_layer.entities.update_watermark`."""

    __tablename__ = "update_watermarks"

    movie_key: Mapped[bytes] = mapped_column(Binary, primary_key=True)
    updated_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class ImportCheckpoint(Base):
    """Checkpoint of a large import; see `data_layer.entities.import_checkpoint`."""

    __tablename__ = "import_checkpoints"

    import_key: Mapped[bytes] = mapped_column(Binary, primary_key=True)
    last_item: Mapped[str] = mapped_column(String(40))
