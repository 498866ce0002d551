import dataclasses
import re
from collections import Counter

from common.text import is_storable, match_key
from data_fetcher.sample_data.movies import FilmMaker
from data_layer.entities.movie import MovieFacts


def make(films: int, seed: int = 1, first_id: int = 1) -> list[MovieFacts]:
    maker = FilmMaker(seed, first_id, films)
    return [maker.make() for _ in range(films)]


def test_the_same_seed_gives_the_same_films() -> None:
    assert make(20) == make(20)
    assert make(20) != make(20, seed=2)


def test_films_that_come_later_are_others() -> None:
    earlier, later = make(500), make(500, first_id=501)
    assert not {film.imdb_id for film in earlier} & {film.imdb_id for film in later}
    assert len({film.title for film in earlier + later}) > 950


def test_a_film_is_whole() -> None:
    for film in make(300):
        assert re.fullmatch(r"tt9[0-9]{9}", film.imdb_id or "")
        assert film.year is not None
        assert film.released is not None
        assert film.released.year == film.year
        assert 1920 <= film.year <= 2025
        assert 2.0 <= (film.imdb_rating or 0) <= 9.0
        assert 0 < (film.metascore or 0) < 100
        assert film.genres
        assert film.cast
        assert film.directors
        assert film.writers
        assert "{" not in film.title + (film.plot or "")
        assert all(map(is_storable, (film.title, film.plot or "", *film.cast)))


def test_careers_do_not_grow_with_the_catalogue() -> None:
    def longest(films: int) -> int:
        roles = Counter(match_key(name) for film in make(films) for name in film.cast)
        return max(roles.values())

    assert longest(20_000) < 2 * longest(1_000)


def test_more_people_than_names_have_initials() -> None:
    film = FilmMaker(1, 3_000_000, 3_000_000).make()
    assert all(re.fullmatch(r"\S+ ([A-Z]\. )+\S+", name) for name in film.cast)


def test_a_bare_film_has_nothing_that_films_share() -> None:
    film = FilmMaker(1, 1, 10).make_bare()
    shared = ("genres", "directors", "writers", "cast", "ratings")
    assert not any(dataclasses.asdict(film)[name] for name in shared)
    assert film.plot
