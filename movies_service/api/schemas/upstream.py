"""How OMDb is, and how it is spared."""

import datetime as dt
from typing import Literal

from pydantic import BaseModel, Field

from data_layer.entities.fetch import FetchState


class QuotaOut(BaseModel):
    """The requests of a day of UTC, all processes together."""

    day: dt.date
    daily_limit: int | None = Field(description="`null` for as many as one likes.")
    spent: int = Field(description="Those that processes have at hand included.")
    left: int | None
    reserve: int = Field(description="How many are kept for those who wait for a film.")


class BreakerOut(BaseModel):
    """Whether OMDb is asked at all."""

    state: Literal["closed", "open", "half-open"] = Field(
        description="`open`: nobody asks; `half-open`: one tries whether it serves again."
    )
    failures: int = Field(description="Attempts in a row that have failed.")
    until: dt.datetime | None
    reason: str | None


class UpstreamOut(BaseModel):
    """How OMDb is."""

    quota: QuotaOut
    breaker: BreakerOut
    pace: str = Field(description="How many requests each process sends at most, or `off`.")
    attempts: dict[str, int] = Field(
        description="Requests of the service, by what came of them; workers count their own."
    )
    fetches: dict[FetchState, int] = Field(description="How many wishes are in each state.")
