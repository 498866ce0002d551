"""Seed movies in a table."""

from collections.abc import Iterable

from sqlalchemy import insert, select, update

from data_layer.entities.seed import Seed, SeedState
from data_layer.ports.seeds import SeedRepository
from data_layer.sql import models
from data_layer.sql.row_counts import require_change
from data_layer.sql.transaction import Transaction


class SqlAlchemySeedRepository(SeedRepository):
    """SQL implementation of `data_layer.ports.seeds.SeedRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session

    def add_many(self, seeds: Iterable[Seed]) -> None:
        """Insert the seed movies in this order, with one statement."""
        rows = [
            {
                "position": position,
                "imdb_id": seed.imdb_id,
                "title": seed.title,
                "state": seed.state,
                "reason": seed.reason,
            }
            for position, seed in enumerate(seeds)
        ]
        self._session.execute(insert(models.Seed), rows)

    def list(self) -> tuple[Seed, ...]:
        """Return all seed movies in their order."""
        row = models.Seed
        statement = select(row.imdb_id, row.title, row.state, row.reason).order_by(row.position)
        return tuple(
            Seed(imdb_id, title, SeedState(state), reason)
            for imdb_id, title, state, reason in self._session.execute(statement)
        )

    def update(self, seed: Seed) -> None:
        """Update state and reason of the seed movie with this IMDb id."""
        updated = self._session.execute(
            update(models.Seed)
            .where(models.Seed.imdb_id == seed.imdb_id)
            .values(state=seed.state, reason=seed.reason)
        )
        require_change(updated, "No seed movie has this IMDb id.")
