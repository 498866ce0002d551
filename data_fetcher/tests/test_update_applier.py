"""Update applier on the in-memory database, and once on a real one."""

import dataclasses
import datetime as dt
import itertools

import orjson
import pytest

from data_fetcher.ingest.movie_update import MovieUpdate
from data_fetcher.ingest.update_applier import SAME_TITLE_MAX, Effect, UpdateApplier, UpdateRejected
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieRefresh
from data_layer.testing.fakes.unit_of_work import FakeDatabase

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
ALIEN = MovieFacts(
    title="Alien", imdb_id="tt0078748", year=1979, cast=("Sigourney Weaver", "Tom Skerritt")
)
HEAT = MovieFacts(title="Heat", year=1995)


def later(seconds: float) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


def sets(**values: object) -> MovieUpdate:
    return MovieUpdate(values)


def deletes(**values: object) -> MovieUpdate:
    return MovieUpdate(values, is_deleted=True)


class Harness:
    """In-memory catalogue to which updates are applied."""

    def __init__(self, *movies: MovieFacts) -> None:
        self.database = FakeDatabase()
        with self.database() as uow:
            for facts in movies:
                uow.movies.add(facts)
            uow.commit()

    def apply(self, *updates: tuple[MovieUpdate, float]) -> list[str]:
        """Apply updates, timed in seconds after noon, as one batch; return effects or errors."""
        with self.database() as uow:
            effects = UpdateApplier(uow).run([(update, later(at)) for update, at in updates])
            uow.commit()
        return [
            each.message if isinstance(each, UpdateRejected) else each.value for each in effects
        ]

    @property
    def movies(self) -> list[MovieFacts]:
        return list(self.database.movies.values())


def test_adds_a_missing_movie() -> None:
    harness = Harness()
    assert harness.apply((sets(title="Heat", year=1995), 0)) == ["added"]
    assert harness.movies == [HEAT]


def test_identifies_a_movie_by_its_imdb_id_first() -> None:
    harness = Harness(ALIEN)
    update = sets(imdb_id="tt0078748", title="Alien: the movie", plot="A ship.")
    assert harness.apply((update, 0)) == ["changed"]
    assert [(movie.title, movie.plot, movie.year) for movie in harness.movies] == [
        ("Alien: the movie", "A ship.", 1979)
    ]
    assert harness.apply((sets(imdb_id="tt0000001", title="Alien", year=1979), 0)) == ["added"]


@pytest.mark.parametrize("identity", [{"title": "ALIEN", "year": 1979}, {"title": "alien"}])
def test_identifies_a_movie_by_title_with_or_without_year(identity: dict[str, object]) -> None:
    harness = Harness(ALIEN)
    assert harness.apply((sets(**identity, plot="A ship."), 0)) == ["changed"]
    assert [movie.plot for movie in harness.movies] == ["A ship."]


def test_rejects_an_ambiguous_title() -> None:
    harness = Harness(HEAT, MovieFacts(title="Heat", year=1972))
    assert harness.apply((sets(title="Heat", plot="A heist."), 0)) == [
        "Several movies have this title: pass `imdb_id`."
    ]
    assert harness.apply((sets(title="Heat", year=1995, plot="A heist."), 0)) == ["changed"]
    many = Harness(*[HEAT] * (SAME_TITLE_MAX + 1))
    assert many.apply((sets(title="Heat", year=1995), 0)) != ["changed"]


def test_replaces_given_fields_and_keeps_the_others() -> None:
    harness = Harness(ALIEN)
    new_cast = ("Sigourney Weaver", "John Hurt", "Ian Holm")
    assert harness.apply((sets(imdb_id="tt0078748", cast=new_cast, genres=()), 0)) == ["changed"]
    assert harness.movies == [dataclasses.replace(ALIEN, cast=new_cast)]
    assert harness.apply((sets(imdb_id="tt0078748", cast=(), year=None), 1)) == ["changed"]
    assert harness.movies == [MovieFacts(title="Alien", imdb_id="tt0078748")]


def test_an_update_with_the_stored_values_changes_nothing() -> None:
    harness = Harness(ALIEN)
    revision = harness.database.movies.revision
    assert harness.apply((sets(imdb_id="tt0078748", year=1979), 0)) == ["unchanged"]
    assert harness.database.movies.revision == revision


def test_an_older_update_is_stale() -> None:
    harness = Harness(ALIEN)
    assert harness.apply((sets(title="Alien", year=1979, plot="New."), 5)) == ["changed"]
    assert harness.apply((sets(imdb_id="tt0078748", plot="Old."), 4)) == ["stale"]
    assert harness.apply((sets(title="alien", plot="Old."), 4)) == ["stale"]
    assert harness.apply((deletes(imdb_id="tt0078748"), 4)) == ["stale"]
    assert harness.apply((sets(imdb_id="tt0078748", plot="Newer."), 5)) == ["changed"]
    assert [movie.plot for movie in harness.movies] == ["Newer."]


