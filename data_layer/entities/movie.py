"""A film, as a source describes it and as the catalogue keeps it."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

MovieType = Literal["movie", "series", "episode", "game"]
"""What OMDb calls a title's type; everything in the catalogue is one of these."""

TITLE_MAX_CHARACTERS = 500
"""Longer titles are refused, wherever they come from. The longest known has 227."""


@dataclass(frozen=True, slots=True)
class Rating:
    """One rating in its source's own notation, such as `("Rotten Tomatoes", "87%")`."""

    source: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieFacts:
    """What a source says about one film; it has no id yet.

    Unknown is `None`, or an empty tuple. Names keep the order of the source: for `cast`
    that is the billing order.

    Source: https://www.omdbapi.com, the fields of a title.
    """

    title: str
    imdb_id: str | None = None
    """`tt` and 7 digits or more."""
    year: int | None = None
    """Year of release; of a series the first one."""
    end_year: int | None = None
    """Last year of a series; `None` when it still runs, or when it is no series."""
    type: MovieType = "movie"
    rated: str | None = None
    """Age rating of the MPA or of the US networks, such as `PG-13` or `TV-MA`."""
    released: dt.date | None = None
    runtime_minutes: int | None = None
    genres: tuple[str, ...] = ()
    directors: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    cast: tuple[str, ...] = ()
    plot: str | None = None
    languages: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    awards: str | None = None
    poster_url: str | None = None
    ratings: tuple[Rating, ...] = ()
    metascore: int | None = None
    """0 to 100."""
    imdb_rating: float | None = None
    """0.0 to 10.0, one decimal."""
    imdb_votes: int | None = None
    box_office_usd: int | None = None
    production: str | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True)
class StoredMovie:
    """A film of the catalogue.

    `document` is its whole public representation as JSON bytes, ready to be sent.
    """

    id: int
    document: bytes
