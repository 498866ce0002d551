"""How far a large import is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImportPosition:
    """That an import goes on behind an item.

    Args:
        import_key: SHA-256 of what is imported, and how.
        after: the last item that is stored.
    """

    import_key: bytes
    after: str
