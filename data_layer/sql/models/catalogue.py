"""Tables of the catalogue: movies, their relations, counts and the revision."""

import datetime as dt

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from data_layer.entities.movie_fields import NAME_MAX_CHARACTERS, TITLE_MAX_CHARACTERS
from data_layer.sql.column_types import Document, Id, Key
from data_layer.sql.models.base import Base, table_of


class Movie(Base):
    """Movie: sort and search keys, the JSON document served to clients, and the facts by name."""

    __tablename__ = "movies"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    title_key: Mapped[str] = mapped_column(Key)
    """`match_key(title)`."""
    year_key: Mapped[int]
    """The year, or `UNKNOWN_YEAR`: databases differ in how they sort NULL."""
    document: Mapped[bytes] = mapped_column(Document)
    """JSON document as served; rewritten in the transaction of every change."""
    imdb_id: Mapped[str | None] = mapped_column(String(20), unique=True)
    title: Mapped[str] = mapped_column(String(TITLE_MAX_CHARACTERS))
    year: Mapped[int | None]
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

    __table_args__ = (
        Index("ix_movies_by_title", "title_key", "year_key", "id"),
        Index("ix_movies_by_year", "year_key", "title_key", "id"),
        Index("ix_movies_by_year_and_id", "year_key", "id"),
        {"sqlite_autoincrement": True},
    )


MOVIES = table_of(Movie)


class Person(Base):
    """Person with a credit. OMDb identifies people by name only, so the name key is unique."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
    name_key: Mapped[str] = mapped_column(Key, unique=True)

    __table_args__ = ({"sqlite_autoincrement": True},)


class Genre(Base):
    """Genre, such as Drama."""

    __tablename__ = "genres"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
    name_key: Mapped[str] = mapped_column(Key, unique=True)


class MovieGenre(Base):
    """Genre of a movie, with a copy of the movie's keys for an index that sorts by them."""

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
    """Credit of a person for a role in a movie, with a copy of the movie's keys as `MovieGenre`.

    `position` counts from 0 within the role, in the order of the source.
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
    """Number of movies of a group, so that totals do not require counting a million rows.

    `kind` and `key` are `all` and 0, `year` and a year key, or `genre` and a genre's id.
    """

    __tablename__ = "movie_counts"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    key: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    movies: Mapped[int] = mapped_column(BigInteger)


class CatalogueRevision(Base):
    """Revision of the catalogue: one row, incremented by every change of movies."""

    __tablename__ = "catalogue_revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)


class Rating(Base):
    """Rating of a movie, in the notation of its source."""

    __tablename__ = "ratings"

    movie_id: Mapped[int] = mapped_column(
        ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
    value: Mapped[str] = mapped_column(String(NAME_MAX_CHARACTERS))
