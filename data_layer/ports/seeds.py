"""Repository of seed movies."""

from collections.abc import Iterable
from typing import Protocol

from data_layer.entities.seed import Seed


class SeedRepository(Protocol):
    """Seed movies and their states, so that each is seeded only once."""

    def add_many(self, seeds: Iterable[Seed]) -> None:
        """Store seed movies in the given order.

        Raises:
            Conflict: One of the movies is stored already.
        """
        ...

    def list(self) -> tuple[Seed, ...]:
        """Return all seed movies in their order; empty before the first seeding."""
        ...

    def update(self, seed: Seed) -> None:
        """Store the state and the reason of a seed movie.

        Raises:
            NotFound: No seed movie has this IMDb id.
        """
        ...
