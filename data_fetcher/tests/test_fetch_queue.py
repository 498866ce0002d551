"""Tests of the fetch queue on the fake database, with a fake clock."""

import dataclasses
import datetime as dt

import pytest

from common.errors import (
    Conflict,
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    UpstreamBadResponse,
    UpstreamQuotaExceeded,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from data_fetcher.fetch_queue.completion import ATTEMPTS_MAX, CompletedFetch
from data_fetcher.fetch_queue.deduplication_key import Requester, deduplication_key, lookup_of
from data_fetcher.fetch_queue.messages import parse_message, render_message
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup, TitleLookup
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import schedule_refresh
from data_layer.ports.unit_of_work import UnitOfWork
from data_layer.testing.fakes.unit_of_work import FakeDatabase

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
BRAZIL = MovieFacts(title="Brazil", imdb_id="tt0088846", year=1985)
ALICE = Requester("user:alice", "192.0.2.1", "abc")
MISSING = NotFound("OMDb has no such movie.")


class World:
    """Fetch queue on a fake database, with the ids of the notified fetches and a fake clock."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.notified: list[int] = []
        self.now = NOW
        self.fetches = FetchQueue(self.database, self.notified.extend, clock=lambda: self.now)

    def enqueue(self, *lookups: MovieLookup) -> tuple[Fetch, ...]:
        return self.fetches.enqueue(lookups, ALICE)

    def pass_time(self, **span: float) -> None:
        self.now += dt.timedelta(**span)

    def fetch(self, outcome: MovieFacts | MoviesError, pause: float | None = None) -> Fetch:
        """Claim the one fetch that is due, and complete it with an outcome."""
        (fetch,) = self.fetches.claim(1)
        (completed,) = self.fetches.complete([(fetch, outcome)], seconds_until_admitted=pause)
        return completed.fetch


@pytest.fixture
def world() -> World:
    return World()


def test_a_fetch_is_queued_notified_and_completed(world: World) -> None:
    (fetch,) = world.enqueue(TitleLookup("Alien", 1979))
    assert (fetch.state, fetch.title, fetch.year) == (FetchState.QUEUED, "Alien", 1979)
    assert (fetch.caller, fetch.request_id) == ("user:alice", "abc")
    assert world.notified == [fetch.id]
    done = world.fetch(ALIEN)
    assert (done.state, done.attempts, done.movie_id) == (FetchState.FETCHED, 1, 1)
    assert done.finished_at == NOW
    assert world.database.movies == {1: ALIEN}
    (entry,) = world.database.audit
    assert (entry.action, entry.subject, entry.caller) == (
        "movie.created",
        "/movies/1",
        "user:alice",
    )
    assert world.database.movie_refreshes[1] == schedule_refresh(1, ALIEN, NOW)


def test_equivalent_lookups_share_a_fetch(world: World) -> None:
    first, second, third = world.enqueue(
        TitleLookup("Amélie"), ImdbIdLookup("tt0211915"), TitleLookup("amelie")
    )
    assert first == third != second
    assert world.enqueue(TitleLookup("AMELIE ")) == (first,)
    assert world.notified == [first.id, second.id]
    assert lookup_of(first) == TitleLookup("Amélie")
    assert lookup_of(second) == ImdbIdLookup("tt0211915")
    assert deduplication_key(TitleLookup("Alien", 1979)) != deduplication_key(TitleLookup("Alien"))


def test_a_fetch_for_a_movie_in_the_catalogue_is_finished_at_once(world: World) -> None:
    with world.database() as uow:
        uow.movies.add(ALIEN)
        uow.commit()
    (fetch,) = world.enqueue(TitleLookup("alien"))
    assert (fetch.state, fetch.movie_id, fetch.attempts) == (FetchState.FETCHED, 1, 0)
    assert world.enqueue(TitleLookup("Alien")) == (fetch,)
    assert world.notified == []
    brazil, stalker = TitleLookup("Brazil"), TitleLookup("Stalker")
    missing = world.fetches.find_missing([stalker, TitleLookup("Alien"), brazil, stalker])
    assert missing == (deduplication_key(stalker), deduplication_key(brazil))


def test_looks_all_movies_up_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("data_fetcher.fetch_queue.queue.find_movie")  # One query for each movie.
    with world.database() as uow:
        uow.movies.add(ALIEN)
        uow.commit()
    alien, by_imdb_id = TitleLookup("Alien"), ImdbIdLookup("tt0078748")
    unknown = [TitleLookup(f"Unknown {number}") for number in range(50)]
    missing = world.fetches.find_missing([alien, *unknown, by_imdb_id])
    assert missing == tuple(map(deduplication_key, unknown))
    first, *others, last = world.enqueue(alien, *unknown, by_imdb_id)
    assert (first.movie_id, last.movie_id) == (1, 1)
    assert {fetch.movie_id for fetch in others} == {None}


def test_a_deleted_movie_is_fetched_again(world: World) -> None:
    (first,) = world.enqueue(ImdbIdLookup("tt0078748"))
    world.fetch(ALIEN)
    with world.database() as uow:
        uow.movies.remove(1)
        uow.commit()
    (second,) = world.enqueue(ImdbIdLookup("tt0078748"))
    assert second.id != first.id
    assert second.state is FetchState.QUEUED


def test_a_not_found_result_is_cached_for_hours_then_longer(world: World) -> None:
    lookup = TitleLookup("Nothing")
    (first,) = world.enqueue(lookup)
    assert world.fetch(MISSING).not_found_count == 1
    for hours in (6, 24, 168, 168):
        world.pass_time(hours=hours - 0.01)
        assert world.enqueue(lookup)[0].state is FetchState.NOT_FOUND
        assert world.fetches.find_missing([lookup]) == ()
        with pytest.raises(NotFound, match="OMDb has no such movie"):
            world.fetches.start_or_join(lookup, ALICE)
        world.pass_time(hours=0.02)
        assert world.fetches.find_missing([lookup]) == (deduplication_key(lookup),)
        (requeued,) = world.enqueue(lookup)
        assert requeued.state is FetchState.QUEUED
        not_found = world.fetch(MISSING)
    assert not_found.not_found_count == 5
    assert not_found.id != first.id


def test_the_negative_cache_can_be_disabled(world: World) -> None:
    world.fetches = FetchQueue(world.database, negative_cache_hours=())
    world.enqueue(TitleLookup("Nothing"))
    world.fetch(MISSING)
    assert world.enqueue(TitleLookup("Nothing"))[0].state is FetchState.QUEUED


@pytest.mark.parametrize(
    "error",
    [UpstreamTimeout("Late."), UpstreamUnauthorized("Key."), UpstreamQuotaExceeded("Used up.")],
)
def test_a_failure_is_not_cached(world: World, error: MoviesError) -> None:
    world.enqueue(TitleLookup("Alien"))
    failed = world.fetch(error)
    assert (failed.state, failed.not_found_count) == (FetchState.FAILED, 0)
    assert (failed.error_code, failed.error_message) == (error.code, error.message)
    assert world.enqueue(TitleLookup("Alien"))[0].state is FetchState.QUEUED


def test_the_first_interactive_request_owns_the_fetch_and_others_join(world: World) -> None:
    owned = world.fetches.start_or_join(TitleLookup("Alien"), ALICE)
    assert owned.is_owner
    assert owned.fetch.state is FetchState.FETCHING
    joined = world.fetches.start_or_join(TitleLookup("Alien"), ALICE)
    assert (joined.is_owner, joined.fetch) == (False, owned.fetch)
    assert world.fetches.claim(5) == ()
    assert world.notified == []
    world.pass_time(seconds=61)
    taken_over = world.fetches.start_or_join(TitleLookup("Alien"), ALICE)
    assert taken_over.is_owner
    assert (taken_over.fetch.id, taken_over.fetch.attempts) == (owned.fetch.id, 2)


def test_a_movie_that_was_fetched_concurrently_is_not_fetched_again(world: World) -> None:
    leased = world.fetches.start_or_join(TitleLookup("Alien"), ALICE).fetch
    (fetched,) = world.fetches.complete([(leased, ALIEN)])
    joined = world.fetches.start_or_join(TitleLookup("Alien"), ALICE)
    assert (joined.is_owner, joined.fetch) == (False, fetched.fetch)
    by_imdb_id = world.fetches.start_or_join(ImdbIdLookup("tt0078748"), ALICE)
    assert (by_imdb_id.is_owner, by_imdb_id.fetch.state) == (False, FetchState.FETCHED)
    assert by_imdb_id.fetch.movie_id == fetched.fetch.movie_id
    assert world.fetches.get(by_imdb_id.fetch.known_id) == by_imdb_id.fetch


def test_a_movie_that_was_added_after_a_not_found_result_is_found(world: World) -> None:
    world.enqueue(TitleLookup("Alien"))
    world.fetch(MISSING)
    with world.database() as uow:
        alien = uow.movies.add(ALIEN)
        uow.commit()
    started = world.fetches.start_or_join(TitleLookup("Alien"), ALICE)
    assert (started.is_owner, started.fetch.state, started.fetch.movie_id) == (
        *(False, FetchState.FETCHED),
        alien.id,
    )


def test_an_interactive_request_takes_over_a_queued_fetch(world: World) -> None:
    (queued,) = world.enqueue(TitleLookup("Alien"))
    started = world.fetches.start_or_join(TitleLookup("Alien"), ALICE)
    assert (started.is_owner, started.fetch.id) == (True, queued.id)


def test_a_fetch_that_was_taken_over_is_completed_only_by_the_new_holder(world: World) -> None:
    world.enqueue(TitleLookup("Alien"))
    (slow,) = world.fetches.claim(1)
    world.pass_time(seconds=61)
    (fast,) = world.fetches.claim(1)
    assert fast.attempts == 2
    assert world.fetches.complete([(slow, ALIEN)]) == ()
    assert world.database.movies == {}
    assert world.fetches.complete([(fast, ALIEN)])[0].is_new
    assert len(world.database.movies) == 1


def test_two_fetches_of_one_movie_store_it_once(world: World) -> None:
    world.enqueue(TitleLookup("Alien"), ImdbIdLookup("tt0078748"), TitleLookup("Brazil"))
    claimed = world.fetches.claim(5)
    completed = world.fetches.complete(list(zip(claimed, (ALIEN, ALIEN, BRAZIL), strict=True)))
    assert [each.is_new for each in completed] == [True, False, True]
    assert [each.fetch.movie_id for each in completed] == [1, 1, 2]
    assert len(world.database.movies) == len(world.database.audit) == 2


def test_a_movie_with_the_id_of_another_one_is_not_stored(world: World) -> None:
    with world.database() as uow:
        uow.movies.add(ALIEN)
        uow.commit()
    world.enqueue(TitleLookup("Brazil"))
    failed = world.fetch(dataclasses.replace(BRAZIL, imdb_id="tt0078748"))
    assert (failed.state, failed.error_code) == (FetchState.FAILED, UpstreamBadResponse.code)
    assert world.database.movies == {1: ALIEN}


@pytest.mark.parametrize("other", [{"title": "Alien 1"}, {"year": 1978}, {"plot": "…"}])
def test_a_movie_with_one_different_field_is_the_same(
    world: World, other: dict[str, object]
) -> None:
    with world.database() as uow:
        uow.movies.add(ALIEN)
        uow.commit()
    world.enqueue(TitleLookup("The Eighth Passenger"))
    done = world.fetch(dataclasses.replace(ALIEN, **other))  # type: ignore[arg-type]  # The fields have several types.
    assert (done.state, done.movie_id) == (FetchState.FETCHED, 1)


@pytest.mark.parametrize(
    ("error", "pause", "seconds", "attempts"),
    [
        (UpstreamQuotaExceeded("Used up.", retry_after_seconds=50_000), 0, 60, 0),
        (UpstreamUnauthorized("Key."), 0, 60, 0),
        (UpstreamUnauthorized("Key."), 3_600, 60, 0),
        (DatabaseUnavailable("Unavailable."), 0, 60, 0),
        (UpstreamUnavailable("Outage."), 90, 90, 1),
        (UpstreamTimeout("Late."), 5, 60, 1),
    ],
)
def test_a_fetch_that_failed_for_an_unrelated_reason_is_requeued(
    world: World, error: MoviesError, pause: float, seconds: float, attempts: int
) -> None:
    world.enqueue(TitleLookup("Alien"))
    requeued = world.fetch(error, pause)
    assert (requeued.state, requeued.attempts) == (FetchState.QUEUED, attempts)
    assert requeued.due_at == NOW + dt.timedelta(seconds=seconds)
    assert requeued.error_code is None
    assert world.fetches.claim(1) == ()
    world.pass_time(seconds=seconds)
    assert world.fetch(ALIEN).state is FetchState.FETCHED


@pytest.mark.parametrize("pause", [0, 3_600])
def test_a_refused_fetch_keeps_its_place_in_the_queue(world: World, pause: float) -> None:
    world.enqueue(TitleLookup("Alien"))
    world.pass_time(seconds=5)
    for kind in (UpstreamUnavailable, UpstreamTimeout):
        error = kind("Outage.", is_refusal=True)
        for _attempt in range(ATTEMPTS_MAX):
            refused = world.fetch(error, pause)
            assert (refused.state, refused.attempts) == (FetchState.QUEUED, 0)
            assert (refused.due_at, refused.error_code) == (NOW, None)
    assert world.fetch(ALIEN).state is FetchState.FETCHED


def test_a_refused_fetch_for_which_a_client_waits_has_failed(world: World) -> None:
    world.enqueue(TitleLookup("Alien"))
    error = UpstreamUnavailable("Outage.", is_refusal=True)
    assert world.fetch(error).state is FetchState.FAILED


@pytest.mark.parametrize("error", [UpstreamUnavailable("Outage."), UpstreamBadResponse("Invalid.")])
def test_a_fetch_that_fails_while_omdb_is_available_has_failed(
    world: World, error: MoviesError
) -> None:
    world.enqueue(TitleLookup("Alien"))
    assert world.fetch(error, 0).state is FetchState.FAILED


def test_a_fetch_fails_after_the_maximum_number_of_attempts(world: World) -> None:
    world.enqueue(TitleLookup("Alien"))
    for _attempt in range(ATTEMPTS_MAX - 1):
        assert world.fetch(UpstreamUnavailable("Outage."), 10).state is FetchState.QUEUED
        world.pass_time(hours=1)
    assert world.fetch(UpstreamUnavailable("Outage."), 10).state is FetchState.FAILED
    assert UpstreamBadResponse("Invalid.").code == "upstream-bad-response"


def test_released_fetches_are_claimed_again_without_a_counted_attempt(world: World) -> None:
    world.enqueue(TitleLookup("Alien"), TitleLookup("Brazil"))
    claimed = world.fetches.claim(5)
    world.fetches.complete([(claimed[1], BRAZIL)])
    world.fetches.release([])
    world.fetches.release(claimed)
    again = world.fetches.claim(5)
    assert [(each.id, each.attempts) for each in again] == [(claimed[0].id, 1)]


def test_an_unsuccessful_fetch_can_be_retried(world: World) -> None:
    (fetch,) = world.enqueue(TitleLookup("Alien"))
    assert world.fetches.retry(fetch.known_id) == fetch
    world.fetch(MISSING)
    again = world.fetches.retry(fetch.known_id)
    assert (again.state, again.attempts, again.error_code) == (FetchState.QUEUED, 0, None)
    assert world.notified == [fetch.id, fetch.id]
    assert world.fetch(ALIEN).state is FetchState.FETCHED
    with pytest.raises(Conflict, match="refresh"):
        world.fetches.retry(fetch.known_id)
    with pytest.raises(NotFound):
        world.fetches.retry(99)


def test_a_fetch_is_not_retried_while_a_newer_one_is_open(world: World) -> None:
    (fetch,) = world.enqueue(TitleLookup("Alien"))
    world.fetch(UpstreamTimeout("Late."))
    world.enqueue(TitleLookup("Alien"))
    with pytest.raises(Conflict, match="newer"):
        world.fetches.retry(fetch.known_id)


def test_the_movie_of_a_cancelled_fetch_is_not_stored(world: World) -> None:
    (fetch,) = world.enqueue(TitleLookup("Alien"))
    (claimed,) = world.fetches.claim(1)
    cancelled = world.fetches.cancel(fetch.known_id)
    assert (cancelled.state, cancelled.finished_at) == (FetchState.CANCELLED, NOW)
    assert world.fetches.cancel(fetch.known_id) == cancelled
    assert world.fetches.complete([(claimed, ALIEN)]) == ()
    assert world.database.movies == {}
    assert world.fetches.retry(fetch.known_id).state is FetchState.QUEUED
    world.fetch(ALIEN)
    with pytest.raises(Conflict, match="finished"):
        world.fetches.cancel(fetch.known_id)


def test_fetches_are_purged_after_thirty_days_and_movies_stay(world: World) -> None:
    (fetch,) = world.enqueue(TitleLookup("Alien"))
    world.fetch(ALIEN)
    world.pass_time(days=30)
    world.fetches.purge()
    assert world.fetches.get(fetch.known_id).state is FetchState.FETCHED
    assert world.fetches.counts() == {FetchState.FETCHED: 1}
    assert len(world.fetches.list(FetchQuery())) == 1
    assert world.fetches.get_many([fetch.known_id, 99]) == world.fetches.list(FetchQuery())
    world.pass_time(seconds=1)
    world.fetches.purge()
    with pytest.raises(NotFound):
        world.fetches.get(fetch.known_id)
    assert len(world.database.movies) == 1


def test_a_fetch_that_is_stored_concurrently_is_joined(world: World) -> None:
    conflicts = iter([True])
    database = world.database

    def open_racing(*, is_read_only: bool = False) -> object:
        if next(conflicts, False):
            world.enqueue(TitleLookup("Alien"))
            raise Conflict("The change conflicts with a concurrent write.")
        return database(is_read_only=is_read_only)

    racing = FetchQueue(open_racing, clock=lambda: NOW)  # type: ignore[arg-type]  # The fake unit of work is untyped here.
    (fetch,) = racing.enqueue([TitleLookup("Alien")], ALICE)
    assert list(database.fetches) == [fetch.id]


def test_a_movie_that_is_stored_concurrently_is_taken_as_fetched(world: World) -> None:
    world.enqueue(ImdbIdLookup("tt0078748"))
    (claimed,) = world.fetches.claim(1)
    conflicts = iter([True])

    def record(_uow: UnitOfWork, _completed: CompletedFetch) -> None:
        if next(conflicts, False):
            with world.database() as other:
                other.movies.add(ALIEN)
                other.commit()
            raise Conflict("The change conflicts with a concurrent write.")

    (completed,) = world.fetches.complete([(claimed, ALIEN)], record)
    assert completed.fetch.state is FetchState.FETCHED
    assert not completed.is_new
    assert len(world.database.movies) == 1


@pytest.mark.parametrize(
    ("years", "days"), [(0, 1), (1, 7), (4, 30), (20, 180), (None, 1), (-1, 1)]
)
def test_new_movies_are_refreshed_often_and_old_ones_rarely(years: int | None, days: int) -> None:
    facts = MovieFacts(title="A movie", year=None if years is None else NOW.year - years)
    assert schedule_refresh(7, facts, NOW).due_at - NOW == dt.timedelta(days=days)
    series = MovieFacts(title="A series", year=1990, end_year=NOW.year)
    assert schedule_refresh(7, series, NOW).due_at - NOW == dt.timedelta(days=1)


@pytest.mark.parametrize("fetch_id", [1, 2**63 - 1])
def test_a_message_contains_the_id_of_the_fetch(fetch_id: int) -> None:
    assert parse_message(render_message(fetch_id)) == fetch_id
    assert parse_message(b"{}") is None


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"null", b"7", b"{", b"\xff", b"[" * 100_000,
        b'{"fetch_id": "7"}', b'{"fetch_id": true}', b'{"fetch_id": 0}', b'{"fetch_id": -1}',
        b'{"fetch_id": 9223372036854775808}', b'{"fetch_id": 1.0}', b'{"id": 7}',
    ],
)  # fmt: skip  # A table is easier to read in long lines.
def test_rejects_an_invalid_message(data: bytes) -> None:
    with pytest.raises(MoviesError):
        parse_message(data)
