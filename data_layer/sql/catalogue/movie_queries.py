"""Movie queries: compiled statements that return stored documents."""

from collections.abc import Sequence
from typing import Any

from common.errors import NotFound
from common.text import match_key
from data_layer.entities.movie import StoredMovie
from data_layer.entities.movie_query import MovieFilter, MoviePage, MovieQuery
from data_layer.sql.catalogue.movie_query_sql import (
    PageShape,
    Sql,
    document_sql,
    page_sql,
    revision_sql,
    same_title_sql,
    total_sql,
)
from data_layer.sql.transaction import Row, Transaction

TITLE_LIMIT = 20
"""Maximum number of movies with one title that a search returns."""

SAME_TITLE_MAX = 1_000
"""Maximum number of movies with one title that a search reads and sorts by votes."""

UNKNOWN_VOTES = -1
"""Votes of a movie without votes, for its order by popularity."""


class MovieQueries:
    """Queries of `data_layer.ports.movies.MovieRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def get(self, movie_id: int) -> StoredMovie:
        """Return the movie with this id."""
        movie = self._find("id", movie_id)
        if movie is None:
            raise NotFound("No movie has this id.")
        return movie

    def find_by_imdb_id(self, imdb_id: str) -> StoredMovie | None:
        """Return the movie with this IMDb id, or None."""
        return self._find("imdb_id", imdb_id)

    def find_by_title(self, title: str, year: int | None = None) -> tuple[StoredMovie, ...]:
        """Return at most 20 movies with this title, found by its key, by descending votes."""
        values = _parameters(MovieFilter(title=title, year=year))
        sql = same_title_sql(frozenset(values), self._transaction.dialect)
        rows = self._query(sql, values | {"limit": SAME_TITLE_MAX, "skip": 0})
        if len(rows) > 1:
            rows = sorted(rows, key=_popularity_order)[:TITLE_LIMIT]
        return tuple([StoredMovie(row[0], row[1]) for row in rows])

    def list(self, query: MovieQuery) -> MoviePage:
        """Return a page; one statement reads it together with the requested total."""
        values = _parameters(query.filter)
        filters = frozenset(values)
        values |= {"limit": query.limit + 1, "skip": query.skip}
        for index, key in enumerate(query.after or ()):
            values[f"after_{index}"] = key
        shape = PageShape(query.sort, filters, query.after is not None, query.counts_total)
        rows = self._query(page_sql(shape, self._transaction.dialect), values)
        page = rows[: query.limit]
        return MoviePage(
            movies=tuple([StoredMovie(row[-2], row[-1]) for row in page]),
            next_after=tuple(page[-1][1:-1]) if len(rows) > len(page) else None,
            total=self._total(rows, filters, values) if query.counts_total else None,
        )

    def revision(self) -> int:
        """Return the catalogue's revision; 0 before the first change."""
        rows = self._query(revision_sql(self._transaction.dialect), {})
        return int(rows[0][0]) if rows else 0

    def _find(self, column: str, value: object) -> StoredMovie | None:
        rows = self._query(document_sql(column, self._transaction.dialect), {"value": value})
        return StoredMovie(*rows[0]) if rows else None

    def _total(self, rows: Sequence[Row], filters: frozenset[str], values: dict[str, Any]) -> int:
        """Return the total from the rows of a page; query it if the page is empty."""
        if not rows:
            rows = self._query(total_sql(filters, self._transaction.dialect), values)
        return int(rows[0][0]) if rows else 0

    def _query(self, sql: Sql, values: dict[str, Any]) -> Sequence[Row]:
        return self._transaction.run(sql.text, sql.bind(values))


def _parameters(movie_filter: MovieFilter) -> dict[str, Any]:
    """Return the parameters of a filter by field name, for the fields that are set."""
    values: dict[str, Any] = {}
    for name in ("title", "genre", "cast"):
        if (text := getattr(movie_filter, name)) is not None:
            values[name] = match_key(text)
    if movie_filter.year is not None:
        values["year"] = movie_filter.year
    return values


def _popularity_order(row: Row) -> tuple[int, int, int]:
    """Return the sort key of a movie: most votes first, then the newest, then the lowest id."""
    movie_id, _document, votes, year_key = row
    return -(UNKNOWN_VOTES if votes is None else votes), -year_key, movie_id
