"""What updates do to films: on memory."""

import dataclasses
import datetime as dt
import itertools

import orjson
import pytest

from data_fetcher.ingest.movie_update import MovieUpdate
from data_fetcher.ingest.update_applier import NAMESAKES_MAX, Applying, Effect, Refused
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_refresh import MovieCheck
from data_layer.testing.fakes.unit_of_work import FakeDatabase

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
ALIEN = MovieFacts(
    title="Alien", imdb_id="tt0078748", year=1979, cast=("Sigourney Weaver", "Tom Skerritt")
)
HEAT = MovieFacts(title="Heat", year=1995)


def later(seconds: float) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


def says(**values: object) -> MovieUpdate:
    return MovieUpdate(values)


def removes(**values: object) -> MovieUpdate:
    return MovieUpdate(values, is_deleted=True)


class Desk:
    """A catalogue in memory, and updates that are applied to it."""

    def __init__(self, *films: MovieFacts) -> None:
        self.database = FakeDatabase()
        with self.database() as uow:
            for facts in films:
                uow.movies.add(facts)
            uow.commit()

    def apply(self, *updates: tuple[MovieUpdate, float]) -> list[str]:
        """Apply updates of so many seconds after noon, together; say what came of each."""
        with self.database() as uow:
            effects = Applying(uow).run([(update, later(at)) for update, at in updates])
            uow.commit()
        return [each.message if isinstance(each, Refused) else each.value for each in effects]

    @property
    def films(self) -> list[MovieFacts]:
        return list(self.database.movies.values())


def test_a_film_that_is_not_there_is_added() -> None:
    desk = Desk()
    assert desk.apply((says(title="Heat", year=1995), 0)) == ["added"]
    assert desk.films == [HEAT]


def test_a_film_is_told_by_its_imdb_id_before_all_else() -> None:
    desk = Desk(ALIEN)
    update = says(imdb_id="tt0078748", title="Alien: the film", plot="A ship.")
    assert desk.apply((update, 0)) == ["changed"]
    assert [(film.title, film.plot, film.year) for film in desk.films] == [
        ("Alien: the film", "A ship.", 1979)
    ]
    assert desk.apply((says(imdb_id="tt0000001", title="Alien", year=1979), 0)) == ["added"]


@pytest.mark.parametrize("told", [{"title": "ALIEN", "year": 1979}, {"title": "alien"}])
def test_a_film_is_told_by_title_and_year_or_by_title_alone(told: dict[str, object]) -> None:
    desk = Desk(ALIEN)
    assert desk.apply((says(**told, plot="A ship."), 0)) == ["changed"]
    assert [film.plot for film in desk.films] == ["A ship."]


def test_a_title_that_several_films_have_is_refused() -> None:
    desk = Desk(HEAT, MovieFacts(title="Heat", year=1972))
    assert desk.apply((says(title="Heat", plot="A heist."), 0)) == [
        "Several films have this title: tell it by `imdb_id`."
    ]
    assert desk.apply((says(title="Heat", year=1995, plot="A heist."), 0)) == ["changed"]
    many = Desk(*[HEAT] * (NAMESAKES_MAX + 1))
    assert many.apply((says(title="Heat", year=1995), 0)) != ["changed"]


def test_what_is_absent_stays_and_what_is_there_replaces() -> None:
    desk = Desk(ALIEN)
    new_cast = ("Sigourney Weaver", "John Hurt", "Ian Holm")
    assert desk.apply((says(imdb_id="tt0078748", cast=new_cast, genres=()), 0)) == ["changed"]
    assert desk.films == [dataclasses.replace(ALIEN, cast=new_cast)]
    assert desk.apply((says(imdb_id="tt0078748", cast=(), year=None), 1)) == ["changed"]
    assert desk.films == [MovieFacts(title="Alien", imdb_id="tt0078748")]


def test_an_update_that_says_what_is_known_changes_nothing() -> None:
    desk = Desk(ALIEN)
    revision = desk.database.revision
    assert desk.apply((says(imdb_id="tt0078748", year=1979), 0)) == ["unchanged"]
    assert desk.database.revision == revision


def test_an_older_update_that_comes_later_changes_nothing() -> None:
    desk = Desk(ALIEN)
    assert desk.apply((says(title="Alien", year=1979, plot="New."), 5)) == ["changed"]
    assert desk.apply((says(imdb_id="tt0078748", plot="Old."), 4)) == ["late"]
    assert desk.apply((says(title="alien", plot="Old."), 4)) == ["late"]
    assert desk.apply((removes(imdb_id="tt0078748"), 4)) == ["late"]
    assert desk.apply((says(imdb_id="tt0078748", plot="Newer."), 5)) == ["changed"]
    assert [film.plot for film in desk.films] == ["Newer."]


