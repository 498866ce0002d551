"""Movie update: its JSON format, validation, and the fields it changes."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import AwareDatetime, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from common.text import match_key
from common.unique_names import RepeatedName, require_unique_names
from data_fetcher.movie_json.document import CHANGE_TYPES, to_changes
from data_layer.entities.ingest import IngestError
from data_layer.entities.movie import MovieFacts, MovieType
from data_layer.entities.movie_fields import ImdbId, MovieId

CLOCK_SKEW_MAX = dt.timedelta(days=1)
"""Maximum by which `updated_at` may lie in the future.

A timestamp far in the future would make all later updates of the movie stale.
"""

EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

FIELD_MAX_CHARACTERS = 200
"""Length to which a field name in an error is cut; unknown names come from the client."""


@with_config(extra="forbid", strict=True)
class UpdateDocument(TypedDict, total=False):
    """Update of a movie. A value replaces the field, `null` clears it, an absent field stays.

    The movie is identified by `imdb_id`; without it by `title` and `year`, or by `title` alone if
    only one movie has it.
    """

    id: MovieId | None
    """Ignored, like `self_url`: exports of another catalogue contain its own ids."""
    self_url: str | None
    """Ignored, like `id`."""
    updated_at: AwareDatetime
    """Time of the update; default: the modification time of the object. Older updates are stale."""
    deleted: bool
    """`true` deletes the movie."""


# Pydantic reads these fields from here, mypy does not know them. `imdb_id` identifies the movie and
# cannot be cleared; a cleared `type` is the default one.
UpdateDocument.__annotations__.update(CHANGE_TYPES | {"imdb_id": ImdbId, "type": MovieType | None})

UPDATE_DOCUMENT: TypeAdapter[UpdateDocument] = TypeAdapter(UpdateDocument)


@dataclass(frozen=True, slots=True)
class MovieUpdate:
    """Validated update of a movie.

    Args:
        values: New values by the field names of `MovieFacts`; contains `imdb_id` or `title`.
        updated_at: In UTC; `None` means the modification time of the object.
        is_deleted: Whether the update deletes the movie.
    """

    values: dict[str, Any]
    updated_at: dt.datetime | None = None
    is_deleted: bool = False

    @property
    def imdb_id(self) -> str | None:
        """IMDb id; it takes precedence over the title when the movie is identified."""
        imdb_id: str | None = self.values.get("imdb_id")
        return imdb_id

    @property
    def title(self) -> tuple[str, int | None]:
        """Match key of the title, and the year; `None` matches any year. Requires a title."""
        return match_key(self.values["title"]), self.values.get("year")

    def to_facts(self) -> MovieFacts:
        """Return a new movie with only these values; requires a title."""
        return MovieFacts(**self.values)


def parse_update(text: bytes, line: int, now: dt.datetime) -> MovieUpdate | IngestError:
    """Parse and validate an update; return the first error if it is invalid.

    Args:
        text: A JSON object.
        line: Its line or array position, from 1, for the error.
        now: In UTC; the limit for `updated_at`.
    """
    try:
        document = UPDATE_DOCUMENT.validate_json(text)
        require_unique_names(text, [orjson.loads(text)])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))[:FIELD_MAX_CHARACTERS]
        message = (
            first["msg"].removeprefix("Value error, ").replace(" at line 1 column", " at column")
        )
        return IngestError(line, field, f"{message}.")
    except (RepeatedName, orjson.JSONDecodeError):  # The first of two values may be NaN.
        return IngestError(line, "", "An object contains a name twice.")
    if "title" not in document and "imdb_id" not in document:
        return IngestError(line, "title", "An update requires `imdb_id` or `title`.")
    updated_at = document.get("updated_at")
    if updated_at is not None and not EARLIEST <= updated_at <= now + CLOCK_SKEW_MAX:
        return IngestError(line, "updated_at", "Must be between 1970-01-01 and one day from now.")
    timestamp = updated_at and updated_at.astimezone(dt.UTC)
    return MovieUpdate(to_changes(document), timestamp, document.get("deleted", False))
