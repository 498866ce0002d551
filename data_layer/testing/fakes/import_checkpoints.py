"""How far large imports are, in a dictionary."""

from data_layer.entities.import_checkpoint import ImportPosition


class FakeImportPositionRepository:
    """See `data_layer.ports.import_checkpoints.ImportPositionRepository`."""

    def __init__(self, positions: dict[bytes, ImportPosition]) -> None:
        self.positions = positions

    def find(self, import_key: bytes) -> ImportPosition | None:
        """Return how far the import is."""
        return self.positions.get(import_key)

    def put(self, position: ImportPosition) -> None:
        """Store how far it is."""
        self.positions[position.import_key] = position

    def remove(self, import_key: bytes) -> None:
        """Forget the import."""
        self.positions.pop(import_key, None)
