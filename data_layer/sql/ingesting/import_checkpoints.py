"""How far large imports are, in a table."""

from sqlalchemy.orm import Session

from data_layer.entities.import_checkpoint import ImportPosition
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityRows

_ROW = models.ImportPosition


class SqlAlchemyImportPositionRepository:
    """See `data_layer.ports.import_checkpoints.ImportPositionRepository`."""

    def __init__(self, session: Session) -> None:
        self._rows = EntityRows(session, ImportPosition, _ROW)

    def find(self, import_key: bytes) -> ImportPosition | None:
        """Look the key up."""
        return self._rows.find(_ROW.import_key == import_key)

    def put(self, position: ImportPosition) -> None:
        """Delete what was there, and insert."""
        self.remove(position.import_key)
        self._rows.add(position)

    def remove(self, import_key: bytes) -> None:
        """Delete the row."""
        self._rows.remove(_ROW.import_key == import_key)
