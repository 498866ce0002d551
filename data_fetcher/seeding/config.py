"""Fetcher configuration: limits of the OMDb client and the movies to seed, in seed_movies.json."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import InvalidSetting
from data_layer.entities.movie_fields import ImdbId

FETCHER_CONFIG = Path(__file__).with_name("seed_movies.json")

_Seconds = Annotated[float, Field(gt=0, le=60)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Timeouts(_Strict):
    """Timeouts of OMDb requests in seconds.

    The total stays below the 8 seconds in which the service shuts down, so that a client that
    waits for OMDb still receives a response.
    """

    connect_seconds: _Seconds
    attempt_seconds: _Seconds
    total_seconds: _Seconds


class PlannedMovie(_Strict):
    """Movie to seed; the title serves only people who read the file."""

    imdb_id: ImdbId
    title: Annotated[str, Field(min_length=1)]


class FetcherConfig(_Strict):
    """Content of seed_movies.json. It contains no secrets."""

    concurrency: Annotated[int, Field(ge=1, le=100)]
    """Maximum number of concurrent requests."""
    timeouts: Timeouts
    attempts: Annotated[int, Field(ge=1, le=10)]
    """Maximum number of requests for one movie when errors are transient."""
    movies: Annotated[tuple[PlannedMovie, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _forbid_duplicates(self) -> "FetcherConfig":
        if len({movie.imdb_id for movie in self.movies}) < len(self.movies):
            raise ValueError("a movie is listed twice")
        return self


def load_fetcher_config(path: Path = FETCHER_CONFIG) -> FetcherConfig:
    """Return the validated configuration.

    Raises:
        InvalidSetting: The file can't be read or is invalid; the message names the first error.
    """
    try:
        return FetcherConfig.model_validate_json(path.read_bytes())
    except OSError:
        raise InvalidSetting(f"{path.name} can't be read.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InvalidSetting(f"{path.name}: {place}: {first['msg']}.") from None
