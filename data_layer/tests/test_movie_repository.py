import dataclasses
import itertools

import orjson
import pytest

from common.errors import Conflict, NotFound
from data_layer.entities.movie import MovieFacts, Rating, StoredMovie
from data_layer.entities.movie_query import MovieFilter, MovieQuery, MovieSort, SortField
from data_layer.ports.unit_of_work import UnitOfWorkFactory

AMELIE = MovieFacts(
    title="Amélie",
    imdb_id="tt0211915",
    year=2001,
    genres=("Comedy", "Romance"),
    directors=("Jean-Pierre Jeunet",),
    writers=("Guillaume Laurant", "Jean-Pierre Jeunet"),
    cast=("Audrey Tautou", "Mathieu Kassovitz"),
    ratings=(Rating("Metacritic", "69/100"),),
    imdb_votes=800_000,
)


def film(title: str, year: int | None = None, **more: object) -> MovieFacts:
    """A film of which little is known."""
    return MovieFacts(title=title, year=year, **more)  # type: ignore[arg-type]  # Any other field.


def store(unit_of_work: UnitOfWorkFactory, *films: MovieFacts) -> tuple[StoredMovie, ...]:
    """Store films and commit."""
    with unit_of_work() as uow:
        stored = tuple(uow.movies.add(facts) for facts in films)
        uow.commit()
    return stored


def titles(unit_of_work: UnitOfWorkFactory, query: MovieQuery) -> list[str]:
    """The titles of one page."""
    with unit_of_work(is_read_only=True) as uow:
        page = uow.movies.list(query)
    return [orjson.loads(movie.document)["title"] for movie in page.movies]


def test_gives_back_the_whole_film(unit_of_work: UnitOfWorkFactory) -> None:
    (stored,) = store(unit_of_work, AMELIE)
    with unit_of_work(is_read_only=True) as uow:
        assert uow.movies.get(stored.id) == stored
        assert uow.movies.find_by_imdb_id("tt0211915") == stored
        many = uow.movies.find_many_by_imdb_id(["tt0211915", "tt0000001"])
        assert many == {"tt0211915": stored}
    document = orjson.loads(stored.document)
    assert document["id"] == stored.id
    assert document["self_url"] == f"/movies/{stored.id}"
    assert document["cast"] == ["Audrey Tautou", "Mathieu Kassovitz"]
    assert document["ratings"] == [{"source": "Metacritic", "value": "69/100"}]
    assert document["plot"] is None


def test_an_imdb_id_is_stored_once(unit_of_work: UnitOfWorkFactory) -> None:
    store(unit_of_work, AMELIE)
    with unit_of_work() as uow, pytest.raises(Conflict):
        uow.movies.add(AMELIE)


