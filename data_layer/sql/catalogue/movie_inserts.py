"""Films that go in, with everything that belongs to them."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection

from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_document import movie_document
from data_layer.sql.bulk_insert import RowInsert
from data_layer.sql.catalogue.movie_counts import Kind
from data_layer.sql.catalogue.movie_relations import NewLinks
from data_layer.sql.catalogue.movie_rows import movie_row
from data_layer.sql.models import MOVIES


class NewMovies:
    """Inserts films, their rows straight to the driver.

    Args:
        connection: in whose transaction they go in, which is all that this is good for; nobody
            else removes links meanwhile.
    """

    def __init__(self, connection: Connection) -> None:
        self._movies = RowInsert(connection, MOVIES)
        self._links = NewLinks(connection)
        self._counts: Counter[Kind] = Counter()

    def add(self, facts_by_id: Mapping[int, MovieFacts]) -> tuple[StoredMovie, ...]:
        """Insert the films under these ids."""
        stored = tuple(
            StoredMovie(movie_id, movie_document(movie_id, facts))
            for movie_id, facts in facts_by_id.items()
        )
        self._movies.run(
            movie_row(movie.id, facts, movie.document)
            for movie, facts in zip(stored, facts_by_id.values(), strict=True)
        )
        self._counts += self._links.add(facts_by_id)
        return stored

    def take_counts(self) -> Counter[Kind]:
        """Return what the films count as that went in since this was called before."""
        counts, self._counts = self._counts, Counter()
        return counts
