"""Contract tests of fetch jobs, movie refreshes and the upstream state."""

import dataclasses
import datetime as dt

import pytest

from common.errors import Conflict, NotFound
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState, Lease
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieRefresh
from data_layer.entities.upstream_state import UpstreamState
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

NOW = dt.datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
MINE, YOURS = Lease("1" * 32, NOW + SECOND), Lease("2" * 32, NOW + SECOND)


def a_fetch(number: int = 0, **fields: object) -> Fetch:
    """Return a queued fetch job; another number gives another deduplication key."""
    fetch = Fetch(
        deduplication_key=bytes([number] * 32),
        title=f"Movie {number}",
        year=1979,
        caller="key:0123abcd",
        address="192.0.2.1",
        request_id="abc",
        created_at=NOW,
        due_at=NOW,
    )
    return dataclasses.replace(fetch, **fields)  # type: ignore[arg-type]  # Any fields.


def add(unit_of_work: UnitOfWorkFactory, *fetches: Fetch) -> tuple[Fetch, ...]:
    with unit_of_work() as uow:
        added = uow.fetches.add_many(fetches)
        uow.commit()
    return added


def ids(fetches: tuple[Fetch, ...]) -> list[int | None]:
    return [fetch.id for fetch in fetches]


def finish(uow: UnitOfWork, fetch: Fetch, state: FetchState = FetchState.FETCHED) -> Fetch:
    finished = dataclasses.replace(fetch, state=state, lease_holder=None, finished_at=NOW)
    uow.fetches.update_many([finished])
    return finished


def test_stores_all_fields_and_lists_newest_first(unit_of_work: UnitOfWorkFactory) -> None:
    failed = a_fetch(
        2,
        imdb_id="tt0078748",
        title=None,
        state=FetchState.FAILED,
        started_at=NOW,
        finished_at=NOW + SECOND,
        attempts=3,
        not_found_count=1,
        movie_id=7,
        error_code="upstream-timeout",
        error_message="OMDb did not answer in time.",
        error_retry_after_seconds=5,
    )
    first, second = add(unit_of_work, a_fetch(1), failed)
    assert dataclasses.replace(second, id=None) == failed
    with unit_of_work(is_read_only=True) as uow:
        assert uow.fetches.list(FetchQuery()) == (second, first)
        assert uow.fetches.list(FetchQuery(limit=1)) == (second,)
        assert uow.fetches.list(FetchQuery(before=second.id)) == (first,)
        assert uow.fetches.list(FetchQuery(state=FetchState.QUEUED)) == (first,)
        assert uow.fetches.get(first.known_id) == first
        assert uow.fetches.counts() == {FetchState.QUEUED: 1, FetchState.FAILED: 1}
        with pytest.raises(NotFound, match="No fetch"):
            uow.fetches.get(999)
    with unit_of_work() as uow:
        assert uow.fetches.get_many([first.known_id, 999, second.known_id]) == (first, second)
        uow.fetches.update_many([])
        uow.fetches.update_many([dataclasses.replace(first, id=999)])
        assert uow.fetches.get_many([999]) == ()
    with pytest.raises(AssertionError, match="no id"):
        _ = failed.known_id


def test_rejects_a_second_open_fetch_with_the_same_key(unit_of_work: UnitOfWorkFactory) -> None:
    (first,) = add(unit_of_work, a_fetch())
    with pytest.raises(Conflict):
        add(unit_of_work, a_fetch())
    with unit_of_work() as uow:
        finish(uow, first)
        (second,) = uow.fetches.add_many([a_fetch()])
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        newest = uow.fetches.find_newest([second.deduplication_key, bytes(32), b"\xff" * 32])
        assert newest == {second.deduplication_key: second}
    add(unit_of_work, *(a_fetch(state=FetchState.FAILED) for _ in range(2)))


def test_claims_each_due_fetch_once_longest_due_first(unit_of_work: UnitOfWorkFactory) -> None:
    late, early, _tomorrow, cancelled = add(
        unit_of_work,
        a_fetch(1),
        a_fetch(2, due_at=NOW - SECOND),
        a_fetch(3, due_at=NOW + SECOND),
        a_fetch(4, state=FetchState.CANCELLED),
    )
    with unit_of_work() as uow:
        claimed = uow.fetches.claim(MINE, NOW, 1)
        assert claimed == (early.started(MINE, NOW),)
        assert (claimed[0].attempts, claimed[0].state) == (1, FetchState.FETCHING)
        assert uow.fetches.claim(YOURS, NOW, 5, fetch_id=cancelled.id) == ()
        assert ids(uow.fetches.claim(YOURS, NOW, 5)) == [late.id]
        assert uow.fetches.claim(YOURS, NOW, 5) == ()
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert uow.fetches.get(early.known_id) == early.started(MINE, NOW)


