"""Textbook implementation of the service: FastAPI, SQLAlchemy's ORM, response models.

It reads the same database through the same indexes, loads related rows with `selectinload`, and
lets FastAPI validate and serialize the response.
"""

import datetime as dt
import os
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, ColumnElement, ForeignKey, create_engine, func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
    sessionmaker,
)

from common.text import match_key

DATABASE_VARIABLE = "TEXTBOOK_DATABASE"
"""Environment variable with the URL of the database, in the format of `DATABASE_URL`."""

_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


class Base(DeclarativeBase):
    """Base of the tables, mapped as far as they are read."""


class Person(Base):
    """Person with credits."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str]


class Genre(Base):
    """Genre of movies."""

    __tablename__ = "genres"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str]


class Credit(Base):
    """Role of a person in a movie."""

    __tablename__ = "credits"
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    person: Mapped[Person] = relationship()


class MovieGenre(Base):
    """Assignment of a genre to a movie."""

    __tablename__ = "movie_genres"
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id"), primary_key=True)
    genre_id: Mapped[int] = mapped_column(ForeignKey("genres.id"), primary_key=True)
    position: Mapped[int]
    genre: Mapped[Genre] = relationship()


class Rating(Base):
    """Rating of a movie."""

    __tablename__ = "ratings"
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    value: Mapped[str]


class Movie(Base):
    """Movie with its related rows."""

    __tablename__ = "movies"
    id: Mapped[int] = mapped_column(primary_key=True)
    imdb_id: Mapped[str | None]
    title: Mapped[str]
    title_key: Mapped[str]
    year: Mapped[int | None]
    year_key: Mapped[int]
    type: Mapped[str]
    rated: Mapped[str | None]
    released: Mapped[dt.date | None]
    runtime_minutes: Mapped[int | None]
    plot: Mapped[str | None]
    languages: Mapped[list[str]] = mapped_column(JSON)
    countries: Mapped[list[str]] = mapped_column(JSON)
    awards: Mapped[str | None]
    poster_url: Mapped[str | None]
    metascore: Mapped[int | None]
    imdb_rating: Mapped[float | None]
    imdb_votes: Mapped[int | None]
    box_office_usd: Mapped[int | None]
    production: Mapped[str | None]
    website: Mapped[str | None]
    credits: Mapped[list[Credit]] = relationship(order_by=(Credit.role, Credit.position))
    movie_genres: Mapped[list[MovieGenre]] = relationship(order_by=MovieGenre.position)
    ratings: Mapped[list[Rating]] = relationship(order_by=Rating.position)

    @property
    def genres(self) -> list[str]:
        """Names of the genres."""
        return [link.genre.name for link in self.movie_genres]

    @property
    def cast(self) -> list[str]:
        """Names of the actors, in the order of the source."""
        return self._names("cast")

    @property
    def directors(self) -> list[str]:
        """Names of the directors."""
        return self._names("director")

    @property
    def writers(self) -> list[str]:
        """Names of the writers."""
        return self._names("writer")

    def _names(self, role: str) -> list[str]:
        return [credit.person.name for credit in self.credits if credit.role == role]


class RatingRead(BaseModel):
    """Response model of a rating."""

    model_config = ConfigDict(from_attributes=True)
    source: str
    value: str


class MovieRead(BaseModel):
    """Response model of a movie."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    imdb_id: str | None
    title: str
    year: int | None
    type: str
    rated: str | None
    released: dt.date | None
    runtime_minutes: int | None
    genres: list[str]
    directors: list[str]
    writers: list[str]
    cast: list[str]
    plot: str | None
    languages: list[str]
    countries: list[str]
    awards: str | None
    poster_url: str | None
    ratings: list[RatingRead]
    metascore: int | None
    imdb_rating: float | None
    imdb_votes: int | None
    box_office_usd: int | None
    production: str | None
    website: str | None


class MovieList(BaseModel):
    """Response model of a page of movies."""

    movies: list[MovieRead]
    total: int


class PageQuery(BaseModel):
    """Query parameters of a page."""

    page: int = 1
    title: str | None = None
    year: int | None = None
    genre: str | None = None
    cast: str | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield the SQL conditions of the filters."""
        if self.title is not None:
            yield Movie.title_key == match_key(self.title)
        if self.year is not None:
            yield Movie.year_key == self.year
        if self.genre is not None:
            genre = MovieGenre.genre.has(Genre.name_key == match_key(self.genre))
            yield Movie.movie_genres.any(genre)
        if self.cast is not None:
            person = Credit.person.has(Person.name_key == match_key(self.cast))
            yield Movie.credits.any((Credit.role == "cast") & person)


_RELATED = (
    selectinload(Movie.credits).selectinload(Credit.person),
    selectinload(Movie.movie_genres).selectinload(MovieGenre.genre),
    selectinload(Movie.ratings),
)


def create_app() -> FastAPI:
    """Return the app; factory for uvicorn."""
    kind, _, rest = os.environ[DATABASE_VARIABLE].partition(":")
    engine = create_engine(f"{_DRIVERS.get(kind, kind)}:{rest}")
    new_session = sessionmaker(engine)
    app = FastAPI()

    def open_session() -> Iterator[Session]:
        with new_session() as session:
            yield session

    SessionDependency = Annotated[Session, Depends(open_session)]  # noqa: N806 - It is a type.

    @app.get("/movies", response_model=MovieList)
    def list_movies(
        session: SessionDependency, query: Annotated[PageQuery, Query()]
    ) -> dict[str, object]:
        """Return a page of movies, ordered by title."""
        page = (
            select(Movie)
            .where(*query.conditions())
            .options(*_RELATED)
            .order_by(Movie.title_key, Movie.year_key, Movie.id)
            .limit(10)
            .offset((query.page - 1) * 10)
        )
        total = select(func.count(Movie.id)).where(*query.conditions())
        return {"movies": session.scalars(page).all(), "total": session.scalar(total)}

    @app.get("/movies/{movie_id}", response_model=MovieRead)
    def get_movie(session: SessionDependency, movie_id: int) -> Movie:
        """Return the movie with this id."""
        return require(session.get(Movie, movie_id, options=_RELATED))

    @app.get("/movies/by-title/{title}", response_model=MovieRead)
    def get_movie_by_title(session: SessionDependency, title: str) -> Movie:
        """Return the movie with this title that has the most votes."""
        statement = select(Movie).where(Movie.title_key == match_key(title)).options(*_RELATED)
        return require(session.scalars(statement.order_by(Movie.imdb_votes.desc())).first())

    return app


def require(movie: Movie | None) -> Movie:
    """Return `movie`."""
    if movie is None:
        raise HTTPException(404)
    return movie
