"""The wishes: made, joined, taken, and settled with their films; on memory."""

import dataclasses
import datetime as dt

import pytest

from common.errors import (
    Conflict,
    DatabaseUnavailable,
    MoviesError,
    NotFound,
    UpstreamInvalid,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from data_fetcher.fetch_queue.completion import TURNS_MAX
from data_fetcher.fetch_queue.deduplication_key import Wisher, wish_key, wish_of
from data_fetcher.fetch_queue.messages import read_announcement, write_announcement
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.film_checks import check_of
from data_fetcher.omdb.lookups import ImdbWish, TitleWish, Wish
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from data_layer.entities.movie import MovieFacts
from data_layer.testing.fakes.unit_of_work import FakeDatabase

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
BRAZIL = MovieFacts(title="Brazil", imdb_id="tt0088846", year=1985)
ALICE = Wisher("user:alice", "192.0.2.1", "abc")
MISSING = NotFound("OMDb has no such movie.")


class Desk:
    """The wishes on memory, at a time that a test sets."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.announced: list[int] = []
        self.now = NOW
        self.fetches = Fetches(self.database, self.announced.extend, clock=lambda: self.now)

    def wish(self, *wishes: Wish) -> tuple[Fetch, ...]:
        return self.fetches.wish(wishes, ALICE)

    def pass_time(self, **span: float) -> None:
        self.now += dt.timedelta(**span)

    def fetch(self, outcome: MovieFacts | MoviesError, pause: float | None = None) -> Fetch:
        """Take the one wish that is due, and settle it."""
        (fetch,) = self.fetches.claim(1)
        (settled,) = self.fetches.settle([(fetch, outcome)], pause_seconds=pause)
        return settled.fetch


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_wish_waits_is_announced_and_is_fulfilled(desk: Desk) -> None:
    (fetch,) = desk.wish(TitleWish("Alien", 1979))
    assert (fetch.state, fetch.title, fetch.year) == (FetchState.QUEUED, "Alien", 1979)
    assert (fetch.caller, fetch.request_id) == ("user:alice", "abc")
    assert desk.announced == [fetch.id]
    done = desk.fetch(ALIEN)
    assert (done.state, done.attempts, done.film_id) == (FetchState.FETCHED, 1, 1)
    assert done.finished_at == NOW
    assert desk.database.movies == {1: ALIEN}
    (entry,) = desk.database.audit
    assert (entry.action, entry.subject, entry.caller) == (
        "movie.created",
        "/movies/1",
        "user:alice",
    )
    assert desk.database.movie_checks[1] == check_of(1, ALIEN, NOW)


def test_the_same_wish_is_joined_however_it_is_written(desk: Desk) -> None:
    first, second, third = desk.wish(
        TitleWish("Amélie"), ImdbWish("tt0211915"), TitleWish("amelie")
    )
    assert first == third != second
    assert desk.wish(TitleWish("AMELIE ")) == (first,)
    assert desk.announced == [first.id, second.id]
    assert wish_of(first) == TitleWish("Amélie")
    assert wish_of(second) == ImdbWish("tt0211915")
    assert wish_key(TitleWish("Alien", 1979)) != wish_key(TitleWish("Alien"))


def test_a_wish_for_a_film_that_is_there_is_fulfilled_at_once(desk: Desk) -> None:
    with desk.database() as uow:
        uow.movies.add(ALIEN)
        uow.commit()
    (fetch,) = desk.wish(TitleWish("alien"))
    assert (fetch.state, fetch.film_id, fetch.attempts) == (FetchState.FETCHED, 1, 0)
    assert desk.wish(TitleWish("Alien")) == (fetch,)
    assert desk.announced == []
    assert desk.fetches.count_new([TitleWish("Alien"), TitleWish("Brazil")]) == 1


def test_a_film_that_was_removed_is_fetched_again(desk: Desk) -> None:
    (first,) = desk.wish(ImdbWish("tt0078748"))
    desk.fetch(ALIEN)
    with desk.database() as uow:
        uow.movies.remove(1)
        uow.commit()
    (second,) = desk.wish(ImdbWish("tt0078748"))
    assert second.id != first.id
    assert second.state is FetchState.QUEUED


def test_what_omdb_did_not_have_is_not_asked_for_again_for_hours_then_longer(desk: Desk) -> None:
    wish = TitleWish("Nothing")
    (first,) = desk.wish(wish)
    assert desk.fetch(MISSING).absences == 1
    for patience in (6, 24, 168, 168):
        desk.pass_time(hours=patience - 0.01)
        assert desk.wish(wish)[0].state is FetchState.NOT_FOUND
        assert desk.fetches.count_new([wish]) == 0
        with pytest.raises(NotFound, match="OMDb has no such movie"):
            desk.fetches.begin(wish, ALICE)
        desk.pass_time(hours=0.02)
        assert desk.fetches.count_new([wish]) == 1
        (again,) = desk.wish(wish)
        assert again.state is FetchState.QUEUED
        absent = desk.fetch(MISSING)
    assert absent.absences == 5
    assert absent.id != first.id


def test_what_the_emulator_does_not_have_is_asked_for_again_at_once(desk: Desk) -> None:
    desk.fetches = Fetches(desk.database, absence_hours=())
    desk.wish(TitleWish("Nothing"))
    desk.fetch(MISSING)
    assert desk.wish(TitleWish("Nothing"))[0].state is FetchState.QUEUED


@pytest.mark.parametrize(
    "error", [UpstreamTimeout("Late."), UpstreamRefused("Key."), UpstreamQuota("Spent.")]
)
def test_what_failed_is_no_absence(desk: Desk, error: MoviesError) -> None:
    desk.wish(TitleWish("Alien"))
    failed = desk.fetch(error)
    assert (failed.state, failed.absences) == (FetchState.FAILED, 0)
    assert (failed.error_code, failed.error_message) == (error.code, error.message)
    assert desk.wish(TitleWish("Alien"))[0].state is FetchState.QUEUED


def test_whoever_waits_fetches_and_others_join(desk: Desk) -> None:
    mine = desk.fetches.begin(TitleWish("Alien"), ALICE)
    assert mine.is_own
    assert mine.fetch.state is FetchState.FETCHING
    theirs = desk.fetches.begin(TitleWish("Alien"), ALICE)
    assert (theirs.is_own, theirs.fetch) == (False, mine.fetch)
    assert desk.fetches.claim(5) == ()
    assert desk.announced == []
    desk.pass_time(seconds=61)
    late = desk.fetches.begin(TitleWish("Alien"), ALICE)
    assert (late.is_own, late.fetch.id, late.fetch.attempts) == (True, mine.fetch.id, 2)


def test_a_film_that_came_since_whoever_waits_looked_is_not_fetched_again(desk: Desk) -> None:
    mine = desk.fetches.begin(TitleWish("Alien"), ALICE).fetch
    (fetched,) = desk.fetches.settle([(mine, ALIEN)])
    joined = desk.fetches.begin(TitleWish("Alien"), ALICE)
    assert (joined.is_own, joined.fetch) == (False, fetched.fetch)
    other_name = desk.fetches.begin(ImdbWish("tt0078748"), ALICE)
    assert (other_name.is_own, other_name.fetch.state) == (False, FetchState.FETCHED)
    assert other_name.fetch.film_id == fetched.fetch.film_id
    assert desk.fetches.get(other_name.fetch.known_id) == other_name.fetch


def test_a_film_that_came_from_elsewhere_is_there_though_omdb_had_it_not(desk: Desk) -> None:
    desk.wish(TitleWish("Alien"))
    desk.fetch(MISSING)
    with desk.database() as uow:
        alien = uow.movies.add(ALIEN)
        uow.commit()
    begun = desk.fetches.begin(TitleWish("Alien"), ALICE)
    assert (begun.is_own, begun.fetch.state, begun.fetch.film_id) == (
        *(False, FetchState.FETCHED),
        alien.id,
    )


def test_whoever_waits_does_not_wait_for_the_queue(desk: Desk) -> None:
    (queued,) = desk.wish(TitleWish("Alien"))
    begun = desk.fetches.begin(TitleWish("Alien"), ALICE)
    assert (begun.is_own, begun.fetch.id) == (True, queued.id)


def test_a_wish_that_was_taken_over_is_left_to_whoever_has_it(desk: Desk) -> None:
    desk.wish(TitleWish("Alien"))
    (slow,) = desk.fetches.claim(1)
    desk.pass_time(seconds=61)
    (fast,) = desk.fetches.claim(1)
    assert fast.attempts == 2
    assert desk.fetches.settle([(slow, ALIEN)]) == ()
    assert desk.database.movies == {}
    assert desk.fetches.settle([(fast, ALIEN)])[0].is_new
    assert len(desk.database.movies) == 1


def test_two_wishes_for_one_film_bring_it_once(desk: Desk) -> None:
    desk.wish(TitleWish("Alien"), ImdbWish("tt0078748"), TitleWish("Brazil"))
    claimed = desk.fetches.claim(5)
    settled = desk.fetches.settle(list(zip(claimed, (ALIEN, ALIEN, BRAZIL), strict=True)))
    assert [each.is_new for each in settled] == [True, False, True]
    assert [each.fetch.film_id for each in settled] == [1, 1, 2]
    assert len(desk.database.movies) == len(desk.database.audit) == 2


def test_a_film_with_the_id_of_another_one_is_not_stored(desk: Desk) -> None:
    with desk.database() as uow:
        uow.movies.add(ALIEN)
        uow.commit()
    desk.wish(TitleWish("Brazil"))
    failed = desk.fetch(dataclasses.replace(BRAZIL, imdb_id="tt0078748"))
    assert (failed.state, failed.error_code) == (FetchState.FAILED, UpstreamInvalid.code)
    assert desk.database.movies == {1: ALIEN}


@pytest.mark.parametrize("other", [{"title": "Alien 1"}, {"year": 1978}, {"plot": "…"}])
def test_a_film_of_which_something_else_is_known_is_the_same(
    desk: Desk, other: dict[str, object]
) -> None:
    with desk.database() as uow:
        uow.movies.add(ALIEN)
        uow.commit()
    desk.wish(TitleWish("The Eighth Passenger"))
    done = desk.fetch(dataclasses.replace(ALIEN, **other))  # type: ignore[arg-type]  # Of any fields.
    assert (done.state, done.film_id) == (FetchState.FETCHED, 1)


@pytest.mark.parametrize(
    ("error", "pause", "seconds", "attempts"),
    [
        (UpstreamQuota("Spent.", retry_after_seconds=100), 0, 100, 0),
        (UpstreamQuota("Spent.", retry_after_seconds=50_000), 0, 3_600, 0),
        (UpstreamRefused("Key."), 0, 60, 0),
        (UpstreamRefused("Key."), 300, 300, 0),
        (DatabaseUnavailable("Away."), 0, 60, 0),
        (UpstreamUnavailable("Trouble."), 90, 90, 1),
        (UpstreamTimeout("Late."), 5, 60, 1),
    ],
)
def test_what_fails_for_all_waits(
    desk: Desk, error: MoviesError, pause: float, seconds: float, attempts: int
) -> None:
    desk.wish(TitleWish("Alien"))
    waiting = desk.fetch(error, pause)
    assert (waiting.state, waiting.attempts) == (FetchState.QUEUED, attempts)
    assert waiting.due_at == NOW + dt.timedelta(seconds=seconds)
    assert waiting.error_code is None
    assert desk.fetches.claim(1) == ()
    desk.pass_time(seconds=seconds)
    assert desk.fetch(ALIEN).state is FetchState.FETCHED


@pytest.mark.parametrize("error", [UpstreamUnavailable("Trouble."), UpstreamInvalid("What?")])
def test_what_fails_by_itself_has_failed(desk: Desk, error: MoviesError) -> None:
    desk.wish(TitleWish("Alien"))
    assert desk.fetch(error, 0).state is FetchState.FAILED


def test_a_wish_does_not_wait_for_ever_for_a_source_in_trouble(desk: Desk) -> None:
    desk.wish(TitleWish("Alien"))
    for _turn in range(TURNS_MAX - 1):
        assert desk.fetch(UpstreamUnavailable("Trouble."), 10).state is FetchState.QUEUED
        desk.pass_time(hours=1)
    assert desk.fetch(UpstreamUnavailable("Trouble."), 10).state is FetchState.FAILED
    assert UpstreamInvalid("What?").code == "upstream-invalid"


def test_what_was_not_begun_is_given_back(desk: Desk) -> None:
    desk.wish(TitleWish("Alien"), TitleWish("Brazil"))
    claimed = desk.fetches.claim(5)
    desk.fetches.settle([(claimed[1], BRAZIL)])
    desk.fetches.release([])
    desk.fetches.release(claimed)
    again = desk.fetches.claim(5)
    assert [(each.id, each.attempts) for each in again] == [(claimed[0].id, 1)]


def test_a_wish_that_came_to_nothing_is_tried_again(desk: Desk) -> None:
    (fetch,) = desk.wish(TitleWish("Alien"))
    assert desk.fetches.retry(fetch.known_id) == fetch
    desk.fetch(MISSING)
    again = desk.fetches.retry(fetch.known_id)
    assert (again.state, again.attempts, again.error_code) == (FetchState.QUEUED, 0, None)
    assert desk.announced == [fetch.id, fetch.id]
    assert desk.fetch(ALIEN).state is FetchState.FETCHED
    with pytest.raises(Conflict, match="refresh"):
        desk.fetches.retry(fetch.known_id)
    with pytest.raises(NotFound):
        desk.fetches.retry(99)


def test_a_wish_is_not_tried_again_beside_a_newer_one(desk: Desk) -> None:
    (fetch,) = desk.wish(TitleWish("Alien"))
    desk.fetch(UpstreamTimeout("Late."))
    desk.wish(TitleWish("Alien"))
    with pytest.raises(Conflict, match="newer"):
        desk.fetches.retry(fetch.known_id)


def test_a_wish_is_cancelled_and_its_film_is_not_stored(desk: Desk) -> None:
    (fetch,) = desk.wish(TitleWish("Alien"))
    (claimed,) = desk.fetches.claim(1)
    cancelled = desk.fetches.cancel(fetch.known_id)
    assert (cancelled.state, cancelled.finished_at) == (FetchState.CANCELLED, NOW)
    assert desk.fetches.cancel(fetch.known_id) == cancelled
    assert desk.fetches.settle([(claimed, ALIEN)]) == ()
    assert desk.database.movies == {}
    assert desk.fetches.retry(fetch.known_id).state is FetchState.QUEUED
    desk.fetch(ALIEN)
    with pytest.raises(Conflict, match="done"):
        desk.fetches.cancel(fetch.known_id)


def test_wishes_are_forgotten_after_thirty_days_and_films_stay(desk: Desk) -> None:
    (fetch,) = desk.wish(TitleWish("Alien"))
    desk.fetch(ALIEN)
    desk.pass_time(days=30)
    desk.fetches.forget()
    assert desk.fetches.get(fetch.known_id).state is FetchState.FETCHED
    assert desk.fetches.counts() == {FetchState.FETCHED: 1}
    assert len(desk.fetches.list(FetchQuery())) == 1
    assert desk.fetches.get_many([fetch.known_id, 99]) == desk.fetches.list(FetchQuery())
    desk.pass_time(seconds=1)
    desk.fetches.forget()
    with pytest.raises(NotFound):
        desk.fetches.get(fetch.known_id)
    assert len(desk.database.movies) == 1


def test_a_wish_that_somebody_makes_meanwhile_is_joined(desk: Desk) -> None:
    races = iter([True])
    database = desk.database

    def open_racing(*, is_read_only: bool = False) -> object:
        if next(races, False):
            desk.wish(TitleWish("Alien"))
            raise Conflict("It contradicts what was stored meanwhile.")
        return database(is_read_only=is_read_only)

    racing = Fetches(open_racing, clock=lambda: NOW)  # type: ignore[arg-type]  # It opens the same.
    (fetch,) = racing.wish([TitleWish("Alien")], ALICE)
    assert list(database.fetches) == [fetch.id]


@pytest.mark.parametrize(
    ("years", "days"), [(0, 1), (1, 7), (4, 30), (20, 180), (None, 1), (-1, 1)]
)
def test_new_films_are_looked_at_often_and_old_ones_rarely(years: int | None, days: int) -> None:
    facts = MovieFacts(title="A film", year=None if years is None else NOW.year - years)
    assert check_of(7, facts, NOW).due_at - NOW == dt.timedelta(days=days)
    series = MovieFacts(title="A series", year=1990, end_year=NOW.year)
    assert check_of(7, series, NOW).due_at - NOW == dt.timedelta(days=1)


@pytest.mark.parametrize("fetch_id", [1, 2**63 - 1])
def test_an_announcement_says_which_wish(fetch_id: int) -> None:
    assert read_announcement(write_announcement(fetch_id)) == fetch_id
    assert read_announcement(b"{}") is None


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"null", b"7", b"{", b"\xff", b"[" * 100_000,
        b'{"fetch_id": "7"}', b'{"fetch_id": true}', b'{"fetch_id": 0}', b'{"fetch_id": -1}',
        b'{"fetch_id": 9223372036854775808}', b'{"fetch_id": 1.0}', b'{"id": 7}',
    ],
)  # fmt: skip
def test_what_is_no_announcement_is_told_so(data: bytes) -> None:
    with pytest.raises(MoviesError):
        read_announcement(data)
