"""Tests of the refresher on the fake database, with a fake clock."""

import asyncio
import dataclasses
import datetime as dt

import pytest

from common.errors import MoviesError, NotFound, UpstreamTimeout
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.omdb.admission import Purpose
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup
from data_fetcher.tests.stub_admission import StubAdmission
from data_fetcher.workers.refresher import MovieRefresher
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieRefresh, schedule_refresh
from data_layer.testing.fakes.unit_of_work import FakeDatabase

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)
OSCAR = dataclasses.replace(ALIEN, awards="Won 1 Oscar.")


class World(StubAdmission):
    """Fake catalogue with a movie whose refresh is due, and a fake OMDb with new facts of it."""

    def __init__(self) -> None:
        super().__init__()
        self.database = FakeDatabase()
        self.lookups: list[MovieLookup] = []
        self.outcome: MovieFacts | MoviesError = OSCAR
        self.refresher = MovieRefresher(
            self.database, MovieSource(self.fetch, self, 5), lambda: NOW
        )
        self.add(ALIEN)

    def add(self, facts: MovieFacts) -> None:
        with self.database() as uow:
            movie = uow.movies.add(facts)
            uow.movie_refreshes.put_many(
                [MovieRefresh(movie_id=movie.id, fetched_at=NOW, due_at=NOW)]
            )
            uow.commit()

    async def fetch(self, lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
        assert purpose is Purpose.REFRESH
        self.lookups.append(lookup)
        if isinstance(self.outcome, MoviesError):
            raise self.outcome
        return self.outcome

    def run(self) -> None:
        asyncio.run(self.refresher.run())

    def due_in(self) -> dt.timedelta:
        refresh: MovieRefresh = self.database.movie_refreshes[1]
        return refresh.due_at - NOW


@pytest.fixture
def world() -> World:
    return World()


def test_a_movie_that_is_due_gets_the_facts_of_omdb(world: World) -> None:
    world.run()
    assert world.lookups == [ImdbIdLookup("tt0078748")]
    assert world.database.movies == {1: OSCAR}
    assert world.database.movie_refreshes[1] == schedule_refresh(1, OSCAR, NOW)
    world.run()
    assert len(world.lookups) == 1


def test_a_movie_without_new_facts_is_not_changed(world: World) -> None:
    revision = world.database.movies.revision
    world.outcome = ALIEN
    world.run()
    assert world.database.movies.revision == revision
    assert world.due_in() == dt.timedelta(days=180)


def test_an_omdb_error_ends_the_run_and_changes_nothing(world: World) -> None:
    world.add(MovieFacts(title="Brazil", imdb_id="tt0088846"))
    world.outcome = UpstreamTimeout("Late.")
    world.run()
    assert len(world.lookups) == 1
    assert world.database.movies[1] == ALIEN
    assert world.due_in() == dt.timedelta(hours=1)


def test_a_movie_that_omdb_no_longer_has_stays_and_is_postponed(world: World) -> None:
    world.outcome = NotFound("OMDb has no such movie.")
    world.run()
    assert world.database.movies == {1: ALIEN}
    assert world.due_in() == dt.timedelta(days=180)


def test_nothing_is_refreshed_while_requests_are_paused(world: World) -> None:
    world.pause = 3600
    world.run()
    assert world.lookups == []
    assert world.due_in() == dt.timedelta(0)


def test_a_movie_without_an_imdb_id_is_not_refreshed(world: World) -> None:
    world.database.movies[1] = dataclasses.replace(ALIEN, imdb_id=None)
    world.run()
    assert world.lookups == []


@pytest.mark.parametrize("outcome", [OSCAR, NotFound("OMDb has no such movie.")])
def test_a_movie_that_a_user_edits_concurrently_stays_unchanged(
    world: World, outcome: MovieFacts | MoviesError
) -> None:
    world.outcome = outcome
    fetch = world.fetch

    async def edit_and_fetch(lookup: MovieLookup, purpose: Purpose) -> MovieFacts:
        with world.database() as uow:
            uow.movie_refreshes.remove_many([1])
            uow.commit()
        return await fetch(lookup, purpose)

    source = MovieSource(edit_and_fetch, world, 5)
    asyncio.run(MovieRefresher(world.database, source, lambda: NOW).run())
    assert world.database.movies == {1: ALIEN}
    assert world.database.movie_refreshes == {}


def test_a_movie_that_is_deleted_after_the_claim_is_skipped(world: World) -> None:
    del world.database.movies[1]
    world.run()
    assert world.lookups == []


def test_a_movie_that_would_duplicate_an_imdb_id_stays_unchanged(world: World) -> None:
    world.database.movies[2] = dataclasses.replace(ALIEN, imdb_id="tt0000002", title="Other")
    world.outcome = dataclasses.replace(ALIEN, imdb_id="tt0000002")
    world.run()
    assert world.database.movies[1] == ALIEN
