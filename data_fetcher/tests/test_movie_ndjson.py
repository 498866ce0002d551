import datetime as dt
import io
import json
from typing import Any

import pytest

from data_fetcher.movie_json import ndjson as film_lines
from data_fetcher.movie_json.ndjson import LINE_MAX_BYTES, LineReport, export_films, import_films
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts, Rating
from data_layer.entities.movie_query import MovieQuery

FILMS = [
    MovieFacts(
        title="Amélie 🎬",
        imdb_id="tt0211915",
        year=2001,
        end_year=2002,
        type="series",
        rated="R",
        released=dt.date(2001, 4, 25),
        runtime_minutes=122,
        genres=("Comedy", "Romance"),
        directors=("Jean-Pierre Jeunet",),
        writers=("Guillaume Laurant",),
        cast=("Audrey Tautou", "Mathieu Kassovitz"),
        plot="She helps.",
        languages=("French",),
        countries=("France",),
        awards="Many.",
        poster_url="https://example.org/amelie.jpg",
        ratings=(Rating("Metacritic", "69/100"),),
        metascore=69,
        imdb_rating=8.3,
        imdb_votes=700_000,
        box_office_usd=33_225_499,
        production="UGC",
        website="http://example.org",
    ),
    MovieFacts(title="Home Video"),
    MovieFacts(title="Alien", imdb_id="tt0078748", year=1979),
]


def store(database: Database, *films: MovieFacts) -> None:
    with database.unit_of_work() as uow:
        uow.movies.add_many(films)
        uow.commit()


def documents(database: Database) -> list[dict[str, Any]]:
    """Every film, by title."""
    with database.unit_of_work(is_read_only=True) as uow:
        page = uow.movies.list(MovieQuery(limit=1000))
    return [json.loads(movie.document) for movie in page.movies]


def exported(database: Database) -> bytes:
    file = io.BytesIO()
    export_films(database.unit_of_work, file, lambda _done, _total: None)
    return file.getvalue()


def imported(database: Database, lines: bytes) -> tuple[LineReport, list[tuple[int, str]]]:
    """What came of an import, and the lines that are no films."""
    faults: list[tuple[int, str]] = []
    report = import_films(
        database,
        io.BytesIO(lines),
        lambda line, message: faults.append((line, message)),
        lambda _done, _total: None,
    )
    return report, faults


def test_what_was_exported_comes_back_with_its_ids(
    database: Database, any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_lines, "_FILMS_AT_ONCE", 2)
    store(any_database, *FILMS)
    with any_database.unit_of_work() as uow:
        uow.movies.remove(2)
        uow.commit()
    store(any_database, FILMS[1])
    lines = exported(any_database)
    assert [json.loads(line)["id"] for line in lines.splitlines()] == [1, 3, 4]
    if database.engines.reading.url == any_database.engines.reading.url:
        return
    assert imported(database, lines) == (LineReport(added=3), [])
    assert exported(database) == lines
    assert documents(database) == documents(any_database)


def test_the_next_film_comes_behind_those_of_an_import(any_database: Database) -> None:
    imported(any_database, b'{"id": 41, "title": "Alien"}')
    store(any_database, MovieFacts(title="Brazil"))
    assert [film["id"] for film in documents(any_database)] == [41, 42]


def test_films_that_are_there_are_left_as_they_are(database: Database) -> None:
    store(database, *FILMS)
    lines = exported(database) + b'{"id": 1, "title": "Brazil"}\n{"title": "brazil"}\n'
    lines += b'{"title": "Alien!", "imdb_id": "tt0078748", "year": 1980}'
    before = documents(database)
    assert imported(database, lines) == (LineReport(added=1, known=5), [])
    after = documents(database)
    assert [film for film in after if film["title"] != "Brazil"] == before
    assert imported(database, lines) == (LineReport(added=0, known=6), [])


WRONG = [
    (b"nonsense", "Invalid JSON"),
    (b"[]", "Input should be an object"),
    (b'{"id": 7}', "title: Field required"),
    (b'{"title": 5}', "title: Input should be a valid string"),
    (b'{"title": " "}', "title: it is blank, or holds NUL"),
    (b'{"title": "a\\u0000b"}', "title: it is blank, or holds NUL"),
    (b'{"title": "\\ud800"}', "Invalid JSON"),
    (b'{"title": "\xff"}', "Invalid JSON"),
    (b'{"title": "A", "yaer": 1999}', "yaer: Extra inputs are not permitted"),
    (b'{"title": "A", "year": "1999"}', "year: Input should be a valid integer"),
    (b'{"title": "A", "year": 99999}', "year: Input should be less than or equal to 2200"),
    (b'{"title": "A", "imdb_votes": 9223372036854775808}', "imdb_votes"),
    (b'{"title": "A", "imdb_rating": NaN}', "imdb_rating"),
    (b'{"title": "A", "website": "javascript:alert(1)"}', "website"),
    (b'{"title": "A", "cast": ["x", 5]}', "cast.1"),
    (b'{"title": "A", "id": 0}', "id: Input should be greater than or equal to 1"),
    (b'{"title": "' + b"x" * LINE_MAX_BYTES * 2 + b'"}', "longer than 1048576 bytes"),
]


@pytest.mark.parametrize("is_empty", [True, False])
def test_lines_that_are_no_films_are_named_and_the_others_come_in(
    database: Database, *, is_empty: bool
) -> None:
    if not is_empty:
        store(database, FILMS[0])
    lines = b"\n".join([line for line, _ in WRONG] + [b"", b'{"title": "Brazil"}'])
    report, faults = imported(database, lines)
    assert report == LineReport(added=1, faults=len(WRONG))
    assert [line for line, _message in faults] == list(range(1, len(WRONG) + 1))
    for (_line, message), (_wrong, expected) in zip(faults, WRONG, strict=True):
        assert expected in message
    assert "Brazil" in {film["title"] for film in documents(database)}


def test_into_an_empty_catalogue_ids_have_to_rise_and_films_come_once(database: Database) -> None:
    lines = [
        {"id": 5, "title": "Five", "imdb_id": "tt0000005"},
        {"id": 3, "title": "Three"},
        {"title": "Six"},
        {"id": 9, "title": "Five again", "imdb_id": "tt0000005"},
        {"id": 10, "title": "SIX"},
    ]
    report, faults = imported(database, "\n".join(map(json.dumps, lines)).encode())
    assert report == LineReport(added=2, known=2, faults=1)
    assert faults == [(2, "id: it must be larger than the ones before.")]
    stored = {film["id"]: film["title"] for film in documents(database)}
    assert stored == {5: "Five", 6: "Six"}


def test_a_batch_of_films_that_came_before_adds_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_lines, "_FILMS_AT_ONCE", 2)
    lines = b'{"title": "Alien"}\n{"title": "Brazil"}\n' * 2
    assert imported(database, lines) == (LineReport(added=2, known=2), [])


def test_nothing_at_all_is_no_fault(database: Database) -> None:
    assert exported(database) == b""
    assert imported(database, b"\n\n") == (LineReport(), [])
