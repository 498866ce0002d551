"""Seed movie and its state."""

from dataclasses import dataclass
from enum import StrEnum


class SeedState(StrEnum):
    """State of a seed movie."""

    PENDING = "pending"
    """Not stored; the next start tries it again."""
    STORED = "stored"
    """Stored once; not fetched again, even if the movie was deleted since."""
    FAILED = "failed"
    """Not found in OMDb; not tried again."""


@dataclass(frozen=True, slots=True)
class Seed:
    """Movie that the first start adds to the catalogue."""

    imdb_id: str
    title: str
    state: SeedState = SeedState.PENDING
    reason: str | None = None
    """Error of the last attempt; `None` before the first one and after success."""
