"""One update of a film: as JSON, checked, and as what it changes."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from common.text import match_key
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
from data_layer.entities.ingest import IngestFault
from data_layer.entities.movie import MovieFacts, MovieType, Rating

CLOCKS_DIFFER = dt.timedelta(days=1)
"""An update that claims to be later than this from now would keep out all that really follow."""

EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

FIELD_MAX_CHARACTERS = 200
"""Names of fields that nobody knows may be endless."""


class RatingUpdate(TypedDict):
    """A rating in its source's own notation."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]  # As pydantic wants it.

    source: Name
    value: Name


class UpdateJson(TypedDict, total=False):
    """An update of a film. What is absent stays, what is there replaces, `null` clears.

    The film is told by `imdb_id`; else by `title` and `year`, or by `title` alone where only one
    film has it. `cast` is in billing order.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]  # As pydantic wants it.

    id: FilmId | None
    """Ignored, as is `self_url`: films of another catalogue have its ids."""
    title: Title
    imdb_id: ImdbId
    year: Year | None
    end_year: Year | None
    type: MovieType | None
    rated: Name | None
    released: dt.date | None
    runtime_minutes: Minutes | None
    genres: Names | None
    directors: Names | None
    writers: Names | None
    cast: Names | None
    plot: Text | None
    languages: Names | None
    countries: Names | None
    awards: Text | None
    poster_url: Url | None
    ratings: Annotated[tuple[RatingUpdate, ...], Field(max_length=NAMES_MAX)] | None
    metascore: Metascore | None
    imdb_rating: ImdbRating | None
    imdb_votes: Count | None
    box_office_usd: Count | None
    production: Text | None
    website: Url | None
    self_url: str | None
    updated_at: AwareDatetime
    """Since when it is true; else since the object was written. An older one changes nothing."""
    deleted: bool
    """`true` removes the film."""


UPDATE_JSON: TypeAdapter[UpdateJson] = TypeAdapter(UpdateJson)

_CLEARED: dict[str, Any] = {
    "type": "movie",
    **dict.fromkeys(
        ("genres", "directors", "writers", "cast", "languages", "countries", "ratings"), ()
    ),
}
_NOT_FACTS = ("id", "self_url", "updated_at", "deleted")


@dataclass(frozen=True, slots=True)
class MovieUpdate:
    """What an update says.

    Args:
        values: of the fields that it has, by the names of `MovieFacts`.
        updated_at: since when that is true, in UTC; `None` for since the object was written.
        is_deleted: whether the film is to go.
    """

    values: dict[str, Any]
    updated_at: dt.datetime | None = None
    is_deleted: bool = False

    @property
    def imdb_id(self) -> str | None:
        """What the film is told by, before all else."""
        imdb_id: str | None = self.values.get("imdb_id")
        return imdb_id

    @property
    def title(self) -> tuple[str, int | None]:
        """What else the film is told by: a key, and the year, or `None` for any."""
        return match_key(self.values["title"]), self.values.get("year")

    def to_facts(self) -> MovieFacts:
        """Return a film of which nothing else is known; it needs a title."""
        return MovieFacts(**self.values)


def read_update(text: bytes, line: int, now: dt.datetime) -> MovieUpdate | IngestFault:
    """Return the update that a JSON object is, or what is wrong with it.

    Args:
        text: the JSON.
        line: where it stands, for the fault.
        now: in UTC.
    """
    try:
        said = UPDATE_JSON.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))[:FIELD_MAX_CHARACTERS]
        message = (
            first["msg"].removeprefix("Value error, ").replace(" at line 1 column", " at column")
        )
        return IngestFault(line, field, f"{message}.")
    if "title" not in said and "imdb_id" not in said:
        return IngestFault(line, "title", "An update needs `imdb_id` or `title`.")
    updated_at = said.get("updated_at")
    if updated_at is not None and not EARLIEST <= updated_at <= now + CLOCKS_DIFFER:
        return IngestFault(line, "updated_at", "This is before 1970, or more than a day from now.")
    since = updated_at and updated_at.astimezone(dt.UTC)
    return MovieUpdate(_values(said), since, said.get("deleted", False))


def _values(said: UpdateJson) -> dict[str, Any]:
    """Return the facts, and what clears them in the place of `null`."""
    values: dict[str, Any] = {**said}
    for name in _NOT_FACTS:
        values.pop(name, None)
    for name, value in values.items():
        if value is None:
            values[name] = _CLEARED.get(name)
    if values.get("ratings"):
        values["ratings"] = tuple(Rating(**rating) for rating in values["ratings"])
    return values
