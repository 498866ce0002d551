"""Seed movies in a dictionary by IMDb id."""

from collections.abc import Iterable

from common.errors import Conflict, NotFound
from data_layer.entities.seed import Seed
from data_layer.ports.seeds import SeedRepository


class FakeSeedRepository(SeedRepository):
    """In-memory `data_layer.ports.seeds.SeedRepository`."""

    def __init__(self) -> None:
        self.rows: dict[str, Seed] = {}

    def add_many(self, seeds: Iterable[Seed]) -> None:
        """Store seed movies in the given order."""
        for seed in seeds:
            if seed.imdb_id in self.rows:
                raise Conflict("This movie is already a seed movie.")
            self.rows[seed.imdb_id] = seed

    def list(self) -> tuple[Seed, ...]:
        """Return all seed movies in their order."""
        return tuple(self.rows.values())

    def update(self, seed: Seed) -> None:
        """Replace the seed movie with this IMDb id."""
        if seed.imdb_id not in self.rows:
            raise NotFound("No seed movie has this IMDb id.")
        self.rows[seed.imdb_id] = seed
