"""The films, in tables: relations to find them by, documents to serve."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from common.errors import Conflict, NotFound
from common.text import match_key
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_document import movie_document
from data_layer.entities.movie_query import UNKNOWN_YEAR, MoviePage, MovieQuery
from data_layer.sql.changes import require_change
from data_layer.sql.models import Movie
from data_layer.sql.movie_links import add_links, remove_links
from data_layer.sql.movie_statements import page_statement, position_of, total_statement

TITLE_LIMIT = 20
"""How many films of one title are told apart."""

_UNKNOWN_VOTES = -1
_LINKED = {"genres", "directors", "writers", "cast", "ratings"}


class SqlAlchemyMovieRepository:
    """See `data_layer.ports.movies.MovieRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, facts: MovieFacts) -> StoredMovie:
        """Insert one film."""
        return self.add_many([facts])[0]

    def add_many(self, films: Sequence[MovieFacts]) -> tuple[StoredMovie, ...]:
        """Insert the films with their links, then write the documents, which hold their ids."""
        imdb_ids = [facts.imdb_id for facts in films if facts.imdb_id is not None]
        known = select(Movie.id).where(Movie.imdb_id.in_(imdb_ids)).limit(1)
        if self._session.scalar(known) is not None:
            raise Conflict("A movie with this IMDb id is in the catalogue.")
        ids = self._session.scalars(
            insert(Movie).returning(Movie.id, sort_by_parameter_order=True),
            [_columns(facts) for facts in films],
        ).all()
        facts_by_id = dict(zip(ids, films, strict=True))
        add_links(self._session, facts_by_id)
        stored = [
            StoredMovie(movie_id, movie_document(movie_id, facts))
            for movie_id, facts in facts_by_id.items()
        ]
        self._session.execute(
            update(Movie), [{"id": movie.id, "document": movie.document} for movie in stored]
        )
        return tuple(stored)

    def get(self, movie_id: int) -> StoredMovie:
        """Read the document by primary key."""
        document = self._session.scalar(select(Movie.document).where(Movie.id == movie_id))
        if document is None:
            raise NotFound("No movie has this id.")
        return StoredMovie(movie_id, document)

    def find_by_imdb_id(self, imdb_id: str) -> StoredMovie | None:
        """Read the document by its unique IMDb id."""
        statement = select(Movie.id, Movie.document).where(Movie.imdb_id == imdb_id)
        row = self._session.execute(statement).one_or_none()
        return row and StoredMovie(*row)

    def find_by_title(self, title: str, year: int | None = None) -> tuple[StoredMovie, ...]:
        """Read the documents by title key, the best known film first."""
        statement = select(Movie.id, Movie.document).where(Movie.title_key == match_key(title))
        if year is not None:
            statement = statement.where(Movie.year_key == year)
        statement = statement.order_by(
            func.coalesce(Movie.imdb_votes, _UNKNOWN_VOTES).desc(), Movie.year_key.desc(), Movie.id
        ).limit(TITLE_LIMIT)
        return tuple(StoredMovie(*row) for row in self._session.execute(statement))

    def list(self, query: MovieQuery) -> MoviePage:
        """Read a page in one statement, and the total in another where it is asked for."""
        rows = self._session.execute(page_statement(query)).all()
        page = rows[: query.limit]
        return MoviePage(
            movies=tuple(StoredMovie(row.id, row.document) for row in page),
            next_after=position_of(page[-1]) if len(rows) > len(page) else None,
            total=(
                self._session.scalar(total_statement(query.filter)) if query.counts_total else None
            ),
        )

    def remove(self, movie_id: int) -> None:
        """Delete the film with its links."""
        remove_links(self._session, movie_id)
        removed = self._session.execute(delete(Movie).where(Movie.id == movie_id))
        require_change(removed, "No movie has this id.")


def _columns(facts: MovieFacts) -> dict[str, Any]:
    """Return the values of a film's own columns; the document waits for its id."""
    plain = {
        field.name: getattr(facts, field.name)
        for field in dataclasses.fields(facts)
        if field.name not in _LINKED
    }
    return plain | {
        "title_key": match_key(facts.title),
        "year_key": UNKNOWN_YEAR if facts.year is None else facts.year,
        "languages": list(facts.languages),
        "countries": list(facts.countries),
        "document": b"",
    }
