"""The tables, as SQLAlchemy models.

The Alembic history in `migrations/` makes them; a test keeps the two equal.
"""

from data_layer.sql.models.accounts import ApiKey, AuditEntry, KeptAnswer, Session, SigningKey, User
from data_layer.sql.models.base import Base, table_of
from data_layer.sql.models.catalogue import (
    MOVIES,
    Credit,
    Genre,
    Movie,
    MovieCount,
    MovieGenre,
    Person,
    Rating,
)
from data_layer.sql.models.fetching import Fetch, MovieCheck, Seed, Upstream
from data_layer.sql.models.ingesting import ImportPosition, Ingest, IngestSource, MovieMark

__all__ = [
    "MOVIES",
    "ApiKey",
    "AuditEntry",
    "Base",
    "Credit",
    "Fetch",
    "Genre",
    "ImportPosition",
    "Ingest",
    "IngestSource",
    "KeptAnswer",
    "Movie",
    "MovieCheck",
    "MovieCount",
    "MovieGenre",
    "MovieMark",
    "Person",
    "Rating",
    "Seed",
    "Session",
    "SigningKey",
    "Upstream",
    "User",
    "table_of",
]
