"""Reading films: a statement as the driver takes it, and documents as they are stored."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Dialect

from common.errors import NotFound
from common.text import match_key
from data_layer.entities.movie import StoredMovie
from data_layer.entities.movie_query import MovieFilter, MoviePage, MovieQuery
from data_layer.sql.catalogue.movie_statements import (
    PageShape,
    Sql,
    document_sql,
    namesakes_sql,
    page_sql,
    revision_sql,
    total_sql,
)

TITLE_LIMIT = 20
"""How many films of one title are told apart."""

NAMESAKES_MAX = 1_000
"""How many films of one title are looked at, to find the best known."""

Row = Sequence[Any]
RunSql = Callable[[str, tuple[Any, ...]], Sequence[Row]]
"""Runs a statement with its parameters, and returns the rows."""

_UNKNOWN_VOTES = -1


class MovieReads:
    """The reading half of `data_layer.ports.movies.MovieRepository`.

    Args:
        run: runs a statement, on whatever connection.
        dialect: of that connection.
    """

    def __init__(self, run: RunSql, dialect: Dialect) -> None:
        self._run = run
        self._dialect = dialect

    def get(self, movie_id: int) -> StoredMovie:
        """Read the document by primary key."""
        movie = self._find("id", movie_id)
        if movie is None:
            raise NotFound("No movie has this id.")
        return movie

    def find_by_imdb_id(self, imdb_id: str) -> StoredMovie | None:
        """Read the document by its unique IMDb id."""
        return self._find("imdb_id", imdb_id)

    def find_by_title(self, title: str, year: int | None = None) -> tuple[StoredMovie, ...]:
        """Read the documents by title key, the best known film first."""
        values = _values(MovieFilter(title=title, year=year))
        sql = namesakes_sql(frozenset(values), self._dialect)
        rows = self._query(sql, values | {"limit": NAMESAKES_MAX, "skip": 0})
        if len(rows) > 1:
            rows = sorted(rows, key=_fame)[:TITLE_LIMIT]
        return tuple([StoredMovie(row[0], row[1]) for row in rows])

    def list(self, query: MovieQuery) -> MoviePage:
        """Read a page, and the total where it is asked for, in one statement."""
        values = _values(query.filter)
        filters = frozenset(values)
        values |= {"limit": query.limit + 1, "skip": query.skip}
        for place, key in enumerate(query.after or ()):
            values[f"after_{place}"] = key
        shape = PageShape(query.sort, filters, query.after is not None, query.counts_total)
        rows = self._query(page_sql(shape, self._dialect), values)
        page = rows[: query.limit]
        return MoviePage(
            movies=tuple([StoredMovie(row[-2], row[-1]) for row in page]),
            next_after=tuple(page[-1][1:-1]) if len(rows) > len(page) else None,
            total=self._total(rows, filters, values) if query.counts_total else None,
        )

    def revision(self) -> int:
        """Read the counter of changes."""
        rows = self._query(revision_sql(self._dialect), {})
        return int(rows[0][0]) if rows else 0

    def _find(self, column: str, value: object) -> StoredMovie | None:
        rows = self._query(document_sql(column, self._dialect), {"value": value})
        return StoredMovie(*rows[0]) if rows else None

    def _total(self, rows: Sequence[Row], filters: frozenset[str], values: dict[str, Any]) -> int:
        """Return what the rows of a page say, or ask where the page has none."""
        if not rows:
            rows = self._query(total_sql(filters, self._dialect), values)
        return int(rows[0][0]) if rows else 0

    def _query(self, sql: Sql, values: dict[str, Any]) -> Sequence[Row]:
        return self._run(sql.text, sql.bind(values))


def _values(wanted: MovieFilter) -> dict[str, Any]:
    """Return the parameters of a filter, by the names of its fields that restrict."""
    values: dict[str, Any] = {}
    for name in ("title", "genre", "cast"):
        if (text := getattr(wanted, name)) is not None:
            values[name] = match_key(text)
    if wanted.year is not None:
        values["year"] = wanted.year
    return values


def _fame(row: Row) -> tuple[int, int, int]:
    """Sort the best known film first, then the newest, then the one that came first."""
    movie_id, _document, votes, year_key = row
    return -(_UNKNOWN_VOTES if votes is None else votes), -year_key, movie_id
