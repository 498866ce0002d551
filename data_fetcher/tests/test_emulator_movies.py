from pathlib import Path

import pytest

from common.errors import InvalidInput
from data_fetcher.emulator.movies import EmulatedMovie, load_movies, with_generated
from data_fetcher.tests.conftest import ALIEN, SERIES


def test_has_at_least_five_hundred_distinct_movies() -> None:
    movies = load_movies()
    assert len(movies) >= 500
    assert len({movie.imdb_id for movie in movies}) == len(movies)


def test_generates_the_requested_number_of_movies() -> None:
    movies = with_generated((ALIEN, SERIES), 3)
    assert movies[:2] == (ALIEN, SERIES)
    assert [(movie.imdb_id, movie.title) for movie in movies[2:]] == [
        ("tt8000001", "Alien 8000001"),
        ("tt8000002", "Game of Thrones 8000002"),
        ("tt8000003", "Alien 8000003"),
    ]
    assert movies[2].title_key == "alien 8000001"
    assert with_generated((ALIEN,), 0) == (ALIEN,)


def test_the_file_states_source_and_licence() -> None:
    header = (Path(__file__).parents[1] / "emulator" / "movies.json").read_text()[:600]
    assert "CC0" in header
    assert "Wikidata" in header


def test_renders_a_movie_in_omdbs_format() -> None:
    assert ALIEN.to_response() == {
        "Title": "Alien",
        "Year": "1979",
        "Rated": "R",
        "Released": "25 May 1979",
        "Runtime": "117 min",
        "Genre": "Sci-Fi, Horror",
        "Director": "Ridley Scott",
        "Writer": "N/A",
        "Actors": "Sigourney Weaver, Tom Skerritt",
        "Plot": "N/A",
        "Language": "N/A",
        "Country": "N/A",
        "Awards": "N/A",
        "Poster": "N/A",
        "Ratings": [
            {"Source": "Rotten Tomatoes", "Value": "93%"},
            {"Source": "Metacritic", "Value": "89/100"},
        ],
        "Metascore": "89",
        "imdbRating": "N/A",
        "imdbVotes": "N/A",
        "imdbID": "tt0078748",
        "Type": "movie",
        "DVD": "N/A",
        "BoxOffice": "$106,285,522",
        "Production": "N/A",
        "Website": "N/A",
        "Response": "True",
    }


def test_a_series_has_years_and_seasons() -> None:
    response = SERIES.to_response()
    assert response["Year"] == "2011–2019"
    assert list(response)[-2:] == ["totalSeasons", "Response"]
    assert "BoxOffice" not in response
    running = EmulatedMovie(imdb_id="tt0000001", title="X", year=1999, is_running=True)
    assert running.to_response()["Year"] == "1999–"


@pytest.mark.parametrize("content", [None, "{", '{"movies": [{"title": "No id"}]}'])
def test_rejects_an_invalid_file(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "movies.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidInput, match=r"movies\.json"):
        load_movies(path)
