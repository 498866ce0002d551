"""The catalogue: films, and what they share with others."""

import datetime as dt

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from data_layer.entities.movie import TITLE_MAX_CHARACTERS
from data_layer.sql.column_types import Document, Id, Key
from data_layer.sql.models.base import NAME_MAX_CHARACTERS, Base, table_of


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
