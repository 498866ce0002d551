"""Checkpoints of large imports in a table."""

from data_layer.entities.import_checkpoint import ImportCheckpoint
from data_layer.ports.import_checkpoints import ImportCheckpointRepository
from data_layer.sql import models
from data_layer.sql.entity_mapper import EntityMapper
from data_layer.sql.transaction import Transaction

_ROW = models.ImportCheckpoint


class SqlAlchemyImportCheckpointRepository(ImportCheckpointRepository):
    """SQL implementation of `data_layer.ports.import_checkpoints.ImportCheckpointRepository`."""

    def __init__(self, transaction: Transaction) -> None:
        self._rows = EntityMapper(transaction.session, ImportCheckpoint, _ROW)

    def find(self, import_key: bytes) -> ImportCheckpoint | None:
        """Return the checkpoint of an import, or None."""
        return self._rows.find(_ROW.import_key == import_key)

    def put(self, checkpoint: ImportCheckpoint) -> None:
        """Insert the checkpoint, or replace the one of the same import."""
        self.remove(checkpoint.import_key)
        self._rows.add(checkpoint)

    def remove(self, import_key: bytes) -> None:
        """Delete the checkpoint of an import, if there is one."""
        self._rows.remove(_ROW.import_key == import_key)
