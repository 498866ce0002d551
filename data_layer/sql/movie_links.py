"""What films share with others, as rows: their people and genres; and their ratings."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session

from common.text import match_key
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import UNKNOWN_YEAR
from data_layer.sql.models import Credit, Genre, MovieGenre, Person, Rating
from data_layer.sql.movie_counts import change_counts, kinds_of

CAST = "cast"
"""The role of an actor in `Credit.role`."""

Row = dict[str, Any]


def add_links(session: Session, facts_by_id: Mapping[int, MovieFacts]) -> None:
    """Insert the links of new films, and the people and genres that are new with them.

    Cost: seven statements, however many films, and one for each of their years and genres.
    """
    films = facts_by_id.values()
    names = (name for facts in films for names in _roles(facts).values() for name in names)
    people = _ids_by_key(session, Person, names)
    genres = _ids_by_key(session, Genre, (name for facts in films for name in facts.genres))
    rows: dict[type[Credit | MovieGenre | Rating], list[Row]] = {
        Credit: [row for item in facts_by_id.items() for row in _credits(*item, people)],
        MovieGenre: [row for item in facts_by_id.items() for row in _genres(*item, genres)],
        Rating: [row for item in facts_by_id.items() for row in _ratings(*item)],
    }
    for table, new in rows.items():
        if new:
            session.execute(insert(table), new)
    genre_ids = defaultdict(list)
    for row in rows[MovieGenre]:
        genre_ids[row["movie_id"]].append(row["genre_id"])
    kinds = (
        kinds_of(movie_keys(facts)["year_key"], genre_ids[movie_id])
        for movie_id, facts in facts_by_id.items()
    )
    change_counts(session, Counter(itertools.chain.from_iterable(kinds)))


def remove_links(session: Session, movie_id: int, year_key: int) -> None:
    """Delete the links of a film, and the people and genres that no other film has."""
    people = set(session.scalars(select(Credit.person_id).where(Credit.movie_id == movie_id)))
    of_movie = select(MovieGenre.genre_id).where(MovieGenre.movie_id == movie_id)
    genres = set(session.scalars(of_movie))
    for table in (Credit, MovieGenre, Rating):
        session.execute(delete(table).where(table.movie_id == movie_id))
    has_credit = exists().where(Credit.person_id == Person.id)
    session.execute(delete(Person).where(Person.id.in_(people), ~has_credit))
    has_movie = exists().where(MovieGenre.genre_id == Genre.id)
    session.execute(delete(Genre).where(Genre.id.in_(genres), ~has_movie))
    change_counts(session, Counter(dict.fromkeys(kinds_of(year_key, genres), -1)))


def movie_keys(facts: MovieFacts) -> Row:
    """Return what a film is found and sorted by, as the columns of every table that has them."""
    return {
        "title_key": match_key(facts.title),
        "year_key": UNKNOWN_YEAR if facts.year is None else facts.year,
    }


def _roles(facts: MovieFacts) -> dict[str, tuple[str, ...]]:
    return {CAST: facts.cast, "director": facts.directors, "writer": facts.writers}


def _credits(movie_id: int, facts: MovieFacts, people: dict[str, int]) -> Iterator[Row]:
    keys = movie_keys(facts)
    for role, names in _roles(facts).items():
        for position, key in enumerate(dict.fromkeys(map(match_key, names))):
            yield {
                "movie_id": movie_id,
                "role": role,
                "position": position,
                "person_id": people[key],
                **keys,
            }


def _genres(movie_id: int, facts: MovieFacts, genres: dict[str, int]) -> Iterator[Row]:
    keys = movie_keys(facts)
    for position, key in enumerate(dict.fromkeys(map(match_key, facts.genres))):
        yield {"movie_id": movie_id, "genre_id": genres[key], "position": position, **keys}


def _ratings(movie_id: int, facts: MovieFacts) -> Iterator[Row]:
    for position, rating in enumerate(facts.ratings):
        yield {
            "movie_id": movie_id,
            "position": position,
            "source": rating.source,
            "value": rating.value,
        }


def _ids_by_key(
    session: Session, table: type[Person] | type[Genre], names: Iterable[str]
) -> dict[str, int]:
    """Return the id of each name's row by its key, inserting the rows that are missing."""
    name_by_key = {match_key(name): name for name in names}
    keys = select(table.name_key, table.id)
    rows = session.execute(keys.where(table.name_key.in_(name_by_key.keys())))
    known = {row.name_key: row.id for row in rows}
    missing = [
        {"name": name, "name_key": key} for key, name in name_by_key.items() if key not in known
    ]
    if not missing:
        return known
    added = session.execute(insert(table).returning(table.name_key, table.id), missing)
    return known | {row.name_key: row.id for row in added}
