"""The plan of the first films."""

from collections.abc import Iterable
from typing import Protocol

from data_layer.entities.seed import Seed


class SeedRepository(Protocol):
    """Remembers what was seeded, so that it happens exactly once."""

    def add_many(self, seeds: Iterable[Seed]) -> None:
        """Store the plan, in the given order.

        Raises:
            Conflict: one of the films is planned.
        """
        ...

    def list(self) -> tuple[Seed, ...]:
        """Return the whole plan in its order; empty in a catalogue that was never seeded."""
        ...

    def update(self, seed: Seed) -> None:
        """Store the state and the reason of a planned film.

        Raises:
            NotFound: the film is not planned.
        """
        ...
