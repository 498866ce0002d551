"""The tables, as SQLAlchemy models.

The Alembic history in `migrations/` makes them; a test keeps the two equal.
"""

import datetime as dt

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from data_layer.entities.movie import TITLE_MAX_CHARACTERS
from data_layer.sql.column_types import Binary, Document, Hash, Id, Key, UtcDateTime

NAME_MAX_CHARACTERS = 300
"""Bound of the names of people, genres and keys."""

SOURCE_MAX_CHARACTERS = 500
"""Bound of the URL of a bucket."""


class Base(DeclarativeBase):
    """Gives every constraint a name, so that migrations can change it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table_of(model: type[Base]) -> Table:
    """Return the table of a model."""
    return Base.metadata.tables[model.__tablename__]


class Movie(Base):
    """A film: its facts, the keys it is sorted and found by, and its ready document."""

    __tablename__ = "movies"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    imdb_id: Mapped[str | None] = mapped_column(String(20), unique=True)
    title: Mapped[str] = mapped_column(String(TITLE_MAX_CHARACTERS))
    title_key: Mapped[str] = mapped_column(Key)
    """`match_key(title)`."""
    year: Mapped[int | None]
    year_key: Mapped[int]
    """The year, or `UNKNOWN_YEAR`: no database sorts NULL like another."""
    end_year: Mapped[int | None]
    type: Mapped[str] = mapped_column(String(10))
    rated: Mapped[str | None] = mapped_column(String(NAME_MAX_CHARACTERS))
    released: Mapped[dt.date | None]
    runtime_minutes: Mapped[int | None]
    plot: Mapped[str | None] = mapped_column(Text)
    languages: Mapped[list[str]] = mapped_column(JSON)
    countries: Mapped[list[str]] = mapped_column(JSON)
    awards: Mapped[str | None] = mapped_column(Text)
    poster_url: Mapped[str | None] = mapped_column(Text)
    metascore: Mapped[int | None]
    imdb_rating: Mapped[float | None]
    imdb_votes: Mapped[int | None] = mapped_column(BigInteger)
    box_office_usd: Mapped[int | None] = mapped_column(BigInteger)
    production: Mapped[str | None] = mapped_column(Text)
    website: Mapped[str | None] = mapped_column(Text)
    document: Mapped[bytes] = mapped_column(Document)
    """The film as it is served; rewritten in the transaction of every change."""

    __table_args__ = (
        Index("ix_movies_by_title", "title_key", "year_key", "id"),
        Index("ix_movies_by_year", "year_key", "title_key", "id"),
        Index("ix_movies_by_year_and_id", "year_key", "id"),
        {"sqlite_autoincrement": True},
    )


MOVIES = table_of(Movie)


class Person(Base):
    """Somebody who made films. OMDb knows people by name only, so the key is the identity."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
    name_key: Mapped[str] = mapped_column(Key, unique=True)


class Genre(Base):
    """A kind of film, such as Drama."""

    __tablename__ = "genres"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
    name_key: Mapped[str] = mapped_column(Key, unique=True)


class MovieGenre(Base):
    """That a film is of a genre; with the film's keys, so that an index lists a genre in order."""

    __tablename__ = "movie_genres"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    genre_id: Mapped[int] = mapped_column(ForeignKey("genres.id"), primary_key=True)
    position: Mapped[int]
    title_key: Mapped[str] = mapped_column(Key)
    year_key: Mapped[int]

    __table_args__ = (
        Index("ix_movie_genres_by_title", "genre_id", "title_key", "year_key", "movie_id"),
        Index("ix_movie_genres_by_year", "genre_id", "year_key", "title_key", "movie_id"),
        Index("ix_movie_genres_by_id", "genre_id", "movie_id"),
    )


class Credit(Base):
    """That a person made a film in a role, with the film's keys; see `MovieGenre`.

    `position` is the billing order, from 0.
    """

    __tablename__ = "credits"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(String(10), primary_key=True)
    """`cast`, `director` or `writer`."""
    position: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    title_key: Mapped[str] = mapped_column(Key)
    year_key: Mapped[int]

    __table_args__ = (
        Index("ix_credits_by_title", "person_id", "role", "title_key", "year_key", "movie_id"),
    )