def test_an_older_update_does_not_restore_a_deleted_movie() -> None:
    harness = Harness(ALIEN, HEAT)
    assert harness.apply((deletes(imdb_id="tt0078748"), 5), (deletes(title="Heat"), 5)) == [
        "removed",
        "removed",
    ]
    assert harness.movies == []
    old = [sets(imdb_id="tt0078748", title="Alien"), sets(title="Alien", year=1979)]
    old += [sets(title="alien"), sets(title="Heat", year=1995), sets(title="heat")]
    assert [harness.apply((update, 4)) for update in old] == [["stale"]] * 5
    assert harness.apply((sets(title="Alien", year=1979), 6)) == ["added"]


def test_an_older_update_does_not_add_a_renamed_movie_again() -> None:
    harness = Harness()
    harness.apply((sets(title="Heat", year=1995), 1))
    assert harness.apply((sets(title="Heat", year=None), 3)) == ["changed"]
    assert harness.apply((sets(title="Heat", year=1995), 2)) == ["stale"]


def test_deleting_a_missing_movie_leaves_a_tombstone() -> None:
    harness = Harness()
    assert harness.apply((deletes(imdb_id="tt0078748"), 5)) == ["unchanged"]
    assert harness.apply((sets(imdb_id="tt0078748", title="Alien"), 4)) == ["stale"]


def test_rejects_a_new_movie_without_title() -> None:
    harness = Harness()
    assert harness.apply((sets(imdb_id="tt0078748", plot="A ship."), 0)) == [
        "No movie has this `imdb_id`: adding one requires `title`."
    ]
    assert harness.movies == []


def test_updates_of_one_batch_see_each_other() -> None:
    harness = Harness(HEAT)
    effects = harness.apply(
        (sets(imdb_id="tt0078748", title="Alien"), 0),
        (sets(title="Alien", year=None, plot="A ship."), 0),
        (sets(imdb_id="tt0078748", title="Aliens", year=1986), 1),
        (sets(title="Aliens", year=1986, plot="More ships."), 2),
        (deletes(title="Heat"), 3),
        (sets(title="Heat", year=1972), 4),
        (sets(title="Brazil"), 5),
        (deletes(title="Brazil"), 6),
    )
    assert effects == [
        *("added", "changed", "changed", "changed", "removed", "added", "added", "removed")
    ]
    assert harness.movies == [
        MovieFacts(title="Aliens", imdb_id="tt0078748", year=1986, plot="More ships."),
        MovieFacts(title="Heat", year=1972),
    ]


def test_cancels_the_refresh_of_an_updated_movie() -> None:
    harness = Harness(ALIEN, HEAT)
    with harness.database() as uow:
        uow.movie_refreshes.put_many(
            [MovieRefresh(movie_id=number, fetched_at=NOON, due_at=NOON) for number in (1, 2)]
        )
        uow.commit()
    harness.apply((sets(imdb_id="tt0078748", plot="A ship."), 0), (sets(title="Heat"), 0))
    assert set(harness.database.movie_refreshes) == {2}


UPDATES = [
    (sets(imdb_id="tt0078748", title="Alien", year=1979, plot="First."), 1.0),
    (sets(imdb_id="tt0078748", plot="Second."), 2.0),
    (deletes(imdb_id="tt0078748"), 3.0),
    (sets(imdb_id="tt0078748", title="Alien", year=1979, plot="Last."), 4.0),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(UPDATES)))))
def test_the_newest_update_wins_in_any_order(order: tuple[int, ...]) -> None:
    harness, batched = Harness(), Harness()
    for place in order:
        harness.apply(UPDATES[place])
        harness.apply(UPDATES[place])  # Delivered twice.
    batched.apply(*(UPDATES[place] for place in order))
    for movies in (harness.movies, batched.movies):
        assert [movie.plot for movie in movies] == ["Last."]


def test_real_and_in_memory_database_give_the_same_result(
    database: Database,
) -> None:
    harness = Harness()
    for update in UPDATES:
        harness.apply(update)
        with database.unit_of_work() as uow:
            UpdateApplier(uow).run([(update[0], later(update[1]))])
            uow.commit()
    with database.unit_of_work(is_read_only=True) as uow:
        found = uow.movies.find_by_imdb_id("tt0078748")
    assert found is not None
    assert orjson.loads(found.document)["plot"] == harness.movies[0].plot


def test_effects_match_the_fields_of_ingest_records() -> None:
    assert {effect.value for effect in Effect} == {
        *("added", "changed", "unchanged", "stale", "removed")
    }


def test_deletes_movies_that_share_a_title_one_by_one() -> None:
    harness = Harness()
    for number, year in ((1, 1972), (2, 1995)):
        movie = sets(title="Heat", year=year, imdb_id=f"tt000000{number}")
        assert harness.apply((movie, number)) == ["added"]
    assert harness.apply((deletes(imdb_id="tt0000001"), 5)) == ["removed"]
    assert harness.apply((deletes(imdb_id="tt0000002"), 6)) == ["removed"]
    back = sets(title="Heat", year=1995, imdb_id="tt0000002")
    assert harness.apply((back, 7)) == ["added"]
    assert harness.apply((deletes(imdb_id="tt0000002"), 8)) == ["removed"]
    assert harness.movies == []
