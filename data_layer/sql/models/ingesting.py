"""What others bring in bulk, and how far that is."""

import datetime as dt

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from data_layer.sql.column_types import Binary, Document, Id, UtcDateTime
from data_layer.sql.models.base import Base

SOURCE_MAX_CHARACTERS = 500
"""Bound of the URL of a bucket."""


class Ingest(Base):
    """An object with updates, taken in; see `data_layer.entities.ingest`."""

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
    late: Mapped[int]
    removed: Mapped[int]
    refused: Mapped[int]
    faults: Mapped[bytes] = mapped_column(Document)
    """As JSON: an array of `IngestFault`."""

    __table_args__ = (
        Index("ix_ingests_by_state", "state", "id"),
        Index("ix_ingests_by_time", "ingested_at"),
        {"sqlite_autoincrement": True},
    )


class IngestSource(Base):
    """How far a bucket is; see `data_layer.entities.ingest`."""

    __tablename__ = "ingest_sources"

    name: Mapped[str] = mapped_column(String(SOURCE_MAX_CHARACTERS), primary_key=True)
    wanted_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    looked_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    problem: Mapped[str | None] = mapped_column(Text)


class MovieMark(Base):
    """Since when what is known of a film is true; see `data_layer.entities.update_watermark`."""

    __tablename__ = "movie_marks"

    film_key: Mapped[bytes] = mapped_column(Binary, primary_key=True)
    updated_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class ImportPosition(Base):
    """How far an import is; see `data_layer.entities.import_checkpoint`."""

    __tablename__ = "import_positions"

    import_key: Mapped[bytes] = mapped_column(Binary, primary_key=True)
    after: Mapped[str] = mapped_column(String(40))
