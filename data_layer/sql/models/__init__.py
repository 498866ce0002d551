"""SQLAlchemy models of the tables.

The Alembic migrations in `migrations/` create the tables; a test compares them with the models.
"""

from data_layer.sql.models.accounts import (
    ApiKey,
    AuditEntry,
    IdempotencyRecord,
    Session,
    SigningKey,
    User,
)
from data_layer.sql.models.base import Base, table_of
from data_layer.sql.models.catalogue import (
    MOVIES,
    CatalogueRevision,
    Credit,
    Genre,
    Movie,
    MovieCount,
    MovieGenre,
    Person,
    Rating,
)
from data_layer.sql.models.fetching import Fetch, MovieRefresh, UpstreamState
from data_layer.sql.models.ingesting import ImportCheckpoint, Ingest, IngestSource, UpdateWatermark
from data_layer.sql.models.retired import SEEDS

__all__ = [
    "MOVIES",
    "SEEDS",
    "ApiKey",
    "AuditEntry",
    "Base",
    "CatalogueRevision",
    "Credit",
    "Fetch",
    "Genre",
    "IdempotencyRecord",
    "ImportCheckpoint",
    "Ingest",
    "IngestSource",
    "Movie",
    "MovieCount",
    "MovieGenre",
    "MovieRefresh",
    "Person",
    "Rating",
    "Session",
    "SigningKey",
    "UpdateWatermark",
    "UpstreamState",
    "User",
    "table_of",
]
