"""Movies of the catalogue: reading, changing and removing."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common.clock import utc_now
from common.errors import Conflict, NotFound, PreconditionFailed
from data_layer.entities.movie import StoredMovie
from data_layer.entities.movie_query import MoviePage, MovieQuery
from data_layer.entities.movie_refresh import schedule_refresh
from data_layer.entities.movie_serialization import parse_facts
from data_layer.ports.result_recorder import ResultRecorder, record_nothing
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy
from movies_service.accounts.caller import Caller
from movies_service.use_cases.movie_reference import ById, ByImdbId, ByTitle


@dataclass(frozen=True, slots=True)
class FoundMovie:
    """The movie that a reference selects, and other movies with the same title."""

    movie: StoredMovie
    alternates: tuple[StoredMovie, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedMovie:
    """A movie after a change."""

    movie: StoredMovie
    revision: int
    """A catalogue revision that contains the change."""


class Movies:
    """Use cases that read, change and remove stored movies."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def list(self, query: MovieQuery) -> MoviePage:
        """Return one page of the matching movies."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.movies.list(query)

    def count(self) -> int:
        """Return the number of movies in the catalogue."""
        return self.list(MovieQuery(limit=1, counts_total=True)).total or 0

    def get(self, reference: ById | ByImdbId | ByTitle, year: int | None = None) -> FoundMovie:
        """Return the referenced movie; of several with one title, the one with the most votes.

        A year selects among movies with the same title, and is ignored for other references.

        Raises:
            NotFound: no movie matches.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            if isinstance(reference, ByTitle):
                return _find_by_title(uow, reference.title, year)
            return FoundMovie(_get(uow, reference))

    @retried_when_busy
    def change(
        self,
        reference: ById | ByImdbId,
        changes: Mapping[str, Any],
        by: Caller,
        is_expected: Callable[[bytes], bool] = lambda _document: True,
        *,
        is_from_source: bool = False,
        record: ResultRecorder[ChangedMovie] = record_nothing,
    ) -> ChangedMovie:
        """Change fields of a movie, commit, and return it.

        Args:
            reference: ID or IMDb ID.
            changes: new values by field name of `MovieFacts`.
            by: the caller.
            is_expected: returns whether a document is the version to be changed.
            is_from_source: whether the values come from OMDb. Only then the next refresh is
                scheduled: it would overwrite the changes of a person.
            record: stores the result in the same transaction.

        Raises:
            NotFound: no movie matches.
            PreconditionFailed: the movie is not the expected version; nothing changed.
            Conflict: another movie has the IMDb ID.
        """
        with self._unit_of_work() as uow:
            movie = _get(uow, reference)
            if not is_expected(movie.document):
                raise PreconditionFailed("The movie has changed: read it again and retry.")
            facts = parse_facts(movie.document)
            changed = dataclasses.replace(facts, **changes)
            if changed != facts:
                _require_free(uow, changed.imdb_id, movie.id)
                movie = uow.movies.update(movie.id, changed)
                fields = [name for name in changes if changes[name] != getattr(facts, name)]
                by.write_audit(uow, "movie.changed", f"/movies/{movie.id}", fields)
            if is_from_source:
                uow.movie_refreshes.put_many([schedule_refresh(movie.id, changed, utc_now())])
            else:
                uow.movie_refreshes.remove_many([movie.id])
            record(uow, result := ChangedMovie(movie, uow.movies.revision()))
            uow.commit()
        return result

    @retried_when_busy
    def remove(
        self,
        reference: ById | ByImdbId,
        by: Caller,
        is_expected: Callable[[bytes], bool] = lambda _document: True,
    ) -> int:
        """Remove a movie, commit, and return a catalogue revision without it.

        Raises:
            NotFound: no movie matches.
            PreconditionFailed: the movie is not the expected version; nothing changed.
        """
        with self._unit_of_work() as uow:
            movie = _get(uow, reference)
            if not is_expected(movie.document):
                raise PreconditionFailed("The movie has changed: read it again and retry.")
            uow.movies.remove(movie.id)
            by.write_audit(uow, "movie.removed", f"/movies/{movie.id}")
            revision = uow.movies.revision()
            uow.commit()
        return revision


def _get(uow: UnitOfWork, reference: ById | ByImdbId) -> StoredMovie:
    if isinstance(reference, ById):
        return uow.movies.get(reference.movie_id)
    movie = uow.movies.find_by_imdb_id(reference.imdb_id)
    if movie is None:
        raise NotFound("No movie has this IMDb id; POST /movies fetches it.")
    return movie


def _require_free(uow: UnitOfWork, imdb_id: str | None, movie_id: int) -> None:
    """Require that no movie but this one has the IMDb ID."""
    other = None if imdb_id is None else uow.movies.find_by_imdb_id(imdb_id)
    if other is not None and other.id != movie_id:
        raise Conflict(f"The movie /movies/{other.id} has this IMDb id.")


def _find_by_title(uow: UnitOfWork, title: str, year: int | None) -> FoundMovie:
    movies = uow.movies.find_by_title(title, year)
    if not movies:
        raise NotFound("No movie has this title; POST /movies fetches it.")
    return FoundMovie(movies[0], movies[1:])
