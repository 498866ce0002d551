"""Schemas of the health checks."""

from typing import Literal

from pydantic import BaseModel

from movies_service.api.schemas.base import examples


class LiveOut(BaseModel):
    """The process handles requests."""

    model_config = examples({"status": "live"})

    status: Literal["live"]


class ReadyOut(BaseModel):
    """The database accepts reads and writes."""

    model_config = examples({"status": "ready"})

    status: Literal["ready"]
