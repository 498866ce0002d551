"""Movie, as described by a source and as stored in the catalogue."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from data_layer.entities.movie_fields import (
    NAMES_MAX,
    Count,
    ImdbId,
    ImdbRating,
    Metascore,
    Minutes,
    Name,
    Names,
    Text,
    Title,
    Url,
    Year,
    meaning,
)

MovieType = Literal["movie", "series", "episode", "game"]
"""Type of a title, in OMDb's terms; every entry of the catalogue has one of these."""


@dataclass(frozen=True, slots=True)
class Rating:
    """Rating in the notation of its source, such as `("Rotten Tomatoes", "87%")`."""

    source: Name
    value: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieFacts:
    """Description of one movie by a source, without an id.

    Unknown values are `None` or an empty tuple. All JSON formats of a movie take the names, order,
    types, limits and meanings of its fields from here. Limits are checked where JSON is parsed.

    Source: https://www.omdbapi.com, the fields of a title.
    """

    imdb_id: Annotated[ImdbId | None, meaning("`tt` and 7 or more digits.")] = None
    title: Title
    year: Annotated[Year | None, meaning("Year of release; of a series the first year.")] = None
    end_year: Annotated[Year | None, meaning("Last year of a series that has ended.")] = None
    type: MovieType = "movie"
    rated: Annotated[Name | None, meaning("Age rating, such as `PG-13`.")] = None
    released: dt.date | None = None
    runtime_minutes: Minutes | None = None
    genres: Names = ()
    directors: Names = ()
    writers: Names = ()
    cast: Annotated[
        Names, meaning("In the order of the source, which is not always the billing order.")
    ] = ()
    plot: Text | None = None
    languages: Names = ()
    countries: Names = ()
    awards: Text | None = None
    poster_url: Url | None = None
    ratings: Annotated[tuple[Rating, ...], Field(max_length=NAMES_MAX)] = ()
    metascore: Annotated[Metascore | None, meaning("Score of Metacritic, 0 to 100.")] = None
    imdb_rating: Annotated[ImdbRating | None, meaning("Rating of IMDb, 0.0 to 10.0.")] = None
    imdb_votes: Count | None = None
    box_office_usd: Annotated[Count | None, meaning("Box office in US dollars.")] = None
    production: Text | None = None
    website: Url | None = None


@dataclass(frozen=True, slots=True)
class StoredMovie:
    """Movie of the catalogue.

    `document` is its complete public representation, as UTF-8 JSON.
    """

    id: int
    document: bytes
