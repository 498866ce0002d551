"""Films that have grown old are looked at again; on memory."""

import asyncio
import dataclasses
import datetime as dt

import pytest

from common.errors import MoviesError, NotFound, UpstreamTimeout
from data_fetcher.film_checks import check_of
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import ImdbWish, Wish
from data_fetcher.workers.fetch_worker import Source
from data_fetcher.workers.refresher import Refreshing
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieCheck
from data_layer.testing.fakes.unit_of_work import FakeDatabase

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
OSCAR = dataclasses.replace(ALIEN, awards="Won 1 Oscar.")


class World:
    """A catalogue with a film that is due, and an OMDb that knows something new."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.asked: list[Wish] = []
        self.outcome: MovieFacts | MoviesError = OSCAR
        self.pause = 0.0
        self.refreshing = Refreshing(self.database, Source(self.ask, self, 5), lambda: NOW)
        self.add(ALIEN)

    def add(self, facts: MovieFacts) -> None:
        with self.database() as uow:
            movie = uow.movies.add(facts)
            uow.movie_checks.put_many([MovieCheck(movie_id=movie.id, checked_at=NOW, due_at=NOW)])
            uow.commit()

    async def ask(self, wish: Wish, purpose: Purpose) -> MovieFacts:
        assert purpose is Purpose.REFRESH
        self.asked.append(wish)
        if isinstance(self.outcome, MoviesError):
            raise self.outcome
        return self.outcome

    def pause_seconds(self, _purpose: Purpose) -> float:
        return self.pause

    def run(self) -> None:
        asyncio.run(self.refreshing.run())

    def due_in(self) -> dt.timedelta:
        return self.database.movie_checks[1].due_at - NOW


@pytest.fixture
def world() -> World:
    return World()


def test_a_film_that_is_due_is_replaced_by_what_omdb_says(world: World) -> None:
    world.run()
    assert world.asked == [ImdbWish("tt0078748")]
    assert world.database.movies == {1: OSCAR}
    assert world.database.movie_checks[1] == check_of(1, OSCAR, NOW)
    world.run()
    assert len(world.asked) == 1


def test_a_film_of_which_nothing_is_new_is_not_changed(world: World) -> None:
    revision = world.database.revision
    world.outcome = ALIEN
    world.run()
    assert world.database.revision == revision
    assert world.due_in() == dt.timedelta(days=180)


def test_what_omdb_does_not_serve_stays_and_is_tried_later(world: World) -> None:
    world.add(MovieFacts(title="Brazil", imdb_id="tt0088846"))
    world.outcome = UpstreamTimeout("Late.")
    world.run()
    assert len(world.asked) == 1
    assert world.database.movies[1] == ALIEN
    assert world.due_in() == dt.timedelta(hours=1)


def test_what_omdb_has_no_more_stays_for_long(world: World) -> None:
    world.outcome = NotFound("OMDb has no such movie.")
    world.run()
    assert world.database.movies == {1: ALIEN}
    assert world.due_in() == dt.timedelta(days=180)


def test_nothing_is_asked_where_the_quota_is_for_others(world: World) -> None:
    world.pause = 3600
    world.run()
    assert world.asked == []
    assert world.due_in() == dt.timedelta(0)


def test_a_film_without_an_imdb_id_is_left_alone(world: World) -> None:
    world.database.movies[1] = dataclasses.replace(ALIEN, imdb_id=None)
    world.run()
    assert world.asked == []


@pytest.mark.parametrize("outcome", [OSCAR, NotFound("OMDb has no such movie.")])
def test_a_film_that_a_person_changes_meanwhile_keeps_that(
    world: World, outcome: MovieFacts | MoviesError
) -> None:
    world.outcome = outcome
    ask = world.ask

    async def ask_slowly(wish: Wish, purpose: Purpose) -> MovieFacts:
        with world.database() as uow:
            uow.movie_checks.remove_many([1])
            uow.commit()
        return await ask(wish, purpose)

    source = Source(ask_slowly, world, 5)
    asyncio.run(Refreshing(world.database, source, lambda: NOW).run())
    assert world.database.movies == {1: ALIEN}
    assert world.database.movie_checks == {}


def test_a_film_that_is_removed_before_it_is_asked_for_is_passed_over(world: World) -> None:
    del world.database.movies[1]
    world.run()
    assert world.asked == []


def test_a_film_that_is_another_one_now_is_left_as_it_is(world: World) -> None:
    world.database.movies[2] = dataclasses.replace(ALIEN, imdb_id="tt0000002", title="Other")
    world.outcome = dataclasses.replace(ALIEN, imdb_id="tt0000002")
    world.run()
    assert world.database.movies[1] == ALIEN
