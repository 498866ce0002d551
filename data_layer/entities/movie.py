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
    title: Annotated[Title, meaning("Title as the source spells it, such as `Alien`.")]
    year: Annotated[Year | None, meaning("Year of release; of a series the first year.")] = None
    end_year: Annotated[Year | None, meaning("Last year of a series that has ended.")] = None
    type: Annotated[
        MovieType, meaning("Type of the title, as OMDb names it; there is no filter for it.")
    ] = "movie"
    rated: Annotated[Name | None, meaning("Age rating, such as `PG-13`.")] = None
    released: Annotated[dt.date | None, meaning("Date of the first release.")] = None
    runtime_minutes: Annotated[Minutes | None, meaning("Runtime in minutes, such as 117.")] = None
    genres: Annotated[Names, meaning("Genres, such as `Horror`.")] = ()
    directors: Annotated[Names, meaning("Full names of the directors.")] = ()
    writers: Annotated[Names, meaning("Full names of the writers.")] = ()
    cast: Annotated[
        Names, meaning("Actors in the order of the source, which is not always the billing order.")
    ] = ()
    plot: Annotated[Text | None, meaning("Summary of the plot.")] = None
    languages: Annotated[Names, meaning("Spoken languages, such as `English`.")] = ()
    countries: Annotated[Names, meaning("Countries of production.")] = ()
    awards: Annotated[Text | None, meaning("Awards as text, such as `Won 1 Oscar.`")] = None
    poster_url: Annotated[Url | None, meaning("Link to an image on another host.")] = None
    ratings: Annotated[
        tuple[Rating, ...],
        Field(max_length=NAMES_MAX, fail_fast=True),
        meaning("Ratings in the text of their sources, such as `93%` of Rotten Tomatoes."),
    ] = ()
    metascore: Annotated[Metascore | None, meaning("Score of Metacritic, 0 to 100.")] = None
    imdb_rating: Annotated[ImdbRating | None, meaning("Rating of IMDb, 0.0 to 10.0.")] = None
    imdb_votes: Annotated[Count | None, meaning("Number of votes for the rating of IMDb.")] = None
    box_office_usd: Annotated[Count | None, meaning("Box office in US dollars.")] = None
    production: Annotated[Text | None, meaning("Production companies.")] = None
    website: Annotated[Url | None, meaning("Official website.")] = None


@dataclass(frozen=True, slots=True)
class StoredMovie:
    """Movie of the catalogue.

    `document` is its complete public representation, as UTF-8 JSON.
    """

    id: int
    document: bytes
