import contextlib
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import (
    MoviesError,
    NotFound,
    UpstreamInvalid,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamUnavailable,
)
from data_fetcher.omdb.responses import Answer, read_answer
from data_layer.entities.movie import MovieFacts, Rating

MATRIX = {
    "Title": "The Matrix",
    "Year": "1999",
    "Rated": "R",
    "Released": "31 Mar 1999",
    "Runtime": "136 min",
    "Genre": "Action, Sci-Fi",
    "Director": "Lana Wachowski, Lilly Wachowski",
    "Writer": "Lilly Wachowski, Lana Wachowski",
    "Actors": "Keanu Reeves, Laurence Fishburne",
    "Plot": "Somebody learns something.",
    "Language": "English",
    "Country": "United States, Australia",
    "Awards": "Won 4 Oscars.",
    "Poster": "https://example.com/matrix.jpg",
    "Ratings": [{"Source": "Metacritic", "Value": "73/100"}, {"Source": "N/A", "Value": "1"}],
    "Metascore": "73",
    "imdbRating": "8.7",
    "imdbVotes": "2,100,000",
    "imdbID": "tt0133093",
    "Type": "movie",
    "DVD": "N/A",
    "BoxOffice": "$172,076,928",
    "Production": "N/A",
    "Website": "N/A",
    "Response": "True",
}


def good(**changes: object) -> Answer:
    """A good answer, with changes."""
    return Answer(200, json.dumps(MATRIX | changes).encode())


def failed(message: str, status: int = 200) -> Answer:
    """OMDb's own kind of error."""
    return Answer(status, json.dumps({"Response": "False", "Error": message}).encode())


def test_reads_a_whole_film() -> None:
    assert read_answer(good()) == MovieFacts(
        title="The Matrix",
        imdb_id="tt0133093",
        year=1999,
        type="movie",
        rated="R",
        released=dt.date(1999, 3, 31),
        runtime_minutes=136,
        genres=("Action", "Sci-Fi"),
        directors=("Lana Wachowski", "Lilly Wachowski"),
        writers=("Lilly Wachowski", "Lana Wachowski"),
        cast=("Keanu Reeves", "Laurence Fishburne"),
        plot="Somebody learns something.",
        languages=("English",),
        countries=("United States", "Australia"),
        awards="Won 4 Oscars.",
        poster_url="https://example.com/matrix.jpg",
        ratings=(Rating("Metacritic", "73/100"),),
        metascore=73,
        imdb_rating=8.7,
        imdb_votes=2_100_000,
        box_office_usd=172_076_928,
    )


def test_reads_a_film_of_which_nothing_is_known() -> None:
    unknown: dict[str, Any] = dict.fromkeys(MATRIX, "N/A")
    unknown |= {"Title": "X", "imdbID": "tt0000001", "Type": "movie"}
    unknown |= {"Ratings": [], "Response": "True"}
    facts = read_answer(Answer(200, json.dumps(unknown).encode()))
    assert facts == MovieFacts(title="X", imdb_id="tt0000001")


@pytest.mark.parametrize("kind", ["series", "episode", "game"])
def test_a_series_or_an_episode_is_what_it_is(kind: str) -> None:
    facts = read_answer(good(Type=kind, Year="2011–2019", totalSeasons="8"))
    assert (facts.type, facts.year, facts.end_year) == (kind, 2011, 2019)


def test_fields_that_are_missing_are_unknown() -> None:
    document = {"Title": "X", "imdbID": "tt0000001", "Type": "movie", "Response": "True"}
    assert read_answer(Answer(200, json.dumps(document).encode())) == MovieFacts(
        title="X", imdb_id="tt0000001"
    )


def test_repairs_what_omdb_is_known_to_break() -> None:
    body = json.dumps(MATRIX | {"Plot": "PLOT"}).replace("PLOT", 'a\tb\nc \\s d\\u12 \\" e\\\\s')
    assert read_answer(Answer(200, body.encode())).plot == 'a\tb\nc \\s d\\u12 " e\\s'


