"""Completion of fetches, in one transaction with the movies that they fetched."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from common.clock import Clock
from common.errors import (
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    UpstreamBadResponse,
    UpstreamQuotaExceeded,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from common.text import match_key
from data_layer.audit_log import write_audit
from data_layer.entities.audit_entry import AuditEntry
from data_layer.entities.fetch import Fetch, FetchState
from data_layer.entities.movie import MovieFacts, StoredMovie
from data_layer.entities.movie_refresh import schedule_refresh
from data_layer.entities.movie_serialization import parse_facts
from data_layer.ports.result_recorder import ResultRecorder
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.transaction_retries import retried_when_busy

DELAY_SECONDS = 60
"""Minimum delay before a requeued fetch is retried, if the error has no Retry-After."""

ATTEMPTS_MAX = 5
"""Maximum number of attempts of a fetch that fails while OMDb requests are paused."""

_NOT_COUNTED = (UpstreamQuotaExceeded, UpstreamUnauthorized, DatabaseUnavailable)
"""Errors unrelated to the requested movie. They do not count as an attempt."""

Outcome = MovieFacts | MoviesError


@dataclass(frozen=True, slots=True)
class CompletedFetch:
    """State of a fetch after its completion, and the movie that it fetched.

    Args:
        movie: The stored movie; None if the fetch failed or was requeued.
        is_new: Whether this fetch added the movie to the catalogue.
        revision: Revision of a catalogue that contains the movie; 0 without a movie.
    """

    fetch: Fetch
    movie: StoredMovie | None = None
    is_new: bool = False
    revision: int = 0


class FetchCompleter:
    """Storage of the outcomes of fetches.

    Args:
        clock: Returns the current time in UTC.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    @retried_when_busy
    def run(
        self,
        outcomes: Sequence[tuple[Fetch, Outcome]],
        record: ResultRecorder[CompletedFetch],
        seconds_until_admitted: float | None,
    ) -> tuple[CompletedFetch, ...]:
        """Store outcomes, and return the fetches whose lease this process still held; commit.

        Movies and fetches are stored in one transaction. A fetch that another process has taken
        over, or that was cancelled, is not changed.

        Args:
            outcomes: Leased fetches, each with its movie or its error.
            record: stores each fetch that has a movie, in the same transaction.
            seconds_until_admitted: Seconds until OMDb requests are admitted again, 0 for now.
                A fetch that was refused, or failed for a reason unrelated to its movie, is
                requeued. None means that a client waits: no fetch is requeued.

        Raises:
            Conflict: Another transaction stored one of the movies concurrently.
            DatabaseUnavailable: Nothing was stored.
        """
        by_id = {fetch.known_id: outcome for fetch, outcome in outcomes}
        with self._unit_of_work() as uow:
            leased = uow.fetches.find_leased([fetch for fetch, _outcome in outcomes])
            movies = self._store(uow, [by_id[fetch.known_id] for fetch in leased])
            revision = uow.movies.revision()
            done = []
            for fetch in leased:
                outcome = by_id[fetch.known_id]
                if isinstance(outcome, MovieFacts):
                    completed = self._succeed(fetch, movies[_movie_key(outcome)], revision)
                else:
                    completed = CompletedFetch(self._fail(fetch, outcome, seconds_until_admitted))
                if completed.movie is not None:
                    record(uow, completed)
                done.append(completed)
            uow.fetches.update_many([completed.fetch for completed in done])
            write_audit(
                uow, *(self._audit_entry(completed) for completed in done if completed.is_new)
            )
            uow.commit()
        return tuple(done)

    def _store(self, uow: UnitOfWork, outcomes: Sequence[Outcome]) -> dict[str, "_FetchedMovie"]:
        """Store each new movie once, and return all fetched movies by key."""
        fetched = {_movie_key(facts): facts for facts in outcomes if isinstance(facts, MovieFacts)}
        existing = uow.movies.find_many_by_imdb_id(fetched) if fetched else {}
        movies = {key: _FetchedMovie(movie, fetched[key]) for key, movie in existing.items()}
        new = {key: facts for key, facts in fetched.items() if key not in existing}
        if new:
            stored = dict(zip(new, uow.movies.add_many(list(new.values())), strict=True))
            movies.update((key, _FetchedMovie(stored[key], new[key], is_new=True)) for key in new)
            now = self._clock()
            uow.movie_refreshes.put_many(
                schedule_refresh(stored[key].id, new[key], now) for key in new
            )
        return movies

    def _succeed(self, fetch: Fetch, movie: "_FetchedMovie", revision: int) -> CompletedFetch:
        if movie.is_mismatch:
            error = UpstreamBadResponse("OMDb returned this movie with the IMDb id of another one.")
            return CompletedFetch(self._fail(fetch, error, None))
        is_new, movie.is_new = movie.is_new, False  # Only the first of several fetches added it.
        fetched = dataclasses.replace(
            self._finished(fetch, FetchState.FETCHED), movie_id=movie.movie.id, not_found_count=0
        )
        return CompletedFetch(fetched, movie.movie, is_new, revision)

    def _audit_entry(self, completed: CompletedFetch) -> AuditEntry:
        return AuditEntry(
            at=self._clock(),
            action="movie.created",
            subject=f"/movies/{completed.fetch.movie_id}",
            caller=completed.fetch.caller,
            address=completed.fetch.address,
            request_id=completed.fetch.request_id,
        )

    def _fail(
        self, fetch: Fetch, error: MoviesError, seconds_until_admitted: float | None
    ) -> Fetch:
        if error.is_refusal and seconds_until_admitted is not None:
            # It keeps its place. No worker claims it during a pause, which a restart may end early.
            return requeued(fetch, fetch.due_at, fetch.attempts - 1)
        if seconds := _requeue_seconds(fetch, error, seconds_until_admitted):
            due_at = self._clock() + dt.timedelta(seconds=seconds)
            is_counted = not isinstance(error, _NOT_COUNTED)
            return requeued(fetch, due_at, fetch.attempts - 1 + is_counted)
        is_not_found = isinstance(error, NotFound)
        return dataclasses.replace(
            self._finished(fetch, FetchState.NOT_FOUND if is_not_found else FetchState.FAILED),
            not_found_count=fetch.not_found_count + 1 if is_not_found else 0,
            error_code=error.code,
            error_message=error.message,
            error_retry_after_seconds=error.retry_after_seconds,
        )

    def _finished(self, fetch: Fetch, state: FetchState) -> Fetch:
        return dataclasses.replace(
            fetch, state=state, finished_at=self._clock(), lease_holder=None, lease_expires_at=None
        )


