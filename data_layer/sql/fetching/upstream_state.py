"""What is known of the source, in a table of one row."""

from sqlalchemy.orm import Session

from data_layer.entities.upstream_state import SOURCE, Upstream
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows

_ROW = models.Upstream


class SqlAlchemyUpstreamRepository:
    """See `data_layer.ports.upstream_state.UpstreamRepository`."""

    def __init__(self, session: Session, *, is_read_only: bool) -> None:
        self._locks = not is_read_only
        self._rows = EntityRows(session, Upstream, _ROW)

    def find(self) -> Upstream | None:
        """Read and lock the row."""
        return self._rows.find(_ROW.id == SOURCE, is_locked=self._locks)

    def put(self, upstream: Upstream) -> None:
        """Write the row, the first time as a new one."""
        if self.find() is None:
            self._rows.add(upstream)
        else:
            self._rows.update(upstream, _ROW.id == SOURCE, "The source is not known.")
