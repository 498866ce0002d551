"""A film as JSON from outside, each of its fields checked."""

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data_fetcher.movie_json.field_types import (
    Count,
    FilmId,
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
)
from data_fetcher.omdb.field_parsers import NAMES_MAX
from data_layer.entities.movie import MovieFacts, MovieType, Rating


class RatingJson(BaseModel):
    """A rating in its source's own notation."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: Name
    value: Name


class FilmJson(BaseModel):
    """A film, each of its fields checked; see `MovieFacts`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: FilmId | None = None
    title: Title
    imdb_id: ImdbId | None = None
    year: Year | None = None
    end_year: Year | None = None
    type: MovieType = "movie"
    rated: Name | None = None
    released: dt.date | None = None
    runtime_minutes: Minutes | None = None
    genres: Names = ()
    directors: Names = ()
    writers: Names = ()
    cast: Names = ()
    plot: Text | None = None
    languages: Names = ()
    countries: Names = ()
    awards: Text | None = None
    poster_url: Url | None = None
    ratings: Annotated[tuple[RatingJson, ...], Field(max_length=NAMES_MAX)] = ()
    metascore: Metascore | None = None
    imdb_rating: ImdbRating | None = None
    imdb_votes: Count | None = None
    box_office_usd: Count | None = None
    production: Text | None = None
    website: Url | None = None
    self_url: str | None = None
    """Says what `id` says."""

    def to_facts(self) -> MovieFacts:
        """Return the film; its id is not a part of that."""
        fields = self.model_dump(exclude={"id", "self_url", "ratings"})
        ratings = tuple(Rating(rating.source, rating.value) for rating in self.ratings)
        return MovieFacts(**fields, ratings=ratings)
