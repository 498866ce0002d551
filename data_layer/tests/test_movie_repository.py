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


def make_movie(title: str, year: int | None = None, **more: object) -> MovieFacts:
    """Return a movie with a title, a year and the given fields."""
    return MovieFacts(title=title, year=year, **more)  # type: ignore[arg-type]  # Any other field.


def store(unit_of_work: UnitOfWorkFactory, *movies: MovieFacts) -> tuple[StoredMovie, ...]:
    """Store movies and commit."""
    with unit_of_work() as uow:
        stored = tuple(uow.movies.add(facts) for facts in movies)
        uow.commit()
    return stored


def titles(unit_of_work: UnitOfWorkFactory, query: MovieQuery) -> list[str]:
    """Return the titles of one page."""
    with unit_of_work(is_read_only=True) as uow:
        page = uow.movies.list(query)
    return [orjson.loads(movie.document)["title"] for movie in page.movies]


def test_returns_the_stored_document(unit_of_work: UnitOfWorkFactory) -> None:
    (stored,) = store(unit_of_work, AMELIE)
    with unit_of_work(is_read_only=True) as uow:
        assert uow.movies.get(stored.id) == stored
        assert uow.movies.find_by_imdb_id("tt0211915") == stored
        many = uow.movies.find_many_by_imdb_id(["tt0211915", "tt0000001"])
        assert many == {"tt0211915": stored}
        ids = uow.movies.find_ids_by_imdb_id(["tt0211915", "tt0000001"])
        assert ids == {"tt0211915": stored.id}
    document = orjson.loads(stored.document)
    assert document["id"] == stored.id
    assert document["self_url"] == f"/movies/{stored.id}"
    assert document["cast"] == ["Audrey Tautou", "Mathieu Kassovitz"]
    assert document["ratings"] == [{"source": "Metacritic", "value": "69/100"}]
    assert document["plot"] is None


def test_rejects_a_second_movie_with_the_same_imdb_id(unit_of_work: UnitOfWorkFactory) -> None:
    store(unit_of_work, AMELIE)
    with unit_of_work() as uow, pytest.raises(Conflict):
        uow.movies.add(AMELIE)


