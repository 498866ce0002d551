"""What is fetched first and how: fetcher_config.json, checked."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.errors import InvalidSetting

FETCHER_CONFIG = Path(__file__).with_name("fetcher_config.json")

_Seconds = Annotated[float, Field(gt=0, le=60)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Timeouts(_Strict):
    """How long is waited for OMDb, in seconds.

    The total stays below the 8 seconds in which the service stops, so that a request that
    waits for OMDb is still answered.
    """

    connect_seconds: _Seconds
    attempt_seconds: _Seconds
    total_seconds: _Seconds


class PlannedMovie(_Strict):
    """One of the first films; the title is for people."""

    imdb_id: Annotated[str, Field(pattern=r"^tt\d{7,16}$")]
    title: Annotated[str, Field(min_length=1)]


class FetcherConfig(_Strict):
    """Everything that fetcher_config.json says. No key is ever in it."""

    concurrency: Annotated[int, Field(ge=1, le=100)]
    """How many requests run at once."""
    timeouts: Timeouts
    attempts: Annotated[int, Field(ge=1, le=10)]
    """How often one film is asked for at most, where trying again helps."""
    movies: Annotated[tuple[PlannedMovie, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _forbid_doubles(self) -> "FetcherConfig":
        if len({movie.imdb_id for movie in self.movies}) < len(self.movies):
            raise ValueError("a film is listed twice")
        return self


def load_fetcher_config(path: Path = FETCHER_CONFIG) -> FetcherConfig:
    """Read and check the file.

    Raises:
        InvalidSetting: it can't be read or is not what it should be; the message says where.
    """
    try:
        return FetcherConfig.model_validate_json(path.read_bytes())
    except OSError:
        raise InvalidSetting(f"{path.name} can't be read.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InvalidSetting(f"{path.name}: {place}: {first['msg']}.") from None
