"""Import checkpoints in a dictionary by import key."""

from data_layer.entities.import_checkpoint import ImportCheckpoint
from data_layer.ports.import_checkpoints import ImportCheckpointRepository


class FakeImportCheckpointRepository(ImportCheckpointRepository):
    """In-memory `data_layer.ports.import_checkpoints.ImportCheckpointRepository`."""

    def __init__(self) -> None:
        self.rows: dict[bytes, ImportCheckpoint] = {}

    def find(self, import_key: bytes) -> ImportCheckpoint | None:
        """Return the checkpoint of the import, or `None`."""
        return self.rows.get(import_key)

    def put(self, checkpoint: ImportCheckpoint) -> None:
        """Store the checkpoint, replacing the previous one of its import."""
        self.rows[checkpoint.import_key] = checkpoint

    def remove(self, import_key: bytes) -> None:
        """Delete the checkpoint of the import, if it exists."""
        self.rows.pop(import_key, None)
