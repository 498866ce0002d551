"""The plan of the first films, in a table."""

from collections.abc import Iterable

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from data_layer.entities.seed import Seed, SeedState
from data_layer.sql import models
from data_layer.sql.row_counts import require_change


class SqlAlchemySeedRepository:
    """See `data_layer.ports.seeds.SeedRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_many(self, seeds: Iterable[Seed]) -> None:
        """Insert the whole plan in one statement."""
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
        """Read the plan in its order."""
        row = models.Seed
        statement = select(row.imdb_id, row.title, row.state, row.reason).order_by(row.position)
        return tuple(
            Seed(imdb_id, title, SeedState(state), reason)
            for imdb_id, title, state, reason in self._session.execute(statement)
        )

    def update(self, seed: Seed) -> None:
        """Write the state and the reason."""
        updated = self._session.execute(
            update(models.Seed)
            .where(models.Seed.imdb_id == seed.imdb_id)
            .values(state=seed.state, reason=seed.reason)
        )
        require_change(updated, "This film is not in the plan of the first films.")
