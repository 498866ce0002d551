"""One film of the first hundred, and how far it has come."""

from dataclasses import dataclass
from enum import StrEnum


class SeedState(StrEnum):
    """How far a seed has come."""

    PENDING = "pending"
    """Not stored yet; the next start tries it (again)."""
    STORED = "stored"
    """In the catalogue, or it was until somebody removed it: it is not fetched again."""
    FAILED = "failed"
    """Given up: OMDb does not have it."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A film that is to be in the catalogue from the start."""

    imdb_id: str
    title: str
    state: SeedState = SeedState.PENDING
    reason: str | None = None
    """Why the last try did not store it."""
