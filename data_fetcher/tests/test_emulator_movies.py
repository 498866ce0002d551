from pathlib import Path

import pytest

from common.errors import InvalidInput
from data_fetcher.emulator.movies import EmulatedFilm, load_films, with_more
from data_fetcher.tests.conftest import ALIEN, SERIES


def test_there_are_at_least_five_hundred_films_each_once() -> None:
    films = load_films()
    assert len(films) >= 500
    assert len({film.imdb_id for film in films}) == len(films)


def test_there_can_be_as_many_films_as_one_likes() -> None:
    films = with_more((ALIEN, SERIES), 3)
    assert films[:2] == (ALIEN, SERIES)
    assert [(film.imdb_id, film.title) for film in films[2:]] == [
        ("tt8000001", "Alien 8000001"),
        ("tt8000002", "Game of Thrones 8000002"),
        ("tt8000003", "Alien 8000003"),
    ]
    assert films[2].title_key == "alien 8000001"
    assert with_more((ALIEN,), 0) == (ALIEN,)


def test_the_file_says_where_its_facts_come_from() -> None:
    head = (Path(__file__).parents[1] / "emulator" / "films.json").read_text()[:600]
    assert "CC0" in head
    assert "Wikidata" in head


def test_a_film_is_written_as_omdb_writes_it() -> None:
    assert ALIEN.to_answer() == {
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
    answer = SERIES.to_answer()
    assert answer["Year"] == "2011–2019"
    assert list(answer)[-2:] == ["totalSeasons", "Response"]
    assert "BoxOffice" not in answer
    running = EmulatedFilm(imdb_id="tt0000001", title="X", year=1999, is_running=True)
    assert running.to_answer()["Year"] == "1999–"


@pytest.mark.parametrize("content", [None, "{", '{"films": [{"title": "No id"}]}'])
def test_a_bad_file_is_a_sentence(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "films.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidInput, match=r"films\.json"):
        load_films(path)
