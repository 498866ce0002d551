"""Repository of import checkpoints."""

from typing import Protocol

from data_layer.entities.import_checkpoint import ImportCheckpoint


class ImportCheckpointRepository(Protocol):
    """Checkpoints of unfinished imports."""

    def find(self, import_key: bytes) -> ImportCheckpoint | None:
        """Return the checkpoint of an unfinished import, or `None`."""
        ...

    def put(self, checkpoint: ImportCheckpoint) -> None:
        """Store the checkpoint, replacing the previous one of its import."""
        ...

    def remove(self, import_key: bytes) -> None:
        """Delete the checkpoint of a finished import, if it exists."""
        ...
