"""Reading films, changing and removing them."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from common.clock import utc_now
from common.errors import NotFound, PreconditionFailed
from data_fetcher.film_checks import check_of
from data_layer.entities.movie import StoredMovie
from data_layer.entities.movie_document import movie_facts
from data_layer.entities.movie_query import MoviePage, MovieQuery
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy
from movies_service.accounts.caller import Caller
from movies_service.use_cases.movie_reference import ById, ByImdbId, ByTitle


@dataclass(frozen=True, slots=True)
class FoundMovie:
    """The film that a reference means, and the others that it could have meant."""

    movie: StoredMovie
    alternates: tuple[StoredMovie, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedMovie:
    """A film as it is now."""

    movie: StoredMovie
    revision: int
    """A revision of the catalogue that has it so."""


class Movies:
    """The films of the catalogue, for those who read, change and remove them."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def list(self, query: MovieQuery) -> MoviePage:
        """Return the page that is asked for."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.movies.list(query)

    def count(self) -> int:
        """Return how many films there are."""
        return self.list(MovieQuery(limit=1, counts_total=True)).total or 0

    def get(self, reference: ById | ByImdbId | ByTitle, year: int | None = None) -> FoundMovie:
        """Return the film that is meant; of several with one title the most voted one.

        Args:
            reference: what names the film.
            year: picks among the films of one title; other references ignore it.

        Raises:
            NotFound: there is none.
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
    ) -> ChangedMovie:
        """Change some fields of the film, commit, and return it.

        Args:
            reference: what names the film.
            changes: new values, by the names of `MovieFacts`.
            by: who asks.
            is_expected: tells whether the film's document is the one that is to be changed.
            is_from_source: tells that OMDb says so. What a person has changed is not fetched
                again by itself: the source would take it back.

        Raises:
            NotFound: there is none.
            PreconditionFailed: it is not as expected; nothing has changed.
            Conflict: another film has the IMDb id.
        """
        with self._unit_of_work() as uow:
            movie = _get(uow, reference)
            if not is_expected(movie.document):
                raise PreconditionFailed("The film has changed since: get it again.")
            facts = movie_facts(movie.document)
            changed = dataclasses.replace(facts, **changes)
            if changed != facts:
                movie = uow.movies.update(movie.id, changed)
                fields = [name for name in changes if changes[name] != getattr(facts, name)]
                by.note(uow, "movie.changed", f"/movies/{movie.id}", fields)
            if is_from_source:
                uow.movie_checks.put_many([check_of(movie.id, changed, utc_now())])
            else:
                uow.movie_checks.remove_many([movie.id])
            by.keep(uow, result := ChangedMovie(movie, uow.movies.revision()))
            uow.commit()
        return result

    @retried_when_busy
    def remove(
        self,
        reference: ById | ByImdbId,
        by: Caller,
        is_expected: Callable[[bytes], bool] = lambda _document: True,
    ) -> int:
        """Remove the film, commit, and return the revision that does not have it any more.

        Raises:
            NotFound: there is none.
            PreconditionFailed: it is not as expected; it stays.
        """
        with self._unit_of_work() as uow:
            movie = _get(uow, reference)
            if not is_expected(movie.document):
                raise PreconditionFailed("The film has changed since: get it again.")
            uow.movies.remove(movie.id)
            by.note(uow, "movie.removed", f"/movies/{movie.id}")
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


def _find_by_title(uow: UnitOfWork, title: str, year: int | None) -> FoundMovie:
    movies = uow.movies.find_by_title(title, year)
    if not movies:
        raise NotFound("No movie has this title; POST /movies fetches it.")
    return FoundMovie(movies[0], movies[1:])
