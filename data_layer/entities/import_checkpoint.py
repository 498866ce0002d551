"""Checkpoint of a large import."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImportCheckpoint:
    """Position after which an interrupted import resumes.

    Args:
        import_key: SHA-256 digest of the files and the options of the import.
    """

    import_key: bytes
    last_item: str
