"""Upstream state (quota and circuit breaker) in a table with one row."""

from data_layer.entities.upstream_state import SOURCE, UpstreamState
from data_layer.ports.upstream_state import UpstreamStateRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction

_ROW = models.UpstreamState


class SqlAlchemyUpstreamStateRepository(UpstreamStateRepository):
    """SQL implementation of `data_layer.ports.upstream_state.UpstreamStateRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._locks = not transaction.is_read_only
        self._rows = EntityMapper(transaction.session, UpstreamState, _ROW)

    def find(self) -> UpstreamState | None:
        """Return the row, or None before the first `put`; lock it unless read-only."""
        return self._rows.find(_ROW.id == SOURCE, is_locked=self._locks)

    def put(self, upstream: UpstreamState) -> None:
        """Insert the row, or replace it if it exists."""
        if self.find() is None:
            self._rows.add(upstream)
        else:
            self._rows.update(upstream, _ROW.id == SOURCE, "The upstream state does not exist.")
