"""A film as JSON from outside, each of its fields checked."""

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from common.text import is_storable
from data_fetcher.omdb.fields import (
    COUNT_MAX,
    MINUTES_MAX,
    NAME_MAX_CHARACTERS,
    NAMES_MAX,
    TEXT_MAX_CHARACTERS,
    URL_MAX_CHARACTERS,
    YEAR_MAX,
    YEAR_MIN,
)
from data_layer.entities.movie import TITLE_MAX_CHARACTERS, MovieFacts, MovieType, Rating


def _require_storable(text: str) -> str:
    if not text.strip() or not is_storable(text):
        raise ValueError("it is blank, or holds NUL")
    return text


_Text = Annotated[str, Field(max_length=TEXT_MAX_CHARACTERS), AfterValidator(_require_storable)]
_Name = Annotated[str, Field(max_length=NAME_MAX_CHARACTERS), AfterValidator(_require_storable)]
_Names = Annotated[tuple[_Name, ...], Field(max_length=NAMES_MAX)]
_Url = Annotated[
    str,
    Field(
        max_length=URL_MAX_CHARACTERS, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\x00-\x1f\x7f\"<>]+$"
    ),
]
_Year = Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX)]
_Count = Annotated[int, Field(ge=0, le=COUNT_MAX)]


class RatingJson(BaseModel):
    """A rating in its source's own notation."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: _Name
    value: _Name


class FilmJson(BaseModel):
    """A film, each of its fields checked; see `MovieFacts`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[int, Field(ge=1, le=2**53)] | None = None
    title: Annotated[str, Field(max_length=TITLE_MAX_CHARACTERS), AfterValidator(_require_storable)]
    imdb_id: Annotated[str, Field(pattern=r"^tt[0-9]{7,16}$")] | None = None
    year: _Year | None = None
    end_year: _Year | None = None
    type: MovieType = "movie"
    rated: _Name | None = None
    released: dt.date | None = None
    runtime_minutes: Annotated[int, Field(ge=1, le=MINUTES_MAX)] | None = None
    genres: _Names = ()
    directors: _Names = ()
    writers: _Names = ()
    cast: _Names = ()
    plot: _Text | None = None
    languages: _Names = ()
    countries: _Names = ()
    awards: _Text | None = None
    poster_url: _Url | None = None
    ratings: Annotated[tuple[RatingJson, ...], Field(max_length=NAMES_MAX)] = ()
    metascore: Annotated[int, Field(ge=0, le=100)] | None = None
    imdb_rating: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    imdb_votes: _Count | None = None
    box_office_usd: _Count | None = None
    production: _Text | None = None
    website: _Url | None = None
    self_url: str | None = None
    """Says what `id` says."""

    def to_facts(self) -> MovieFacts:
        """Return the film; its id is not a part of that."""
        fields = self.model_dump(exclude={"id", "self_url", "ratings"})
        ratings = tuple(Rating(rating.source, rating.value) for rating in self.ratings)
        return MovieFacts(**fields, ratings=ratings)
