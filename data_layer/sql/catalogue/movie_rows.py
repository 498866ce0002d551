"""A film as rows: its own, and those of what it shares with others."""

from collections.abc import Iterator, Mapping

from common.text import match_key
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import UNKNOWN_YEAR
from data_layer.sql.bulk_insert import Row

CAST = "cast"
"""The role of an actor in `Credit.role`."""


def year_key(facts: MovieFacts) -> int:
    """Return the year that a film is found and sorted by."""
    return UNKNOWN_YEAR if facts.year is None else facts.year


def movie_row(movie_id: int | None, facts: MovieFacts, document: bytes) -> Row:
    """Return the row of `Movie`."""
    return (
        movie_id,
        facts.imdb_id,
        facts.title,
        match_key(facts.title),
        facts.year,
        year_key(facts),
        facts.end_year,
        facts.type,
        facts.rated,
        facts.released,
        facts.runtime_minutes,
        facts.plot,
        facts.languages,
        facts.countries,
        facts.awards,
        facts.poster_url,
        facts.metascore,
        facts.imdb_rating,
        facts.imdb_votes,
        facts.box_office_usd,
        facts.production,
        facts.website,
        document,
    )


def roles(facts: MovieFacts) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the names of a film's people, by `Credit.role`."""
    return (CAST, facts.cast), ("director", facts.directors), ("writer", facts.writers)


def credit_rows(movie_id: int, facts: MovieFacts, people: Mapping[str, int]) -> Iterator[Row]:
    """Yield the rows of `Credit`; `people` gives ids by key."""
    keys = match_key(facts.title), year_key(facts)
    for role, names in roles(facts):
        for position, key in enumerate(dict.fromkeys(map(match_key, names))):
            yield movie_id, role, position, people[key], *keys


def genre_rows(movie_id: int, facts: MovieFacts, genres: Mapping[str, int]) -> Iterator[Row]:
    """Yield the rows of `MovieGenre`; `genres` gives ids by key."""
    keys = match_key(facts.title), year_key(facts)
    for position, key in enumerate(dict.fromkeys(map(match_key, facts.genres))):
        yield movie_id, genres[key], position, *keys


def rating_rows(movie_id: int, facts: MovieFacts) -> Iterator[Row]:
    """Yield the rows of `Rating`."""
    for position, rating in enumerate(facts.ratings):
        yield movie_id, position, rating.source, rating.value
