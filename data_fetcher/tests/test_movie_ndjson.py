import datetime as dt
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_fetcher.movie_json import ndjson
from data_fetcher.movie_json.ndjson import LINE_MAX_BYTES, LineReport, export_movies, import_movies
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts, Rating
from data_layer.entities.movie_query import MovieQuery
from data_layer.entities.movie_serialization import render_movie

MOVIES = [
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


def store(database: Database, *movies: MovieFacts) -> None:
    with database.unit_of_work() as uow:
        uow.movies.add_many(movies)
        uow.commit()


def documents(database: Database) -> list[dict[str, Any]]:
    """Return the documents of all movies by title."""
    with database.unit_of_work(is_read_only=True) as uow:
        page = uow.movies.list(MovieQuery(limit=1000))
    return [json.loads(movie.document) for movie in page.movies]


def exported(database: Database) -> bytes:
    file = io.BytesIO()
    export_movies(database.unit_of_work, file, lambda _done, _total: None)
    return file.getvalue()


def imported(database: Database, lines: bytes) -> tuple[LineReport, list[tuple[int, str]]]:
    """Import the lines; return the report and the errors by line."""
    errors: list[tuple[int, str]] = []
    report = import_movies(
        database,
        io.BytesIO(lines),
        lambda line, message: errors.append((line, message)),
        lambda _done, _total: None,
    )
    return report, errors


def test_imports_an_export_with_the_same_ids(
    database: Database, any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "_BATCH_MOVIES", 2)
    store(any_database, *MOVIES)
    with any_database.unit_of_work() as uow:
        uow.movies.remove(2)
        uow.commit()
    store(any_database, MOVIES[1])
    lines = exported(any_database)
    assert [json.loads(line)["id"] for line in lines.splitlines()] == [1, 3, 4]
    if database.engines.reading.url == any_database.engines.reading.url:
        return
    assert imported(database, lines) == (LineReport(added=3), [])
    assert exported(database) == lines
    assert documents(database) == documents(any_database)


def test_the_next_id_follows_those_of_an_import(any_database: Database) -> None:
    imported(any_database, b'{"id": 41, "title": "Alien"}')
    store(any_database, MovieFacts(title="Brazil"))
    assert [movie["id"] for movie in documents(any_database)] == [41, 42]


def test_an_import_does_not_change_existing_movies(database: Database) -> None:
    store(database, *MOVIES)
    lines = exported(database) + b'{"id": 1, "title": "Brazil"}\n{"title": "brazil"}\n'
    lines += b'{"title": "Alien!", "imdb_id": "tt0078748", "year": 1980}'
    before = documents(database)
    assert imported(database, lines) == (LineReport(added=1, known=3, errors=2), REPEATED)
    after = documents(database)
    assert [movie for movie in after if movie["title"] != "Brazil"] == before
    assert imported(database, lines) == (LineReport(added=0, known=4, errors=2), REPEATED)


REPEATED = [(line, "repeats the movie of an earlier line.") for line in (5, 6)]

INVALID_LINES = [
    (b"nonsense", "Invalid JSON"),
    (b"[]", "Input should be an object"),
    (b'{"id": 7}', "title: Field required"),
    (b'{"title": 5}', "title: Input should be a valid string"),
    (b'{"title": " "}', "title: must not be blank or contain NUL"),
    (b'{"title": "a\\u0000b"}', "title: must not be blank or contain NUL"),
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
    (b'{"title": "A", "year": 1999, "year": 1999}', "an object contains a name twice"),
    (b'{"title": "A", "imdb_rating": NaN, "imdb_rating": 5}', "an object contains a name twice"),
    (b'{"title": "' + b"x" * LINE_MAX_BYTES * 2 + b'"}', "must have at most 1048576 bytes"),
]


@pytest.mark.parametrize("is_empty", [True, False])
def test_reports_invalid_lines_and_imports_the_others(
    database: Database, *, is_empty: bool
) -> None:
    if not is_empty:
        store(database, MOVIES[0])
    lines = b"\n".join([line for line, _ in INVALID_LINES] + [b"", b'{"title": "Brazil"}'])
    report, errors = imported(database, lines)
    assert report == LineReport(added=1, errors=len(INVALID_LINES))
    assert [line for line, _message in errors] == list(range(1, len(INVALID_LINES) + 1))
    for (_line, message), (_wrong, expected) in zip(errors, INVALID_LINES, strict=True):
        assert expected in message
    assert "Brazil" in {movie["title"] for movie in documents(database)}


def test_ids_have_to_ascend_and_duplicates_are_skipped_in_an_empty_catalogue(
    database: Database,
) -> None:
    lines = [
        {"id": 5, "title": "Five", "imdb_id": "tt0000005"},
        {"id": 3, "title": "Three"},
        {"title": "Six"},
        {"id": 9, "title": "Five again", "imdb_id": "tt0000005"},
        {"title": "SIX"},
    ]
    report, errors = imported(database, "\n".join(map(json.dumps, lines)).encode())
    assert report == LineReport(added=2, errors=3)
    assert dict(errors) == {
        2: "id: must be greater than all preceding ids.",
        4: "repeats the movie of an earlier line.",
        5: "repeats the movie of an earlier line.",
    }
    stored = {movie["id"]: movie["title"] for movie in documents(database)}
    assert stored == {5: "Five", 6: "Six"}


def test_a_batch_of_duplicates_adds_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "_BATCH_MOVIES", 2)
    lines = b'{"title": "Alien"}\n{"title": "Brazil"}\n' * 2
    message = "repeats the movie of an earlier line."
    errors = [(3, message), (4, message)]
    assert imported(database, lines) == (LineReport(added=2, errors=2), errors)


