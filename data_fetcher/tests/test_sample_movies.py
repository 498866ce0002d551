import dataclasses
import re
from collections import Counter

from common.text import is_storable, match_key
from data_fetcher.sample_data.movies import MovieGenerator
from data_layer.entities.movie import MovieFacts


def make(movies: int, seed: int = 1, first_id: int = 1) -> list[MovieFacts]:
    generator = MovieGenerator(seed, first_id, movies)
    return [generator.make() for _ in range(movies)]


def test_the_same_seed_produces_the_same_movies() -> None:
    assert make(20) == make(20)
    assert make(20) != make(20, seed=2)


def test_later_movies_differ_from_earlier_ones() -> None:
    earlier, later = make(500), make(500, first_id=501)
    assert not {movie.imdb_id for movie in earlier} & {movie.imdb_id for movie in later}
    assert len({movie.title for movie in earlier + later}) > 950


def test_fills_every_field_plausibly() -> None:
    for movie in make(300):
        assert re.fullmatch(r"tt9[0-9]{9}", movie.imdb_id or "")
        assert movie.year is not None
        assert movie.released is not None
        assert movie.released.year == movie.year
        assert 1920 <= movie.year <= 2025
        assert 2.0 <= (movie.imdb_rating or 0) <= 9.0
        assert 0 < (movie.metascore or 0) < 100
        assert movie.genres
        assert movie.cast
        assert movie.directors
        assert movie.writers
        assert "{" not in movie.title + (movie.plot or "")
        assert all(map(is_storable, (movie.title, movie.plot or "", *movie.cast)))


def test_movies_per_person_do_not_grow_with_the_catalogue() -> None:
    def longest(movies: int) -> int:
        roles = Counter(match_key(name) for movie in make(movies) for name in movie.cast)
        return max(roles.values())

    assert longest(20_000) < 2 * longest(1_000)


def test_initials_distinguish_more_people_than_there_are_names() -> None:
    movie = MovieGenerator(1, 3_000_000, 3_000_000).make()
    assert all(re.fullmatch(r"\S+ ([A-Z]\. )+\S+", name) for name in movie.cast)


def test_a_bare_movie_has_no_relations() -> None:
    movie = MovieGenerator(1, 1, 10).make_bare()
    shared = ("genres", "directors", "writers", "cast", "ratings")
    assert not any(dataclasses.asdict(movie)[name] for name in shared)
    assert movie.plot