def test_a_film_that_was_removed_does_not_come_back_with_an_older_update() -> None:
    desk = Desk(ALIEN, HEAT)
    assert desk.apply((removes(imdb_id="tt0078748"), 5), (removes(title="Heat"), 5)) == [
        "removed",
        "removed",
    ]
    assert desk.films == []
    old = [says(imdb_id="tt0078748", title="Alien"), says(title="Alien", year=1979)]
    old += [says(title="alien"), says(title="Heat", year=1995), says(title="heat")]
    assert [desk.apply((update, 4)) for update in old] == [["late"]] * 5
    assert desk.apply((says(title="Alien", year=1979), 6)) == ["added"]


def test_a_film_that_is_told_otherwise_now_does_not_come_back_under_its_old_name() -> None:
    desk = Desk()
    desk.apply((says(title="Heat", year=1995), 1))
    assert desk.apply((says(title="Heat", year=None), 3)) == ["changed"]
    assert desk.apply((says(title="Heat", year=1995), 2)) == ["late"]


def test_a_film_that_is_not_there_can_be_kept_out() -> None:
    desk = Desk()
    assert desk.apply((removes(imdb_id="tt0078748"), 5)) == ["unchanged"]
    assert desk.apply((says(imdb_id="tt0078748", title="Alien"), 4)) == ["late"]


def test_a_new_film_needs_a_title() -> None:
    desk = Desk()
    assert desk.apply((says(imdb_id="tt0078748", plot="A ship."), 0)) == [
        "No film has this `imdb_id`, and a new one needs a title."
    ]
    assert desk.films == []


def test_updates_of_one_transaction_see_each_other() -> None:
    desk = Desk(HEAT)
    effects = desk.apply(
        (says(imdb_id="tt0078748", title="Alien"), 0),
        (says(title="Alien", year=None, plot="A ship."), 0),
        (says(imdb_id="tt0078748", title="Aliens", year=1986), 1),
        (says(title="Aliens", year=1986, plot="More ships."), 2),
        (removes(title="Heat"), 3),
        (says(title="Heat", year=1972), 4),
        (says(title="Brazil"), 5),
        (removes(title="Brazil"), 6),
    )
    assert effects == [
        *("added", "changed", "changed", "changed", "removed", "added", "added", "removed")
    ]
    assert desk.films == [
        MovieFacts(title="Aliens", imdb_id="tt0078748", year=1986, plot="More ships."),
        MovieFacts(title="Heat", year=1972),
    ]


def test_films_that_others_have_updated_are_not_fetched_again() -> None:
    desk = Desk(ALIEN, HEAT)
    with desk.database() as uow:
        uow.movie_checks.put_many(
            [MovieCheck(movie_id=number, checked_at=NOON, due_at=NOON) for number in (1, 2)]
        )
        uow.commit()
    desk.apply((says(imdb_id="tt0078748", plot="A ship."), 0), (says(title="Heat"), 0))
    assert set(desk.database.movie_checks) == {2}


UPDATES = [
    (says(imdb_id="tt0078748", title="Alien", year=1979, plot="First."), 1.0),
    (says(imdb_id="tt0078748", plot="Second."), 2.0),
    (removes(imdb_id="tt0078748"), 3.0),
    (says(imdb_id="tt0078748", title="Alien", year=1979, plot="Last."), 4.0),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(UPDATES)))))
def test_whatever_the_order_the_newest_update_wins(order: tuple[int, ...]) -> None:
    desk, together = Desk(), Desk()
    for place in order:
        desk.apply(UPDATES[place])
        desk.apply(UPDATES[place])  # Delivered twice.
    together.apply(*(UPDATES[place] for place in order))
    for films in (desk.films, together.films):
        assert [film.plot for film in films] == ["Last."]


def test_what_is_applied_on_a_database_is_what_is_applied_in_memory(
    database: Database,
) -> None:
    desk = Desk()
    for update in UPDATES:
        desk.apply(update)
        with database.unit_of_work() as uow:
            Applying(uow).run([(update[0], later(update[1]))])
            uow.commit()
    with database.unit_of_work(is_read_only=True) as uow:
        found = uow.movies.find_by_imdb_id("tt0078748")
    assert found is not None
    assert orjson.loads(found.document)["plot"] == desk.films[0].plot


def test_effects_have_the_names_of_counts() -> None:
    assert {effect.value for effect in Effect} == {
        *("added", "changed", "unchanged", "late", "removed")
    }


def test_films_that_share_a_title_are_removed_one_after_the_other() -> None:
    desk = Desk()
    for number, year in ((1, 1972), (2, 1995)):
        film = says(title="Heat", year=year, imdb_id=f"tt000000{number}")
        assert desk.apply((film, number)) == ["added"]
    assert desk.apply((removes(imdb_id="tt0000001"), 5)) == ["removed"]
    assert desk.apply((removes(imdb_id="tt0000002"), 6)) == ["removed"]
    back = says(title="Heat", year=1995, imdb_id="tt0000002")
    assert desk.apply((back, 7)) == ["added"]
    assert desk.apply((removes(imdb_id="tt0000002"), 8)) == ["removed"]
    assert desk.films == []
