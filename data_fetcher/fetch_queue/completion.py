"""What came of wishes, stored in one transaction with the films."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.clock import Clock
from common.errors import (
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    UpstreamInvalid,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamUnavailable,
)
from common.text import match_key
from data_fetcher.film_checks import check_of
from data_layer.audit_log import write_audit
from data_layer.entities.audit_entry import AuditEntry
from data_layer.entities.fetch import Fetch, FetchState
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_document import movie_facts
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy

WAIT_SECONDS = 60
"""How long a wish waits that could not be begun, where nobody says how long."""
_WAIT_MAX_SECONDS = 3_600

TURNS_MAX = 5
"""How often a wish is begun at most while the source has trouble."""

_NO_TURN = (UpstreamQuota, UpstreamRefused, DatabaseUnavailable)
"""Errors with which nobody would be served; a wish that got one has not had its turn."""

Outcome = MovieFacts | MoviesError


@dataclass(frozen=True, slots=True)
class Settled:
    """A wish as it is now, and its film.

    Args:
        fetch: the wish.
        movie: what came of it.
        is_new: whether this wish has brought the film in.
        revision: of a catalogue that has the film.
    """

    fetch: Fetch
    movie: StoredMovie | None = None
    is_new: bool = False
    revision: int = 0


class Settling:
    """Stores outcomes.

    Args:
        unit_of_work: opens transactions.
        clock: in UTC.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    @retried_when_busy
    def run(
        self,
        outcomes: Sequence[tuple[Fetch, Outcome]],
        on_stored: Callable[[UnitOfWork, Settled], None],
        pause_seconds: float | None,
    ) -> tuple[Settled, ...]:
        """Store outcomes, and return the wishes that were still whose who fetched them.

        The films and the marks that the wishes are done share one transaction. A wish that
        somebody else has taken over, or that was cancelled, is left to them.

        Args:
            outcomes: of wishes that were taken; films or errors.
            on_stored: is given each film's wish in the same transaction.
            pause_seconds: for how long the source is left alone by now: wishes that failed for
                that reason wait as long. `None` where somebody waits for the answer.

        Raises:
            Conflict: somebody else has stored one of the films meanwhile.
            DatabaseUnavailable: nothing was stored.
        """
        by_id = {fetch.known_id: outcome for fetch, outcome in outcomes}
        with self._unit_of_work() as uow:
            held = uow.fetches.held([fetch for fetch, _outcome in outcomes])
            films = self._store(uow, [by_id[fetch.known_id] for fetch in held])
            revision = uow.movies.revision()
            done = []
            for fetch in held:
                outcome = by_id[fetch.known_id]
                if isinstance(outcome, MovieFacts):
                    settled = self._fulfil(fetch, films[_name_of(outcome)], revision)
                else:
                    settled = Settled(self._fail(fetch, outcome, pause_seconds))
                if settled.movie is not None:
                    on_stored(uow, settled)
                done.append(settled)
            uow.fetches.update_many([settled.fetch for settled in done])
            write_audit(uow, *(self._entry_of(settled) for settled in done if settled.is_new))
            uow.commit()
        return tuple(done)

    def _store(self, uow: UnitOfWork, outcomes: Sequence[Outcome]) -> dict[str, "_Film"]:
        """Store the films that are new, each once; return all that came."""
        came = {_name_of(facts): facts for facts in outcomes if isinstance(facts, MovieFacts)}
        known = uow.movies.find_many_by_imdb_id(came) if came else {}
        films = {name: _Film(movie, came[name]) for name, movie in known.items()}
        new = {name: facts for name, facts in came.items() if name not in known}
        if new:
            stored = dict(zip(new, uow.movies.add_many(list(new.values())), strict=True))
            films.update((name, _Film(stored[name], new[name], is_new=True)) for name in new)
            now = self._clock()
            uow.movie_checks.put_many(check_of(stored[name].id, new[name], now) for name in new)
        return films

    def _fulfil(self, fetch: Fetch, film: "_Film", revision: int) -> Settled:
        if film.is_another:
            error = UpstreamInvalid("OMDb answered with the IMDb id of another film.")
            return Settled(self._fail(fetch, error, None))
        is_new, film.is_new = film.is_new, False  # Of several wishes for one film the first.
        fulfilled = dataclasses.replace(
            self._ended(fetch, FetchState.FETCHED), film_id=film.movie.id, absences=0
        )
        return Settled(fulfilled, film.movie, is_new, revision)

    def _entry_of(self, settled: Settled) -> AuditEntry:
        return AuditEntry(
            at=self._clock(),
            action="movie.created",
            subject=f"/movies/{settled.fetch.film_id}",
            caller=settled.fetch.caller,
            address=settled.fetch.address,
            request_id=settled.fetch.request_id,
        )

    def _fail(self, fetch: Fetch, error: MoviesError, pause_seconds: float | None) -> Fetch:
        if seconds := _wait_seconds(fetch, error, pause_seconds):
            due_at = self._clock() + dt.timedelta(seconds=seconds)
            had_turn = not isinstance(error, _NO_TURN)
            return to_waiting(fetch, due_at, fetch.attempts - 1 + had_turn)
        is_absent = isinstance(error, NotFound)
        return dataclasses.replace(
            self._ended(fetch, FetchState.NOT_FOUND if is_absent else FetchState.FAILED),
            absences=fetch.absences + 1 if is_absent else 0,
            error_code=error.code,
            error_message=error.message,
            error_retry_after_seconds=error.retry_after_seconds,
        )

    def _ended(self, fetch: Fetch, state: FetchState) -> Fetch:
        return dataclasses.replace(
            fetch, state=state, finished_at=self._clock(), lease=None, leased_until=None
        )


def to_waiting(fetch: Fetch, due_at: dt.datetime, attempts: int) -> Fetch:
    """Return a wish as it is when it waits for its turn."""
    return dataclasses.replace(
        fetch,
        state=FetchState.QUEUED,
        due_at=due_at,
        attempts=attempts,
        lease=None,
        leased_until=None,
        finished_at=None,
        error_code=None,
        error_message=None,
        error_retry_after_seconds=None,
    )


@dataclass(slots=True)
class _Film:
    """A film of the catalogue, and what the source has said."""

    movie: StoredMovie
    facts: MovieFacts
    is_new: bool = False

    @property
    def is_another(self) -> bool:
        """Whether the source has given a film the IMDb id of another one."""
        if self.is_new or (known := movie_facts(self.movie.document)) == self.facts:
            return False
        is_titled = match_key(known.title) == match_key(self.facts.title)
        return not is_titled and known.year != self.facts.year


def _name_of(facts: MovieFacts) -> str:
    return facts.imdb_id or f"{facts.title}\n{facts.year}"


def _wait_seconds(fetch: Fetch, error: MoviesError, pause_seconds: float | None) -> float:
    """Return for how long a wish waits that failed through no fault of its own; 0 for not."""
    if pause_seconds is None:
        return 0
    seconds = max(pause_seconds, error.retry_after_seconds or WAIT_SECONDS)
    if isinstance(error, _NO_TURN):
        return min(seconds, _WAIT_MAX_SECONDS)
    is_of_source = isinstance(error, UpstreamUnavailable) and not isinstance(error, UpstreamInvalid)
    return seconds if is_of_source and pause_seconds and fetch.attempts < TURNS_MAX else 0
