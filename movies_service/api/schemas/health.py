"""Schemas of the health checks."""

from typing import Literal

from pydantic import BaseModel

from movies_service.api.schemas.base import examples


class LiveOut(BaseModel):
    """The process handles requests."""

    model_config = examples({"status": "live"})

    status: Literal["live"]


class ReadyOut(BaseModel):
    """The service answers reads; `writes` states whether the database accepts writes at once."""

    model_config = examples({"status": "ready", "writes": "accepted"})

    status: Literal["ready"]
    writes: Literal["accepted", "waiting"]
    """`waiting`: another process, such as an import, holds the write lock of the database."""
