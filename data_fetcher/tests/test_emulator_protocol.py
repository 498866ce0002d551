import pytest

from data_fetcher.emulator.movies import EmulatedMovie
from data_fetcher.emulator.protocol import MovieIndex
from data_fetcher.tests.conftest import MOVIES

INDEX = MovieIndex(
    [
        *MOVIES,
        *(
            EmulatedMovie(imdb_id=f"tt{number:07}", title=f"Saga {number}", year=2000)
            for number in range(1, 13)
        ),
    ]
)


@pytest.mark.parametrize(
    ("parameters", "imdb_id"),
    [
        ({"i": "tt0078748"}, "tt0078748"),
        ({"t": "ALIEN"}, "tt0078748"),
        ({"i": "tt0078748", "t": "Psycho"}, "tt0078748"),
        ({"t": "psycho"}, "tt0054215"),
        ({"t": "psycho", "y": "1998"}, "tt0155975"),
        ({"t": "Game of Thrones", "type": "series"}, "tt0944947"),
    ],
)
def test_returns_the_movie(parameters: dict[str, str], imdb_id: str) -> None:
    assert INDEX.respond(parameters)["imdbID"] == imdb_id


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "Incorrect IMDb ID."),
        ({"i": "78748"}, "Incorrect IMDb ID."),
        ({"i": "tt7777777"}, "Error getting data."),
        ({"t": "Nothing"}, "Movie not found!"),
        ({"t": "Alien", "y": "1980"}, "Movie not found!"),
        ({"t": "Alien", "type": "series"}, "Series not found!"),
        ({"s": "Al"}, "Too many results."),
        ({"s": "Nothing"}, "Movie not found!"),
        ({"s": "Saga", "page": "3"}, "Movie not found!"),
    ],
)
def test_returns_an_error(parameters: dict[str, str], message: str) -> None:
    assert INDEX.respond(parameters) == {"Response": "False", "Error": message}


def test_search_results_have_ten_movies_per_page() -> None:
    first = INDEX.respond({"s": "saga"})
    assert (len(first["Search"]), first["totalResults"]) == (10, "12")
    assert first["Search"][0] == {
        "Title": "Saga 1",
        "Year": "2000",
        "imdbID": "tt0000001",
        "Type": "movie",
        "Poster": "N/A",
    }
    assert len(INDEX.respond({"s": "saga", "page": "2"})["Search"]) == 2
    assert INDEX.respond({"s": "saga", "page": "x"}) == first


def test_has_a_length() -> None:
    assert len(INDEX) == 16
