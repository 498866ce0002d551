"""The service as tutorials write it: FastAPI, SQLAlchemy's ORM, response models.

It reads the same database through the same indexes, loads what belongs to a film with
`selectinload`, and lets FastAPI validate and write the answer.
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
"""Holds the URL of a catalogue, as `DATABASE_URL` does."""

_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


class Base(DeclarativeBase):
    """The tables, as far as they are read."""


class Person(Base):
    """Somebody who made films."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str]


class Genre(Base):
    """A kind of film."""

    __tablename__ = "genres"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str]


class Credit(Base):
    """That a person made a film."""

    __tablename__ = "credits"
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    person: Mapped[Person] = relationship()


class MovieGenre(Base):
    """That a film is of a genre."""

    __tablename__ = "movie_genres"
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id"), primary_key=True)
    genre_id: Mapped[int] = mapped_column(ForeignKey("genres.id"), primary_key=True)
    position: Mapped[int]
    genre: Mapped[Genre] = relationship()


class Rating(Base):
    """A rating of a film."""

    __tablename__ = "ratings"
    movie_id: Mapped[int] = mapped_column(ForeignKey("movies.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    value: Mapped[str]


class Movie(Base):
    """A film."""

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
        """The names of its genres."""
        return [link.genre.name for link in self.movie_genres]

    @property
    def cast(self) -> list[str]:
        """The names of its actors, in billing order."""
        return self._names("cast")

    @property
    def directors(self) -> list[str]:
        """The names of its directors."""
        return self._names("director")

    @property
    def writers(self) -> list[str]:
        """The names of its writers."""
        return self._names("writer")

    def _names(self, role: str) -> list[str]:
        return [credit.person.name for credit in self.credits if credit.role == role]


class RatingRead(BaseModel):
    """A rating, as it is sent."""

    model_config = ConfigDict(from_attributes=True)
    source: str
    value: str


class MovieRead(BaseModel):
    """A film, as it is sent."""

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
    """A page of films."""

    movies: list[MovieRead]
    total: int


class Wanted(BaseModel):
    """The query of a page."""

    page: int = 1
    title: str | None = None
    year: int | None = None
    genre: str | None = None
    cast: str | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield what holds for the films that are wanted."""
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


_WHOLE = (
    selectinload(Movie.credits).selectinload(Credit.person),
    selectinload(Movie.movie_genres).selectinload(MovieGenre.genre),
    selectinload(Movie.ratings),
)


def create_app() -> FastAPI:
    """Return the app, for a server that is told to call a factory."""
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
        session: SessionDependency,
        wanted: Annotated[Wanted, Query()],
    ) -> dict[str, object]:
        """Return a page of the films, by title."""
        page = (
            select(Movie)
            .where(*wanted.conditions())
            .options(*_WHOLE)
            .order_by(Movie.title_key, Movie.year_key, Movie.id)
            .limit(10)
            .offset((wanted.page - 1) * 10)
        )
        total = select(func.count(Movie.id)).where(*wanted.conditions())
        return {"movies": session.scalars(page).all(), "total": session.scalar(total)}

    @app.get("/movies/{movie_id}", response_model=MovieRead)
    def get_movie(session: SessionDependency, movie_id: int) -> Movie:
        """Return the film of this id."""
        return require(session.get(Movie, movie_id, options=_WHOLE))

    @app.get("/movies/by-title/{title}", response_model=MovieRead)
    def get_movie_by_title(session: SessionDependency, title: str) -> Movie:
        """Return the best known film of this title."""
        statement = select(Movie).where(Movie.title_key == match_key(title)).options(*_WHOLE)
        return require(session.scalars(statement.order_by(Movie.imdb_votes.desc())).first())

    return app


def require(movie: Movie | None) -> Movie:
    """Return the film.

    Raises:
        HTTPException: there is none.
    """
    if movie is None:
        raise HTTPException(404)
    return movie