def requeued(fetch: Fetch, due_at: dt.datetime, attempts: int) -> Fetch:
    """Return a fetch back in the queue, without lease and error."""
    return dataclasses.replace(
        fetch,
        state=FetchState.QUEUED,
        due_at=due_at,
        attempts=attempts,
        lease_holder=None,
        lease_expires_at=None,
        finished_at=None,
        error_code=None,
        error_message=None,
        error_retry_after_seconds=None,
    )


@dataclass(slots=True)
class _FetchedMovie:
    """Stored movie with the facts that the source returned for it."""

    movie: StoredMovie
    facts: MovieFacts
    is_new: bool = False

    @property
    def is_mismatch(self) -> bool:
        """Whether title and year both differ from the stored movie with the same IMDb id."""
        if self.is_new or (stored := parse_facts(self.movie.document)) == self.facts:
            return False
        has_same_title = match_key(stored.title) == match_key(self.facts.title)
        return not has_same_title and stored.year != self.facts.year


def _movie_key(facts: MovieFacts) -> str:
    return facts.imdb_id or f"{facts.title}\n{facts.year}"


def _requeue_seconds(
    fetch: Fetch, error: MoviesError, seconds_until_admitted: float | None
) -> float:
    """Return the seconds after which a failed fetch is retried; 0 if it is not."""
    if seconds_until_admitted is None:
        return 0
    if isinstance(error, _NOT_COUNTED):
        return DELAY_SECONDS
    seconds = max(seconds_until_admitted, error.retry_after_seconds or DELAY_SECONDS)
    is_outage = isinstance(error, UpstreamUnavailable) and not isinstance(
        error, UpstreamBadResponse
    )
    is_retried = is_outage and seconds_until_admitted and fetch.attempts < ATTEMPTS_MAX
    return seconds if is_retried else 0
