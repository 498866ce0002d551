"""The wishes of the catalogue: made, joined, taken, and settled with their films."""

import dataclasses
import datetime as dt
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import stamina

from common.clock import Clock, utc_now
from common.errors import Conflict, error_of
from data_fetcher.fetch_queue.completion import Outcome, Settled, Settling, to_waiting
from data_fetcher.fetch_queue.deduplication import ABSENCE_HOURS, Joining, by_key
from data_fetcher.fetch_queue.deduplication_key import Wisher, find_wished, wish_key
from data_fetcher.omdb.lookups import Wish
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState, Lease
from data_layer.entities.movie import StoredMovie
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from data_layer.retries import retried_when_busy

LEASE_SECONDS = 60
"""How long whoever fetches has, before somebody else does: much longer than a fetch takes."""

DIRECT_LEASE_SECONDS = 8
"""How long somebody has who waits, before others who wait fetch it themselves."""

KEPT_DAYS = 30
"""How long a wish is kept once it is done."""

_once_more = stamina.retry(on=Conflict, attempts=4, timeout=5, wait_initial=0.01, wait_max=0.1)
"""Somebody else has made the same wish meanwhile, which is then joined."""

Announce = Callable[[Sequence[int]], None]
"""Tells whoever fetches to look at the wishes with these ids: the port of an engine.

Nothing depends on it: a wish that nobody was told of is found later.
"""


def announce_to_nobody(_fetch_ids: Sequence[int]) -> None:
    """Let wishes be found by those who look."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A wish of somebody who waits."""

    fetch: Fetch
    is_own: bool
    """Whether whoever waits is the one to fetch it; else somebody else does already."""


