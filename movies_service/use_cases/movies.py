"""Reading films, and removing them."""

from dataclasses import dataclass

from common.errors import NotFound
from data_layer.entities.movie import StoredMovie
from data_layer.entities.movie_query import MoviePage, MovieQuery
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy
from movies_service.use_cases.movie_reference import ById, ByImdbId, ByTitle


@dataclass(frozen=True, slots=True)
class FoundMovie:
    """The film that a reference means, and the others that it could have meant."""

    movie: StoredMovie
    alternates: tuple[StoredMovie, ...] = ()


class Movies:
    """The films of the catalogue, for those who read and remove them."""

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
    def remove(self, reference: ById | ByImdbId) -> int:
        """Remove the film, commit, and return the revision that does not have it any more.

        Raises:
            NotFound: there is none.
        """
        with self._unit_of_work() as uow:
            uow.movies.remove(_get(uow, reference).id)
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