SMALL_MOVIES = st.lists(
    st.builds(
        MovieFacts,
        title=st.sampled_from(["Home", "HOME", "Höme", "Away"]),
        year=st.sampled_from([None, 1979]),
        imdb_id=st.none(),
    ),
    min_size=1,
    max_size=6,
)
"""Movies that share titles and years, and have no IMDb ids."""


def emptied(database: Database) -> None:
    """Remove all movies; ids are not assigned again."""
    ids = [movie["id"] for movie in documents(database)]
    with database.unit_of_work() as uow:
        uow.movies.remove_many(ids)
        uow.commit()


def test_an_export_and_its_import_are_the_identity(database: Database) -> None:
    last_id = 0

    @settings(max_examples=8, deadline=None)
    @given(SMALL_MOVIES)
    def check(movies: list[MovieFacts]) -> None:
        nonlocal last_id
        lines = b"".join(
            render_movie(last_id + number, facts) + b"\n" for number, facts in enumerate(movies, 1)
        )
        last_id += len(movies)
        assert imported(database, lines) == (LineReport(added=len(movies)), [])
        assert exported(database) == lines
        assert imported(database, lines) == (LineReport(known=len(movies)), [])
        assert exported(database) == lines
        emptied(database)

    check()


def test_an_import_into_other_movies_adds_all_that_share_a_title(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "_BATCH_MOVIES", 2)
    store(database, MovieFacts(title="Home"), MovieFacts(title="Away"))
    lines = b"".join(render_movie(number, MovieFacts(title="Home")) + b"\n" for number in range(5))
    lines = lines.replace(b'"id":0', b'"id":9')
    assert imported(database, lines + lines[: lines.index(b"\n")]) == (
        LineReport(added=4, known=1, errors=1),
        [(6, "repeats the movie of an earlier line.")],
    )
    assert imported(database, lines) == (LineReport(known=5), [])
    assert len(documents(database)) == 6


def test_accepts_an_empty_catalogue_and_an_empty_file(database: Database) -> None:
    assert exported(database) == b""
    assert imported(database, b"\n\n") == (LineReport(), [])
