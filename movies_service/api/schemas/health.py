"""How the service is."""

from typing import Literal

from pydantic import BaseModel


class LiveOut(BaseModel):
    """The process answers."""

    status: Literal["live"]


class ReadyOut(BaseModel):
    """The process can answer from its database."""

    status: Literal["ready"]