class MovieCount(Base):
    """How many films there are of a kind: nobody has to count a million rows.

    `kind` and `key` are `all` and 0, `year` and a year key, or `genre` and a genre's id; or
    `changes` and 0 with how often films have changed.
    """

    __tablename__ = "movie_counts"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    key: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    movies: Mapped[int] = mapped_column(BigInteger)


class Rating(Base):
    """A rating in its source's own notation."""

    __tablename__ = "ratings"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
    value: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))


class ApiKey(Base):
    """A credential; see `data_layer.entities.api_key`."""

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
    """Somebody who signs in; see `data_layer.entities.user`."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(64), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class Session(Base):
    """A user's session; see `data_layer.entities.session`."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    username: Mapped[str] = mapped_column(ForeignKey("users.username"))
    refresh_hash: Mapped[bytes] = mapped_column(Hash)
    address: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_sessions_by_user", "username"),
        Index("ix_sessions_by_end", "expires_at"),
    )


class SigningKey(Base):
    """A secret of the service; see `data_layer.entities.signing_key`."""

    __tablename__ = "signing_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret: Mapped[bytes] = mapped_column(Hash)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class AuditEntry(Base):
    """A line of the record of who did what; see `data_layer.entities.audit_entry`."""

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


class KeptAnswer(Base):
    """The answer to a request; see `data_layer.entities.kept_answer`."""

    __tablename__ = "kept_answers"

    id: Mapped[bytes] = mapped_column(Binary, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(Hash)
    held_until: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    content: Mapped[bytes | None] = mapped_column(Document)

    __table_args__ = (Index("ix_kept_answers_by_end", "expires_at"),)


class Fetch(Base):
    """The wish to have a film fetched; see `data_layer.entities.fetch`."""

    __tablename__ = "fetches"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    wish_key: Mapped[bytes] = mapped_column(Binary)
    open_key: Mapped[bytes | None] = mapped_column(Binary, unique=True)
    """The wish key while it is open: two open ones for the same there can't be."""
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
    absences: Mapped[int]
    lease: Mapped[str | None] = mapped_column(String(32))
    leased_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    film_id: Mapped[int | None] = mapped_column(BigInteger)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_retry_after_seconds: Mapped[int | None]

    __table_args__ = (
        Index("ix_fetches_by_wish", "wish_key", "id"),
        Index("ix_fetches_by_state", "state", "id"),
        Index("ix_fetches_by_due", "state", "due_at", "id"),
        Index("ix_fetches_by_end", "finished_at"),
        {"sqlite_autoincrement": True},
    )


class MovieCheck(Base):
    """When a film is looked at again; see `data_layer.entities.movie_check`."""

    __tablename__ = "movie_checks"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    checked_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_movie_checks_by_due", "due_at", "movie_id"),)


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
    """Since when what is known of a film is true; see `data_layer.entities.movie_mark`."""

    __tablename__ = "movie_marks"

    film_key: Mapped[bytes] = mapped_column(Binary, primary_key=True)
    updated_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class ImportPosition(Base):
    """How far an import is; see `data_layer.entities.import_position`."""

    __tablename__ = "import_positions"

    import_key: Mapped[bytes] = mapped_column(Binary, primary_key=True)
    after: Mapped[str] = mapped_column(String(40))


class Upstream(Base):
    """What is known of the source; see `data_layer.entities.upstream`."""

    __tablename__ = "upstream"

    id: Mapped[str] = mapped_column(String(10), primary_key=True)
    day: Mapped[dt.date]
    spent: Mapped[int]
    failures: Mapped[int]
    closed_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_message: Mapped[str | None] = mapped_column(Text)


class Seed(Base):
    """A film of the first hundred; see `data_layer.entities.seed`."""

    __tablename__ = "seeds"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    imdb_id: Mapped[str] = mapped_column(String(20), unique=True)
    title: Mapped[str] = mapped_column(String(TITLE_MAX_CHARACTERS))
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(Text)
