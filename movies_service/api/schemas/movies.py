"""Films, pages of films, and the wish for one."""

import datetime as dt
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from common.text import is_storable
from data_fetcher.movie_json.document import FilmJson
from data_fetcher.omdb.lookups import ImdbWish, TitleWish, Wish
from data_layer.entities.movie import TITLE_MAX_CHARACTERS, MovieType, Rating

YEAR_MIN, YEAR_MAX = 1800, 2200


def require_text(value: str) -> str:
    """Return `value`, if it is something that people call a text.

    Raises:
        ValueError: it is blank, or holds NUL or half of a surrogate pair.
    """
    if not value.strip():
        raise ValueError("it is blank")
    if not is_storable(value):
        raise ValueError("it holds NUL or half of a surrogate pair")
    return value


SHOWN_TEXT = {"pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}
"""What `require_text` asks for, as the documentation can say it."""

Text = Annotated[
    str,
    Field(min_length=1, max_length=TITLE_MAX_CHARACTERS, json_schema_extra=SHOWN_TEXT),
    AfterValidator(require_text),
]
"""A title or a name, as it comes from outside."""

Year = Annotated[int, Field(ge=YEAR_MIN, le=YEAR_MAX)]


class RatingOut(BaseModel):
    """A rating in its source's own notation."""

    source: str
    value: str


class MovieOut(BaseModel):
    """A film. Unknown is `null`; numbers are numbers."""

    id: int
    imdb_id: str | None
    title: str
    year: int | None
    end_year: int | None = Field(description="Last year of a series that has ended.")
    type: MovieType
    rated: str | None = Field(description="Age rating, such as `PG-13`.")
    released: dt.date | None
    runtime_minutes: int | None
    genres: list[str]
    directors: list[str]
    writers: list[str]
    cast: list[str] = Field(description="In billing order.")
    plot: str | None
    languages: list[str]
    countries: list[str]
    awards: str | None
    poster_url: str | None
    ratings: list[RatingOut]
    metascore: int | None = Field(description="0 to 100.")
    imdb_rating: float | None = Field(description="0.0 to 10.0.")
    imdb_votes: int | None
    box_office_usd: int | None
    production: str | None
    website: str | None
    self_url: str


class MoviePageOut(BaseModel):
    """A page of films."""

    movies: list[MovieOut]
    next_url: str | None = Field(description="The next page; `null` on the last one.")
    total: int | None = Field(
        description="How many films match; on the first page and with `page`, else `null`."
    )


_UNCHANGEABLE = {"id", "self_url"}
_NEVER_UNKNOWN = {"title", "type"}


class _MoviePatch(BaseModel):
    """Some fields of a film, as RFC 7396 has it: what is absent stays, `null` clears."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def to_changes(self) -> dict[str, Any]:
        """Return the new values, by the names of `MovieFacts`."""
        changes = {name: getattr(self, name) for name in self.model_fields_set}
        for name, value in changes.items():
            if value is None and isinstance(FilmJson.model_fields[name].default, tuple):
                changes[name] = ()
        if "ratings" in changes:
            changes["ratings"] = tuple(
                Rating(rating.source, rating.value) for rating in changes["ratings"]
            )
        return changes


_PATCHABLE: dict[str, Any] = {
    name: (
        field.rebuild_annotation() if name in _NEVER_UNKNOWN else field.rebuild_annotation() | None,
        None,
    )
    for name, field in FilmJson.model_fields.items()
    if name not in _UNCHANGEABLE
}

MoviePatchIn = create_model(
    "MoviePatchIn", __base__=_MoviePatch, __doc__=_MoviePatch.__doc__, **_PATCHABLE
)
"""Each field as `FilmJson` has it, and none that has to be there."""

__pdoc__ = {"MoviePatchIn": False}  # It has no source that could be read.


class MovieWishIn(BaseModel):
    """The film to add: `{"title": …, "year"?: …}` or `{"imdb_id": …}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Text | None = None
    year: Year | None = None
    imdb_id: Annotated[str, Field(pattern=r"^tt[0-9]{7,16}$")] | None = None

    @model_validator(mode="after")
    def _require_one_name(self) -> Self:
        if (self.title is None) == (self.imdb_id is None):
            raise ValueError("give either title or imdb_id")
        if self.year is not None and self.title is None:
            raise ValueError("year goes with title")
        return self

    def to_wish(self) -> Wish:
        """Return the wish in the words of the data fetcher."""
        if self.imdb_id is not None:
            return ImdbWish(self.imdb_id)
        return TitleWish(self.title or "", self.year)
