"""Conversion of a movie into table rows."""

from collections.abc import Iterator, Mapping
from operator import attrgetter

from common.text import match_key
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import UNKNOWN_YEAR
from data_layer.sql.bulk_insert import Row
from data_layer.sql.models import MOVIES

CAST = "cast"
"""Role of an actor in `Credit.role`."""

_facts_of = attrgetter(*MOVIES.columns.keys()[4:])
"""Getter of the facts that have a column; the columns before them are those of `movie_row`."""


def year_key(facts: MovieFacts) -> int:
    """Return the year for search and sorting; `UNKNOWN_YEAR` if it is None."""
    return UNKNOWN_YEAR if facts.year is None else facts.year


def movie_row(movie_id: int | None, facts: MovieFacts, document: bytes) -> Row:
    """Return the `Movie` row."""
    return movie_id, match_key(facts.title), year_key(facts), document, *_facts_of(facts)


def roles(facts: MovieFacts) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return pairs of a `Credit.role` and the names of its people."""
    return (CAST, facts.cast), ("director", facts.directors), ("writer", facts.writers)


def credit_rows(movie_id: int, facts: MovieFacts, people: Mapping[str, int]) -> Iterator[Row]:
    """Yield the `Credit` rows; a person counts once per role. `people` maps name keys to ids."""
    keys = match_key(facts.title), year_key(facts)
    for role, names in roles(facts):
        for position, key in enumerate(dict.fromkeys(map(match_key, names))):
            yield movie_id, role, position, people[key], *keys


def genre_rows(movie_id: int, facts: MovieFacts, genres: Mapping[str, int]) -> Iterator[Row]:
    """Yield the `MovieGenre` rows without duplicates. `genres` maps name keys to ids."""
    keys = match_key(facts.title), year_key(facts)
    for position, key in enumerate(dict.fromkeys(map(match_key, facts.genres))):
        yield movie_id, genres[key], position, *keys


def rating_rows(movie_id: int, facts: MovieFacts) -> Iterator[Row]:
    """Yield the `Rating` rows."""
    for position, rating in enumerate(facts.ratings):
        yield movie_id, position, rating.source, rating.value