def test_finds_many_movies_by_title_with_or_without_a_year(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    old, new, dated, undated = store(
        unit_of_work,
        make_movie("Heat", 1972),
        make_movie("HEAT", 1995),
        make_movie("Ran", 1985),
        make_movie("Ran"),
    )
    searched = [("heat", 1995), ("heat", None), ("ran", 1972), ("ran", None), ("jaws", None)]
    with unit_of_work(is_read_only=True) as uow:
        assert uow.movies.find_many_by_title(searched) == {
            ("heat", 1995): (new.id,),
            ("heat", None): (old.id, new.id),
            ("ran", None): (dated.id, undated.id),
        }
        assert uow.movies.get_many([old.id, undated.id, 99]) == {old.id: old, undated.id: undated}
        assert uow.movies.find_many_by_title([]) == {}


def test_changes_and_removes_many_movies(unit_of_work: UnitOfWorkFactory) -> None:
    amelie, heat, ran = store(
        unit_of_work, AMELIE, make_movie("Heat", 1995, cast=("Al Pacino",)), make_movie("Ran", 1985)
    )
    original = make_movie("Heat", 1995, cast=("Al Pacino",))
    recast = make_movie("Heat", 1995, cast=("Robert De Niro", "Al Pacino"), genres=("Crime",))
    rated = dataclasses.replace(AMELIE, imdb_rating=8.3)
    with unit_of_work() as uow:
        revision = uow.movies.revision()
        uow.movies.update_many({amelie.id: (AMELIE, rated)})
        assert uow.movies.revision() > revision
        uow.movies.update_many({heat.id: (original, recast)})
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


def test_rejects_many_changes_that_would_duplicate_an_imdb_id(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    _amelie, heat = store(unit_of_work, AMELIE, original := make_movie("Heat", 1995))
    changed = dataclasses.replace(original, imdb_id=AMELIE.imdb_id)
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.movies.update_many({heat.id: (original, changed)})


def test_stores_many_movies_in_their_order(unit_of_work: UnitOfWorkFactory) -> None:
    movies = [make_movie(f"Movie {number}", imdb_id=f"tt{number:07}") for number in range(30)]
    with unit_of_work() as uow:
        stored = uow.movies.add_many(movies)
        uow.commit()
    assert [orjson.loads(movie.document)["title"] for movie in stored] == [
        facts.title for facts in movies
    ]
    assert [movie.id for movie in stored] == sorted(movie.id for movie in stored)


def test_stores_none_of_many_movies_if_one_exists(unit_of_work: UnitOfWorkFactory) -> None:
    store(unit_of_work, AMELIE)
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.movies.add_many([make_movie("New", imdb_id="tt1111111"), AMELIE])
    assert titles(unit_of_work, MovieQuery()) == ["Amélie"]


def test_finds_nothing_in_an_empty_catalogue(unit_of_work: UnitOfWorkFactory) -> None:
    with unit_of_work() as uow:
        assert uow.movies.find_by_imdb_id("tt0000001") is None
        assert uow.movies.find_by_title("Nothing") == ()
        with pytest.raises(NotFound):
            uow.movies.get(1)
        with pytest.raises(NotFound):
            uow.movies.remove(1)


def test_finds_the_most_voted_movie_of_a_title_first(unit_of_work: UnitOfWorkFactory) -> None:
    old, most_voted, newest, _undated, other = store(
        unit_of_work,
        make_movie("Psycho", 1960),
        make_movie("PSYCHO", 1998, imdb_votes=50),
        make_movie("Psycho", 2020),
        make_movie("Psycho"),
        make_movie("Psychos", 2000, imdb_votes=1_000),
    )
    with unit_of_work(is_read_only=True) as uow:
        found = uow.movies.find_by_title("psycho")
        assert found[:2] == (most_voted, newest)
        assert len(found) == 4
        assert uow.movies.find_by_title("psycho", 1998) == (most_voted,)
        assert uow.movies.find_by_title("psychos") == (other,)
        searched = [("psycho", None), ("psycho", 1960), ("psychos", None), ("psycho", 1961)]
        assert uow.movies.find_first_ids_by_title(searched) == {
            ("psycho", None): most_voted.id,
            ("psycho", 1960): old.id,
            ("psychos", None): other.id,
        }


def test_finds_at_most_twenty_movies_of_a_title(unit_of_work: UnitOfWorkFactory) -> None:
    store(unit_of_work, *(make_movie("Hamlet", 1900 + number) for number in range(25)))
    with unit_of_work(is_read_only=True) as uow:
        assert len(uow.movies.find_by_title("Hamlet")) == 20


def test_removes_a_movie_and_does_not_reuse_its_id(
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


def test_an_update_replaces_all_fields(unit_of_work: UnitOfWorkFactory) -> None:
    stored, other = store(unit_of_work, AMELIE, make_movie("Alien", 1979, imdb_id="tt0078748"))
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
    for movie_filter, expected in (
        (MovieFilter(title="poulain", year=2002), ["Poulain"]),
        (MovieFilter(genre="drama"), ["Poulain"]),
        (MovieFilter(genre="romance", cast="mathieu kassovitz"), ["Poulain"]),
        (MovieFilter(genre="comedy"), []),
        (MovieFilter(cast="audrey tautou"), []),
        (MovieFilter(title="amelie"), []),
        (MovieFilter(year=2001), []),
    ):
        with unit_of_work(is_read_only=True) as uow:
            page = uow.movies.list(MovieQuery(filter=movie_filter, counts_total=True))
        assert [orjson.loads(movie.document)["title"] for movie in page.movies] == expected
        assert page.total == len(expected)
    with unit_of_work() as uow, pytest.raises(NotFound):
        uow.movies.update(99, changed)
    with pytest.raises(Conflict), unit_of_work() as uow:
        uow.movies.update(other.id, AMELIE)
        uow.movies.update(stored.id, AMELIE)


@pytest.mark.parametrize(
    ("movie_filter", "expected"),
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
    unit_of_work: UnitOfWorkFactory, movie_filter: MovieFilter, expected: list[str]
) -> None:
    store(
        unit_of_work,
        AMELIE,
        make_movie(
            "Alien",
            1979,
            genres=("Horror", "Sci-Fi", "horror"),
            cast=("Sigourney Weaver",),
            directors=("Ridley Scott",),
        ),
        make_movie("Mad Max", 1979, genres=("Action",)),
        make_movie("Psycho", 1960, genres=("Horror",)),
        make_movie("100%_'\" ☕"),
    )
    query = MovieQuery(filter=movie_filter, counts_total=True)
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
def test_pages_continue_in_every_order(
    unit_of_work: UnitOfWorkFactory,
    field: SortField,
    expected: list[str],
    is_descending: bool,
    limit: int,
) -> None:
    store(
        unit_of_work,
        make_movie("Zebra", 2000),
        make_movie("zebra"),
        make_movie("Élan", 1990),
        make_movie("aardvark", 1990),
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


@pytest.mark.parametrize("field", ["title", "year"])
@pytest.mark.parametrize("is_descending", [False, True])
def test_pages_sort_by_whole_titles(
    unit_of_work: UnitOfWorkFactory, field: SortField, is_descending: bool
) -> None:
    # The order of the titles is neither the order of the ids nor its reverse.
    names = [f"{'x' * 400}{number * 5 % 14:02}" for number in range(14)]
    store(unit_of_work, *(make_movie(name) for name in names))
    found: list[str] = []
    query: MovieQuery | None = MovieQuery(sort=MovieSort(field, is_descending), limit=5)
    while query is not None:
        with unit_of_work(is_read_only=True) as uow:
            page = uow.movies.list(query)
        found += [orjson.loads(movie.document)["title"] for movie in page.movies]
        is_last = page.next_after is None
        query = None if is_last else dataclasses.replace(query, after=page.next_after)
    assert found == sorted(names, reverse=is_descending)


def test_pages_neither_repeat_nor_skip_movies_during_changes(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    stored = store(unit_of_work, *(make_movie(f"M{number:02}") for number in range(0, 40, 2)))
    newcomers = (make_movie(f"M{number:02}") for number in itertools.count(1, 4))
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


def test_skips_movies_for_numbered_pages(unit_of_work: UnitOfWorkFactory) -> None:
    store(unit_of_work, *(make_movie(f"M{number}") for number in range(5)))
    assert titles(unit_of_work, MovieQuery(limit=2, skip=4)) == ["M4"]
    assert titles(unit_of_work, MovieQuery(limit=2, skip=6)) == []
