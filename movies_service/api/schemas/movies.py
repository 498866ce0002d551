"""Schemas of movies, pages of movies, patches and lookups."""

from typing import Annotated, Any, Self, get_type_hints

import orjson
from pydantic import AfterValidator, BaseModel, Field, model_validator

from data_fetcher.movie_json.document import (
    CHANGE_TYPES,
    MovieDocument,
    to_changes,
    with_fields,
)
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup, TitleLookup
from data_layer.entities.movie import MovieFacts, Rating
from data_layer.entities.movie_fields import TITLE_MAX_CHARACTERS, ImdbId, Year
from data_layer.entities.movie_serialization import render_movie
from movies_service.api.schemas.base import RequestBody, examples, require_storable


def require_text(value: str) -> str:
    """Return `value` if it is not blank and every database can store it.

    Raises:
        ValueError: it is blank, or contains NUL or an unpaired surrogate.
    """
    if not value.strip():
        raise ValueError("it must not be blank")
    return require_storable(value)


SHOWN_TEXT = {"pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}
"""The rule of `require_text` as JSON Schema, as far as a pattern can express it."""

Text = Annotated[
    str,
    Field(min_length=1, max_length=TITLE_MAX_CHARACTERS, json_schema_extra=SHOWN_TEXT),
    AfterValidator(require_text),
]
"""Title or name in a request."""


_FACTS = MovieFacts(
    title="Alien",
    imdb_id="tt0078748",
    year=1979,
    rated="R",
    runtime_minutes=117,
    genres=("Sci-Fi", "Horror"),
    directors=("Ridley Scott",),
    writers=("Dan O'Bannon",),
    cast=("Sigourney Weaver", "Tom Skerritt", "John Hurt"),
    languages=("English",),
    countries=("United Kingdom", "United States"),
    awards="Won 1 Oscar.",
    ratings=(Rating("Metacritic", "89/100"),),
    metascore=89,
)
_MOVIE = orjson.loads(render_movie(1, _FACTS))


class RatingOut(BaseModel):
    """Rating in the notation of its source."""

    source: str = Field(description="Such as `Rotten Tomatoes`.")
    value: str = Field(description="Such as `87%`.")


def _shown_fields() -> dict[str, Any]:
    """Return the fields of `MovieFacts` as a response has them: all present, without limits."""
    meanings = {name: field.description for name, field in MovieDocument.model_fields.items()}
    return {
        name: (kind, Field(description=meanings[name]))
        for name, kind in get_type_hints(MovieFacts).items()
    } | {"ratings": (list[RatingOut], Field(description=meanings["ratings"]))}


@with_fields(
    _shown_fields() | {"self_url": (str, Field(description="Canonical path of the movie."))}
)
class MovieOut(BaseModel):
    """Movie. Unknown values are `null`, unknown lists are empty."""

    model_config = examples(_MOVIE)

    id: int = Field(description="Number that the catalogue gave to the movie.")


class MoviePageOut(BaseModel):
    """Page of movies."""

    model_config = examples(
        {
            "movies": [_MOVIE],
            "next_url": "/movies?genre=Horror&sort=title&limit=1&cursor=E0X_qLhqZBdbImFsaWVuIiwxXQ",
            "total": 7,
        }
    )

    movies: list[MovieOut] = Field(description="Movies of the page, in the requested order.")
    next_url: str | None = Field(description="URL of the next page; `null` on the last page.")
    total: int | None = Field(
        description="Number of matching movies; `null` on pages that are selected by a cursor."
    )


@with_fields({name: (kind, None) for name, kind in CHANGE_TYPES.items()})
class MoviePatchIn(RequestBody):
    """JSON merge patch (RFC 7396) of a movie: absent fields stay unchanged, `null` clears."""

    model_config = examples({"rated": "R", "awards": None})

    def to_changes(self) -> dict[str, Any]:
        """Return the new values by field name of `MovieFacts`."""
        return to_changes({name: getattr(self, name) for name in self.model_fields_set})


class MovieLookupIn(RequestBody):
    """Movie to fetch: either `imdb_id`, or `title` with an optional `year`."""

    model_config = examples({"title": "Alien", "year": 1979}, {"imdb_id": "tt0078748"})

    title: Text | None = Field(default=None, description="Title, such as `Alien`.")
    year: Year | None = Field(default=None, description="Year of release; only with `title`.")
    imdb_id: ImdbId | None = Field(default=None, description="`tt` and 7 or more digits.")

    @model_validator(mode="after")
    def _require_one_lookup(self) -> Self:
        if (self.title is None) == (self.imdb_id is None):
            raise ValueError("give either title or imdb_id")
        if self.year is not None and self.title is None:
            raise ValueError("year requires title")
        return self

    def to_lookup(self) -> MovieLookup:
        """Return the lookup of the data fetcher."""
        if self.imdb_id is not None:
            return ImdbIdLookup(self.imdb_id)
        return TitleLookup(self.title or "", self.year)
