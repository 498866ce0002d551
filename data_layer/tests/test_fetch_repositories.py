"""Wishes, checks of films and the state of the source: in memory and in every database."""

import dataclasses
import datetime as dt

import pytest

from common.errors import Conflict, NotFound
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState, Lease
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieCheck
from data_layer.entities.upstream_state import Upstream
from data_layer.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

NOW = dt.datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
MINE, YOURS = Lease("1" * 32, NOW + SECOND), Lease("2" * 32, NOW + SECOND)


def a_wish(number: int = 0, **fields: object) -> Fetch:
    """A wish for a film of its own."""
    wish = Fetch(
        wish_key=bytes([number] * 32),
        title=f"Film {number}",
        year=1979,
        caller="key:0123abcd",
        address="192.0.2.1",
        request_id="abc",
        created_at=NOW,
        due_at=NOW,
    )
    return dataclasses.replace(wish, **fields)  # type: ignore[arg-type]  # Of any fields.


def add(unit_of_work: UnitOfWorkFactory, *fetches: Fetch) -> tuple[Fetch, ...]:
    with unit_of_work() as uow:
        added = uow.fetches.add_many(fetches)
        uow.commit()
    return added


def ids(fetches: tuple[Fetch, ...]) -> list[int | None]:
    return [fetch.id for fetch in fetches]


def finish(uow: UnitOfWork, fetch: Fetch, state: FetchState = FetchState.FETCHED) -> Fetch:
    done = dataclasses.replace(fetch, state=state, lease=None, finished_at=NOW)
    uow.fetches.update_many([done])
    return done


def test_wishes_are_kept_whole_and_listed_newest_first(unit_of_work: UnitOfWorkFactory) -> None:
    wish = a_wish(
        2,
        imdb_id="tt0078748",
        title=None,
        state=FetchState.FAILED,
        started_at=NOW,
        finished_at=NOW + SECOND,
        attempts=3,
        absences=1,
        film_id=7,
        error_code="upstream-timeout",
        error_message="OMDb did not answer in time.",
        error_retry_after_seconds=5,
    )
    first, second = add(unit_of_work, a_wish(1), wish)
    assert dataclasses.replace(second, id=None) == wish
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
        _ = wish.known_id


def test_of_one_wish_at_most_one_is_open(unit_of_work: UnitOfWorkFactory) -> None:
    (first,) = add(unit_of_work, a_wish())
    with pytest.raises(Conflict):
        add(unit_of_work, a_wish())
    with unit_of_work() as uow:
        finish(uow, first)
        (second,) = uow.fetches.add_many([a_wish()])
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        newest = uow.fetches.newest([second.wish_key, bytes(32), b"\xff" * 32])
        assert newest == {second.wish_key: second}
    add(unit_of_work, *(a_wish(state=FetchState.FAILED) for _ in range(2)))


def test_what_is_due_is_taken_once_the_longest_due_first(unit_of_work: UnitOfWorkFactory) -> None:
    late, early, _tomorrow, cancelled = add(
        unit_of_work,
        a_wish(1),
        a_wish(2, due_at=NOW - SECOND),
        a_wish(3, due_at=NOW + SECOND),
        a_wish(4, state=FetchState.CANCELLED),
    )
    with unit_of_work() as uow:
        taken = uow.fetches.claim(MINE, NOW, 1)
        assert taken == (early.begun(MINE, NOW),)
        assert (taken[0].attempts, taken[0].state) == (1, FetchState.FETCHING)
        assert uow.fetches.claim(YOURS, NOW, 5, fetch_id=cancelled.id) == ()
        assert ids(uow.fetches.claim(YOURS, NOW, 5)) == [late.id]
        assert uow.fetches.claim(YOURS, NOW, 5) == ()
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert uow.fetches.get(early.known_id) == early.begun(MINE, NOW)


def test_a_lease_that_has_run_out_is_taken_over(unit_of_work: UnitOfWorkFactory) -> None:
    first, second = add(unit_of_work, a_wish(1), a_wish(2))
    with unit_of_work() as uow:
        mine = uow.fetches.claim(MINE, NOW, 2)
        assert uow.fetches.held(mine) == mine
        yours = uow.fetches.claim(
            dataclasses.replace(YOURS, until=NOW + 3 * SECOND), NOW + SECOND, 1, second.id
        )
        assert (ids(yours), yours[0].attempts) == ([second.id], 2)
        assert ids(uow.fetches.held(mine)) == [first.id]
        assert uow.fetches.held(yours) == yours
        finish(uow, mine[0])
        assert uow.fetches.held(mine) == ()
        uow.commit()


def test_a_clock_that_was_wrong_holds_nothing_up(unit_of_work: UnitOfWorkFactory) -> None:
    queued, fetching = add(unit_of_work, a_wish(1, due_at=NOW + dt.timedelta(days=1)), a_wish(2))
    with unit_of_work() as uow:
        ahead = Lease("3" * 32, NOW + dt.timedelta(days=365))
        assert ids(uow.fetches.claim(ahead, NOW, 1, fetching.id)) == [fetching.id]
        assert ids(uow.fetches.claim(MINE, NOW, 5)) == [fetching.id, queued.id]


def test_wishes_are_forgotten_once_they_are_old_and_done(unit_of_work: UnitOfWorkFactory) -> None:
    first, second = add(unit_of_work, a_wish(1), a_wish(2))
    with unit_of_work() as uow:
        finish(uow, first)
        uow.fetches.forget(NOW)
        assert len(uow.fetches.list(FetchQuery())) == 2
        uow.fetches.forget(NOW + SECOND)
        assert uow.fetches.list(FetchQuery()) == (second,)


def test_films_are_looked_at_again_when_they_are_due(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        films = uow.movies.add_many([MovieFacts(title=f"Film {each}") for each in range(3)])
        checks = [
            MovieCheck(movie_id=film.id, checked_at=NOW, due_at=NOW + number * SECOND)
            for number, film in enumerate(films)
        ]
        uow.movie_checks.put_many(())
        uow.movie_checks.put_many(checks)
        uow.movie_checks.put_many(checks[::-1])
        uow.commit()
    with unit_of_work() as uow:
        now, until = NOW + SECOND, NOW + 9 * SECOND
        assert uow.movie_checks.claim(now, until, 1) == (checks[0],)
        assert uow.movie_checks.claim(now, until, 5) == (checks[1],)
        assert uow.movie_checks.claim(now, until, 5) == ()
        assert uow.movie_checks.find(films[0].id) == dataclasses.replace(checks[0], due_at=until)
        uow.movie_checks.remove_many([films[2].id])
        assert uow.movie_checks.find(films[2].id) is None
        uow.movies.remove(films[0].id)
        uow.commit()
    with unit_of_work() as uow:
        assert uow.movie_checks.find(films[0].id) is None
        assert uow.movie_checks.find(films[1].id) is not None


def test_the_state_of_the_source_is_one(unit_of_work: UnitOfWorkFactory) -> None:
    state = Upstream(
        day=NOW.date(),
        spent=3,
        failures=2,
        closed_until=NOW,
        error_code="upstream-quota",
        error_message="Spent.",
    )
    with unit_of_work() as uow:
        assert uow.upstream.find() is None
        uow.upstream.put(Upstream(day=NOW.date()))
        uow.upstream.put(state)
        uow.commit()
    with unit_of_work(is_read_only=True) as uow:
        assert uow.upstream.find() == state
    assert state.spent_on(NOW.date()) == 3
    assert state.spent_on(NOW.date() + dt.timedelta(days=1)) == 0
