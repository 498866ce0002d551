"""How far large imports are."""

from typing import Protocol

from data_layer.entities.import_checkpoint import ImportPosition


class ImportPositionRepository(Protocol):
    """Keeps the positions of imports that are not finished."""

    def find(self, import_key: bytes) -> ImportPosition | None:
        """Return how far the import is, if it was begun and not finished."""
        ...

    def put(self, position: ImportPosition) -> None:
        """Store how far it is, in the place of what was known."""
        ...

    def remove(self, import_key: bytes) -> None:
        """Forget the import: it is finished."""
        ...