def test_another_worker_claims_an_expired_lease(unit_of_work: UnitOfWorkFactory) -> None:
    first, second = add(unit_of_work, a_fetch(1), a_fetch(2))
    with unit_of_work() as uow:
        mine = uow.fetches.claim(MINE, NOW, 2)
        assert uow.fetches.find_leased(mine) == mine
        yours = uow.fetches.claim(
            dataclasses.replace(YOURS, until=NOW + 3 * SECOND), NOW + SECOND, 1, second.id
        )
        assert (ids(yours), yours[0].attempts) == ([second.id], 2)
        assert ids(uow.fetches.find_leased(mine)) == [first.id]
        assert uow.fetches.find_leased(yours) == yours
        finish(uow, mine[0])
        assert uow.fetches.find_leased(mine) == ()
        uow.commit()


def test_ignores_times_that_a_wrong_clock_set_far_ahead(unit_of_work: UnitOfWorkFactory) -> None:
    queued, fetching = add(unit_of_work, a_fetch(1, due_at=NOW + dt.timedelta(days=1)), a_fetch(2))
    with unit_of_work() as uow:
        ahead = Lease("3" * 32, NOW + dt.timedelta(days=365))
        assert ids(uow.fetches.claim(ahead, NOW, 1, fetching.id)) == [fetching.id]
        assert ids(uow.fetches.claim(MINE, NOW, 5)) == [fetching.id, queued.id]


def test_deletes_old_finished_fetches_only(unit_of_work: UnitOfWorkFactory) -> None:
    first, second = add(unit_of_work, a_fetch(1), a_fetch(2))
    with unit_of_work() as uow:
        finish(uow, first)
        uow.fetches.delete_before(NOW)
        assert len(uow.fetches.list(FetchQuery())) == 2
        uow.fetches.delete_before(NOW + SECOND)
        assert uow.fetches.list(FetchQuery()) == (second,)


def test_lists_and_keeps_seeds(unit_of_work: UnitOfWorkFactory) -> None:
    seeds = add(unit_of_work, a_fetch(2, is_seed=True), a_fetch(1, is_seed=True))
    add(unit_of_work, a_fetch(3))
    with unit_of_work() as uow:
        assert uow.fetches.list_seeds() == seeds
        finish(uow, seeds[0])
        uow.fetches.delete_before(NOW + SECOND)
        assert ids(uow.fetches.list_seeds()) == ids(seeds)


def test_claims_due_movie_refreshes_once(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        movies = uow.movies.add_many([MovieFacts(title=f"Movie {each}") for each in range(3)])
        refreshes = [
            MovieRefresh(movie_id=movie.id, fetched_at=NOW, due_at=NOW + number * SECOND)
            for number, movie in enumerate(movies)
        ]
        uow.movie_refreshes.put_many(())
        uow.movie_refreshes.put_many(refreshes)
        uow.movie_refreshes.put_many(refreshes[::-1])
        uow.commit()
    with unit_of_work() as uow:
        now, until = NOW + SECOND, NOW + 9 * SECOND
        assert uow.movie_refreshes.claim(now, until, 1) == (refreshes[0],)
        assert uow.movie_refreshes.claim(now, until, 5) == (refreshes[1],)
        assert uow.movie_refreshes.claim(now, until, 5) == ()
        assert uow.movie_refreshes.find(movies[0].id) == dataclasses.replace(
            refreshes[0], due_at=until
        )
        uow.movie_refreshes.remove_many([movies[2].id])
        assert uow.movie_refreshes.find(movies[2].id) is None
        uow.movies.remove(movies[0].id)
        uow.commit()
    with unit_of_work() as uow:
        assert uow.movie_refreshes.find(movies[0].id) is None
        assert uow.movie_refreshes.find(movies[1].id) is not None


def test_replaces_the_upstream_state(unit_of_work: UnitOfWorkFactory) -> None:
    state = UpstreamState(
        quota_day=NOW.date(),
        quota_used=3,
        failures=2,
        circuit_open_until=NOW,
        error_code="upstream-quota-exceeded",
        error_message="Daily OMDb quota used up.",
    )
    with unit_of_work() as uow:
        assert uow.upstream_state.find() is None
        uow.upstream_state.put(UpstreamState(quota_day=NOW.date()))
        uow.upstream_state.put(state)
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert uow.upstream_state.find() == state
    assert state.quota_used_on(NOW.date()) == 3
    assert state.quota_used_on(NOW.date() + dt.timedelta(days=1)) == 0
