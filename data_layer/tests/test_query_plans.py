import dataclasses
import itertools

import pytest
from sqlalchemy import func, literal, select

from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import (
    SHORT_SKIP,
    MovieFilter,
    MovieQuery,
    MovieSort,
    SortField,
)
from data_layer.sql.catalogue.movie_query_sql import (
    PageShape,
    Sql,
    document_sql,
    page_sql,
    same_title_sql,
    total_sql,
)
from data_layer.sql.models import Movie, MovieCount, MovieGenre

FILTERS = [frozenset(names) for names in ((), ("title",), ("year",), ("genre",), ("cast",))]
GENRE_AND_YEAR = frozenset({"genre", "year"})


def plan(database: Database, sql: Sql) -> str:
    """Return SQLite's query plan of a statement, one step per line."""
    with database.engines.reading.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql.text}", (1,) * len(sql.names))
        return "\n".join(row.detail for row in rows)


def is_direct(steps: str) -> bool:
    """Return whether the plan reads rows in index order, without a table scan or a sort."""
    return "TEMP B-TREE" not in steps and all(
        "INDEX" in step or "INTEGER PRIMARY KEY" in step
        for step in steps.splitlines()
        if step.startswith(("SCAN", "SEARCH"))
    )


@pytest.mark.parametrize("has_after", [False, True])
@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("filters", [*FILTERS, GENRE_AND_YEAR])
def test_an_index_supports_every_filter_sorted_by_title(
    database: Database, filters: frozenset[str], is_descending: bool, has_after: bool
) -> None:
    shape = PageShape(
        MovieSort("title", is_descending), filters, has_after, counts_total=not has_after
    )
    steps = plan(database, page_sql(shape, database.engines.reading.dialect))
    assert is_direct(steps), steps


@pytest.mark.parametrize("has_after", [False, True])
@pytest.mark.parametrize("filters", [*FILTERS[:4], GENRE_AND_YEAR])
def test_an_index_supports_filters_sorted_by_year(
    database: Database, filters: frozenset[str], has_after: bool
) -> None:
    shape = PageShape(MovieSort("year", is_descending=True), filters, has_after)
    steps = plan(database, page_sql(shape, database.engines.reading.dialect))
    assert is_direct(steps), steps


@pytest.mark.parametrize("filters", [frozenset[str](), frozenset({"genre"}), frozenset({"year"})])
def test_an_index_supports_filters_sorted_by_id(
    database: Database, filters: frozenset[str]
) -> None:
    shape = PageShape(MovieSort("id", is_descending=True), filters, has_after=True)
    steps = plan(database, page_sql(shape, database.engines.reading.dialect))
    assert is_direct(steps), steps


@pytest.mark.parametrize("has_after", [False, True])
def test_an_index_supports_every_short_query(database: Database, *, has_after: bool) -> None:
    fields: tuple[SortField, ...] = ("title", "year", "id")
    values = {"title": "a", "year": 1, "genre": "b", "cast": "c"}
    short = 0
    for size, field in itertools.product(range(len(values) + 1), fields):
        for names in itertools.combinations(values, size):
            movie_filter = MovieFilter(**{name: values[name] for name in names})  # type: ignore[arg-type]  # Values of several types.
            query = MovieQuery(filter=movie_filter, sort=MovieSort(field), skip=SHORT_SKIP)
            assert not dataclasses.replace(query, skip=SHORT_SKIP + 1).is_short
            if query.is_short:
                shape = PageShape(query.sort, frozenset(names), has_after, not has_after)
                steps = plan(database, page_sql(shape, database.engines.reading.dialect))
                is_walk_by_id = steps.startswith("SCAN movies\n") and (names, field) == ((), "id")
                assert is_direct(steps) or is_walk_by_id, (names, field, steps)
                short += 1
    assert short == 15


def test_an_index_supports_lookups_of_single_movies(database: Database) -> None:
    dialect = database.engines.reading.dialect
    statements = [
        document_sql("id", dialect),
        document_sql("imdb_id", dialect),
        same_title_sql(frozenset({"title"}), dialect),
        same_title_sql(frozenset({"title", "year"}), dialect),
    ]
    for sql in statements:
        assert is_direct(plan(database, sql)), sql


@pytest.mark.parametrize("size", range(5))
def test_an_index_or_a_counter_supports_totals(database: Database, size: int) -> None:
    for names in itertools.combinations(("title", "year", "genre", "cast"), size):
        steps = plan(database, total_sql(frozenset(names), database.engines.reading.dialect))
        assert is_direct(steps), steps
        if names in {(), ("year",), ("genre",)}:
            assert "movie_counts" in steps


def test_counters_match_the_number_of_rows(database: Database) -> None:
    movies = [
        MovieFacts(title=f"M{number}", year=1990 + number % 3, genres=("Drama",) * (number % 2))
        for number in range(10)
    ]
    with database.unit_of_work() as uow:
        ids = [movie.id for movie in uow.movies.add_many([*movies, MovieFacts(title="X")])]
        uow.commit()
    with database.unit_of_work() as uow:
        for movie_id in ids[::3]:
            uow.movies.remove(movie_id)
        uow.commit()
    counted = {
        "all": select(literal(0), func.count()).select_from(Movie),
        "year": select(Movie.year_key, func.count()).group_by(Movie.year_key),
        "genre": select(MovieGenre.genre_id, func.count()).group_by(MovieGenre.genre_id),
    }
    with database.engines.reading.connect() as connection:
        for kind, statement in counted.items():
            counters = select(MovieCount.key, MovieCount.movies).where(
                MovieCount.kind == kind, MovieCount.movies != 0
            )
            assert set(connection.execute(counters)) == set(connection.execute(statement)), kind
