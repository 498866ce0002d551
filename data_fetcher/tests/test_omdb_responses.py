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
    UpstreamBadResponse,
    UpstreamQuotaExceeded,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from data_fetcher.omdb.responses import OmdbResponse, parse_response
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
    "Plot": "A hacker learns the truth.",
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


def valid(**changes: object) -> OmdbResponse:
    """Return a valid response with changed fields."""
    return OmdbResponse(200, json.dumps(MATRIX | changes).encode())


def failed(message: str, status: int = 200) -> OmdbResponse:
    """Return an error response in OMDb's format."""
    return OmdbResponse(status, json.dumps({"Response": "False", "Error": message}).encode())


def test_parses_all_fields_of_a_movie() -> None:
    assert parse_response(valid()) == MovieFacts(
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
        plot="A hacker learns the truth.",
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


def test_parses_a_movie_with_unknown_fields() -> None:
    unknown: dict[str, Any] = dict.fromkeys(MATRIX, "N/A")
    unknown |= {"Title": "X", "imdbID": "tt0000001", "Type": "movie"}
    unknown |= {"Ratings": [], "Response": "True"}
    facts = parse_response(OmdbResponse(200, json.dumps(unknown).encode()))
    assert facts == MovieFacts(title="X", imdb_id="tt0000001")


@pytest.mark.parametrize("kind", ["series", "episode", "game"])
def test_keeps_the_type_of_a_series_episode_or_game(kind: str) -> None:
    facts = parse_response(valid(Type=kind, Year="2011–2019", totalSeasons="8"))
    assert (facts.type, facts.year, facts.end_year) == (kind, 2011, 2019)


def test_missing_fields_are_unknown() -> None:
    document = {"Title": "X", "imdbID": "tt0000001", "Type": "movie", "Response": "True"}
    assert parse_response(OmdbResponse(200, json.dumps(document).encode())) == MovieFacts(
        title="X", imdb_id="tt0000001"
    )


def test_repairs_control_characters_and_invalid_escapes() -> None:
    body = json.dumps(MATRIX | {"Plot": "PLOT"}).replace("PLOT", 'a\tb\nc \\s d\\u12 \\" e\\\\s')
    assert parse_response(OmdbResponse(200, body.encode())).plot == 'a\tb\nc \\s d\\u12 " e\\s'


def test_accepts_a_byte_order_mark() -> None:
    assert parse_response(OmdbResponse(200, b"\xef\xbb\xbf" + valid().body)).title == "The Matrix"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (failed("Movie not found!"), NotFound),
        (failed("Series not found!"), NotFound),
        (failed("Incorrect IMDb ID."), NotFound),
        (failed("Error getting data."), NotFound),
        (failed("Too many results."), NotFound),
        (failed("Movie not found!", 500), UpstreamUnavailable),
        (failed("Something went wrong."), UpstreamUnavailable),
        (failed("Invalid API key!", 401), UpstreamUnauthorized),
        (failed("No API key provided.", 401), UpstreamUnauthorized),
        (failed("Invalid API key!"), UpstreamUnauthorized),
        (failed("Request limit reached!", 401), UpstreamQuotaExceeded),
        (failed("Request limit reached!"), UpstreamQuotaExceeded),
        (failed("Unknown message.", 401), UpstreamUnauthorized),
        (OmdbResponse(401, b""), UpstreamUnauthorized),
        (OmdbResponse(401, b"<html>"), UpstreamUnavailable),
        (OmdbResponse(401, b"", content_type="text/html"), UpstreamUnavailable),
        (OmdbResponse(403, b"<html>"), UpstreamUnavailable),
        (OmdbResponse(404, b"<html>"), UpstreamUnavailable),
        (OmdbResponse(429, b"{}"), UpstreamUnavailable),
        (OmdbResponse(500, b""), UpstreamUnavailable),
        (OmdbResponse(503, b"<html>"), UpstreamUnavailable),
        (OmdbResponse(522, b"<html>"), UpstreamUnavailable),
        (OmdbResponse(200, b" <!DOCTYPE html>"), UpstreamUnavailable),
        (OmdbResponse(200, b"\xef\xbb\xbf<html>"), UpstreamUnavailable),
        (OmdbResponse(200, b"Sorry.", content_type="text/html"), UpstreamUnavailable),
        (OmdbResponse(200, b'{"Title"', content_type="text/html"), UpstreamBadResponse),
        (OmdbResponse(302, b""), UpstreamBadResponse),
        (OmdbResponse(302, b"<html>", content_type="text/html"), UpstreamBadResponse),
        (OmdbResponse(200, b""), UpstreamBadResponse),
        (OmdbResponse(200, b"{"), UpstreamBadResponse),
        (OmdbResponse(200, b"[]"), UpstreamBadResponse),
        (OmdbResponse(200, b"{}"), UpstreamBadResponse),
        (OmdbResponse(200, b"\xff"), UpstreamBadResponse),
        (OmdbResponse(200, b"[" * 100_000), UpstreamBadResponse),
        (OmdbResponse(200, b'{"Year": ' + b"9" * 5_000 + b"}"), UpstreamBadResponse),
        (valid(Response="False"), UpstreamBadResponse),
        (valid(Response=None), UpstreamBadResponse),
        (valid(Title="N/A"), UpstreamBadResponse),
        (valid(Title="\x00 \x00"), UpstreamBadResponse),
        (valid(Title="x" * 501), UpstreamBadResponse),
        (valid(imdbID="N/A"), UpstreamBadResponse),
        (valid(Type="poem"), UpstreamBadResponse),
        (valid(Year=1999), UpstreamBadResponse),
        (valid(Genre=["Drama"]), UpstreamBadResponse),
        (valid(Plot=None), UpstreamBadResponse),
        (valid(Ratings="N/A"), UpstreamBadResponse),
        (valid(Ratings=["8/10"]), UpstreamBadResponse),
        (valid(Ratings=[{"Source": 1}]), UpstreamBadResponse),
    ],
)
def test_other_responses_raise_their_error(
    response: OmdbResponse, error: type[MoviesError]
) -> None:
    with pytest.raises(MoviesError) as raised:
        parse_response(response)
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
def test_parses_retry_after(status: int, body: bytes, header: str, seconds: int | None) -> None:
    with pytest.raises(UpstreamUnavailable) as raised:
        parse_response(OmdbResponse(status, body, header))
    assert raised.value.retry_after_seconds == seconds


@given(st.integers(100, 599), st.binary() | st.just(valid().body), st.text())
def test_no_response_raises_an_unexpected_error(status: int, body: bytes, header: str) -> None:
    with contextlib.suppress(MoviesError):
        parse_response(OmdbResponse(status, body, header))
