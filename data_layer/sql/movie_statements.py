"""The statements that list films."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from common.text import match_key
from data_layer.entities.movie_query import MovieFilter, MovieQuery, MovieSort, Position
from data_layer.sql.models import Credit, Genre, Movie, MovieGenre, Person
from data_layer.sql.movie_links import CAST

_KEYS: dict[str, tuple[InstrumentedAttribute[Any], ...]] = {
    "title": (Movie.title_key, Movie.id),
    "year": (Movie.year_key, Movie.title_key, Movie.id),
    "id": (Movie.id,),
}


def page_statement(query: MovieQuery) -> Select[Any]:
    """Select id, document and sort keys of a page's films, and of one more if there is one."""
    keys = _KEYS[query.sort.field]
    statement = select(Movie.id, Movie.document, *keys[:-1]).where(*_conditions(query.filter))
    if query.after is not None:
        statement = statement.where(_is_behind(query.sort, query.after))
    order = [key.desc() if query.sort.is_descending else key.asc() for key in keys]
    return statement.order_by(*order).offset(query.skip).limit(query.limit + 1)


def total_statement(wanted: MovieFilter) -> Select[int]:
    """Count the films that match."""
    return select(func.count()).select_from(Movie).where(*_conditions(wanted))


def position_of(row: Row[Any]) -> Position:
    """Return where a film of `page_statement` stands in its order."""
    return (*row[2:], row.id)


def _is_behind(sort: MovieSort, position: Position) -> ColumnElement[bool]:
    keys = _KEYS[sort.field]
    here, there = tuple_(*keys), tuple_(*position)
    return here < there if sort.is_descending else here > there


def _conditions(wanted: MovieFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.title is not None:
        yield Movie.title_key == match_key(wanted.title)
    if wanted.year is not None:
        yield Movie.year_key == wanted.year
    if wanted.genre is not None:
        genre_id = select(Genre.id).where(Genre.name_key == match_key(wanted.genre))
        yield exists().where(
            and_(MovieGenre.movie_id == Movie.id, MovieGenre.genre_id == genre_id.scalar_subquery())
        )
    if wanted.cast is not None:
        person_id = select(Person.id).where(Person.name_key == match_key(wanted.cast))
        yield exists().where(
            and_(
                Credit.movie_id == Movie.id,
                Credit.role == CAST,
                Credit.person_id == person_id.scalar_subquery(),
            )
        )
