"""The reads that are compared, and the films they ask for."""

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import requests


class Read(StrEnum):
    """A kind of question."""

    FIRST_PAGE = "first page"
    DEEP_PAGE = "deep page"
    BY_ID = "film by id"
    BY_TITLE = "film by title"
    TITLE_FILTER = "filter by title"
    YEAR_FILTER = "filter by year"
    GENRE_FILTER = "filter by genre"
    CAST_FILTER = "filter by cast"


@dataclass(frozen=True, slots=True)
class Sample:
    """A film of the catalogue, and a deep page, as each server has to be asked for them."""

    id: int
    title: str
    year: int
    genre: str
    cast: str
    deep_page: int
    """Its number, at ten films a page."""
    deep_url: str
    """Where the service itself says that the page is."""


SAMPLES = 100
"""How many films are asked for in turn; they lie evenly in the catalogue."""

FILMS_MIN = 20
"""Smaller catalogues have no deep page."""

DEPTH_MAX = 100_000
"""No page lies deeper than so many films; to walk there takes time."""

_LIMIT, _WALKED_LIMIT = 10, 100
_DEEP_PAGES = 10


def find_samples(url: str, films: int) -> list[Sample]:
    """Ask the service at `url` for films, and for pages deep in the list."""
    step = max(1, films // SAMPLES)
    ids = range(1, films + 1, step)[:SAMPLES]
    with requests.Session() as session:
        chosen = [_get(session, f"{url}/movies/{movie_id}") for movie_id in ids]
        pages = itertools.cycle(_find_deep_pages(session, url, films))
    return [
        Sample(
            id=film["id"],
            title=film["title"],
            year=film["year"],
            genre=film["genres"][0],
            cast=film["cast"][0],
            deep_page=number,
            deep_url=deep_url,
        )
        for film, (number, deep_url) in zip(chosen, pages, strict=False)
    ]


def _find_deep_pages(session: requests.Session, url: str, films: int) -> list[tuple[int, str]]:
    """Walk into the list; return the last pages met, by number and by URL."""
    limit = min(_WALKED_LIMIT, films // FILMS_MIN * _LIMIT)
    here = f"/movies?limit={limit}"
    found = []
    for seen in range(limit, min(films // 2, DEPTH_MAX) + 1, limit):
        here = _get(session, url + here)["next_url"]
        found.append((seen // _LIMIT + 1, here.replace(f"limit={limit}", f"limit={_LIMIT}")))
    return found[-_DEEP_PAGES:]


def _get(session: requests.Session, url: str) -> dict[str, Any]:
    answer = session.get(url, timeout=60)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document
