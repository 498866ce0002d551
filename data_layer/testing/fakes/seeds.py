"""The plan of the first films, in a dictionary."""

from collections.abc import Iterable

from common.errors import Conflict, NotFound
from data_layer.entities.seed import Seed


class FakeSeedRepository:
    """See `data_layer.ports.seeds.SeedRepository`."""

    def __init__(self, seeds: dict[str, Seed]) -> None:
        self.seeds = seeds

    def add_many(self, seeds: Iterable[Seed]) -> None:
        """Store the plan."""
        for seed in seeds:
            if seed.imdb_id in self.seeds:
                raise Conflict("This film is planned.")
            self.seeds[seed.imdb_id] = seed

    def list(self) -> tuple[Seed, ...]:
        """Return the plan in its order."""
        return tuple(self.seeds.values())

    def update(self, seed: Seed) -> None:
        """Replace a planned film."""
        if seed.imdb_id not in self.seeds:
            raise NotFound("This film is not in the plan of the first films.")
        self.seeds[seed.imdb_id] = seed
