"""Insertion of new movies with their relations."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection

from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_serialization import render_movie
from data_layer.sql.bulk_insert import BulkInsert
from data_layer.sql.catalogue.movie_counts import Kind
from data_layer.sql.catalogue.movie_relations import RelationInserter
from data_layer.sql.catalogue.movie_rows import movie_row
from data_layer.sql.models import MOVIES


class MovieInserter:
    """Inserter of movies, valid for one transaction.

    Args:
        connection: Connection of the transaction. No relations may be removed in it while this
            object is in use, since it caches the ids of people and genres.
    """

    def __init__(self, connection: Connection) -> None:
        self._movies = BulkInsert(connection, MOVIES)
        self._relations = RelationInserter(connection)
        self._counts: Counter[Kind] = Counter()

    def add(self, facts_by_id: Mapping[int, MovieFacts]) -> tuple[StoredMovie, ...]:
        """Insert the movies with these ids, and return them in the same order."""
        stored = tuple(
            StoredMovie(movie_id, render_movie(movie_id, facts))
            for movie_id, facts in facts_by_id.items()
        )
        self._movies.run(
            movie_row(movie.id, facts, movie.document)
            for movie, facts in zip(stored, facts_by_id.values(), strict=True)
        )
        self._counts += self._relations.add(facts_by_id)
        return stored

    def take_counts(self) -> Counter[Kind]:
        """Return the counter changes of the movies inserted since the last call, and reset them."""
        counts, self._counts = self._counts, Counter()
        return counts