class Fetches:
    """The wishes, for those who make and those who fulfil them.

    Args:
        unit_of_work: opens transactions.
        announce: is called with the ids of new wishes, once they are stored.
        absence_hours: for how long what the source does not have is not asked for again.
        lease_seconds: how long whoever fetches has.
        clock: in UTC.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        announce: Announce = announce_to_nobody,
        *,
        absence_hours: Sequence[int] = ABSENCE_HOURS,
        lease_seconds: float = LEASE_SECONDS,
        clock: Clock = utc_now,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._announce = announce
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._joining = Joining(absence_hours, clock)
        self._settling = Settling(unit_of_work, clock)

    @_once_more
    @retried_when_busy
    def wish(
        self,
        wishes: Sequence[Wish],
        by: Wisher,
        on_done: Callable[[UnitOfWork, tuple[Fetch, ...]], None] = lambda _uow, _fetches: None,
    ) -> tuple[Fetch, ...]:
        """Store wishes and return them in their order; commits.

        What is in the catalogue, wished for already, or not to be had is joined.

        Args:
            wishes: at least one.
            by: who wishes.
            on_done: is given the result in the same transaction.
        """
        keyed = by_key(wishes)
        with self._unit_of_work() as uow:
            newest = uow.fetches.newest(keyed)
            films = {key: find_wished(uow, wish) for key, wish in keyed.items()}
            joined = {
                key: fetch
                for key, fetch in newest.items()
                if self._joining.is_joined(fetch, films[key])
            }
            new = [
                self._joining.new(wish, by, newest.get(key), films[key])
                for key, wish in keyed.items()
                if key not in joined
            ]
            added = uow.fetches.add_many(new) if new else ()
            joined.update((fetch.wish_key, fetch) for fetch in added)
            result = tuple(joined[wish_key(wish)] for wish in wishes)
            on_done(uow, result)
            if waiting := [fetch.known_id for fetch in added if fetch.state.is_open]:
                uow.after_commit(lambda: self._announce(waiting))
            uow.commit()
        return result

    def count_new(self, wishes: Sequence[Wish]) -> int:
        """Return how many of the wishes would make somebody ask the source."""
        keyed = by_key(wishes)
        with self._unit_of_work(is_read_only=True) as uow:
            newest = uow.fetches.newest(keyed)
            missing = [key for key, wish in keyed.items() if find_wished(uow, wish) is None]
            return sum(
                key not in newest or not self._joining.is_joined(newest[key], None)
                for key in missing
            )

    @_once_more
    @retried_when_busy
    def begin(self, wish: Wish, by: Wisher) -> Begun:
        """Store the wish of somebody who waits, and lease it to them; commits.

        If somebody else fetches it at this moment, or has just done so, theirs is joined; if they
        have not come to an end in time, it is taken over.

        Raises:
            NotFound: the source did not have it a short time ago.
        """
        with self._unit_of_work() as uow:
            key = wish_key(wish)
            newest = uow.fetches.newest([key]).get(key)
            now = self._clock()
            lease = self._lease(now, min(DIRECT_LEASE_SECONDS, self._lease_seconds))
            if (movie := find_wished(uow, wish)) is not None:
                return self._begun_before(uow, wish, by, newest, movie)
            if newest is not None and self._joining.is_absent(newest):
                raise error_of("not-found", newest.error_message or "")
            if newest is None or not newest.state.is_open:
                fetch = self._joining.new(wish, by, newest, None).begun(lease, now)
                (fetch,) = uow.fetches.add_many([fetch])
            else:
                fetch = uow.fetches.get(newest.known_id)
                if not fetch.state.is_open or fetch.is_leased_at(now):
                    return Begun(fetch, is_own=False)
                fetch = fetch.begun(lease, now)
                uow.fetches.update_many([fetch])
            uow.commit()
        return Begun(fetch, is_own=True)

    def _begun_before(
        self, uow: UnitOfWork, wish: Wish, by: Wisher, newest: Fetch | None, movie: StoredMovie
    ) -> Begun:
        """Return the wish of a film that is there, since whoever waits looked for it."""
        if newest is None or not self._joining.is_joined(newest, movie):
            (newest,) = uow.fetches.add_many([self._joining.new(wish, by, newest, movie)])
            uow.commit()
        return Begun(newest, is_own=False)

    @retried_when_busy
    def claim(self, limit: int, fetch_id: int | None = None) -> tuple[Fetch, ...]:
        """Take wishes that are due, or that somebody has left lying; commits."""
        now = self._clock()
        with self._unit_of_work() as uow:
            if claimed := uow.fetches.claim(
                self._lease(now, self._lease_seconds), now, limit, fetch_id
            ):
                uow.commit()
        return claimed

    def settle(
        self,
        outcomes: Sequence[tuple[Fetch, Outcome]],
        on_stored: Callable[[UnitOfWork, Settled], None] = lambda _uow, _settled: None,
        pause_seconds: float | None = None,
    ) -> tuple[Settled, ...]:
        """Store what came of wishes, and the films; see `Settling.run`."""
        return self._settling.run(outcomes, on_stored, pause_seconds)

    @retried_when_busy
    def release(self, fetches: Sequence[Fetch]) -> None:
        """Give back wishes that were taken and not begun; commits."""
        if not fetches:
            return
        with self._unit_of_work() as uow:
            held = uow.fetches.held(fetches)
            now = self._clock()
            uow.fetches.update_many([to_waiting(each, now, each.attempts - 1) for each in held])
            uow.commit()

    def get(self, fetch_id: int) -> Fetch:
        """Return the wish with this id.

        Raises:
            NotFound: there is none.
        """
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.fetches.get(fetch_id)

    def get_many(self, fetch_ids: Sequence[int]) -> tuple[Fetch, ...]:
        """Return the wishes with these ids, in no order."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.fetches.get_many(fetch_ids)

    def list(self, query: FetchQuery) -> tuple[Fetch, ...]:
        """Return the wishes that are asked for, newest first."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.fetches.list(query)

    def counts(self) -> Mapping[FetchState, int]:
        """Return how many wishes are in each state, of those that have any."""
        with self._unit_of_work(is_read_only=True) as uow:
            return uow.fetches.counts()

    @retried_when_busy
    def retry(
        self,
        fetch_id: int,
        on_done: Callable[[UnitOfWork, Fetch], None] = lambda _uow, _fetch: None,
    ) -> Fetch:
        """Have a wish tried again that came to nothing; commits. One that is open stays so.

        Raises:
            NotFound: there is none.
            Conflict: it was fetched, or a newer wish for the same is open.
        """
        with self._unit_of_work() as uow:
            fetch = uow.fetches.get(fetch_id)
            if fetch.state is FetchState.FETCHED:
                raise Conflict("The film was fetched: POST /movies/{id}/refresh does it again.")
            if not fetch.state.is_open:
                newest = uow.fetches.newest([fetch.wish_key])[fetch.wish_key]
                if newest.state.is_open:
                    raise Conflict("A newer wish for the same film is open.")
                fetch = to_waiting(fetch, self._clock(), attempts=0)
                uow.fetches.update_many([fetch])
                uow.after_commit(lambda: self._announce([fetch.known_id]))
            on_done(uow, fetch)
            uow.commit()
        return fetch

    @retried_when_busy
    def cancel(
        self,
        fetch_id: int,
        on_done: Callable[[UnitOfWork, Fetch], None] = lambda _uow, _fetch: None,
    ) -> Fetch:
        """Take a wish back; commits. What was fetched at this moment is not stored.

        Raises:
            NotFound: there is none.
            Conflict: it is done.
        """
        with self._unit_of_work() as uow:
            fetch = uow.fetches.get(fetch_id)
            if fetch.state is not FetchState.CANCELLED:
                if not fetch.state.is_open:
                    raise Conflict("It is done, and can't be cancelled.")
                fetch = dataclasses.replace(
                    to_waiting(fetch, self._clock(), fetch.attempts),
                    state=FetchState.CANCELLED,
                    finished_at=self._clock(),
                )
                uow.fetches.update_many([fetch])
            on_done(uow, fetch)
            uow.commit()
        return fetch

    @retried_when_busy
    def forget(self) -> None:
        """Remove the wishes that are done for long; commits."""
        with self._unit_of_work() as uow:
            uow.fetches.forget(self._clock() - dt.timedelta(days=KEPT_DAYS))
            uow.commit()

    def _lease(self, now: dt.datetime, seconds: float) -> Lease:
        return Lease(secrets.token_hex(16), now + dt.timedelta(seconds=seconds))