def test_many_films_are_found_by_title_with_a_year_or_without(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    old, new, other, odd = store(
        unit_of_work, film("Heat", 1972), film("HEAT", 1995), film("Ran", 1985), film("Ran")
    )
    wanted = [("heat", 1995), ("heat", None), ("ran", 1972), ("ran", None), ("jaws", None)]
    with unit_of_work(is_read_only=True) as uow:
        assert uow.movies.find_many_by_title(wanted) == {
            ("heat", 1995): (new.id,),
            ("heat", None): (old.id, new.id),
            ("ran", None): (other.id, odd.id),
        }
        assert uow.movies.get_many([old.id, odd.id, 99]) == {old.id: old, odd.id: odd}
        assert uow.movies.find_many_by_title([]) == {}


def test_many_films_are_changed_and_removed_at_once(unit_of_work: UnitOfWorkFactory) -> None:
    amelie, heat, ran = store(
        unit_of_work, AMELIE, film("Heat", 1995, cast=("Al Pacino",)), film("Ran", 1985)
    )
    known = film("Heat", 1995, cast=("Al Pacino",))
    recast = film("Heat", 1995, cast=("Robert De Niro", "Al Pacino"), genres=("Crime",))
    rated = dataclasses.replace(AMELIE, imdb_rating=8.3)
    with unit_of_work() as uow:
        revision = uow.movies.revision()
        uow.movies.update_many({amelie.id: (AMELIE, rated)})
        assert uow.movies.revision() > revision
        uow.movies.update_many({heat.id: (known, recast)})
        uow.movies.remove_many([ran.id])
        uow.commit()
    assert titles(unit_of_work, MovieQuery(filter=MovieFilter(genre="crime"))) == ["Heat"]
    assert titles(unit_of_work, MovieQuery(filter=MovieFilter(cast="robert de niro"))) == ["Heat"]
    assert titles(unit_of_work, MovieQuery(filter=MovieFilter(cast="audrey tautou"))) == ["Amélie"]
    with unit_of_work(is_read_only=True) as uow:
        assert orjson.loads(uow.movies.get(amelie.id).document)["imdb_rating"] == 8.3
        assert uow.movies.list(MovieQuery(counts_total=True)).total == 2
        counted = MovieQuery(filter=MovieFilter(year=1985), counts_total=True)
        assert uow.movies.list(counted).total == 0


def test_many_changes_are_refused_where_an_imdb_id_would_be_there_twice(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    _amelie, heat = store(unit_of_work, AMELIE, known := film("Heat", 1995))
    changed = dataclasses.replace(known, imdb_id=AMELIE.imdb_id)
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.movies.update_many({heat.id: (known, changed)})


def test_many_films_are_stored_in_their_order(unit_of_work: UnitOfWorkFactory) -> None:
    films = [film(f"Film {number}", imdb_id=f"tt{number:07}") for number in range(30)]
    with unit_of_work() as uow:
        stored = uow.movies.add_many(films)
        uow.commit()
    assert [orjson.loads(movie.document)["title"] for movie in stored] == [
        facts.title for facts in films
    ]
    assert [movie.id for movie in stored] == sorted(movie.id for movie in stored)


def test_of_many_films_none_is_stored_when_one_is_there(unit_of_work: UnitOfWorkFactory) -> None:
    store(unit_of_work, AMELIE)
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.movies.add_many([film("New", imdb_id="tt1111111"), AMELIE])
    assert titles(unit_of_work, MovieQuery()) == ["Amélie"]


def test_nobody_is_found_where_nobody_is(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        assert uow.movies.find_by_imdb_id("tt0000001") is None
        assert uow.movies.find_by_title("Nothing") == ()
        with pytest.raises(NotFound):
            uow.movies.get(1)
        with pytest.raises(NotFound):
            uow.movies.remove(1)


def test_the_most_voted_film_of_a_title_comes_first(unit_of_work: UnitOfWorkFactory) -> None:
    _old, known, new, _unknown, other = store(
        unit_of_work,
        film("Psycho", 1960),
        film("PSYCHO", 1998, imdb_votes=50),
        film("Psycho", 2020),
        film("Psycho"),
        film("Psychos", 2000, imdb_votes=1_000),
    )
    with unit_of_work(is_read_only=True) as uow:
        found = uow.movies.find_by_title("psycho")
        assert found[:2] == (known, new)
        assert len(found) == 4
        assert uow.movies.find_by_title("psycho", 1998) == (known,)
        assert uow.movies.find_by_title("psychos") == (other,)


def test_at_most_twenty_films_of_a_title_are_told_apart(unit_of_work: UnitOfWorkFactory) -> None:
    store(unit_of_work, *(film("Hamlet", 1900 + number) for number in range(25)))
    with unit_of_work(is_read_only=True) as uow:
        assert len(uow.movies.find_by_title("Hamlet")) == 20


def test_a_removed_film_is_gone_and_its_id_is_not_given_again(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    (stored,) = store(unit_of_work, AMELIE)
    with unit_of_work() as uow:
        uow.movies.remove(stored.id)
        uow.commit()
    (again,) = store(unit_of_work, AMELIE)
    assert again.id > stored.id
    with unit_of_work(is_read_only=True) as uow, pytest.raises(NotFound):
        uow.movies.get(stored.id)


def test_an_update_replaces_all_that_is_known(unit_of_work: UnitOfWorkFactory) -> None:
    stored, other = store(unit_of_work, AMELIE, film("Alien", 1979, imdb_id="tt0078748"))
    changed = MovieFacts(
        title="Poulain", year=2002, genres=("Romance", "Drama"), cast=("Mathieu Kassovitz",)
    )
    with unit_of_work() as uow:
        before = uow.movies.revision()
        updated = uow.movies.update(stored.id, changed)
        assert uow.movies.revision() > before
        assert uow.movies.get(stored.id) == updated
        uow.commit()
    document = orjson.loads(updated.document)
    assert (document["id"], document["title"], document["year"]) == (stored.id, "Poulain", 2002)
    assert document["ratings"] == []
    for wanted, expected in (
        (MovieFilter(title="poulain", year=2002), ["Poulain"]),
        (MovieFilter(genre="drama"), ["Poulain"]),
        (MovieFilter(genre="romance", cast="mathieu kassovitz"), ["Poulain"]),
        (MovieFilter(genre="comedy"), []),
        (MovieFilter(cast="audrey tautou"), []),
        (MovieFilter(title="amelie"), []),
        (MovieFilter(year=2001), []),
    ):
        with unit_of_work(is_read_only=True) as uow:
            page = uow.movies.list(MovieQuery(filter=wanted, counts_total=True))
        assert [orjson.loads(movie.document)["title"] for movie in page.movies] == expected
        assert page.total == len(expected)
    with unit_of_work() as uow, pytest.raises(NotFound):
        uow.movies.update(99, changed)
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.movies.update(other.id, AMELIE)
        uow.movies.update(stored.id, AMELIE)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (MovieFilter(title="amelie"), ["Amélie"]),
        (MovieFilter(title="ame"), []),
        (MovieFilter(year=1979), ["Alien", "Mad Max"]),
        (MovieFilter(genre="HORROR"), ["Alien", "Psycho"]),
        (MovieFilter(genre="Horror", year=1979), ["Alien"]),
        (MovieFilter(cast="sigourney weaver"), ["Alien"]),
        (MovieFilter(cast="Sigourney"), []),
        (MovieFilter(cast="Ridley Scott"), []),
        (MovieFilter(genre="Western"), []),
        (MovieFilter(title="100%_'\" ☕"), ["100%_'\" ☕"]),
    ],
)
def test_filters_match_whole_values(
    unit_of_work: UnitOfWorkFactory, wanted: MovieFilter, expected: list[str]
) -> None:
    store(
        unit_of_work,
        AMELIE,
        film(
            "Alien",
            1979,
            genres=("Horror", "Sci-Fi", "horror"),
            cast=("Sigourney Weaver",),
            directors=("Ridley Scott",),
        ),
        film("Mad Max", 1979, genres=("Action",)),
        film("Psycho", 1960, genres=("Horror",)),
        film("100%_'\" ☕"),
    )
    query = MovieQuery(filter=wanted, counts_total=True)
    assert titles(unit_of_work, query) == expected
    with unit_of_work(is_read_only=True) as uow:
        assert uow.movies.list(query).total == len(expected)


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("title", ["aardvark", "Élan", "zebra", "Zebra"]),
        ("year", ["zebra", "aardvark", "Élan", "Zebra"]),
        ("id", ["Zebra", "zebra", "Élan", "aardvark"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 3, 4])
def test_pages_follow_each_other_in_every_order(
    unit_of_work: UnitOfWorkFactory,
    field: SortField,
    expected: list[str],
    is_descending: bool,
    limit: int,
) -> None:
    store(
        unit_of_work,
        film("Zebra", 2000),
        film("zebra"),
        film("Élan", 1990),
        film("aardvark", 1990),
    )
    seen: list[str] = []
    query = MovieQuery(sort=MovieSort(field, is_descending), limit=limit)
    for _ in range(10):
        with unit_of_work(is_read_only=True) as uow:
            page = uow.movies.list(query)
        seen += [orjson.loads(movie.document)["title"] for movie in page.movies]
        if page.next_after is None:
            break
        query = MovieQuery(sort=query.sort, limit=limit, after=page.next_after)
    assert seen == (expected[::-1] if is_descending else expected)


def test_pages_neither_repeat_nor_skip_while_films_come_and_go(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    stored = store(unit_of_work, *(film(f"M{number:02}") for number in range(0, 40, 2)))
    newcomers = (film(f"M{number:02}") for number in itertools.count(1, 4))
    seen: list[int] = []
    query = MovieQuery(limit=3)
    while True:
        with unit_of_work(is_read_only=True) as uow:
            page = uow.movies.list(query)
        seen += [movie.id for movie in page.movies]
        if page.next_after is None:
            break
        with unit_of_work() as uow:
            uow.movies.remove(page.movies[-1].id)
            uow.movies.add(next(newcomers))
            uow.commit()
        query = MovieQuery(limit=3, after=page.next_after)
    assert len(seen) == len(set(seen))
    assert {movie.id for movie in stored} <= set(seen)


def test_skips_films_for_numbered_pages(unit_of_work: UnitOfWorkFactory) -> None:
    store(unit_of_work, *(film(f"M{number}") for number in range(5)))
    assert titles(unit_of_work, MovieQuery(limit=2, skip=4)) == ["M4"]
    assert titles(unit_of_work, MovieQuery(limit=2, skip=6)) == []