def test_a_byte_order_mark_is_no_error() -> None:
    assert read_answer(Answer(200, b"\xef\xbb\xbf" + good().body)).title == "The Matrix"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (failed("Movie not found!"), NotFound),
        (failed("Series not found!"), NotFound),
        (failed("Incorrect IMDb ID."), NotFound),
        (failed("Error getting data."), NotFound),
        (failed("Too many results."), NotFound),
        (failed("Movie not found!", 500), UpstreamUnavailable),
        (failed("Something went wrong."), UpstreamUnavailable),
        (failed("Invalid API key!", 401), UpstreamRefused),
        (failed("No API key provided.", 401), UpstreamRefused),
        (failed("Invalid API key!"), UpstreamRefused),
        (failed("Request limit reached!", 401), UpstreamQuota),
        (failed("Request limit reached!"), UpstreamQuota),
        (failed("Unknown message.", 401), UpstreamRefused),
        (Answer(401, b""), UpstreamRefused),
        (Answer(401, b"<html>"), UpstreamUnavailable),
        (Answer(401, b"", content_type="text/html"), UpstreamUnavailable),
        (Answer(403, b"<html>"), UpstreamUnavailable),
        (Answer(404, b"<html>"), UpstreamUnavailable),
        (Answer(429, b"{}"), UpstreamUnavailable),
        (Answer(500, b""), UpstreamUnavailable),
        (Answer(503, b"<html>"), UpstreamUnavailable),
        (Answer(522, b"<html>"), UpstreamUnavailable),
        (Answer(200, b" <!DOCTYPE html>"), UpstreamUnavailable),
        (Answer(200, b"\xef\xbb\xbf<html>"), UpstreamUnavailable),
        (Answer(200, b"Sorry.", content_type="text/html"), UpstreamUnavailable),
        (Answer(200, b'{"Title"', content_type="text/html"), UpstreamInvalid),
        (Answer(302, b""), UpstreamInvalid),
        (Answer(302, b"<html>", content_type="text/html"), UpstreamInvalid),
        (Answer(200, b""), UpstreamInvalid),
        (Answer(200, b"{"), UpstreamInvalid),
        (Answer(200, b"[]"), UpstreamInvalid),
        (Answer(200, b"{}"), UpstreamInvalid),
        (Answer(200, b"\xff"), UpstreamInvalid),
        (Answer(200, b"[" * 100_000), UpstreamInvalid),
        (Answer(200, b'{"Year": ' + b"9" * 5_000 + b"}"), UpstreamInvalid),
        (good(Response="False"), UpstreamInvalid),
        (good(Response=None), UpstreamInvalid),
        (good(Title="N/A"), UpstreamInvalid),
        (good(Title="\x00 \x00"), UpstreamInvalid),
        (good(Title="x" * 501), UpstreamInvalid),
        (good(imdbID="N/A"), UpstreamInvalid),
        (good(Type="poem"), UpstreamInvalid),
        (good(Year=1999), UpstreamInvalid),
        (good(Genre=["Drama"]), UpstreamInvalid),
        (good(Plot=None), UpstreamInvalid),
        (good(Ratings="N/A"), UpstreamInvalid),
        (good(Ratings=["8/10"]), UpstreamInvalid),
        (good(Ratings=[{"Source": 1}]), UpstreamInvalid),
    ],
)
def test_every_other_answer_is_told_apart(answer: Answer, error: type[MoviesError]) -> None:
    with pytest.raises(MoviesError) as raised:
        read_answer(answer)
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("0000120", 120),
        ("99999", 86_400),
        ("9" * 5_000, 86_400),
        ("-1", None),
        ("٣", None),
        ("soon", None),
        ("", None),
    ],
)
@pytest.mark.parametrize(("status", "body"), [(503, b""), (429, b"{}"), (200, b"<html>")])
def test_reads_when_to_try_again(
    status: int, body: bytes, header: str, seconds: int | None
) -> None:
    with pytest.raises(UpstreamUnavailable) as raised:
        read_answer(Answer(status, body, header))
    assert raised.value.retry_after_seconds == seconds


@given(st.integers(100, 599), st.binary() | st.just(good().body), st.text())
def test_no_answer_is_an_error_of_another_kind(status: int, body: bytes, header: str) -> None:
    with contextlib.suppress(MoviesError):
        read_answer(Answer(status, body, header))
