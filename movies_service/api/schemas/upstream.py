"""Schemas of the upstream status."""

import datetime as dt
from typing import Literal

from pydantic import BaseModel, Field

from data_layer.entities.fetch import FetchState
from movies_service.api.schemas.base import examples


class QuotaOut(BaseModel):
    """OMDb requests of the current UTC day, over all processes."""

    day: dt.date = Field(description="UTC day; the count restarts at 00:00 UTC.")
    daily_limit: int | None = Field(description="`null`: no limit.")
    used: int = Field(description="Sent requests, and requests that processes have reserved.")
    remaining: int | None = Field(description="`null`: no limit.")
    interactive_reserve: int = Field(
        description="Part of the daily limit that background fetches leave for `POST /movies`."
    )


class CircuitBreakerOut(BaseModel):
    """Circuit breaker that stops requests to OMDb after repeated failures."""

    state: Literal["closed", "open", "half-open"] = Field(
        description=(
            "`closed`: requests are sent; `open`: no requests are sent until `open_until`;"
            " `half-open`: one request tests whether OMDb has recovered."
        )
    )
    failures: int = Field(description="Number of consecutive failed attempts.")
    open_until: dt.datetime | None = Field(description="`null` while the circuit is closed.")
    last_error: str | None = Field(description="Message of the last failure; `null` if none.")


class UpstreamOut(BaseModel):
    """Status of OMDb and of the fetch queue."""

    model_config = examples(
        {
            "quota": {
                "day": "2026-11-21",
                "daily_limit": 1000,
                "used": 110,
                "remaining": 890,
                "interactive_reserve": 100,
            },
            "circuit_breaker": {
                "state": "closed",
                "failures": 0,
                "open_until": None,
                "last_error": None,
            },
            "rate_limit": "off",
            "attempts": {"fetched": 100, "not-found": 2},
            "fetches": {"queued": 3, "fetched": 12},
        }
    )

    quota: QuotaOut
    circuit_breaker: CircuitBreakerOut
    rate_limit: str = Field(
        description="Rate limit of each process for OMDb requests, such as `10/second`, or `off`."
    )
    attempts: dict[str, int] = Field(
        description=(
            "Number of OMDb requests since the start of the service, by outcome. Separate worker"
            " processes count their own."
        )
    )
    fetches: dict[FetchState, int] = Field(description="Number of fetches by state.")
