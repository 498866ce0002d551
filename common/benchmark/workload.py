"""Workloads: kinds of reads, their paths on each server, and sample movies for them."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlencode

import requests

from common.benchmark.load import LoadGenerator
from common.benchmark.servers import Server
from common.text import match_key


class Read(StrEnum):
    """Kind of read."""

    FIRST_PAGE = "first page"
    DEEP_PAGE = "deep page"
    BY_ID = "movie by id"
    BY_TITLE = "movie by title"
    TITLE_FILTER = "filter by title"
    YEAR_FILTER = "filter by year"
    GENRE_FILTER = "filter by genre"
    CAST_FILTER = "filter by cast"


@dataclass(frozen=True, slots=True)
class Sample:
    """Movie of the catalogue and a deep page, with the parameters that servers need for them."""

    id: int
    title: str
    year: int
    genre: str
    cast: str
    deep_page: int
    """Page number, from 1, with ten movies a page."""
    deep_url: str
    """Path and query of the page in the service, with its cursor."""


CONNECTIONS = 32
"""Number of concurrent connections of the load."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Server, requests to it, and number of concurrent connections."""

    target: str
    movies: int
    read: str
    server: Server
    paths: Sequence[str]
    connections: int = CONNECTIONS
    headers: Sequence[str] = ()
    generator: LoadGenerator | None = None
    """Load generator of this workload; `None` for the common one."""


SAMPLES = 100
"""Number of sample movies, spread evenly over the catalogue."""

MOVIES_MIN = 20
"""Smallest catalogue with a deep page."""

DEPTH_MAX = 100_000
"""Maximum number of movies before a deep page, since following the cursors takes time."""

_LIMIT, _WALKED_LIMIT = 10, 100
_DEEP_PAGES = 10


def find_samples(url: str, movies: int) -> list[Sample]:
    """Read sample movies and deep pages from the service at `url`."""
    step = max(1, movies // SAMPLES)
    ids = range(1, movies + 1, step)[:SAMPLES]
    with requests.Session() as session:
        chosen = [_get(session, f"{url}/movies/{movie_id}") for movie_id in ids]
        pages = itertools.cycle(_find_deep_pages(session, url, movies))
    return [
        Sample(
            id=movie["id"],
            title=movie["title"],
            year=movie["year"],
            genre=movie["genres"][0],
            cast=movie["cast"][0],
            deep_page=number,
            deep_url=deep_url,
        )
        for movie, (number, deep_url) in zip(chosen, pages, strict=False)
    ]


def _find_deep_pages(session: requests.Session, url: str, movies: int) -> list[tuple[int, str]]:
    """Follow the cursors of the list, and return numbers and paths of the last pages reached."""
    limit = min(_WALKED_LIMIT, movies // MOVIES_MIN * _LIMIT)
    here = f"/movies?limit={limit}"
    found = []
    for seen in range(limit, min(movies // 2, DEPTH_MAX) + 1, limit):
        here = _get(session, url + here)["next_url"]
        found.append((seen // _LIMIT + 1, here.replace(f"limit={limit}", f"limit={_LIMIT}")))
    return found[-_DEEP_PAGES:]


def _get(session: requests.Session, url: str) -> dict[str, Any]:
    response = session.get(url, timeout=60)
    response.raise_for_status()
    document: dict[str, Any] = response.json()
    return document


PathOf = Callable[[Sample], str]

SERVICE_PATHS: Mapping[Read, PathOf] = {
    Read.FIRST_PAGE: lambda _: "/movies",
    Read.DEEP_PAGE: lambda movie: movie.deep_url,
    Read.BY_ID: lambda movie: f"/movies/{movie.id}",
    Read.BY_TITLE: lambda movie: f"/movies/{quote(movie.title)}",
    Read.TITLE_FILTER: lambda movie: f"/movies?{urlencode({'title': movie.title})}",
    Read.YEAR_FILTER: lambda movie: f"/movies?{urlencode({'year': movie.year})}",
    Read.GENRE_FILTER: lambda movie: f"/movies?{urlencode({'genre': movie.genre})}",
    Read.CAST_FILTER: lambda movie: f"/movies?{urlencode({'cast': movie.cast})}",
}

TEXTBOOK_PATHS: Mapping[Read, PathOf] = {
    **SERVICE_PATHS,
    Read.DEEP_PAGE: lambda movie: f"/movies?page={movie.deep_page}",
    Read.BY_TITLE: lambda movie: f"/movies/by-title/{quote(movie.title)}",
}

_OF_GENRE = """id IN (
    SELECT movie_id FROM movie_genres JOIN genres ON genres.id = genre_id WHERE name_key = '{key}'
)"""
_OF_CAST = """id IN (
    SELECT movie_id FROM credits JOIN people ON people.id = person_id
    WHERE name_key = '{key}' AND role = 'cast'
)"""


def _datasette_rows(**conditions: object) -> str:
    page = {"_shape": "objects", "_nocol": "document", "_size": 10, "_sort": "title_key"}
    return f"/catalogue/movies.json?{urlencode(page | conditions)}"


def _tilde_encoded(text: str) -> str:
    """Encode a value as in Datasette's pagination cursors."""
    return quote(text, safe="").replace("%20", "+").replace("~", "~7E").replace("%", "~")


def _sql(condition: str, text: str) -> str:
    return " ".join(condition.format(key=match_key(text).replace("'", "''")).split())


DATASETTE_PATHS: Mapping[Read, PathOf] = {
    Read.FIRST_PAGE: lambda _: _datasette_rows(),
    Read.DEEP_PAGE: lambda movie: _datasette_rows(
        _next=f"{_tilde_encoded(match_key(movie.title))},{movie.id}"
    ),
    Read.BY_ID: lambda movie: f"/catalogue/movies/{movie.id}.json?_shape=objects",
    Read.BY_TITLE: lambda movie: _datasette_rows(title_key=match_key(movie.title)),
    Read.TITLE_FILTER: lambda movie: _datasette_rows(title_key=match_key(movie.title)),
    Read.YEAR_FILTER: lambda movie: _datasette_rows(year_key=movie.year),
    Read.GENRE_FILTER: lambda movie: _datasette_rows(_where=_sql(_OF_GENRE, movie.genre)),
    Read.CAST_FILTER: lambda movie: _datasette_rows(_where=_sql(_OF_CAST, movie.cast)),
}
